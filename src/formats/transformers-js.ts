import { OptionError } from "../core/errors.js";
import { check, classList, options as fields, fieldsOf, finite, imageSize, list, whole } from "../core/schema.js";
import { formatShape } from "../core/shape.js";
import { type Graph, graphSchema } from "../graph/graph.js";
import { rebuild } from "../graph/passes/rebuild.js";
import { type ExportOptions, exportFields, exportOnnx } from "./onnx/export.js";

/** Options of {@link exportTransformersJs}: those of the ONNX file, and what its users must know. */
export interface TransformersJsOptions extends ExportOptions {
  /** Names of the classes, in the order of the logits. */
  readonly classes: readonly string[];
  /** How images become input: shorter side to `resize`, center of `imageSize`, (byte / 255 − mean) / std. */
  readonly preprocessing: {
    readonly imageSize: number;
    readonly resize: number;
    readonly mean: readonly number[];
    readonly std: readonly number[];
  };
}

/**
 * Pillow's number for a filter. Ours is Pillow's bilinear, 2, which antialiases when shrinking; transformers.js 4 in Node takes 2 as plain
 * interpolation. Its Lanczos, 1, antialiases and is closest to what the network was trained on: for 0.3-megapixel images scaled to 32, inputs
 * differ from ours by 0.06 on average with 1, and by 0.3 with 2. In browsers the number is ignored.
 */
const lanczos = 1;

const three = list(finite, "three numbers", 3);
export const transformersOptions = fields<TransformersJsOptions>({
  ...exportFields,
  classes: classList,
  preprocessing: fieldsOf({ imageSize, resize: whole(1), mean: three, std: three }),
});

/**
 * Exports a classifier as a folder for transformers.js (`@huggingface/transformers`), by path: `config.json` with the classes,
 * `preprocessor_config.json`, and `onnx/model.onnx` from `pixel_values` to `logits`.
 *
 * The model type is a ResNet's for every network: transformers.js uses it only for the names of outputs. The file name is the same at every
 * precision, because the model takes and computes float32 in any case.
 *
 * @throws OptionError if the number of classes is not that of the logits.
 *
 * @example
 * for (const [path, bytes] of exportTransformersJs(trace(model, ["N", 3, 224, 224]), { classes, preprocessing }))
 *   await writeFile(join("my-model", path), bytes);
 */
export function exportTransformersJs(graph: Graph, options: TransformersJsOptions): Map<string, Uint8Array> {
  check("exportTransformersJs", "graph", graphSchema, graph);
  check("exportTransformersJs", "options", transformersOptions, options);
  const { classes, preprocessing, ...exportOptions } = options;
  const logits = graph.outputs.get("output")?.shape ?? [];
  if (logits.length !== 2 || logits[1] !== classes.length)
    throw new OptionError(
      `exportTransformersJs: ${classes.length} classes need logits [N,${classes.length}], the network gives ${formatShape(logits)}`,
    );
  const named = rebuild(graph, { names: { input: "pixel_values", output: "logits" } });
  const config = {
    architectures: ["ResNetForImageClassification"],
    model_type: "resnet",
    num_labels: classes.length,
    id2label: Object.fromEntries(classes.map((name, i) => [i, name])),
    label2id: Object.fromEntries(classes.map((name, i) => [name, i])),
    // Otherwise transformers.js, in browsers, looks for a quantized file of another name.
    "transformers.js_config": { dtype: "fp32" },
  };
  const { imageSize: side, resize, mean, std } = preprocessing;
  const processor = {
    // BitImageProcessor does exactly this, in Python too.
    image_processor_type: "BitImageProcessor",
    do_convert_rgb: true,
    do_resize: true,
    size: { shortest_edge: resize },
    resample: lanczos,
    do_center_crop: true,
    crop_size: { height: side, width: side },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
  };
  const json = (value: object) => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  return new Map([
    ["config.json", json(config)],
    ["preprocessor_config.json", json(processor)],
    ["onnx/model.onnx", exportOnnx(named, exportOptions)],
  ]);
}

import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { check, parseJson } from "../core/schema.js";
import { zeros } from "../engine.js";
import { type Engine, FormatError, OptionError, type Preprocessing, regression, type Task } from "../index.js";
import {
  classNames,
  forOutputsInUnits,
  openOnnxNetwork,
  preprocessingSchema,
  readOnnxMetadata,
  readWhole,
} from "../internal.js";
import { Module, ops, type Value } from "../nn.js";
import { buildFlags, optional, weightsFlags } from "./arguments.js";
import { mapFlags } from "./eval-maps.js";
import { givenOf } from "./flags.js";
import { type LoadedModel, taskRecordIn } from "./run.js";

export const isOnnxFile = (path: string): boolean => path.endsWith(".onnx");

/** An ONNX file that is measured as a network of ours. */
export interface OnnxFile {
  readonly loaded: LoadedModel;
  /** How its outputs are measured, if not as those of the network that it was exported from. */
  readonly measuredAs?: Task;
  /** Images at a time, if the file takes one number only. */
  readonly batch: number | undefined;
  withEngine<T>(use: (engine: Engine) => Promise<T>): Promise<T>;
}

/** Stands for the network in a file. Its graph only says the shape of the logits; the file's engine computes them. */
class FileNetwork extends Module {
  static override readonly kind: string = "FileNetwork";

  constructor(private readonly sizes: readonly number[]) {
    super();
  }

  override forward(x: Value): Value {
    const logits = x.graph.constant(zeros("float32", [1, ...this.sizes]));
    return ops.expand(logits, [x.shape[0] as number, ...this.sizes]);
  }
}

/**
 * Opens an ONNX file for evaluation. Class names and preprocessing are in the metadata of files that `fovea export` wrote; for others, classes are
 * the data's, in order.
 *
 * @throws OptionError for flags about weights or maps. @throws FormatError if it is not a network for images.
 */
export async function openOnnxFile(
  path: string,
  flags: { readonly imageSize?: number; readonly classes?: number },
): Promise<OnnxFile> {
  const [given] = givenOf([...buildFlags, ...weightsFlags, ...mapFlags], flags);
  if (given) throw new OptionError(`${given} is for networks of Fovea; ${path} is an ONNX file`);
  if (flags.classes !== undefined) throw new OptionError(`--classes is for a network by name; ${path} has its classes`);
  const bytes = await readWhole(path);
  const metadata = readOnnxMetadata(bytes, path);
  const { input, output, engine } = await openOnnxNetwork(bytes, path, availableParallelism());
  const preprocessing = preprocessingIn(metadata, path);
  const [batch, , height, width] = input;
  const imageSize = height ?? width ?? preprocessing?.imageSize ?? flags.imageSize ?? 224;
  if (width !== null && width !== imageSize)
    throw new FormatError(`${path}: takes images of ${height} × ${width}; only square ones can be measured`);
  if (preprocessing && preprocessing.imageSize !== imageSize)
    throw new FormatError(
      `${path}: takes images of ${imageSize} pixels, and its metadata says ${preprocessing.imageSize}`,
    );
  if (flags.imageSize !== undefined && flags.imageSize !== imageSize)
    throw new OptionError(`--image-size ${flags.imageSize}: ${path} takes images of ${imageSize} × ${imageSize}`);
  const record = taskRecordIn(metadata, path);
  const task = output.length > 2 ? "segmentation" : (record?.name ?? "classification");
  const sizes = output.slice(1).map((size, i) => size ?? (i === 0 ? undefined : imageSize));
  if (sizes[0] === undefined) throw new FormatError(`${path}: does not say how many classes it has`);
  return {
    loaded: {
      model: new FileNetwork(sizes as number[]),
      name: metadata.model ?? basename(path),
      task,
      ...optional("taskRecord", record),
      options: {},
      classes: classNames(metadata) ?? null,
      preprocessing,
      imageSize,
      division: { measure: classNames(metadata) ?? [] },
    },
    ...(record?.name === "regression"
      ? {
          measuredAs: forOutputsInUnits(regression({ mean: record.mean, deviation: record.deviation }), record),
        }
      : {}),
    batch: batch ?? undefined,
    withEngine: async (use) => {
      try {
        return await use(engine);
      } finally {
        await engine.release();
      }
    },
  };
}

/** @throws FormatError if there is a preprocessing that is none. */
function preprocessingIn({ preprocessing }: Readonly<Record<string, string>>, path: string): Preprocessing | null {
  if (preprocessing === undefined) return null;
  const value = parseJson(preprocessing, `${path}: preprocessing`);
  check(path, "preprocessing", preprocessingSchema, value, FormatError);
  return value as Preprocessing;
}

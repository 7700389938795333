import { join } from "node:path";
import { Command } from "commander";
import { classCount, oneOf, properShare } from "../core/schema.js";
import { hasTargets } from "../core/tasks.js";
import { encodeSafetensors, exportedGraph, opsets, precisions } from "../engine.js";
import {
  type ExportOptions,
  exportOnnx,
  exportTransformersJs,
  OptionError,
  type SafetensorsFile,
  trace,
  weightsOf,
  writeFileAtomic,
} from "../index.js";
import { traceInUnits } from "../internal.js";
import { buildFlags, count, jsonFlag, weightsFlags } from "./arguments.js";
import { calibrateOn, type Measured, measure, measuredText } from "./export-measure.js";
import { addFlags, type FlagsOf, flag, flagList, needed } from "./flags.js";
import { type LoadedModel, loadModel } from "./run.js";
import { labelFlags, refuseTargetFlags } from "./targets/flags.js";
import { type TaskName, taskFor } from "./tasks.js";
import { print, short } from "./terminal.js";

const formats = ["onnx", "transformers.js", "safetensors"] as const;
type Format = (typeof formats)[number];

const exportFlags = flagList(
  ...buildFlags,
  ...weightsFlags,
  needed(flag("--out <path>", "file to write; for transformers.js the folder")),
  flag(
    "--format <name>",
    "onnx (any batch size), transformers.js (a folder for its pipelines) or safetensors (default: by the ending of --out)",
    oneOf(...formats),
  ),
  flag("--classes <n>", "number of classes of a network by name (default: those of the weights)", classCount),
  flag("--opset <version>", "ONNX operator set (default: 17)", oneOf(...opsets.map(String))),
  flag(
    "--precision <type>",
    "how weights are stored; the network computes in float32 unless --calibrate is given (default: float32)",
    oneOf(...precisions),
  ),
  flag("--calibrate <data>", "with --precision int8: compute in integers, with ranges measured on this data"),
  flag("--calibration-images <n>", "number of images to calibrate on (default: 128)", count),
  flag("--keep-batch-norm", "leave batch norms as they are (default: folded into convolutions)"),
  flag("--attention-maps", "also output every attention map"),
  flag("--features", "also output the last feature maps, for class activation maps, as features"),
  flag(
    "--measure <data>",
    "loss and top-1 (or mean IoU, mAP, R²) on the validation part of a data set, before and after",
  ),
  flag(
    "--val-split <share>",
    "validation share of a --measure or --calibrate folder without train/ and val/",
    properShare,
  ),
  ...labelFlags,
  jsonFlag,
);
type ExportFlags = FlagsOf<typeof exportFlags>;

export const exportCommand = addFlags(new Command("export"), exportFlags)
  .argument("<run-or-model>", "run folder, or the name of a network with --pretrained or --weights")
  .action(async (path: string, flags: ExportFlags) => {
    const { out, json = false } = flags;
    const format = flags.format ?? formatOf(out);
    checkFlags(format, flags);
    const loaded = await loadModel(path, flags);
    if (!hasTargets(loaded.task)) refuseTargetFlags(flags, `${loaded.name} is for ${loaded.task}`);
    if (loaded.task === "reid" && flags.calibrate !== undefined)
      throw new OptionError(`--calibrate is for networks whose logits are exported; ${loaded.name} is for reid`);
    const options: ExportOptions = {
      ...exportOptions(flags),
      ...(flags.calibrate === undefined ? {} : { calibration: await calibrateOn(loaded, flags.calibrate, flags) }),
    };
    const files = filesOf(format, loaded, options);
    for (const [file, contents] of files) await writeFileAtomic(join(out, file), contents);
    const measured = flags.measure === undefined ? undefined : await measure(loaded, flags.measure, options, flags);
    const bytes = [...files.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    report(json, { file: out, format, bytes, loaded, options, measured });
  });

function formatOf(file: string): Format {
  if (file.endsWith(".onnx")) return "onnx";
  if (file.endsWith(".safetensors")) return "safetensors";
  throw new OptionError(
    `--out ${file}: use --format onnx, transformers.js or safetensors, or a name ending in .onnx or .safetensors`,
  );
}

/** Refuses flags without effect. */
function checkFlags(
  format: Format,
  { opset, precision, keepBatchNorm, attentionMaps, features, ...flags }: ExportFlags,
) {
  if (flags.calibrate !== undefined && precision !== "int8")
    throw new OptionError("--calibrate needs --precision int8");
  if (flags.calibrate !== undefined && keepBatchNorm)
    throw new OptionError("--calibrate needs batch norms folded: leave out --keep-batch-norm");
  if (flags.calibrationImages !== undefined && flags.calibrate === undefined)
    throw new OptionError("--calibration-images needs --calibrate DATA");
  if (flags.valSplit !== undefined && flags.measure === undefined && flags.calibrate === undefined)
    throw new OptionError("--val-split needs --measure DATA or --calibrate DATA");
  if (flags.labels !== undefined && flags.measure === undefined && flags.calibrate === undefined)
    throw new OptionError("--labels needs --measure DATA or --calibrate DATA");
  if (format !== "safetensors") return;
  const given = { opset, precision, "keep-batch-norm": keepBatchNorm, "attention-maps": attentionMaps, features };
  for (const [flag, value] of Object.entries({ ...given, measure: flags.measure }))
    if (value !== undefined) throw new OptionError(`--${flag} is for onnx and transformers.js, not for safetensors`);
}

function exportOptions({ opset, precision, keepBatchNorm, attentionMaps, features }: ExportFlags): ExportOptions {
  return {
    foldBatchNorm: !keepBatchNorm,
    ...(opset ? { opset: opsets.find((version) => String(version) === opset)! } : {}),
    ...(precision ? { precision } : {}),
    ...(attentionMaps ? { attentionMaps } : {}),
    ...(features ? { features } : {}),
  };
}

const inputShape = ({ imageSize }: LoadedModel) => ["N", 3, imageSize, imageSize] as const;

/** The network as it is exported: numbers come in the data's units, of re-identification the features. */
function traced(loaded: LoadedModel) {
  const { model, taskRecord } = loaded;
  if (taskRecord?.name === "regression") return traceInUnits(model, inputShape(loaded), taskRecord);
  return (taskFor(loaded).trace ?? trace)(model, inputShape(loaded));
}

/** The files to write, by path below --out; the path of a single file is empty. */
function filesOf(
  format: Format,
  loaded: LoadedModel,
  options: ExportOptions,
): Map<string, Uint8Array | SafetensorsFile> {
  const { model, name, options: built, insert, classes, preprocessing, taskRecord } = loaded;
  const metadata = {
    model: name,
    options: JSON.stringify(built),
    ...(insert ? { insert: JSON.stringify(insert) } : {}),
    ...(classes ? { classes: JSON.stringify(classes) } : {}),
    ...(preprocessing ? { preprocessing: JSON.stringify(preprocessing) } : {}),
    ...(taskRecord && taskRecord.name !== "segmentation" ? { task: JSON.stringify(taskRecord) } : {}),
  };
  if (format === "safetensors")
    return new Map([["", encodeSafetensors(weightsOf(model), { format: "fovea.weights.1", ...metadata })]]);
  const graph = traced(loaded);
  if (options.attentionMaps && graph.taps.length === 0)
    throw new OptionError(`--attention-maps has no effect: ${name} has no attention module`);
  if (format === "onnx") return new Map([["", exportOnnx(graph, { ...options, metadata })]]);
  if (loaded.task !== "classification")
    throw new OptionError(
      `transformers.js is for one class per image; ${loaded.name} is for ${loaded.task}: use --format onnx`,
    );
  if (!classes || !preprocessing)
    throw new OptionError("transformers.js needs class names, which a run folder has; a network by name has none");
  return exportTransformersJs(graph, { ...options, metadata, classes, preprocessing });
}

interface Report {
  readonly file: string;
  readonly format: Format;
  readonly bytes: number;
  readonly loaded: LoadedModel;
  readonly options: ExportOptions;
  readonly measured: Measured | undefined;
}

/** What the output is, if not logits. */
const meanings: Partial<Record<TaskName, string>> = { regression: "in the data's units", reid: "features" };

function report(json: boolean, { file, format, bytes, loaded, options, measured }: Report): void {
  const size = `${file}: ${short(bytes)}B`;
  if (format === "safetensors") {
    print(json, { file, format, bytes }, () => [size]);
    return;
  }
  const { precision = "float32", calibration, opset = 17, ...shown } = options;
  const [inName, outName] = format === "onnx" ? ["input", "output"] : ["pixel_values", "logits"];
  const input = { name: inName, shape: inputShape(loaded) };
  const plain = { ...shown, foldBatchNorm: false };
  const outputs = [...exportedGraph(traced(loaded), plain).outputs].map(([name, { shape }]) => ({
    name: name === "output" ? outName : name,
    shape,
  }));
  const [output, ...more] = outputs;
  const meaning = meanings[loaded.task] ?? "logits";
  const result = { file, format, bytes, precision, opset, input, output, moreOutputs: more };
  print(json, { ...result, ...(measured ? { measured } : {}) }, () => {
    const lines = [
      `${size}, input "${inName}" [${input.shape}] of normalized RGB, output "${outName}" [${output?.shape}] ${meaning}`,
      ...more.map(({ name, shape }) => `  output "${name}" [${shape}]`),
    ];
    return [...lines, ...(measured ? [measuredText(measured, precision)] : [])];
  });
}

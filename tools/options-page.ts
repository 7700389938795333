/** Writes docs/options.md: every object of options, by the schemas that check it, in the words of its interface. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gradientOptions } from "../src/autodiff/gradients.js";
import { type OptionSpec, schemaOf } from "../src/core/options.js";
import { options as fields, type Schema } from "../src/core/schema.js";
import type { Settings } from "../src/core/settings.js";
import { erasingSchema } from "../src/data/augment/erase.js";
import { augmentationSchema, preprocessingSchema } from "../src/data/checks.js";
import { cifar100Options } from "../src/data/cifar.js";
import { decodeOptions } from "../src/data/decode.js";
import { folderOptions } from "../src/data/image-folder.js";
import { epochOptions, loaderOptions } from "../src/data/loader.js";
import { marketOptions } from "../src/data/market.js";
import { openOptions } from "../src/data/open.js";
import { peopleOptions } from "../src/data/people.js";
import { segmentationFolderOptions } from "../src/data/segmentation/folder.js";
import { shapesOptions, splitOptions } from "../src/data/shapes.js";
import { ortWebOptions } from "../src/engines/ort/engine.js";
import { ortOptions } from "../src/engines/ort/node.js";
import { type AttributionOptions, attributionFields } from "../src/explain/attributions/options.js";
import { layerOption } from "../src/explain/coincide.js";
import { aimOptions, explainerOptions, explainOptions } from "../src/explain/explain.js";
import { gateOptions, statisticsOptions } from "../src/explain/gates.js";
import { curveOptions } from "../src/explain/metrics/curves.js";
import { intervalOptions } from "../src/explain/metrics/interval.js";
import { locateOptions } from "../src/explain/metrics/localization.js";
import { roadOptions } from "../src/explain/metrics/road.js";
import { noiseOptions } from "../src/explain/metrics/robustness.js";
import { sanityOptions } from "../src/explain/metrics/sanity.js";
import { faithfulnessOptions, localizationOptions } from "../src/explain/metrics/tables.js";
import { checkpointOptions } from "../src/formats/checkpoint.js";
import { exportOptions } from "../src/formats/onnx/export.js";
import { transformersOptions } from "../src/formats/transformers-js.js";
import { downloadOptions } from "../src/hub/download.js";
import { mapOptions } from "../src/inference/attention-maps.js";
import { calibrateOptions } from "../src/inference/calibrate.js";
import { predictOptions } from "../src/inference/classifier.js";
import { createPretrainedOptions } from "../src/inference/create-pretrained.js";
import { loadOptions as loadRunOptions } from "../src/inference/load-run.js";
import { pretrainedOptions } from "../src/inference/pretrained.js";
import { segmenterOptions } from "../src/inference/segmenter.js";
import { predictTargetsOptions } from "../src/inference/targets.js";
import { models } from "../src/models/index.js";
import { insertOptions } from "../src/models/insert.js";
import * as layers from "../src/nn/layers.js";
import { binaryLossOptions, focalOptions, lossOptions } from "../src/nn/loss.js";
import { initializeOptions, traceOptions } from "../src/nn/module.js";
import * as norms from "../src/nn/norms.js";
import { smoothL1Options } from "../src/nn/regression.js";
import { tripletOptions } from "../src/nn/triplet.js";
import * as operators from "../src/ops/checks.js";
import { diagramOptions } from "../src/report/diagram.js";
import { chartOptions } from "../src/report/line-chart.js";
import { gridOptions, gridSchema } from "../src/report/maps/grid.js";
import {
  constantOptions,
  cosineOptions,
  oneCycleOptions,
  stepScheduleOptions,
  trainOptions,
  warmRestartOptions,
} from "../src/train/checks.js";
import { evaluateOptions } from "../src/train/evaluate.js";
import { rangeSchema } from "../src/train/find-lr.js";
import { regressionOptions } from "../src/train/regression.js";
import { reidOptions } from "../src/train/reidentification.js";
import { rerankOptions } from "../src/train/rerank.js";
import { retrievalOptions } from "../src/train/retrieval.js";
import { trainingSchema } from "../src/train/run-config.js";
import { segmentationOptions } from "../src/train/segmentation.js";
import { trainingSettings } from "../src/train/settings.js";
import { stepOptions } from "../src/train/step.js";
import { loadOptions } from "../src/train/weights.js";

/** Whose options they are, the interface that has their words, and the schema that checks them. */
type Entry = readonly [owners: string, interfaceName: string, schema: unknown];

const sections: Readonly<Record<string, readonly Entry[]>> = {
  Training: [
    ["train", "TrainOptions", trainOptions],
    ["trainingStep", "StepOptions", stepOptions],
    ["segmentation", "SegmentationOptions", segmentationOptions],
    ["regression", "RegressionOptions", regressionOptions],
    ["reidentification", "ReidOptions", reidOptions],
    ["evaluate, forEachLogits", "EvaluateOptions", evaluateOptions],
    ["findLearningRate", "RateRange", rangeSchema],
    ["constantSchedule", "ScheduleOptions", constantOptions],
    ["cosineSchedule", "CosineOptions", cosineOptions],
    ["stepSchedule", "StepScheduleOptions", stepScheduleOptions],
    ["oneCycleSchedule", "OneCycleOptions", oneCycleOptions],
    ["warmRestartSchedule", "WarmRestartOptions", warmRestartOptions],
    ["loadState, loadWeights", "LoadOptions", loadOptions],
    ["loadPretrained", "PretrainedOptions", pretrainedOptions],
    ["retrievalMetrics", "RetrievalOptions", retrievalOptions],
    ["rerank", "RerankOptions", rerankOptions],
    ["`training` in config.json", "RecordedTraining", trainingSchema],
  ],
  "Trained networks": [
    ["predict, openPredictor", "PredictOptions", predictOptions],
    ["openSegmenter", "SegmenterOptions", segmenterOptions],
    ["predictTargets", "PredictTargetsOptions", predictTargetsOptions],
    ["attentionMaps", "AttentionMapsOptions", mapOptions],
    ["calibrate", "CalibrateOptions", calibrateOptions],
    ["loadRun", "LoadRunOptions", loadRunOptions],
    ["createPretrained, besides those of the network", "CreatePretrainedOptions", createPretrainedOptions],
  ],
  Explanations: [
    ["explain", "ExplainOptions", explainOptions],
    ["openExplainer", "ExplainerOptions", explainerOptions],
    ["Explainer.explain", "AimOptions", aimOptions],
    ["a method", "AttributionOptions", fields<AttributionOptions>(attributionFields)],
    ["coincide", "CoincideOptions", layerOption],
    ["gates", "GatesOptions", gateOptions],
    ["gateStatistics", "GateStatisticsOptions", statisticsOptions],
    ["deletion, insertion", "CurveOptions", curveOptions],
    ["road", "RoadOptions", roadOptions],
    ["infidelity, maxSensitivity", "NoiseOptions", noiseOptions],
    ["sanityCheck", "SanityOptions", sanityOptions],
    ["locate", "LocateOptions", locateOptions],
    ["localization", "LocalizationOptions", localizationOptions],
    ["faithfulness", "FaithfulnessOptions", faithfulnessOptions],
    ["meanIntervals", "IntervalOptions", intervalOptions],
  ],
  Data: [
    ["openDataset", "OpenOptions", openOptions],
    ["openDataset, of a folder of images", "ImageFolderOptions", folderOptions],
    ["openDataset, of images with masks", "SegmentationFolderOptions", segmentationFolderOptions],
    ["cifar100", "Cifar100Options", cifar100Options],
    ["openMarket1501", "Market1501Options", marketOptions],
    ["generatePeople", "PeopleOptions", peopleOptions],
    ["shapes", "ShapesOptions", shapesOptions],
    ["generateShapesSplits", "ShapesSplitsOptions", splitOptions],
    ["decodeImage", "DecodeOptions", decodeOptions],
    ["Loader", "LoaderOptions", loaderOptions],
    ["Loader.epoch", "EpochOptions", epochOptions],
    ["a preprocessing", "Preprocessing", preprocessingSchema],
    ["an augmentation", "Augmentation", augmentationSchema],
    ["an erasing", "Erasing", erasingSchema],
  ],
  Engines: [
    ["ortEngine", "OrtNodeOptions", ortOptions],
    ["ortWebEngine", "OrtOptions", ortWebOptions],
  ],
  "Files and downloads": [
    ["readCheckpoint, openCheckpoint, forEachTensor", "CheckpointOptions", checkpointOptions],
    ["exportedGraph, exportOnnx", "ExportOptions", exportOptions],
    ["exportTransformersJs", "TransformersJsOptions", transformersOptions],
    ["fetchToCache, resolveWeights", "DownloadOptions", downloadOptions],
  ],
  "Modules and graphs": [
    ["insertAttention", "InsertOptions", insertOptions],
    ["Conv2d", "Conv2dOptions", layers.convOptions],
    ["ConvTranspose2d", "ConvTranspose2dOptions", layers.convTransposeOptions],
    ["Linear", "LinearOptions", layers.linearOptions],
    ["BatchNorm", "BatchNormOptions", norms.batchNormOptions],
    ["LayerNorm", "LayerNormOptions", norms.layerNormOptions],
    ["GroupNorm", "GroupNormOptions", norms.groupNormOptions],
    ["PReLU", "PReLUOptions", layers.preluOptions],
    ["crossEntropy", "LossOptions", lossOptions],
    ["focalLoss", "FocalLossOptions", focalOptions],
    ["binaryCrossEntropy", "BinaryLossOptions", binaryLossOptions],
    ["smoothL1Loss", "SmoothL1Options", smoothL1Options],
    ["tripletLoss", "TripletOptions", tripletOptions],
    ["initialize", "InitializeOptions", initializeOptions],
    ["trace, graphFor", "TraceOptions", traceOptions],
    ["gradients", "GradientOptions", gradientOptions],
  ],
  Operators: [
    ["ops.conv", "ConvOptions", operators.convOptions],
    ["ops.convTranspose", "ConvTransposeOptions", operators.convTransposeOptions],
    ["ops.maxPool", "MaxPoolOptions", operators.maxPoolOptions],
    ["ops.averagePool", "AveragePoolOptions", operators.averagePoolOptions],
    ["ops.resize", "ResizeOptions", operators.resizeOptions],
    ["ops.pad", "PadOptions", operators.padOptions],
    ["ops.matMul", "MatMulOptions", operators.matMulOptions],
    ["ops.reduceSum, reduceMean, reduceMax, reduceLogSumExp", "ReduceOptions", operators.reduceOptions],
  ],
  Drawings: [
    ["drawDiagram", "DiagramOptions", diagramOptions],
    ["drawLineChart", "LineChartOptions", chartOptions],
    ["a grid of maps", "MapGrid", gridSchema],
    ["drawMapGrid, drawMapGridPng", "MapGridOptions", gridOptions],
  ],
};

const root = new URL("../../", import.meta.url);

/** What the sources say of each interface and table of settings: what it extends, and the words of its fields. */
function interfaces(): ReadonlyMap<string, { readonly bases: readonly string[]; readonly words: Map<string, string> }> {
  const found = new Map<string, { bases: string[]; words: Map<string, string> }>();
  const folder = new URL("src/", root);
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  )) {
    const source = readFileSync(new URL(file.replaceAll("\\", "/"), folder), "utf8");
    for (const [, name, given = "", body = ""] of source.matchAll(
      /^(?:export )?(?:interface|const) (\w+)(?:<[^{]*?>)?(?:\s+extends ([^{]+)| = defineSettings\()? ?\{(?:\}|\n([\s\S]*?)^\})/gm,
    )) {
      const bases = [...given.matchAll(/\w+/g)].map(([base]) => base);
      const words = new Map<string, string>();
      for (const [, doc = "", field] of body.matchAll(
        /(?:^ {2}\/\*\*([\s\S]*?)\*\/\n)?^ {2}(?:readonly )?(\w+)\??[:(<]/gm,
      ))
        words.set(
          field!,
          doc
            .replace(/^\s*\* ?/gm, "")
            .replace(/\s+/g, " ")
            .trim(),
        );
      found.set(name!, { bases, words });
    }
  }
  return found;
}

const known = interfaces();

/** What these mean everywhere, unless an interface has words of its own. */
const everywhere: Readonly<Record<string, string>> = {
  engine: "What computes: `ortEngine()`, `ortWebEngine()` or `referenceEngine()`.",
  signal: "Ends the work when it is aborted.",
  onProgress: "Called with how much is done, and of how much.",
  layer: "The layer, by the path of its module. Default: the last map before pooling.",
  task: "What is learned or measured: `classification` (the default), `segmentation()`, `multiLabel()`, `regression()` or `reidentification()`.",
  axis: "The axis, counted from 0.",
  before: "Zeros before the first element.",
  after: "Zeros after the last.",
};

/** The words of a field, where it was first declared with any. */
function wordsOf(interfaceName: string, field: string): string {
  const { bases, words } = known.get(interfaceName) ?? { bases: [], words: new Map<string, string>() };
  const own = words.get(field);
  if (own) return own;
  for (const base of bases) {
    const inherited = wordsOf(base, field);
    if (inherited) return inherited;
  }
  return "";
}

/** A schema as Valibot keeps it. */
interface Inner {
  readonly type: string;
  readonly message?: unknown;
  readonly wrapped?: Inner;
  readonly entries?: Readonly<Record<string, Inner>>;
  readonly pipe?: readonly Inner[];
  readonly getter?: (value: unknown) => Inner;
}

/** The fields of an object of options, with what each must be and whether it may be left out. */
export function fieldsIn(schema: unknown): (readonly [name: string, wanted: string, optional: boolean])[] {
  const inner = schema as Inner;
  const entries = [
    inner,
    ...(inner.pipe ?? []),
    ...(inner.getter ? [inner.getter(undefined), ...(inner.getter(undefined).pipe ?? [])] : []),
  ].find((part) => part.entries)?.entries;
  return Object.entries(entries ?? {}).map(([name, field]) => [name, wanted(field), field.type === "optional"]);
}

function wanted(schema: Inner): string {
  if (schema.type === "optional") return wanted(schema.wrapped!);
  if (schema.type === "nullable") return `${wanted(schema.wrapped!)}, or null`;
  if (schema.type === "lazy") return wanted(schema.getter!(undefined));
  const [first = schema] = schema.pipe ?? [];
  return typeof first.message === "string" ? first.message : "";
}

/** Braces are code, which no generator of sites reads as something else. */
const cell = (text: string): string =>
  text
    .replaceAll("|", "\\|")
    .replace(/\{@link (?:\w+\.)?(\w+)\}/g, "`$1`")
    .split("`")
    .map((part, i) => (i % 2 === 0 ? part.replace(/\{[^{}]*\}/g, "`$&`") : part))
    .join("`");

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");
}

/** Interfaces whose settings are flags of `fovea train` too. */
const withFlags = new Set(["TrainOptions", "RecordedTraining"]);

function section([owners, interfaceName, schema]: Entry): string {
  const flagOf = (name: string) => {
    const { flag } = (withFlags.has(interfaceName) && (trainingSettings as Settings)[name]) || {};
    return flag ? ` Flag: \`${flag.split(" ")[0]}\`.` : "";
  };
  const rows = fieldsIn(schema).map(([name, must, optional]) => [
    `\`${name}\`${optional ? "" : " (needed)"}`,
    must,
    `${wordsOf(interfaceName, name) || everywhere[name] || ""}${flagOf(name)}`,
  ]);
  return `### ${owners}\n\n${table(["option", "must be", "meaning"], rows)}`;
}

/** Networks whose own options are the same stand together. */
function networks(): string {
  const groups = new Map<string, string[]>();
  for (const { name, options } of models.values()) {
    const rows = Object.entries(options as Readonly<Record<string, OptionSpec<unknown>>>).map(([option, spec]) => [
      `\`${option}\``,
      `\`${JSON.stringify(spec.default)}\``,
      (schemaOf(spec) as unknown as { message: string }).message.replace("a null", "null"),
      spec.doc,
    ]);
    if (rows.length === 0) continue;
    const text = table(["option", "default", "must be", "meaning"], rows);
    groups.set(text, [...(groups.get(text) ?? []), name]);
  }
  return [...groups].map(([text, names]) => `### ${names.join(", ")}\n\n${text}`).join("\n\n");
}

/** Every entry with its fields and their words. */
export const entries = Object.values(sections)
  .flat()
  .map(([owners, interfaceName, schema]) => ({
    owners,
    schema: schema as Schema,
    fields: fieldsIn(schema).map(([name]) => ({ name, words: wordsOf(interfaceName, name) || everywhere[name] || "" })),
  }));

/** The page. */
export function optionsPage(): string {
  const api = Object.entries(sections).map(([title, own]) => `## ${title}\n\n${own.map(section).join("\n\n")}`);
  return `# Options

<!-- Written by tools/options-page.ts from the schemas that check options, and the sources' words: npm run docs:options -->

Every object of options, what each must be, and what it means. Others than these, and other values, are refused in one line
(\`OptionError\`). Options of attention modules are in the [catalogue](catalogue.md). All networks have:

${table(
  ["option", "must be", "meaning"],
  ["numClasses", "attention", "seed"].map((name) => [
    `\`${name}\``,
    { numClasses: "an integer from 1 to 1000000", attention: "a choice of a module, or null", seed: "an integer ≥ 0" }[
      name
    ]!,
    wordsOf("ClassifierOptions", name),
  ]),
)}

${api.join("\n\n")}

## Networks

Beside \`numClasses\`, \`attention\` and \`seed\`. Networks that are not here have no other options.

${networks()}
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const path = new URL("docs/options.md", root);
  writeFileSync(path, optionsPage());
  console.log(fileURLToPath(path));
}

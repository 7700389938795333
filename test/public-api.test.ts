import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as engineEntry from "../src/engine.js";
import * as explainEntry from "../src/explain.js";
import * as foveaEntry from "../src/index.js";
import * as nn from "../src/nn.js";
import * as web from "../src/web.js";
import { tinyDataset } from "./data/support.js";
import { type Case, left, type Mistake, mistakes, optional, options, refusesMistakes } from "./support/mistakes.js";
import { mapsOfEpoch, reportFacts } from "./support/run-files.js";
import { runConfig } from "./train/support.js";

/** All entry points together. */
const fovea = { ...engineEntry, ...nn, ...explainEntry, ...foveaEntry };

const folder = mkdtempSync(join(tmpdir(), "fovea-api-"));
after(() => rmSync(folder, { recursive: true }));

class Net extends fovea.Module {
  readonly fc = new fovea.Linear(48, 3);
  override forward(x: nn.Value): nn.Value {
    return this.fc.call(fovea.flatten(x));
  }
}

const data = tinyDataset(6);
const image = await data.image(0);
const engine = fovea.referenceEngine();
const preprocessing = { imageSize: 4, resize: 4, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const network = { model: new Net(), classes: ["a", "b", "c"], preprocessing };
const map = { height: 2, width: 2, data: Float64Array.of(0, 1, 2, 3) };
const mask = { height: 2, width: 2, data: Uint8Array.of(0, 1, 0, 0) };
const grid = { title: "t", columns: ["m"], rows: ["i"], cells: [[{ map }]] };
const logitsOf = async ({ shape }: foveaEntry.Tensor) => fovea.zeros("float64", [shape[0]!, 2]);
const net = () => fovea.initialize(new Net());
const convolutional = () => ({ ...network, model: fovea.resnet(20), classes: null });
const gated = () => ({ ...network, model: fovea.createAttention("se", 3, { reduction: 1 }) });
const graph = () => fovea.trace(new Net(), [2, 3, 4, 4]);
const input = (g = graph()) => g.inputs.get("input")!;
const t = fovea.float32([2], [1, 2]);
const bytes = fovea.writeSafetensors([["a", t]]);
const index = new TextEncoder().encode(JSON.stringify({ weight_map: { a: "one.safetensors" } }));
const step = { optimizer: fovea.sgd(), input: [2, 3, 4, 4], numClasses: 3 } as const;
const progress = { epoch: 0, batch: 0, lossSum: 0, correct: 0, count: 0, history: [] };
const checkpoint = () => fovea.writeCheckpoint(net(), new Map(), 0, progress, ["a"]);
const reference = fovea.referenceEngine();

const config = () => JSON.stringify(runConfig);
const facts = () => JSON.stringify(reportFacts());
const epochMaps = () => JSON.stringify(mapsOfEpoch());

const cases: Readonly<Record<string, Case>> = {
  // Tensors and numbers
  tensor: { args: () => ["float32", [2], Float32Array.of(1, 2)] },
  zeros: { args: () => ["float32", [2]], allowed: { 1: ["[]"] } },
  float32: { args: () => [[2], [1, 2]], says: /float32|tensor/ },
  toFloat32: { args: () => [t] },
  toFloat64: { args: () => [t] },
  Rng: { args: () => [1, "a"], allowed: { 1: ["text", "7.5"] } },

  // Data
  alignClasses: { args: () => [data, ["a", "b", "c"]] },
  concatDatasets: { args: () => [[data]] },
  Loader: { args: () => [data, { batch: 2, preprocessing }] },
  createDataset: {
    args: () => [{ name: "m", classes: ["a"], height: 1, width: 1, pixels: new Uint8Array(3), labels: [0] }],
  },
  defaultPreprocessing: { args: () => [data, 4], allowed: left(1) },
  defaultAugmentation: { args: () => [data, preprocessing] },
  resample: { args: () => [image, 2, 2], allowed: left(3) },
  resizeShorter: { args: () => [image, 2] },
  generateShapes: { args: () => [{ count: 1 }] },
  inputWriter: { args: () => [preprocessing, null], allowed: left(1, "null") },
  toInput: { args: () => [image, preprocessing] },
  boxMask: { args: () => [image, []], allowed: { 1: ["[]"] } },
  datasetMask: { args: () => [fovea.generateShapes({ count: 1 }), 0], says: /datasetMask|shapes/ },
  seenMask: { args: () => [{ height: 1, width: 1, data: new Uint8Array(1) }, preprocessing] },
  openMasks: { args: () => [folder, []], says: /openMasks|nonsense|masks/ },
  inputRegion: { args: () => [image, preprocessing] },
  seenImage: { args: () => [image, preprocessing] },
  decodeImage: { args: () => [bytes, {}], allowed: options(1), says: /decodeImage|nonsense|decoded/ },
  generatePeople: { args: () => [{ identities: 1 }], allowed: options(0) },
  openMarket1501: {
    args: () => [folder, {}],
    allowed: options(1),
    says: /openMarket1501|nonsense|expected the folders/,
  },
  openDataset: { args: () => [folder, {}], allowed: options(1), says: /openDataset|nonsense/ },

  // Maps
  openLogits: { args: () => [net(), [3, 4, 4], engine, 2], allowed: left(3) },
  faithfulness: {
    args: () => [logitsOf, [{ input: fovea.zeros("float64", [3, 4, 4]), target: 0 }], new Map([["m", [map]]]), {}],
    allowed: options(3),
  },
  localization: { args: () => [new Map([["m", [map]]]), [mask], {}], allowed: options(2) },
  sanityCheck: {
    args: () => [
      net(),
      async () => new Map([["m", [map, map]]]),
      { inputs: fovea.zeros("float64", [2, 3, 4, 4]), engine },
    ],
  },
  drawMapGrid: { args: () => [grid, {}], allowed: options(1) },
  drawMapGridPng: { args: () => [grid, {}], allowed: options(1) },
  mapToPhotograph: { args: () => [map, { left: 0, top: 0, width: 1, height: 1 }, image] },
  pairwiseMap: { args: () => [[1], 1, 1, { row: 0, column: 0 }] },

  // Graphs
  Graph: { args: () => [false], allowed: { 0: ["undefined"] } },
  costOf: { args: () => [graph()] },
  printGraph: { args: () => [graph()] },
  verify: { args: () => [graph()] },
  inline: {
    args: () => {
      const g = graph();
      return [graph(), g, { input: input(g) }];
    },
  },
  gradients: {
    args: () => {
      const x = new fovea.Graph().input("x", { dtype: "float", shape: [1] });
      return [x, [x], {}];
    },
    allowed: { 1: ["[]"], 2: optional },
  },

  // Engines
  ortEngine: { args: () => [{}], allowed: options(0) },
  ortWebEngine: { args: () => [{}], allowed: options(0) },
  referenceEngine: { args: () => [] },
  findGpu: { args: () => [] },
  checkTuning: { args: () => [fovea.defaultTuning, "x"], allowed: { 1: ["text"] }, says: /x|checkTuning/ },

  // Files
  blobSource: { args: () => [new Blob([])] },
  readCheckpoint: { args: () => [bytes, "x", {}], allowed: { 1: ["undefined", "text"], 2: optional } },
  exportedGraph: { args: () => [graph(), {}], allowed: options(1) },
  exportOnnx: { args: () => [graph(), {}], allowed: options(1) },
  openSafetensors: { args: () => [fovea.blobSource(new Blob([bytes as never]))] },
  readSafetensors: { args: () => [bytes] },
  encodeSafetensors: { args: () => [[["a", t]], {}], allowed: { 0: ["[]"], 1: optional }, says: /Safetensors/ },
  writeSafetensors: { args: () => [[["a", t]], {}], allowed: { 0: ["[]"], 1: optional } },
  parseRunConfig: { args: () => [config(), "x"], allowed: { 1: ["text"] }, says: /parseRunConfig|^x\b/ },
  parseReportFacts: { args: () => [facts(), "x"], allowed: { 1: ["text"] }, says: /parseReportFacts|^x\b/ },
  parseEpochMaps: { args: () => [epochMaps(), "x"], allowed: { 1: ["text"] }, says: /parseEpochMaps|^x\b/ },
  parseShardIndex: { args: () => [index, "x"], allowed: { 1: ["undefined", "text"] } },
  readShards: { args: () => [index, async () => bytes, "x"], allowed: { 2: ["undefined", "text"] } },
  exportTransformersJs: { args: () => [graph(), { classes: ["a", "b", "c"], preprocessing }] },
  openCheckpoint: { args: () => [join(folder, "x"), {}], allowed: options(1), says: /openCheckpoint|nonsense/ },
  writeFileAtomic: { args: () => [join(folder, "x"), "x"], allowed: { 0: ["text"], 1: ["text", "[]"] } },
  loadWeights: {
    args: () => [net(), fovea.writeSafetensors(fovea.weightsOf(net())), {}],
    allowed: { 2: optional },
    says: /loadWeights|loadState|nonsense/,
  },
  resolveWeights: { args: () => ["x.safetensors", {}], allowed: { 0: ["text"], 1: optional } },

  // Modules and networks
  createAttentionByName: { args: () => ["se", 64, {}], allowed: options(2), says: /attention|\bse\b/i },
  createAttention: { args: () => ["se", 64, {}], allowed: options(2), says: /attention|\bse\b/i },
  attentionInfo: { args: () => ["se"], says: /attention/i },
  modelInfo: { args: () => ["resnet20"], says: /model/i },
  createModelByName: { args: () => ["resnet20", {}], allowed: options(1), says: /model|\bresnet20\b/i },
  createModel: { args: () => ["resnet20", {}], allowed: options(1), says: /model|\bresnet20\b/i },
  danet: { args: () => [50, {}], allowed: { 0: ["undefined"], 1: optional } },
  spnet: { args: () => [50, {}], allowed: { 0: ["undefined"], 1: optional } },
  mobilenetV1: { args: () => [{}], allowed: options(0) },
  mobilenetV2: { args: () => [{}], allowed: options(0) },
  preactResnet: { args: () => [20, {}], allowed: options(1) },
  wideResnet: { args: () => [16, 1, {}], allowed: options(2) },
  residualAttentionNetwork: { args: () => ["attention56", {}], allowed: options(1) },
  resnet: { args: () => [20, {}], allowed: options(1) },
  rgaResnet: { args: () => [{}], allowed: options(0) },
  scnet: { args: () => [50, {}], allowed: options(1) },
  unet: { args: () => [18, {}], allowed: options(1) },
  van: { args: () => ["b0", {}], allowed: options(1) },
  listAttention: { args: () => [] },
  listModels: { args: () => [] },
  isAttentionName: { args: () => ["se"], allowed: { 0: Object.keys(mistakes) as Mistake[] } },
  isDivergence: { args: () => [new Error("x")], allowed: { 0: Object.keys(mistakes) as Mistake[] } },
  isModelName: { args: () => ["resnet20"], allowed: { 0: Object.keys(mistakes) as Mistake[] } },
  insertAttention: {
    args: () => [fovea.resnet(20), "se", {}],
    allowed: { 2: optional },
    says: /insertAttention|attention/,
  },
  recognizeCheckpoint: { args: () => [new Map([["a", t]]), {}], allowed: options(1, "{ nonsense }") },

  // Layers
  Param: { args: () => [[2], fovea.constant(0)], allowed: { 0: ["[]"] } },
  BatchNorm: { args: () => [4, {}], allowed: options(1) },
  LayerNorm: { args: () => [[4], {}], allowed: options(1) },
  GroupNorm: { args: () => [2, 4, {}], allowed: options(2) },
  Conv2d: { args: () => [3, 4, { kernelSize: 3 }] },
  ConvTranspose2d: { args: () => [3, 4, { kernelSize: 3 }] },
  Linear: { args: () => [3, 4, {}], allowed: options(2) },
  PReLU: { args: () => [1, {}], allowed: { 0: ["undefined"], 1: optional } },
  Dropout: { args: () => [0.5] },
  ChannelDropout: { args: () => [0.5] },
  DropPath: { args: () => [0.5] },
  Lambda: { args: () => [(x: unknown) => x] },
  Sequential: { args: () => [[net()]], allowed: { 0: ["[]", "{}"] } },
  constant: { args: () => [1], allowed: { 0: ["7.5"] } },
  uniform: { args: () => [1], allowed: { 0: ["7.5"] } },
  normal: { args: () => [1], allowed: { 0: ["7.5"] } },
  kaimingNormal: { args: () => ["in", 1], allowed: { 0: ["undefined"], 1: ["undefined"] } },
  defaultWeight: { args: () => [[2, 2], new fovea.Rng(0)] },
  fanIn: { args: () => [[2, 2]], allowed: { 0: ["[]"] } },
  fanOut: { args: () => [[2, 2]] },
  crossEntropy: {
    args: () => {
      const logits = graph().outputs.get("output")!;
      return [logits, logits, {}];
    },
    allowed: options(2),
  },
  binaryCrossEntropy: {
    args: () => {
      const logits = graph().outputs.get("output")!;
      return [logits, logits, {}];
    },
    allowed: options(2),
  },
  focalLoss: {
    args: () => {
      const logits = graph().outputs.get("output")!;
      return [logits, logits, {}];
    },
    allowed: options(2),
  },
  meanSquaredError: {
    args: () => {
      const outputs = graph().outputs.get("output")!;
      return [outputs, outputs];
    },
  },
  smoothL1Loss: {
    args: () => {
      const outputs = graph().outputs.get("output")!;
      return [outputs, outputs, {}];
    },
    allowed: options(2),
  },
  tripletLoss: {
    args: () => {
      const logits = graph().outputs.get("output")!;
      return [logits, logits, {}];
    },
    allowed: options(2),
  },
  diceLoss: {
    args: () => {
      const logits = graph().outputs.get("output")!;
      return [logits, logits];
    },
  },
  flatten: { args: () => [input()] },
  globalAveragePool: { args: () => [input()] },
  walk: { args: () => [net(), {}, ""], allowed: { 1: ["{}"], 2: ["undefined", "text"] } },
  stateOf: { args: () => [net()] },
  parametersOf: { args: () => [net()] },
  freezeUntil: { args: () => [fovea.createModel("resnet20"), "layer2"], allowed: { 1: [] } },
  headOf: { args: () => [net()] },
  headGroup: { args: () => [net(), 10], allowed: { 1: ["7.5"] } },
  loadPretrained: {
    args: () => [net(), fovea.readCheckpoint(fovea.writeSafetensors(fovea.weightsOf(net()))), {}],
    allowed: options(2),
  },
  freeze: { args: () => [net(), () => true] },
  initialize: { args: () => [net(), {}], allowed: options(1) },
  graphFor: { args: () => [net(), {}], allowed: options(1) },
  trace: { args: () => [net(), [2, 3, 4, 4], {}], allowed: options(2), says: /trace|Net|flatten/ },

  // Reports
  drawDiagram: { args: () => [graph(), {}], allowed: options(1) },
  drawHeatmap: { args: () => [{ height: 1, width: 1, data: [1] }, {}], allowed: options(1) },
  drawLineChart: { args: () => [{ title: "x", series: [] }] },
  renderReport: { args: () => [{ title: "x", history: [], validation: null, config: {} }] },

  // Training
  weightsOf: { args: () => [net()] },
  loadState: { args: () => [net(), fovea.weightsOf(net()), {}], allowed: options(2) },
  modelWeights: { args: () => [new Map([["a", t]])] },
  writeCheckpoint: {
    args: () => [net(), new Map(), 0, progress, ["a"], {}],
    allowed: { 4: ["[]"], 5: optional },
  },
  restoreCheckpoint: {
    args: () => [fovea.blobSource(new Blob([checkpoint().bytes() as never])), net(), new Map(), 0, ["a"]],
    allowed: { 4: [] },
    says: /restoreCheckpoint|resume/,
  },
  sgd: { args: () => [{}], allowed: options(0) },
  adamw: { args: () => [{}], allowed: options(0) },
  lamb: { args: () => [{}], allowed: options(0) },
  rmspropTf: { args: () => [{}], allowed: options(0) },
  lion: { args: () => [{}], allowed: options(0) },
  constantSchedule: { args: () => [{}], allowed: options(0) },
  cosineSchedule: { args: () => [{}], allowed: options(0) },
  stepSchedule: { args: () => [[1], {}], allowed: { 0: ["7.5", "[]"], 1: optional } },
  oneCycleSchedule: { args: () => [{}], allowed: options(0) },
  warmRestartSchedule: { args: () => [1, {}], allowed: { 0: ["7.5"], 1: optional } },
  layerDecayGroups: { args: () => [net(), 0.5] },
  learningRateFactor: { args: () => [fovea.cosineSchedule(), 0, 1, 1], allowed: { 3: ["7.5"] } },
  trainingStep: { args: () => [net(), step] },
  findLearningRate: { args: () => [net(), data, { engine, batch: 2 }, { steps: 8 }], allowed: options(3) },
  train: { args: () => [net(), data, { engine, epochs: 1, batch: 2 }] },
  evaluate: { args: () => [net(), data, { engine }] },
  forEachLogits: { args: () => [net(), data, { engine }, () => {}] },
  retrievalMetrics: {
    args: () => [[0.5], { identities: [1], cameras: [1] }, { identities: [1], cameras: [2] }, {}],
    allowed: options(3),
  },
  rerank: { args: () => [{ between: [1], queries: [0], gallery: [0] }, {}], allowed: options(1) },
  predict: { args: () => [network, [image], { engine }], allowed: { 1: ["[]"] } },
  predictTargets: {
    args: () => [network, [image], { engine, task: fovea.multiLabel() }],
    allowed: { 1: ["[]"] },
  },
  calibrate: { args: () => [net(), data, { engine, preprocessing }] },
  openPredictor: { args: () => [network, { engine }] },
  openSegmenter: {
    args: () => [{ model: new fovea.Lambda((x) => x as never), classes: null, preprocessing }, { engine }],
  },
  segmentation: { args: () => [{}], allowed: options(0) },
  multiLabel: { args: () => [] },
  reidentification: { args: () => [{}], allowed: options(0) },
  regression: { args: () => [{}], allowed: options(0) },
  targetStatistics: { args: () => [{ ...data, targets: (i: number) => [i, -i, 2 * i] }] },
  segmentationOf: { args: () => [fovea.generateShapes({ count: 1 })] },
  balancedWeights: { args: () => [fovea.generateShapes({ count: 1 })] },
  attentionMaps: { args: () => [network, [image], { engine }] },
  explain: { args: () => [network, [image], { engine, method: "gradient" }], allowed: { 1: ["[]"] } },
  openExplainer: { args: () => [network, { engine, method: "gradient" }] },
  epochMaps: {
    args: () => [{ layer: "a", glance: async () => [], release: async () => {} }, 1, [], [], ["a"]],
    allowed: { 2: ["[]", "[Symbol]"], 3: ["[]"] },
  },
  openGlances: { args: () => [convolutional(), 2, engine] },
  coincide: { args: () => [convolutional(), {}], allowed: options(1) },
  explainableLayers: { args: () => [network] },
  gates: { args: () => [gated(), [image], { engine }], allowed: { 1: ["[]"] } },
  gateStatistics: { args: () => [gated(), data, { engine, images: 2 }] },
  loadRun: { args: () => [join(folder, "x"), {}], allowed: options(1), says: /loadRun|nonsense/ },
  createPretrained: {
    args: () => ["resnet20", { download: { offline: true, cache: folder } }],
    allowed: options(1),
    says: /createPretrained|modelInfo|nonsense|model "|offline/,
  },
};

/** Exported, but not for calling: bases and errors, and what the library alone constructs. Their methods: public-methods.test.ts. */
const notCalled = [
  ...["FoveaError", "ShapeError", "OptionError", "FormatError", "DataError", "TrainingError"],
  ...[
    "FileError",
    "DownloadError",
    "WeightsError",
    "Module",
    "SegmentationModel",
    "Node",
    "Value",
    "OpenFile",
    "RunFolder",
  ],
];

const callables = (exports: object) =>
  Object.entries(exports).filter(([, value]) => typeof value === "function") as [string, (...a: never[]) => unknown][];

test("every function that is exported is in the table", () => {
  const names = new Set([...callables(fovea), ...callables(web)].map(([name]) => name));
  assert.deepEqual(
    [...names].filter((name) => !(name in cases) && !notCalled.includes(name)),
    [],
  );
  assert.deepEqual(
    Object.keys(cases).filter((name) => !names.has(name)),
    [],
  );
});

for (const [library, exports] of Object.entries({ fovea, "fovea/web": web }))
  for (const [name, callable] of callables(exports)) {
    if (!(name in cases) || (library === "fovea/web" && (fovea as Record<string, unknown>)[name] === callable))
      continue;
    test(`${library}: ${name} refuses wrong arguments in one line`, () =>
      refusesMistakes(name, callable, cases[name]!));
  }

test("engines refuse graphs and inputs that are none", async () => {
  const executable = await reference.compile(graph());
  for (const value of Object.values(mistakes)) {
    await assert.rejects(reference.compile(value as never), fovea.FoveaError);
    await assert.rejects(executable.run(value as never), fovea.FoveaError);
    await assert.rejects(executable.run({ input: value as never }), fovea.FoveaError);
  }
});

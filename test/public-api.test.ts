import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as fovea from "../src/index.js";
import * as web from "../src/web.js";
import { tinyDataset } from "./data/support.js";

/** What a program in plain JavaScript may pass by mistake. */
const mistakes = {
  undefined: undefined,
  null: null,
  NaN: Number.NaN,
  "7.5": 7.5,
  text: "nonsense",
  "{}": {},
  "[]": [],
  "{ nonsense }": { nonsense: 1 },
} as const;
type Mistake = keyof typeof mistakes;

/** A right call, and what else an argument may be: that is no mistake there. */
interface Case {
  readonly args: () => readonly unknown[];
  readonly allowed?: Readonly<Record<number, readonly Mistake[]>>;
  /** What errors name instead of the function. */
  readonly says?: RegExp;
}

const folder = mkdtempSync(join(tmpdir(), "fovea-api-"));
after(() => rmSync(folder, { recursive: true }));

const optional: readonly Mistake[] = ["undefined", "{}"];
const options = (at: number, ...more: Mistake[]) => ({ [at]: [...optional, ...more] });
/** Arguments that may be left out, and no options. */
const left = (at: number, ...more: Mistake[]) => ({ [at]: ["undefined", ...more] as Mistake[] });

class Net extends fovea.Module {
  readonly fc = new fovea.Linear(48, 3);
  override forward(x: fovea.Value): fovea.Value {
    return this.fc.call(fovea.flatten(x));
  }
}

const data = tinyDataset(6);
const image = await data.image(0);
const engine = fovea.referenceEngine();
const preprocessing = { imageSize: 4, resize: 4, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const network = { model: new Net(), classes: ["a", "b", "c"], preprocessing };
const net = () => fovea.initialize(new Net());
const graph = () => fovea.trace(new Net(), [2, 3, 4, 4]);
const input = (g = graph()) => g.inputs.get("input")!;
const t = fovea.float32([2], [1, 2]);
const bytes = fovea.writeSafetensors([["a", t]]);
const index = new TextEncoder().encode(JSON.stringify({ weight_map: { a: "one.safetensors" } }));
const step = { optimizer: fovea.sgd(), input: [2, 3, 4, 4], classes: 3 } as const;
const record = { epoch: 1, step: 1, lr: 1, trainLoss: 1, trainTop1: 1, loss: 1, top1: 1, top5: 1 };
const progress = { epoch: 0, batch: 0, lossSum: 0, correct: 0, count: 0, history: [] };
const checkpoint = () => fovea.writeCheckpoint(net(), new Map(), 0, progress, ["a"]);
const reference = fovea.referenceEngine();

const cases: Readonly<Record<string, Case>> = {
  // Tensors and numbers
  tensor: { args: () => ["float32", [2], Float32Array.of(1, 2)] },
  zeros: { args: () => ["float32", [2]], allowed: { 1: ["[]"] } },
  float32: { args: () => [[2], [1, 2]], says: /float32|tensor/ },
  toFloat32: { args: () => [t] },
  toFloat64: { args: () => [t] },
  countNotFinite: { args: () => [t] },
  requireFinite: { args: () => ["x", [["a", t]]], allowed: { 0: ["text"], 1: ["[]"] } },
  Rng: { args: () => [1, "a"], allowed: { 1: ["text", "7.5"] } },
  messageOf: { args: () => ["x"], allowed: { 0: Object.keys(mistakes) as Mistake[] } },
  unknownName: { args: () => ["option", "a", ["b"]], allowed: { 0: ["text"], 1: ["text"], 2: ["[]", "text"] } },
  logSumExp: { args: () => [[1, 2]], allowed: { 0: ["[]"] } },
  probabilities: { args: () => [[1, 2]], allowed: { 0: ["[]"] } },
  topIndices: { args: () => [[1, 2], 1], allowed: { 0: ["[]"] } },

  // Data
  alignClasses: { args: () => [data, ["a", "b", "c"]] },
  alignmentNotes: { args: () => [fovea.alignClasses(data, ["a", "b", "c"])] },
  classDifference: { args: () => [["a"], ["b"]], allowed: { 0: ["[]"], 1: ["[]"] } },
  className: { args: () => ["a"], allowed: { 0: ["text"] } },
  joined: { args: () => [[data]] },
  describeSplits: { args: () => [{ train: data, validation: data }] },
  checkIndex: { args: () => [data, 0], says: /checkIndex|tiny/ },
  Loader: { args: () => [data, { batch: 2, preprocessing }] },
  memoryDataset: {
    args: () => [{ name: "m", classes: ["a"], height: 1, width: 1, pixels: new Uint8Array(3), labels: [0] }],
  },
  photoResize: { args: () => [224] },
  defaultPreprocessing: { args: () => [data, 4], allowed: left(1) },
  defaultAugmentation: { args: () => [data, preprocessing] },
  resample: { args: () => [image, 2, 2], allowed: left(3) },
  resizeShorter: { args: () => [image, 2] },
  shorterSize: { args: () => [4, 4, 2] },
  shapes: { args: () => [{ count: 1 }] },
  shapesSplits: { args: () => [{ train: 1, validation: 1 }], allowed: options(0) },
  inputWriter: { args: () => [preprocessing, null], allowed: left(1, "null") },
  toInput: { args: () => [image, preprocessing] },
  randomBox: { args: () => [image, [0.5, 1], new fovea.Rng(0)] },
  cifar10: { args: () => [folder], allowed: { 0: [] }, says: /cifar10|nonsense|cifar-10/ },
  cifar100: { args: () => [folder, {}], allowed: options(1), says: /cifar100|nonsense|cifar-100/ },
  idx: { args: () => [folder], says: /idx|nonsense/ },
  isCifar10: { args: () => [[]], allowed: { 0: ["[]"] } },
  isCifar100: { args: () => [[]], allowed: { 0: ["[]"] } },
  isIdx: { args: () => [[]], allowed: { 0: ["[]"] } },
  decodeImage: { args: () => [bytes, {}], allowed: options(1), says: /decodeImage|nonsense|decoded/ },
  imagesBelow: { args: () => [folder], allowed: { 0: ["text"] } },
  imageFolder: { args: () => [folder, {}], allowed: options(1), says: /imageFolder|nonsense/ },
  openDataset: { args: () => [folder, {}], allowed: options(1), says: /openDataset|nonsense/ },

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
  checkRegimes: { args: () => [fovea.defaultRegimes, "x"], allowed: { 1: ["text"] }, says: /x|checkRegimes/ },

  // Files
  blobSource: { args: () => [new Blob([])] },
  readCheckpoint: { args: () => [bytes, "x", {}], allowed: { 1: ["undefined", "text"], 2: optional } },
  classNames: { args: () => [{}], allowed: { 0: ["{}", "{ nonsense }"] } },
  exportedGraph: { args: () => [graph(), {}], allowed: options(1) },
  exportOnnx: { args: () => [graph(), {}], allowed: options(1) },
  openSafetensors: { args: () => [fovea.blobSource(new Blob([bytes as never]))] },
  readSafetensors: { args: () => [bytes] },
  encodeSafetensors: { args: () => [[["a", t]], {}], allowed: { 0: ["[]"], 1: optional }, says: /Safetensors/ },
  writeSafetensors: { args: () => [[["a", t]], {}], allowed: { 0: ["[]"], 1: optional } },
  parseShardIndex: { args: () => [index, "x"], allowed: { 1: ["undefined", "text"] } },
  readShards: { args: () => [index, async () => bytes, "x"], allowed: { 2: ["undefined", "text"] } },
  transformersJs: { args: () => [graph(), { classes: ["a", "b", "c"], preprocessing }] },
  openCheckpoint: { args: () => [join(folder, "x"), {}], allowed: options(1), says: /openCheckpoint|nonsense/ },
  forEachTensor: {
    args: () => [join(folder, "x"), () => {}, {}],
    allowed: { 2: optional },
    says: /forEachTensor|nonsense/,
  },
  loadWeights: {
    args: () => [net(), fovea.writeSafetensors(fovea.weightsOf(net())), {}],
    allowed: { 2: optional },
    says: /loadWeights|loadState|nonsense/,
  },
  readWhole: { args: () => [join(folder, "x")], says: /readWhole|nonsense/ },
  withFile: { args: () => [join(folder, "x"), () => {}], says: /withFile|nonsense/ },
  fileSource: { args: () => [join(folder, "x")], allowed: { 0: ["text"] } },
  writeFileAtomic: { args: () => [join(folder, "x"), "x"], allowed: { 0: ["text"], 1: ["text", "[]"] } },
  cacheFolder: { args: () => [] },
  fetchToCache: { args: () => [{ kind: "url", url: "https://example.org/x" }, { offline: true }], allowed: options(1) },
  resolveWeights: { args: () => ["x.safetensors", {}], allowed: { 0: ["text"], 1: optional } },
  parseSource: { args: () => ["x"], allowed: { 0: ["text"] } },

  // Modules and networks
  attention: { args: () => ["se", 64, {}], allowed: options(2), says: /attention|se/ },
  attentionByName: { args: () => ["se", 64, {}], allowed: options(2), says: /attention|se/ },
  createAttention: { args: () => ["se", 64, {}], allowed: options(2), says: /attention|se/ },
  attentionSpec: { args: () => ["se"], says: /attention/ },
  classifierSpec: { args: () => ["resnet20"], says: /model/ },
  modelSpec: { args: () => ["resnet20"], says: /model/ },
  modelByName: { args: () => ["resnet20", {}], allowed: options(1), says: /model|resnet20/ },
  model: { args: () => ["resnet20", {}], allowed: options(1), says: /model|resnet20/ },
  settled: { args: () => [{ name: "resnet20", options: {} }] },
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
  insertAttention: {
    args: () => [fovea.resnet(20), "se", {}],
    allowed: { 2: optional },
    says: /insertAttention|attention/,
  },
  recognizeCheckpoint: { args: () => [new Map([["a", t]]), {}], allowed: options(1, "{ nonsense }") },
  buildNetwork: {
    args: () => [{ name: "resnet20", options: {} }, { imageSize: 32 }, 0],
    allowed: { 2: ["undefined"] },
  },

  // Layers
  Param: { args: () => [[2], fovea.constant(0)], allowed: { 0: ["[]"] } },
  BatchNorm: { args: () => [4, {}], allowed: options(1) },
  LayerNorm: { args: () => [[4], {}], allowed: options(1) },
  GroupNorm: { args: () => [2, 4, {}], allowed: options(2) },
  Conv2d: { args: () => [3, 4, { kernel: 3 }] },
  ConvTranspose2d: { args: () => [3, 4, { kernel: 3 }] },
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
  flatten: { args: () => [input()] },
  globalAveragePool: { args: () => [input()] },
  walk: { args: () => [net(), {}, ""], allowed: { 1: ["{}"], 2: ["undefined", "text"] } },
  stateOf: { args: () => [net()] },
  parametersOf: { args: () => [net()] },
  freeze: { args: () => [net(), () => true] },
  initialize: { args: () => [net(), {}], allowed: options(1) },
  graphFor: { args: () => [net(), {}], allowed: options(1) },
  trace: { args: () => [net(), [2, 3, 4, 4], {}], allowed: options(2), says: /trace|Net/ },

  // Reports
  diagram: { args: () => [graph(), {}], allowed: options(1) },
  heatmap: { args: () => [{ height: 1, width: 1, data: [1] }, {}], allowed: options(1) },
  lineChart: { args: () => [{ title: "x", series: [] }] },
  runReport: { args: () => [{ title: "x", history: [], validation: null, config: {} }] },

  // Training
  asStored: { args: () => [fovea.initialize(net()).fc.weight] },
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
  bestRecord: { args: () => [[record]], allowed: { 0: ["[]"] } },
  historyCsv: { args: () => [[record]], allowed: { 0: ["[]"] } },
  Tally: { args: () => [["a"]], allowed: { 0: [] } },
  sgd: { args: () => [{}], allowed: options(0) },
  adamw: { args: () => [{}], allowed: options(0) },
  constantSchedule: { args: () => [{}], allowed: options(0) },
  cosineSchedule: { args: () => [{}], allowed: options(0) },
  stepSchedule: { args: () => [[1], {}], allowed: { 0: ["[]"], 1: optional } },
  learningRateFactor: { args: () => [fovea.cosineSchedule(), 0, 1, 1], allowed: { 3: ["7.5"] } },
  trainingStep: { args: () => [net(), step] },
  defaultBatch: { args: () => [6] },
  train: { args: () => [net(), data, { engine, epochs: 1, batch: 2 }] },
  evaluate: { args: () => [net(), data, { engine }] },
  forEachLogits: { args: () => [net(), data, { engine }, () => {}] },
  predict: { args: () => [network, [image], { engine }], allowed: { 1: ["[]"] } },
  openPredictor: { args: () => [network, { engine }] },
  attentionMaps: { args: () => [network, [image], { engine }] },
  loadRun: { args: () => [join(folder, "x"), {}], allowed: options(1), says: /loadRun|nonsense/ },
};

/** Exported, but not for calling: bases and errors, and what the library alone constructs. */
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

async function attempt(callable: (...a: never[]) => unknown, args: readonly unknown[]): Promise<unknown> {
  const isClass = /^class\b/.test(Function.prototype.toString.call(callable));
  return isClass ? Reflect.construct(callable, args) : await callable(...(args as never[]));
}

for (const [library, exports] of Object.entries({ fovea, "fovea/web": web }))
  for (const [name, callable] of callables(exports)) {
    const { args, allowed = {}, says = new RegExp(name, "i") } = cases[name] ?? { args: () => [] };
    if (!(name in cases) || (library === "fovea/web" && (fovea as Record<string, unknown>)[name] === callable))
      continue;
    test(`${library}: ${name} refuses wrong arguments in one line`, async () => {
      const count = Math.max(args().length, ...Object.keys(allowed).map((at) => Number(at) + 1));
      for (let at = 0; at < count; at++)
        for (const [mistake, value] of Object.entries(mistakes) as [Mistake, unknown][]) {
          if (allowed[at]?.includes(mistake)) continue;
          const given = [...args()];
          given[at] = value;
          const call = `${name}, argument ${at} ${mistake}`;
          await attempt(callable, given).then(
            () => assert.fail(`${call} is accepted`),
            (error: Error) => {
              assert.ok(error instanceof fovea.FoveaError, `${call}: ${error.stack}`);
              assert.ok(says.test(error.message) && !error.message.includes("\n"), `${call}: ${error.message}`);
            },
          );
        }
    });
  }

test("engines refuse graphs and inputs that are none", async () => {
  const executable = await reference.compile(graph());
  for (const value of Object.values(mistakes)) {
    await assert.rejects(reference.compile(value as never), fovea.FoveaError);
    await assert.rejects(executable.run(value as never), fovea.FoveaError);
    await assert.rejects(executable.run({ input: value as never }), fovea.FoveaError);
  }
});

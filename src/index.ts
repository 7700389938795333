export {
  type AttentionChoice,
  type AttentionSpec,
  attention,
  attentionModules,
  attentionSpec,
} from "./attention/index.js";
export { gradients } from "./autodiff/gradients.js";
export {
  DataError,
  FormatError,
  FoveaError,
  messageOf,
  OptionError,
  ShapeError,
  TrainingError,
} from "./core/errors.js";
export { Rng } from "./core/rng.js";
export { type DType, float32, type Tensor, tensor, toFloat32, toFloat64, zeros } from "./core/tensor.js";
export * from "./data/index.js";
export type { Arrays, Engine, Executable } from "./engines/engine.js";
export { type OrtOptions, ortEngine } from "./engines/ort/node.js";
export { referenceEngine } from "./engines/reference.js";
export { type Checkpoint, readCheckpoint } from "./formats/checkpoint.js";
export { type ExportOptions, exportOnnx } from "./formats/onnx/export.js";
export { readSafetensors, writeSafetensors } from "./formats/safetensors.js";
export { type Cost, costOf, type LayerCost } from "./graph/cost.js";
export { Graph, Node, Value } from "./graph/graph.js";
export { printGraph } from "./graph/print.js";
export { verify } from "./graph/verify.js";
export { type RecognisedCheckpoint, recogniseCheckpoint } from "./models/families.js";
export {
  type ClassifierOptions,
  type ModelSpec,
  model,
  modelSpec,
  models,
  type ResNetOptions,
  resnet,
} from "./models/index.js";
export * from "./nn/index.js";
export * as ops from "./ops/index.js";
export { heatmap, lineChart, type RunReport, runReport } from "./report/index.js";
export * from "./train/index.js";
export { version } from "./version.js";

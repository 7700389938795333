/** All of Fovea that runs in browsers: nothing here, nor in what it imports, needs Node. */
export {
  type AttentionChoice,
  type AttentionName,
  type AttentionOptions,
  type AttentionSpec,
  attention,
  attentionByName,
  attentionModules,
  attentionSpec,
  createAttention,
  type GateName,
} from "./attention/index.js";
export { gradients } from "./autodiff/gradients.js";
export * as statistics from "./compare/statistics/index.js";
export {
  DataError,
  FormatError,
  FoveaError,
  messageOf,
  OptionError,
  ShapeError,
  TrainingError,
  unknownName,
} from "./core/errors.js";
export { countNotFinite, requireFinite } from "./core/finite.js";
export { Rng } from "./core/rng.js";
export { type DType, float32, type Tensor, tensor, toFloat32, toFloat64, zeros } from "./core/tensor.js";
export * from "./data/index.js";
export type { Arrays, Engine, Executable } from "./engines/engine.js";
export type { OrtOptions } from "./engines/ort/engine.js";
export { ortWebEngine } from "./engines/ort/web.js";
export { referenceEngine } from "./engines/reference.js";
export { type ByteSource, blobSource } from "./formats/byte-source.js";
export {
  type Checkpoint,
  type CheckpointOptions,
  type PlaceholderAt,
  readCheckpoint,
} from "./formats/checkpoint.js";
export { classNames } from "./formats/class-names.js";
export {
  type ExportedGraphOptions,
  type ExportOptions,
  exportedGraph,
  exportOnnx,
  opsets,
  precisions,
} from "./formats/onnx/export.js";
export {
  encodeSafetensors,
  type OpenSafetensors,
  openSafetensors,
  readSafetensors,
  type SafetensorsFile,
  writeSafetensors,
} from "./formats/safetensors.js";
export { parseShardIndex, readShards, type ShardIndex } from "./formats/shards.js";
export { type TransformersJsOptions, transformersJs } from "./formats/transformers-js.js";
export { type Cost, costOf, type LayerCost } from "./graph/cost.js";
export { Graph, Node, Value } from "./graph/graph.js";
export { inline } from "./graph/passes/rebuild.js";
export { printGraph } from "./graph/print.js";
export { verify } from "./graph/verify.js";
export * from "./inference/index.js";
export { imagenetClasses } from "./models/imagenet.js";
export {
  type ClassifierOptions,
  classifierSpec,
  danet,
  type InsertOptions,
  insertAttention,
  type ModelName,
  type ModelOptions,
  type ModelSpec,
  mobilenetV1,
  mobilenetV2,
  model,
  modelByName,
  modelSpec,
  models,
  preactResnet,
  type ResNetOptions,
  residualAttentionNetwork,
  resnet,
  rgaResnet,
  scnet,
  settled,
  spnet,
  unet,
  van,
  type WrittenModel,
  wideResnet,
} from "./models/index.js";
export { type RecognizedCheckpoint, recognizeCheckpoint } from "./models/recognize.js";
export * from "./nn/index.js";
export * as ops from "./ops/index.js";
export { diagram, heatmap, lineChart, type RunReport, runReport } from "./report/index.js";
export * from "./train/index.js";
export { version } from "./version.js";

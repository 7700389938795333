/** For engines and training loops of one's own: graphs and their passes, gradients, training steps, tensors, and the files of a training. */
export { gradients } from "./autodiff/gradients.js";
export { parseEpochMaps, parseReportFacts, type ReportFacts } from "./core/findings.js";
export { Rng } from "./core/rng.js";
export { type DType, float32, type Tensor, tensor, toFloat32, toFloat64, zeros } from "./core/tensor.js";
export {
  type Batch,
  type Box,
  concatDatasets,
  defaultAugmentation,
  defaultPreprocessing,
  generatePeople,
  type InputWriter,
  inputWriter,
  Loader,
  type LoaderOptions,
  type MixedLabels,
  type PeopleOptions,
  resample,
  resizeShorter,
  type SightedDataset,
  segmentationOf,
  toInput,
} from "./data/index.js";
export type { Arrays, Engine, Executable } from "./engines/engine.js";
export { type FoundGpu, findGpu } from "./engines/ort/targets/webgpu.js";
export {
  checkTuning,
  defaultTuning,
  type Tuning,
  type WinogradSides,
  type WinogradTile,
  type WinogradTuning,
} from "./engines/ort/tuning.js";
export { type ByteSource, blobSource } from "./formats/byte-source.js";
export { type ExportedGraphOptions, exportedGraph, opsets, precisions } from "./formats/onnx/export.js";
export {
  encodeSafetensors,
  type OpenSafetensors,
  openSafetensors,
  type SafetensorsFile,
} from "./formats/safetensors.js";
export { parseShardIndex, readShards, type ShardIndex } from "./formats/shards.js";
export { Graph, Node, Value } from "./graph/graph.js";
export { inline } from "./graph/passes/rebuild.js";
export { printGraph } from "./graph/print.js";
export { verify } from "./graph/verify.js";
export { isDivergence } from "./train/divergence.js";
export {
  balancedWeights,
  type Counter,
  classification,
  type DistanceBlocks,
  type Evaluation,
  type FoundRate,
  findLearningRate,
  forEachLogits,
  learningRateFactor,
  modelWeights,
  type Objective,
  type ObjectiveInputs,
  type Optimizer,
  type ParameterGroup,
  type Progress,
  type RateRange,
  type RerankOptions,
  type RetrievalMetrics,
  type RetrievalOptions,
  rerank,
  restoreCheckpoint,
  retrievalMetrics,
  type Sightings,
  type StepOptions,
  type StepPart,
  type Task,
  type TrainingStep,
  type TriedRate,
  trainingStep,
  type Update,
  type UpdateInputs,
  writeCheckpoint,
} from "./train/index.js";
export { parseRunConfig } from "./train/run-config.js";
export type { RunConfig } from "./train/run-folder.js";

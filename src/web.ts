/**
 * All of Fovea that runs in browsers: nothing here, nor in what it imports, needs Node. Writing networks: `fovea/nn`. More of
 * explanations: `fovea/explain`. Graphs, gradients and training steps: `fovea/engine`.
 */

export {
  type AttentionChoice,
  type AttentionInfo,
  type AttentionName,
  type AttentionOptions,
  attentionInfo,
  createAttention,
  createAttentionByName,
  type GateName,
  listAttention,
} from "./attention/index.js";
export * as statistics from "./compare/statistics/index.js";
export {
  DataError,
  FormatError,
  FoveaError,
  OptionError,
  ShapeError,
  TrainingError,
} from "./core/errors.js";
export type { DType, Tensor } from "./core/tensor.js";
export {
  type Alignment,
  type Augmentation,
  type AutoAugment,
  alignClasses,
  type ColorJitter,
  createDataset,
  type Dataset,
  type DatasetDefaults,
  type DatasetOptions,
  type DatasetSightings,
  type Erasing,
  generateShapes,
  type LabelMap,
  type Normalization,
  normalizations,
  type Preprocessing,
  type RgbImage,
  type ShapesOptions,
  type SkippedFile,
  type Splits,
} from "./data/index.js";
export type { Arrays, Engine, Executable } from "./engines/engine.js";
export type { OrtOptions } from "./engines/ort/engine.js";
export { ortWebEngine } from "./engines/ort/web.js";
export { referenceEngine } from "./engines/reference.js";
export {
  type ExplainableNetwork,
  type ExplainOptions,
  type Explanation,
  explain,
  type Heatmap,
  type MethodChoice,
  type MethodName,
} from "./explain/index.js";
export { type Checkpoint, type CheckpointOptions, type PlaceholderAt, readCheckpoint } from "./formats/checkpoint.js";
export { type ExportOptions, exportOnnx } from "./formats/onnx/export.js";
export { readSafetensors, type SafetensorsFile, writeSafetensors } from "./formats/safetensors.js";
export { exportTransformersJs, type TransformersJsOptions } from "./formats/transformers-js.js";
export { type Cost, costOf, type LayerCost } from "./graph/cost.js";
export type { Graph, Value } from "./graph/graph.js";
export type { Calibration } from "./graph/passes/quantize.js";
export {
  attentionMaps,
  type CalibrateOptions,
  type Classifier,
  calibrate,
  loadPretrained,
  openPredictor,
  openSegmenter,
  type Prediction,
  type PredictOptions,
  type Predictor,
  type PredictTargetsOptions,
  type PretrainedOptions,
  type PretrainedReport,
  predict,
  predictTargets,
  type Segmenter,
  type SegmenterOptions,
  type TargetPrediction,
} from "./inference/index.js";
export { type PretrainedWeights, pretrainedWeights } from "./inference/pretrained-weights.js";
export { imagenetClasses } from "./models/imagenet.js";
export {
  type ClassifierOptions,
  createModel,
  createModelByName,
  type InsertOptions,
  insertAttention,
  listModels,
  type ModelInfo,
  type ModelName,
  type ModelOptions,
  modelInfo,
} from "./models/index.js";
export { type RecognizedCheckpoint, recognizeCheckpoint } from "./models/recognize.js";
export { freeze, type Module, type TraceOptions, trace } from "./nn/index.js";
export { drawHeatmap } from "./report/index.js";
export {
  adamw,
  type ClassificationMetrics,
  type ClassMetrics,
  constantSchedule,
  cosineSchedule,
  type EpochRecord,
  type EpochReport,
  type EvaluateOptions,
  evaluate,
  type FeaturePlan,
  type FeatureReport,
  freezeUntil,
  headGroup,
  type LabelMetrics,
  type LoadOptions,
  type LoadReport,
  lamb,
  layerDecayGroups,
  lion,
  loadState,
  type MultiLabelMetrics,
  multiLabel,
  type Optimizer,
  oneCycleSchedule,
  type ParameterGroup,
  type PixelClassMetrics,
  type Progress,
  type RegressionLoss,
  type RegressionMetrics,
  type RegressionOptions,
  type ReidMetrics,
  type ReidOptions,
  type RetrievalScores,
  regression,
  reidentification,
  rmspropTf,
  type Schedule,
  type Scores,
  type SegmentationLoss,
  type SegmentationMetrics,
  type SegmentationOptions,
  type StepReport,
  segmentation,
  sgd,
  stepSchedule,
  type TargetMetrics,
  type TargetStatistics,
  type Task,
  type TrainOptions,
  type TrainResult,
  targetStatistics,
  train,
  WeightsError,
  warmRestartSchedule,
  weightsOf,
} from "./train/index.js";
export { version } from "./version.js";

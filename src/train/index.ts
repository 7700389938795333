export type { ClassificationMetrics, ClassMetrics } from "../core/evaluation.js";
export type { PixelClassMetrics, SegmentationMetrics } from "../core/pixel-evaluation.js";
export type { ReidMetrics, RetrievalScores } from "../core/retrieval-evaluation.js";
export type {
  LabelMetrics,
  MultiLabelMetrics,
  RegressionMetrics,
  TargetMetrics,
} from "../core/target-evaluation.js";
export { defaultBatch } from "./batches.js";
export * from "./checkpoint.js";
export { type EvaluateOptions, evaluate, forEachLogits } from "./evaluate.js";
export { type FeaturePlan, type FeatureReport, featureLimit } from "./features.js";
export { type FoundRate, findLearningRate, type RateRange, type TriedRate } from "./find-lr.js";
export * from "./fine-tune.js";
export * from "./history.js";
export * from "./metrics.js";
export { type MultiLabelTask, multiLabel } from "./multi-label.js";
export type { Objective, ObjectiveInputs } from "./objective.js";
export * from "./optimizers.js";
export { PixelTally } from "./pixel-metrics.js";
export { type RecipeSettings, recipeFields, recipeNamed, requireEffect, withoutOverruled } from "./recipes.js";
export {
  forOutputsInUnits,
  inUnits,
  type RegressionLoss,
  type RegressionOptions,
  type RegressionTask,
  regression,
  regressionLosses,
  type TargetStatistics,
  targetStatistics,
  traceInUnits,
} from "./regression.js";
export { type ReidOptions, type ReidTask, reidentification } from "./reidentification.js";
export {
  type DistanceBlocks,
  type RerankOptions,
  rerank,
} from "./rerank.js";
export {
  type RetrievalMetrics,
  type RetrievalOptions,
  retrievalMetrics,
  type Sightings,
} from "./retrieval.js";
export * from "./schedules.js";
export {
  balancedWeights,
  type SegmentationLoss,
  type SegmentationOptions,
  segmentation,
  segmentationLosses,
} from "./segmentation.js";
export type { ParameterGroup, RecordedTraining, StepSettings } from "./settings.js";
export { type StepOptions, type StepPart, stepOptions, type TrainingStep, trainingStep } from "./step.js";
export { LabelTally, ValueTally } from "./target-metrics.js";
export * from "./task.js";
export { MeanLogits, type TestTimeAugmentation, testTimeKinds, testTimeViews } from "./test-time.js";
export * from "./train.js";
export {
  asStored,
  type LoadOptions,
  type LoadReport,
  loadState,
  WeightsError,
  weightsOf,
} from "./weights.js";

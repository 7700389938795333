export { attentionMaps } from "./attention-maps.js";
export { type CalibrateOptions, calibrate } from "./calibrate.js";
export {
  type Classifier,
  openPredictor,
  type Prediction,
  type PredictOptions,
  type Predictor,
  predict,
} from "./classifier.js";
export { loadPretrained, type PretrainedOptions, type PretrainedReport } from "./pretrained.js";
export { openSegmenter, type Segmenter, type SegmenterOptions } from "./segmenter.js";
export { type PredictTargetsOptions, predictTargets, type TargetPrediction } from "./targets.js";

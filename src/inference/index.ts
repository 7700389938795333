export { attentionMaps } from "./attention-maps.js";
export {
  type Classifier,
  openPredictor,
  type Prediction,
  type PredictOptions,
  type Predictor,
  predict,
} from "./classifier.js";

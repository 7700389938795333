export { entropy, gini } from "./complexity.js";
export { type ConfidenceChange, confidenceChange } from "./confidence.js";
export { centerMap, controlNames, randomMap } from "./controls.js";
export { ranks, spearman } from "./correlation.js";
export { type Curve, type CurveOptions, deletion, insertion } from "./curves.js";
export { impute } from "./impute.js";
export { type Interval, type IntervalOptions, meanIntervals } from "./interval.js";
export { isUsableMask, type Located, type LocateOptions, locate } from "./localization.js";
export {
  type ClassScores,
  type Example,
  type LogitsOf,
  type OpenLogits,
  openLogits,
  type ScoreKind,
} from "./logits.js";
export { rankPositions, unitMap } from "./ranking.js";
export { type Road, type RoadOptions, road } from "./road.js";
export { infidelity, maxSensitivity, type NoiseOptions, type Sensitivity } from "./robustness.js";
export { type SanityOptions, type SanityRow, sanityCheck } from "./sanity.js";
export {
  type FaithfulnessColumn,
  type FaithfulnessOptions,
  type FaithfulnessTable,
  faithfulness,
  faithfulnessOf,
  type LocalizationColumn,
  type LocalizationOptions,
  type LocalizationTable,
  localization,
  type NamedMaps,
  type Row,
} from "./tables.js";

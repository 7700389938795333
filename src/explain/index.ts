export type { AttributionOptions } from "./attributions/options.js";
export { type Coincidence, coincide, explainableLayers } from "./coincide.js";
export { epochMaps } from "./epoch-maps.js";
export {
  type AimOptions,
  type ExplainableNetwork,
  type Explainer,
  type ExplainerOptions,
  type ExplainOptions,
  type Explanation,
  explain,
  openExplainer,
} from "./explain.js";
export {
  type Gate,
  type GateReport,
  type GateStatistics,
  type GateStatisticsOptions,
  gateStatistics,
  gates,
} from "./gates.js";
export type { Heatmap } from "./heatmap.js";
export type { Layer } from "./layers.js";
export { type Glance, type Glances, openGlances } from "./look.js";
export {
  explanationMethods,
  type MethodChoice,
  type MethodEntry,
  type MethodName,
  type MethodOptions,
} from "./methods.js";
export type { Completeness } from "./subject.js";

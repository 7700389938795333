export type { AttributionOptions } from "./attributions/options.js";
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
export type { Heatmap } from "./heatmap.js";
export {
  explanationMethods,
  type MethodChoice,
  type MethodEntry,
  type MethodName,
  type MethodOptions,
} from "./methods.js";
export type { Completeness } from "./subject.js";

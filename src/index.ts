/** All of Fovea: what runs anywhere, and what needs Node. */
export * from "./data/node.js";
export { type OrtNodeOptions, ortEngine, ortWebEngine } from "./engines/ort/node.js";
export {
  checkRegimes,
  defaultRegimes,
  type Regimes,
  type WinogradRegimes,
  type WinogradSides,
  type WinogradTile,
} from "./engines/ort/regimes.js";
export * from "./hub/index.js";
export { buildNetwork, type LoadRunOptions, loadRun, type TrainedNetwork } from "./inference/load-run.js";
export * from "./train/node.js";
export * from "./web.js";

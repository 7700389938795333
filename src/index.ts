/** All of Fovea: what runs anywhere, and what needs Node. */
export * from "./data/node.js";
export { type OrtNodeOptions, ortEngine, ortWebEngine } from "./engines/ort/node.js";
export {
  checkTuning,
  defaultTuning,
  type Tuning,
  type WinogradSides,
  type WinogradTile,
  type WinogradTuning,
} from "./engines/ort/tuning.js";
export * from "./hub/index.js";
export { buildNetwork, type LoadRunOptions, loadRun, type TrainedNetwork } from "./inference/load-run.js";
export * from "./train/node.js";
export * from "./web.js";

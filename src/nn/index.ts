export * from "./init.js";
export * from "./layers.js";
export * from "./loss.js";
export * from "./module.js";
export * from "./norms.js";
export { meanSquaredError, type SmoothL1Options, smoothL1Loss } from "./regression.js";
export * from "./segmentation.js";
export { type TripletOptions, tripletLoss } from "./triplet.js";

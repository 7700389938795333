export * from "./adjust.js";
export * from "./bootstrap.js";
export * from "./calibration.js";
export * from "./crossed.js";
export * from "./distributions.js";
export * from "./proportions.js";
export { deviation, type Interval, mean, quantile } from "./sample.js";
export * from "./tests.js";

export { type CheckOptions, type CheckReport, checkFunction } from "./check-function.js";
export { checkModule } from "./check-module.js";
export { magnitude, relativeError } from "./compare.js";
export { checkGolden, type GoldenReport, type TrainedData, type Worst } from "./golden/index.js";

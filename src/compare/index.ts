export { isGenerated } from "../data/shapes.js";
export { analyze, type Difference, type Outcome, type Row } from "./analysis.js";
export type { CostRow, Costs } from "./costs.js";
export { type Division, divide, subset } from "./data.js";
export {
  type Budget,
  budgets,
  canonical,
  type Named,
  type Plan,
  type PlanData,
  parsePlan,
  readPlan,
  type Setting,
  scoreOfPlan,
  taskOfPlan,
  writtenPlan,
} from "./plan.js";
export { type Preset, presetNamed, presets } from "./presets.js";
export { type Rates, rateKey } from "./resolve.js";
export type { Measured, UnitResult } from "./results.js";
export { slurmScript } from "./slurm.js";
export {
  baseOf,
  big,
  type Comparison,
  columnsFor,
  costColumns,
  design,
  lookColumns,
  notes,
} from "./tables.js";
export { comparedTasks } from "./tasks.js";
export { parseDimension, promoted, rungsOf, type Search, type TrialSettings, trialsOf } from "./tune.js";
export { searchText, trialTitle, winnerPlan, winnerText } from "./tune-tables.js";
export { fewestSeeds, type Unit, unitsOf } from "./units.js";
export { points, scaleOf, verdict } from "./verdict.js";

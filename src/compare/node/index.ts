export { sha256 } from "./hash.js";
export { Journal, type JournaledUnit } from "./journal.js";
export { measureCosts } from "./measure-costs.js";
export { arePaired, type Pairing, pairings } from "./pairing.js";
export { type PoolFailure, runPool, type WorkerMessage } from "./pool.js";
export { type Forecast, forecast, probe, type Speed } from "./probe.js";
export { fillQueue, serveQueue } from "./queue.js";
export { type RunUnitOptions, runUnit, type UnitOutcome } from "./run-unit.js";
export { type Written, writeTables } from "./write-tables.js";

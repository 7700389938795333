/** Bad luck in bulk: is a training that is killed, stopped, out of disk or not alone left intact? Does memory grow? */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Rng } from "../src/core/rng.js";
import { fullDisk, kills, type Scene, signals, twoWriters } from "./soak/disturb.js";
import { engines, steps } from "./soak/memory.js";
import { attempt, Reference, type Row, writeData } from "./soak/run.js";
import { count } from "./workload.js";

const parts: Readonly<Record<string, [number, (times: number, scene: Scene) => Promise<Row>]>> = {
  kills: [100, kills],
  signals: [30, signals],
  "full-disk": [20, fullDisk],
  "two-writers": [20, twoWriters],
  steps: [10_000, steps],
  engines: [1000, engines],
};
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    only: { type: "string", default: Object.keys(parts).join() },
    times: { type: "string" },
  },
});

const folder = mkdtempSync(join(tmpdir(), "fovea-soak-"));
const rows: Row[] = [];
try {
  const rng = new Rng(count("seed", values.seed), "soak");
  const data = join(folder, "data");
  mkdirSync(data);
  writeData(data, rng);
  const path = join(folder, "reference");
  const { code, stderr } = await attempt(data, path);
  if (code !== 0) throw new Error(stderr);
  const scene = { folder, data, reference: new Reference(path), rng };
  for (const name of values.only.split(",")) {
    const [times, run] = parts[name] ?? [];
    if (!times || !run) throw new Error(`--only: one of ${Object.keys(parts).join(", ")}, not ${name}`);
    const started = performance.now();
    const row = await run(values.times === undefined ? times : count("times", values.times), scene);
    rows.push({ ...row, outcome: `${row.outcome} (${((performance.now() - started) / 1000).toFixed(0)} s)` });
    for (const fault of row.faults) console.error(fault);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const cells = rows.map(({ part, outcome, faults }) => [part, outcome, `${faults.length}`]);
console.log(["what", "outcome", "faults"].join(" | "));
console.log("---|---|---");
for (const row of cells) console.log(row.join(" | "));
process.exitCode = rows.some(({ faults }) => faults.length > 0) ? 1 : 0;

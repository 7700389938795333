/** Bad luck in bulk: is a training that is killed, stopped, out of disk or not alone left intact? Does memory grow? */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Rng } from "../src/core/rng.js";
import { fullDisk, kills, signals, twoWriters } from "./soak/disturb.js";
import { engines, steps } from "./soak/memory.js";
import { attempt, Reference, type Row, type Scene, writeData } from "./soak/run.js";
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

/** A line at the first time, at each twentieth of all, and at the last. */
function progress(name: string, times: number): (done: number, seen: string) => void {
  const started = performance.now();
  let twentieths = 0;
  return (done, seen) => {
    const reached = Math.floor((20 * done) / times);
    if (reached === twentieths && done > 1) return;
    twentieths = reached;
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.error(`${name}: ${done} of ${times} in ${seconds} s, ${seen}`);
  };
}

const folder = mkdtempSync(join(tmpdir(), "fovea-soak-"));
const rows: Row[] = [];
try {
  const rng = new Rng(count("seed", values.seed), "soak");
  const data = join(folder, "data");
  mkdirSync(data);
  writeData(data, rng);
  const path = join(folder, "reference");
  const begun = performance.now();
  const { code, stderr } = await attempt(data, path);
  if (code !== 0) throw new Error(stderr);
  const scene = { folder, data, reference: new Reference(path, performance.now() - begun), rng };
  for (const name of values.only.split(",")) {
    const [usual, run] = parts[name] ?? [];
    if (!usual || !run) throw new Error(`--only: one of ${Object.keys(parts).join(", ")}, not ${name}`);
    const times = values.times === undefined ? usual : count("times", values.times);
    const started = performance.now();
    const row = await run(times, { ...scene, onProgress: progress(name, times) });
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

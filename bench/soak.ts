/** Many training steps of a small network: does memory stay where it is after the warm-up? */
import { parseArgs } from "node:util";
import { type AttentionChoice, ortEngine, resnet } from "../src/index.js";
import { count, randomStep } from "./workload.js";

const { values } = parseArgs({
  options: { steps: { type: "string", default: "2000" }, attention: { type: "string", default: "none" } },
});
const steps = count("steps", values.steps);
const interval = 100;

const engine = ortEngine();
const { graph, feeds } = randomStep(
  resnet(20, { classes: 10, attention: values.attention as AttentionChoice }),
  [16, 3, 16, 16],
  10,
);
const executable = await engine.compile(graph);
const samples: { readonly step: number; readonly bytes: number }[] = [];
const started = performance.now();
for (let step = 1; step <= steps; step++) {
  await executable.run(feeds);
  if (step % interval !== 0) continue;
  // The worker thread that computes is part of this process, so this is all there is.
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  samples.push({ step, bytes: rss });
  const parts = Object.entries({ resident: rss, heap: heapUsed, external, arrayBuffers });
  console.log(
    `step ${step}: ${parts.map(([name, bytes]) => `${name} ${(bytes / 2 ** 20).toFixed(1)}`).join(", ")} MiB`,
  );
}
await executable.release();
await engine.release();

const settled = samples.slice(Math.floor(samples.length / 4));
const seconds = ((performance.now() - started) / 1000).toFixed(0);
if (settled.length < 2) console.log(`${steps} steps in ${seconds} s: too few for a slope`);
else console.log(`${steps} steps in ${seconds} s; after the first quarter ${slope(settled).toFixed(0)} bytes per step`);

/** Least squares, in bytes per step. */
function slope(points: readonly { readonly step: number; readonly bytes: number }[]): number {
  const mean = (f: (p: (typeof points)[number]) => number) => points.reduce((sum, p) => sum + f(p), 0) / points.length;
  const [x, y] = [mean((p) => p.step), mean((p) => p.bytes)];
  return mean((p) => (p.step - x) * (p.bytes - y)) / mean((p) => (p.step - x) ** 2);
}

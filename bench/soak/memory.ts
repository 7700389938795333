import { ortEngine } from "../../src/index.js";
import { resnet } from "../../src/nn.js";
import { randomStep } from "../workload.js";
import type { Row, Scene } from "./run.js";

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/** The worker threads that compute are part of this process, so this is all there is. */
const sample = (at: number): Sample => ({ at, bytes: process.memoryUsage.rss() });
const resident = () => `${mib(process.memoryUsage.rss())} MiB resident`;
const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);

/** Does memory stay where it is while a small network is trained? */
export async function steps(count: number, { onProgress }: Scene): Promise<Row> {
  const engine = ortEngine();
  const { graph, feeds } = randomStep(resnet(20, { numClasses: 10, attention: "se" }), [16, 3, 16, 16], 10);
  const executable = await engine.compile(graph);
  const samples: Sample[] = [];
  for (let step = 1; step <= count; step++) {
    await executable.run(feeds);
    if (step % 100 === 0) samples.push(sample(step));
    onProgress(step, resident());
  }
  await executable.release();
  await engine.release();
  return { part: `${count} training steps`, ...growth(samples, "step") };
}

/** Does memory stay where it is while engines are opened, used and released? */
export async function engines(count: number, { onProgress }: Scene): Promise<Row> {
  const { graph, feeds } = randomStep(resnet(20, { numClasses: 10 }), [2, 3, 16, 16], 10);
  const samples: Sample[] = [];
  for (let i = 1; i <= count; i++) {
    const engine = ortEngine({ threads: 1 });
    const executable = await engine.compile(graph);
    await executable.run(feeds);
    await executable.release();
    await engine.release();
    if (i % 10 === 0) samples.push(sample(i));
    onProgress(i, resident());
  }
  return { part: `${count} engines`, ...growth(samples, "engine") };
}

/** More than this is a fault: several times what resident memory scatters by on a busy machine. */
const mostGrowth = 64 * 2 ** 20;

/** By least squares after the first quarter. */
function growth(samples: readonly Sample[], of: string): Pick<Row, "outcome" | "faults"> {
  const settled = samples.slice(Math.floor(samples.length / 4));
  if (settled.length < 2) return { outcome: "too few for a slope", faults: [] };
  const mean = (f: (s: Sample) => number) => settled.reduce((sum, s) => sum + f(s), 0) / settled.length;
  const [x, y] = [mean(({ at }) => at), mean(({ bytes }) => bytes)];
  const slope = mean((s) => (s.at - x) * (s.bytes - y)) / mean((s) => (s.at - x) ** 2);
  const sizes = settled.map(({ bytes }) => bytes);
  const grown = slope * (settled.at(-1)!.at - settled[0]!.at);
  return {
    outcome: `resident memory between ${mib(Math.min(...sizes))} and ${mib(Math.max(...sizes))} MiB, slope ${slope.toFixed(0).replace("-", "−")} bytes per ${of}`,
    faults: grown > mostGrowth ? [`memory grew by ${mib(grown)} MiB, ${slope.toFixed(0)} bytes per ${of}`] : [],
  };
}

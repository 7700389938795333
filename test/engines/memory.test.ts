import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { noWeb } from "../support/engines.js";
import { ifLong } from "../support/long.js";

/** MiB at a sample: of the process, and of what JavaScript holds in it. */
interface Sample {
  readonly process: number;
  readonly held: number;
}

/** A network of a megabyte, its training step, and what each case repeats. */
const program = (dist: string) => `
import { float32 } from "${dist}/nn.js";
import { ortEngine, ortWebEngine as webWorker, referenceEngine } from "${dist}/index.js";
import { ortWebEngine as webHere } from "${dist}/web.js";
import { constant, Param } from "${dist}/nn/index.js";
import { gradients } from "${dist}/autodiff/gradients.js";
import { Graph } from "${dist}/graph/graph.js";
import { matMul, mul, reduceSum, sub } from "${dist}/ops/index.js";

const [kind, count, every] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])];
const engines = { ort: () => ortEngine({ threads: 1 }), web: () => webWorker({ threads: 1 }), here: () => webHere({ threads: 1 }), reference: referenceEngine };
const [engineName, what] = kind.split(" ");
const make = engines[engineName];

/** w moves down the gradient of |xw|². */
const size = 512;
const weight = new Param([size, size], constant(0.01));
weight.value = float32([size, size], new Float32Array(size * size).fill(0.01));
const graph = new Graph(true, () => "weight");
const x = graph.input("x", { dtype: "float", shape: [4, size] });
const w = graph.state(weight);
const y = matMul(x, w);
const loss = reduceSum(mul(y, y), [0, 1], { keepdims: false });
const [dw] = gradients(loss, [w]);
graph.update(weight, sub(w, mul(dw, graph.constant(float32([], [1e-4])))));
graph.output("loss", loss);
const feeds = { x: float32([4, size], new Float32Array(4 * size).fill(0.1)) };

const use = async (engine) => {
  const executable = await engine.compile(graph);
  await executable.run(feeds);
  await executable.readState();
  await executable.release();
};
const shared = what === "engine" ? undefined : make();
const executable = what === "step" ? await shared.compile(graph) : undefined;
const cycles = {
  engine: async () => { const engine = make(); await use(engine); await engine.release(); },
  executable: () => use(shared),
  step: () => executable.run(feeds),
};
const samples = [];
for (let i = 1; i <= count; i++) {
  await cycles[what]();
  if (i % every !== 0) continue;
  gc();
  await new Promise((resolve) => setTimeout(resolve, 20));
  gc();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  // Of arrays in other threads only the last knows.
  samples.push({ process: rss / 2 ** 20, held: (heapUsed + external + arrayBuffers) / 2 ** 20 });
}
await shared?.release();
console.log(JSON.stringify(samples));
`;

/** Without the room that V8 and the C library's allocator take for speed, which is bounded but grows for a while. */
const flags = ["--expose-gc", "--max-semi-space-size=1", "--input-type=module"];
const quiet = { MALLOC_ARENA_MAX: "1" };

async function samplesOf(kind: string, count: number, every: number): Promise<Sample[]> {
  const dist = new URL("../../src", import.meta.url).href;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...flags, "--eval", program(dist), kind, String(count), String(every)],
    { env: { ...process.env, ...quiet } },
  );
  return JSON.parse(stdout) as Sample[];
}

/** What is repeated how often, and looked at how often. A cycle that kept a copy of the weights would keep a megabyte. */
const cases: readonly (readonly [kind: string, count: number, every: number, most?: number])[] = [
  ["ort engine", 48, 4],
  ["ort executable", 96, 8],
  ["ort step", ifLong ? 300 : 1000, ifLong ? 15 : 50],
  // An instance of WebAssembly takes about as much, and the system takes it back when it likes; four kept ones would be over this.
  ["web engine", 16, 1, 80],
  ["web executable", 48, 4],
  ["web step", 500, 25],
  ["here executable", 48, 4],
  ["reference executable", 60, 6],
];
for (const [kind, count, every, most = 16] of cases)
  test(`${kind}: repeated ${count} times, memory stays where it is`, {
    skip: (/^(?:web|here)/.test(kind) && noWeb) || (kind !== "ort step" && ifLong),
  }, async (t) => {
    const samples = await samplesOf(kind, count, every);
    const settled = samples.slice(Math.floor(samples.length / 3));
    const least = (of: (sample: Sample) => number, part: Sample[]) => Math.min(...part.map(of));
    const half = settled.length / 2;
    const [early, late] = [settled.slice(0, half), settled.slice(half)];
    const grown = (of: (sample: Sample) => number) => least(of, late) - least(of, early);
    const [process, held] = [grown((s) => s.process), grown((s) => s.held)];
    t.diagnostic(`grew by ${process.toFixed(2)} MiB, held ${held.toFixed(3)} MiB; ${JSON.stringify(samples.at(-1))}`);
    assert.ok(held < 0.5, `JavaScript holds ${held} MiB more`);
    assert.ok(process < most, `the process has ${process} MiB more`);
    const peak = Math.max(...settled.map((sample) => sample.held));
    assert.ok(peak < 24, `JavaScript held ${peak} MiB at a time`);
  });

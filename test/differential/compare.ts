import { messageOf } from "../../src/core/errors.js";
import { Rng } from "../../src/core/rng.js";
import { type Tensor, toFloat64 } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { ortEngine } from "../../src/engines/ort/node.js";
import { trainingRules } from "../../src/engines/ort/rules/training.js";
import { wasmRules } from "../../src/engines/ort/targets/wasm.js";
import type { Tuning, WinogradTile } from "../../src/engines/ort/tuning.js";
import { withWinograd } from "../../src/engines/ort/winograd/plain.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { inferenceRules } from "../../src/formats/onnx/lower.js";
import type { Graph } from "../../src/graph/graph.js";
import { magnitude } from "../../src/testing/compare.js";
import { webgpuOnCpu } from "../support/webgpu-on-cpu.js";
import { build, type Network, type Plan } from "./network.js";
import { withNoise } from "./noise.js";

/** Winograd's algorithm wherever it can be used, with tiles of m×m. */
const everywhere = (m: WinogradTile): Tuning => ({
  fewImages: 0,
  winograd: { positions: 0, 2: {}, 4: {}, [m]: { 1: 1024 } },
});

/** The lowerings that must agree with the reference engine: all that there are stand here. */
export const lowerings: Readonly<Record<string, (threads: number) => Engine>> = {
  blocked: (threads) => ortEngine({ threads, layout: "blocked" }),
  // Layers that the default table would send by Winograd's algorithm are too large to be drawn.
  winograd: (threads) => ortEngine({ threads, layout: "blocked", tuning: everywhere(2) }),
  fast: (threads) => ortEngine({ threads, layout: "blocked", precision: "fast", tuning: everywhere(4) }),
  native: (threads) => ortEngine({ threads, layout: "plain" }),
  // What is written for WebAssembly, on the native build.
  web: (threads) =>
    ortEngine({ threads, layout: "plain", rules: withWinograd(wasmRules, { share: Number.POSITIVE_INFINITY }) }),
  // What is written for WebGPU, on the native build.
  webgpu: webgpuOnCpu,
  standard: (threads) => ortEngine({ threads, layout: "plain", rules: new Map([...inferenceRules, ...trainingRules]) }),
};

/** The same on a GPU or a software adapter: only where it is asked for, and one is there. */
const onGpu: typeof lowerings = { gpu: () => ortEngine({ device: "webgpu", allowSoftware: true }) };

/** One array that is not what the reference engine says, or (without one) a network that could not be run. */
export interface Difference {
  readonly lowering: string;
  readonly what: string;
  readonly message: string;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Arrays compared, and how many of them rounding may move by more than a hundredth, so that little can be seen in them. */
  readonly arrays: number;
  readonly blind: number;
  /** The largest error as a multiple of what noise did to the same array. */
  readonly worst: number;
}

/** Noise as large as float32's rounding step, drawn `draws` times; an error may be `factor` times the largest response. */
const noise = { size: 2 ** -23, draws: 3, factor: 40 };
/** Errors below this share of an array's largest element are nobody's fault: long sums of equal terms, functions of single precision. */
const floor = 1e-5;

/** One engine for each lowering. */
export const enginesFor = (threads: number): ReadonlyMap<string, Engine> =>
  new Map(Object.entries({ ...lowerings, ...onGpu }).map(([name, make]) => [name, make(threads)]));

/** Runs a network on the reference engine and on each lowering, and compares all outputs and all state afterwards. */
export async function compare(
  plan: Plan,
  engines: ReadonlyMap<string, Engine>,
  turnsTo: (lowering: string) => void = () => {},
): Promise<Comparison> {
  const { graph, feeds } = build(plan);
  const expected = await resultsOf(referenceEngine(), { graph, feeds });
  const response = new Map<string, number>();
  for (let i = 0; i < noise.draws; i++) {
    const shaken = withNoise(graph, new Rng(plan.seed, "noise", plan.numbers, i), noise.size);
    for (const [name, value] of await resultsOf(referenceEngine(), { graph: shaken, feeds }))
      response.set(name, Math.max(response.get(name) ?? 0, distance(value, expected.get(name)!)));
  }
  const differences: Difference[] = [];
  let [arrays, blind, worst] = [0, 0, 0];
  for (const [lowering, engine] of engines) {
    turnsTo(lowering);
    let actual: Map<string, Tensor>;
    try {
      actual = await resultsOf(engine, { graph, feeds });
    } catch (error) {
      differences.push({ lowering, what: "network", message: messageOf(error) });
      continue;
    }
    for (const [what, value] of expected) {
      const size = magnitude(toFloat64(value));
      const error = distance(actual.get(what)!, value);
      const moved = response.get(what)! + (floor / noise.factor) * size;
      // Nothing below float32's smallest normal number is looked at.
      const allowed = Math.max(noise.factor * moved, 2 ** -126);
      arrays++;
      if (allowed > 0.01 * size && size > 0) blind++;
      worst = Math.max(worst, moved > 0 ? error / moved : 0);
      if (!(error <= allowed))
        differences.push({
          lowering,
          what,
          message: `off by ${error.toExponential(1)} where rounding explains ${allowed.toExponential(1)}; largest element ${size.toExponential(1)}`,
        });
    }
  }
  return { differences, arrays, blind, worst };
}

/** Outputs, and the state after the run. */
async function resultsOf(engine: Engine, { graph, feeds }: Network): Promise<Map<string, Tensor>> {
  const executable = await engine.compile(graph);
  try {
    const outputs = Object.entries(await executable.run(feeds));
    const state = await executable.readState();
    return new Map([...outputs, ...graph.updates.map(({ name, cell }) => [`next ${name}`, state.get(cell)!] as const)]);
  } finally {
    await executable.release();
  }
}

/** The largest difference of two elements; infinite where one is not a number, or the shapes differ. */
function distance(a: Tensor, b: Tensor): number {
  if (String(a.shape) !== String(b.shape)) return Number.POSITIVE_INFINITY;
  const [p, q] = [toFloat64(a).data, toFloat64(b).data];
  return p.reduce(
    (most, v, i) => (v === q[i] ? most : Math.max(most, Math.abs(v - q[i]!) || Number.POSITIVE_INFINITY)),
    0,
  );
}

/** The part of a network that computes one array. */
export function partFor(plan: Plan, what: string): Graph {
  const isOutput = build(plan).graph.outputs.has(what);
  return build(plan, isOutput ? what : undefined).graph;
}

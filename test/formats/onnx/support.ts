import * as node from "onnxruntime-node";
import { ShapeError } from "../../../src/core/errors.js";
import { type Tensor, toFloat32 } from "../../../src/core/tensor.js";
import type { Arrays } from "../../../src/engines/engine.js";
import type { OrtModule } from "../../../src/engines/ort/targets/target.js";
import { referenceEngine } from "../../../src/engines/reference.js";
import { type ExportOptions, exportOnnx } from "../../../src/formats/onnx/export.js";
import type { Graph } from "../../../src/graph/graph.js";
import { createModelByName, modelInfo } from "../../../src/models/index.js";
import { graphFor, type Module, stateOf, trace } from "../../../src/nn/index.js";
import { relativeError } from "../../../src/testing/compare.js";
import { random } from "../../support/random.js";

/** Runs an ONNX file in ONNX Runtime, by default onnxruntime-node. */
export async function runOnnx(
  bytes: Uint8Array,
  inputs: Arrays,
  ort: OrtModule = node,
): Promise<Record<string, Tensor>> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  try {
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [
        name,
        new ort.Tensor("float32", toFloat32(value).data, [...value.shape]),
      ]),
    );
    const results = Object.entries(await session.run(feeds));
    return Object.fromEntries(
      results.map(([name, { dims, data }]) => [
        name,
        { dtype: "float32", shape: dims, data: Float32Array.from(data as Float32Array) },
      ]),
    );
  } finally {
    await session.release();
  }
}

/** The outputs of a graph by definition, in float64. */
export async function runReference(graph: Graph, inputs: Arrays): Promise<Record<string, Tensor>> {
  const executable = await referenceEngine().compile(graph);
  return executable.run(inputs);
}

/**
 * Gives a network statistics and scales as if trained: fresh batch norms do nothing, so that folding them would show nothing.
 * Scales stay below 1, as in trained residual branches: otherwise values grow from block to block, gates saturate, and rounding
 * decides what a deep network computes. (Statistics of a batch would be worse: at random weights they amplify differences.)
 */
export function unsettle<M extends Module>(model: M): M {
  graphFor(model);
  for (const [path, param] of stateOf(model)) {
    const range = /running_var$/.test(path)
      ? { low: 0.5, high: 1.5 }
      : /running_mean$/.test(path)
        ? { low: -0.2, high: 0.2 }
        : undefined;
    const isScale = /(^|\.)weight$/.test(path) && param.shape.length === 1;
    const numbers = range ?? (isScale ? { low: 0.5, high: 0.9 } : undefined);
    if (numbers) param.value = toFloat32(random(param.shape, { seed: path.length, ...numbers }));
  }
  return model;
}

/** The builds of ONNX Runtime, by package; onnxruntime-web only if installed. */
export const runtimes = new Map<string, OrtModule>([["onnxruntime-node", node]]);
await import("onnxruntime-web").then(
  (web) => {
    web.env.wasm.numThreads = 1;
    runtimes.set("onnxruntime-web", web);
  },
  () => undefined,
);

/** A network of the catalogue, with the smallest image it takes: [1, 3, height, width]. */
export function smallest(name: string): { readonly network: Module; readonly shape: readonly number[] } {
  const network = unsettle(createModelByName(name, { numClasses: 10 }));
  return { network, shape: smallestImage(network, modelInfo(name).input) };
}

/**
 * Exports a network and runs the file on one image in every runtime. Returns, by runtime, the largest difference from the reference
 * engine's logits, relative to the largest of these.
 */
export async function roundTrip(
  { network, shape }: ReturnType<typeof smallest>,
  options: ExportOptions = {},
): Promise<ReadonlyMap<string, number>> {
  const bytes = exportOnnx(trace(network, ["N", ...shape.slice(1)]), options);
  const inputs = { input: random(shape) };
  const { output: expected } = await runReference(trace(network, shape), inputs);
  const errors = new Map<string, number>();
  for (const [runtime, ort] of runtimes)
    errors.set(runtime, relativeError((await runOnnx(bytes, inputs, ort)).output!, expected!));
  return errors;
}

function smallestImage(network: Module, [channels, height, width]: readonly [number, number, number]): number[] {
  const shorter = Math.min(height, width);
  for (const side of [32, 64, 128].filter((candidate) => candidate < shorter)) {
    const shape = [1, channels, (height * side) / shorter, (width * side) / shorter];
    try {
      trace(network, shape);
      return shape;
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
    }
  }
  return [1, channels, height, width];
}

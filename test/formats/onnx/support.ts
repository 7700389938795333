import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { type Tensor, toFloat32 } from "../../../src/core/tensor.js";
import type { Arrays } from "../../../src/engines/engine.js";
import { referenceEngine } from "../../../src/engines/reference.js";
import type { Graph } from "../../../src/graph/graph.js";
import { graphFor, type Module, stateOf } from "../../../src/nn/index.js";
import { random } from "../../support/random.js";

/** Runs an ONNX file in ONNX Runtime, as its users do. */
export async function runOnnx(bytes: Uint8Array, inputs: Arrays): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  try {
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [
        name,
        new OrtTensor("float32", toFloat32(value).data, [...value.shape]),
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

/** What a graph gives by definition, in float64. */
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

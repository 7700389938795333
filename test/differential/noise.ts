import type { Rng } from "../../src/core/rng.js";
import { sizeOf } from "../../src/core/tensor.js";
import { type Graph, liveProgram } from "../../src/graph/graph.js";
import type { Dense, Op, ValueType } from "../../src/graph/op.js";
import { rebuild } from "../../src/graph/passes/rebuild.js";
import { magnitude } from "../../src/testing/compare.js";

/** Operators that move, choose or compare elements: they round nothing, and what is equal must stay equal. */
const exact = new Set(
  [
    ["Reshape", "Transpose", "Slice", "Pad", "Concat", "Expand", "Cast", "Neg", "Abs", "Sign", "Where", "Relu", "Clip"],
    ["After", "Max", "Min", "ReduceMax", "MaxPool", "Greater", "Equal", "ReluGrad", "ReduceMaxGrad", "MaxPoolGrad"],
  ].flat(),
);
/** Its derivative compares the output with its bounds. */
const bounding = "HardSigmoid";

/**
 * The graph as arithmetic of limited precision might compute it: every element of every input and output of every node that rounds
 * is multiplied by (1 + u)(1 + v), u and v uniform in ±`size`, u drawn for each element and v for each array (functions that are
 * approximated err to one side), anew for each use (Parker's Monte Carlo arithmetic, 1997). Zeros stay zeros.
 * How far the results move shows how far rounding may move them: cancellation, division by small numbers, and maxima or
 * rectifiers that are about to flip are all in it.
 */
export function withNoise(graph: Graph, rng: Rng, size: number): Graph {
  const shaken = (x: Dense, { dtype }: ValueType): Dense => {
    if (dtype !== "float") return x;
    const common = 1 + rng.uniform(-size, size);
    return { ...x, data: x.data.map((v) => v * common * (1 + rng.uniform(-size, size))) };
  };
  /** Added to each element of a channel: γ/σ times `largest`, what cancels there, times a random number of the channel and one of the element. */
  const afterCancelling = (
    result: Dense,
    largest: { readonly ofChannel: (channel: number) => number; readonly ofElement: number },
    gamma: Dense,
    variance: Dense,
    epsilon: number,
  ): Dense => {
    const area = sizeOf(result.shape.slice(2));
    const scales = gamma.data.map((g, c) => Math.abs(g) / Math.sqrt(variance.data[c]! + epsilon));
    const common = scales.map((_, c) => largest.ofChannel(c) * rng.uniform(-size, size));
    const channel = (i: number) => Math.floor(i / area) % scales.length;
    const off = (c: number) => scales[c]! * (common[c]! + largest.ofElement * rng.uniform(-size, size));
    return { ...result, data: result.data.map((v, i) => v + off(channel(i))) };
  };
  const noisy = (op: Op, inputs: readonly ValueType[], outputs: readonly ValueType[]): Op => ({
    ...op,
    run: (values, attributes) => {
      const results = op.run(
        values.map((v, i) => shaken(v, inputs[i]!)),
        attributes,
      );
      if (op.name === bounding) return results;
      const moved = results.map((v, i) => shaken(v, outputs[i]!));
      const epsilon = Number(attributes.epsilon);
      if (op.name === "BatchNormTraining") {
        const [y, mean, variance] = [moved[0]!, results[1]!, results[2]!];
        // Every x − mean of a channel is off by the same rounding of the mean.
        const largest = { ofChannel: (c: number) => Math.abs(mean.data[c]!), ofElement: 0 };
        return moved.with(0, afterCancelling(y, largest, values[1]!, variance, epsilon));
      }
      if (op.name === "BatchNormTrainingGrad") {
        const [dx, most] = [moved[0]!, magnitude(values[0]!)];
        const largest = { ofChannel: () => most, ofElement: most };
        return moved.with(0, afterCancelling(dx, largest, values[2]!, values[4]!, epsilon));
      }
      return moved;
    },
  });
  const live = new Set(liveProgram(graph).nodes);
  return rebuild(graph, {
    node: (node, to) => {
      if (!live.has(node) || exact.has(node.op.name)) return undefined;
      const types = [node.inputs, node.outputs].map((values) => values.map(({ type }) => type)) as [
        ValueType[],
        ValueType[],
      ];
      return to.target.apply(noisy(node.op, ...types), node.inputs.map(to.get), node.attributes);
    },
  });
}

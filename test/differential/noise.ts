import type { Rng } from "../../src/core/rng.js";
import { type Graph, program } from "../../src/graph/graph.js";
import type { Dense, Op, ValueType } from "../../src/graph/op.js";
import { rebuild } from "../../src/graph/passes/rebuild.js";
import { magnitude } from "../../src/testing/compare.js";

/** Operators that move, choose or compare elements: they round nothing, and what is equal must stay equal. */
const exact = new Set(
  [
    ["Reshape", "Transpose", "Slice", "Pad", "Concat", "Expand", "Cast", "Neg", "Abs", "Sign", "Where", "Relu", "Clip"],
    ["Max", "Min", "ReduceMax", "MaxPool", "Greater", "Equal", "ReluGrad", "ReduceMaxGrad", "MaxPoolGrad"],
  ].flat(),
);
/** Its derivative compares the output with its bounds. */
const bounding = "HardSigmoid";
/** Adds numbers that are rounded once for a whole channel, so that the errors of its elements have one sign. */
const shifting = "BatchNormTrainingGrad";

/**
 * The graph as arithmetic of limited precision might compute it: every element of every input and output of every node that rounds
 * is multiplied by 1 + u, u uniform in ±`size`, each time it is used (Parker's Monte Carlo arithmetic, 1997). Zeros stay zeros.
 * How far the results move shows how far rounding may move them: cancellation, division by small numbers, and maxima or
 * rectifiers that are about to flip are all in it.
 */
export function withNoise(graph: Graph, rng: Rng, size: number): Graph {
  const shaken = (x: Dense, { dtype }: ValueType): Dense =>
    dtype === "float" ? { ...x, data: x.data.map((v) => v * (1 + rng.uniform(-size, size))) } : x;
  const shifted = (x: Dense): Dense => {
    const shift = rng.uniform(-size, size) * magnitude(x);
    return { ...x, data: x.data.map((v) => v + shift) };
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
      return op.name === shifting ? moved.map(shifted) : moved;
    },
  });
  const live = new Set(program(graph).nodes);
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

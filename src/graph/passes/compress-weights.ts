import { sizeOf, type Tensor, tensor, toFloat64 } from "../../core/tensor.js";
import type { Cell, Graph, Value } from "../graph.js";
import type { Op } from "../op.js";
import { encodeFloat16, largestFloat16, roundEven } from "./float16.js";
import { rebuild } from "./rebuild.js";
import { type Use, usesOf } from "./uses.js";

/** Element types of compressed weights. */
export type CompressedType = "float16" | "int8";

/** Smaller arrays stay float32: the nodes that decode an array take as many bytes as are saved. */
const fewest = 1024;

/** (x, scale [shape[axis]]) → scale[i] · x, with i the index along `axis`: the real numbers that integers encode. */
export const dequantizeLinear: Op<{ readonly axis: number }, readonly [x: Value, scale: Value]> = {
  name: "DequantizeLinear",
  infer: ([x]) => [{ dtype: "float", shape: x.shape }],
  run: ([x, scale], { axis }) => {
    const inner = sizeOf(x.shape.slice(axis + 1));
    return [{ ...x!, data: x.data.map((q, i) => q * scale.data[Math.floor(i / inner) % x.shape[axis]!]!) }];
  },
  grad: () => [null, null],
  macs: () => 0,
};

/**
 * Rounds weights as a compressed file stores them; the graph computes what the file will.
 *
 * 1. A weight is a cell of at least 1024 elements that the graph does not update and that only `Conv` and `MatMul` read, directly.
 *    Everything else stays as it is, biases and batch norms in particular: they are small, and rounding them costs the most accuracy.
 * 2. float16: each element becomes the nearest half-precision number. A weight with elements beyond ±65504 stays float32.
 * 3. int8: q = round(w / s), with a scale s per output channel: max |w| / 127, or 1 for a channel of zeros; the graph gets
 *    `DequantizeLinear(q, s)`. A weight whose readers disagree on the output axis stays float32.
 *
 * @example
 * const rounded = compressWeights(foldBatchNorm(trace(model, [1, 3, 224, 224])), "int8");
 */
export function compressWeights(graph: Graph, type: CompressedType): Graph {
  const updated = new Set(graph.updates.map(({ cell }) => cell));
  const axes = new Map<Cell, number>();
  for (const [value, uses] of usesOf(graph)) {
    if (value.source.kind !== "state" || updated.has(value.source.cell) || sizeOf(value.source.cell.shape) < fewest)
      continue;
    const seen = new Set(uses.map(outputAxis));
    const [axis] = seen;
    if (axis !== undefined && !seen.has(undefined) && (seen.size === 1 || type === "float16"))
      axes.set(value.source.cell, axis);
  }
  return rebuild(graph, {
    state: (name, cell, to): Value | undefined => {
      const axis = axes.get(cell);
      if (axis === undefined) return undefined;
      if (type === "float16") {
        const { shape, data } = toFloat64(cell.value);
        if (data.some((w) => Math.abs(w) > largestFloat16)) return undefined;
        return to.state(name, tensor("float16", shape, Uint16Array.from(data, encodeFloat16)));
      }
      const { integers, scale } = quantizeWeight(cell.value, axis);
      const inputs = [to.state(`${name}/int8`, integers), to.state(`${name}/scale`, scale)];
      return to.target.apply(dequantizeLinear, inputs, { axis })[0]!;
    },
  });
}

/** The axis of a weight that holds the output channels of its reader. */
export function outputAxis({ node, index }: Use): number | undefined {
  if (node?.op.name === "Conv" && index === 1) return 0;
  if (node?.op.name === "ConvInputGrad" && index === 1) return 1;
  if (node?.op.name !== "MatMul" || node.inputs[index!]!.shape.length !== 2) return undefined;
  const { transA, transB } = node.attributes;
  return index === 0 ? Number(transA) : Number(!transB);
}

/** Symmetric integers −127 … 127, with a scale per index along `axis`, at least `least` of the index. */
export function quantizeWeight(
  weight: Tensor,
  axis: number,
  least: (index: number) => number = () => 0,
): { readonly integers: Tensor<"int8">; readonly scale: Tensor<"float32"> } {
  const { shape, data } = toFloat64(weight);
  const inner = sizeOf(shape.slice(axis + 1));
  const channels = shape[axis]!;
  const channelOf = (i: number) => Math.floor(i / inner) % channels;
  const largest = new Float64Array(channels);
  data.forEach((w, i) => {
    largest[channelOf(i)] = Math.max(largest[channelOf(i)]!, Math.abs(w));
  });
  // Where all is zero, any scale will do.
  const scale = Float32Array.from(largest, (max, o) => Math.max(max / 127, least(o)) || 1);
  const nearest = (w: number, i: number) => Math.max(-127, Math.min(127, roundEven(w / scale[channelOf(i)]!)));
  return {
    integers: tensor("int8", shape, Int8Array.from(data, nearest)),
    scale: tensor("float32", [channels], scale),
  };
}

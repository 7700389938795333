import { check } from "../core/schema.js";
import { normalizeAxes, type Shape, staticDim, staticShape, stridesOf } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import type { Op, ValueType } from "../graph/op.js";
import { axes as axesSchema, reduceOptions } from "./checks.js";
import { cast, equal, exp, mul, sub } from "./elementwise.js";
import { reshape } from "./movement.js";
import { apply, dense, noMacs, type Operand } from "./operands.js";

export type ReduceAttributes = { readonly axes: readonly number[]; readonly keepdims: boolean };

function reducedShape(shape: Shape, { axes, keepdims }: ReduceAttributes): Shape {
  const dropped = new Set(normalizeAxes(axes, shape.length));
  return keepdims ? shape.map((d, i) => (dropped.has(i) ? 1 : d)) : shape.filter((_, i) => !dropped.has(i));
}

/** Calls `visit` with the flat indices that reduce to the k-th element of the result, for every k. */
function forEachGroup(
  shape: readonly number[],
  axes: readonly number[],
  visit: (indices: Uint32Array, k: number) => void,
): void {
  const reduced = normalizeAxes(axes, shape.length);
  const strides = stridesOf(shape);
  const offsets = (over: number[]) =>
    over.reduce<number[]>(
      (all, axis) => all.flatMap((base) => Array.from({ length: shape[axis]! }, (_, i) => base + i * strides[axis]!)),
      [0],
    );
  const inner = Uint32Array.from(offsets(reduced));
  const outer = offsets(shape.map((_, i) => i).filter((i) => !reduced.includes(i)));
  const indices = new Uint32Array(inner.length);
  outer.forEach((base, k) => {
    for (let i = 0; i < inner.length; i++) indices[i] = base + inner[i]!;
    visit(indices, k);
  });
}

function reduction(
  name: string,
  reduce: (data: Float64Array, indices: Uint32Array) => number,
  /** `dy` and `y` have reduced axes of size 1, so they broadcast against x. */
  grad: (dy: Value, x: Value, y: Value, count: () => number, axes: readonly number[]) => Value,
): Op<ReduceAttributes, readonly [x: Value]> {
  return {
    name,
    infer: ([x], attributes) => [{ dtype: x!.dtype, shape: reducedShape(x!.shape, attributes) }],
    run: ([x], attributes) => {
      const y = dense(staticShape(reducedShape(x!.shape, attributes)));
      forEachGroup(x!.shape, attributes.axes, (indices, k) => {
        y.data[k] = reduce(x!.data, indices);
      });
      return [y];
    },
    grad: (dy, node) => {
      const x = node.inputs[0]!;
      const axes = normalizeAxes(node.attributes.axes, x.shape.length);
      const kept = reducedShape(x.shape, { axes, keepdims: true });
      const count = () => axes.reduce((n, axis) => n * staticDim(x.shape[axis]), 1);
      const asKept = (v: Value) => (node.attributes.keepdims ? v : reshape(v, kept));
      return [grad(asKept(dy), x, asKept(node.outputs[0]!), count, axes)];
    },
    macs: noMacs,
    mixesImages: overFirst,
  };
}

const overFirst = (_holds: unknown, inputs: readonly ValueType[], { axes }: ReduceAttributes): boolean =>
  inputs.some(({ shape }) => normalizeAxes(axes, shape.length).includes(0));

const sum = (data: Float64Array, indices: Uint32Array) => {
  let total = 0;
  for (const i of indices) total += data[i]!;
  return total;
};
const max = (data: Float64Array, indices: Uint32Array) => {
  let best = Number.NEGATIVE_INFINITY;
  for (const i of indices) if (data[i]! > best || Number.isNaN(data[i])) best = data[i]!;
  return best;
};

export const ops = {
  // Gradients of sums and means stay small and broadcast: the driver expands them where an operator needs the full shape.
  reduceSum: reduction("ReduceSum", sum, (dy) => dy),
  reduceMean: reduction(
    "ReduceMean",
    (data, indices) => sum(data, indices) / indices.length,
    (dy, _x, _y, count) => mul(dy, 1 / count()),
  ),
  reduceMax: reduction("ReduceMax", max, (dy, x, y, _count, axes) =>
    apply(reduceMaxGrad, [dy, x, y], { axes, keepdims: true }),
  ),
  reduceLogSumExp: reduction(
    "ReduceLogSumExp",
    (data, indices) => {
      const top = max(data, indices);
      if (!Number.isFinite(top)) return top;
      let total = 0;
      for (const i of indices) total += Math.exp(data[i]! - top);
      return top + Math.log(total);
    },
    (dy, x, y) => mul(dy, exp(sub(x, y))),
  ),
};

/**
 * The gradient of a maximum, from (dy, x, y): all of it goes to the first of the largest elements, in row-major order, and to the first
 * NaN where the maximum is NaN, as with PyTorch's `max` along a dimension.
 */
export const reduceMaxGrad: Op<ReduceAttributes, readonly [dy: Value, x: Value, y: Value]> = {
  name: "ReduceMaxGrad",
  infer: ([, x]) => [x!],
  run: ([dy, x, y], { axes }) => {
    const dx = dense(x!.shape);
    forEachGroup(x!.shape, axes, (indices, k) => {
      const isLargest = Number.isNaN(y!.data[k]) ? Number.isNaN : (v: number) => v === y!.data[k];
      const first = indices.find((i) => isLargest(x!.data[i]!));
      if (first !== undefined) dx.data[first] = dy!.data[k]!;
    });
    return [dx];
  },
  // Where the maximum is does not move: what reaches dy again is the upstream gradient at that place.
  grad: (d, node) => {
    const [dy, x, y] = node.inputs;
    const first = apply(reduceMaxGrad, [cast(equal(dy, dy)), x, y], node.attributes);
    return [reduceSum(mul(d, first), normalizeAxes(node.attributes.axes, x.shape.length)), null, null];
  },
  macs: noMacs,
  mixesImages: overFirst,
};

/** Options of reductions. `keepdims` (default true) leaves the reduced axes as 1. */
export interface ReduceOptions {
  /** Whether the reduced axes stay, as 1. Default true. */
  readonly keepdims?: boolean;
}
const reduce =
  (op: Op<ReduceAttributes, readonly [x: Value]>) =>
  (x: Operand, axes: readonly number[], options: ReduceOptions = {}): Value => {
    check(op.name, "axes", axesSchema, axes);
    check(op.name, "options", reduceOptions, options);
    return apply(op, [x], { axes, keepdims: options.keepdims ?? true });
  };

/** Sum over axes, which are kept with size 1 unless `keepdims` is false. */
export const reduceSum = reduce(ops.reduceSum);
/** Mean over axes, which are kept with size 1 unless `keepdims` is false. */
export const reduceMean = reduce(ops.reduceMean);
/** The maximum; NaN if any element is. */
export const reduceMax = reduce(ops.reduceMax);
/** log Σ exp x, computed without overflow. */
export const reduceLogSumExp = reduce(ops.reduceLogSumExp);

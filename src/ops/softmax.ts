import { check } from "../core/schema.js";
import { normalizeAxes } from "../core/shape.js";
import { sizeOf } from "../core/tensor.js";
import type { Value } from "../graph/graph.js";
import type { Dense, Op } from "../graph/op.js";
import { axis as axisSchema, checkValue } from "./checks.js";
import { exp, mul, sub } from "./elementwise.js";
import { apply, dense, noMacs } from "./operands.js";
import { reduceSum } from "./reduce.js";

type SoftmaxAttributes = { readonly axis: number };

/** Calls `visit(first index, stride, length)` for every line along `axis`. */
function forEachLine(x: Dense, axis: number, visit: (start: number, stride: number, length: number) => void): void {
  const stride = sizeOf(x.shape.slice(axis + 1));
  const length = x.shape[axis]!;
  for (let outer = 0; outer < x.data.length; outer += stride * length)
    for (let inner = 0; inner < stride; inner++) visit(outer + inner, stride, length);
}

/** log Σ exp of a line, shifted by its maximum. */
function logSumExp(data: Float64Array, start: number, stride: number, length: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < length; i++) top = Math.max(top, data[start + i * stride]!);
  let total = 0;
  for (let i = 0; i < length; i++) total += Math.exp(data[start + i * stride]! - top);
  return top + Math.log(total);
}

function family(
  name: string,
  f: (x: number, logSum: number) => number,
  grad: (dy: Value, y: Value, axis: number) => Value,
): Op<SoftmaxAttributes, readonly [x: Value]> {
  return {
    name,
    infer: ([x], { axis }) => {
      normalizeAxes([axis], x!.shape.length);
      return [x!];
    },
    run: ([x], { axis }) => {
      const y = dense(x!.shape);
      forEachLine(x!, axis, (start, stride, length) => {
        const logSum = logSumExp(x!.data, start, stride, length);
        for (let i = 0; i < length; i++) y.data[start + i * stride] = f(x!.data[start + i * stride]!, logSum);
      });
      return [y];
    },
    grad: (dy, node) => [grad(dy, node.outputs[0]!, node.attributes.axis)],
    macs: noMacs,
    mixesImages: (_holds, [x], { axis }) => normalizeAxes([axis], x!.shape.length)[0] === 0,
  };
}

export const ops = {
  softmax: family(
    "Softmax",
    (x, logSum) => Math.exp(x - logSum),
    (dy, y, axis) => mul(y, sub(dy, reduceSum(mul(dy, y), [axis]))),
  ),
  logSoftmax: family(
    "LogSoftmax",
    (x, logSum) => x - logSum,
    (dy, y, axis) => sub(dy, mul(exp(y), reduceSum(dy, [axis]))),
  ),
};

const along =
  (owner: string, op: Op<SoftmaxAttributes, readonly [x: Value]>) =>
  (x: Value, axis: number): Value => {
    checkValue(owner, "x", x);
    check(owner, "axis", axisSchema, axis);
    return apply(op, [x], { axis: normalizeAxes([axis], x.shape.length)[0]! });
  };

/** exp(x) / Σ exp(x) along an axis. */
export const softmax = along("softmax", ops.softmax);
/** log softmax(x) along an axis, without overflow. */
export const logSoftmax = along("logSoftmax", ops.logSoftmax);

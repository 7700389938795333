import { OptionError, ShapeError } from "../core/errors.js";
import { check, finite, sizes } from "../core/schema.js";
import { broadcastShapes, formatShape, staticShape, stridesOf } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import type { Attributes, Dense, Op, ValueDType } from "../graph/op.js";
import { bound, checkValue } from "./checks.js";
import { erfOf } from "./erf.js";
import { reshape } from "./movement.js";
import { apply, dense, misaligned, noMacs, type Operand, toValue } from "./operands.js";

type UnaryGrad<A> = (dy: Value, x: Value, y: Value, attributes: A) => Value | null;

/** A unary elementwise operator, y = f(x). */
function unary<A extends Attributes = Attributes>(
  name: string,
  f: (x: number, attributes: A) => number,
  grad: UnaryGrad<A>,
  dtype: ValueDType = "float",
): Op<A, readonly [x: Value]> {
  return {
    name,
    infer: ([x]) => [{ dtype, shape: x.shape }],
    run: ([x], attributes) => [
      dense(
        x.shape,
        x.data.map((v) => f(v, attributes)),
      ),
    ],
    grad: (dy, node) => [grad(dy, node.inputs[0]!, node.outputs[0]!, node.attributes)],
    macs: noMacs,
    elementwise: true,
    keepsZero: (attributes) => f(0, attributes) === 0,
    mixesImages: misaligned,
  };
}

/** A binary elementwise operator, y = f(a, b), with broadcasting. */
function binary(
  name: string,
  f: (a: number, b: number) => number,
  grad: (dy: Value, a: Value, b: Value, y: Value) => [Value | null, Value | null],
  { dtype, absorbsZero = false }: { readonly dtype?: ValueDType; readonly absorbsZero?: boolean } = {},
): Op<Attributes, readonly [a: Value, b: Value]> {
  return {
    name,
    infer: ([a, b]) => {
      if (a.dtype !== b.dtype) throw new ShapeError(`dtypes differ: ${a.dtype} and ${b.dtype}`);
      return [{ dtype: dtype ?? a.dtype, shape: broadcastShapes(a.shape, b.shape) }];
    },
    run: ([a, b]) => {
      const shape = staticShape(broadcastShapes(a.shape, b.shape));
      const [p, q, y] = [broadcastTo(a, shape), broadcastTo(b, shape), dense(shape)];
      for (let i = 0; i < y.data.length; i++) y.data[i] = f(p[i]!, q[i]!);
      return [y];
    },
    grad: (dy, node) => grad(dy, node.inputs[0]!, node.inputs[1]!, node.outputs[0]!),
    macs: noMacs,
    elementwise: true,
    keepsZero: () => f(0, 0) === 0,
    absorbsZero,
    mixesImages: misaligned,
  };
}

/** Broadcasts `x` to a shape. */
export function broadcastTo(x: Dense, shape: readonly number[]): Float64Array {
  if (x.shape.length === shape.length && x.shape.every((d, i) => d === shape[i])) return x.data;
  const out = dense(shape).data;
  const offset = shape.length - x.shape.length;
  const own = stridesOf(x.shape);
  const steps = shape.map((_, i) => (i < offset || x.shape[i - offset] === 1 ? 0 : own[i - offset]!));
  const index = shape.map(() => 0);
  for (let i = 0, from = 0; i < out.length; i++) {
    out[i] = x.data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= steps[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/**
 * The gradient of ReLU, given its output: 0 where y ≤ 0, else dy. Like PyTorch it selects instead of multiplying, so that ±∞ or NaN in dy
 * does not pass where y is 0. Where y is NaN, dy passes.
 */
const reluGradOp: Op<Attributes, readonly [dy: Value, y: Value]> = {
  name: "ReluGrad",
  infer: ([dy]) => [dy],
  run: ([dy, y]) => [
    dense(
      dy.shape,
      dy.data.map((v, i) => (y.data[i]! <= 0 ? 0 : v)),
    ),
  ],
  grad: (d, node) => [reluGrad(d, node.inputs[1]!), null],
  macs: noMacs,
  elementwise: true,
  keepsZero: () => true,
  absorbsZero: true,
  mixesImages: misaligned,
};

const whereOp: Op<Attributes, readonly [condition: Value, a: Value, b: Value]> = {
  name: "Where",
  infer: ([condition, a, b]) => {
    if (condition.dtype !== "bool") throw new ShapeError(`the condition must be bool, got ${condition.dtype}`);
    if (a.dtype !== b.dtype) throw new ShapeError(`dtypes differ: ${a.dtype} and ${b.dtype}`);
    return [{ dtype: a.dtype, shape: broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape)) }];
  },
  run: ([condition, a, b]) => {
    const shape = staticShape(broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape)));
    const [c, p, q] = [condition, a, b].map((x) => broadcastTo(x, shape));
    return [
      dense(
        shape,
        p!.map((v, i) => (c![i] ? v : q![i]!)),
      ),
    ];
  },
  grad: (dy, node) => [null, where(node.inputs[0]!, dy, 0), where(node.inputs[0]!, 0, dy)],
  macs: noMacs,
  elementwise: true,
  keepsZero: () => true,
  mixesImages: misaligned,
};

/** Broadcasts to a shape. */
const expandOp: Op<{ shape: readonly number[] }, readonly [x: Value]> = {
  name: "Expand",
  infer: ([x], { shape }) => {
    const target = broadcastShapes(x.shape, shape);
    if (target.length !== shape.length || target.some((d, i) => d !== shape[i]))
      throw new ShapeError(`${formatShape(x.shape)} does not expand to ${formatShape(shape)}`);
    return [{ dtype: x.dtype, shape }];
  },
  run: ([x], { shape }) => [dense(shape, Float64Array.from(broadcastTo(x, shape)))],
  grad: (dy) => [dy],
  macs: noMacs,
  moves: true,
  mixesImages: (_holds, [x], { shape }) => x!.shape.length < shape.length,
};

export const ops = {
  add: binary(
    "Add",
    (a, b) => a + b,
    (dy) => [dy, dy],
  ),
  sub: binary(
    "Sub",
    (a, b) => a - b,
    (dy) => [dy, neg(dy)],
  ),
  mul: binary(
    "Mul",
    (a, b) => a * b,
    (dy, a, b) => [mul(dy, b), mul(dy, a)],
    { absorbsZero: true },
  ),
  div: binary(
    "Div",
    (a, b) => a / b,
    (dy, _a, b, y) => [div(dy, b), neg(div(mul(dy, y), b))],
  ),
  maximum: binary("Max", Math.max, (dy, a, b) => [share(greater(b, a), a, b, dy), share(greater(a, b), b, a, dy)]),
  minimum: binary("Min", Math.min, (dy, a, b) => [share(greater(a, b), a, b, dy), share(greater(b, a), b, a, dy)]),
  greater: binary(
    "Greater",
    (a, b) => +(a > b),
    () => [null, null],
    { dtype: "bool" },
  ),
  equal: binary(
    "Equal",
    (a, b) => +(a === b),
    () => [null, null],
    { dtype: "bool" },
  ),

  neg: unary(
    "Neg",
    (x) => -x,
    (dy) => neg(dy),
  ),
  abs: unary("Abs", Math.abs, (dy, x) => mul(dy, sign(x))),
  sign: unary("Sign", Math.sign, () => null),
  exp: unary("Exp", Math.exp, (dy, _x, y) => mul(dy, y)),
  log: unary("Log", Math.log, (dy, x) => div(dy, x)),
  sqrt: unary("Sqrt", Math.sqrt, (dy, _x, y) => div(mul(dy, 0.5), y)),
  reciprocal: unary(
    "Reciprocal",
    (x) => 1 / x,
    (dy, _x, y) => neg(mul(dy, mul(y, y))),
  ),
  tanh: unary("Tanh", Math.tanh, (dy, _x, y) => mul(dy, sub(1, mul(y, y)))),
  sigmoid: unary(
    "Sigmoid",
    (x) => 1 / (1 + Math.exp(-x)),
    (dy, _x, y) => mul(dy, mul(y, sub(1, y))),
  ),
  erf: unary("Erf", erfOf, (dy, x) => mul(dy, mul(2 / Math.sqrt(Math.PI), exp(neg(mul(x, x)))))),
  softplus: unary(
    "Softplus",
    (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    (dy, x) => mul(dy, sigmoid(x)),
  ),
  relu: unary(
    "Relu",
    (x) => Math.max(x, 0),
    (dy, _x, y) => reluGrad(dy, y),
  ),
  leakyRelu: unary<{ alpha: number }>(
    "LeakyRelu",
    (x, { alpha }) => (x > 0 ? x : alpha * x),
    (dy, x, _y, { alpha }) => where(greater(x, 0), dy, mul(dy, alpha)),
  ),
  clip: unary<{ min: number; max: number }>(
    "Clip",
    // Its gradient is 0 at both bounds, as that of PyTorch's relu6 and hardtanh (torch.clamp passes it there).
    (x, { min, max }) => Math.min(Math.max(x, min), max),
    (dy, _x, y, { min, max }) => reluGrad(reluGrad(dy, min === 0 ? y : sub(y, min)), sub(max, y)),
  ),
  // x⁰ is 1 everywhere, and its derivative 0 even where x⁻¹ is not finite.
  pow: unary<{ exponent: number }>(
    "Pow",
    (x, { exponent }) => x ** exponent,
    (dy, x, _y, { exponent }) => (exponent === 0 ? null : mul(dy, mul(exponent, pow(x, exponent - 1)))),
  ),
  /** max(0, min(1, alpha·x + beta)) */
  hardSigmoid: unary<{ alpha: number; beta: number }>(
    "HardSigmoid",
    (x, { alpha, beta }) => Math.max(0, Math.min(1, alpha * x + beta)),
    (dy, _x, y, { alpha }) => mul(reluGrad(reluGrad(dy, y), sub(1, y)), alpha),
  ),
  /** A condition as float: 1 where it holds, else 0. */
  cast: unary(
    "Cast",
    (x) => x,
    () => null,
  ),

  reluGrad: reluGradOp,
  where: whereOp,
  expand: expandOp,
};

/** The share of dy for `of`: none where it lost to `other`, half on a tie, else all, as in PyTorch, NaN included. */
const share = (lost: Value, of: Value, other: Value, dy: Value): Value =>
  where(lost, 0, where(equal(of, other), mul(dy, 0.5), dy));

/** a + b, with broadcasting. */
export const add = (a: Operand, b: Operand): Value => apply(ops.add, [a, b], {});
/** a − b, with broadcasting. */
export const sub = (a: Operand, b: Operand): Value => apply(ops.sub, [a, b], {});
/** a · b, with broadcasting. */
export const mul = (a: Operand, b: Operand): Value => apply(ops.mul, [a, b], {});
/** a / b, with broadcasting. */
export const div = (a: Operand, b: Operand): Value => apply(ops.div, [a, b], {});
/** The larger of a and b, with broadcasting. On ties each gets half the gradient. */
export const maximum = (a: Operand, b: Operand): Value => apply(ops.maximum, [a, b], {});
/** The smaller of a and b, with broadcasting. On ties each gets half the gradient. */
export const minimum = (a: Operand, b: Operand): Value => apply(ops.minimum, [a, b], {});
/** Where a > b, with broadcasting. */
export const greater = (a: Operand, b: Operand): Value => apply(ops.greater, [a, b], {});
/** Where a = b, with broadcasting. */
export const equal = (a: Operand, b: Operand): Value => apply(ops.equal, [a, b], {});
/** `a` where the condition holds, else `b`, with broadcasting. */
export const where = (condition: Operand, a: Operand, b: Operand): Value => apply(ops.where, [condition, a, b], {});
/** A condition as numbers: 1 where true, 0 elsewhere. */
export const cast = (x: Operand): Value => apply(ops.cast, [x], {});
/** −x. */
export const neg = (x: Operand): Value => apply(ops.neg, [x], {});
/** |x|. */
export const abs = (x: Operand): Value => apply(ops.abs, [x], {});
/** −1, 0 or 1. */
export const sign = (x: Operand): Value => apply(ops.sign, [x], {});
/** eˣ. */
export const exp = (x: Operand): Value => apply(ops.exp, [x], {});
/** Natural logarithm. */
export const log = (x: Operand): Value => apply(ops.log, [x], {});
/** √x. */
export const sqrt = (x: Operand): Value => apply(ops.sqrt, [x], {});
/** 1 / x. */
export const reciprocal = (x: Operand): Value => apply(ops.reciprocal, [x], {});
/** x². */
export const square = (x: Value): Value => mul(x, x);
/** Hyperbolic tangent. */
export const tanh = (x: Operand): Value => apply(ops.tanh, [x], {});
/** σ(x) = 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Operand): Value => apply(ops.sigmoid, [x], {});
/** The error function. */
export const erf = (x: Operand): Value => apply(ops.erf, [x], {});
/** log(1 + eˣ). */
export const softplus = (x: Operand): Value => apply(ops.softplus, [x], {});
/** max(0, x). */
export const relu = (x: Operand): Value => apply(ops.relu, [x], {});
export const reluGrad = (dy: Operand, y: Operand): Value => apply(ops.reluGrad, [dy, y], {});
/** x where x > 0, else alpha·x */
export function leakyRelu(x: Operand, alpha = 0.01): Value {
  check("leakyRelu", "alpha", finite, alpha);
  return apply(ops.leakyRelu, [x], { alpha });
}
/** min(max(x, min), max). @throws OptionError if the bounds are not numbers, or min is above max. */
export function clip(x: Operand, min: number, max: number): Value {
  check("clip", "min", bound, min);
  check("clip", "max", bound, max);
  if (min > max) throw new OptionError(`clip: min must be at most max, got ${min} and ${max}`);
  return apply(ops.clip, [x], { min, max });
}
/**
 * x where x > 0, else slope · x, with one slope or one per channel (He et al., "Delving Deep into Rectifiers", 2015).
 * At 0 the gradient is the slope, as in PyTorch. x [N,C,…], slope [1] or [C] → [N,C,…].
 *
 * @throws ShapeError unless there are one or C slopes.
 *
 * @example
 * prelu(x, graph.constant(float32([1], [0.25])));
 */
export function prelu(x: Value, slope: Operand): Value {
  checkValue("prelu", "x", x);
  const a = toValue(x.graph, slope, "prelu");
  const count = a.shape.reduce<number>((n, d) => n * (d as number), 1);
  if (count !== 1 && count !== x.shape[1])
    throw new ShapeError(
      `prelu: needs 1 or ${x.shape[1]} slopes for ${formatShape(x.shape)}, got ${formatShape(a.shape)}`,
    );
  const perChannel = count === 1 ? [1] : [count, ...x.shape.slice(2).map(() => 1)];
  const isPositive = greater(x, 0);
  // The slope multiplies min(x, 0), because ∞ · 0 in its gradient would be NaN.
  return where(isPositive, x, mul(where(isPositive, 0, x), reshape(a, perChannel)));
}

/**
 * xᵖ. The derivative is p·xᵖ⁻¹: at 0 it is 0 for p > 1, 1 for p = 1, ∞ for p < 1, and 0 for p = 0. A negative x to a fractional power
 * is NaN. All as in PyTorch.
 *
 * @throws OptionError if the exponent is not finite.
 *
 * @example
 * pow(x, 1.5);
 */
export function pow(x: Operand, exponent: number): Value {
  check("pow", "exponent", finite, exponent);
  return apply(ops.pow, [x], { exponent });
}

/** min(max(x, 0), 6) */
export const relu6 = (x: Operand): Value => clip(x, 0, 6);
/** relu6(x + 3) / 6 */
export const hardSigmoid = (x: Operand): Value => apply(ops.hardSigmoid, [x], { alpha: 1 / 6, beta: 0.5 });
/** x · relu6(x + 3) / 6 */
export const hardSwish = (x: Operand): Value => mul(x, hardSigmoid(x));
/** x · sigmoid(x) */
export const silu = (x: Operand): Value => mul(x, sigmoid(x));
/** The exact Gaussian error linear unit, x · ½ (1 + erf(x / √2)). */
export const gelu = (x: Operand): Value => mul(mul(x, 0.5), add(1, erf(mul(x, Math.SQRT1_2))));
/** x repeated to a shape that it broadcasts to. */
export function expand(x: Operand, shape: readonly number[]): Value {
  check("expand", "shape", sizes, shape);
  return apply(ops.expand, [x], { shape });
}

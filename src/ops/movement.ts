import { OptionError, ShapeError } from "../core/errors.js";
import { check, shown, whole } from "../core/schema.js";
import {
  countElements,
  type Dim,
  formatShape,
  normalizeAxes,
  type Shape,
  sameShape,
  staticShape,
  stridesOf,
} from "../core/shape.js";
import { Value } from "../graph/graph.js";
import type { Attributes, Op } from "../graph/op.js";
import { axes, axis as axisSchema, checkValue, padOptions, wantedShape } from "./checks.js";
import { apply, dense, noMacs, type Operand } from "./operands.js";

type ReshapeAttributes = { readonly shape: Shape };

const reshapeOp: Op<ReshapeAttributes, readonly [x: Value]> = {
  name: "Reshape",
  infer: ([x], { shape }) => {
    const [from, to] = [countElements(x.shape), countElements(shape)];
    if (from.size !== to.size || from.symbols !== to.symbols)
      throw new ShapeError(`${formatShape(x.shape)} and ${formatShape(shape)} differ in size`);
    return [{ dtype: x.dtype, shape }];
  },
  run: ([x], { shape }) => [dense(staticShape(shape), x.data)],
  grad: (dy, node) => [reshape(dy, node.inputs[0]!.shape)],
  macs: noMacs,
  moves: true,
  mixesImages: (_holds, [x], { shape }) => x!.shape[0] !== shape[0],
};

type TransposeAttributes = { readonly perm: readonly number[] };

const transposeOp: Op<TransposeAttributes, readonly [x: Value]> = {
  name: "Transpose",
  infer: ([x], { perm }) => {
    if (
      !sameShape(
        normalizeAxes(perm, x.shape.length),
        x.shape.map((_, i) => i),
      )
    )
      throw new ShapeError(`[${perm}] is not a permutation of the axes of ${formatShape(x.shape)}`);
    return [{ dtype: x.dtype, shape: perm.map((axis) => x.shape[axis]!) }];
  },
  run: ([x], { perm }) => {
    const y = dense(perm.map((axis) => x.shape[axis]!));
    const strides = stridesOf(x.shape);
    copyStrided(
      y.shape,
      perm.map((axis) => strides[axis]!),
      0,
      (to, from) => {
        y.data[to] = x.data[from]!;
      },
    );
    return [y];
  },
  grad: (dy, node) => {
    const inverse = node.attributes.perm.map((_, i) => node.attributes.perm.indexOf(i));
    return [transpose(dy, inverse)];
  },
  macs: noMacs,
  moves: true,
  mixesImages: (_holds, _inputs, { perm }) => perm[0] !== 0,
};

type SliceAttributes = { readonly axis: number; readonly start: number; readonly end: number };

const sliceOp: Op<SliceAttributes, readonly [x: Value]> = {
  name: "Slice",
  infer: ([x], { axis, start, end }) => {
    const d = x.shape[axis];
    if (typeof d !== "number" || start < 0 || end > d || start >= end)
      throw new ShapeError(`[${start}, ${end}) is not a range of axis ${axis} of ${formatShape(x.shape)}`);
    return [{ dtype: x.dtype, shape: x.shape.map((size, i) => (i === axis ? end - start : size)) }];
  },
  run: ([x], { axis, start, end }) => {
    const y = dense(x.shape.map((d, i) => (i === axis ? end - start : d)));
    const strides = stridesOf(x.shape);
    copyStrided(y.shape, strides, start * strides[axis]!, (to, from) => {
      y.data[to] = x.data[from]!;
    });
    return [y];
  },
  grad: (dy, node) => {
    const { axis, start, end } = node.attributes;
    const x = node.inputs[0]!;
    return [pad(dy, { axis, before: start, after: (x.shape[axis] as number) - end })];
  },
  macs: noMacs,
  moves: true,
  mixesImages: (_holds, _inputs, { axis }) => axis === 0,
};

type PadAttributes = { readonly axis: number; readonly before: number; readonly after: number };

/** Zero padding before and after, along one axis. (For replicated borders see `replicatePad`.) */
const padOp: Op<PadAttributes, readonly [x: Value]> = {
  name: "Pad",
  infer: ([x], { axis, before, after }) => {
    const d = x.shape[axis];
    if (typeof d !== "number" || before < 0 || after < 0)
      throw new ShapeError(`axis ${axis} of ${formatShape(x.shape)} cannot be padded by ${before} and ${after}`);
    return [{ dtype: x.dtype, shape: x.shape.map((size, i) => (i === axis ? d + before + after : size)) }];
  },
  run: ([x], { axis, before, after }) => {
    const y = dense(x.shape.map((d, i) => (i === axis ? d + before + after : d)));
    const strides = stridesOf(y.shape);
    copyStrided(x.shape, strides, before * strides[axis]!, (from, to) => {
      y.data[to] = x.data[from]!;
    });
    return [y];
  },
  grad: (dy, node) => {
    const { axis, before } = node.attributes;
    return [slice(dy, axis, before, before + (node.inputs[0]!.shape[axis] as number))];
  },
  macs: noMacs,
  mixesImages: (_holds, _inputs, { axis }) => axis === 0,
};

type ConcatAttributes = { readonly axis: number };

const concatOp: Op<ConcatAttributes> = {
  name: "Concat",
  infer: (inputs, { axis }) => {
    const [first] = inputs;
    let total = 0;
    for (const { shape } of inputs) {
      const d = shape[axis];
      if (typeof d !== "number" || !sameShape(shape.toSpliced(axis, 1), first!.shape.toSpliced(axis, 1)))
        throw new ShapeError(
          `${inputs.map((x) => formatShape(x.shape)).join(" and ")} cannot be concatenated along axis ${axis}`,
        );
      total += d;
    }
    return [{ dtype: first!.dtype, shape: first!.shape.map((d, i) => (i === axis ? total : d)) }];
  },
  run: (inputs, { axis }) => {
    const total = inputs.reduce((sum, x) => sum + x.shape[axis]!, 0);
    const y = dense(inputs[0]!.shape.map((d, i) => (i === axis ? total : d)));
    const strides = stridesOf(y.shape);
    let start = 0;
    for (const x of inputs) {
      copyStrided(x.shape, strides, start * strides[axis]!, (from, to) => {
        y.data[to] = x.data[from]!;
      });
      start += x.shape[axis]!;
    }
    return [y];
  },
  grad: (dy, node) => {
    const { axis } = node.attributes;
    let start = 0;
    return node.inputs.map((x) => slice(dy, axis, start, (start += x.shape[axis] as number)));
  },
  macs: noMacs,
  moves: true,
  mixesImages: (_holds, _inputs, { axis }) => axis === 0,
};

/** Walks an array of `shape` in row-major order: `visit(flat index, base + Σ index·strides)`. */
function copyStrided(
  shape: readonly number[],
  strides: readonly number[],
  base: number,
  visit: (flat: number, other: number) => void,
): void {
  const size = shape.reduce((n, d) => n * d, 1);
  const index = shape.map(() => 0);
  for (let i = 0, other = base; i < size; i++) {
    visit(i, other);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      other += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      other -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** (x, signal) → x: a control dependency. What reads the result is computed after `signal`. */
const barrierOp: Op<Attributes, readonly [x: Value, signal: Value]> = {
  name: "Barrier",
  infer: ([x]) => [x],
  run: ([x]) => [x],
  grad: (dy) => [dy, null],
  macs: noMacs,
  moves: true,
  mixesImages: () => false,
};

export const ops = {
  reshape: reshapeOp,
  transpose: transposeOp,
  slice: sliceOp,
  pad: padOp,
  concat: concatOp,
  barrier: barrierOp,
};

/** Reshapes, in row-major order. One dimension may be −1, to be inferred. */
export function reshape(x: Value, shape: Shape): Value {
  checkValue("reshape", "x", x);
  check("reshape", "shape", wantedShape, shape);
  const unknown = shape.indexOf(-1);
  if (unknown < 0) return sameShape(x.shape, shape) ? x : apply(reshapeOp, [x], { shape });
  const rest = countElements(shape.toSpliced(unknown, 1));
  const all = countElements(x.shape);
  const inferred: Dim = all.symbols > rest.symbols ? "N" : all.size / rest.size;
  if (inferred !== "N" && !Number.isInteger(inferred))
    throw new ShapeError(`reshape: ${formatShape(x.shape)} does not divide into ${formatShape(shape)}`);
  return reshape(x, shape.with(unknown, inferred));
}

/** Axis i of the result is axis perm[i] of x. */
export function transpose(x: Operand, perm: readonly number[]): Value {
  check("transpose", "perm", axes, perm);
  return apply(transposeOp, [x], { perm });
}

/** Elements start … end − 1 along one axis. Negative numbers count from the end; `end` defaults to the end of the axis. */
export function slice(x: Value, axis: number, start: number, end?: number): Value {
  checkValue("slice", "x", x);
  check("slice", "axis", axisSchema, axis);
  check("slice", "start", axisSchema, start);
  if (end !== undefined) check("slice", "end", axisSchema, end);
  const [a] = normalizeAxes([axis], x.shape.length);
  const d = x.shape[a!];
  const fromEnd = (i: number) => (i < 0 && typeof d === "number" ? d + i : i);
  return apply(sliceOp, [x], {
    axis: a!,
    start: fromEnd(start),
    end: end === undefined ? (d as number) : fromEnd(end),
  });
}

/**
 * Rearranges r·r channels into r×r pixels: y[n, c, h·r + i, w·r + j] = x[n, (c·r + i)·r + j, h, w].
 * [N,C·r²,H,W] → [N,C,H·r,W·r] (Shi et al., "Real-Time Single Image and Video Super-Resolution", 2016; PyTorch's `pixel_shuffle`).
 *
 * @throws ShapeError if the channels are not a multiple of r².
 *
 * @example
 * pixelShuffle(x, 2); // [N,12,8,8] → [N,3,16,16]
 */
export function pixelShuffle(x: Value, factor: number): Value {
  const [n, channels, height, width] = maps("pixelShuffle", x, factor);
  if (channels % factor ** 2)
    throw new ShapeError(
      `pixelShuffle: ${channels} channels are not a multiple of ${factor}², got ${formatShape(x.shape)}`,
    );
  const own = channels / factor ** 2;
  const apart = reshape(x, [n, own, factor, factor, height, width]);
  return reshape(transpose(apart, [0, 1, 4, 2, 5, 3]), [n, own, height * factor, width * factor]);
}

/**
 * The inverse of {@link pixelShuffle}: y[n, (c·r + i)·r + j, h, w] = x[n, c, h·r + i, w·r + j]. [N,C,H·r,W·r] → [N,C·r²,H,W]
 *
 * @throws ShapeError if height or width is not a multiple of r.
 *
 * @example
 * pixelUnshuffle(x, 2); // [N,3,16,16] → [N,12,8,8]
 */
export function pixelUnshuffle(x: Value, factor: number): Value {
  const [n, channels, height, width] = maps("pixelUnshuffle", x, factor);
  if (height % factor || width % factor)
    throw new ShapeError(
      `pixelUnshuffle: height and width must be multiples of ${factor}, got ${formatShape(x.shape)}`,
    );
  const [h, w] = [height / factor, width / factor];
  const apart = reshape(x, [n, channels, h, factor, w, factor]);
  return reshape(transpose(apart, [0, 1, 3, 5, 2, 4]), [n, channels * factor ** 2, h, w]);
}

function maps(owner: string, x: Value, factor: number): [Dim, number, number, number] {
  checkValue(owner, "x", x);
  check(owner, "factor", whole(1), factor);
  const [n, ...sizes] = x.shape;
  if (sizes.length !== 3 || sizes.some((d) => typeof d !== "number"))
    throw new ShapeError(`${owner}: needs [N,C,H,W], got ${formatShape(x.shape)}`);
  return [n!, ...(sizes as [number, number, number])];
}

/** Zeros before and after along one axis. */
export function pad(x: Operand, attributes: PadAttributes): Value {
  check("pad", "options", padOptions, attributes);
  return apply(padOp, [x], attributes);
}

/** Concatenates values along an axis. */
export function concat(values: readonly Operand[], axis: number): Value {
  check("concat", "axis", axisSchema, axis);
  const first = Array.isArray(values) ? values.find((v) => v instanceof Value) : undefined;
  if (!first) throw new OptionError(`concat: values must be a list with a value of a graph, got ${shown(values)}`);
  return apply(concatOp, values, { axis: normalizeAxes([axis], first.shape.length)[0]! });
}

/** `x`, which engines must not read here before they have computed `signal`. Gradients that compute values again use it to do so late. */
export function barrier(x: Value, signal: Value): Value {
  checkValue("barrier", "x", x);
  checkValue("barrier", "signal", signal);
  return apply(ops.barrier, [x, signal], {});
}

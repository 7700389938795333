import { ShapeError } from "../core/errors.js";
import { check, text } from "../core/schema.js";
import { formatShape } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import type { Dense, Op } from "../graph/op.js";
import { averagePoolOptions, checkValue, mapSides, pair, resizeOptions, sides } from "./checks.js";
import { windowCount } from "./conv.js";
import { apply, dense, noMacs } from "./operands.js";

/**
 * A linear map along one axis, from `from` elements to `to`:
 * - `nearest`: element ⌊i · from / to⌋;
 * - `linear`: linear interpolation, as in PyTorch's bilinear mode;
 * - `adaptive`: mean of the elements ⌊i · from / to⌋ … ⌈(i + 1) · from / to⌉ − 1;
 * - `window`: mean of a sliding window, padding counted as zeros or excluded;
 * - `replicate`: the border repeated.
 *
 * Average pooling, resizing and replicate padding are each a map of the rows followed by a map of the columns, so they share one
 * operator, one definition and one gradient: the transposed maps.
 */
export type AxisMap =
  | { readonly kind: "nearest" | "adaptive"; readonly from: number; readonly to: number }
  | { readonly kind: "linear"; readonly alignCorners: boolean; readonly from: number; readonly to: number }
  | {
      readonly kind: "window";
      readonly from: number;
      readonly to: number;
      readonly kernel: number;
      readonly stride: number;
      readonly padding: number;
      readonly countPadding: boolean;
    }
  | { readonly kind: "replicate"; readonly from: number; readonly to: number; readonly before: number };

export type ResampleAttributes = { readonly rows: AxisMap; readonly columns: AxisMap; readonly transposed: boolean };

/** The rows of the map's matrix: for every target element, its sources and their weights. */
export function weightsOf(map: AxisMap): (readonly [source: number, weight: number])[][] {
  const { from, to } = map;
  return Array.from({ length: to }, (_, i) => {
    const mean = (first: number, end: number, count = end - first) =>
      Array.from({ length: end - first }, (_, k) => [first + k, 1 / count] as const);
    switch (map.kind) {
      case "nearest":
        // PyTorch computes the scale in float32, which matters at a few positions.
        return [[Math.min(Math.floor(Math.fround(i * Math.fround(from / to))), from - 1), 1]];
      case "linear": {
        const position = map.alignCorners
          ? to > 1
            ? (i * (from - 1)) / (to - 1)
            : 0
          : Math.max(0, ((i + 0.5) * from) / to - 0.5);
        const low = Math.min(Math.floor(position), from - 1);
        const high = Math.min(low + 1, from - 1);
        const t = position - low;
        return high === low || t === 0
          ? [[low, 1]]
          : [
              [low, 1 - t],
              [high, t],
            ];
      }
      case "adaptive":
        return mean(Math.floor((i * from) / to), Math.ceil(((i + 1) * from) / to));
      case "window": {
        const start = i * map.stride - map.padding;
        const [first, end] = [Math.max(0, start), Math.min(from, start + map.kernel)];
        // Positions beyond the padding never count, even inside a window.
        const counted = Math.min(start + map.kernel, from + map.padding) - start;
        return mean(first, end, map.countPadding ? counted : end - first);
      }
      case "replicate":
        return [[Math.min(Math.max(i - map.before, 0), from - 1), 1]];
    }
  });
}

/** Applies a map, or its transpose, along the middle axis of [outer, axis, inner]. */
function mapAxis(x: Dense, axis: number, map: AxisMap, transposed: boolean): Dense {
  const shape = x.shape.with(axis, transposed ? map.from : map.to);
  const inner = shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const outer = shape.slice(0, axis).reduce((n, d) => n * d, 1);
  const y = dense(shape);
  weightsOf(map).forEach((sources, i) => {
    for (const [j, weight] of sources) {
      const [target, source] = transposed ? [j, i] : [i, j];
      for (let o = 0; o < outer; o++)
        for (let k = 0; k < inner; k++)
          y.data[(o * shape[axis]! + target) * inner + k]! +=
            weight * x.data[(o * x.shape[axis]! + source) * inner + k]!;
    }
  });
  return y;
}

export const resampleOp: Op<ResampleAttributes, readonly [x: Value]> = {
  name: "Resample",
  infer: ([x], { rows, columns, transposed }) => {
    const [height, width] = transposed ? [rows.to, columns.to] : [rows.from, columns.from];
    if (x!.shape.length !== 4 || x!.shape[2] !== height || x!.shape[3] !== width)
      throw new ShapeError(`needs [N,C,${height},${width}], got ${formatShape(x!.shape)}`);
    const size = transposed ? [rows.from, columns.from] : [rows.to, columns.to];
    return [{ dtype: "float", shape: [x!.shape[0]!, x!.shape[1]!, ...size] }];
  },
  run: ([x], { rows, columns, transposed }) => [mapAxis(mapAxis(x!, 2, rows, transposed), 3, columns, transposed)],
  grad: (dy, node) => [apply(resampleOp, [dy], { ...node.attributes, transposed: !node.attributes.transposed })],
  macs: noMacs,
  mixesImages: () => false,
};

/** Height and width of a [N,C,H,W] value. @throws ShapeError */
export function mapSize(x: Value, what: string): [number, number] {
  check("mapSize", "what", text, what);
  checkValue(what, "x", x);
  const [, , height, width] = x.shape;
  if (x.shape.length !== 4 || typeof height !== "number" || typeof width !== "number")
    throw new ShapeError(`${what}: needs [N,C,H,W], got ${formatShape(x.shape)}`);
  return [height, width];
}

function resample(
  x: Value,
  what: string,
  rows: (height: number) => AxisMap,
  columns: (width: number) => AxisMap,
): Value {
  const [height, width] = mapSize(x, what);
  return apply(resampleOp, [x], { rows: rows(height), columns: columns(width), transposed: false });
}

/** Options of {@link averagePool}, as PyTorch's: `countPadding` is its `count_include_pad`. */
export interface AveragePoolOptions {
  /** Height and width of a window. */
  readonly kernelSize: number | readonly [number, number];
  /** Default: the kernel. */
  readonly stride?: number | readonly [number, number];
  /** Zeros on every side, at most half the kernel. Default 0. */
  readonly padding?: number | readonly [number, number];
  /** Whether these count in the mean. Default true. */
  readonly countPadding?: boolean;
}

/** Mean over sliding windows; a remainder that does not fill a window is dropped. [N,C,H,W] → [N,C,H',W'] */
export function averagePool(x: Value, options: AveragePoolOptions): Value {
  check("averagePool", "options", averagePoolOptions, options);
  const { kernelSize, stride = kernelSize, padding = 0, countPadding = true } = options;
  const [kernels, strides, paddings] = [pair(kernelSize), pair(stride), pair(padding)];
  const window = (axis: 0 | 1) => (from: number) => {
    const [k, s, p] = [kernels[axis], strides[axis], paddings[axis]];
    if (p * 2 > k)
      throw new ShapeError(`averagePool: padding ${p} must be at most half the kernel ${k}: ${formatShape(x.shape)}`);
    const to = windowCount(from, k, s, 2 * p);
    if (to < 1) throw new ShapeError(`averagePool: kernel ${k} is larger than the map ${formatShape(x.shape)}`);
    return { kind: "window", from, to, kernel: k, stride: s, padding: p, countPadding } as const;
  };
  return resample(x, "averagePool", window(0), window(1));
}

/** Every `stride`-th row and column, from the first: windows of one element. [N,C,H,W] → [N,C,⌈H/stride⌉,⌈W/stride⌉] */
export const subsample = (x: Value, stride: number): Value => averagePool(x, { kernelSize: 1, stride });

/** Mean over bins: bin i covers rows ⌊i·H/h⌋ … ⌈(i+1)·H/h⌉ − 1. There may be more bins than rows. [N,C,H,W] → [N,C,h,w] */
export function adaptiveAveragePool(x: Value, size: number | readonly [number, number]): Value {
  check("adaptiveAveragePool", "size", sides(1), size);
  const [height, width] = pair(size);
  return resample(
    x,
    "adaptiveAveragePool",
    (from) => ({ kind: "adaptive", from, to: height }),
    (from) => ({ kind: "adaptive", from, to: width }),
  );
}

/** Options of {@link resize}. `alignCorners` (bilinear only, default false) maps corner pixels onto corner pixels. */
export interface ResizeOptions {
  /** How elements in between are found. */
  readonly mode: "nearest" | "bilinear";
  /** Of bilinear: whether corner pixels fall on corner pixels. Default false. */
  readonly alignCorners?: boolean;
}

/** Resizes maps as PyTorch's `interpolate` does. [N,C,H,W] → [N,C,h,w] */
export function resize(x: Value, size: readonly [number, number], options: ResizeOptions): Value {
  check("resize", "size", mapSides, size);
  check("resize", "options", resizeOptions, options);
  const [height, width] = size;
  const { mode, alignCorners = false } = options;
  const axis = (to: number) => (from: number) =>
    mode === "nearest"
      ? ({ kind: "nearest", from, to } as const)
      : ({ kind: "linear", alignCorners, from, to } as const);
  return resample(x, "resize", axis(height), axis(width));
}

/** Pads by repeating the border. */
export function replicatePad(x: Value, padding: number | readonly [number, number]): Value {
  check("replicatePad", "padding", sides(0), padding);
  const [vertical, horizontal] = pair(padding);
  const border = (before: number) => (from: number) =>
    ({ kind: "replicate", from, to: from + 2 * before, before }) as const;
  return resample(x, "replicatePad", border(vertical), border(horizontal));
}

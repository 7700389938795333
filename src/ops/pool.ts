import { ShapeError } from "../core/errors.js";
import { check } from "../core/schema.js";
import { formatShape, type Shape, staticShape } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import type { Dense, Op } from "../graph/op.js";
import { checkValue, maxPoolOptions, pair } from "./checks.js";
import { windowCount } from "./conv.js";
import { apply, dense, noMacs } from "./operands.js";

export type MaxPoolAttributes = {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
};

function outputShape(x: Shape, { kernel, strides, pads, dilations }: MaxPoolAttributes): Shape {
  const [n, c, height, width] = x;
  if (x.length !== 4 || typeof height !== "number" || typeof width !== "number")
    throw new ShapeError(`needs [N,C,H,W], got ${formatShape(x)}`);
  if (pads[0] * 2 > kernel[0] || pads[1] * 2 > kernel[1])
    throw new ShapeError(`padding [${pads}] must be at most half the kernel [${kernel}]`);
  const oh = windowCount(height, kernel[0], strides[0], pads[0] + pads[2], dilations[0]);
  const ow = windowCount(width, kernel[1], strides[1], pads[1] + pads[3], dilations[1]);
  if (oh < 1 || ow < 1)
    throw new ShapeError(
      `kernel [${kernel}], dilated by [${dilations}], is larger than the padded map ${formatShape(x)}`,
    );
  for (const [i, [size, count]] of [[height, oh] as const, [width, ow] as const].entries())
    for (let window = 0; window < count; window++)
      if (tapsInside(window, size, i as 0 | 1, { kernel, strides, pads, dilations }).length === 0)
        throw new ShapeError(
          `a window of ${formatShape(x)} lies entirely in the padding: kernel [${kernel}], pads [${pads}]`,
        );
  return [n!, c!, oh, ow];
}

/** The rows or columns (`axis` 0 or 1) in a window, without padding. */
function tapsInside(window: number, size: number, axis: 0 | 1, a: MaxPoolAttributes): number[] {
  const start = window * a.strides[axis] - a.pads[axis];
  const step = a.dilations[axis];
  const first = Math.max(0, Math.ceil(-start / step));
  const end = Math.min(a.kernel[axis], Math.ceil((size - start) / step));
  return Array.from({ length: Math.max(0, end - first) }, (_, k) => start + (first + k) * step);
}

/** For every window, the flat index of its first largest element in row-major order, or of its last NaN, as in PyTorch. */
function indicesOfMaxima(x: Dense, attributes: MaxPoolAttributes): Uint32Array {
  const [, , height, width] = x.shape as [number, number, number, number];
  const [n, c, oh, ow] = staticShape(outputShape(x.shape, attributes)) as [number, number, number, number];
  const rows = Array.from({ length: oh }, (_, window) => tapsInside(window, height, 0, attributes));
  const columns = Array.from({ length: ow }, (_, window) => tapsInside(window, width, 1, attributes));
  const indices = new Uint32Array(n * c * oh * ow);
  for (let i = 0; i < indices.length; i++) {
    const plane = Math.floor(i / (oh * ow)) * height * width;
    let best = -1;
    for (const y of rows[Math.floor(i / ow) % oh]!)
      for (const z of columns[i % ow]!) {
        const at = plane + y * width + z;
        if (best < 0 || x.data[at]! > x.data[best]! || Number.isNaN(x.data[at])) best = at;
      }
    indices[i] = best;
  }
  return indices;
}

export const maxPoolOp: Op<MaxPoolAttributes, readonly [x: Value]> = {
  name: "MaxPool",
  infer: ([x], attributes) => [{ dtype: "float", shape: outputShape(x.shape, attributes) }],
  run: ([x], attributes) => {
    const y = dense(staticShape(outputShape(x.shape, attributes)));
    indicesOfMaxima(x, attributes).forEach((from, i) => {
      y.data[i] = x.data[from]!;
    });
    return [y];
  },
  grad: (dy, node) => [apply(maxPoolGradOp, [dy, node.inputs[0]!, node.outputs[0]!], node.attributes)],
  macs: noMacs,
  mixesImages: () => false,
};

/** From (dy, x, y): every window sends its gradient to the first of its largest elements, or to its last NaN, as in PyTorch. */
export const maxPoolGradOp: Op<MaxPoolAttributes, readonly [dy: Value, x: Value, y: Value]> = {
  name: "MaxPoolGrad",
  infer: ([, x]) => [x],
  run: ([dy, x], attributes) => {
    const dx = dense(x.shape);
    indicesOfMaxima(x, attributes).forEach((to, i) => {
      dx.data[to]! += dy.data[i]!;
    });
    return [dx];
  },
  grad: (d, node) => [apply(maxPoolSelectOp, [d, node.inputs[1]!], node.attributes), null],
  macs: noMacs,
  mixesImages: () => false,
};

/** From (d, x): what d has where the first of the largest elements of each window of x is; the gradient of {@link maxPoolGradOp}. */
export const maxPoolSelectOp: Op<MaxPoolAttributes, readonly [d: Value, x: Value]> = {
  name: "MaxPoolSelect",
  infer: ([, x], attributes) => [{ dtype: "float", shape: outputShape(x.shape, attributes) }],
  run: ([d, x], attributes) => {
    const y = dense(staticShape(outputShape(x.shape, attributes)));
    indicesOfMaxima(x, attributes).forEach((from, i) => {
      y.data[i] = d.data[from]!;
    });
    return [y];
  },
  grad: (dy, node) => [apply(maxPoolGradOp, [dy, node.inputs[1]!], node.attributes), null],
  macs: noMacs,
  mixesImages: () => false,
};

/**
 * Options of {@link maxPool}. `stride` defaults to the kernel. With `ceilMode` the last window of a row or column may extend beyond the
 * padded map if it starts on the map or the padding before it (PyTorch's `ceil_mode`).
 */
export interface MaxPoolOptions {
  /** Height and width of a window. */
  readonly kernelSize: number | readonly [number, number];
  /** Steps between windows. Default: the kernel. */
  readonly stride?: number | readonly [number, number];
  /** Border that never wins, at most half the kernel. Default 0. */
  readonly padding?: number | readonly [number, number];
  /** Steps between the elements of a window. Default 1. */
  readonly dilation?: number | readonly [number, number];
  /** Whether a last window may reach over the end. Default false. */
  readonly ceilMode?: boolean;
}

/**
 * Maximum over sliding windows, NaN if the window has one; the padding never wins. [N,C,H,W] → [N,C,H',W'],
 * H' = ⌊(H + 2·padding − dilation·(kernelSize − 1) − 1) / stride⌋ + 1, rounded up instead with `ceilMode`.
 *
 * @throws OptionError for an invalid number. @throws ShapeError if the padding is more than half the kernel, or a window would lie entirely
 *   in the padding.
 *
 * @example
 * maxPool(x, { kernelSize: 3, stride: 2, ceilMode: true }); // [N,C,6,6] → [N,C,3,3]
 */
export function maxPool(x: Value, options: MaxPoolOptions): Value {
  checkValue("maxPool", "x", x);
  check("maxPool", "options", maxPoolOptions, options);
  const { kernelSize, stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options;
  const [kernels, strides, [py, px], dilations] = [pair(kernelSize), pair(stride), pair(padding), pair(dilation)];
  const [dy, dx] = ceilMode ? ([0, 1] as const).map((i) => overhang(i)) : [0, 0];
  const pads = [py, px, py + dy!, px + dx!] as const;
  return apply(maxPoolOp, [x], { kernel: kernels, strides, pads, dilations });

  /** How far the window added by `ceilMode` extends beyond the padded map. */
  function overhang(axis: 0 | 1): number {
    const [size, before, step] = [x.shape[2 + axis] as number, [py, px][axis]!, strides[axis]];
    const extent = dilations[axis] * (kernels[axis] - 1) + 1;
    let last = Math.ceil((size + 2 * before - extent) / step) * step;
    if (last >= size + before) last -= step;
    return Math.max(0, last + extent - size - 2 * before);
  }
}

import { ShapeError } from "../core/errors.js";
import { formatShape, type Shape, staticShape } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import type { Dense, Op } from "../graph/op.js";
import { integerPair, windowCount } from "./conv.js";
import { apply, dense, noMacs, onceOnly } from "./operands.js";

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
        throw new ShapeError(`a window of ${formatShape(x)} holds padding only: kernel [${kernel}], pads [${pads}]`);
  return [n!, c!, oh, ow];
}

/** The rows or columns (`axis` 0 or 1) that a window sees, padding left out. */
function tapsInside(window: number, size: number, axis: 0 | 1, a: MaxPoolAttributes): number[] {
  const start = window * a.strides[axis] - a.pads[axis];
  const all = Array.from({ length: a.kernel[axis] }, (_, tap) => start + tap * a.dilations[axis]);
  return all.filter((position) => position >= 0 && position < size);
}

/** For every window, the flat index of its first largest element, in row-major order. */
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

export const maxPoolOp: Op<MaxPoolAttributes> = {
  name: "MaxPool",
  infer: ([x], attributes) => [{ dtype: "float", shape: outputShape(x!.shape, attributes) }],
  run: ([x], attributes) => {
    const y = dense(staticShape(outputShape(x!.shape, attributes)));
    indicesOfMaxima(x!, attributes).forEach((from, i) => {
      y.data[i] = x!.data[from]!;
    });
    return [y];
  },
  grad: (dy, node) => [apply(maxPoolGradOp, [dy, node.inputs[0]!], node.attributes)],
  macs: noMacs,
};

/** From (dy, x): every window sends its gradient to the first of its largest elements. */
export const maxPoolGradOp: Op<MaxPoolAttributes> = {
  name: "MaxPoolGrad",
  infer: ([, x]) => [x!],
  run: ([dy, x], attributes) => {
    const dx = dense(x!.shape);
    indicesOfMaxima(x!, attributes).forEach((to, i) => {
      dx.data[to]! += dy!.data[i]!;
    });
    return [dx];
  },
  grad: onceOnly("MaxPoolGrad"),
  macs: noMacs,
};

/**
 * Options of {@link maxPool}. `stride` defaults to the kernel. With `ceilMode` the last window of a row or column may reach over the
 * end of the padded map, as long as it starts on the map or the padding before it (PyTorch's `ceil_mode`).
 */
export interface MaxPoolOptions {
  /** Height and width of the window. */
  readonly kernel: number | readonly [number, number];
  /** Step between windows. Default: the window. */
  readonly stride?: number | readonly [number, number];
  /** Padding on every side that never is the maximum. Default 0. */
  readonly padding?: number | readonly [number, number];
  /** Distance between elements of the window. Default 1. */
  readonly dilation?: number | readonly [number, number];
  /** Round the output size up, as PyTorch's `ceil_mode`. Default false. */
  readonly ceilMode?: boolean;
}

/**
 * Maximum over sliding windows, NaN where there is one in the window; the padding never wins. [N,C,H,W] → [N,C,H',W'],
 * H' = ⌊(H + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, rounded up instead with `ceilMode`.
 *
 * @throws OptionError if a number is no integer that makes sense. @throws ShapeError if the padding is more than half the kernel, or a window would see nothing of the map.
 *
 * @example
 * maxPool(x, { kernel: 3, stride: 2, ceilMode: true }); // [N,C,6,6] → [N,C,3,3]
 */
export function maxPool(x: Value, options: MaxPoolOptions): Value {
  const { kernel, stride = kernel, padding = 0, dilation = 1, ceilMode = false } = options;
  const checked = (name: string, value: number | readonly [number, number], min = 1) =>
    integerPair("maxPool", name, value, min);
  const [kernels, strides] = [checked("kernel", kernel), checked("stride", stride)];
  const [[py, px], dilations] = [checked("padding", padding, 0), checked("dilation", dilation)];
  const [dy, dx] = ceilMode ? ([0, 1] as const).map((i) => overhang(i)) : [0, 0];
  const pads = [py, px, py + dy!, px + dx!] as const;
  return apply(maxPoolOp, [x], { kernel: kernels, strides, pads, dilations });

  /** By how much the last window that `ceilMode` adds reaches over the padded map. */
  function overhang(axis: 0 | 1): number {
    const [size, before, step] = [x.shape[2 + axis] as number, [py, px][axis]!, strides[axis]];
    const extent = dilations[axis] * (kernels[axis] - 1) + 1;
    let last = Math.ceil((size + 2 * before - extent) / step) * step;
    if (last >= size + before) last -= step;
    return Math.max(0, last + extent - size - 2 * before);
  }
}

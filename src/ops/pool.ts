import { ShapeError } from "../core/errors.js";
import { formatShape, type Shape, staticShape } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import type { Dense, Op } from "../graph/op.js";
import { pair, windowCount } from "./conv.js";
import { apply, dense, noMacs, type Operand, onceOnly } from "./operands.js";

export type MaxPoolAttributes = {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
};

function outputShape(x: Shape, { kernel, strides, pads }: MaxPoolAttributes): Shape {
  const [n, c, height, width] = x;
  if (x.length !== 4 || typeof height !== "number" || typeof width !== "number")
    throw new ShapeError(`needs [N,C,H,W], got ${formatShape(x)}`);
  if (pads[0] * 2 > kernel[0] || pads[1] * 2 > kernel[1])
    throw new ShapeError(`padding [${pads}] must be at most half the kernel [${kernel}]`);
  const oh = windowCount(height, kernel[0], strides[0], pads[0] + pads[2]);
  const ow = windowCount(width, kernel[1], strides[1], pads[1] + pads[3]);
  if (oh < 1 || ow < 1) throw new ShapeError(`kernel [${kernel}] is larger than the padded map ${formatShape(x)}`);
  return [n!, c!, oh, ow];
}

/** For every window, the flat index of its first largest element, in row-major order. */
function indicesOfMaxima(x: Dense, attributes: MaxPoolAttributes): Uint32Array {
  const { kernel, strides, pads } = attributes;
  const [, , height, width] = x.shape as [number, number, number, number];
  const [n, c, oh, ow] = staticShape(outputShape(x.shape, attributes)) as [number, number, number, number];
  const indices = new Uint32Array(n * c * oh * ow);
  for (let i = 0; i < indices.length; i++) {
    const plane = Math.floor(i / (oh * ow)) * height * width;
    const top = (Math.floor(i / ow) % oh) * strides[0] - pads[0];
    const left = (i % ow) * strides[1] - pads[1];
    let best = -1;
    for (let y = Math.max(0, top); y < Math.min(height, top + kernel[0]); y++)
      for (let z = Math.max(0, left); z < Math.min(width, left + kernel[1]); z++) {
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

/** Options of {@link maxPool}. `stride` defaults to the kernel. */
export interface MaxPoolOptions {
  readonly kernel: number | readonly [number, number];
  readonly stride?: number | readonly [number, number];
  readonly padding?: number | readonly [number, number];
}

/** Maximum over sliding windows, NaN where there is one in the window; the padding never wins. [N,C,H,W] → [N,C,H',W'] */
export function maxPool(x: Operand, { kernel, stride = kernel, padding = 0 }: MaxPoolOptions): Value {
  const [py, px] = pair(padding);
  return apply(maxPoolOp, [x], { kernel: pair(kernel), strides: pair(stride), pads: [py, px, py, px] });
}

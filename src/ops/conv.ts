import { ShapeError } from "../core/errors.js";
import { integer } from "../core/options.js";
import { countElements, formatShape, type Shape, staticShape } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import type { Op } from "../graph/op.js";
import { add } from "./elementwise.js";
import { pad, reshape } from "./movement.js";
import { apply, dense, type Operand, toValue } from "./operands.js";
import { reduceSum } from "./reduce.js";

/** Geometry of a two-dimensional convolution, as ONNX writes it: `pads` is [top, left, bottom, right]. */
export type ConvAttributes = {
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
  readonly group: number;
};
export type ConvInputGradAttributes = ConvAttributes & { readonly size: readonly [number, number] };
export type ConvWeightGradAttributes = ConvAttributes & { readonly kernel: readonly [number, number] };

/** Rows or columns that a window of `kernel` taps yields from `size`. */
export function windowCount(size: number, kernel: number, stride: number, padding: number, dilation = 1): number {
  return Math.floor((size + padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** Sizes that decide how the windows of a convolution lie on its input. */
interface Windows extends Pick<ConvAttributes, "strides" | "pads" | "dilations"> {
  readonly kernel: readonly [number, number];
  readonly height: number;
  readonly width: number;
  readonly oh: number;
  readonly ow: number;
}

/** How many rows and columns must stand below and right of the input so that the windows end there; negative: so many are not read. */
export function missingPads({ strides, dilations, kernel, pads, oh, ow, height, width }: Windows): [number, number] {
  const extent = (count: number, i: 0 | 1) => (count - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1;
  return [extent(oh, 0) - height - pads[0], extent(ow, 1) - width - pads[1]];
}

/** The padding of the convolution of dy that is the input gradient, for stride 1. It may be negative. */
export function turnedPads({ kernel, dilations, pads }: Pick<Windows, "kernel" | "dilations" | "pads">) {
  const [down, across] = kernel.map((k, i) => dilations[i]! * (k - 1)) as [number, number];
  return [down - pads[0], across - pads[1], down - pads[2], across - pads[3]] as const;
}

function outputShape(x: Shape, w: Shape, { strides, pads, dilations, group }: ConvAttributes): Shape {
  const given = `${formatShape(x)} and weight ${formatShape(w)}`;
  if (x.length !== 4 || w.length !== 4)
    throw new ShapeError(`needs [N,C,H,W] and weight [O,C/group,kh,kw], got ${given}`);
  const [n, channels, height, width] = x as [number, number, number, number];
  const [filters, perGroup, kh, kw] = w as [number, number, number, number];
  if (channels !== perGroup * group)
    throw new ShapeError(
      `input has ${channels} channels, the weight expects ${perGroup * group}: ${given}, group ${group}`,
    );
  if (filters % group) throw new ShapeError(`${filters} filters do not divide into ${group} groups`);
  const oh = windowCount(height, kh, strides[0], pads[0] + pads[2], dilations[0]);
  const ow = windowCount(width, kw, strides[1], pads[1] + pads[3], dilations[1]);
  if (oh < 1 || ow < 1) throw new ShapeError(`the kernel is larger than the padded input: ${given}, pads [${pads}]`);
  return [n, filters, oh, ow];
}

/**
 * The sum that all three computations of a convolution share. For every image, filter, channel, tap and output row,
 * `visit` gets the weight's index, the index of the first input and output element, and how many columns to go;
 * the input advances by `step` per output column.
 */
function forEachRow(
  x: readonly number[],
  w: readonly number[],
  y: readonly number[],
  { strides: [sy, sx], pads: [top, left], dilations: [dy, dx], group }: ConvAttributes,
  visit: (weight: number, input: number, output: number, columns: number, step: number) => void,
): void {
  const [n, channels, height, width] = x as [number, number, number, number];
  const [filters, perGroup, kh, kw] = w as [number, number, number, number];
  const [, , oh, ow] = y as [number, number, number, number];
  for (let image = 0; image < n; image++)
    for (let o = 0; o < filters; o++)
      for (let i = 0; i < perGroup; i++)
        for (let ky = 0; ky < kh; ky++)
          for (let kx = 0; kx < kw; kx++) {
            const channel = Math.floor(o / (filters / group)) * perGroup + i;
            const shift = kx * dx - left;
            const from = Math.max(0, Math.ceil(-shift / sx));
            const to = Math.min(ow, Math.floor((width - 1 - shift) / sx) + 1);
            if (to <= from) continue;
            const weight = ((o * perGroup + i) * kh + ky) * kw + kx;
            for (let row = 0; row < oh; row++) {
              const iy = row * sy + ky * dy - top;
              if (iy < 0 || iy >= height) continue;
              const input = ((image * channels + channel) * height + iy) * width + from * sx + shift;
              visit(weight, input, ((image * filters + o) * oh + row) * ow + from, to - from, sx);
            }
          }
}

/** Multiply-accumulates of the forward pass; both gradients cost the same. */
const macsOf = (y: Shape, w: Shape): number => countElements(y).size * countElements(w.slice(1)).size;

/** y[n,o,i,j] = Σ over c, ky, kx of w[o,c,ky,kx] · x[n, c, i·s + ky·d − p, j·s + kx·d − p] (+ bias[o]). */
export const convOp: Op<ConvAttributes> = {
  name: "Conv",
  infer: ([x, w, bias], attributes) => {
    const shape = outputShape(x!.shape, w!.shape, attributes);
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== shape[1]))
      throw new ShapeError(`bias must be [${shape[1]}], got ${formatShape(bias.shape)}`);
    return [{ dtype: "float", shape }];
  },
  run: ([x, w, bias], attributes) => {
    const y = dense(staticShape(outputShape(x!.shape, w!.shape, attributes)));
    if (bias) {
      const area = y.shape[2]! * y.shape[3]!;
      for (let i = 0; i < y.data.length; i++) y.data[i] = bias.data[Math.floor(i / area) % y.shape[1]!]!;
    }
    forEachRow(x!.shape, w!.shape, y.shape, attributes, (weight, input, output, columns, step) => {
      const factor = w!.data[weight]!;
      for (let j = 0; j < columns; j++) y.data[output + j]! += factor * x!.data[input + j * step]!;
    });
    return [y];
  },
  grad: (dy, node) => {
    const [x, w, bias] = node.inputs as [Value, Value, Value?];
    const [dx, dw] = [convInputGrad(dy, w, x.shape, node.attributes), convWeightGrad(x, dy, w.shape, node.attributes)];
    return bias ? [dx, dw, reduceSum(dy, [0, 2, 3], { keepdims: false })] : [dx, dw];
  },
  macs: ([, w], [y]) => macsOf(y!.shape, w!.shape),
};

/** From (dy, w): the gradient of a convolution with respect to its input of `size`; also the transposed convolution. */
export const convInputGradOp: Op<ConvInputGradAttributes> = {
  name: "ConvInputGrad",
  infer: ([dy, w], attributes) => {
    const shape = [dy!.shape[0]!, (w!.shape[1] as number) * attributes.group, ...attributes.size];
    outputShape(shape, w!.shape, attributes);
    return [{ dtype: "float", shape }];
  },
  run: ([dy, w], attributes) => {
    const dx = dense([dy!.shape[0]!, w!.shape[1]! * attributes.group, ...attributes.size]);
    forEachRow(dx.shape, w!.shape, dy!.shape, attributes, (weight, input, output, columns, step) => {
      const factor = w!.data[weight]!;
      for (let j = 0; j < columns; j++) dx.data[input + j * step]! += factor * dy!.data[output + j]!;
    });
    return [dx];
  },
  grad: (d, node) => {
    const [dy, w] = node.inputs as [Value, Value];
    return [conv2d(d, w, undefined, node.attributes), convWeightGrad(d, dy, w.shape, node.attributes)];
  },
  macs: ([dy, w]) => macsOf(dy!.shape, w!.shape),
};

/** From (x, dy): the gradient of a convolution with respect to its weight. */
export const convWeightGradOp: Op<ConvWeightGradAttributes> = {
  name: "ConvWeightGrad",
  infer: ([x, dy], { kernel, group }) => [
    { dtype: "float", shape: [dy!.shape[1]!, (x!.shape[1] as number) / group, ...kernel] },
  ],
  run: ([x, dy], attributes) => {
    const dw = dense([dy!.shape[1]!, x!.shape[1]! / attributes.group, ...attributes.kernel]);
    forEachRow(x!.shape, dw.shape, dy!.shape, attributes, (weight, input, output, columns, step) => {
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += x!.data[input + j * step]! * dy!.data[output + j]!;
      dw.data[weight]! += sum;
    });
    return [dw];
  },
  grad: (d, node) => {
    const [x, dy] = node.inputs as [Value, Value];
    return [convInputGrad(dy, d, x.shape, node.attributes), conv2d(x, d, undefined, node.attributes)];
  },
  macs: ([, dy], [dw]) => macsOf(dy!.shape, dw!.shape),
};

/** Geometry of a convolution as a user writes it: one number for both axes, or [vertical, horizontal]. */
export interface ConvOptions {
  /** Step between windows. Default 1. */
  readonly stride?: number | readonly [number, number];
  /** Zeros on every side. Default 0. */
  readonly padding?: number | readonly [number, number];
  /** Distance between kernel elements. Default 1. */
  readonly dilation?: number | readonly [number, number];
  /** Groups of channels that are convolved separately. Default 1. */
  readonly groups?: number;
}

/** One number for both axes, or [vertical, horizontal], as a pair. */
export const pair = (v: number | readonly [number, number]): readonly [number, number] =>
  typeof v === "number" ? [v, v] : v;

/** The same, checked: integers of at least `min`. @throws OptionError */
export function integerPair(owner: string, name: string, v: number | readonly [number, number], min = 1) {
  const [first, second] = pair(v);
  return [integer(owner, name, first, min), integer(owner, name, second, min)] as const;
}

export function convAttributes(options: ConvOptions, owner = "conv"): ConvAttributes {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [py, px] = integerPair(owner, "padding", padding, 0);
  return {
    strides: integerPair(owner, "stride", stride),
    pads: [py, px, py, px],
    dilations: integerPair(owner, "dilation", dilation),
    group: integer(owner, "groups", groups),
  };
}

function conv2d(x: Operand, w: Operand, bias: Operand | undefined, a: ConvAttributes): Value {
  const { strides, pads, dilations, group } = a;
  return apply(convOp, bias === undefined ? [x, w] : [x, w, bias], { strides, pads, dilations, group });
}

function convInputGrad(dy: Value, w: Value, x: Shape, { strides, pads, dilations, group }: ConvAttributes): Value {
  const size = [x[2], x[3]] as [number, number];
  return apply(convInputGradOp, [dy, w], { strides, pads, dilations, group, size });
}

function convWeightGrad(x: Value, dy: Value, w: Shape, { strides, pads, dilations, group }: ConvAttributes): Value {
  const kernel = [w[2], w[3]] as [number, number];
  return apply(convWeightGradOp, [x, dy], { strides, pads, dilations, group, kernel });
}

/**
 * Two-dimensional convolution (cross-correlation, as in PyTorch).
 * x [N,C,H,W], weight [O,C/groups,kh,kw], bias [O] → [N,O,H',W'], H' = ⌊(H + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1.
 */
export const conv = (x: Operand, weight: Operand, bias?: Operand, options: ConvOptions = {}): Value =>
  conv2d(x, weight, bias, convAttributes(options));

/** Geometry of a transposed convolution as a user writes it. `outputPadding` adds rows and columns at the end of the result. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Rows and columns added at the bottom and right. Default 0. */
  readonly outputPadding?: number | readonly [number, number];
}

/**
 * Two-dimensional transposed convolution, as PyTorch's ConvTranspose2d: the gradient of a convolution with respect to its input.
 * x [N,C,H,W], weight [C,O/groups,kh,kw], bias [O] → [N,O,H',W'],
 * H' = (H − 1)·stride − 2·padding + dilation·(kh − 1) + outputPadding + 1.
 *
 * @throws OptionError if a number is no integer that makes sense. @throws ShapeError if the shapes do not fit, or outputPadding is not smaller than the stride or the dilation.
 *
 * @example
 * convTranspose(x, weight, bias, { stride: 2, padding: 1, outputPadding: 1 }); // 3×3: twice the height and width
 */
export function convTranspose(x: Value, weight: Operand, bias?: Operand, options: ConvTransposeOptions = {}): Value {
  const w = toValue(x.graph, weight);
  const { strides, pads, dilations, group } = convAttributes(options, "convTranspose");
  const added = integerPair("convTranspose", "outputPadding", options.outputPadding ?? 0, 0);
  const given = `${formatShape(x.shape)} and weight ${formatShape(w.shape)}`;
  if (x.shape.length !== 4 || w.shape.length !== 4 || x.shape[1] !== w.shape[0] || (x.shape[1] as number) % group)
    throw new ShapeError(`convTranspose: needs [N,C,H,W] and weight [C,O/groups,kh,kw], got ${given}, groups ${group}`);
  const axes = ([0, 1] as const).map((i) => {
    if (added[i] >= Math.max(strides[i], dilations[i]))
      throw new ShapeError(
        `convTranspose: outputPadding must be smaller than the stride or the dilation, got [${added}], strides [${strides}], dilations [${dilations}]`,
      );
    // A convolution's stride rounds off up to stride − 1 rows. More are padding that is left out at the end, and then zeros.
    const more = Math.max(0, added[i] - strides[i] + 1);
    const end = Math.max(0, pads[i] - more);
    const zeros = more - (pads[i] - end);
    const reach = dilations[i] * ((w.shape[2 + i] as number) - 1);
    const size = ((x.shape[2 + i] as number) - 1) * strides[i] + reach + 1 - 2 * pads[i] + added[i] - zeros;
    return { size, end, zeros };
  }) as [Ends, Ends];
  const [rows, columns] = axes;
  if (rows.size < 1 || columns.size < 1)
    throw new ShapeError(`convTranspose: nothing is left of the map: ${given}, padding [${pads.slice(0, 2)}]`);
  const attributes = { strides, pads: [pads[0], pads[1], rows.end, columns.end] as const, dilations, group };
  let y = apply(convInputGradOp, [x, w], { ...attributes, size: [rows.size, columns.size] });
  for (const [i, { zeros }] of axes.entries()) if (zeros > 0) y = pad(y, { axis: 2 + i, before: 0, after: zeros });
  return bias === undefined ? y : add(y, reshape(toValue(x.graph, bias), [y.shape[1]!, 1, 1]));
}

/** Along one axis of a transposed convolution: its size, the padding at its end, and zeros behind it. */
interface Ends {
  readonly size: number;
  readonly end: number;
  readonly zeros: number;
}

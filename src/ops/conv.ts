import { ShapeError } from "../core/errors.js";
import { check } from "../core/schema.js";
import { countElements, formatShape, type Shape, staticShape } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import type { Op } from "../graph/op.js";
import { checkValue, convOptions, convTransposeOptions, pair } from "./checks.js";
import { addDots, addProducts, block, gather, most, products } from "./conv-products.js";
import { add } from "./elementwise.js";
import { pad, reshape } from "./movement.js";
import { apply, dense, exceptFirst, type Operand, toValue } from "./operands.js";
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

/** The number of positions of a window of `kernel` elements along an axis of `size`. */
export function windowCount(size: number, kernel: number, stride: number, padding: number, dilation = 1): number {
  return Math.floor((size + padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** The sizes that place the windows of a convolution on its input. */
interface Windows extends Pick<ConvAttributes, "strides" | "pads" | "dilations"> {
  readonly kernel: readonly [number, number];
  readonly height: number;
  readonly width: number;
  readonly oh: number;
  readonly ow: number;
}

/** The bottom and right padding with which the windows end at the edge; negative: so many rows or columns are not read. */
export function missingPads({ strides, dilations, kernel, pads, oh, ow, height, width }: Windows): [number, number] {
  const extent = (count: number, i: 0 | 1) => (count - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1;
  return [extent(oh, 0) - height - pads[0], extent(ow, 1) - width - pads[1]];
}

/** The padding with which, for stride 1, the convolution of dy with the flipped kernel is the input gradient. May be negative. */
export function flippedPads({ kernel, dilations, pads }: Pick<Windows, "kernel" | "dilations" | "pads">) {
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

/** Multiply-accumulates of the forward pass; both gradients cost the same. */
const macsOf = (y: Shape, w: Shape): number => countElements(y).size * countElements(w.slice(1)).size;

/** y[n,o,i,j] = Σ over c, ky, kx of w[o,c,ky,kx] · x[n, c, i·s + ky·d − p, j·s + kx·d − p] (+ bias[o]). */
export const convOp: Op<ConvAttributes, readonly [x: Value, w: Value, bias?: Value]> = {
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
    const positions = y.shape[2]! * y.shape[3]!;
    const rows = new Float64Array(block * positions);
    const factors = new Float64Array(block * (w!.shape[0]! / attributes.group + 1));
    for (const product of products(x!.shape, w!.shape, y.shape, attributes)) {
      const { elements, filters, weight, output } = product;
      for (let element = 0; element < elements; element += block) {
        gather(x!.data, product, element, rows);
        for (let o = 0; o < filters; o++)
          for (let k = 0; k < block; k++)
            factors[block * o + k] = element + k < elements ? w!.data[weight + o * elements + element + k]! : 0;
        addProducts({ data: y.data, at: output }, filters, positions, factors, { data: rows, at: 0 });
      }
    }
    return [y];
  },
  grad: (dy, node) => {
    const [x, w, bias] = node.inputs;
    const [dx, dw] = [convInputGrad(dy, w, x.shape, node.attributes), convWeightGrad(x, dy, w.shape, node.attributes)];
    return bias ? [dx, dw, reduceSum(dy, [0, 2, 3], { keepdims: false })] : [dx, dw];
  },
  macs: ([, w], [y]) => macsOf(y!.shape, w!.shape),
  mixesImages: exceptFirst,
};

/** (dy, w) → the gradient of a convolution's input, of `size`; also the transposed convolution. */
export const convInputGradOp: Op<ConvInputGradAttributes, readonly [dy: Value, w: Value]> = {
  name: "ConvInputGrad",
  infer: ([dy, w], attributes) => {
    const shape = [dy!.shape[0]!, (w!.shape[1] as number) * attributes.group, ...attributes.size];
    outputShape(shape, w!.shape, attributes);
    return [{ dtype: "float", shape }];
  },
  run: ([dy, w], attributes) => {
    const dx = dense([dy!.shape[0]!, w!.shape[1]! * attributes.group, ...attributes.size]);
    const positions = dy!.shape[2]! * dy!.shape[3]!;
    const group = new Float64Array(most * positions);
    const last = new Float64Array(block * positions);
    const factors = new Float64Array(block * (most + 1));
    for (const product of products(dx.shape, w!.shape, dy!.shape, attributes)) {
      const { filters, elements, weight, output } = product;
      for (let first = 0; first < elements; first += most) {
        const count = Math.min(most, elements - first);
        group.fill(0);
        for (let o = 0; o < filters; o += block) {
          for (let i = 0; i < count; i++)
            for (let k = 0; k < block; k++)
              factors[block * i + k] = o + k < filters ? w!.data[weight + (o + k) * elements + first + i]! : 0;
          const rows = { data: dy!.data, at: output + o * positions };
          if (o + block > filters) {
            last.fill(0);
            last.set(dy!.data.subarray(rows.at, output + filters * positions));
          }
          addProducts(
            { data: group, at: 0 },
            count,
            positions,
            factors,
            o + block > filters ? { data: last, at: 0 } : rows,
          );
        }
        for (let i = 0; i < count; i++) {
          const [plane, sources] = [product.plane(first + i), product.sources(first + i)];
          for (let p = 0; p < positions; p++)
            if (sources[p]! >= 0) dx.data[plane + sources[p]!]! += group[i * positions + p]!;
        }
      }
    }
    return [dx];
  },
  grad: (d, node) => {
    const [dy, w] = node.inputs;
    return [conv2d(d, w, undefined, node.attributes), convWeightGrad(d, dy, w.shape, node.attributes)];
  },
  macs: ([dy, w]) => macsOf(dy!.shape, w!.shape),
  mixesImages: exceptFirst,
};

/** (x, dy) → the gradient of a convolution's weight. */
export const convWeightGradOp: Op<ConvWeightGradAttributes, readonly [x: Value, dy: Value]> = {
  name: "ConvWeightGrad",
  infer: ([x, dy], { kernel, group }) => [
    { dtype: "float", shape: [dy!.shape[1]!, (x!.shape[1] as number) / group, ...kernel] },
  ],
  run: ([x, dy], attributes) => {
    const dw = dense([dy!.shape[1]!, x!.shape[1]! / attributes.group, ...attributes.kernel]);
    const positions = dy!.shape[2]! * dy!.shape[3]!;
    const rows = { data: new Float64Array(block * positions), at: 0 };
    for (const product of products(x!.shape, dw.shape, dy!.shape, attributes))
      for (let element = 0; element < product.elements; element += block) {
        gather(x!.data, product, element, rows.data);
        const count = Math.min(block, product.elements - element);
        for (let o = 0; o < product.filters; o++) {
          const to = { data: dw.data, at: product.weight + o * product.elements + element };
          addDots(to, count, positions, rows, { data: dy!.data, at: product.output + o * positions });
        }
      }
    return [dw];
  },
  grad: (d, node) => {
    const [x, dy] = node.inputs;
    return [convInputGrad(dy, d, x.shape, node.attributes), conv2d(x, d, undefined, node.attributes)];
  },
  macs: ([, dy], [dw]) => macsOf(dy!.shape, dw!.shape),
};

/** Geometry of a convolution: one number for both axes, or [vertical, horizontal]. */
export interface ConvOptions {
  /** Steps between windows. Default 1. */
  readonly stride?: number | readonly [number, number];
  /** Zeros on every side. Default 0. */
  readonly padding?: number | readonly [number, number];
  /** Steps between the elements of a window. Default 1. */
  readonly dilation?: number | readonly [number, number];
  /** Groups of channels that do not see each other. Default 1. */
  readonly groups?: number;
}

export function convAttributes({ stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions): ConvAttributes {
  const [py, px] = pair(padding);
  return { strides: pair(stride), pads: [py, px, py, px], dilations: pair(dilation), group: groups };
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
export function conv(x: Operand, weight: Operand, bias?: Operand, options: ConvOptions = {}): Value {
  check("conv", "options", convOptions, options);
  return conv2d(x, weight, bias, convAttributes(options));
}

/** Geometry of a transposed convolution. `outputPadding` adds rows and columns at the end of the result. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Rows and columns added at the end; less than the stride or the dilation. Default 0. */
  readonly outputPadding?: number | readonly [number, number];
}

/**
 * Two-dimensional transposed convolution, as PyTorch's ConvTranspose2d: the gradient of a convolution with respect to its input.
 * x [N,C,H,W], weight [C,O/groups,kh,kw], bias [O] → [N,O,H',W'],
 * H' = (H − 1)·stride − 2·padding + dilation·(kh − 1) + outputPadding + 1.
 *
 * @throws OptionError for an invalid number. @throws ShapeError if the shapes do not fit, or outputPadding is not smaller than the stride or
 *   the dilation.
 *
 * @example
 * convTranspose(x, weight, bias, { stride: 2, padding: 1, outputPadding: 1 }); // 3×3: twice the height and width
 */
export function convTranspose(x: Value, weight: Operand, bias?: Operand, options: ConvTransposeOptions = {}): Value {
  checkValue("convTranspose", "x", x);
  check("convTranspose", "options", convTransposeOptions, options);
  const w = toValue(x.graph, weight, "convTranspose");
  const { strides, pads, dilations, group } = convAttributes(options);
  const added = pair(options.outputPadding ?? 0);
  const given = `${formatShape(x.shape)} and weight ${formatShape(w.shape)}`;
  if (x.shape.length !== 4 || w.shape.length !== 4 || x.shape[1] !== w.shape[0] || (x.shape[1] as number) % group)
    throw new ShapeError(`convTranspose: needs [N,C,H,W] and weight [C,O/groups,kh,kw], got ${given}, groups ${group}`);
  const axes = ([0, 1] as const).map((i) => {
    if (added[i] >= Math.max(strides[i], dilations[i]))
      throw new ShapeError(
        `convTranspose: outputPadding must be smaller than the stride or the dilation, got [${added}], strides [${strides}], dilations [${dilations}]`,
      );
    // A stride leaves up to stride − 1 rows unread. More are first taken from the padding at the end, then zeros.
    const more = Math.max(0, added[i] - strides[i] + 1);
    const end = Math.max(0, pads[i] - more);
    const zeros = more - (pads[i] - end);
    const reach = dilations[i] * ((w.shape[2 + i] as number) - 1);
    const size = ((x.shape[2 + i] as number) - 1) * strides[i] + reach + 1 - 2 * pads[i] + added[i] - zeros;
    return { size, end, zeros };
  }) as [Ends, Ends];
  const [rows, columns] = axes;
  if (rows.size < 1 || columns.size < 1)
    throw new ShapeError(
      `convTranspose: the padding removes the whole output: ${given}, padding [${pads.slice(0, 2)}]`,
    );
  const attributes = { strides, pads: [pads[0], pads[1], rows.end, columns.end] as const, dilations, group };
  let y = apply(convInputGradOp, [x, w], { ...attributes, size: [rows.size, columns.size] });
  for (const [i, { zeros }] of axes.entries()) if (zeros > 0) y = pad(y, { axis: 2 + i, before: 0, after: zeros });
  return bias === undefined ? y : add(y, reshape(toValue(x.graph, bias, "convTranspose"), [y.shape[1]!, 1, 1]));
}

/** Along one axis of a transposed convolution: output size, padding at the end, and zeros after it. */
interface Ends {
  readonly size: number;
  readonly end: number;
  readonly zeros: number;
}

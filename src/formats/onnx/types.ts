import { normalizeAxes } from "../../core/shape.js";
import { sizeOf } from "../../core/tensor.js";
import type { ArrayType, Dim, LoweredValue, Operation, TypeRule, TypeRules } from "./ir.js";
import { type OnnxDType, typeCodes } from "./proto.js";

/** Shapes of what ONNX operators compute, as far as the rules of this project emit them. */

type Shape = readonly Dim[];
type Attributes = Operation["attributes"];
type Inputs = readonly (LoweredValue | undefined)[];

/** An attribute that is an integer, or a list of them, in ONNX. */
const integer = (attributes: Attributes, name: string, otherwise: number): number =>
  (attributes[name] as number | undefined) ?? otherwise;
const integers = (attributes: Attributes, name: string): readonly number[] | undefined =>
  attributes[name] as readonly number[] | undefined;

/** The integers of a constant input; undefined for one that is computed. */
const contents = (value: LoweredValue | undefined): number[] | undefined =>
  value?.tensor && Array.from(value.tensor.data, Number);

const shapeOf = (value: LoweredValue | undefined): Shape | undefined => value?.type.shape;

/** A rule for one result of the element type of an input, or a given one. */
const one =
  (shape: (inputs: Inputs, attributes: Attributes) => Shape | undefined, dtype: OnnxDType | number = 0): TypeRule =>
  (inputs, attributes) => [
    { dtype: typeof dtype === "number" ? inputs[dtype]!.type.dtype : dtype, shape: shape(inputs, attributes) },
  ];

/** Two dimensions of arrays that broadcast to each other. */
function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (typeof a === "number" && typeof b === "number") throw new Error(`dimensions ${a} and ${b} do not broadcast`);
  return typeof a === "number" ? a : typeof b === "number" ? b : "?";
}

/** The shape of arrays that broadcast to each other. */
export function broadcastShapes(shapes: readonly (Shape | undefined)[]): Shape | undefined {
  let result: Shape | undefined = [];
  for (const shape of shapes) {
    if (!shape) return undefined;
    const rank = Math.max(shape.length, result.length);
    const at = (from: Shape, i: number): Dim => from[i - rank + from.length] ?? 1;
    const before: Shape = result;
    result = Array.from({ length: rank }, (_, i) => broadcastDim(at(before, i), at(shape, i)));
  }
  return result;
}

const like = one(([x]) => shapeOf(x));
const broadcast = (dtype?: OnnxDType | number) => one((inputs) => broadcastShapes(inputs.map(shapeOf)), dtype);

/** The number of windows along an axis, as ONNX counts them. */
function windows(size: Dim, kernel: number, stride: number, padding: number, dilation: number): Dim {
  if (typeof size === "string") return "?";
  const count = Math.floor((size + padding - dilation * (kernel - 1) - 1) / stride) + 1;
  if (count < 1) throw new Error(`a window of ${kernel} does not fit ${size}`);
  return count;
}

/** The positions of a convolution or pooling. */
function positions(x: Shape, kernel: readonly Dim[], attributes: Attributes): Dim[] {
  const axes = x.slice(2);
  const strides = integers(attributes, "strides") ?? axes.map(() => 1);
  const dilations = integers(attributes, "dilations") ?? axes.map(() => 1);
  const pads = integers(attributes, "pads") ?? [...axes, ...axes].map(() => 0);
  return axes.map((size, i) => {
    const padding = pads[i]! + pads[i + axes.length]!;
    return windows(size, Number(kernel[i]), strides[i]!, padding, dilations[i]!);
  });
}

function convolved([x, w]: Inputs, attributes: Attributes): Shape | undefined {
  const [maps, weight] = [shapeOf(x), shapeOf(w)];
  if (!maps || !weight) return undefined;
  const channels = Number(weight[1]) * integer(attributes, "group", 1);
  if (typeof maps[1] === "number" && maps[1] !== channels)
    throw new Error(`${maps[1]} channels, where the weight takes ${channels}`);
  return [maps[0]!, weight[0]!, ...positions(maps, weight.slice(2), attributes)];
}

function transposedConvolved([x, w]: Inputs, attributes: Attributes): Shape | undefined {
  const [maps, weight] = [shapeOf(x), shapeOf(w)];
  if (!maps || !weight) return undefined;
  const of = (name: string) => integers(attributes, name)!;
  const sizes = maps.slice(2).map((size, i): Dim => {
    const [pads, rest] = [of("pads")[i]! + of("pads")[i + 2]!, integers(attributes, "output_padding")?.[i] ?? 0];
    if (typeof size === "string") return "?";
    return of("strides")[i]! * (size - 1) + rest + of("dilations")[i]! * (Number(weight[2 + i]) - 1) + 1 - pads;
  });
  return [maps[0]!, Number(weight[1]) * integer(attributes, "group", 1), ...sizes];
}

/** The shape of a pooling's result. */
const pooledShape = ([x]: Inputs, attributes: Attributes): Shape | undefined => {
  const shape = shapeOf(x);
  return shape && [...shape.slice(0, 2), ...positions(shape, integers(attributes, "kernel_shape")!, attributes)];
};

/** The shape of a pooling over all positions. */
const globallyPooled = ([x]: Inputs): Shape | undefined => shapeOf(x)?.map((d, i) => (i < 2 ? d : 1));

/** The shape of a product of matrices, the last two axes of arrays that broadcast otherwise. */
export function productShape([a, b]: Inputs, attributes: Attributes): Shape | undefined {
  const turned = (shape: Shape | undefined, flag: string) =>
    integer(attributes, flag, 0) ? shape && [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;
  const [left, right] = [turned(shapeOf(a), "transA"), turned(shapeOf(b), "transB")];
  if (!left || !right) return undefined;
  broadcastDim(left.at(-1)!, right.at(-2)!);
  const batch = broadcastShapes([left.slice(0, -2), right.slice(0, -2)]);
  return batch && [...batch, left.at(-2)!, right.at(-1)!];
}

/** The axes that a reduction sums over: an attribute or, as of newer operator sets, an input. */
const reducedAxes = (inputs: Inputs, attributes: Attributes, rank: number): readonly number[] =>
  normalizeAxes(integers(attributes, "axes") ?? contents(inputs[1]) ?? [...Array(rank).keys()], rank);

const reduced = one((inputs, attributes) => {
  const shape = shapeOf(inputs[0]);
  return shape && withoutAxes(shape, reducedAxes(inputs, attributes, shape.length), integer(attributes, "keepdims", 1));
});

const withoutAxes = (shape: Shape, axes: readonly number[], keepdims: number): Shape =>
  keepdims ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i));

/** Of ONNX's Reshape: 0 copies a dimension, −1 is what is left. */
function reshaped([x, to]: Inputs): Shape | undefined {
  const [from, wanted] = [shapeOf(x), contents(to)];
  if (!wanted) return undefined;
  const dims = wanted.map((d, i): Dim => (d === 0 ? (from?.[i] ?? "?") : d === -1 ? "?" : d));
  const symbolic = dims.filter((d) => typeof d === "string");
  const size = from?.every((d) => typeof d === "number") ? sizeOf(from as readonly number[]) : undefined;
  if (size === undefined || symbolic.length > 1) return dims;
  const known = sizeOf(dims.filter((d) => typeof d === "number"));
  if (symbolic.length === 0 ? known !== size : size % known !== 0)
    throw new Error(`[${from}] cannot be reshaped to [${wanted}]`);
  return dims.map((d) => (typeof d === "string" ? size / known : d));
}

const sliced = one(([x, starts, ends, axes, steps]) => {
  const [shape, from, to] = [shapeOf(x), contents(starts), contents(ends)];
  if (!shape || !from || !to) return undefined;
  const along = contents(axes) ?? from.map((_, i) => i);
  const by = contents(steps) ?? from.map(() => 1);
  return shape.map((size, axis): Dim => {
    const i = along.indexOf(axis);
    if (i < 0) return size;
    if (typeof size === "string") return "?";
    const [low, high] = by[i]! > 0 ? [0, size] : [-1, size - 1];
    const at = (index: number) => Math.min(Math.max(index < 0 ? index + size : index, low), high);
    return Math.max(0, Math.ceil((at(to[i]!) - at(from[i]!)) / by[i]!));
  });
});

const padded = one(([x, pads]) => {
  const [shape, by] = [shapeOf(x), contents(pads)];
  return by && shape?.map((d, i) => (typeof d === "string" ? d : d + by[i]! + by[i + shape.length]!));
});

const concatenated = one((inputs, attributes) => {
  const shapes = inputs.map(shapeOf);
  if (!shapes.every((shape) => shape !== undefined)) return undefined;
  const axis = integer(attributes, "axis", 0);
  const total = shapes.map((shape) => shape[axis]!);
  const length = total.every((d) => typeof d === "number") ? total.reduce((a, b) => a + b, 0) : "?";
  return shapes[0]!.with(axis, length);
});

const split: TypeRule = ([x, sizes], attributes) => {
  const [shape, axis] = [shapeOf(x), integer(attributes, "axis", 0)];
  return (contents(sizes) ?? []).map((size) => ({ dtype: x!.type.dtype, shape: shape?.with(axis, size) }));
};

const gathered = one(([x, indices], attributes) => {
  const [shape, of, axis] = [shapeOf(x), shapeOf(indices), integer(attributes, "axis", 0)];
  return shape && of && [...shape.slice(0, axis), ...of, ...shape.slice(axis + 1)];
});

const squeezed = one(([x, axes]) => {
  const [shape, dropped] = [shapeOf(x), contents(axes)];
  return dropped && shape?.filter((_, i) => !dropped.includes(i));
});

const unsqueezed = one(([x, axes]) => {
  const [shape, added] = [shapeOf(x), contents(axes)];
  if (!shape || !added) return undefined;
  const rest = [...shape];
  return Array.from({ length: shape.length + added.length }, (_, i) => (added.includes(i) ? 1 : rest.shift()!));
});

const argMax = one(([x], attributes) => {
  const shape = shapeOf(x);
  return shape && withoutAxes(shape, [integer(attributes, "axis", 0)], integer(attributes, "keepdims", 1));
}, "int64");

const cast: TypeRule = ([x], attributes) => [
  { dtype: typeCodes.get(integer(attributes, "to", 1))!, shape: shapeOf(x) },
];

const resized = one(([x, , scales, sizes]) => contents(sizes) ?? (scales ? undefined : shapeOf(x)?.map(() => "?")));

const depthToSpace = one(([x], attributes) => {
  const [shape, side] = [shapeOf(x), integer(attributes, "blocksize", 1)];
  return shape?.map((d, i) => (typeof d === "string" || i === 0 ? d : i === 1 ? d / side ** 2 : d * side));
});

const named = (names: string, rule: TypeRule) => names.split(" ").map((name) => [name, rule] as const);

/** Types of what standard ONNX operators compute. */
export const standardTypes: TypeRules = new Map<string, TypeRule>([
  ...named("Neg Abs Sign Exp Log Sqrt Reciprocal Tanh Sigmoid Erf Softplus Relu LeakyRelu HardSigmoid Identity", like),
  ...named("Clip Softmax LogSoftmax BatchNormalization ScatterElements", like),
  ...named("Add Sub Mul Div Max Min Pow", broadcast()),
  ...named("Greater GreaterOrEqual Less LessOrEqual Equal And Or", broadcast("bool")),
  ["Where", broadcast(1)],
  ["IsNaN", one(([x]) => shapeOf(x), "bool")],
  ["Cast", cast],
  ["QuantizeLinear", one(([x]) => shapeOf(x), "uint8")],
  ["DequantizeLinear", one(([x]) => shapeOf(x), "float32")],
  ...named("ReduceSum ReduceMean ReduceMax ReduceMin ReduceLogSumExp", reduced),
  ["ArgMax", argMax],
  ["Expand", one(([x, shape]) => broadcastShapes([shapeOf(x), contents(shape)]))],
  ["Reshape", one(reshaped)],
  ["Transpose", one(([x], attributes) => integers(attributes, "perm")?.map((axis) => shapeOf(x)?.[axis] ?? "?"))],
  ["Concat", concatenated],
  ["Slice", sliced],
  ["Split", split],
  ["Pad", padded],
  ["Gather", gathered],
  ["Squeeze", squeezed],
  ["Unsqueeze", unsqueezed],
  ["Shape", one(([x]) => [shapeOf(x)?.length ?? "?"], "int64")],
  ["Size", one(() => [], "int64")],
  ["Resize", resized],
  ["DepthToSpace", depthToSpace],
  ["Conv", one(convolved)],
  ["ConvTranspose", one(transposedConvolved)],
  ...named("MatMul Gemm", one(productShape)),
  [
    "MaxPool",
    (inputs, attributes): readonly ArrayType[] => {
      const shape = pooledShape(inputs, attributes);
      return [
        { dtype: "float32", shape },
        { dtype: "int64", shape },
      ];
    },
  ],
  ["AveragePool", one(pooledShape)],
  ...named("GlobalAveragePool GlobalMaxPool", one(globallyPooled)),
  ["SequenceConstruct", ([x]) => [{ ...x!.type, sequence: true }]],
]);

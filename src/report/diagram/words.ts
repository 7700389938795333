import type { Node, Value } from "../../graph/graph.js";
import type { Attribute } from "../../graph/op.js";

/** Words for operators that act on each element or channel separately. They are written into the box before them. */
const following: Readonly<Record<string, string>> = {
  Abs: "absolute value",
  BatchNormalization: "BatchNorm",
  BatchNormTraining: "BatchNorm",
  Erf: "erf",
  Exp: "exp",
  HardSigmoid: "hard sigmoid",
  LayerNormalization: "LayerNorm",
  LeakyRelu: "leaky ReLU",
  Log: "log",
  LogSoftmax: "log softmax",
  Neg: "negate",
  Reciprocal: "1 ÷",
  Relu: "ReLU",
  Reshape: "reshape",
  Sigmoid: "sigmoid",
  Softmax: "softmax",
  Sqrt: "square root",
  Tanh: "tanh",
  Transpose: "transpose",
};

/** Signs of operators that join two computed values; with a constant or a parameter they are written as words. */
const signs: Readonly<Record<string, string>> = { Add: "+", Sub: "−", Mul: "×", Div: "÷", Max: "max", Min: "min" };

const reductions: Readonly<Record<string, string>> = {
  ReduceMean: "mean",
  ReduceMax: "max",
  ReduceSum: "sum",
  ReduceLogSumExp: "log-sum-exp",
};

/** `64×56×56`; a symbolic batch is omitted. */
export function sizes(value: Value): string {
  const shape = value.shape[0] === "N" ? value.shape.slice(1) : value.shape;
  return shape.length ? shape.join("×") : "1";
}

/** The sign of a node that joins two computed values, if it is one. */
export function signOf(node: Node, computed: readonly Value[]): string | undefined {
  return computed.length === 2 ? signs[node.op.name] : undefined;
}

/** Whether a node with one computed input belongs to the previous step. */
export function follows(node: Node): boolean {
  return node.op.name in following || node.op.name in signs || node.op.name === "Clip";
}

/** What a node does, in a few words. `fixed` tells constants and parameters from computed values, `operand` names them. */
export function wordsOf(node: Node, fixed: (value: Value) => boolean, operand: (value: Value) => string): string {
  const { op, inputs, attributes } = node;
  const [x, second] = inputs as [Value, Value | undefined];
  if (op.name === "Mul" && x === second) return "square";
  if (op.name in signs && second) {
    const sign = signs[op.name]!;
    const constantFirst = fixed(x);
    const other = operand(constantFirst ? x : second);
    return constantFirst && (sign === "−" || sign === "÷") ? `${other} ${sign} …` : `${sign} ${other}`;
  }
  if (op.name in reductions) return `${reductions[op.name]} over ${axesOf(x, attributes.axes as readonly number[])}`;
  if (op.name === "Conv") return convolution(x, second!, attributes);
  if (op.name === "Resample") return resampling(attributes.rows as AxisMap, attributes.columns as AxisMap);
  if (op.name === "MaxPool") return `max pool ${square(attributes.kernel)}${strided(attributes.strides, 1)}`;
  if (op.name === "MatMul") return second && fixed(second) ? linear(node) : "matrix product";
  if (op.name === "Slice") return `part ${attributes.start}…${Number(attributes.end) - 1}`;
  if (op.name === "ConvInputGrad") return `transposed convolution${strided(attributes.strides, 1)}`;
  if (op.name === "Pow") return `to the power of ${attributes.exponent}`;
  if (op.name === "Clip") return `clip to ${attributes.min}…${attributes.max}`;
  return following[op.name] ?? op.name.toLowerCase();
}

/** Names of the axes of a batch of maps; axes of other arrays only have numbers. */
function axesOf(x: Value, axes: readonly number[]): string {
  const input = [...x.graph.inputs.values()][0];
  const named =
    x.shape.length === 4 &&
    input?.shape.length === 4 &&
    [2, 3].every((axis) => x.shape[axis] === 1 || x.shape[axis] === input.shape[axis]);
  const names = axes.map((axis) => (named ? ["N", "C", "H", "W"][axis] : axis));
  return named ? names.join(", ") : `${axes.length > 1 ? "axes" : "axis"} ${names.join(", ")}`;
}

function convolution(x: Value, weight: Value, attributes: Attributes): string {
  const [filters, , height, width] = weight.shape as readonly number[];
  const channels = x.shape[1] as number;
  const depthwise = attributes.group === channels && channels > 1;
  const kernel = `${height}×${width}`;
  const groups = attributes.group === 1 || depthwise ? "" : `, ${attributes.group} groups`;
  const [dilation] = attributes.dilations as readonly number[];
  return (
    (depthwise ? `depthwise ${kernel}` : `Conv ${kernel} ${channels}→${filters}`) +
    strided(attributes.strides, 1) +
    (dilation === 1 ? "" : `, dilation ${dilation}`) +
    groups
  );
}

function linear({ inputs, attributes }: Node): string {
  const [rows, columns] = inputs[1]!.shape.slice(-2);
  return attributes.transB ? `Linear ${columns}→${rows}` : `Linear ${rows}→${columns}`;
}

type Attributes = Readonly<Record<string, Attribute>>;
type AxisMap = { readonly kind: string; readonly from: number; readonly to: number } & Attributes;

function resampling(rows: AxisMap, columns: AxisMap): string {
  switch (rows.kind) {
    case "adaptive":
      return `average to ${rows.to}×${columns.to}`;
    case "window":
      return `average pool ${rows.kernel}×${columns.kernel}${strided([rows.stride!], rows.kernel as number)}`;
    case "replicate":
      return `replicate border of ${rows.before}`;
    default:
      return `resize to ${rows.to}×${columns.to}, ${rows.kind === "linear" ? "bilinear" : rows.kind}`;
  }
}

const square = (kernel: Attribute | undefined) => (kernel as readonly number[]).join("×");
const strided = (strides: Attribute | undefined, usual: number) => {
  const [stride] = strides as readonly number[];
  return stride === usual ? "" : `, stride ${stride}`;
};

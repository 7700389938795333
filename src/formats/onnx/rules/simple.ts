import type { Value } from "../../../graph/graph.js";
import type { Rule, Rules } from "../writer.js";
import { dimsOf } from "../writer.js";

/** Broadcasting operators that mean the same in ONNX. */
const broadcasting = ["Add", "Sub", "Mul", "Div", "Max", "Min", "Greater", "Equal", "Where"];

/** Unary operators with the same name and meaning in ONNX, and no attributes. */
const same = ["Neg", "Abs", "Sign", "Exp", "Log", "Sqrt", "Reciprocal", "Tanh", "Sigmoid", "Erf", "Softplus", "Relu"];

const unchanged: Rule = (node, inputs, write) => [write.emit(node.op.name, inputs)];

/**
 * If the last axis of the result is 1, scalars are reshaped to the rank of the result. Otherwise ONNX Runtime broadcasts them for every
 * element of such an array, such as the weight of a 1×1 convolution, which takes ten times as long. (Elsewhere scalars stay as they
 * are: ONNX Runtime recognizes some formulas, such as GELU, by them.)
 */
const withAxes: Rule = (node, inputs, write) => {
  const { shape } = node.outputs[0]!;
  if (shape.at(-1) !== 1) return unchanged(node, inputs, write);
  const ones = shape.map(() => 1);
  const isShort = (x: Value) => x.shape.length < shape.length && x.shape.every((d) => d === 1);
  const names = inputs.map((name, i) => (isShort(node.inputs[i]!) ? write.reshape(name, ones) : name));
  return [write.emit(node.op.name, names)];
};

/** The attributes of a node of an operator with numeric attributes. */
const numbers = (node: Parameters<Rule>[0]) => node.attributes as { readonly [name: string]: number };

const floatAttributes: Rule = (node, inputs, write) => {
  const attributes = Object.entries(numbers(node)).map(([name, float]) => [name, { float }] as const);
  return [write.emit(node.op.name, inputs, Object.fromEntries(attributes))];
};

type ReduceAttributes = { readonly axes: readonly number[]; readonly keepdims: boolean };

const reduce: Rule = (node, [x], write) => {
  const { axes, keepdims } = node.attributes as ReduceAttributes;
  return [write.reduce(node.op.name, x!, axes, keepdims)];
};

const softmax: Rule = (node, inputs, write) => [write.emit(node.op.name, inputs, { axis: numbers(node).axis! })];

export const simpleRules: Rules = new Map<string, Rule>([
  ...broadcasting.map((name) => [name, withAxes] as const),
  ...same.map((name) => [name, unchanged] as const),
  ["LeakyRelu", floatAttributes],
  ["HardSigmoid", floatAttributes],
  ["Pow", (node, [x], write) => [write.emit("Pow", [x!, write.number(numbers(node).exponent!)])]],
  [
    "Clip",
    (node, [x], write) => [
      write.emit("Clip", [x!, write.number(numbers(node).min!), write.number(numbers(node).max!)]),
    ],
  ],
  [
    "DequantizeLinear",
    (node, inputs, write) => [write.emit("DequantizeLinear", inputs, { axis: numbers(node).axis! })],
  ],
  ["Cast", (_node, inputs, write) => [write.emit("Cast", inputs, { to: 1 })]],
  ["ReduceSum", reduce],
  ["ReduceMean", reduce],
  ["ReduceMax", reduce],
  ["ReduceLogSumExp", reduce],
  ["Softmax", softmax],
  ["LogSoftmax", softmax],
  ["Expand", (node, [x], write) => [write.emit("Expand", [x!, write.ints(node.attributes.shape as number[])])]],
  ["Reshape", (node, [x], write) => [write.reshape(x!, dimsOf(node.outputs[0]!))]],
  ["Transpose", (node, [x], write) => [write.transpose(x!, node.attributes.perm as number[])]],
  ["Concat", (node, inputs, write) => [write.emit("Concat", inputs, { axis: numbers(node).axis! })]],
  [
    "Slice",
    (node, [x], write) => {
      const { axis, start, end } = numbers(node) as { axis: number; start: number; end: number };
      return [write.emit("Slice", [x!, write.ints([start]), write.ints([end]), write.ints([axis])])];
    },
  ],
  [
    "Pad",
    (node, [x], write) => {
      const { axis, before, after } = numbers(node) as { axis: number; before: number; after: number };
      const rank = node.inputs[0]!.shape.length;
      const pads = Array.from({ length: 2 * rank }, (_, i) => (i === axis ? before : i === rank + axis ? after : 0));
      const padded = write.emit("Pad", [x!, write.ints(pads)]);
      // ONNX Runtime fuses a Pad into the convolution or pooling that reads it: even into MaxPool, where the zeros must count, and then
      // rejects the model if x is an output too. A Reshape to the same shape prevents that at no cost.
      return [axis < 2 ? padded : write.reshape(padded, dimsOf(node.outputs[0]!))];
    },
  ],
]);

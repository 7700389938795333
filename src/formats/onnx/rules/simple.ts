import type { Value } from "../../../graph/graph.js";
import type { Rule, Rules } from "../writer.js";
import { dimsOf } from "../writer.js";

/** Operators on several arrays, which broadcast, that mean the same in ONNX. */
const broadcasting = ["Add", "Sub", "Mul", "Div", "Max", "Min", "Greater", "Equal", "Where"];

/** Operators on one array that mean the same in ONNX, under the same name and without attributes. */
const same = ["Neg", "Abs", "Sign", "Exp", "Log", "Sqrt", "Reciprocal", "Tanh", "Sigmoid", "Erf", "Softplus", "Relu"];

const unchanged: Rule = (node, inputs, write) => [write.emit(node.op.name, inputs)];

/**
 * Where the last axis of the result is 1, numbers get as many axes as the result has. With fewer, ONNX Runtime broadcasts them anew for every
 * element of such an array, as the weight of a 1×1 convolution is, which takes ten times as long. (Elsewhere numbers stay as they are:
 * ONNX Runtime knows some formulas, such as that of GELU, by them.)
 */
const withAxes: Rule = (node, inputs, write) => {
  const { shape } = node.outputs[0]!;
  if (shape.at(-1) !== 1) return unchanged(node, inputs, write);
  const ones = shape.map(() => 1);
  const isShort = (x: Value) => x.shape.length < shape.length && x.shape.every((d) => d === 1);
  const names = inputs.map((name, i) => (isShort(node.inputs[i]!) ? write.reshape(name, ones) : name));
  return [write.emit(node.op.name, names)];
};

/** Numeric attributes of a node whose operator is known to have them. */
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
      // ONNX Runtime merges the Pad into a convolution or pooling that reads it. It does so even for a maximum, where the zeros
      // must count, and then refuses the model if x is an output too. A Reshape to the same shape keeps them apart at no cost.
      return [axis < 2 ? padded : write.reshape(padded, dimsOf(node.outputs[0]!))];
    },
  ],
]);

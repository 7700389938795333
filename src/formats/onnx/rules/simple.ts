import { tensor } from "../../../core/tensor.js";
import type { Value } from "../../../graph/graph.js";
import type { Op } from "../../../graph/op.js";
import { dequantizeLinear } from "../../../graph/passes/compress-weights.js";
import { quantizeDequantize } from "../../../graph/passes/quantize.js";
import { ops as elementwise } from "../../../ops/elementwise.js";
import { ops as movement } from "../../../ops/movement.js";
import { ops as reductions } from "../../../ops/reduce.js";
import { ops as softmaxes } from "../../../ops/softmax.js";
import { dimsOf, type Rule, type RuleFor, type Rules, ruleFor } from "../writer.js";

const { add, sub, mul, div, maximum, minimum, greater, equal, where } = elementwise;
/** Broadcasting operators that mean the same in ONNX. */
const broadcasting = [add, sub, mul, div, maximum, minimum, greater, equal, where] as readonly Op[];

const { neg, abs, sign, exp, log, sqrt, reciprocal, tanh, sigmoid, erf, softplus, relu } = elementwise;
/** Unary operators with the same name and meaning in ONNX, and no attributes. */
const same = [neg, abs, sign, exp, log, sqrt, reciprocal, tanh, sigmoid, erf, softplus, relu] as readonly Op[];

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

const floatAttributes: Rule = (node, inputs, write) => {
  const attributes = Object.entries(node.attributes).map(([name, value]) => [name, { float: Number(value) }] as const);
  return [write.emit(node.op.name, inputs, Object.fromEntries(attributes))];
};

const reduce: RuleFor<typeof reductions.reduceSum> = ({ op, attributes: { axes, keepdims } }, [x], write) => [
  write.reduce(op.name, x, axes, keepdims),
];

const softmax: RuleFor<typeof softmaxes.softmax> = ({ op, attributes: { axis } }, inputs, write) => [
  write.emit(op.name, inputs, { axis }),
];

export const simpleRules: Rules = new Map([
  ...broadcasting.map((op) => ruleFor(op, withAxes)),
  ...same.map((op) => ruleFor(op, unchanged)),
  ruleFor(elementwise.leakyRelu, floatAttributes),
  ruleFor(elementwise.hardSigmoid, floatAttributes),
  ruleFor(elementwise.pow, ({ attributes: { exponent } }, [x], write) => [
    write.emit("Pow", [x, write.number(exponent)]),
  ]),
  ruleFor(elementwise.clip, ({ attributes: { min, max } }, [x], write) => [
    write.emit("Clip", [x, write.number(min), write.number(max)]),
  ]),
  ruleFor(dequantizeLinear, ({ attributes: { axis } }, [x, scale], write) => {
    // Integers are int64 elsewhere; only here are they the 32 bits of a bias.
    const { tensor: wide } = x;
    const stored =
      wide?.dtype === "int64" ? tensor("int32", wide.shape, Int32Array.from(wide.data, Number)) : undefined;
    return [write.emit("DequantizeLinear", [stored ? write.constant(stored) : x, scale], { axis })];
  }),
  ruleFor(quantizeDequantize, ({ attributes: { scale, zeroPoint } }, [x], write) => {
    const zero = write.memo(`byte_${zeroPoint}`, () => write.constant(tensor("uint8", [], Uint8Array.of(zeroPoint))));
    const code = [write.number(scale), zero];
    return [write.emit("DequantizeLinear", [write.emit("QuantizeLinear", [x, ...code]), ...code])];
  }),
  ruleFor(elementwise.cast, (_node, inputs, write) => [write.emit("Cast", inputs, { to: 1 })]),
  ...Object.values(reductions).map((op) => ruleFor(op, reduce)),
  ...Object.values(softmaxes).map((op) => ruleFor(op, softmax)),
  ruleFor(elementwise.expand, ({ attributes: { shape } }, [x], write) => [
    write.emit("Expand", [x, write.ints(shape)]),
  ]),
  ruleFor(movement.reshape, ({ outputs: [y] }, [x], write) => [write.reshape(x, dimsOf(y!))]),
  ruleFor(movement.transpose, ({ attributes: { perm } }, [x], write) => [write.transpose(x, perm)]),
  ruleFor(movement.concat, ({ attributes: { axis } }, inputs, write) => [write.emit("Concat", inputs, { axis })]),
  ruleFor(movement.slice, ({ attributes: { axis, start, end } }, [x], write) => [
    write.emit("Slice", [x, write.ints([start]), write.ints([end]), write.ints([axis])]),
  ]),
  ruleFor(movement.pad, ({ attributes: { axis, before, after }, inputs, outputs }, [x], write) => {
    const rank = inputs[0].shape.length;
    const pads = Array.from({ length: 2 * rank }, (_, i) => (i === axis ? before : i === rank + axis ? after : 0));
    const padded = write.emit("Pad", [x, write.ints(pads)]);
    // ONNX Runtime fuses a Pad into the convolution or pooling that reads it: even into MaxPool, where the zeros must count, and then
    // rejects the model if x is an output too. A Reshape to the same shape prevents that at no cost.
    return [axis < 2 ? padded : write.reshape(padded, dimsOf(outputs[0]!))];
  }),
]);

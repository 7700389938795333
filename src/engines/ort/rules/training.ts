import { staticDim } from "../../../core/shape.js";
import { sizeOf, tensor } from "../../../core/tensor.js";
import type { Rule, Rules } from "../../../formats/onnx/writer.js";
import { attributesOf, dimsOf } from "../../../formats/onnx/writer.js";
import type { Value } from "../../../graph/graph.js";
import type { MaxPoolAttributes } from "../../../ops/pool.js";
import { convGradientRules } from "./conv-gradients.js";

/** Where y > 0, by comparison. */
const reluGrad: Rule = (_node, [dy, y], write) => [
  write.emit("Where", [write.emit("Greater", [y!, write.number(0)]), dy!, write.number(0)]),
];

/**
 * The variance is the mean of squared differences from the mean: E[x²] − E[x]² would save a pass, and lose every digit where
 * |mean| ≫ σ. (BatchNormalization's own training mode writes its statistics over its inputs, so those could not be constants.)
 */
const batchNormTraining: Rule = (node, [x, gamma, beta], write) => {
  const shape = node.inputs[0]!.shape.map(staticDim);
  const axes = shape.map((_, i) => i).filter((i) => i !== 1);
  const mean = write.emit("ReduceMean", [x!], { axes, keepdims: 1 });
  const centred = write.emit("Sub", [x!, mean]);
  const variance = write.emit("ReduceMean", [write.emit("Mul", [centred, centred])], { axes, keepdims: 0 });
  const flatMean = write.reshape(mean, [shape[1]!]);
  const epsilon = { epsilon: { float: node.attributes.epsilon as number } };
  return [write.emit("BatchNormalization", [x!, gamma!, beta!, flatMean, variance], epsilon), flatMean, variance];
};

/**
 * With a = γ/σ: dx = a·dy + b·(x − mean) + c, where b = −a·dγ/(σ·n) and c = −a·dβ/n.
 * The middle term is one inference-mode batch norm (scale b, mean, variance 1, bias c), and dγ = (Σ dy·x − mean·Σ dy)/σ,
 * so that the large arrays are passed over five times only.
 */
const batchNormTrainingGrad: Rule = (node, [dy, x, gamma, mean, variance], write) => {
  const shape = node.inputs[1]!.shape.map(staticDim);
  const channels = shape[1]!;
  const count = sizeOf(shape) / channels;
  const axes = write.ints(shape.map((_, i) => i).filter((i) => i !== 1));
  const sum = (v: string) => write.emit("ReduceSum", [v, axes], { keepdims: 0 });
  const mul = (a: string, b: string) => write.emit("Mul", [a, b]);
  const epsilon = write.number(node.attributes.epsilon as number);
  const inverse = write.emit("Reciprocal", [write.emit("Sqrt", [write.emit("Add", [variance!, epsilon])])]);
  const dBeta = sum(dy!);
  const dGamma = mul(write.emit("Sub", [sum(mul(dy!, x!)), mul(mean!, dBeta)]), inverse);
  const a = mul(gamma!, inverse);
  const perCount = mul(a, write.number(-1 / count));
  const b = mul(mul(perCount, inverse), dGamma);
  const c = mul(perCount, dBeta);
  const ones = write.filled(1, channels);
  const centred = write.emit("BatchNormalization", [x!, b, c, mean!, ones], { epsilon: { float: 0 } });
  const broadcast = write.reshape(
    a,
    shape.map((_, i) => (i === 1 ? channels : 1)),
  );
  return [write.emit("Add", [mul(dy!, broadcast), centred]), dGamma, dBeta];
};

/** The pooling is done again for the positions of the maxima, and the gradients are added there. */
const maxPoolGrad: Rule = (node, [dy, x], write) => {
  const { kernel, strides, pads } = attributesOf<MaxPoolAttributes>(node);
  const shape = dimsOf(node.inputs[1]!);
  const [, indices] = write.emitAll("MaxPool", [x!], { kernel_shape: kernel, strides, pads }, { outputs: 2 });
  const zeros = write.emit("Expand", [write.number(0), write.ints([sizeOf(shape)])]);
  const flat = [zeros, write.reshape(indices!, [-1]), write.reshape(dy!, [-1])];
  return [write.reshape(write.emit("ScatterElements", flat, { axis: 0, reduction: "add" }), shape)];
};

/** The first of the largest elements by ArgMax; where there is a single axis the mask is a comparison with the positions along it. */
const reduceMaxGrad: Rule = (node, [dy, x], write) => {
  const shape = dimsOf(node.inputs[1]!);
  const axes = node.attributes.axes as readonly number[];
  const first = axes[0]!;
  const length = axes.reduce((n, axis) => n * shape[axis]!, 1);
  // Neighbouring axes are one axis of the same array under another shape.
  const merged = [...shape.slice(0, first), length, ...shape.slice(first + axes.length)];
  const neighbours = axes.every((axis, i) => axis === first + i);
  if (!neighbours) throw new RangeError(`ReduceMaxGrad: axes [${axes}] are not neighbours`);
  const kept = merged.with(first, 1);
  const reshape = (v: string, to: readonly number[]) => (axes.length > 1 ? write.reshape(v, to) : v);
  const winner = write.emit("ArgMax", [reshape(x!, merged)], { axis: first, keepdims: 1 });
  const positions = write.constant(
    tensor(
      "int64",
      merged.map((_, i) => (i === first ? length : 1)),
      BigInt64Array.from({ length }, (_, i) => BigInt(i)),
    ),
  );
  const dx = write.emit("Where", [write.emit("Equal", [winner, positions]), reshape(dy!, kept), write.number(0)]);
  return [reshape(dx, shape)];
};

/**
 * A new first axis, put in and taken out again, which copies nothing. Its position is zero times whether an element of the signal is
 * positive: ONNX Runtime cannot know that this is zero, so it must wait. (A Reshape would do as well, but where another Reshape
 * follows, ONNX Runtime merges the two and forgets to wait.)
 */
const after: Rule = (node, [x, signal], write) => {
  const [, { shape }] = node.inputs as [Value, Value];
  const flat = shape.length === 1 ? signal! : write.reshape(signal!, [-1]);
  const element = write.emit("Slice", [flat, write.ints([0]), write.ints([1])]);
  const bit = write.emit("Cast", [write.emit("Greater", [element, write.number(0)])], { to: 7 });
  const zero = write.emit("Mul", [bit, write.ints([0])]);
  return [write.emit("Squeeze", [write.emit("Unsqueeze", [x!, zero]), write.ints([0])])];
};

/** Rules in standard ONNX for the operators that stand only in training graphs. They run on every build of ONNX Runtime. */
export const trainingRules: Rules = new Map<string, Rule>([
  ["ReluGrad", reluGrad],
  ["BatchNormTraining", batchNormTraining],
  ["BatchNormTrainingGrad", batchNormTrainingGrad],
  ["MaxPoolGrad", maxPoolGrad],
  ["ReduceMaxGrad", reduceMaxGrad],
  ["After", after],
  ...convGradientRules,
]);

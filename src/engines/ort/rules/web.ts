import { normalizeAxes } from "../../../core/shape.js";
import type { Dim, LoweredValue } from "../../../formats/onnx/ir.js";
import { inferenceRules } from "../../../formats/onnx/lower.js";
import { dimsOf, findRule, type OnnxWriter, type Rules, ruleFor } from "../../../formats/onnx/writer.js";
import type { Value } from "../../../graph/graph.js";
import type { Attributes, Op } from "../../../graph/op.js";
import { ops as elementwise } from "../../../ops/elementwise.js";
import { ops as reductions } from "../../../ops/reduce.js";
import { reluGradBySign } from "./relu-grad.js";
import { cutRow, overImages, type ReductionRule, sumOver, sums } from "./sums.js";
import { batchNormRules, reduceMaxBy, standardParts } from "./training.js";

/**
 * Relu and Clip branch per element, and mispredicted branches are slow; Max and Min do not, and take a tenth of the time. An activation
 * that ONNX Runtime fuses into the preceding convolution stays as it is.
 */
const byMaxima = <A extends Attributes>(
  op: Op<A, readonly [x: Value]>,
  boundsOf: (attributes: A) => readonly number[],
) =>
  ruleFor(op, (node, inputs, write) => {
    if (isFused(inputs[0])) return findRule(inferenceRules, op)(node, inputs, write);
    const [min, max] = boundsOf(node.attributes);
    const above = write.emit("Max", [inputs[0], write.number(min!)]);
    return [max === undefined ? above : write.emit("Min", [above, write.number(max)])];
  });

/** Whether ONNX Runtime fuses an activation of this array: it is a convolution's, possibly scaled or with another array added. */
function isFused(x: LoweredValue): boolean {
  const isConvolution = (value: LoweredValue | undefined): boolean => {
    const node = value?.producer;
    return (node?.type === "BatchNormalization" ? node.inputs[0]?.producer : node)?.type === "Conv";
  };
  const node = x.producer;
  return node?.type === "Add" ? node.inputs.some(isConvolution) : isConvolution(x);
}

/** Means over positions, [N,C,H,W] → [N,C,1,1], by pooling: a quarter of the time of ReduceMean or ReduceSum. */
function mapMeans(x: LoweredValue, write: OnnxWriter): LoweredValue {
  const [n, channels, height, width] = x.shape as readonly [Dim, number, number, number];
  const [count, length] = cutRow(height * width);
  if (typeof n === "string" || count === 1) return write.emit("GlobalAveragePool", [x]);
  const parts = write.emit("GlobalAveragePool", [write.reshape(x, [n, channels * count, length, 1])]);
  const means = write.reduce("ReduceMean", write.reshape(parts, [n, channels, count]), [2], true);
  return write.reshape(means, [n, channels, 1, 1]);
}

/** Sums and means over positions by pooling; over other axes by the standard rule. */
const reduceBy =
  (kind: "ReduceMean" | "ReduceSum"): ReductionRule =>
  (node, [x], write) => {
    const { shape } = node.inputs[0];
    const { axes, keepdims } = node.attributes;
    if (shape.length !== 4 || normalizeAxes(axes, 4).join() !== "2,3") return sums(kind)(node, [x], write);
    const means = mapMeans(x, write);
    const count = Number(shape[2]) * Number(shape[3]);
    const result = kind === "ReduceMean" ? means : write.emit("Mul", [means, write.number(count)]);
    return [keepdims ? result : write.reshape(result, dimsOf(node.outputs[0]))];
  };

/** The affine map as a depthwise 1×1 convolution, into which ONNX Runtime fuses a following ReLU: half the time. */
const batchNorm = batchNormRules({
  mean(x, write) {
    if (x.shape?.length !== 4) return standardParts.mean(x, write);
    const means = write.reshape(mapMeans(x, write), x.shape.slice(0, 2).map(Number));
    return sumOver("ReduceMean", means, overImages, write);
  },
  normalize(x, vectors, epsilon, write) {
    if (x.shape?.length !== 4) return standardParts.normalize(x, vectors, epsilon, write);
    const { gamma, beta, mean, variance } = vectors;
    const channels = Number(x.shape[1]);
    const deviation = write.emit("Sqrt", [write.emit("Add", [variance, write.number(epsilon)])]);
    const scale = write.emit("Div", [gamma, deviation]);
    const shift = write.emit("Sub", [beta, write.emit("Mul", [mean, scale])]);
    const weight = write.reshape(scale, [channels, 1, 1, 1]);
    return write.emit("Conv", [x, weight, shift], { kernel_shape: [1, 1], group: channels });
  },
});

/**
 * Rules that are faster than standard ONNX on the WebAssembly build. Times are for the arrays of ResNet-20 at batch 32, on one thread.
 */
export const webRules: Rules = new Map([
  byMaxima(elementwise.relu, () => [0]),
  byMaxima(elementwise.clip, ({ min, max }) => [min, max]),
  ruleFor(elementwise.reluGrad, reluGradBySign),
  ruleFor(reductions.reduceMean, reduceBy("ReduceMean")),
  ruleFor(reductions.reduceSum, reduceBy("ReduceSum")),
  ruleFor(reductions.reduceMax, reduceMaxBy(reduceBy("ReduceMean"))),
  ...batchNorm,
]);

import { normalizeAxes } from "../../../core/shape.js";
import { sizeOf } from "../../../core/tensor.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import { inferenceRules } from "../../../formats/onnx/lower.js";
import { attributesOf, dimsOf, type OnnxWriter, type Rule, type Rules } from "../../../formats/onnx/writer.js";
import type { Node } from "../../../graph/graph.js";
import { reluGradBySign } from "./relu-grad.js";
import { cutRow, type Reduction, sumOver, sums } from "./sums.js";
import { batchNormRules, reduceMaxBy, standardParts } from "./training.js";

/**
 * Relu and Clip branch per element, and mispredicted branches are slow; Max and Min do not, and take a tenth of the time. An activation
 * that ONNX Runtime fuses into the preceding convolution stays as it is.
 */
const byMaxima =
  (bounds: (node: Node) => { readonly min: number; readonly max?: number }): Rule =>
  (node, inputs, write) => {
    if (isFused(inputs[0]!)) return inferenceRules.get(node.op.name)!(node, inputs, write);
    const { min, max } = bounds(node);
    const above = write.emit("Max", [inputs[0]!, write.number(min)]);
    return [max === undefined ? above : write.emit("Min", [above, write.number(max)])];
  };

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
function mapMeans(x: LoweredValue, shape: readonly number[], write: OnnxWriter): LoweredValue {
  const [n, channels, height, width] = shape as [number, number, number, number];
  const [count, length] = cutRow(height * width);
  if (n < 0 || count === 1) return write.emit("GlobalAveragePool", [x]);
  const parts = write.emit("GlobalAveragePool", [write.reshape(x, [n, channels * count, length, 1])]);
  const means = write.reduce("ReduceMean", write.reshape(parts, [n, channels, count]), [2], true);
  return write.reshape(means, [n, channels, 1, 1]);
}

/** Sums and means over positions by pooling; over other axes by the standard rule. */
const reduceBy =
  (kind: "ReduceMean" | "ReduceSum"): Rule =>
  (node, [x], write) => {
    const { shape } = node.inputs[0]!;
    const { axes, keepdims } = attributesOf<Reduction>(node);
    if (shape.length !== 4 || normalizeAxes(axes, 4).join() !== "2,3") return sums(kind)(node, [x!], write);
    const means = mapMeans(x!, dimsOf(node.inputs[0]!), write);
    const count = sizeOf(dimsOf(node.inputs[0]!).slice(2));
    const result = kind === "ReduceMean" ? means : write.emit("Mul", [means, write.number(count)]);
    return [keepdims ? result : write.reshape(result, dimsOf(node.outputs[0]!))];
  };

/** The affine map as a depthwise 1×1 convolution, into which ONNX Runtime fuses a following ReLU: half the time. */
const batchNorm = batchNormRules({
  mean(x, shape, write) {
    if (shape.length !== 4) return standardParts.mean(x, shape, write);
    const means = write.reshape(mapMeans(x, shape, write), shape.slice(0, 2));
    return sumOver("ReduceMean", means, shape.slice(0, 2), { axes: [0], keepdims: false }, write);
  },
  normalize(x, parts, shape, write) {
    if (shape.length !== 4) return standardParts.normalize(x, parts, shape, write);
    const { gamma, beta, mean, variance, epsilon } = parts;
    const channels = shape[1]!;
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
export const webRules: Rules = new Map<string, Rule>([
  ["Relu", byMaxima(() => ({ min: 0 }))],
  ["Clip", byMaxima((node) => attributesOf<{ min: number; max: number }>(node))],
  ["ReluGrad", reluGradBySign],
  ["ReduceMean", reduceBy("ReduceMean")],
  ["ReduceSum", reduceBy("ReduceSum")],
  ["ReduceMax", reduceMaxBy(reduceBy("ReduceMean"))],
  ...batchNorm,
]);

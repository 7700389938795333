import { staticShape } from "../../../core/shape.js";
import { sizeOf } from "../../../core/tensor.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import { inferenceRules } from "../../../formats/onnx/lower.js";
import { conv, convolution } from "../../../formats/onnx/rules/neural.js";
import {
  dimsOf,
  findRule,
  type OnnxWriter,
  type Rule,
  type RuleFor,
  type Rules,
  ruleFor,
} from "../../../formats/onnx/writer.js";
import type { Value } from "../../../graph/graph.js";
import type { Attributes, Inputs, Op } from "../../../graph/op.js";
import { convOp, convWeightGradOp } from "../../../ops/conv.js";
import { ops as elementwise } from "../../../ops/elementwise.js";
import { ops as movement } from "../../../ops/movement.js";
import { ops as norms } from "../../../ops/norm.js";
import { type MaxPoolAttributes, maxPoolGradOp, maxPoolOp, maxPoolSelectOp } from "../../../ops/pool.js";
import { reduceMaxGrad, ops as reductions } from "../../../ops/reduce.js";
import { ops as softmaxes } from "../../../ops/softmax.js";
import { weightGrad } from "./conv-gradients.js";
import { type ReductionRule, type SumLimits, sumOver, sums } from "./sums.js";
import { batchNormRules, centered, standardParts, trainingRules } from "./training.js";

/** y, but NaN where x is: of the provider's operators only Max and Min keep NaN for certain. */
const withNaN = (y: LoweredValue, x: LoweredValue, write: OnnxWriter): LoweredValue =>
  write.emit("Min", [y, write.emit("Max", [x, write.number(Number.POSITIVE_INFINITY)])]);

/** An activation whose kernel makes a number of NaN: a training that has diverged would go on with a finite loss. */
const keepingNaN = <A extends Attributes>(op: Op<A, readonly [x: Value]>) =>
  ruleFor(op, (node, [x], write) => [withNaN(findRule(inferenceRules, op)(node, [x], write)[0]!, x, write)]);

const clamp = (x: LoweredValue, min: number, max: number, write: OnnxWriter) => {
  const above = write.emit("Max", [x, write.number(min)]);
  return max === Number.POSITIVE_INFINITY ? above : write.emit("Min", [above, write.number(max)]);
};

/** LogSoftmax has no kernel. The maximum is taken away first: exp of large logits would be infinite. */
const logSoftmax: RuleFor<typeof softmaxes.logSoftmax> = ({ attributes: { axis } }, [x], write) => {
  const shifted = write.emit("Sub", [x, write.reduce("ReduceMax", x, [axis], true)]);
  const sum = write.reduce("ReduceSum", write.emit("Exp", [shifted]), [axis], true);
  return [write.emit("Sub", [shifted, write.emit("Log", [sum])])];
};

/** Sign has no kernel. */
const sign: RuleFor<typeof elementwise.sign> = (_node, [x], write) => {
  const zero = write.number(0);
  const negative = write.emit("Where", [write.emit("Greater", [zero, x]), write.number(-1), zero]);
  return [write.emit("Where", [write.emit("Greater", [x, zero]), write.number(1), negative])];
};

/**
 * The provider sums in 64 lanes: 8192 numbers are rounded as often as 128 one after the other. It moves other axes to the end before, which
 * is a kernel of its own; a product adds one row after the other.
 */
const sumLimits: SumLimits = {
  row: 8192,
  chain: 8192,
  whole: 8192,
  longestPart: 1024,
  matrixRow: 0,
  product: 128,
};

/**
 * A row of memory, [N·C, H·W], is summed at once, then what is left of an image: over other axes the provider would transpose whole maps.
 */
const sum = (kind: "ReduceSum" | "ReduceMean"): ReductionRule => sums(kind, sumLimits);

/** The kernel passes over NaN, which the mean has. The view is that of the gradient, which looks for the same maximum. */
const reduceMax: RuleFor<typeof reductions.reduceMax> = (node, [x], write) => {
  const { axes, keepdims } = node.attributes;
  const [mean] = sum("ReduceMean")(node, [x], write);
  const { shape } = node.inputs[0];
  const [first = 0] = axes;
  const isStatic = shape.every((d) => d !== "N") && axes.every((axis, i) => axis === first + i && axis >= 0);
  if (!isStatic) return [withNaN(write.reduce("ReduceMax", x, axes, keepdims), mean!, write)];
  const merged = mergedAxes(staticShape(shape), first, axes.length);
  const max = write.reduce("ReduceMax", write.reshape(x, merged), [first], true);
  return [withNaN(write.reshape(max, dimsOf(node.outputs[0])), mean!, write)];
};

/** A shape with some adjacent axes as one. */
const mergedAxes = (shape: readonly number[], first: number, count: number): readonly number[] => [
  ...shape.slice(0, first),
  sizeOf(shape.slice(first, first + count)),
  ...shape.slice(first + count),
];

/** A value at the first of the largest elements of x along an axis, zero elsewhere. Positions are floats: integers have no kernels. */
function atFirstMaximum(x: LoweredValue, value: LoweredValue, axis: number, write: OnnxWriter): LoweredValue {
  const shape = x.shape as readonly number[];
  const length = shape[axis]!;
  const along = shape.map((_, i) => (i === axis ? length : 1));
  const positions = write.table(`places_${along.join("_")}`, "float32", along, (...index) => index[axis]!);
  const isLargest = write.emit("Equal", [x, write.reduce("ReduceMax", x, [axis], true)]);
  const candidates = write.emit("Where", [isLargest, positions, write.number(length)]);
  const first = write.reduce("ReduceMin", candidates, [axis], true);
  return write.emit("Where", [write.emit("Equal", [positions, first]), value, write.number(0)]);
}

/** Adjacent axes are merged where they are: the provider transposes no bools, as ONNX Runtime would have it do if one axis were moved. */
const maximumGrad: RuleFor<typeof reduceMaxGrad> = ({ attributes: { axes }, inputs }, [dy, x], write) => {
  const shape = staticShape(inputs[1].shape);
  const all = [...shape.keys()];
  const isAdjacent = axes.every((axis, i) => axis === axes[0]! + i);
  const order = isAdjacent ? all : [...all.filter((axis) => !axes.includes(axis)), ...axes];
  const ordered = order.map((axis) => shape[axis]!);
  const first = order.indexOf(axes[0]!);
  const merged = mergedAxes(ordered, first, axes.length);
  const move = (v: LoweredValue, to: readonly number[]) => (isAdjacent ? v : write.transpose(v, to));
  const from = write.reshape(move(x, order), merged);
  const dx = atFirstMaximum(from, write.reshape(dy, merged.with(first, 1)), first, write);
  const inverse = all.map((axis) => order.indexOf(axis));
  return [move(write.reshape(dx, ordered), inverse)];
};

const maxPool: RuleFor<typeof maxPoolOp> = (node, [x], write) => {
  const [max] = findRule(inferenceRules, maxPoolOp)(node, [x], write);
  const { kernel, strides, pads, dilations } = node.attributes;
  const [kh, kw] = kernel;
  if (dilations.every((d) => d === 1) && pads[2] < kh && pads[3] < kw) {
    const mean = write.emit("AveragePool", [x], { kernel_shape: kernel, strides, pads });
    return [withNaN(max!, mean, write)];
  }
  // AveragePool cannot do such windows: whether one holds NaN is a maximum too.
  const mask = write.emit("Where", [write.emit("Equal", [x, x]), write.number(0), write.number(1)]);
  const [found] = findRule(inferenceRules, maxPoolOp)(node, [mask], write);
  return [write.emit("Where", [write.emit("Greater", [found!, write.number(0)]), write.number(Number.NaN), max!])];
};

/**
 * What every window of a pooling sees, [N·C, elements of the window, H', W'], and its transpose, which adds up what windows hold where they
 * overlap. MaxPool has no indices here. Convolutions with filters that pick an element each do the same.
 */
function windowsOf({ kernel, strides, pads, dilations }: MaxPoolAttributes, map: Value, y: Value, write: OnnxWriter) {
  const [n, c, ...size] = staticShape(map.shape) as [number, number, number, number];
  const out = staticShape(y.shape).slice(2);
  const reach = [0, 1].map((i) => (out[i]! - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1);
  const padded = [0, 1].map((i) => Math.max(size[i]! + pads[i]!, reach[i]!));
  const around = [0, 0, pads[0], pads[1], 0, 0, padded[0]! - size[0]! - pads[0], padded[1]! - size[1]! - pads[1]];
  const isPadded = around.some((p) => p > 0);
  const taps = kernel[0] * kernel[1];
  const pick = write.table(`pick_${kernel.join("_")}`, "float32", [taps, 1, ...kernel], (tap, _channel, row, column) =>
    Number(tap === row! * kernel[1] + column!),
  );
  const geometry = convolution({ strides, dilations, pads: [0, 0, 0, 0], group: 1 }, kernel);
  return {
    seen(x: LoweredValue, border: number): LoweredValue {
      const maps = write.reshape(x, [n * c, 1, ...size]);
      const whole = isPadded ? write.emit("Pad", [maps, write.ints(around), write.number(border)]) : maps;
      // A Reshape keeps ONNX Runtime from joining the Pad to the convolution.
      const apart = isPadded ? write.reshape(whole, [n * c, 1, ...padded]) : whole;
      return write.emit("Conv", [apart, pick], geometry);
    },
    put(windows: LoweredValue): LoweredValue {
      const rest = [0, 1].map((i) => padded[i]! - reach[i]!);
      const back = write.emit("ConvTranspose", [windows, pick], { ...geometry, output_padding: rest });
      const end = [pads[0] + size[0]!, pads[1] + size[1]!];
      const cut = isPadded ? write.slice(back, [pads[0], pads[1]], end, [2, 3]) : back;
      return write.reshape(cut, [n, c, ...size]);
    },
    one: (v: LoweredValue) => write.reshape(v, [n * c, 1, ...out]),
  };
}

/** Below all activations, and a number: with infinite borders the convolution would make NaN. */
const lowest = -3e38;

const maxPoolGrad: RuleFor<typeof maxPoolGradOp> = ({ attributes, inputs: [dy, map] }, [d, x], write) => {
  const windows = windowsOf(attributes, map, dy, write);
  return [windows.put(atFirstMaximum(windows.seen(x, lowest), windows.one(d), 1, write))];
};

const maxPoolSelect: RuleFor<typeof maxPoolSelectOp> = ({ attributes, inputs: [, map], outputs }, [d, x], write) => {
  const y = outputs[0]!;
  const windows = windowsOf(attributes, map, y, write);
  const chosen = atFirstMaximum(windows.seen(x, lowest), windows.seen(d, 0), 1, write);
  return [write.reshape(write.reduce("ReduceSum", chosen, [1], true), dimsOf(y))];
};

/** Whether a convolution is 1×1 with other padding before a map than after it: the provider forgets that. */
export const isLopsided = (kernel: readonly unknown[], pads: readonly number[]): boolean =>
  kernel.every((k) => k === 1) && (pads[0] !== pads[2] || pads[1] !== pads[3]);

/** Pads first where the provider would not. A Reshape keeps ONNX Runtime from joining the Pad to the convolution again. */
const paddedConv: RuleFor<typeof convOp> = (node, [x, ...rest], write) => {
  const { pads } = node.attributes;
  if (!isLopsided(node.inputs[1].shape.slice(2), pads)) return conv(node, [x, ...rest], write);
  const [n, c, h, w] = dimsOf(node.inputs[0]) as [number, number, number, number];
  const padded = write.pad(x, [0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]]);
  const apart = write.reshape(padded, [n, c, h + pads[0] + pads[2], w + pads[1] + pads[3]]);
  return [write.emit("Conv", [apart, ...rest], convolution({ ...node.attributes, pads: [0, 0, 0, 0] }, [1, 1]))];
};

/** Means over all axes but the second, [C], as {@link sum} takes them. */
function channelMeans(x: LoweredValue, write: OnnxWriter): LoweredValue {
  const axes = [...x.shape!.keys()].filter((axis) => axis !== 1);
  return sumOver("ReduceMean", x, { axes, keepdims: false }, write, sumLimits);
}

/**
 * The gradient of batch norm in few kernels: with d = x − mean and k = E[dy·d]/σ, dx = γ/σ · (dy − (k/σ·d + E[dy])), dγ = n·k, dβ = n·E[dy].
 * The operator for batch norms divides by σ = √(variance + ε), whatever it is given: k, the sum in parentheses, and dx are one each.
 */
const batchNormGrad: RuleFor<typeof norms.batchNormTrainingGrad> = (
  { attributes: { epsilon }, inputs },
  [dy, x, gamma, average, variance],
  write,
) => {
  const [channels] = staticShape(inputs[2].shape) as [number];
  const zeros = write.filled(0, [channels]);
  const scaled = (v: LoweredValue, scale: LoweredValue, shift = zeros) =>
    write.emit("BatchNormalization", [v, scale, shift, zeros, variance], { epsilon: { float: epsilon } });
  const d = centered(x, average, write);
  const meanDy = channelMeans(dy, write);
  const correlation = write.reshape(channelMeans(write.emit("Mul", [dy, d]), write), [1, channels, 1]);
  const k = write.reshape(scaled(correlation, write.filled(1, [channels])), [channels]);
  const dx = scaled(write.emit("Sub", [dy, scaled(d, k, meanDy)]), gamma);
  const count = write.number(sizeOf(staticShape(inputs[1].shape)) / channels);
  return [dx, write.emit("Mul", [k, count]), write.emit("Mul", [meanDy, count])];
};

/** Batch norm in training. */
const batchNorm: Rules = new Map([
  ...batchNormRules({ ...standardParts, mean: channelMeans }),
  ruleFor(norms.batchNormTrainingGrad, batchNormGrad),
]);

/** A rule for batch norms with [N,C] as [N,C,1]: of two axes the provider gives wrong numbers where C is a multiple of four. */
function withThirdAxis<A extends Attributes, I extends Inputs>(op: Op<A, I>): readonly [Op, Rule] {
  const rule = findRule(new Map([...inferenceRules, ...batchNorm]), op) as unknown as Rule;
  return ruleFor(op as unknown as Op, (node, inputs, write) => {
    const isMatrix = ({ shape }: Value) => shape.length === 2;
    const deep = inputs.map((x, i) => {
      const value = node.inputs[i]!;
      return x && isMatrix(value) ? write.reshape(x, [...dimsOf(value), 1]) : x;
    });
    return rule(node, deep as never, write).map((y, i) =>
      isMatrix(node.outputs[i]!) ? write.reshape(y, dimsOf(node.outputs[i]!)) : y,
    );
  });
}

/** Standard ONNX, replaced where the provider has no kernel, or one that is wrong: docs/gpu.md lists its faults. */
export const webgpuRules: Rules = new Map([
  ...inferenceRules,
  ...trainingRules,
  ruleFor(elementwise.relu, (_node, [x], write) => [clamp(x, 0, Number.POSITIVE_INFINITY, write)]),
  ruleFor(elementwise.clip, ({ attributes: { min, max } }, [x], write) => [clamp(x, min, max, write)]),
  keepingNaN(elementwise.sigmoid),
  keepingNaN(elementwise.hardSigmoid),
  ruleFor(elementwise.sign, sign),
  ruleFor(softmaxes.logSoftmax, logSoftmax),
  ruleFor(reductions.reduceSum, sum("ReduceSum")),
  ruleFor(reductions.reduceMean, sum("ReduceMean")),
  ruleFor(reductions.reduceMax, reduceMax),
  ruleFor(reduceMaxGrad, maximumGrad),
  ruleFor(maxPoolOp, maxPool),
  ruleFor(maxPoolGradOp, maxPoolGrad),
  ruleFor(maxPoolSelectOp, maxPoolSelect),
  ruleFor(convOp, paddedConv),
  ruleFor(convWeightGradOp, weightGrad(false)),
  withThirdAxis(norms.batchNormalization),
  withThirdAxis(norms.batchNormTraining),
  withThirdAxis(norms.batchNormTrainingGrad),
  // The order of kernels is the provider's. Without barriers recomputation saves no memory.
  ruleFor(movement.barrier, (_node, [x]) => [x]),
]);

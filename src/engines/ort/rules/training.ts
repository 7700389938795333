import { fourSizes, staticShape } from "../../../core/shape.js";
import { sizeOf } from "../../../core/tensor.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import { pooled } from "../../../formats/onnx/rules/neural.js";
import { dimsOf, type OnnxWriter, type RuleFor, type Rules, ruleFor } from "../../../formats/onnx/writer.js";
import { ops as elementwise } from "../../../ops/elementwise.js";
import { ops as movement } from "../../../ops/movement.js";
import { ops as norms } from "../../../ops/norm.js";
import { maxPoolGradOp, maxPoolOp, maxPoolSelectOp } from "../../../ops/pool.js";
import { reduceMaxGrad, ops as reductions } from "../../../ops/reduce.js";
import { convGradientRules } from "./conv-gradients.js";
import { reluGrad } from "./relu-grad.js";
import { type ReductionRule, sumOver, sums } from "./sums.js";

/** The two parts of batch norm whose fastest lowering depends on the build of ONNX Runtime. */
interface BatchNormParts {
  /** The mean over all axes but the second: [C]. */
  mean(x: LoweredValue, write: OnnxWriter): LoweredValue;
  /** γ·(x − mean)/√(variance + ε) + β, with vectors [C]. */
  normalize(x: LoweredValue, vectors: NormVectors, epsilon: number, write: OnnxWriter): LoweredValue;
}
type NormVectors = Readonly<Record<"gamma" | "beta" | "mean" | "variance", LoweredValue>>;

export const standardParts: BatchNormParts = {
  mean(x, write) {
    const axes = [...x.shape!.keys()].filter((axis) => axis !== 1);
    return sumOver("ReduceMean", x, { axes, keepdims: false }, write);
  },
  normalize: (x, { gamma, beta, mean, variance }, epsilon, write) =>
    write.emit("BatchNormalization", [x, gamma, beta, mean, variance], { epsilon: { float: epsilon } }),
};

/** 1 / √(variance + ε) */
export const inverseDeviation = (variance: LoweredValue, epsilon: number, write: OnnxWriter): LoweredValue =>
  write.emit("Reciprocal", [write.emit("Sqrt", [write.emit("Add", [variance, write.number(epsilon)])])]);

/** A vector [C], reshaped to broadcast over an array. */
const over = (x: LoweredValue, vector: LoweredValue, write: OnnxWriter) => {
  const shape = x.shape!.map((d, axis) => (axis === 1 ? Number(d) : 1));
  return write.reshape(vector, shape);
};

/** x − mean, emitted once: the gradient reads it instead of x. */
export const centered = (x: LoweredValue, average: LoweredValue, write: OnnxWriter) =>
  write.memo(`${x.name} - ${average.name}`, () => write.emit("Sub", [x, over(x, average, write)]));

/** Batch norm in training and its gradient, from the given parts. */
export function batchNormRules({ mean, normalize }: BatchNormParts): Rules {
  /**
   * The variance is the mean of (x − mean)²: E[x²] − E[x]² would save a pass but lose every digit where |mean| ≫ σ. The output uses
   * x − mean too, because γ/σ · x + (β − γ/σ · mean) cancels there. (BatchNormalization's own training mode overwrites its inputs
   * with its statistics, so those could not be constants.)
   */
  const training: RuleFor<typeof norms.batchNormTraining> = (node, [x, gamma, beta], write) => {
    const average = mean(x, write);
    const differences = centered(x, average, write);
    const variance = mean(write.emit("Mul", [differences, differences]), write);
    const vectors = { gamma, beta, mean: write.filled(0, staticShape(node.inputs[1].shape)), variance };
    return [normalize(differences, vectors, node.attributes.epsilon, write), average, variance];
  };

  /**
   * With d = x − mean and a = γ/σ: dx = a·dy + b·d + c, where b = −a·dγ/(σ·n), c = −a·dβ/n and dγ/n = E[dy·d]/σ.
   * b·d + c is one inference-mode batch norm (scale b, mean 0, variance 1, bias c), so there are only five passes over large arrays.
   * dγ does not use E[dy·x] − mean·E[dy], whose terms, and rounding errors, grow with |mean|.
   */
  const gradient: RuleFor<typeof norms.batchNormTrainingGrad> = (node, [dy, x, gamma, average, variance], write) => {
    const channels = staticShape(node.inputs[2].shape);
    const count = write.number(sizeOf(staticShape(node.inputs[1].shape)) / channels[0]!);
    const mul = (a: LoweredValue, b: LoweredValue) => write.emit("Mul", [a, b]);
    const inverse = inverseDeviation(variance, node.attributes.epsilon, write);
    const meanDy = mean(dy, write);
    const differences = centered(x, average, write);
    const meanDGamma = mul(mean(mul(dy, differences), write), inverse);
    const a = mul(gamma, inverse);
    const minusA = write.emit("Neg", [a]);
    const [b, c] = [mul(mul(minusA, inverse), meanDGamma), mul(minusA, meanDy)];
    const [zeros, ones] = [write.filled(0, channels), write.filled(1, channels)];
    const rest = write.emit("BatchNormalization", [differences, b, c, zeros, ones], { epsilon: { float: 0 } });
    const dx = write.emit("Add", [mul(dy, over(dy, a, write)), rest]);
    return [dx, mul(meanDGamma, count), mul(meanDy, count)];
  };

  return new Map([ruleFor(norms.batchNormTraining, training), ruleFor(norms.batchNormTrainingGrad, gradient)]);
}

/** The largest finite float32. */
export const largestFloat = 3.4028234663852886e38;

/** A maximum by ONNX Runtime. */
export interface Maximum {
  readonly array: LoweredValue;
  /** The mean of the same elements, and what they are the elements of. */
  readonly mean: LoweredValue;
  readonly from: LoweredValue;
  /** The maximum of another array like `from`. */
  readonly of: (from: LoweredValue) => LoweredValue;
}

/**
 * A maximum with NaN and −∞: ONNX Runtime's kernels skip NaN, and some start from the lowest finite number and miss −∞. Only where one of
 * the means is NaN or one of the maxima no more than that number is it looked for either. (Infinities of both signs have the mean NaN too.)
 */
export function exactMaximum({ array, mean, from, of }: Maximum, write: OnnxWriter): LoweredValue {
  // Bytes hold neither. (And ONNX Runtime 1.30 aborts where it fuses what a branch reads with integers.)
  if (from.producer?.type === "DequantizeLinear") return array;
  const least = write.reduce("ReduceMin", write.reshape(array, [-1]), [0], false);
  const isLow = (x: LoweredValue) => write.emit("LessOrEqual", [x, write.number(-largestFloat)]);
  const mayBeLost = write.emit("Or", [mayHoldNaN(mean, write), isLow(least)]);
  const exact = () => {
    const lowest = write.number(Number.NEGATIVE_INFINITY);
    const above = write.emit("Greater", [from, lowest]);
    const isAny = (mask: LoweredValue) => write.emit("Greater", [of(mask), write.number(0)]);
    const number = write.emit("Where", [isAny(write.cast(above, "float32")), array, lowest]);
    return write.emit("Where", [isAny(nanMask(from, write)), write.number(Number.NaN), number]);
  };
  return write.branch(mayBeLost, exact, () => array);
}

const maxPool: RuleFor<typeof maxPoolOp> = ({ attributes, inputs: [map] }, [x], write) => {
  const pool = (from: LoweredValue) => pooled(attributes, map, from, write, 1).results[0]!;
  const max = pool(x);
  const { kernel, strides, pads, dilations } = attributes;
  if (dilations.every((d) => d === 1) && pads[2] < kernel[0] && pads[3] < kernel[1]) {
    const mean = write.emit("AveragePool", [x], { kernel_shape: kernel, strides, pads });
    return [exactMaximum({ array: max, mean, from: x, of: pool }, write)];
  }
  // AveragePool cannot do such windows; whether one holds NaN is a maximum too.
  const found = write.emit("Greater", [pool(nanMask(x, write)), write.number(0)]);
  return [write.emit("Where", [found, write.number(Number.NaN), max])];
};

/** Takes the mean by the rule for `ReduceMean`: modules that take maxima take means too, and ONNX Runtime computes equal nodes once. */
export const reduceMaxBy =
  (mean: ReductionRule): ReductionRule =>
  (node, [x], write) => {
    const { axes, keepdims } = node.attributes;
    const of = (from: LoweredValue) => write.reduce("ReduceMax", from, axes, keepdims);
    return [exactMaximum({ array: of(x), mean: mean(node, [x], write)[0]!, from: x, of }, write)];
  };

/** Whether one of an array's elements is NaN: then their sum is. (It may also be where +∞ and −∞ are among them.) */
export function mayHoldNaN(x: LoweredValue, write: OnnxWriter): LoweredValue {
  return write.emit("IsNaN", [write.reduce("ReduceSum", write.reshape(x, [-1]), [0], false)]);
}

/** Whether an element of one of two arrays that broadcast is NaN or infinite: times 0 it is NaN. */
export function anyNotFinite(a: LoweredValue, b: LoweredValue, write: OnnxWriter): LoweredValue {
  const [left, right] = [a, b].map((x) => write.emit("Mul", [x, write.number(0)]));
  return mayHoldNaN(write.emit("Add", [left, right]), write);
}

/** 1 where an element is NaN and 0 elsewhere. */
export const nanMask = (x: LoweredValue, write: OnnxWriter): LoweredValue =>
  write.cast(write.emit("IsNaN", [x]), "float32");

/** Zeros, made in every run from some other array: constants would be computed once and kept. */
function zeros(shape: readonly number[], other: LoweredValue, write: OnnxWriter): LoweredValue {
  return write.emit("Expand", [write.runtimeZero(other, "float32"), write.ints(shape)]);
}

/**
 * The pooling is done again for the positions of the maxima, and the gradients are added there. ONNX Runtime passes over NaN: the position
 * of a window's last one is a maximum as well, and is looked for only if there is any.
 */
const maxPoolGrad: RuleFor<typeof maxPoolGradOp> = ({ attributes, inputs: [, map] }, [dy, x, y], write) => {
  const [n, c, height, width] = fourSizes(map.shape);
  const { results, extra } = pooled(attributes, map, x, write, 2);
  const indices = results[1]!;
  const [rows, columns] = [height + extra[0], width + extra[1]];
  const shape = [n, c, rows, columns];
  const ofNaN = () => {
    const at = (row: number, column: number) => row * columns + column;
    const positions = write.table(`positions_${height}_${width}_of_${columns}`, "float32", [height, width], at);
    const first = (image: number, channel: number) => (image * c + channel) * rows * columns;
    const planes = write.table(`planes_${shape.join("_")}`, "int64", [n, c, 1, 1], first);
    const marked = write.emit("Where", [write.emit("IsNaN", [x]), positions, write.number(-1)]);
    const last = pooled(attributes, map, marked, write, 1).results[0]!;
    const index = write.emit("Add", [write.cast(last, "int64"), planes]);
    return write.emit("Where", [write.emit("IsNaN", [y]), index, indices]);
  };
  const places = write.branch(mayHoldNaN(y, write), ofNaN, () => indices);
  const flat = [zeros([sizeOf(shape)], places, write), write.reshape(places, [-1]), write.reshape(dy, [-1])];
  const dx = write.reshape(write.emit("ScatterElements", flat, { axis: 0, reduction: "add" }), shape);
  return [extra[0] + extra[1] === 0 ? dx : write.slice(dx, [0, 0], [height, width], [2, 3])];
};

/** The pooling is done again for the positions of the maxima, and d is read there. */
const maxPoolSelect: RuleFor<typeof maxPoolSelectOp> = ({ attributes, inputs: [, map] }, [d, x], write) => {
  const { results, extra } = pooled(attributes, map, x, write, 2);
  const pads = () => write.ints([0, 0, 0, 0, 0, 0, ...extra]);
  const source = extra[0] + extra[1] > 0 ? write.emit("Pad", [d, pads(), write.number(0)]) : d;
  return [write.emit("Gather", [write.reshape(source, [-1]), results[1]!], { axis: 0 })];
};

/**
 * The first of the largest elements by ArgMax, which passes over NaN: the first NaN is looked for only if there is any. The gradient is
 * scattered over zeros (a comparison with all positions and Where take two to four times as long).
 */
const maximumGrad: RuleFor<typeof reduceMaxGrad> = ({ attributes: { axes }, inputs }, [dy, x, y], write) => {
  const shape = dimsOf(inputs[1]);
  // Adjacent axes are merged into one; others are first moved to the end.
  const neighbors = axes.every((axis, i) => axis === axes[0]! + i);
  const all = [...shape.keys()];
  const order = neighbors ? all : [...all.filter((axis) => !axes.includes(axis)), ...axes];
  const ordered = order.map((axis) => shape[axis]!);
  const first = order.indexOf(axes[0]!);
  const length = axes.reduce((n, axis) => n * shape[axis]!, 1);
  const merged = [...ordered.slice(0, first), length, ...ordered.slice(first + axes.length)];
  const move = (v: LoweredValue, perm: readonly number[]) => (neighbors ? v : write.transpose(v, perm));
  const reshape = (v: LoweredValue, to: readonly number[]) => (axes.length > 1 ? write.reshape(v, to) : v);
  const from = reshape(move(x, order), merged);
  const firstMaximum = (v: LoweredValue) => write.emit("ArgMax", [v], { axis: first, keepdims: 1 });
  const firstNaN = () => {
    const mask = nanMask(from, write);
    const hasNaN = write.cast(write.reduce("ReduceMax", mask, [first], true), "bool");
    return write.emit("Where", [hasNaN, firstMaximum(mask), firstMaximum(from)]);
  };
  const winner = write.branch(mayHoldNaN(y, write), firstNaN, () => firstMaximum(from));
  const scattered = [zeros(merged, winner, write), winner, reshape(dy, merged.with(first, 1))];
  const dx = write.emit("ScatterElements", scattered, { axis: first });
  const inverse = all.map((axis) => order.indexOf(axis));
  return [move(reshape(dx, ordered), inverse)];
};

/**
 * Rules in standard ONNX for operators that occur only in training graphs, and for maxima, because ONNX Runtime's drop NaN.
 * They run on every build of ONNX Runtime.
 */
export const trainingRules: Rules = new Map([
  ruleFor(elementwise.reluGrad, reluGrad),
  ...batchNormRules(standardParts),
  ruleFor(maxPoolOp, maxPool),
  ruleFor(maxPoolGradOp, maxPoolGrad),
  ruleFor(maxPoolSelectOp, maxPoolSelect),
  ruleFor(reductions.reduceSum, sums("ReduceSum")),
  ruleFor(reductions.reduceMean, sums("ReduceMean")),
  ruleFor(reductions.reduceMax, reduceMaxBy(sums("ReduceMean"))),
  ruleFor(reduceMaxGrad, maximumGrad),
  ruleFor(movement.barrier, (_node, [x, signal], write) => [write.barrier(x, signal)]),
  ...convGradientRules,
]);

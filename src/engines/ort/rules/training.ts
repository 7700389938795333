import { staticDim } from "../../../core/shape.js";
import { sizeOf, tensor } from "../../../core/tensor.js";
import { emitBarrier } from "../../../formats/onnx/barrier.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import { pooled } from "../../../formats/onnx/rules/neural.js";
import { dimsOf, type OnnxWriter, type RuleOf, type Rules, ruleFor } from "../../../formats/onnx/writer.js";
import { ops as elementwise } from "../../../ops/elementwise.js";
import { ops as movement } from "../../../ops/movement.js";
import { ops as norms } from "../../../ops/norm.js";
import { maxPoolGradOp, maxPoolOp, maxPoolSelectOp } from "../../../ops/pool.js";
import { reduceMaxGrad, ops as reductions } from "../../../ops/reduce.js";
import { convGradientRules } from "./conv-gradients.js";
import { reluGrad } from "./relu-grad.js";
import { type ReductionRule, sumOver, sums } from "./sums.js";

/** The two parts of batch norm whose fastest lowering depends on the build of ONNX Runtime. */
export interface BatchNormParts {
  /** The mean over all axes but the second: [C]. */
  mean(x: LoweredValue, shape: readonly number[], write: OnnxWriter): LoweredValue;
  /** γ·(x − mean)/√(variance + ε) + β. */
  normalize(x: LoweredValue, parts: NormParts, shape: readonly number[], write: OnnxWriter): LoweredValue;
}

/** The names of the vectors that normalize an array, [C] each. */
export interface NormParts {
  readonly gamma: LoweredValue;
  readonly beta: LoweredValue;
  readonly mean: LoweredValue;
  readonly variance: LoweredValue;
  readonly epsilon: number;
}

export const standardParts: BatchNormParts = {
  mean(x, shape, write) {
    const axes = shape.map((_, i) => i).filter((i) => i !== 1);
    return sumOver("ReduceMean", x, shape, { axes, keepdims: false }, write);
  },
  normalize(x, { gamma, beta, mean, variance, epsilon }, _shape, write) {
    return write.emit("BatchNormalization", [x, gamma, beta, mean, variance], { epsilon: { float: epsilon } });
  },
};

/** Batch norm in training and its gradient, from the given parts. */
export function batchNormRules({ mean, normalize }: BatchNormParts): Rules {
  /** A vector [C], reshaped to broadcast over an array of this shape. */
  const overChannels = (v: LoweredValue, shape: readonly number[], write: OnnxWriter) =>
    write.reshape(
      v,
      shape.map((d, i) => (i === 1 ? d : 1)),
    );

  /** x − mean, emitted once: the gradient reads it instead of x. */
  const centered = (x: LoweredValue, average: LoweredValue, shape: readonly number[], write: OnnxWriter) =>
    write.shared(`${x.name} - ${average.name}`, () => write.emit("Sub", [x, overChannels(average, shape, write)]));

  /**
   * The variance is the mean of (x − mean)²: E[x²] − E[x]² would save a pass but lose every digit where |mean| ≫ σ. The output uses
   * x − mean too, because γ/σ · x + (β − γ/σ · mean) cancels there. (BatchNormalization's own training mode overwrites its inputs
   * with its statistics, so those could not be constants.)
   */
  const training: RuleOf<typeof norms.batchNormTraining> = (node, [x, gamma, beta], write) => {
    const shape = node.inputs[0].shape.map(staticDim);
    const average = mean(x, shape, write);
    const differences = centered(x, average, shape, write);
    const variance = mean(write.emit("Mul", [differences, differences]), shape, write);
    const { epsilon } = node.attributes;
    const parts = { gamma, beta, mean: write.filled(0, shape[1]!), variance, epsilon };
    return [normalize(differences, parts, shape, write), average, variance];
  };

  /**
   * With d = x − mean and a = γ/σ: dx = a·dy + b·d + c, where b = −a·dγ/(σ·n), c = −a·dβ/n and dγ/n = E[dy·d]/σ.
   * b·d + c is one inference-mode batch norm (scale b, mean 0, variance 1, bias c), so there are only five passes over large arrays.
   * dγ does not use E[dy·x] − mean·E[dy], whose terms, and rounding errors, grow with |mean|.
   */
  const gradient: RuleOf<typeof norms.batchNormTrainingGrad> = (node, [dy, x, gamma, average, variance], write) => {
    const shape = node.inputs[1].shape.map(staticDim);
    const count = write.number(sizeOf(shape) / shape[1]!);
    const mul = (a: LoweredValue, b: LoweredValue) => write.emit("Mul", [a, b]);
    const epsilon = write.number(node.attributes.epsilon);
    const inverse = write.emit("Reciprocal", [write.emit("Sqrt", [write.emit("Add", [variance, epsilon])])]);
    const meanDy = mean(dy, shape, write);
    const differences = centered(x, average, shape, write);
    const meanDGamma = mul(mean(mul(dy, differences), shape, write), inverse);
    const a = mul(gamma, inverse);
    const minusA = write.emit("Neg", [a]);
    const [b, c] = [mul(mul(minusA, inverse), meanDGamma), mul(minusA, meanDy)];
    const [zeros, ones] = [write.filled(0, shape[1]!), write.filled(1, shape[1]!)];
    const rest = write.emit("BatchNormalization", [differences, b, c, zeros, ones], { epsilon: { float: 0 } });
    const dx = write.emit("Add", [mul(dy, overChannels(a, shape, write)), rest]);
    return [dx, mul(meanDGamma, count), mul(meanDy, count)];
  };

  return new Map([ruleFor(norms.batchNormTraining, training), ruleFor(norms.batchNormTrainingGrad, gradient)]);
}

/** The largest finite float32. */
export const largestFloat = 3.4028234663852886e38;

/** A maximum by ONNX Runtime. */
export interface Maximum {
  readonly array: LoweredValue;
  readonly shape: readonly number[];
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
export function exactMaximum({ array, shape, mean, from, of }: Maximum, write: OnnxWriter): LoweredValue {
  // Bytes hold neither. (And ONNX Runtime 1.30 aborts where it fuses what a branch reads with integers.)
  if (from.producer?.type === "DequantizeLinear") return array;
  const least = write.reduce("ReduceMin", write.reshape(array, [-1]), [0], false);
  const mayBeLost = write.emit("Or", [
    mayHoldNaN(mean, write),
    write.emit("LessOrEqual", [least, write.number(-largestFloat)]),
  ]);
  const exact = () => {
    const above = write.emit("Greater", [from, write.number(Number.NEGATIVE_INFINITY)]);
    const isAny = (mask: LoweredValue) => write.emit("Greater", [of(mask), write.number(0)]);
    const isAbove = isAny(write.emit("Cast", [above], { to: 1 }));
    const number = write.emit("Where", [isAbove, array, write.number(Number.NEGATIVE_INFINITY)]);
    return write.emit("Where", [isAny(nanMask(from, write)), write.number(Number.NaN), number]);
  };
  return write.branch(
    mayBeLost,
    shape.map((d) => (d < 0 ? "N" : d)),
    exact,
    () => array,
  );
}

const maxPool: RuleOf<typeof maxPoolOp> = ({ attributes, inputs: [map], outputs: [y] }, [x], write) => {
  const pool = (from: LoweredValue) => pooled(attributes, map, from, write, 1).results[0]!;
  const max = pool(x);
  const { kernel, strides, pads, dilations } = attributes;
  if (dilations.every((d) => d === 1) && pads[2] < kernel[0] && pads[3] < kernel[1]) {
    const mean = write.emit("AveragePool", [x], { kernel_shape: kernel, strides, pads });
    return [exactMaximum({ array: max, shape: dimsOf(y!), mean, from: x, of: pool }, write)];
  }
  // AveragePool cannot do such windows; whether one holds NaN is a maximum too.
  const hasNaN = write.emit("Cast", [write.emit("IsNaN", [x])], { to: 1 });
  const found = write.emit("Greater", [pool(hasNaN), write.number(0)]);
  return [write.emit("Where", [found, write.number(Number.NaN), max])];
};

/** Takes the mean by the rule for `ReduceMean`: modules that take maxima take means too, and ONNX Runtime computes equal nodes once. */
export const reduceMaxBy =
  (mean: ReductionRule): ReductionRule =>
  (node, [x], write) => {
    const { axes, keepdims } = node.attributes;
    const of = (from: LoweredValue) => write.reduce("ReduceMax", from, axes, keepdims);
    const shape = dimsOf(node.outputs[0]!);
    return [exactMaximum({ array: of(x), shape, mean: mean(node, [x], write)[0]!, from: x, of }, write)];
  };

/** Whether one of an array's elements is NaN: then their sum is. (It may also be where +∞ and −∞ are among them.) */
export function mayHoldNaN(x: LoweredValue, write: OnnxWriter): LoweredValue {
  return write.emit("IsNaN", [write.reduce("ReduceSum", write.reshape(x, [-1]), [0], false)]);
}

/** Whether an element of these arrays is NaN or infinite: times 0 it is NaN. */
export function anyNotFinite(arrays: readonly LoweredValue[], write: OnnxWriter): LoweredValue {
  const [first, ...others] = arrays.map((x) => write.emit("Mul", [x, write.number(0)]));
  return mayHoldNaN(
    others.reduce((a, b) => write.emit("Add", [a, b]), first!),
    write,
  );
}

/** 1 where an element is NaN and 0 elsewhere. */
export const nanMask = (x: LoweredValue, write: OnnxWriter): LoweredValue =>
  write.emit("Cast", [write.emit("IsNaN", [x])], { to: 1 });

/**
 * The pooling is done again for the positions of the maxima, and the gradients are added there. ONNX Runtime passes over NaN: the position
 * of a window's last one is a maximum as well, and is looked for only if there is any.
 */
const maxPoolGrad: RuleOf<typeof maxPoolGradOp> = ({ attributes, inputs: [, map, pooledMap] }, [dy, x, y], write) => {
  const [n, c, height, width] = dimsOf(map) as [number, number, number, number];
  const {
    results: [, indices],
    extra,
  } = pooled(attributes, map, x, write, 2);
  const [rows, columns] = [height + extra[0], width + extra[1]];
  const shape = [n, c, rows, columns];
  const ofNaN = () => {
    const positions = write.once(`positions_${height}_${width}_of_${columns}`, () =>
      tensor(
        "float32",
        [height, width],
        Float32Array.from({ length: height * width }, (_, i) => Math.floor(i / width) * columns + (i % width)),
      ),
    );
    const planes = write.once(`planes_${n}_${c}_${rows}_${columns}`, () =>
      tensor(
        "int64",
        [n, c, 1, 1],
        BigInt64Array.from({ length: n * c }, (_, i) => BigInt(i * rows * columns)),
      ),
    );
    const marked = write.emit("Where", [write.emit("IsNaN", [x]), positions, write.number(-1)]);
    const last = pooled(attributes, map, marked, write, 1).results[0]!;
    const index = write.emit("Add", [write.emit("Cast", [last], { to: 7 }), planes]);
    return write.emit("Where", [write.emit("IsNaN", [y]), index, indices!]);
  };
  const places = write.branch(mayHoldNaN(y, write), dimsOf(pooledMap), ofNaN, () => indices!, "int64");
  const zeros = write.emit("Expand", [write.number(0), write.ints([sizeOf(shape)])]);
  const flat = [zeros, write.reshape(places, [-1]), write.reshape(dy, [-1])];
  const dx = write.reshape(write.emit("ScatterElements", flat, { axis: 0, reduction: "add" }), shape);
  if (extra[0] + extra[1] === 0) return [dx];
  return [write.emit("Slice", [dx, write.ints([0, 0]), write.ints([height, width]), write.ints([2, 3])])];
};

/** The pooling is done again for the positions of the maxima, and d is read there. */
const maxPoolSelect: RuleOf<typeof maxPoolSelectOp> = ({ attributes, inputs: [, map] }, [d, x], write) => {
  const {
    results: [, indices],
    extra: [bottom, right],
  } = pooled(attributes, map, x, write, 2);
  const pads = () => write.ints([0, 0, 0, 0, 0, 0, bottom, right]);
  const source = bottom + right > 0 ? write.emit("Pad", [d, pads(), write.number(0)]) : d;
  return [write.emit("Gather", [write.reshape(source, [-1]), indices!], { axis: 0 })];
};

/**
 * The first of the largest elements by ArgMax, which passes over NaN: the first NaN is looked for only if there is any. The mask is a
 * comparison with the positions along a single axis.
 */
const maximumGrad: RuleOf<typeof reduceMaxGrad> = ({ attributes: { axes }, inputs }, [dy, x, y], write) => {
  const shape = dimsOf(inputs[1]);
  // Adjacent axes are merged into one; others are first moved to the end.
  const neighbors = axes.every((axis, i) => axis === axes[0]! + i);
  const all = shape.map((_, axis) => axis);
  const order = neighbors ? all : [...all.filter((axis) => !axes.includes(axis)), ...axes];
  const ordered = order.map((axis) => shape[axis]!);
  const first = order.indexOf(axes[0]!);
  const length = axes.reduce((n, axis) => n * shape[axis]!, 1);
  const merged = [...ordered.slice(0, first), length, ...ordered.slice(first + axes.length)];
  const move = (v: LoweredValue, perm: readonly number[]) => (neighbors ? v : write.emit("Transpose", [v], { perm }));
  const reshape = (v: LoweredValue, to: readonly number[]) => (axes.length > 1 ? write.reshape(v, to) : v);
  const from = reshape(move(x, order), merged);
  const firstMaximum = (v: LoweredValue) => write.emit("ArgMax", [v], { axis: first, keepdims: 1 });
  const winner = write.branch(
    mayHoldNaN(y, write),
    merged.map((d, i) => (i === first ? 1 : d < 0 ? "N" : d)),
    () => {
      const mask = nanMask(from, write);
      const hasNaN = write.emit("Cast", [write.reduce("ReduceMax", mask, [first], true)], { to: 9 });
      return write.emit("Where", [hasNaN, firstMaximum(mask), firstMaximum(from)]);
    },
    () => firstMaximum(from),
    "int64",
  );
  const positions = write.constant(
    tensor(
      "int64",
      merged.map((_, i) => (i === first ? length : 1)),
      BigInt64Array.from({ length }, (_, i) => BigInt(i)),
    ),
  );
  const mask = write.emit("Equal", [winner, positions]);
  const dx = write.emit("Where", [mask, reshape(dy, merged.with(first, 1)), write.number(0)]);
  return [
    move(
      reshape(dx, ordered),
      all.map((axis) => order.indexOf(axis)),
    ),
  ];
};

const barrier: RuleOf<typeof movement.barrier> = (_node, [x, signal], write) => [
  emitBarrier(
    x,
    signal,
    (type, inputs, result) => write.emitAll(type, inputs, {}, result ? { type: result } : {})[0]!,
    write.ints([0]),
  ),
];

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
  ruleFor(movement.barrier, barrier),
  ...convGradientRules,
]);

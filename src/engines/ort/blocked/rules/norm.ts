import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Value } from "../../../../graph/graph.js";
import { ops } from "../../../../ops/norm.js";
import { sumOver } from "../../rules/sums.js";
import { roundUp } from "../layout.js";
import type { LayoutTable } from "../layout-table.js";
import { type BlockedRule, type Layouts, reasons, rule } from "../rule.js";
import type { BlockedTensor } from "../writer.js";

const mul = ({ write }: LayoutTable, a: LoweredValue, b: LoweredValue) => write.emit("Mul", [a, b]);

/** Sums or averages over images: [N·C] → [C]. */
function overImages(
  name: LoweredValue,
  { shape: [n, channels] }: BlockedTensor,
  table: LayoutTable,
  kind: "ReduceSum" | "ReduceMean",
): LoweredValue {
  const { write } = table;
  return sumOver(kind, write.reshape(name, [n, channels]), [n, channels], { axes: [0], keepdims: false }, write);
}

/** A vector over whole blocks, as the factor of `affine`. */
const factor = (name: LoweredValue, channels: number, { write }: LayoutTable) =>
  write.reshape(name, [channels, 1, 1, 1]);

/** x − mean, also used by the backward pass. */
function centered(x: BlockedTensor, mean: LoweredValue, { nchwc, write }: LayoutTable): BlockedTensor {
  return nchwc.affine(x, nchwc.ones(x.shape[1]), { bias: write.emit("Neg", [mean]) });
}

/** With ε = 0 the variance of padded channels, zero, is no divisor. */
const dividesByZero = (epsilon: number, x: Value, layouts: Layouts): boolean => epsilon === 0 && layouts.isPadded(x);

/** 1 / √(variance + ε) */
function inverseDeviation(variance: LoweredValue, epsilon: number, { write }: LayoutTable): LoweredValue {
  return write.emit("Reciprocal", [write.emit("Sqrt", [write.emit("Add", [variance, write.number(epsilon)])])]);
}

/** What the forward pass of a batch norm passes to its gradient, over whole blocks. */
interface Statistics {
  readonly centered: BlockedTensor;
  readonly inverse: LoweredValue;
  /** γ / σ */
  readonly scale: LoweredValue;
}

const statisticsKey = (variance: Value) => `norm ${variance.id}`;

/**
 * The variance is the mean of (x − mean)²: one pass more than E[x²] − E[x]², which loses every digit where |mean| ≫ σ. The gradient
 * reads x − mean too, so it is kept in place of x. y = γ/σ · (x − mean) + β is deferred, to fuse a following addition or ReLU.
 */
const training = rule("norm", [ops.batchNormTraining], (node, { epsilon }, layouts) => {
  const [x, gamma, beta] = node.inputs;
  if (!layouts.isBlocked(x)) return reasons.plain;
  if (dividesByZero(epsilon, x, layouts)) return reasons.padded;
  return (table) => {
    const { nchwc, write } = table;
    const maps = table.blocked(x);
    const [n, channels, height, width] = maps.shape;
    const count = n * height * width;
    const mean = overImages(nchwc.means(maps), maps, table, "ReduceMean");
    const differences = centered(maps, mean, table);
    const squares = overImages(nchwc.dot(differences, differences), maps, table, "ReduceSum");
    const variance = mul(table, squares, write.number(1 / count));
    const inverse = inverseDeviation(variance, epsilon, table);
    const scale = mul(table, table.vector(gamma), inverse);
    const bias = table.vector(beta);
    const [y, meanOut, varianceOut] = node.outputs;
    table.memo<Statistics>(statisticsKey(varianceOut!), () => ({ centered: differences, inverse, scale }));
    const unpadded = [x.shape[1] as number];
    table.define(meanOut!, table.crop(mean, unpadded));
    table.define(varianceOut!, table.crop(variance, unpadded));
    table.defer(y!, {
      activates: true,
      emit: (epilogue) => nchwc.affine(differences, factor(scale, channels, table), { ...epilogue, bias }),
    });
  };
});

/**
 * With d = x − mean and a = γ/σ: dβ = Σ dy, dγ = Σ dy·d / σ, dx = a·dy + b·d + c, where b = −a·dγ/(σ·n) and c = −a·dβ/n.
 */
const trainingGrad = rule("norm", [ops.batchNormTrainingGrad], (node, { epsilon }, layouts) => {
  const [dy, x, gamma, mean, variance] = node.inputs;
  if (!layouts.isBlocked(dy) || !layouts.canBlock(x)) return reasons.plain;
  if (dividesByZero(epsilon, x, layouts)) return reasons.padded;
  return (table) => {
    const { nchwc, write } = table;
    const gradient = table.blocked(dy);
    const [n, channels, height, width] = gradient.shape;
    const statistics = table.memo<Statistics>(statisticsKey(variance), () => {
      const differences = centered(table.blocked(x), table.vector(mean), table);
      const inverse = inverseDeviation(table.vector(variance), epsilon, table);
      return { centered: differences, inverse, scale: mul(table, table.vector(gamma), inverse) };
    });
    const { centered: differences, inverse, scale } = statistics;
    const area = write.number(height * width);
    const dBeta = mul(table, overImages(nchwc.means(gradient), gradient, table, "ReduceSum"), area);
    const dGamma = mul(table, overImages(nchwc.dot(gradient, differences), gradient, table, "ReduceSum"), inverse);
    const perCount = mul(table, scale, write.number(-1 / (n * height * width)));
    const b = mul(table, mul(table, perCount, inverse), dGamma);
    const c = mul(table, perCount, dBeta);
    const middle = nchwc.affine(differences, factor(b, channels, table), { bias: c });
    const [dx, dGammaOut, dBetaOut] = node.outputs;
    const unpadded = [x.shape[1] as number];
    table.define(dGammaOut!, table.crop(dGamma, unpadded));
    table.define(dBetaOut!, table.crop(dBeta, unpadded));
    table.setBlocked(dx!, nchwc.affine(gradient, factor(scale, channels, table), { sum: middle }));
  };
});

/** With given statistics a batch norm is a scale and a bias per channel. */
const evaluation = rule("norm", [ops.batchNormalization], (node, { epsilon }, layouts) => {
  const [x, gamma, beta, mean, variance] = node.inputs;
  if (!layouts.isBlocked(x)) return reasons.plain;
  return (table) => {
    const { nchwc, write } = table;
    const channels = roundUp(x.shape[1] as number, table.block);
    const inverse = inverseDeviation(table.vector(variance), epsilon, table);
    const scale = mul(table, table.vector(gamma), inverse);
    const bias = write.emit("Sub", [table.vector(beta), mul(table, table.vector(mean), scale)]);
    const maps = table.blocked(x);
    table.defer(node.outputs[0]!, {
      activates: true,
      emit: (epilogue) => nchwc.affine(maps, factor(scale, channels, table), { ...epilogue, bias }),
    });
  };
});

/** Batch norm in training, its gradient, and with given statistics. */
export const normRules: readonly BlockedRule[] = [training, trainingGrad, evaluation];

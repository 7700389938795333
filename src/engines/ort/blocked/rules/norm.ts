import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Value } from "../../../../graph/graph.js";
import { ops } from "../../../../ops/norm.js";
import type { Maps } from "../../maps.js";
import { overImages, sumOver } from "../../rules/sums.js";
import { inverseDeviation } from "../../rules/training.js";
import type { LayoutTable } from "../layout-table.js";
import { type BlockedRule, type MatchContext, reasons, rule } from "../rule.js";

const mul = ({ write }: LayoutTable, a: LoweredValue, b: LoweredValue) => write.emit("Mul", [a, b]);

/** Sums or averages over images: [N·C] → [C]. */
const reduced = (kind: "ReduceSum" | "ReduceMean", vector: LoweredValue, maps: Maps, { write }: LayoutTable) =>
  sumOver(kind, write.reshape(vector, [maps.shape[0], maps.shape[1]]), overImages, write);

/** x − mean, also used by the backward pass. */
function centered(x: Maps, mean: LoweredValue, { nchwc, write }: LayoutTable): Maps {
  return nchwc.affine(x, nchwc.ones(x.shape[1]), { bias: write.emit("Neg", [mean]) });
}

/** With ε = 0, padded channels would be divided by their variance, zero. */
const dividesByZero = (epsilon: number, x: Value, context: MatchContext): boolean =>
  epsilon === 0 && context.isPadded(x);

/** scale · x + bias, deferred so that an addition or ReLU can be fused into it. */
const deferAffine = (table: LayoutTable, y: Value, x: Maps, scale: LoweredValue, bias: LoweredValue): void =>
  table.defer(y, { activates: true, emit: (epilogue) => table.nchwc.affine(x, scale, { ...epilogue, bias }) });

/** What the forward pass of a batch norm passes to its gradient, over whole blocks. */
interface Statistics {
  readonly centered: Maps;
  readonly inverse: LoweredValue;
  /** γ / σ */
  readonly scale: LoweredValue;
}

/** The statistics of a batch norm, from its forward pass if that is in the same graph. */
const statisticsOf = (variance: Value, table: LayoutTable, make: () => Statistics): Statistics =>
  table.write.memo(`norm ${variance.id}`, make);

/**
 * The variance is the mean of (x − mean)²: one pass more than E[x²] − E[x]², which loses every digit where |mean| ≫ σ. The gradient
 * reads x − mean too, so it is kept in place of x. y = γ/σ · (x − mean) + β is deferred, to fuse a following addition or ReLU.
 */
const training = rule("norm", [ops.batchNormTraining], ({ inputs, outputs, attributes: { epsilon } }, context) => {
  const [x, gamma, beta] = inputs;
  if (!context.isBlocked(x)) return reasons.plain;
  if (dividesByZero(epsilon, x, context)) return reasons.padded;
  return (table) => {
    const { nchwc, write } = table;
    const maps = table.blocked(x);
    const [n, , height, width] = maps.shape;
    const mean = reduced("ReduceMean", nchwc.means(maps), maps, table);
    const differences = centered(maps, mean, table);
    const squares = reduced("ReduceSum", nchwc.dot(differences, differences), maps, table);
    const variance = mul(table, squares, write.number(1 / (n * height * width)));
    const inverse = inverseDeviation(variance, epsilon, write);
    const scale = mul(table, table.vector(gamma), inverse);
    const [y, meanOut, varianceOut] = outputs;
    const bias = table.vector(beta);
    statisticsOf(varianceOut!, table, () => ({ centered: differences, inverse, scale }));
    table.define(meanOut!, table.crop(mean, gamma.shape));
    table.define(varianceOut!, table.crop(variance, gamma.shape));
    deferAffine(table, y, differences, scale, bias);
  };
});

/**
 * With d = x − mean and a = γ/σ: dβ = Σ dy, dγ = Σ dy·d / σ, dx = a·dy + b·d + c, where b = −a·dγ/(σ·n) and c = −a·dβ/n.
 */
const trainingGrad = rule("norm", [ops.batchNormTrainingGrad], (node, context) => {
  const [dy, x, gamma, mean, variance] = node.inputs;
  const { epsilon } = node.attributes;
  if (!context.isBlocked(dy) || !context.canBlock(x)) return reasons.plain;
  if (dividesByZero(epsilon, x, context)) return reasons.padded;
  return (table) => {
    const { nchwc, write } = table;
    const gradient = table.blocked(dy);
    const [n, , height, width] = gradient.shape;
    const { inverse, scale, ...statistics } = statisticsOf(variance, table, () => {
      const differences = centered(table.blocked(x), table.vector(mean), table);
      const inverse = inverseDeviation(table.vector(variance), epsilon, write);
      return { centered: differences, inverse, scale: mul(table, table.vector(gamma), inverse) };
    });
    const area = write.number(height * width);
    const dBeta = mul(table, reduced("ReduceSum", nchwc.means(gradient), gradient, table), area);
    const products = nchwc.dot(gradient, statistics.centered);
    const dGamma = mul(table, reduced("ReduceSum", products, gradient, table), inverse);
    const perCount = mul(table, scale, write.number(-1 / (n * height * width)));
    const b = mul(table, mul(table, perCount, inverse), dGamma);
    const middle = nchwc.affine(statistics.centered, b, { bias: mul(table, perCount, dBeta) });
    const [dx, dGammaOut, dBetaOut] = node.outputs;
    table.define(dGammaOut!, table.crop(dGamma, gamma.shape));
    table.define(dBetaOut!, table.crop(dBeta, gamma.shape));
    table.setBlocked(dx, nchwc.affine(gradient, scale, { sum: middle }));
  };
});

/** With given statistics a batch norm is a scale and a bias per channel. */
const evaluation = rule("norm", [ops.batchNormalization], ({ inputs, outputs, attributes }, context) => {
  const [x, gamma, beta, mean, variance] = inputs;
  if (!context.isBlocked(x)) return reasons.plain;
  return (table) => {
    const { write } = table;
    const inverse = inverseDeviation(table.vector(variance), attributes.epsilon, write);
    const scale = mul(table, table.vector(gamma), inverse);
    const bias = write.emit("Sub", [table.vector(beta), mul(table, table.vector(mean), scale)]);
    deferAffine(table, outputs[0], table.blocked(x), scale, bias);
  };
});

/** Batch norm in training, its gradient, and with given statistics. */
export const normRules: readonly BlockedRule[] = [training, trainingGrad, evaluation];

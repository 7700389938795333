import { ShapeError } from "../core/errors.js";
import { check, nonNegative, whole } from "../core/schema.js";
import { type Dim, formatShape } from "../core/shape.js";
import { sizeOf } from "../core/tensor.js";
import type { Value } from "../graph/graph.js";
import type { Dense, Op, ValueType } from "../graph/op.js";
import { axes as axesSchema, checkValue } from "./checks.js";
import { add, div, mul, sqrt, sub } from "./elementwise.js";
import { reshape } from "./movement.js";
import { apply, applyAll, dense, exceptFirst, noMacs, type Operand, onceOnly, toValue } from "./operands.js";
import { reduceMean, reduceSum } from "./reduce.js";

type NormAttributes = { readonly epsilon: number };

/** The axes that batch norm averages over: all but axis 1, the channels. */
const averaged = (x: Value): number[] => x.shape.map((_, i) => i).filter((i) => i !== 1);

/** A per-channel vector [C] shaped to broadcast against x. */
function perChannel(v: Value, x: Value): Value {
  return reshape(
    v,
    x.shape.map((d, i) => (i === 1 ? d : 1)),
  );
}

function checkChannels([x, ...vectors]: readonly ValueType[]): void {
  if (x!.shape.length < 2) throw new ShapeError(`needs [N,C,…], got ${formatShape(x!.shape)}`);
  for (const { shape } of vectors)
    if (shape.length !== 1 || shape[0] !== x!.shape[1])
      throw new ShapeError(
        `input ${formatShape(x!.shape)} has ${x!.shape[1]} channels, a per-channel vector is ${formatShape(shape)}`,
      );
}

/** Calls `visit(channel, flat index)` for every element. */
function forEachElement(x: Dense, visit: (channel: number, i: number) => void): void {
  const channels = x.shape[1]!;
  const inner = sizeOf(x.shape.slice(2));
  for (let row = 0; row * inner < x.data.length; row++)
    for (let i = row * inner; i < (row + 1) * inner; i++) visit(row % channels, i);
}

/** Mean over a channel of f(i). */
function channelMeans(x: Dense, f: (i: number, channel: number) => number): Dense {
  const means = dense([x.shape[1]!]);
  const count = x.data.length / x.shape[1]!;
  forEachElement(x, (c, i) => {
    means.data[c]! += f(i, c) / count;
  });
  return means;
}

/** y = (x − mean) / √(variance + ε) · γ + β, from (x, γ, β, mean, variance), each of the last four [C]. */
const batchNormalizationOp: Op<
  NormAttributes,
  readonly [x: Value, gamma: Value, beta: Value, mean: Value, variance: Value]
> = {
  name: "BatchNormalization",
  infer: (inputs) => {
    checkChannels(inputs);
    return [inputs[0]!];
  },
  run: ([x, gamma, beta, mean, variance], { epsilon }) => {
    const y = dense(x!.shape);
    forEachElement(x!, (c, i) => {
      const normalized = (x!.data[i]! - mean!.data[c]!) / Math.sqrt(variance!.data[c]! + epsilon);
      y.data[i] = normalized * gamma!.data[c]! + beta!.data[c]!;
    });
    return [y];
  },
  grad: (dy, node) => {
    const [x, gamma, , mean, variance] = node.inputs;
    const deviation = sqrt(add(variance, node.attributes.epsilon));
    const centered = sub(x, perChannel(mean, x));
    const sum = (v: Value) => reduceSum(v, averaged(x), { keepdims: false });
    return [mul(dy, perChannel(div(gamma, deviation), x)), div(sum(mul(dy, centered)), deviation), sum(dy), null, null];
  },
  macs: noMacs,
  mixesImages: exceptFirst,
};

/** The same with batch statistics: (x, γ, β) → (y, mean, biased variance). */
const batchNormTrainingOp: Op<NormAttributes, readonly [x: Value, gamma: Value, beta: Value]> = {
  name: "BatchNormTraining",
  infer: (inputs) => {
    checkChannels(inputs);
    return [inputs[0]!, inputs[1]!, inputs[1]!];
  },
  run: ([x, gamma, beta], attributes) => {
    const mean = channelMeans(x!, (i) => x!.data[i]!);
    const variance = channelMeans(x!, (i, c) => (x!.data[i]! - mean.data[c]!) ** 2);
    return [...batchNormalizationOp.run([x!, gamma!, beta!, mean, variance], attributes), mean, variance];
  },
  grad: (dy, node) => {
    const [x, gamma] = node.inputs;
    const [, mean, variance] = node.outputs as [Value, Value, Value];
    return [...applyAll(batchNormTrainingGradOp, [dy, x, gamma, mean, variance], node.attributes)];
  },
  macs: noMacs,
};

/**
 * (dy, x, γ, mean, variance) → (dx, dγ, dβ). With x̂ the normalized input and σ its deviation,
 * dβ = Σ dy, dγ = Σ dy·x̂, dx = γ/σ · (dy − mean(dy) − x̂ · mean(dy·x̂)).
 */
const batchNormTrainingGradOp: Op<
  NormAttributes,
  readonly [dy: Value, x: Value, gamma: Value, mean: Value, variance: Value]
> = {
  name: "BatchNormTrainingGrad",
  infer: ([, x, gamma]) => [x!, gamma!, gamma!],
  run: ([dy, x, gamma, mean, variance], { epsilon }) => {
    const deviation = variance!.data.map((v) => Math.sqrt(v + epsilon));
    const normalized = (i: number, c: number) => (x!.data[i]! - mean!.data[c]!) / deviation[c]!;
    const meanDy = channelMeans(x!, (i) => dy!.data[i]!);
    const meanDyX = channelMeans(x!, (i, c) => dy!.data[i]! * normalized(i, c));
    const count = x!.data.length / x!.shape[1]!;
    const dx = dense(x!.shape);
    forEachElement(x!, (c, i) => {
      const inner = dy!.data[i]! - meanDy.data[c]! - normalized(i, c) * meanDyX.data[c]!;
      dx.data[i] = (gamma!.data[c]! / deviation[c]!) * inner;
    });
    return [
      dx,
      dense(
        gamma!.shape,
        meanDyX.data.map((v) => v * count),
      ),
      dense(
        gamma!.shape,
        meanDy.data.map((v) => v * count),
      ),
    ];
  },
  grad: onceOnly("BatchNormTrainingGrad"),
  macs: noMacs,
};

export const ops = {
  batchNormalization: batchNormalizationOp,
  batchNormTraining: batchNormTrainingOp,
  batchNormTrainingGrad: batchNormTrainingGradOp,
};

/** Batch norm with given statistics. x [N,C,…], the vectors [C]. */
export function batchNorm(
  x: Operand,
  gamma: Operand,
  beta: Operand,
  mean: Operand,
  variance: Operand,
  epsilon: number,
): Value {
  check("batchNorm", "epsilon", nonNegative, epsilon);
  return apply(ops.batchNormalization, [x, gamma, beta, mean, variance], { epsilon });
}

/** Batch norm with the statistics of the batch, and those statistics: `[y, mean, biased variance]`. */
export function batchNormTraining(
  x: Operand,
  gamma: Operand,
  beta: Operand,
  epsilon: number,
): readonly [Value, Value, Value] {
  check("batchNormTraining", "epsilon", nonNegative, epsilon);
  return applyAll(ops.batchNormTraining, [x, gamma, beta], { epsilon }) as unknown as readonly [Value, Value, Value];
}

/**
 * y = (x − mean) / √(variance + ε) · γ + β, mean and biased variance over the positions and channels of each group
 * (Wu and He, "Group Normalization", 2018). x [N,C,…], γ and β [C] → [N,C,…].
 *
 * @throws ShapeError if the channels do not divide into the groups.
 *
 * @example
 * groupNorm(x, 4, gamma, beta, 1e-5);
 */
export function groupNorm(x: Value, groups: number, gamma: Operand, beta: Operand, epsilon: number): Value {
  checkValue("groupNorm", "x", x);
  check("groupNorm", "groups", whole(1), groups);
  check("groupNorm", "epsilon", nonNegative, epsilon);
  const [n, channels, ...positions] = x.shape as [Dim, number, ...number[]];
  if (x.shape.length < 2 || !Number.isInteger(channels / groups))
    throw new ShapeError(`groupNorm: ${formatShape(x.shape)} has no channels divisible into ${groups} groups`);
  const grouped = reshape(x, [n, groups, channels / groups, ...positions]);
  const each = [groups, channels / groups, ...positions.map(() => 1)];
  const [g, b] = [gamma, beta].map((v) => reshape(toValue(x.graph, v, "groupNorm"), each)) as [Value, Value];
  const axes = grouped.shape.map((_, i) => i).slice(2);
  return reshape(layerNorm(grouped, axes, g, b, epsilon), x.shape);
}

/** y = (x − mean) / √(variance + ε) · γ + β, mean and biased variance over `axes`; γ and β broadcast against x. */
export function layerNorm(x: Value, axes: readonly number[], gamma: Operand, beta: Operand, epsilon: number): Value {
  checkValue("layerNorm", "x", x);
  check("layerNorm", "axes", axesSchema, axes);
  check("layerNorm", "epsilon", nonNegative, epsilon);
  const centered = sub(x, reduceMean(x, axes));
  const variance = reduceMean(mul(centered, centered), axes);
  return add(mul(div(centered, sqrt(add(variance, epsilon))), gamma), beta);
}

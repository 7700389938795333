import assert from "node:assert/strict";
import { test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import { Rng } from "../../src/core/rng.js";
import { type Tensor, toFloat64, zeros } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { Graph } from "../../src/graph/graph.js";
import * as o from "../../src/ops/index.js";
import { ortBlocked, ortPlain } from "../support/engines.js";
import { outputsOf } from "../support/float32.js";
import { random } from "../support/random.js";

const [n, channels, side] = [16, 32, 16] as const;
const shape = [n, channels, side, side] as const;
const area = side * side;
const epsilon = 1e-5;
/** |mean| / σ of every channel. */
const ratio = 1e3;
const channelOf = (i: number) => Math.floor(i / area) % channels;
/** From 0.04 to 30, so that no channel's errors hide behind another's; means of either sign. */
const deviationOf = (c: number) => Math.exp((c - channels / 2) / 5);

/**
 * x: maps whose mean is 10³ times their deviation in every channel, exact in float32. dy has a part along x, so that dγ is no small
 * difference of large sums; and a mean, so that an error of the mean of x shows in dγ and dx, unless it is `balanced`: then the second half
 * of the images has the opposite of the first half's dy.
 */
function mapsAndGradient(balanced: boolean): { readonly x: Tensor; readonly dy: Tensor } {
  const rng = new Rng(1, "far from zero");
  const [x, dy] = [zeros("float64", shape), zeros("float64", shape)];
  const half = x.data.length / 2;
  const normals = x.data.map(() => rng.normal());
  for (let i = 0; i < x.data.length; i++) {
    const c = channelOf(i);
    const isOpposite = balanced && i >= half;
    const normal = isOpposite ? -normals[i - half]! : normals[i]!;
    x.data[i] = Math.fround(deviationOf(c) * (normal + (c % 2 ? ratio : -ratio)));
    dy.data[i] = isOpposite ? -dy.data[i - half]! : Math.fround(0.5 * normal + rng.uniform(-0.5, 1));
  }
  return { x, dy };
}

/** The identity as a 1×1 convolution: it is computed without an error, so that the norm reads exactly x, in blocks, and its gradient dy. */
function identity(): Tensor {
  const weight = zeros("float64", [channels, channels, 1, 1]);
  for (let c = 0; c < channels; c++) weight.data[c * (channels + 1)] = 1;
  return weight;
}

/** Convolution, batch norm in training mode, and its gradients for Σ y · dy. */
function graphOf(): Graph {
  const graph = new Graph(true);
  const input = (name: string, dims: readonly number[]) => graph.input(name, { dtype: "float", shape: dims });
  const weight = input("weight", [channels, channels, 1, 1]);
  const [conv, dy] = [o.conv(input("x", shape), weight), o.conv(input("dy", shape), weight)];
  const [gamma, beta] = [input("gamma", [channels]), input("beta", [channels])];
  const [y, mean, variance] = o.batchNormTraining(conv, gamma, beta, epsilon);
  const [dx, dGamma, dBeta] = gradients(o.reduceSum(o.mul(y, dy), [0, 1, 2, 3]), [conv, gamma, beta]);
  for (const [name, value] of Object.entries({ y, mean, variance, dx, dGamma, dBeta })) graph.output(name, value!);
  return graph;
}

/** The largest error of a channel, relative to the largest element of that channel. */
function errorByChannel(actual: Tensor, exact: Tensor): number {
  assert.deepEqual(actual.shape, exact.shape);
  const [a, b] = [toFloat64(actual).data, toFloat64(exact).data];
  const [error, largest] = [new Float64Array(channels), new Float64Array(channels)];
  for (let i = 0; i < b.length; i++) {
    const c = b.length === channels ? i : channelOf(i);
    error[c] = Math.max(error[c]!, Math.abs(a[i]! - b[i]!));
    largest[c] = Math.max(largest[c]!, Math.abs(b[i]!));
  }
  return error.reduce((worst, e, c) => Math.max(worst, e / largest[c]!), 0);
}

/** The mean and E[x²] − E[x]², summed in float32: what the lowerings do without. */
function oneGo(x: Tensor): { readonly mean: Tensor; readonly variance: Tensor } {
  const [sums, squares] = [new Float32Array(channels), new Float32Array(channels)];
  toFloat64(x).data.forEach((value, i) => {
    sums[channelOf(i)]! += value;
    squares[channelOf(i)]! += Math.fround(value * value);
  });
  const count = n * area;
  const mean = sums.map((sum) => sum / count);
  const variance = squares.map((sum, c) => Math.fround(sum / count) - Math.fround(mean[c]! ** 2));
  const vector = (data: Float32Array): Tensor => ({ dtype: "float32", shape: [channels], data });
  return { mean: vector(mean), variance: vector(variance) };
}

const parameters = {
  weight: identity(),
  gamma: random([channels], { seed: 2, low: 0.5, high: 1.5 }),
  beta: random([channels], { seed: 3 }),
};
const reference = await referenceEngine().compile(graphOf());
const feeds = { ...mapsAndGradient(false), ...parameters };
const exact = await reference.run(feeds);
const balancedFeeds = { ...mapsAndGradient(true), ...parameters };
const balanced = await reference.run(balancedFeeds);

/**
 * Float32 knows a mean to half a unit in its last place, which is 10³ · 2⁻²⁴ deviations here: y, dx and dγ, which read x − mean, cannot be
 * nearer. The mean itself, the variance (where an error e of the mean counts as e²) and dβ can. Sixteen times that is for the sums.
 */
const unit = 2 ** -24;
const bounds = { mean: unit, variance: unit, dBeta: unit, y: ratio * unit, dx: ratio * unit, dGamma: ratio * unit };

for (const [layout, engine] of Object.entries({ plain: ortPlain, blocked: ortBlocked })) {
  test(`${layout}: batch norm of maps whose mean is 10³ deviations`, async (t) => {
    const actual = await outputsOf(engine, graphOf(), feeds);
    for (const [name, bound] of Object.entries(bounds)) {
      const error = errorByChannel(actual[name]!, exact[name]!);
      t.diagnostic(`${name}: ${error.toExponential(1)}`);
      assert.ok(error <= 16 * bound, `${name} is off by ${error.toExponential(1)}`);
    }
  });

  test(`${layout}: dγ does not know the mean where dy has none`, async (t) => {
    const actual = await outputsOf(engine, graphOf(), balancedFeeds);
    const error = errorByChannel(actual.dGamma!, balanced.dGamma!);
    t.diagnostic(`dGamma: ${error.toExponential(1)}`);
    assert.ok(error <= 16 * unit, `dγ is off by ${error.toExponential(1)}`);
  });
}

test("the variance as E[x²] − E[x]² has no right digit there", (t) => {
  const { mean, variance } = oneGo(feeds.x);
  const [meanError, varianceError] = [errorByChannel(mean, exact.mean!), errorByChannel(variance, exact.variance!)];
  t.diagnostic(`mean: ${meanError.toExponential(1)}, variance: ${varianceError.toExponential(1)}`);
  const negative = toFloat64(variance).data.filter((v) => v < 0).length;
  t.diagnostic(`${negative} of ${channels} variances are negative`);
  assert.ok(varianceError > 1);
});

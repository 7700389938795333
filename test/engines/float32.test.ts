import assert from "node:assert/strict";
import { test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import { Rng } from "../../src/core/rng.js";
import { sizeOf, type Tensor, tensor, toFloat64, zeros } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { Graph } from "../../src/graph/graph.js";
import * as o from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { withNoise } from "../differential/noise.js";
import { noWeb, ortBlocked, ortPlain, ortWeb } from "../support/engines.js";
import { type DrawOptions, draw, errorsOf, outputsOf } from "../support/float32.js";
import { ifLong } from "../support/long.js";

const engines = { plain: ortPlain, blocked: ortBlocked, ...(noWeb ? {} : { web: ortWeb }) };
const unit = 2 ** -24;

/** Two numbers in turn, as drawn: where many are equal, each addition to a long sum rounds the same way. */
function twoNumbers(shape: readonly number[], [a, b]: readonly [number, number] = [0.3711, 0.001]): Tensor {
  const rng = new Rng(1, "two numbers");
  const x = zeros("float32", shape);
  for (let i = 0; i < x.data.length; i++) x.data[i] = rng.uniform() < 0.5 ? a : b;
  return x;
}

const reductions: readonly (readonly [shape: readonly number[], axes: readonly number[]])[] = [
  [
    [128, 1, 32, 32],
    [0, 2, 3],
  ], // everything
  [[131072], [0]],
  [
    [2, 3, 4099],
    [0, 2],
  ], // a prime number of positions
  [
    [127, 5],
    [0, 1],
  ],
  [
    [128, 16, 32, 32],
    [0, 2, 3],
  ], // maps of all images
  [
    [2, 16, 112, 112],
    [0, 2, 3],
  ],
  [
    [2, 3, 112, 112],
    [2, 3],
  ],
  [[4096, 33], [0]], // rows on rows
  [[2 * 1049, 3], [0]], // twice a prime number
  [[2 * 1049], [0]],
  [
    [16, 256, 64],
    [0, 1],
  ],
  [[2, 2048, 9], [1]], // channels
  [
    [2, 300, 4, 300],
    [-3, -1],
  ], // apart from each other
  [
    [600, 2, 600, 2],
    [0, 2],
  ],
  [[1, 7, 1, 1], [1]],
  [[1, 1], [0]],
];

for (const [name, engine] of Object.entries(engines))
  for (const [shape, axes] of reductions)
    test(`${name}: sum and mean of [${shape}] over [${axes}] hold 18 bits`, {
      skip: sizeOf(shape) > 2 ** 19 && ifLong,
    }, async () => {
      const graph = new Graph(true);
      const x = graph.input("x", { dtype: "float", shape });
      for (const keepdims of [true, false]) {
        graph.output(`sum ${keepdims}`, o.reduceSum(x, axes, { keepdims }));
        graph.output(`mean ${keepdims}`, o.reduceMean(x, axes, { keepdims }));
      }
      const feeds = { x: twoNumbers(shape) };
      const exact = await outputsOf(referenceEngine(), graph, feeds);
      const actual = await outputsOf(engine, graph, feeds);
      for (const [output, expected] of Object.entries(exact)) {
        const [a, b] = [toFloat64(actual[output]!).data, toFloat64(expected).data];
        assert.deepEqual(actual[output]!.shape, expected.shape);
        const error = Math.max(...b.map((v, i) => Math.abs(a[i]! / v - 1)));
        assert.ok(error <= 64 * unit, `${output} is off by ${error.toExponential(1)}`);
      }
    });

/** A convolution that changes nothing, so that the norm and its gradient are in blocks where there are any; batch norm; gradients of Σ y·dy. */
function normGraph(shape: readonly [number, number, number, number]): {
  readonly graph: Graph;
  readonly identity: Tensor;
} {
  const [, channels] = shape;
  const graph = new Graph(true);
  const weight = graph.input("identity", { dtype: "float", shape: [channels, channels, 1, 1] });
  const maps = (name: string) => o.conv(graph.input(name, { dtype: "float", shape }), weight);
  const [x, dy] = [maps("x"), maps("dy")];
  const vector = (v: number) => graph.constant(tensor("float32", [channels], new Float32Array(channels).fill(v)));
  const [gamma, beta] = [vector(1), vector(0)];
  const [y, mean, variance] = o.batchNormTraining(x, gamma, beta, 1e-5);
  const [dx, dGamma] = gradients(o.reduceSum(o.mul(y, dy), [0, 1, 2, 3]), [x, gamma]);
  for (const [name, value] of Object.entries({ y, mean, variance, dx, dGamma })) graph.output(name, value!);
  const data = Float32Array.from({ length: channels ** 2 }, (_, i) => Number(i % (channels + 1) === 0));
  return { graph, identity: tensor("float32", [channels, channels, 1, 1], data) };
}

for (const [name, engine] of Object.entries(engines))
  for (const shape of [
    [32, 1, 32, 32],
    [2, 1, 112, 112],
    [2, 16, 112, 112],
    [32, 16, 32, 32],
    [256, 16, 1, 1],
  ] as const)
    test(`${name}: batch norm of [${shape}], half of it zeros, holds 18 bits`, {
      skip: sizeOf(shape) > 2 ** 18 && ifLong,
    }, async () => {
      const { graph, identity } = normGraph(shape);
      const rng = new Rng(2, "after a ReLU");
      const x = zeros("float32", shape);
      for (let i = 0; i < x.data.length; i++) x.data[i] = Math.max(0, rng.normal());
      const dy = { ...x, data: x.data.map((v) => v + rng.normal()) };
      const feeds = { x, dy, identity };
      const exact = await outputsOf(referenceEngine(), graph, feeds);
      const actual = await outputsOf(engine, graph, feeds);
      for (const [output, expected] of Object.entries(exact)) {
        const error = relativeError(actual[output]!, expected);
        assert.ok(error <= 64 * unit, `${output} is off by ${error.toExponential(1)}`);
      }
    });

/**
 * Gradients that cancel: RGA's gate has a weight that stands alone before a norm, Residual Attention norms over two numbers. How far float32
 * may be from float64 there is what noise of one rounding step at every operator does to float64.
 */
const cancelling: readonly Omit<DrawOptions, "seed">[] = [
  { module: "rga", options: { size: [4, 14] }, shape: [2, 56, 4, 14] },
  { module: "cbam", shape: [16, 32, 32, 32] },
  { module: "residual-attention", shape: [2, 16, 8, 6] },
];

for (const { module, options = {}, shape } of cancelling)
  for (const seed of [2, 3])
    test(`gradients of ${module} are as exact as rounding allows, draw ${seed}`, {
      skip: (seed > 2 || module !== "rga") && ifLong,
    }, async (t) => {
      const { graph, feeds, exact } = await draw({ module, options, shape, seed });
      const responses: Record<string, number>[] = [];
      for (let i = 0; i < 3; i++) {
        const noisy = withNoise(graph, new Rng(i, "noise"), 2 ** -23);
        responses.push(errorsOf(await outputsOf(referenceEngine(), noisy, feeds), exact));
      }
      for (const [name, engine] of Object.entries(engines)) {
        const errors = Object.entries(errorsOf(await outputsOf(engine, graph, feeds), exact));
        const ratios = errors.map(([array, error]) => ({
          array,
          ratio: error / Math.max(1e-6, ...responses.map((response) => response[array]!)),
        }));
        const worst = ratios.reduce((a, b) => (b.ratio > a.ratio ? b : a));
        t.diagnostic(`${name}: ${worst.ratio.toFixed(1)} of the response to noise, ${worst.array}`);
        assert.ok(worst.ratio <= 4, `${name}: ${worst.array} is off by ${worst.ratio.toFixed(1)} times that`);
      }
    });

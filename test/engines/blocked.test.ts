import assert from "node:assert/strict";
import { after as afterAll, test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import { type Tensor, tensor, toFloat32 } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { compile } from "../../src/engines/ort/compile.js";
import { ortEngine } from "../../src/engines/ort/node.js";
import { cpuRules, cpuTarget } from "../../src/engines/ort/targets/cpu.js";
import { findRule, type RuleFor, ruleFor } from "../../src/formats/onnx/writer.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { constant, Param } from "../../src/nn/index.js";
import { convOp } from "../../src/ops/conv.js";
import * as o from "../../src/ops/index.js";
import { checkFunction } from "../../src/testing/check-function.js";
import { relativeError } from "../../src/testing/compare.js";
import { loweredConv } from "../../tools/lowered-conv.js";
import { ortBlocked, ortPlain } from "../support/engines.js";
import { random } from "../support/random.js";

type Case = readonly [build: (...inputs: Value[]) => Value, ...inputs: Tensor[]];

const maps = (n: number, c: number, h: number, w: number) => random([n, c, h, w]);
const weight = (...shape: number[]) => random(shape, { seed: 2, low: -0.4, high: 0.4 });

/** What follows a convolution, so that its input stands in blocks: f(conv(x, w)) with sixteen channels. */
const after = (f: (y: Value) => Value, n = 2, [h, w] = [5, 6], channels = 16): Case => [
  (x, k) => f(o.conv(x!, k!, undefined, { padding: 1 })),
  maps(n, 3, h, w),
  weight(channels, 3, 3, 3),
];
const norm = (y: Value) => {
  const { graph } = y;
  const channels = y.shape[1] as number;
  const vector = (seed: number) => graph.constant(random([channels], { seed, low: 0.5, high: 1.5 }));
  return o.batchNormTraining(y, vector(5), vector(6), 1e-5)[0];
};
const perChannel = (y: Value, f: (mean: Value) => Value) => f(o.reduceMean(y, [2, 3]));

const cases: Record<string, Case> = {
  "pooling rounded up": after((y) => o.maxPool(o.relu(y), { kernelSize: 3, stride: 2, ceilMode: true }), 2, [6, 8]),
  "pooling with dilation": after((y) => o.maxPool(y, { kernelSize: 2, stride: 1, dilation: 2 })),
  "slopes of negative numbers": [
    (x, w, s) => o.prelu(o.conv(x!, w!), s!),
    maps(2, 16, 5, 6),
    weight(16, 16, 3, 3),
    random([16]),
  ],
  "group norm": after((y) => o.groupNorm(y, 4, y.graph.constant(random([16])), y.graph.constant(random([16])), 1e-5)),
  "pixel shuffle": after((y) => o.pixelShuffle(y, 2)),
  "transposed, after and before a convolution": [
    (x, w, t, k) => o.conv(o.convTranspose(o.conv(x!, w!), t!, undefined, { stride: 2, padding: 1 }), k!),
    maps(2, 16, 5, 6),
    weight(32, 16, 3, 3),
    weight(32, 16, 4, 4),
    weight(16, 16, 1, 1),
  ],
  "transposed, stride 1 and groups": [
    (x, w, b) => o.relu(o.convTranspose(x!, w!, b!, { padding: 1, groups: 2 })),
    maps(2, 32, 5, 4),
    weight(32, 16, 3, 3),
    random([32]),
  ],
  "transposed, depthwise": [
    (x, w) => o.convTranspose(x!, w!, undefined, { stride: 2, padding: 1, outputPadding: 1, groups: 16 }),
    maps(2, 16, 5, 4),
    weight(16, 1, 3, 3),
  ],
  "3×3": [(x, w, b) => o.conv(x!, w!, b, { padding: 1 }), maps(2, 16, 5, 6), weight(32, 16, 3, 3), random([32])],
  "plus a map": [
    (x, w, map, row) => o.add(o.add(o.conv(x!, w!, undefined, { padding: 1 }), map!), row!),
    maps(2, 16, 5, 6),
    weight(16, 16, 3, 3),
    random([5, 6]),
    random([1, 5, 6], { seed: 3 }),
  ],
  "plus a row": [(x, w, row) => o.add(o.conv(x!, w!), row!), maps(2, 16, 3, 6), weight(16, 16, 3, 3), random([4])],
  "batch norm without ε where the last block is filled up": [
    (x, w, k) => {
      const y = o.conv(x!, w!);
      const one = y.graph.constant(random([20], { low: 0.5, high: 1.5 }));
      return o.conv(o.batchNormTraining(y, one, one, 0)[0], k!);
    },
    maps(3, 16, 5, 6),
    weight(20, 16, 3, 3),
    weight(16, 20, 1, 1),
  ],
  "3×3, blocks in and out": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1 }),
    maps(20, 32, 4, 3),
    weight(48, 32, 3, 3),
  ],
  // With fewer images than a block has lanes, weight gradients are taken in strips of rows; with these in whole maps.
  "13 images": [(x, w) => o.conv(x!, w!, undefined, { padding: 1 }), maps(13, 16, 5, 4), weight(32, 16, 3, 3)],
  // On large maps too, whose gradients would not fit in a cache.
  "16 images of long rows": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1 }),
    maps(16, 16, 4, 300),
    weight(16, 16, 3, 3),
  ],
  // Of few channels, images are summed in parts.
  "70 images in five parts": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1 }),
    maps(70, 16, 4, 3),
    weight(16, 16, 3, 3),
  ],
  "64 images, blocks in and out, in two parts": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1, stride: 2 }),
    maps(64, 32, 5, 4),
    weight(32, 32, 3, 3),
  ],
  "60 images of few channels in four parts": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1 }),
    maps(60, 3, 5, 4),
    weight(32, 3, 3, 3),
  ],
  "31 images, blocks in and out, stride 2": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1, stride: 2 }),
    maps(31, 32, 5, 4),
    weight(32, 32, 3, 3),
  ],
  "16 images of few channels": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 2, stride: 2 }),
    maps(16, 3, 6, 5),
    weight(16, 3, 5, 5),
  ],
  "15 images of one channel": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1 }),
    maps(15, 1, 5, 4),
    weight(16, 1, 3, 3),
  ],
  "16 images in groups": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1, groups: 2 }),
    maps(16, 32, 4, 3),
    weight(32, 16, 3, 3),
  ],
  "strips that more images fill up": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1, stride: [2, 1] }),
    maps(3, 32, 13, 4),
    weight(32, 32, 3, 3),
  ],
  "strips of one image of few channels": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 3, stride: 2 }),
    maps(1, 3, 14, 9),
    weight(16, 3, 7, 7),
  ],
  "channels that do not fill blocks": [
    (x, w, b) => o.conv(x!, w!, b, { padding: 1 }),
    maps(3, 20, 5, 4),
    weight(12, 20, 3, 3),
    random([12]),
  ],
  "7×7": [(x, w, b) => o.conv(x!, w!, b, { padding: 3 }), maps(3, 16, 5, 6), weight(32, 16, 7, 7), random([32])],
  "3×7 and 5×5, stride 2, in groups": [
    (x, w, k) =>
      o.conv(o.conv(x!, w!, undefined, { padding: [1, 3], groups: 2 }), k!, undefined, { padding: 2, stride: 2 }),
    maps(2, 32, 7, 6),
    weight(32, 16, 3, 7),
    weight(16, 32, 5, 5),
  ],
  "few channels in": [(x, w) => o.conv(x!, w!, undefined, { padding: 1 }), maps(5, 3, 6, 5), weight(16, 3, 3, 3)],
  "few channels in, stride 2 and 7×7": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 3, stride: 2 }),
    maps(2, 3, 11, 9),
    weight(16, 3, 7, 7),
  ],
  "few channels in, dilated": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 2, dilation: 2 }),
    maps(2, 4, 7, 6),
    weight(16, 4, 3, 3),
  ],
  "stride 2, even": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1, stride: 2 }),
    maps(2, 16, 6, 8),
    weight(16, 16, 3, 3),
  ],
  "stride 2, odd": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1, stride: 2 }),
    maps(2, 16, 7, 5),
    weight(16, 16, 3, 3),
  ],
  "stride 2 × 3, no padding": [
    (x, w) => o.conv(x!, w!, undefined, { stride: [2, 3] }),
    maps(2, 16, 6, 8),
    weight(16, 16, 3, 2),
  ],
  "1×1, stride 2": [(x, w) => o.conv(x!, w!, undefined, { stride: 2 }), maps(2, 16, 7, 6), weight(32, 16, 1, 1)],
  "2×2, stride 2": [(x, w) => o.conv(x!, w!, undefined, { stride: 2 }), maps(1, 16, 6, 6), weight(16, 16, 2, 2)],
  "rows that no window reads": [
    (x, w) => o.conv(x!, w!, undefined, { stride: 3 }),
    maps(2, 16, 9, 10),
    weight(16, 16, 2, 2),
  ],
  "dilation 2": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 2, dilation: 2 }),
    maps(2, 16, 6, 7),
    weight(16, 16, 3, 3),
  ],
  "dilation 2 × 3 and stride 2": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 3, dilation: [2, 3], stride: 2 }),
    maps(2, 16, 9, 9),
    weight(16, 16, 3, 3),
  ],
  strip: [(x, w) => o.conv(x!, w!, undefined, { padding: [0, 1] }), maps(2, 16, 1, 7), weight(16, 16, 1, 3)],
  groups: [(x, w) => o.conv(x!, w!, undefined, { padding: 1, groups: 2 }), maps(2, 32, 5, 4), weight(64, 16, 3, 3)],
  "groups, stride 2": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1, groups: 2, stride: 2 }),
    maps(2, 64, 5, 6),
    weight(64, 32, 3, 3),
  ],
  "groups that do not fill blocks": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1, groups: 4 }),
    maps(2, 16, 4, 4),
    weight(32, 4, 3, 3),
  ],
  depthwise: [
    (x, w, b) => o.conv(x!, w!, b, { padding: 1, groups: 16 }),
    maps(3, 16, 5, 6),
    weight(16, 1, 3, 3),
    random([16]),
  ],
  "depthwise, 5×5, stride 2": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 2, groups: 32, stride: 2 }),
    maps(2, 32, 7, 8),
    weight(32, 1, 5, 5),
  ],
  "depthwise, dilation 3": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 9, groups: 16, dilation: 3 }),
    maps(1, 16, 8, 9),
    weight(16, 1, 7, 7),
  ],
  "depthwise, 20 channels": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 1, groups: 20 }),
    maps(2, 20, 5, 4),
    weight(20, 1, 3, 3),
  ],
  "one after the other, used twice": [
    (x, w, k) => {
      const y = o.conv(x!, w!, undefined, { padding: 1 });
      return o.add(o.conv(o.relu(y), k!, undefined, { padding: 1 }), y);
    },
    maps(2, 16, 5, 5),
    weight(16, 16, 3, 3),
    random([16, 16, 3, 3], { seed: 3, low: -0.4, high: 0.4 }),
  ],
  "two strided paths": [
    (x, w, k) => o.add(o.conv(x!, w!, undefined, { padding: 1, stride: 2 }), o.conv(x!, k!, undefined, { stride: 2 })),
    maps(2, 16, 7, 8),
    weight(16, 16, 3, 3),
    weight(16, 16, 1, 1),
  ],
  "transposed convolution": [
    (x, w, k) => {
      const y = o.conv(x!, w!, undefined, { padding: 1, stride: 2 });
      const [up] = gradients(o.reduceSum(o.square(y), [0, 1, 2, 3]), [x!]);
      return o.relu(o.mul(up!, k!));
    },
    maps(2, 16, 6, 6),
    weight(16, 16, 3, 3),
    random([1]),
  ],
  "batch norm": after(norm),
  "batch norm, one image": after(norm, 1),
  "batch norm, 20 channels": after(norm, 3, [5, 6], 20),
  "batch norm and relu": after((y) => o.relu(norm(y))),
  "residual batch norm and relu": after((y) => o.relu(o.add(norm(y), y))),
  "residual batch norm and relu, 12 channels": after((y) => o.relu(o.add(y, norm(y))), 2, [5, 6], 12),
  "batch norm, given statistics": after((y) => {
    const v = (seed: number) => y.graph.constant(random([16], { seed, low: 0.5, high: 1.5 }));
    return o.relu(o.batchNorm(y, v(1), v(2), v(3), v(4), 1e-5));
  }),
  "leaky relu, tanh, sigmoid, gelu": after((y) => o.gelu(o.sigmoid(o.tanh(o.leakyRelu(y, 0.1))))),
  "sigmoid, 20 channels": after((y) => o.mul(y, o.sigmoid(y)), 2, [5, 6], 20),
  "clip and where": after((y) => o.where(o.greater(y, 0.1), o.clip(y, -0.5, 0.5), o.mul(y, 2))),
  "gate for every channel": after((y) => o.mul(y, perChannel(y, o.sigmoid))),
  "offsets for every channel": after((y) => o.sub(o.add(y, perChannel(y, o.sigmoid)), perChannel(y, o.tanh))),
  "from offsets, divided": after((y) => o.div(o.sub(perChannel(y, o.sigmoid), y), perChannel(y, o.exp))),
  "larger than the mean": after((y) =>
    o.maximum(
      y,
      perChannel(y, (m) => m),
    ),
  ),
  "gate for every channel of all images": [
    (x, w, g) => o.mul(o.conv(x!, w!, undefined, { padding: 1 }), g!),
    maps(3, 3, 5, 4),
    weight(16, 3, 3, 3),
    random([1, 16, 1, 1]),
  ],
  "gate for every position": after((y) => o.mul(y, o.sigmoid(o.reduceMean(y, [1])))),
  "gates for rows and columns": after((y) => o.mul(o.mul(y, o.reduceMean(y, [3])), o.sigmoid(o.reduceMean(y, [2])))),
  "sums of rows and columns": after((y) => o.mul(o.reduceSum(y, [3]), o.mul(y, o.reduceSum(y, [2])))),
  "maxima of rows and columns": after((y) => o.add(o.add(y, o.reduceMax(y, [3])), o.reduceMax(y, [2]))),
  "gates for rows, 20 channels": after((y) => o.mul(y, o.reduceMean(y, [3])), 2, [5, 6], 20),
  "sums and means": after((y) => o.add(o.reduceSum(o.mul(y, o.tanh(y)), [2, 3]), o.reduceMean(o.mul(y, y), [0, 2, 3]))),
  "sum over everything": after((y) => o.reduceSum(o.square(y), [0, 1, 2, 3])),
  "log-sum-exp over positions": after((y) => o.reduceLogSumExp(y, [2, 3])),
  "a gate, a shortcut and ReLU": after((y) => {
    const gate = o.sigmoid(o.reduceMean(y, [2, 3], { keepdims: true }));
    return o.relu(o.add(o.mul(y, gate), o.maxPool(y, { kernelSize: 3, stride: 1, padding: 1 })));
  }),
  "one gate for all images, a shortcut and ReLU": after((y) =>
    o.relu(o.sub(o.add(o.mul(y, y.graph.constant(random([1, 16, 1, 1]))), o.mul(y, y)), 0.1)),
  ),
  "a sum and ReLU, one operand read again": after((y) => {
    const gated = o.mul(y, o.sigmoid(o.reduceMean(y, [1], { keepdims: true })));
    return o.sub(o.relu(o.add(y, gated)), o.relu(o.add(gated, o.square(y))));
  }),
  "a sum and ReLU, 12 channels": after((y) => o.relu(o.add(o.square(y), o.abs(y))), 2, [5, 6], 12),
  "maximum over positions": after((y) => o.reduceMax(y, [2, 3])),
  "maximum over positions, with ties": after((y) => o.reduceMax(o.relu(o.sub(y, 0.3)), [2, 3]), 3),
  "maxima over maps of one area and two shapes": [
    (x, w) => {
      const largest = (v: Value) => o.reduceMax(o.conv(v, w!, undefined, { padding: 1 }), [2, 3]);
      return o.add(largest(x!), largest(o.transpose(x!, [0, 1, 3, 2])));
    },
    maps(2, 3, 4, 6),
    weight(16, 3, 3, 3),
  ],
  "maximum over channels": after((y) => o.reduceMax(y, [1])),
  "maximum over channels, with ties": after((y) => o.reduceMax(o.relu(o.sub(y, 0.5)), [1]), 3, [5, 6], 32),
  "maximum and mean": after((y) => o.add(y, o.add(o.reduceMax(y, [2, 3]), o.reduceMax(y, [1])))),
  "gate from two maps": [
    (x, w, k) => {
      const y = o.conv(x!, w!, undefined, { padding: 1 });
      const two = o.concat([o.reduceMax(y, [1]), o.reduceMean(y, [1])], 1);
      return o.mul(y, o.sigmoid(o.conv(two, k!, undefined, { padding: 3 })));
    },
    maps(4, 3, 6, 5),
    weight(16, 3, 3, 3),
    weight(1, 2, 7, 7),
  ],
  "two maps from one, dilated, of 20 images": [
    (x, w) => o.conv(x!, w!, undefined, { padding: [2, 1], dilation: [2, 1] }),
    maps(20, 1, 5, 6),
    weight(2, 1, 3, 3),
  ],
  "one map from three, stride 2": [
    (x, w) => o.conv(x!, w!, undefined, { padding: 2, stride: 2 }),
    maps(4, 3, 7, 6),
    weight(1, 3, 5, 5),
  ],
  "max pool": after((y) => o.maxPool(y, { kernelSize: 3, stride: 2, padding: 1 })),
  "average pools": after((y) =>
    o.add(
      o.averagePool(y, { kernelSize: 3, stride: 1, padding: 1 }),
      o.averagePool(y, { kernelSize: 3, stride: 1, padding: 1, countPadding: false }),
    ),
  ),
  "channels joined and cut": after((y) => {
    const joined = o.concat([y, o.tanh(y)], 1);
    return o.mul(o.slice(joined, 1, 8, 24), o.slice(joined, 1, 16, 32));
  }),
  "positions as a matrix": after((y) =>
    o.softmax(o.matMul(o.reshape(y, [2, 16, 30]), o.reshape(y, [2, 16, 30]), { transA: true }), 2),
  ),
  bilinear: after((y) => o.resize(y, [9, 8], { mode: "bilinear" })),
};

for (const [name, [build, ...inputs]] of Object.entries(cases))
  test(`${name}: blocked and plain agree with the reference`, async () => {
    await checkFunction(build, inputs, { engines: [ortBlocked, ortPlain], samples: 0 });
  });

/** Every layer that can goes by Winograd's algorithm with such tiles. */
const byWinograd = (tile: 2 | 4) => {
  const winograd = { positions: 0, 2: {}, 4: {}, [tile]: { 1: 64 } };
  return ortEngine({ threads: 1, layout: "blocked", precision: "fast", tuning: { fewImages: 0, winograd } });
};
const [byTwo, byFour] = [byWinograd(2), byWinograd(4)];
afterAll(() => Promise.all([byTwo.release(), byFour.release()]));

const padded = (x?: Value, w?: Value, b?: Value) => o.conv(x!, w!, b, { padding: 1 });
const constantOf = (x: Value, tensor: Tensor) => x.graph.constant(tensor);
const winogradCases: Record<string, Case> = {
  "5×7": [padded, maps(2, 16, 5, 7), weight(32, 16, 3, 3)],
  "7×7, bias": [padded, maps(3, 32, 7, 7), weight(16, 32, 3, 3), random([16])],
  "4×4, one image": [padded, maps(1, 16, 4, 4), weight(16, 16, 3, 3)],
  "9×4, 13 images": [padded, maps(13, 16, 9, 4), weight(16, 16, 3, 3)],
  "20 channels go direct": [padded, maps(2, 20, 5, 7), weight(32, 20, 3, 3)],
  "one input for two layers, and one weight": [
    (x, w, k) => o.add(o.tanh(padded(padded(x, w), w)), padded(x, k)),
    maps(2, 16, 6, 5),
    weight(16, 16, 3, 3),
    random([16, 16, 3, 3], { seed: 3 }),
  ],
  "a constant weight, 5×7": [(x) => padded(x, constantOf(x!, weight(32, 16, 3, 3))), maps(2, 16, 5, 7)],
  "a constant weight, 4×4, one image": [(x) => padded(x, constantOf(x!, weight(16, 32, 3, 3))), maps(1, 32, 4, 4)],
  "a constant weight, 9×4, 13 images, bias, shortcut and ReLU": [
    (x, b) => o.relu(o.add(padded(x, constantOf(x!, weight(32, 32, 3, 3)), b), x!)),
    maps(13, 32, 9, 4),
    random([32]),
  ],
  "between blocks": after((y) => o.mul(padded(y, y.graph.constant(weight(32, 16, 3, 3))), 2), 2, [7, 6]),
};
for (const [name, [build, ...inputs]] of Object.entries(winogradCases))
  test(`${name}: Winograd's algorithm agrees with the reference`, async () => {
    await checkFunction(build, inputs, { engines: [byTwo], samples: 0, engineTolerance: 5e-6 });
    await checkFunction(build, inputs, { engines: [byFour], samples: 0 });
  });

test("tiles of 2×2 round as the convolution itself does, tiles of 4×4 more; weights are kept from step to step", async () => {
  const inputs = [maps(2, 128, 5, 8), weight(144, 128, 3, 3), random([144])];
  const errorOf = async (engine: Engine) =>
    (await checkFunction(padded, inputs, { engines: [engine], samples: 0 })).engineErrors[engine.name]!;
  const [direct, two, four] = [await errorOf(ortBlocked), await errorOf(byTwo), await errorOf(byFour)];
  assert.notEqual(two, direct, "it is another algorithm");
  assert.ok(two < 3 * direct, `${two}, direct ${direct}`);
  assert.ok(four > 2 * direct && four < 10 * direct, `${four}, direct ${direct}`);

  const filters = new Param([128, 128, 3, 3], constant(0));
  filters.value = toFloat32(weight(128, 128, 3, 3));
  const graph = new Graph(true, (owner) => (owner === filters ? "filters" : undefined));
  const x = graph.constant(maps(5, 128, 6, 6));
  const loss = o.reduceMean(o.square(padded(x, graph.state(filters))), [0, 1, 2, 3]);
  const [gradient] = gradients(loss, [graph.state(filters)]);
  graph.update(filters, o.sub(graph.state(filters), gradient!));
  const stateAfterTwoSteps = async (engine: Engine) => {
    const executable = await engine.compile(graph);
    for (let step = 0; step < 2; step++) await executable.run({});
    return (await executable.readState()).get(filters)!;
  };
  const theirs = await stateAfterTwoSteps(ortPlain);
  for (const engine of [byTwo, byFour]) assert.ok(relativeError(await stateAfterTwoSteps(engine), theirs) < 1e-4);
});

test("numbers that are not finite do not disturb the shapes by which Winograd's algorithm is written", async () => {
  const graph = new Graph(false);
  const x = graph.input("x", { dtype: "float", shape: [1, 16, 4, 4] });
  graph.output("y", padded(x, graph.constant(weight(16, 16, 3, 3))));
  const executable = await byTwo.compile(graph);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const { y } = await executable.run({ x: tensor("float32", [1, 16, 4, 4], new Float32Array(256).fill(bad)) });
    assert.deepEqual(y!.shape, [1, 16, 4, 4]);
    assert.ok(y!.data.every((v) => Number.isNaN(v)));
  }
});

test("weights that are a function of others stay zero where blocks are filled up", async () => {
  const first = new Param([20, 12, 3, 3], constant(0));
  const second = new Param([12, 20, 3, 3], constant(0));
  first.value = toFloat32(weight(20, 12, 3, 3));
  second.value = toFloat32(weight(12, 20, 3, 3));
  const names = new Map<object, string>([
    [first, "first"],
    [second, "second"],
  ]);
  const graph = new Graph(true, (owner) => names.get(owner));
  const [w, k] = [graph.state(first), graph.state(second)];
  const conv = (x: Value, weights: Value) => o.conv(x, weights, undefined, { padding: 1 });
  // `w` stands in blocks from the first use on.
  const x = conv(conv(graph.constant(maps(6, 12, 5, 4)), w), k);
  const y = conv(conv(x, o.sigmoid(w)), k);
  const loss = o.reduceMean(o.square(y), [0, 1, 2, 3]);
  const derived = gradients(loss, [w, k]);
  [first, second].forEach((cell, i) => {
    graph.update(cell, o.sub(graph.state(cell), o.mul(derived[i]!, 1e-4)));
  });
  const stateAfterThreeSteps = async (engine: Engine) => {
    const executable = await engine.compile(graph);
    for (let step = 0; step < 3; step++) await executable.run({});
    return executable.readState();
  };
  const [ours, theirs] = [await stateAfterThreeSteps(ortBlocked), await stateAfterThreeSteps(ortPlain)];
  for (const cell of [first, second]) assert.ok(relativeError(ours.get(cell)!, theirs.get(cell)!) < 1e-4);
});

test("columns of zeros are written before a wide kernel reads the maps, and a narrow one pads by itself", () => {
  const padsOf = (kernel: number) =>
    [...loweredConv({ kernel })].map(
      ([computation, nodes]) =>
        [computation, [...nodes.matchAll(/pads=\[([\d,]+)\]/g)].map(([, pads]) => pads)] as const,
    );
  assert.deepEqual(padsOf(7), [
    ["forward", ["0,3,0,3", "3,0,3,0"]],
    ["input gradient", ["0,3,0,3", "3,0,3,0"]],
    ["weight gradient", ["0,3,0,3", "3,0,3,0"]],
  ]);
  assert.deepEqual(padsOf(3), [
    ["forward", ["1,1,1,1"]],
    ["input gradient", ["1,1,1,1"]],
    ["weight gradient", ["0,1,0,1", "1,0,1,0"]],
  ]);
});

test("means over the kernel of a weight gradient are taken in its packed layout", async () => {
  const filters = new Param([12, 20, 3, 3], constant(0));
  filters.value = toFloat32(weight(12, 20, 3, 3));
  const means = new Param([12, 20, 1, 1], constant(0));
  means.value = toFloat32(weight(12, 20, 1, 1));
  const graph = new Graph(true, (owner) => (owner === filters ? "filters" : "means"));
  const w = graph.state(filters);
  const loss = o.reduceMean(o.square(o.conv(graph.constant(maps(6, 20, 5, 4)), w)), [0, 1, 2, 3]);
  const [gradient] = gradients(loss, [w]);
  graph.update(filters, o.sub(w, gradient!));
  graph.update(means, o.reduceMean(gradient!, [2, 3]));
  const { nodes } = compile(graph, cpuTarget({ blockSize: 16, writesInPlace: false })).lowered;
  let source = nodes.find(({ type }) => type === "ReduceMean")!;
  do source = nodes.find(({ outputs }) => outputs.includes(source.inputs[0]!))!;
  while (source.type === "Reshape");
  assert.equal(source.type, "ReduceSum", "the sum over parts: nothing is unpacked before");
  const meansAfterStep = async (engine: Engine) => {
    const executable = await engine.compile(graph);
    await executable.run({});
    return (await executable.readState()).get(means)!;
  };
  assert.ok(relativeError(await meansAfterStep(ortBlocked), await meansAfterStep(ortPlain)) < 1e-4);
});

test("a weight of half precision trains from the numbers it stands for", async () => {
  const filters = new Param([16, 16, 3, 3], constant(0));
  filters.value = tensor("float16", filters.shape, new Uint16Array(16 * 16 * 9).fill(0x3c00));
  const graph = new Graph(true, () => "filters");
  const w = graph.state(filters);
  const y = o.conv(graph.constant(maps(5, 16, 4, 4)), w);
  const [gradient] = gradients(o.reduceMean(o.square(y), [0, 1, 2, 3]), [w]);
  graph.update(filters, o.sub(w, gradient!));
  graph.output("y", y);
  const outputOf = async (engine: Engine) => (await (await engine.compile(graph)).run({})).y!;
  assert.ok(relativeError(await outputOf(ortBlocked), await outputOf(ortPlain)) < 1e-5);
});

test("maps without a maximum, of NaN, do not end a training step", async () => {
  const filters = new Param([16, 16, 3, 3], constant(0));
  filters.value = toFloat32(weight(16, 16, 3, 3));
  const graph = new Graph(true, () => "filters");
  const w = graph.state(filters);
  const x = graph.input("x", { dtype: "float", shape: [5, 16, 6, 6] });
  const loss = o.reduceMean(o.reduceMax(o.conv(x, w), [2, 3]), [0, 1, 2, 3]);
  graph.update(filters, o.sub(w, gradients(loss, [w])[0]!));
  graph.output("loss", loss);
  const executable = await ortBlocked.compile(graph);
  const nan = tensor("float32", [5, 16, 6, 6], new Float32Array(5 * 16 * 36).fill(Number.NaN));
  const { loss: result } = await executable.run({ x: nan });
  assert.ok(Number.isNaN(result!.data[0]));
  assert.ok((await executable.readState()).get(filters)!.data.every((v) => Number.isNaN(v)));
});

test("two gradients of one maximum over channels", async () => {
  const graph = new Graph(false);
  const x = graph.input("x", { dtype: "float", shape: [2, 16, 5, 6] });
  const y = o.conv(x, graph.constant(weight(16, 16, 3, 3)), undefined, { padding: 1 });
  const largest = o.reduceMax(y, [1]);
  const total = (value: Value) => o.reduceSum(value, [0, 1, 2, 3]);
  for (const [i, loss] of [total(largest), total(o.square(largest))].entries())
    graph.output(`dx${i}`, gradients(loss, [x])[0]!);
  const outputsOf = async (engine: Engine) => (await engine.compile(graph)).run({ x: maps(2, 16, 5, 6) });
  const [actual, expected] = [await outputsOf(ortBlocked), await outputsOf(ortPlain)];
  for (const name of ["dx0", "dx1"]) assert.ok(relativeError(actual[name]!, expected[name]!) < 1e-5, name);
});

test("a rule of one's own is asked before blocks are", async () => {
  let asked = 0;
  const rule = (...given: Parameters<RuleFor<typeof convOp>>) => {
    asked++;
    return findRule(cpuRules, convOp)(...given);
  };
  const engine = ortEngine({ threads: 1, layout: "blocked", rules: new Map([ruleFor(convOp, rule)]) });
  await checkFunction((x, w) => o.conv(x!, w!), [maps(2, 16, 5, 6), weight(16, 16, 3, 3)], { engines: [engine] });
  assert.ok(asked > 0);
  await engine.release();
});

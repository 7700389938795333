import assert from "node:assert/strict";
import { test } from "node:test";
import { zeros } from "../../src/core/tensor.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { type Cut, cutFixed } from "../../src/graph/passes/cut.js";
import { insertAttention, resnet } from "../../src/models/index.js";
import { BatchNorm, Conv2d, Dropout, freeze, initialize, Linear, Module } from "../../src/nn/index.js";
import { batchNormTraining, reduceMax, reduceMean, relu, reshape, softmax, sub } from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { adamw, type TrainingStep, trainingStep } from "../../src/train/index.js";
import { runReference } from "../formats/onnx/support.js";
import { random } from "../support/random.js";

const stepOf = (model: Module, batch = 4) =>
  trainingStep(model, { optimizer: adamw(), input: [batch, 3, 8, 8], numClasses: 2 });
const cutOf = ({ graph }: TrainingStep) => cutFixed(graph, "images", new Set(graph.updates.map(({ cell }) => cell)));

/** Inputs of a step, random numbers of dropouts included. */
function feedsOf(step: TrainingStep) {
  const targets = zeros("float64", [4, 2]);
  for (let i = 0; i < 4; i++) targets.data[2 * i + (i % 2)] = 1;
  const randoms = step.graph.randoms.map(({ name, shape }) => [name, random(shape, { low: 0 })]);
  return { images: random([4, 3, 8, 8]), targets, ...step.scalars(1, 0.1), ...Object.fromEntries(randoms) };
}

async function assertEqualInTwo(step: TrainingStep, cut: Cut): Promise<void> {
  // Updates as outputs, so that they are compared as well.
  const shown = (graph: Graph) => {
    for (const { name, value } of graph.updates) graph.output(`after ${name}`, value);
    return graph;
  };
  const { images, ...others } = feedsOf(step);
  const whole = await runReference(shown(step.graph), { images, ...others });
  const features = await runReference(cut.features, { images });
  const rest = await runReference(shown(cut.rest), { ...features, ...others });
  assert.deepEqual(Object.keys(rest), Object.keys(whole));
  for (const [name, value] of Object.entries(whole)) assert.ok(relativeError(rest[name]!, value) < 1e-12, name);
}

test("a frozen backbone ends where the classifier begins; both parts together are the whole step", async () => {
  const model = resnet(20, { numClasses: 2, attention: "cbam" });
  freeze(model, (path) => !path.startsWith("fc."));
  const step = stepOf(model);
  const cut = cutOf(step)!;
  assert.deepEqual(cut.shapes, [[64]]);
  await assertEqualInTwo(step, cut);
});

test("where blocks have a shortcut, several values can cross the cut", async () => {
  const model = resnet(20, { numClasses: 2 });
  insertAttention(model, "se", { where: (path) => path === "layer3.1.bn2", input: [3, 8, 8] });
  freeze(model, (path) => !/^(fc|attention)\./.test(path));
  const step = stepOf(model);
  const cut = cutOf(step)!;
  // The shortcut, the end of the branch, and its mean, which the module takes before it has anything to learn.
  assert.deepEqual(cut.shapes, [[64, 2, 2], [64, 2, 2], [64]]);
  await assertEqualInTwo(step, cut);
});

/** `inner` between a frozen convolution and a classifier. */
class Net extends Module {
  readonly conv = new Conv2d(3, 4, { kernelSize: 3 });
  readonly bn = new BatchNorm(4);
  readonly fc = new Linear(4, 2);
  constructor(private readonly inner: (x: Value) => Value = (x) => x) {
    super();
  }
  override forward(x: Value): Value {
    return this.fc.call(reduceMax(this.inner(relu(this.bn.call(this.conv.call(x)))), [2, 3], { keepdims: false }));
  }
}
const frozenNet = (inner?: (x: Value) => Value) => {
  const net = initialize(new Net(inner));
  freeze(net, (path) => !path.startsWith("fc."));
  return net;
};

test("what is random stays in the rest, with its random numbers", async () => {
  const dropout = new Dropout(0.5);
  const step = stepOf(frozenNet((x) => dropout.call(x)));
  const cut = cutOf(step)!;
  assert.deepEqual(cut.shapes, [[4, 6, 6]]);
  assert.deepEqual(cut.rest.randoms, step.graph.randoms);
  await assertEqualInTwo(step, cut);
});

test("nothing is fixed that sees other images of the batch, whatever the sizes", () => {
  const one = (x: Value) => x.graph.constant({ dtype: "float32", shape: [4], data: new Float32Array(4).fill(1) });
  const mixing: Record<string, (x: Value) => Value> = {
    "mean over the batch": (x) => sub(x, reduceMean(x, [0])),
    "statistics of the batch": (x) => batchNormTraining(x, one(x), one(x), 1e-5)[0],
    "softmax over the batch": (x) => softmax(x, 0),
    "a mean over an axis counted from the end": (x) => sub(x, reduceMean(x, [-4], { keepdims: false })),
    "a number per image, taken as one per channel": (x) =>
      sub(x, reshape(reduceMean(x, [1, 2, 3], { keepdims: false }), [4, 1, 1])),
  };
  assert.deepEqual(cutOf(stepOf(frozenNet()))!.shapes, [[4]]);
  // As many images as channels, so that shapes alone do not tell them apart.
  for (const [what, inner] of Object.entries(mixing))
    assert.deepEqual(cutOf(stepOf(frozenNet(inner)))!.shapes[0], [4, 6, 6], what);
});

test("a network that learns from its first layer on is not cut", () => {
  assert.equal(cutOf(stepOf(resnet(20, { numClasses: 2 }))), undefined);
  const net = initialize(new Net());
  freeze(net, (path) => path.startsWith("conv."));
  assert.deepEqual(cutOf(stepOf(net))!.shapes, [[4, 6, 6]], "its batch norm learns: only the convolution is fixed");
  const graph = new Graph();
  graph.output("y", relu(graph.input("x", { dtype: "float", shape: [1] })));
  assert.equal(cutFixed(graph, "images", new Set()), undefined);
});

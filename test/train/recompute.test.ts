import assert from "node:assert/strict";
import { test } from "node:test";
import { sizeOf, type Tensor, tensor, toFloat64 } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { ancestors, type Graph, liveProgram, type Value } from "../../src/graph/graph.js";
import { verify } from "../../src/graph/verify.js";
import { resnet } from "../../src/models/index.js";
import { BatchNorm, Conv2d, Dropout, flatten, Linear, Module } from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { sgd, trainingStep } from "../../src/train/index.js";
import { ort } from "../support/engines.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";

class Block extends Module {
  readonly conv = new Conv2d(4, 4, { kernelSize: 3, padding: 1, bias: false });
  readonly norm = new BatchNorm(4);
  readonly drop = new Dropout(0.3);
  override forward(x: Value): Value {
    return relu(this.drop.call(this.norm.call(this.conv.call(x))));
  }
}

class Net extends Module {
  readonly stem = new Conv2d(3, 4, { kernelSize: 1 });
  readonly blocks = [new Block(), new Block(), new Block()];
  readonly head = new Linear(4 * 5 * 5, 3);
  override forward(x: Value): Value {
    return this.head.call(flatten(this.blocks.reduce((y, block) => block.call(y), this.stem.call(x))));
  }
}

const networks = {
  "blocks with dropout": { make: () => new Net(), input: [4, 3, 5, 5], numClasses: 3 },
  "ResNet-20 + CBAM": {
    make: () => resnet(20, { numClasses: 10, attention: "cbam" }),
    input: [4, 3, 8, 8],
    numClasses: 10,
  },
} as const;
type Network = (typeof networks)[keyof typeof networks];

const stepOf = ({ make, input, numClasses }: Network, recompute: boolean) =>
  trainingStep(make(), { optimizer: sgd({ lr: 0.05 }), input, numClasses, clipNorm: 5, recompute });

/** Losses of some steps and all state after them: weights, momenta, running statistics. */
async function trained(engine: Engine, network: Network, recompute: boolean, steps: number) {
  const { graph, scalars } = stepOf(network, recompute);
  verify(graph);
  const executable = await engine.compile(graph);
  const [n, classes] = [network.input[0], network.numClasses];
  const targets = tensor(
    "float32",
    [n, classes],
    Float32Array.from({ length: n * classes }, (_, i) => +(i % (classes + 1) === 0)),
  );
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const masks = graph.randoms.map(({ name, shape }, i) => [name, random(shape, { seed: 100 * step + i, low: 0 })]);
    const feeds = { images: random(network.input, { seed: step }), targets, ...scalars(step, 0.05) };
    losses.push(Number((await executable.run({ ...feeds, ...Object.fromEntries(masks) })).loss!.data[0]));
  }
  const state = await executable.readState();
  await executable.release();
  return { losses, state: new Map(graph.updates.map(({ name, cell }): [string, Tensor] => [name, state.get(cell)!])) };
}

for (const [name, network] of Object.entries(networks)) {
  test(`${name}: computed again or kept, the reference engine trains to the same numbers`, async () => {
    const [kept, again] = [
      await trained(referenceEngine(), network, false, 1),
      await trained(referenceEngine(), network, true, 1),
    ];
    assert.deepEqual(again, kept);
  });

  test(`${name}: computed again or kept, ONNX Runtime trains to the same numbers in float32`, {
    skip: name === "ResNet-20 + CBAM" && ifLong,
  }, async () => {
    const [kept, again] = [await trained(ort, network, false, 3), await trained(ort, network, true, 3)];
    again.losses.forEach((loss, i) => assert.ok(Math.abs(loss - kept.losses[i]!) < 1e-4 * kept.losses[i]!));
    for (const [path, value] of again.state) assert.ok(relativeError(value, kept.state.get(path)!) < 1e-3, path);
    for (const [path, count] of again.state)
      if (path.endsWith("num_batches_tracked")) assert.equal(toFloat64(count).data[0], 3, path);
  });
}

/** Most elements of values alive at once, if nodes run in the order in which they are written. */
function peakElements(graph: Graph): number {
  const { nodes } = liveProgram(graph);
  const last = new Map<Value, number>();
  nodes.forEach((node, i) => {
    for (const value of [...node.inputs, ...node.outputs]) last.set(value, i);
  });
  let [alive, peak] = [0, 0];
  nodes.forEach((node, i) => {
    for (const value of node.outputs) alive += sizeOf(value.shape as number[]);
    peak = Math.max(peak, alive);
    for (const value of new Set([...node.inputs, ...node.outputs]))
      if (value.node && last.get(value) === i) alive -= sizeOf(value.shape as number[]);
  });
  return peak;
}

test("what is computed again need not be kept", () => {
  const [kept, again] = [false, true].map((recompute) => {
    const options = { optimizer: sgd(), input: [32, 3, 32, 32], numClasses: 10, recompute } as const;
    return peakElements(trainingStep(resnet(20, { numClasses: 10 }), options).graph);
  });
  assert.ok(again! < 0.5 * kept!, `${again} elements of ${kept}`);
});

test("what is computed again waits for a gradient, and constants and parameters do not", () => {
  const { graph } = stepOf(networks["blocks with dropout"], true);
  const convolutions = liveProgram(graph).nodes.filter(
    (node) => node.op.name === "Conv" && node.scope.path.startsWith("blocks."),
  );
  const late = convolutions.filter((node) => [...ancestors(node.inputs)].some((v) => v.node?.op.name === "Barrier"));
  // The last operators of a block are not asked for again, its convolution is: once forward, once more for the batch norm.
  assert.deepEqual([convolutions.length, late.length], [6, 3]);
  for (const { inputs } of late) assert.equal(inputs[1]!.source.kind, "state");
});

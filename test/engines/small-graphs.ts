import { randomStep } from "../../bench/workload.js";
import { createAttentionByName } from "../../src/attention/index.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { BatchNorm, Conv2d, initialize, Linear, Module, trace } from "../../src/nn/index.js";
import * as o from "../../src/ops/index.js";
import { random } from "../support/random.js";

/** A small network in which every blocked rule has something to do. */
class Tour extends Module {
  readonly stem = new Conv2d(3, 16, { kernelSize: 3, padding: 1, bias: false });
  readonly norm = new BatchNorm(16);
  readonly block1 = new ResidualUnit(16, 16, 1);
  readonly attention = createAttentionByName("cbam", 16, {}) as Module;
  readonly block2 = new ResidualUnit(16, 32, 2);
  readonly depthwise = new Conv2d(32, 32, { kernelSize: 5, padding: 2, groups: 32 });
  readonly grouped = new Conv2d(32, 32, { kernelSize: 1, groups: 2 });
  readonly head = new Linear(32, 10);

  forward(x: Value): Value {
    const pooled = o.maxPool(o.relu(this.norm.call(this.stem.call(x))), { kernelSize: 2 });
    const gated = this.attention.call(this.block1.call(pooled));
    const y = this.block2.call(gated);
    const both = o.concat([this.depthwise.call(y), this.grouped.call(y)], 1);
    const joined = o.averagePool(o.add(o.slice(both, 1, 0, 32), o.barrier(o.slice(both, 1, 32, 64), y)), {
      kernelSize: 2,
    });
    const rows = o.reduceMean(joined, [3], { keepdims: true });
    const scaled = o.mul(joined, o.sigmoid(rows));
    const features = o.add(o.reduceMax(scaled, [2, 3]), o.reduceMean(o.relu(joined), [2, 3]));
    return this.head.call(o.reshape(features, [x.shape[0]!, 32]));
  }
}

class ResidualUnit extends Module {
  readonly conv1: Conv2d;
  readonly norm1: BatchNorm;
  readonly conv2: Conv2d;
  readonly norm2: BatchNorm;
  readonly shortcut: Conv2d | undefined;

  constructor(inChannels: number, outChannels: number, stride: number) {
    super();
    this.conv1 = new Conv2d(inChannels, outChannels, { kernelSize: 3, padding: 1, stride, bias: false });
    this.norm1 = new BatchNorm(outChannels);
    this.conv2 = new Conv2d(outChannels, outChannels, { kernelSize: 3, padding: 1, bias: false });
    this.norm2 = new BatchNorm(outChannels);
    this.shortcut =
      stride > 1 ? new Conv2d(inChannels, outChannels, { kernelSize: 1, stride, bias: false }) : undefined;
  }

  forward(x: Value): Value {
    const y = this.norm2.call(this.conv2.call(o.relu(this.norm1.call(this.conv1.call(x)))));
    return o.relu(o.add(y, this.shortcut ? this.shortcut.call(x) : x));
  }
}

const shape = [4, 3, 16, 16] as const;
/** A training step of it. */
export const training = () => randomStep(new Tour(), shape, 10).graph;
export const inference = () => trace(initialize(new Tour()), [...shape]);

/** A batch norm that follows no convolution, so it cannot be folded. */
export function normOfRelu(): Graph {
  const graph = new Graph();
  const x = graph.input("x", { dtype: "float", shape: [...shape.with(1, 16)] });
  const y = o.relu(o.conv(x, graph.constant(random([16, 16, 3, 3])), undefined, { padding: 1 }));
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((seed) =>
    graph.constant(random([16], { seed, low: 0.5, high: 1.5 })),
  );
  graph.output("y", o.batchNorm(y, gamma!, beta!, mean!, variance!, 1e-5));
  return graph;
}

/** Every elementwise operator on blocked maps, as outputs. */
export function elementwise(): Graph {
  const graph = new Graph();
  const x = graph.input("x", { dtype: "float", shape: [...shape.with(1, 16)] });
  const [a, b] = [1, 2].map((seed) =>
    o.conv(x, graph.constant(random([16, 16, 3, 3], { seed })), undefined, { padding: 1 }),
  );
  const unary = [o.leakyRelu, o.neg, o.abs, o.sign, o.sqrt, o.tanh, o.erf, o.sigmoid, o.hardSigmoid, o.softplus, o.exp];
  const more = [o.log, o.reciprocal, o.relu6];
  const binary = [o.add, o.sub, o.mul, o.maximum, o.minimum, o.div, o.greater, o.equal];
  const results = [
    ...[...unary, ...more].map((op) => op(a!)),
    ...binary.map((op) => op(a!, b!)),
    o.pow(a!, 3),
    o.where(o.greater(a!, b!), a!, b!),
  ];
  results.forEach((y, i) => {
    graph.output(`y${i}`, y.type.dtype === "bool" ? o.cast(y) : y);
  });
  return graph;
}

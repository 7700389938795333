import { gradients } from "../../src/autodiff/gradients.js";
import type { Tensor } from "../../src/core/tensor.js";
import { Graph, type Node, type Value } from "../../src/graph/graph.js";
import * as o from "../../src/ops/index.js";
import { random } from "../support/random.js";

/** One case: a function of some operators and the inputs to check it at. */
export type Case = readonly [build: (...inputs: Value[]) => Value, ...inputs: Tensor[]];

const x = random([2, 3, 4, 5]);
const y = random([2, 3, 4, 5], { seed: 2 });
const positive = random([2, 3, 4], { low: 0.5, high: 2 });
const vector = random([3], { seed: 3, low: 0.5, high: 1.5 });
export const map = random([2, 3, 6, 7]);
const map6 = random([2, 2, 6, 9]);
const unary = (f: (v: Value) => Value, input: Tensor = x): Case => [(v) => f(v!), input];

export const cases: Readonly<Record<string, Case>> = {
  add: [(a, b) => o.add(a!, b!), x, y],
  "add, broadcast": [(a, b) => o.add(a!, b!), x, random([3, 1, 5])],
  sub: [(a, b) => o.sub(a!, b!), x, random([4, 1])],
  mul: [(a, b) => o.mul(a!, b!), random([2, 1, 4, 1]), y],
  div: [(a, b) => o.div(a!, b!), random([2, 3, 4]), positive],
  maximum: [(a, b) => o.maximum(a!, b!), x, y],
  minimum: [(a, b) => o.minimum(a!, b!), x, random([5], { seed: 4 })],
  "where, greater": [(a, b) => o.where(o.greater(a!, b!), a!, o.mul(2, b!)), x, y],
  neg: unary(o.neg),
  abs: unary(o.abs),
  exp: unary(o.exp),
  tanh: unary(o.tanh),
  sigmoid: unary(o.sigmoid),
  log: unary(o.log, positive),
  sqrt: unary(o.sqrt, positive),
  reciprocal: unary(o.reciprocal, positive),
  square: unary(o.square),
  erf: unary(o.erf, random([40], { low: -4, high: 4 })),
  softplus: unary(o.softplus),
  gelu: unary(o.gelu),
  silu: unary(o.silu),
  relu: unary(o.relu),
  "leaky relu": unary((v) => o.leakyRelu(v, 0.1)),
  "prelu, one slope": [(a, s) => o.prelu(a!, s!), x, random([1])],
  "prelu, a slope for each channel": [(a, s) => o.prelu(a!, s!), x, vector],
  "powers of any number": unary((v) => o.add(o.pow(v, 3), o.add(o.pow(v, 2), o.add(o.pow(v, 1), o.pow(v, 0))))),
  "powers of positive numbers": unary((v) => o.add(o.pow(v, -1.5), o.pow(v, 1 / 3)), positive),
  relu6: unary(o.relu6, random([60], { low: -3, high: 9 })),
  "hard sigmoid": unary(o.hardSigmoid, random([60], { low: -5, high: 5 })),
  "hard swish": unary(o.hardSwish, random([60], { low: -5, high: 5 })),
  "cast of a comparison": [(a, b) => o.mul(o.cast(o.greater(a!, 0)), b!), x, y],
  "equal, sign": [(a) => o.mul(o.add(o.sign(a!), o.cast(o.equal(a!, a!))), a!), x],
  expand: unary((v) => o.expand(v, [2, 3, 4]), random([3, 1])),
  reshape: unary((v) => o.reshape(v, [6, -1])),
  transpose: unary((v) => o.transpose(v, [2, 0, 3, 1])),
  slice: unary((v) => o.slice(v, 2, 1, 3)),
  pad: unary((v) => o.pad(v, { axis: 3, before: 2, after: 1 })),
  "pad, then a maximum of negative numbers": unary((v) =>
    o.maxPool(o.pad(o.sub(v, 5), { axis: 2, before: 1, after: 1 }), { kernelSize: 3, stride: 1 }),
  ),
  barrier: [(a, b) => o.add(o.barrier(a!, b!), b!), x, y],
  "barrier, then reshaped": [(a, b) => o.reshape(o.barrier(a!, b!), [-1]), x, y],
  "barrier, a number": [(a, b) => o.add(o.barrier(a!, o.reduceSum(b!, [0], { keepdims: false })), b!), x, random([1])],
  concat: [(a, b) => o.concat([a!, b!, a!], 1), x, random([2, 1, 4, 5])],
  "sum over axes": unary((v) => o.reduceSum(v, [0, 2])),
  "sum over positions": unary((v) => o.reduceSum(v, [2, 3])),
  "mean, dropped axes": unary((v) => o.reduceMean(v, [-1, -2], { keepdims: false })),
  "max over channels": unary((v) => o.reduceMax(v, [1])),
  "max over positions": unary((v) => o.reduceMax(v, [2, 3], { keepdims: false })),
  "max over channels and columns": unary((v) => o.reduceMax(v, [3, 1])),
  "max over all but rows, with ties": unary((v) => o.reduceMax(o.relu(v), [0, 1, 3], { keepdims: false })),
  "log-sum-exp": unary((v) => o.reduceLogSumExp(v, [2, 3])),
  softmax: unary((v) => o.softmax(v, -1)),
  "softmax over channels": unary((v) => o.softmax(v, 1)),
  "log softmax": unary((v) => o.logSoftmax(v, 1)),
  matMul: [(a, b) => o.matMul(a!, b!), random([4, 3]), random([3, 5])],
  "matMul, both transposed": [
    (a, b) => o.matMul(a!, b!, { transA: true, transB: true }),
    random([3, 4]),
    random([5, 3]),
  ],
  "matMul, batched and broadcast": [
    (a, b) => o.matMul(a!, b!, { transB: true }),
    random([2, 3, 4, 5]),
    random([3, 6, 5]),
  ],
  "matMul, first transposed": [(a, b) => o.matMul(a!, b!, { transA: true }), random([2, 5, 4]), random([2, 5, 3])],
  "conv 3×3": [(a, w, b) => o.conv(a!, w!, b, { padding: 1 }), map, random([4, 3, 3, 3]), random([4])],
  "conv, stride 2": [(a, w) => o.conv(a!, w!, undefined, { padding: 1, stride: 2 }), map, random([4, 3, 3, 3])],
  "conv 1×1, stride 2": [(a, w) => o.conv(a!, w!, undefined, { stride: 2 }), map, random([5, 3, 1, 1])],
  "conv 1×1": [(a, w) => o.conv(a!, w!), map, random([2, 3, 1, 1])],
  "conv, dilation 2": [(a, w) => o.conv(a!, w!, undefined, { padding: 2, dilation: 2 }), map, random([4, 3, 3, 3])],
  "conv, no padding, odd stride": [(a, w) => o.conv(a!, w!, undefined, { stride: [2, 3] }), map, random([4, 3, 2, 3])],
  "conv 7×7, stride 4": [
    (a, w) => o.conv(a!, w!, undefined, { padding: 3, stride: 4 }),
    random([2, 2, 9, 10]),
    random([3, 2, 7, 7]),
  ],
  "conv, more padding than the kernel reaches": [
    (a, w) => o.conv(a!, w!, undefined, { padding: 2 }),
    map,
    random([2, 3, 1, 2]),
  ],
  "conv, strip": [(a, w) => o.conv(a!, w!, undefined, { padding: [0, 1] }), random([2, 3, 1, 7]), random([4, 3, 1, 3])],
  "conv, groups": [
    (a, w) => o.conv(a!, w!, undefined, { padding: 1, groups: 2 }),
    random([2, 4, 5, 5]),
    random([6, 2, 3, 3]),
  ],
  "conv, groups, stride and dilation": [
    (a, w) => o.conv(a!, w!, undefined, { padding: 2, groups: 2, stride: 2, dilation: 2 }),
    random([2, 4, 8, 7]),
    random([6, 2, 3, 3]),
  ],
  "conv, depthwise": [
    (a, w, b) => o.conv(a!, w!, b, { padding: 1, groups: 3 }),
    map,
    random([3, 1, 3, 3]),
    random([3]),
  ],
  "conv, depthwise, stride 2": [
    (a, w) => o.conv(a!, w!, undefined, { padding: 2, groups: 3, stride: 2 }),
    map,
    random([3, 1, 5, 5]),
  ],
  "conv, depthwise, dilation 3": [
    (a, w) => o.conv(a!, w!, undefined, { padding: 9, groups: 3, dilation: 3 }),
    map,
    random([3, 1, 7, 7]),
  ],
  "conv, one channel to one": [
    (a, w) => o.conv(a!, w!, undefined, { padding: [0, 1] }),
    random([2, 1, 1, 8]),
    random([1, 1, 1, 3]),
  ],
  "max pool": unary((v) => o.maxPool(v, { kernelSize: 3, stride: 2, padding: 1 }), map),
  "max pool 2×2": unary((v) => o.maxPool(v, { kernelSize: 2 }), map),
  "second derivative of max pools": unary(
    (v) => once(o.maxPool(v, { kernelSize: 3, stride: 2, padding: 1, ceilMode: true }), v),
    map,
  ),
  "second derivative of max pools, over the end": unary(
    (v) => once(o.maxPool(v, { kernelSize: 2, stride: 4, ceilMode: true }), v),
    map,
  ),
  "second derivative of maxima": unary((v) => o.add(once(o.reduceMax(v, [1]), v), once(o.reduceMax(v, [2, 3]), v))),
  "max pool, rounded up": unary((v) => o.maxPool(v, { kernelSize: 3, stride: 2, ceilMode: true }), map),
  "max pool, dilated and rounded up": unary(
    (v) => o.maxPool(v, { kernelSize: 2, stride: 3, padding: 1, dilation: [3, 2], ceilMode: true }),
    map,
  ),
  "transposed conv": [
    (a, w, b) => o.convTranspose(a!, w!, b, { stride: 2, padding: 1, outputPadding: 1 }),
    map,
    random([3, 2, 3, 3]),
    random([2]),
  ],
  "transposed conv, groups and dilation": [
    (a, w) => o.convTranspose(a!, w!, undefined, { stride: [1, 2], dilation: 2, groups: 2, outputPadding: 1 }),
    random([2, 4, 3, 5]),
    random([4, 3, 2, 3]),
  ],
  "transposed conv of a transposed conv": [
    (a, w, v) => o.convTranspose(o.convTranspose(a!, w!), v!, undefined, { stride: 2 }),
    random([2, 3, 3, 2]),
    random([3, 4, 2, 2]),
    random([4, 2, 2, 2], { seed: 2 }),
  ],
  "pixel shuffle": unary((v) => o.pixelShuffle(v, 2), random([2, 8, 2, 3])),
  "pixel unshuffle": unary((v) => o.pixelUnshuffle(v, 3), map6),
  "average pool": unary((v) => o.averagePool(v, { kernelSize: 2 }), map),
  "average pool, padding counted": unary((v) => o.averagePool(v, { kernelSize: 3, stride: 1, padding: 1 }), map),
  "average pool, padding not counted": unary(
    (v) => o.averagePool(v, { kernelSize: 3, stride: 2, padding: 1, countPadding: false }),
    map,
  ),
  "adaptive average pool": unary((v) => o.adaptiveAveragePool(v, [4, 3]), map),
  "adaptive average pool, larger than the map": unary((v) => o.adaptiveAveragePool(v, [9, 8]), map),
  "nearest, up": unary((v) => o.resize(v, [12, 15], { mode: "nearest" }), map),
  "nearest, uneven": unary((v) => o.resize(v, [10, 5], { mode: "nearest" }), map),
  bilinear: unary((v) => o.resize(v, [11, 14], { mode: "bilinear" }), map),
  "bilinear, corners aligned": unary((v) => o.resize(v, [11, 4], { mode: "bilinear", alignCorners: true }), map),
  "replicate padding": unary((v) => o.replicatePad(v, [3, 2]), map),
  "layer norm": [
    (a, g, b) => o.layerNorm(a!, [1], o.reshape(g!, [3, 1, 1]), o.reshape(b!, [3, 1, 1]), 1e-6),
    map,
    vector,
    random([3]),
  ],
  "group norm": [(a, g, b) => o.groupNorm(a!, 2, g!, b!, 1e-5), random([2, 4, 3, 5]), random([4]), random([4])],
  "group norm of vectors": [(a, g, b) => o.groupNorm(a!, 2, g!, b!, 1e-5), random([4, 6]), random([6]), random([6])],
  "batch norm, given statistics": [
    (a, g, b) => o.batchNorm(a!, g!, b!, a!.graph.constant(random([3])), a!.graph.constant(vector), 1e-5),
    map,
    vector,
    random([3]),
  ],
  "batch norm, training": [(a, g, b) => o.batchNormTraining(a!, g!, b!, 1e-5)[0], map, vector, random([3])],
  "batch norm, training, vectors": [
    (a, g, b) => o.batchNormTraining(a!, g!, b!, 1e-5)[0],
    random([5, 3]),
    vector,
    random([3]),
  ],
};

/** The gradient of Σ y³. */
function once(y: Value, x: Value): Value {
  const loss = o.reduceSum(
    o.pow(y, 3),
    y.shape.map((_, axis) => axis),
  );
  return gradients(loss, [x])[0]!;
}

/** The nodes of a case: of the function, and of its gradients. */
export function nodesOf([build, ...inputs]: Case): readonly Node[] {
  const graph = new Graph(true);
  const values = inputs.map((t, i) => graph.input(`x${i}`, { dtype: "float", shape: t.shape }));
  const y = build(...values);
  const total = o.reduceSum(
    y,
    y.shape.map((_, i) => i),
  );
  gradients(total, values);
  return graph.nodes;
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import type { Tensor } from "../../src/core/tensor.js";
import { compile } from "../../src/engines/ort/compile.js";
import { webgpuTarget } from "../../src/engines/ort/targets/webgpu.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { resnet } from "../../src/models/index.js";
import * as o from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { sgd, trainingStep } from "../../src/train/index.js";
import { outputsOf } from "../support/float32.js";
import { random } from "../support/random.js";
import { webgpuOnCpu } from "../support/webgpu-on-cpu.js";

const engine = webgpuOnCpu(1);
const typesOf = (graph: Graph) => compile(graph, webgpuTarget()).lowered.nodes.map(({ type }) => type);
const count = (types: readonly string[], type: string) => types.filter((t) => t === type).length;

/** Compares with float64, and returns the nodes. */
async function checked(inputs: Readonly<Record<string, Tensor>>, build: (...values: Value[]) => Record<string, Value>) {
  const graph = new Graph(true);
  const values = Object.entries(inputs).map(([name, { shape }]) => graph.input(name, { dtype: "float", shape }));
  for (const [name, value] of Object.entries(build(...values))) graph.output(name, value);
  const [ours, exact] = [await outputsOf(engine, graph, inputs), await outputsOf(referenceEngine(), graph, inputs)];
  for (const [name, value] of Object.entries(exact)) {
    assert.deepEqual(ours[name]!.shape, value.shape);
    assert.ok(relativeError(ours[name]!, value) < 1e-5, `${name}: ${relativeError(ours[name]!, value)}`);
  }
  return typesOf(graph);
}

for (const [parts, splits] of [
  [2, 1],
  [7, 1],
  [8, 2],
  [49, 8],
  [50, 9],
  [60, 12],
] as const)
  test(`WebGPU: ${parts} slices of an array are taken by ${splits} Splits`, async () => {
    const types = await checked({ x: random([3 * parts, 2]) }, (x) =>
      Object.fromEntries(
        Array.from({ length: parts }, (_, i) => [`y${i}`, o.mul(o.slice(x, 0, 3 * i, 3 * i + 3), i + 1)]),
      ),
    );
    assert.equal(count(types, "Slice"), 0);
    assert.equal(count(types, "Split"), splits);
  });

test("WebGPU: slices that overlap, run backward, leave the graph or are alone stay", async () => {
  const types = await checked({ x: random([8, 6]) }, (x) => ({
    a: o.mul(o.slice(x, 0, 0, 3), 2),
    b: o.mul(o.slice(x, 0, 5, 8), 3),
    overlapping: o.mul(o.slice(x, 0, 2, 6), 4),
    out: o.slice(x, 0, 3, 5),
    alone: o.mul(o.slice(x, 1, 1, 3), 5),
  }));
  assert.equal(count(types, "Split"), 1);
  assert.equal(count(types, "Slice"), 3);
});

test("WebGPU: a bias is added by the product, unless something else reads the product", async () => {
  const inputs = { x: random([5, 4]), w: random([4, 3], { seed: 2 }), b: random([3], { seed: 3 }) };
  const once = await checked(inputs, (x, w, b) => ({ y: o.relu(o.add(b!, o.matMul(x!, w!))) }));
  assert.equal(count(once, "Add"), 0);
  const twice = await checked(inputs, (x, w, b) => {
    const product = o.matMul(x!, w!);
    return { y: o.relu(o.add(product, b!)), z: o.exp(product) };
  });
  assert.equal(count(twice, "Add"), 1);
  const wide = await checked({ ...inputs, b: random([2, 5, 3]) }, (x, w, b) => ({ y: o.add(o.matMul(x!, w!), b!) }));
  assert.equal(count(wide, "Add"), 1);
});

test("WebGPU: what is computed twice is computed once", async () => {
  const types = await checked({ x: random([2, 3]) }, (x) => ({
    y: o.add(o.exp(o.mul(x!, 2)), 1),
    z: o.sub(o.exp(o.mul(x!, 2)), 1),
    other: o.exp(o.mul(x!, 3)),
  }));
  assert.deepEqual([count(types, "Exp"), count(types, "Mul")], [2, 2]);
});

test("WebGPU: arrays are scaled together after they are joined", async () => {
  const inputs = { a: random([4]), b: random([3], { seed: 2 }), c: random([2], { seed: 3 }) };
  const types = await checked(inputs, (a, b, c) => ({ y: o.exp(o.concat([o.mul(a!, 2), o.mul(3, b!), c!], 0)) }));
  assert.equal(count(types, "Mul"), 1);
});

const geometries = {
  "of maps": [4, 6, 5, 5],
  "of vectors": [12, 8],
  "of one channel": [3, 1, 4, 4],
  "of long maps": [2, 2, 96, 96],
} as const;
for (const [name, shape] of Object.entries(geometries))
  test(`WebGPU: a batch norm ${name} far from zero, and its gradients`, async () => {
    const channels = shape[1];
    const far = random(shape, { low: 30, high: 31 });
    const inputs = {
      x: far,
      dy: random(shape, { seed: 2 }),
      gamma: random([channels], { seed: 3 }),
      beta: random([channels]),
    };
    const graph = new Graph(true);
    const [x, dy, gamma, beta] = Object.entries(inputs).map(([key, value]) =>
      graph.input(key, { dtype: "float", shape: value.shape }),
    );
    const [y] = o.batchNormTraining(x!, gamma!, beta!, 1e-5);
    const all = [...shape.keys()];
    const results = gradients(o.reduceSum(o.mul(y!, dy!), all, { keepdims: false }), [x!, gamma!, beta!]);
    for (const [i, value] of [y!, ...results].entries()) graph.output(`result${i}`, value!);
    const [ours, exact] = [await outputsOf(engine, graph, inputs), await outputsOf(referenceEngine(), graph, inputs)];
    for (const [key, value] of Object.entries(exact))
      assert.ok(relativeError(ours[key]!, value) < 2e-5, `${key}: ${relativeError(ours[key]!, value)}`);
  });

/** Nodes that launch a kernel, of a training step with momentum, weight decay and batches of 128. */
function kernelsOf(attention: "none" | "cbam"): number {
  const model = resnet(20, { numClasses: 10, stem: "cifar", attention });
  const { graph } = trainingStep(model, { optimizer: sgd({ lr: 0.1 }), input: [128, 3, 32, 32], numClasses: 10 });
  return typesOf(graph).filter((type) => type !== "Reshape").length;
}

// docs/gpu.md has the numbers.
test("WebGPU: a step of ResNet-20 with CBAM launches 30 % fewer kernels than the 2,297 it once did", (t) => {
  const [plain, cbam] = [kernelsOf("none"), kernelsOf("cbam")];
  t.diagnostic(`ResNet-20: ${plain}, with CBAM: ${cbam}`);
  assert.ok(cbam <= 0.7 * 2297, `${cbam}`);
});

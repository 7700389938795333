import assert from "node:assert/strict";
import { test } from "node:test";
import { attentionModules, createAttentionByName } from "../../src/attention/index.js";
import { type Tensor, tensor } from "../../src/core/tensor.js";
import { compile } from "../../src/engines/ort/compile.js";
import { ortEngine, ortWebEngine } from "../../src/engines/ort/node.js";
import { webgpuTarget } from "../../src/engines/ort/targets/webgpu.js";
import { ortWebEngine as ortPageEngine } from "../../src/engines/ort/web.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { inferenceRules } from "../../src/formats/onnx/lower.js";
import { findRule, ruleFor } from "../../src/formats/onnx/writer.js";
import { Graph } from "../../src/graph/graph.js";
import { constant, initialize, type Module, Param } from "../../src/nn/index.js";
import { convOp } from "../../src/ops/conv.js";
import { add, relu } from "../../src/ops/index.js";
import { apply } from "../../src/ops/operands.js";
import { gradientGraph } from "../support/float32.js";
import { random } from "../support/random.js";
import { training } from "./small-graphs.js";

// What needs no GPU: webgpu.test.ts and webgpu-node.test.ts run what is lowered here.

/** Operators that have been run on WebGPU, on floats. */
const kernels = new Set(
  `Add AveragePool BatchNormalization Cast Concat Conv ConvTranspose Div Equal Erf Exp Expand Gemm HardSigmoid LessOrEqual Log
  MatMul Max MaxPool Min Mul Neg Pad Reciprocal ReduceMax ReduceMean ReduceMin ReduceSum Reshape Resize Sigmoid Slice Softmax Split Sqrt Sub
  Tanh Transpose Where`.split(/\s+/),
);

/** Options of modules that cannot be built without. */
const sized = new Map<string, object>([
  ["bot", { size: [8, 8] }],
  ["rga", { size: [8, 8], downRatio: 2 }],
]);

for (const name of attentionModules.keys())
  if (name !== "danet-head")
    test(`WebGPU: ${name} and its gradients need only kernels that there are`, () => {
      const module = initialize(createAttentionByName(name, 32, (sized.get(name) ?? {}) as never) as Module);
      const side = sized.has(name) ? 8 : 16;
      const { lowered } = compile(gradientGraph(module, [2, 32, side, side]), webgpuTarget());
      assert.deepEqual(
        [...new Set(lowered.nodes.map(({ type }) => type))].filter((type) => !kernels.has(type)),
        [],
      );
      const computed = lowered.nodes.flatMap(({ outputs }) => outputs.map(({ type }) => type.dtype));
      assert.deepEqual(
        [...new Set(computed)].sort(),
        [...new Set(computed)].filter((t) => /float32|bool/.test(t)).sort(),
      );
    });

test("WebGPU: counters leave the graph, and are read as if they had stayed", () => {
  const step = training();
  const module = compile(step, webgpuTarget());
  const counters = step.updates.map(({ cell }) => cell).filter(({ dtype }) => dtype === "int");
  assert.ok(counters.length > 1);
  assert.deepEqual(
    module.lowered.states.filter(({ before }) => before.type.dtype !== "float32"),
    [],
  );
  const contents = new Map(module.lowered.states.map(({ cell }) => [cell, cell.value as Tensor]));
  const runs = module.lowered.states.find(({ before }) => before.name.startsWith("runs"))!;
  contents.set(runs.cell, tensor("float32", [1], Float32Array.of(41)));
  const restored = module.restore(contents);
  for (const cell of counters) assert.deepEqual(restored.get(cell), tensor("int64", [], BigInt64Array.of(41n)));
  // As after an epoch, when what was read is kept in the model, and the training goes on.
  for (const cell of counters) (cell as Param).value = restored.get(cell)!;
  contents.set(runs.cell, tensor("float32", [1], Float32Array.of(50)));
  for (const cell of counters)
    assert.deepEqual(module.restore(contents).get(cell), tensor("int64", [], BigInt64Array.of(50n)));
  assert.deepEqual(new Set(restored.keys()), new Set(step.updates.map(({ cell }) => cell)));
});

test("WebGPU: a counter that starts at a number, counts by more than one and is shared goes on from there", async () => {
  const [twice, once] = [7n, 0n].map((start) => {
    const cell = new Param([], constant(0), "buffer", "int");
    cell.value = tensor("int64", [], BigInt64Array.of(start));
    return cell;
  });
  const graph = new Graph(false, (owner) => (owner === twice ? "twice" : "once"));
  const one = graph.constant(tensor("int64", [], BigInt64Array.of(1n)));
  graph.update(twice!, add(add(graph.state(twice!), one), one));
  graph.update(once!, add(graph.state(once!), one));
  const module = compile(graph, webgpuTarget());
  assert.equal(module.graph.updates.length, 1);
  const contents = new Map([[module.graph.updates[0]!.cell, tensor("float32", [1], Float32Array.of(5))]]);
  const restored = module.restore(contents);
  const executable = await referenceEngine().compile(graph);
  for (let i = 0; i < 5; i++) await executable.run({});
  const exact = await executable.readState();
  for (const cell of [twice!, once!])
    assert.equal(Number(restored.get(cell)!.data[0]), Number(exact.get(cell)!.data[0]));
});

test("WebGPU: a counter that an output reads stays in the graph, whose session will be refused", () => {
  const cell = new Param([], constant(0), "buffer", "int");
  cell.value = tensor("int64", [], BigInt64Array.of(0n));
  const graph = new Graph(false, () => "count");
  const next = add(graph.state(cell), graph.constant(tensor("int64", [], BigInt64Array.of(1n))));
  graph.update(cell, next);
  graph.output("count", next);
  assert.deepEqual(
    [...compile(graph, webgpuTarget()).graph.updates].map((update) => update.cell),
    [cell],
  );
});

test("WebGPU: an operator that it computes wrongly is never emitted, whatever the rules", () => {
  const graph = new Graph();
  const x = graph.input("x", { dtype: "float", shape: [1, 3, 4, 4] });
  const attributes = { strides: [1, 1], pads: [0, 0, 0, 2], dilations: [1, 1], group: 1 } as const;
  graph.output("y", apply(convOp, [x, graph.constant(random([5, 3, 1, 1]))], attributes));
  const types = (target: ReturnType<typeof webgpuTarget>) =>
    compile(graph, target).lowered.nodes.map(({ type }) => type);
  assert.deepEqual(types(webgpuTarget()), ["Pad", "Reshape", "Conv"]);
  const standard = new Map([ruleFor(convOp, findRule(inferenceRules, convOp))]);
  assert.throws(() => types(webgpuTarget(standard)), /Conv_\d+: WebGPU computes this Conv wrongly/);
});

test("options without effect on their device are refused", () => {
  const gpu = { device: "webgpu" } as const;
  assert.throws(() => ortEngine({ ...gpu, threads: 2 }), /ortEngine: threads has no effect with device "webgpu"/);
  assert.throws(() => ortEngine({ ...gpu, layout: "plain" }), /ortEngine: layout has no effect with device "webgpu"/);
  assert.throws(
    () => ortPageEngine({ ...gpu, threads: 2 }),
    /ortWebEngine: threads has no effect with device "webgpu"/,
  );
  for (const create of [ortEngine, ortWebEngine, ortPageEngine])
    assert.throws(() => create({ allowSoftware: true }), /allowSoftware has no effect with device "cpu"/);
  assert.throws(() => ortWebEngine(gpu), /needs a browser; in Node use ortEngine\(\{ device: "webgpu" \}\)/);
  assert.throws(() => ortEngine({ device: "gpu" as never }), /device must be one of cpu, webgpu, got "gpu"/);
});

test("where there is no WebGPU, an engine for pages says so", async () => {
  const graph = new Graph();
  graph.output("y", relu(graph.input("x", { dtype: "float", shape: [1] })));
  const engine = ortPageEngine({ device: "webgpu" });
  await assert.rejects(engine.compile(graph), { name: "FoveaError", message: /no WebGPU.*use device "cpu"/ });
});

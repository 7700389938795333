import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "../../src/graph/graph.js";
import { inline, rebuild } from "../../src/graph/passes/rebuild.js";
import { printGraph } from "../../src/graph/print.js";
import { formatScope } from "../../src/graph/scope.js";
import { resnet } from "../../src/models/index.js";
import { graphFor, trace } from "../../src/nn/index.js";
import { add, mul, relu } from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { adamw, trainingStep } from "../../src/train/index.js";
import { runReference } from "../formats/onnx/support.js";
import { random } from "../support/random.js";

const model = () => resnet(20, { numClasses: 4, attention: "cbam" });

test("a graph that nothing rewrites prints the same: inference, and a training step with its updates", () => {
  const step = trainingStep(model(), { optimizer: adamw(), input: [2, 3, 8, 8], numClasses: 4 }).graph;
  for (const graph of [trace(model(), ["N", 3, 32, 32]), step]) {
    const copy = rebuild(graph);
    assert.equal(printGraph(copy), printGraph(graph));
    assert.deepEqual(
      copy.taps.map(({ scope, name }) => `${formatScope(scope)}/${name}`),
      graph.taps.map(({ scope, name }) => `${formatScope(scope)}/${name}`),
    );
    assert.deepEqual(copy.randoms, graph.randoms);
  }
});

test("nodes and cells are replaced, inputs and outputs renamed", () => {
  const graph = new Graph();
  const x = graph.input("x", { dtype: "float", shape: [2] });
  graph.output("y", relu(add(x, 1)));
  const twice = rebuild(graph, {
    names: { x: "in", y: "out" },
    node: (node, to) => (node.op.name === "Relu" ? [mul(to.get(node.inputs[0]!), 2)] : undefined),
  });
  assert.equal(
    printGraph(twice),
    "graph(%in: float[2])\n  %0: float[2] = Add(%in, 1)\n  %1: float[2] = Mul(%0, 2)\n  return out = %1\n",
  );
});

test("a value that was left out and is still needed is an error", () => {
  const graph = new Graph();
  graph.output("y", relu(graph.input("x", { dtype: "float", shape: [2] })));
  assert.throws(() => rebuild(graph, { node: () => [] }), /a pass dropped Relu, whose value is still used/);
});

test("inlined, a graph computes the same, its cells as constants", async () => {
  const network = model();
  const part = trace(network, [2, 3, 8, 8]);
  const whole = new Graph();
  const x = whole.input("x", { dtype: "float", shape: [2, 3, 8, 8] });
  whole.output("y", inline(part, whole, { input: x }).get("output")!);
  assert.equal(whole.states.size, 0);
  assert.throws(() => inline(part, whole, {}), /input "input" that was not given/);
  const input = random([2, 3, 8, 8]);
  const [inner, outer] = [await runReference(part, { input }), await runReference(whole, { x: input })];
  assert.ok(relativeError(outer.y!, inner.output!) < 1e-12);
  assert.ok(graphFor(network).nodes.length === 0);
});

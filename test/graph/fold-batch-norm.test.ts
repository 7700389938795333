import assert from "node:assert/strict";
import { test } from "node:test";
import type { Graph, Value } from "../../src/graph/graph.js";
import { liveProgram } from "../../src/graph/graph.js";
import { foldBatchNorm } from "../../src/graph/passes/fold-batch-norm.js";
import { formatScope } from "../../src/graph/scope.js";
import { BatchNorm, Conv2d, Module, trace } from "../../src/nn/index.js";
import { add, relu } from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { runReference, unsettle } from "../formats/onnx/support.js";
import { random } from "../support/random.js";

type Forward = (part: Parts, x: Value) => Value;

/** Two convolutions and two batch norms, put together by the test. */
class Parts extends Module {
  readonly conv1 = new Conv2d(3, 4, { kernelSize: 3, padding: 1, bias: false });
  readonly bn1 = new BatchNorm(4);
  readonly conv2 = new Conv2d(4, 4, { kernelSize: 3, padding: 1, groups: 2 });
  readonly bn2 = new BatchNorm(4);
  readonly #forward: Forward;

  constructor(forward: Forward) {
    super();
    this.#forward = forward;
  }

  override forward(x: Value): Value {
    return this.#forward(this, x);
  }
}

const shape = [2, 3, 5, 6];
const input = random(shape);
const norms = (graph: Graph) => liveProgram(graph).nodes.filter(({ op }) => op.name === "BatchNormalization").length;

/** Folds, and holds the result to the original. */
async function folded(forward: Forward, training = false): Promise<{ left: number; states: string[]; graph: Graph }> {
  const graph = trace(unsettle(new Parts(forward)), shape, { training });
  const after = foldBatchNorm(graph);
  const [expected, actual] = [await runReference(graph, { input }), await runReference(after, { input })];
  assert.ok(relativeError(actual.output!, expected.output!) < 1e-13);
  const lazy = await runReference(foldBatchNorm(graph, true), { input });
  assert.ok(relativeError(lazy.output!, expected.output!) < 1e-6);
  const states = liveProgram(after).states.map(({ source }) => source.name);
  return { left: norms(after), states, graph: after };
}

test("with and without bias and groups, batch norms go into the convolutions before them", async () => {
  const { left, states, graph } = await folded((m, x) =>
    relu(m.bn2.call(m.conv2.call(relu(m.bn1.call(m.conv1.call(x)))))),
  );
  assert.equal(left, 0);
  assert.deepEqual(states, ["conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"]);
  const convs = liveProgram(graph).nodes.filter(({ op }) => op.name === "Conv");
  assert.deepEqual(
    convs.map(({ scope }) => formatScope(scope)),
    ["conv1 (Conv2d)", "conv2 (Conv2d)"],
  );
});

test("a convolution that something else reads keeps its batch norm: a node, a tap, an output", async () => {
  const readers: Forward[] = [
    (m, x) => {
      const y = m.conv1.call(x);
      return add(m.bn1.call(y), y);
    },
    (m, x) => {
      const y = m.conv1.call(x);
      x.graph.tap("map", y);
      return m.bn1.call(y);
    },
    (m, x) => {
      const y = m.conv1.call(x);
      x.graph.output("raw", y);
      return m.bn1.call(y);
    },
  ];
  for (const forward of readers) assert.equal((await folded(forward)).left, 1);
});

test("a batch norm that follows no convolution stays, and so do those of training", async () => {
  assert.equal((await folded((m, x) => m.bn1.call(relu(m.conv1.call(x))))).left, 1);
  const { graph } = await folded((m, x) => m.bn1.call(m.conv1.call(x)), true);
  assert.ok(liveProgram(graph).nodes.some(({ op }) => op.name === "BatchNormTraining"));
});

test("a batch norm whose statistics the graph changes stays", async () => {
  const { left } = await folded((m, x) => {
    x.graph.update(m.bn1.running_mean, add(x.graph.state(m.bn1.running_mean), 1));
    return m.bn1.call(m.conv1.call(x));
  });
  assert.equal(left, 1);
});

test("a convolution that is used twice becomes two, each with its own batch norm", async () => {
  const { left, states } = await folded((m, x) => add(m.bn1.call(m.conv1.call(x)), m.bn2.call(m.conv1.call(relu(x)))));
  assert.equal(left, 0);
  assert.deepEqual(states, [
    "conv1.weight/folded",
    "conv1.bias/folded",
    "conv1.weight/folded~2",
    "conv1.bias/folded~2",
  ]);
});

test("the model's own weights stay as they were", () => {
  const model = unsettle(new Parts((m, x) => m.bn1.call(m.conv1.call(x))));
  const before = Array.from(model.conv1.weight.value.data as Float32Array);
  foldBatchNorm(trace(model, shape));
  assert.deepEqual(Array.from(model.conv1.weight.value.data as Float32Array), before);
});

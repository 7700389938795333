import assert from "node:assert/strict";
import { test } from "node:test";
import { createAttention } from "../../src/attention/index.js";
import { float32, toFloat64 } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { printGraph } from "../../src/graph/print.js";
import { verify } from "../../src/graph/verify.js";
import { resnet } from "../../src/models/index.js";
import {
  BatchNorm,
  Conv2d,
  ConvTranspose2d,
  constant,
  crossEntropy,
  Dropout,
  DropPath,
  GroupNorm,
  graphFor,
  initialize,
  Lambda,
  Linear,
  Module,
  Param,
  PReLU,
  parametersOf,
  Sequential,
  stateOf,
  trace,
} from "../../src/nn/index.js";
import { mul, relu, reshape, sqrt, sub } from "../../src/ops/index.js";
import { checkModule } from "../../src/testing/index.js";
import { ort, ortEngines } from "../support/engines.js";
import { random } from "../support/random.js";

const run = async (graph: Graph, inputs: Record<string, ReturnType<typeof random>>, engine = referenceEngine()) => {
  const executable = await engine.compile(graph);
  const outputs = await executable.run(inputs);
  const state = await executable.readState();
  await executable.release();
  return { outputs, state };
};

test("keys are the paths through the fields: parameters, buffers, then children", () => {
  const model = new Sequential({
    conv: new Conv2d(3, 4, { kernelSize: 3 }),
    act: new Lambda(relu),
    bn: new BatchNorm(4),
  });
  assert.deepEqual(
    [...stateOf(model).keys()],
    ["conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "bn.num_batches_tracked"],
  );
  assert.deepEqual(
    [...parametersOf(new Sequential([new Linear(2, 3), new Linear(3, 1, { bias: false })])).keys()],
    ["0.weight", "0.bias", "1.weight"],
  );
});

test("further layers have PyTorch's keys and shapes, and keep the contract of a module on every engine", async () => {
  const layers = new Sequential({
    norm: new GroupNorm(2, 4),
    act: new PReLU(4),
    up: new ConvTranspose2d(4, 6, { kernelSize: 2, stride: 2, groups: 2 }),
    plain: new GroupNorm(3, 6, { affine: false }),
    one: new PReLU(),
  });
  assert.deepEqual(
    [...stateOf(layers)].map(([path, { shape }]) => `${path} ${shape}`),
    ["norm.weight 4", "norm.bias 4", "act.weight 4", "up.weight 4,3,2,2", "up.bias 6", "one.weight 1"],
  );
  await checkModule(layers, random([2, 4, 3, 3]), { engines: ortEngines });
  assert.deepEqual([...toFloat64(initialize(new PReLU(2)).weight.value).data], [0.25, 0.25]);
  assert.throws(() => new GroupNorm(3, 4), /GroupNorm: 4 channels must divide into 3 groups/);
  assert.throws(
    () => new ConvTranspose2d(4, 3, { kernelSize: 1, groups: 2 }),
    /ConvTranspose2d: inChannels 4 and outChannels 3/,
  );
});

test("initial values depend on the seed and the path alone", () => {
  const values = (seed: number) =>
    toFloat64(
      stateOf(initialize(new Sequential({ a: new Linear(3, 3), b: new Linear(3, 3) }), { seed })).get("b.weight")!
        .value,
    ).data;
  assert.deepEqual(values(1), values(1));
  assert.notDeepEqual(values(1), values(2));
  const alone = initialize(new Sequential({ b: new Linear(3, 3) }), { seed: 1 });
  assert.deepEqual(toFloat64(stateOf(alone).get("b.weight")!.value).data, values(1));
});

test("default initialization is within ±1/√fan-in and fills that range", () => {
  const { data } = toFloat64(initialize(new Linear(100, 200)).weight.value);
  assert.ok(
    Math.max(...data) <= 0.1 && Math.max(...data) > 0.0999 && Math.min(...data) >= -0.1 && Math.min(...data) < -0.0999,
  );
});

test("batch norm in training moves its statistics as PyTorch does", async () => {
  const norm = new BatchNorm(1, { momentum: 0.25 });
  const graph = graphFor(norm, { training: true });
  graph.output("y", norm.call(graph.input("x", { dtype: "float", shape: [4, 1] })));
  for (const engine of [referenceEngine(), ort]) {
    const { outputs, state } = await run(
      graph,
      { x: { dtype: "float64", shape: [4, 1], data: Float64Array.of(1, 2, 3, 6) } },
      engine,
    );
    // Mean 3, biased variance 3.5, unbiased 14/3.
    const at = (param: Param) => Number(state.get(param)!.data[0]);
    assert.ok(Math.abs(at(norm.running_mean) - 0.75) < 1e-6);
    assert.ok(Math.abs(at(norm.running_var) - (0.75 + 0.25 * (14 / 3))) < 1e-6);
    assert.equal(at(norm.num_batches_tracked), 1);
    assert.ok(Math.abs(Number(outputs.y!.data[3]) - 3 / Math.sqrt(3.5 + 1e-5)) < 1e-5);
  }
});

test("a batch norm that is used twice in one step moves its statistics twice", async () => {
  const norm = new BatchNorm(1, { momentum: 0.5 });
  const graph = graphFor(norm, { training: true });
  const x = graph.input("x", { dtype: "float", shape: [2, 1] });
  norm.call(x);
  norm.call(x);
  const { state } = await run(graph, { x: { dtype: "float64", shape: [2, 1], data: Float64Array.of(3, 5) } });
  assert.deepEqual(
    [Number(state.get(norm.running_mean)!.data[0]), Number(state.get(norm.num_batches_tracked)!.data[0])],
    [3, 2],
  );
});

test("the variance survives a mean that is a thousand times the deviation", async () => {
  const norm = initialize(new BatchNorm(2));
  const named = graphFor(norm, { training: true });
  named.output("y", norm.call(named.input("x", { dtype: "float", shape: [64, 2, 4, 4] })));
  const x = random([64, 2, 4, 4]);
  for (let i = 0; i < x.data.length; i++) x.data[i] = Math.fround(x.data[i]! + 1000);
  const [exact, fast] = [await run(named, { x }), await run(named, { x }, ort)];
  const variance = (r: typeof exact) => Number(r.state.get(norm.running_var)!.data[0]);
  assert.ok(Math.abs(variance(fast) / variance(exact) - 1) < 1e-4);
});

test("dropout keeps the mean, drops the share it should, and is the identity in evaluation", async () => {
  for (const [layer, units] of [
    [new Dropout(0.25), 4000],
    [new DropPath(0.25), 1000],
  ] as const) {
    const graph = graphFor(layer, { training: true });
    const x = graph.input("x", { dtype: "float", shape: [1000, 4] });
    graph.output("y", layer.call(x));
    assert.equal(graph.randoms.length, 1);
    const [{ name, shape }] = graph.randoms as [{ name: string; shape: readonly number[] }];
    const ones = { dtype: "float64", shape: [1000, 4], data: new Float64Array(4000).fill(1) } as const;
    const feeds = { x: ones, [name]: random(shape, { low: 0, high: 1 }) };
    const { outputs } = await run(graph, feeds);
    const values = Array.from(outputs.y!.data, Number);
    assert.deepEqual([...new Set(values)].sort(), [0, 1 / 0.75]);
    const dropped = values.filter((v) => v === 0).length / 4000;
    assert.ok(Math.abs(dropped - 0.25) < 4 * Math.sqrt((0.25 * 0.75) / units), String(dropped));
    assert.deepEqual(
      Array.from((await run(graph, feeds, ort)).outputs.y!.data, Number).map(Math.fround),
      values.map(Math.fround),
    );
    const evaluation = graphFor(layer);
    const z = evaluation.input("x", { dtype: "float", shape: [1000, 4] });
    assert.equal(layer.call(z), z);
  }
});

test("cross entropy with label smoothing", async () => {
  const graph = new Graph();
  const logits = graph.input("z", { dtype: "float", shape: [1, 3] });
  graph.output(
    "loss",
    crossEntropy(logits, graph.input("t", { dtype: "float", shape: [1, 3] }), { labelSmoothing: 0.3 }),
  );
  const z = [1, -2, 0.5];
  const shift = Math.log(z.reduce((sum, v) => sum + Math.exp(v), 0));
  const expected = -(0.1 * (z[0]! - shift) + 0.8 * (z[1]! - shift) + 0.1 * (z[2]! - shift));
  const { outputs } = await run(graph, {
    z: { dtype: "float64", shape: [1, 3], data: Float64Array.from(z) },
    t: { dtype: "float64", shape: [1, 3], data: Float64Array.of(0, 1, 0) },
  });
  assert.ok(Math.abs(Number(outputs.loss!.data[0]) - expected) < 1e-12);
});

test("tracing twice gives two complete, equal graphs", () => {
  const model = resnet(20, { numClasses: 10, attention: "cbam" });
  const [a, b] = [trace(model, [2, 3, 32, 32]), trace(model, [2, 3, 32, 32])];
  verify(a);
  assert.equal(printGraph(a), printGraph(b));
  assert.match(printGraph(a), /state %layer1\.0\.cbam\.ChannelGate\.mlp\.1\.weight: float\[1,16\]/);
});

test("errors name the module by its path", () => {
  const wrong = new Sequential({ gate: createAttention("se", 16), fc: new Linear(4, 2) });
  assert.throws(
    () => trace(wrong, [2, 8, 4, 4]),
    /^ShapeError: gate\.fc\.0 \(Linear\) › MatMul: inner sizes differ: \[2,8\] · \[16,1\]/,
  );
  class Lost extends Module {
    readonly #hidden = new Param([1], constant(1));
    override forward(x: Parameters<Module["forward"]>[0]) {
      return reshape(x.graph.state(this.#hidden), [1]);
    }
  }
  assert.throws(() => trace(new Lost(), [1]), /a parameter of shape \[1\] is not a field of the traced module/);
  assert.throws(
    () => new Conv2d(3, 4, { kernelSize: 3, groups: 2 }),
    /inChannels 3 and outChannels 4 must divide into 2 groups/,
  );
  assert.throws(
    () => trace(initialize(new BatchNorm(2)), [1, 2], { training: true }),
    /needs more than one value per channel, got input \[1,2\]/,
  );
});

test("checkModule accepts a right module, and names what is wrong with others", async () => {
  await checkModule(createAttention("se", 8, { reduction: 2 }), random([2, 8, 3, 4]), { engines: [ort] });
  class Unused extends Module {
    readonly idle = new Param([2], constant(1));
    override forward(x: Parameters<Module["forward"]>[0]) {
      return relu(x);
    }
  }
  await assert.rejects(checkModule(new Unused(), float32([2, 3], [1, 2, -3, 4, 5, -6])), /no gradient reaches idle/);
});

test("checkModule evaluates with the state that training left", async () => {
  class Signed extends Module {
    readonly mean = new Param([], constant(1), "buffer");
    override forward(x: Value): Value {
      const { graph } = x;
      if (graph.training) graph.update(this.mean, sub(graph.current(this.mean), 2));
      return mul(x, graph.training ? 1 : sqrt(graph.state(this.mean)));
    }
  }
  await assert.rejects(checkModule(new Signed(), random([2, 3])), /^FoveaError: in evaluation: /);
});

test("checkModule checks batch norm and dropout, in training and in evaluation", async () => {
  const input = random([3, 4, 5, 3]);
  const normalized = new Sequential([new Conv2d(4, 4, { kernelSize: 1, bias: false }), new BatchNorm(4)]);
  const report = await checkModule(normalized, input, { engines: [ort] });
  assert.ok(report.gradientError < 1e-8 && report.engineErrors[ort.name]! < 1e-4);
  await checkModule(new Sequential([new Conv2d(4, 2, { kernelSize: 1 }), new Dropout(0.5)]), input, { engines: [ort] });

  // Right in training, but in evaluation its parameter is left out.
  class TrainingOnly extends Module {
    readonly scale = new Param([1], constant(2));
    override forward(x: Parameters<Module["forward"]>[0]) {
      return x.graph.training ? mul(x, this.scale) : x;
    }
  }
  await assert.rejects(checkModule(new TrainingOnly(), input), /in evaluation: no gradient reaches scale/);
});

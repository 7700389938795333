import assert from "node:assert/strict";
import { test } from "node:test";
import type { InferenceSession } from "onnxruntime-common";
import * as ortNode from "onnxruntime-node";
import { copyOf, float32, type Tensor } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { compile } from "../../src/engines/ort/compile.js";
import { aliasState } from "../../src/engines/ort/passes/alias-state.js";
import { runPasses } from "../../src/engines/ort/passes/pass.js";
import { SessionHost } from "../../src/engines/ort/session.js";
import type { SessionSpec } from "../../src/engines/ort/state.js";
import { type CpuFacts, cpuBackend, cpuTarget } from "../../src/engines/ort/targets/cpu.js";
import type { OrtModule } from "../../src/engines/ort/targets/target.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { LoweredModule, LoweredNode, LoweredValue, toModel } from "../../src/formats/onnx/ir.js";
import { encodeOnnx } from "../../src/formats/onnx/proto.js";
import { standardTypes } from "../../src/formats/onnx/types.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { Conv2d, constant, globalAveragePool, Lambda, Linear, Param, Sequential } from "../../src/nn/index.js";
import { add, conv, exp, matMul, mul, reduceSum, relu, slice, sub, transpose } from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { adamw, type Optimizer, sgd, trainingStep } from "../../src/train/index.js";
import { ortBlocked, ortPlain } from "../support/engines.js";
import { random } from "../support/random.js";

/** Weights that are read once more after their own gradient is there: for the gradient of what comes before them. */
function steps(optimizer: Optimizer) {
  const input = [2, 16, 5, 5] as const;
  const layers = [
    new Conv2d(16, 32, { kernelSize: 3, padding: 1 }),
    new Conv2d(32, 48, { kernelSize: 3, padding: 1 }),
    new Lambda(globalAveragePool),
    new Linear(48, 128),
    new Linear(128, 3),
  ];
  const step = trainingStep(new Sequential(layers), { optimizer, input, numClasses: 3, ema: 0.9 });
  const feeds = { images: random(input), targets: random([2, 3], { seed: 2, low: 0, high: 1 }) };
  return {
    graph: step.graph,
    async run(engine: Engine) {
      const executable = await engine.compile(step.graph);
      const losses: Tensor[] = [];
      for (const k of [1, 2, 3])
        losses.push((await executable.run({ ...feeds, ...step.scalars(k, optimizer.lr) })).loss!);
      const state = await executable.readState();
      await executable.release();
      return { losses, state };
    },
  };
}

for (const [name, optimizer] of Object.entries({ sgd: sgd({ lr: 0.05, momentum: 0.9 }), adamw: adamw({ lr: 1e-3 }) }))
  for (const [engine, blockSize] of [
    [ortPlain, undefined],
    [ortBlocked, 16],
  ] as const)
    test(`${engine.name}: weights that ${name} writes over were read before`, async () => {
      const { graph, run } = steps(optimizer);
      const { lowered, inPlace: cells } = compile(graph, cpuTarget({ blockSize, writesInPlace: true }));
      const inPlace = lowered.states.filter(({ cell }) => cells.has(cell)).map(({ before }) => before.name);
      assert.ok(lowered.nodes.some(({ name }) => name.includes("/barrier/")));
      for (const key of ["1.weight", "3.weight"])
        assert.ok(
          inPlace.some((state) => state.endsWith(key)),
          `${key} is not among ${inPlace}`,
        );
      const [ours, theirs] = [await run(engine), await run(referenceEngine())];
      theirs.losses.forEach((loss, i) => {
        assert.ok(relativeError(ours.losses[i]!, loss) < 1e-5);
      });
      for (const [cell, value] of theirs.state) assert.ok(relativeError(ours.state.get(cell)!, value) < 1e-4);
    });

/** The largest relative error of outputs and state after three runs of a graph with cells `a`, `b` and `c`, and an input `x`, of one shape. */
async function errorOf(
  shape: readonly number[],
  build: (graph: Graph, cells: Cells, x: Value) => void,
): Promise<number> {
  const names = ["a", "b", "c"] as const;
  const make = (seed: number) => {
    const cell = new Param(shape, constant(0));
    cell.value = float32(shape, [...random(shape, { seed }).data]);
    return cell;
  };
  const cells = { a: make(1), b: make(2), c: make(3) };
  const graph = new Graph(false, (owner) => names.find((name) => cells[name] === owner));
  build(graph, cells, graph.input("x", { dtype: "float", shape }));
  const results = async (engine: Engine) => {
    const executable = await engine.compile(graph);
    const outputs: Record<string, Tensor>[] = [];
    for (const seed of [4, 5, 6]) outputs.push(await executable.run({ x: random(shape, { seed }) }));
    const state = await executable.readState();
    await executable.release();
    const updated = graph.updates.map(({ cell }) => state.get(cell)!);
    return [...outputs.flatMap((output) => [...graph.outputs.keys()].map((name) => output[name]!)), ...updated];
  };
  const [ours, theirs] = [await results(ortPlain), await results(referenceEngine())];
  return Math.max(...theirs.map((value, i) => relativeError(ours[i]!, value)));
}
type Cells = Readonly<Record<"a" | "b" | "c", Param>>;

test("large cells may be computed from each other", async () => {
  const error = await errorOf([5000], (graph, { a, b, c }) => {
    graph.update(a, mul(graph.state(b), 2));
    graph.update(b, mul(graph.state(a), 3));
    graph.update(c, add(add(graph.state(c), graph.state(a)), mul(graph.state(b), graph.state(c))));
  });
  assert.ok(error < 1e-5, String(error));
});

const scaled = (x: Value) => mul(x, 0.05);
const fused: Record<string, readonly [shape: readonly number[], next: (cell: Value, x: Value) => Value]> = {
  "a product and its scaling": [[2, 140, 140], (cell, x) => scaled(matMul(x, cell))],
  "a product and its activation": [[140, 140], (cell, x) => relu(matMul(scaled(x), cell))],
  "a product and its transpose": [[140, 140], (cell, x) => transpose(matMul(scaled(x), cell), [1, 0])],
  "a convolution and its activation": [
    [16, 16, 12, 12],
    (cell, x) => relu(conv(cell, scaled(slice(slice(x, 2, 0, 3), 3, 0, 3)), undefined, { padding: 1 })),
  ],
};
for (const [name, [shape, next]] of Object.entries(fused))
  test(`a cell may become what ONNX Runtime computes from it at once: ${name}`, async () => {
    const error = await errorOf(shape, (graph, { a }, x) => graph.update(a, next(graph.state(a), x)));
    assert.ok(error < 1e-4, String(error));
  });

test("what an output reads of a cell is read before it is written, though another output is the same", async () => {
  const old = await errorOf([5000], (graph, { a }, x) => {
    graph.update(a, sub(graph.state(a), x));
    graph.output("sum", reduceSum(x, [0]));
    for (const name of ["first", "second"]) graph.output(name, graph.state(a));
  });
  assert.ok(old < 1e-5, String(old));
  const equal = await errorOf([5000], (graph, { a }, x) => {
    graph.update(a, sub(graph.state(a), exp(x)));
    for (const name of ["first", "second", "third"]) graph.output(name, mul(graph.state(a), x));
  });
  assert.ok(equal < 1e-5, String(equal));
});

test("outputs may have the names that states get", async () => {
  const error = await errorOf([5000], (graph, { a }, x) => {
    graph.update(a, sub(graph.state(a), x));
    for (const name of ["a", "next/a", "sentinel", "zero"]) graph.output(name, add(x, name.length));
  });
  assert.ok(error < 1e-5, String(error));
});

// Models by hand --------------------------------------------------------------------------------------------------------

const typed = (size = 4096) => ({ dtype: "float32", shape: [size] }) as const;
type Line = readonly [type: string, inputs: readonly string[], output: string];
const node = (...line: Line): Line => line;

/** What is written over, and after which nodes' results each node waits, in a step with inputs `w` and `g`, the constant `k`, and outputs `y` and `w'`. */
function kept(lines: readonly Line[], size = 4096) {
  const module = new LoweredModule(17, standardTypes);
  const type = typed(size);
  const [g, w] = ["g", "w"].map((name) => new LoweredValue(name, type, { kind: "input" }));
  const tensor = float32([1], [2]);
  const k = new LoweredValue("k", { dtype: "float32", shape: [1] }, { kind: "constant", tensor });
  const values = new Map([g!, w!, k].map((value) => [value.name, value]));
  for (const [type, inputs, output] of lines) {
    const read = inputs.map((name) => values.get(name)!);
    const types = [{ dtype: type === "Size" ? "int64" : "float32", shape: undefined } as const];
    const made = new LoweredNode(`node_${output}`, { type, attributes: {} }, read, types);
    made.outputs[0]!.name = output;
    values.set(output, made.outputs[0]!);
    module.nodes.push(made);
  }
  const cell = new Param([size], constant(0));
  const after = { name: "w'", value: values.get("w'")!, type };
  module.inputs = [g!, w!];
  module.constants = [k];
  module.outputs = [{ name: "y", value: values.get("y") ?? values.get("w'")!, type }, after];
  module.states = [{ cell, before: w!, after }];
  const target = cpuTarget({ blockSize: undefined, writesInPlace: true });
  const result = runPasses(new Graph(), target, { given: (empty) => ({ ...empty, lowered: module }), aliasState });
  const signals = module.nodes.filter(({ type }) => type === "Size").map(({ inputs }) => inputs[0]!.name);
  return { ...result, inPlace: result.inPlace.has(cell), signals };
}

test("whoever reads a state is waited for by who writes it, unless it depends on them anyway", () => {
  const last = node("Sub", ["w", "g"], "w'");
  assert.deepEqual(kept([node("Mul", ["w", "g"], "y"), last]).signals, ["y"]);
  const twice = [node("Exp", ["g"], "y"), node("Mul", ["w", "y"], "wy"), node("Sub", ["w", "wy"], "w'")];
  assert.deepEqual(kept(twice).signals, []);
  assert.equal(kept(twice).inPlace, true);
});

test("what is made of a state and constants alone is the state itself", () => {
  const turned = [
    node("Transpose", ["w"], "t"),
    node("Mul", ["t", "k"], "tk"),
    node("MatMul", ["g", "tk"], "y"),
    node("Sub", ["w", "g"], "w'"),
  ];
  assert.deepEqual(kept(turned).signals, ["y"]);
  const scaled = [node("Exp", ["g"], "y"), node("Mul", ["w", "k"], "wk"), node("Add", ["wk", "g"], "w'")];
  assert.deepEqual(kept(scaled).signals, []);
  assert.equal(kept(scaled).inPlace, true);
  const byConstants = [
    node("Exp", ["k"], "e"),
    node("Mul", ["w", "e"], "we"),
    node("MatMul", ["g", "we"], "y"),
    node("Mul", ["we", "g"], "weg"),
    node("Sub", ["w", "weg"], "w'"),
  ];
  assert.deepEqual(kept(byConstants).signals, ["y"], "ONNX Runtime computes e before the first run");
  const view = [
    node("Size", ["g"], "axis"),
    node("Unsqueeze", ["w", "axis"], "v"),
    node("Mul", ["v", "g"], "y"),
    node("Sub", ["w", "axis"], "w'"),
  ];
  assert.deepEqual(kept(view).signals.slice(1), ["y"], "a view is the state itself, whoever decides on its axes");
});

test("what writes over a state stays apart from products with it", () => {
  const product = [node("MatMul", ["g", "w"], "p"), node("Mul", ["p", "k"], "w'")];
  assert.deepEqual(kept(product).signals, ["p"], "ONNX Runtime would make one product of these");
  const step = [node("MatMul", ["g", "w"], "p"), node("Exp", ["p"], "e"), node("Sub", ["w", "e"], "w'")];
  assert.deepEqual(kept(step).signals, ["e"]);
});

test("old and new contents have an array each where one cannot be written over", () => {
  const y = node("Exp", ["g"], "y");
  const cases = {
    "a reader after the writer": [node("Sub", ["w", "g"], "w'"), node("Add", ["w", "w'"], "y")],
    "a writer that reads elsewhere than it writes": [y, node("CumSum", ["w", "g"], "w'")],
    "elements in another order": [y, node("Transpose", ["w"], "t"), node("Add", ["t", "g"], "w'")],
    "elements in two orders": [
      y,
      node("Transpose", ["w"], "t"),
      node("Add", ["w", "t"], "s"),
      node("Add", ["s", "g"], "w'"),
    ],
    "an output that is the state": [node("Identity", ["w"], "y"), node("Sub", ["w", "g"], "w'")],
    "an output made of the state and constants": [node("Mul", ["w", "k"], "y"), node("Sub", ["w", "g"], "w'")],
    "an output that may be computed twice": [
      node("Mul", ["w", "g"], "y"),
      node("Mul", ["w", "g"], "z"),
      node("Sub", ["w", "z"], "w'"),
    ],
  };
  for (const [name, nodes] of Object.entries(cases)) assert.equal(kept(nodes).inPlace, false, name);
  const waits = [node("Mul", ["w", "g"], "y"), node("Sub", ["w", "g"], "w'")];
  assert.deepEqual(
    [kept(waits).inPlace, kept(waits, 512).inPlace],
    [true, false],
    "small states do not make others wait",
  );
});

// Hosts ---------------------------------------------------------------------------------------------------------------

/** ONNX Runtime, but sessions run as told. */
const withRun = (
  run: (session: InferenceSession, ...args: Parameters<InferenceSession["run"]>) => unknown,
): OrtModule => ({
  Tensor: ortNode.Tensor,
  InferenceSession: {
    ...ortNode.InferenceSession,
    async create(...args: Parameters<typeof ortNode.InferenceSession.create>) {
      const session = await ortNode.InferenceSession.create(...args);
      return {
        run: (...given: Parameters<InferenceSession["run"]>) => run(session, ...given),
        release: () => session.release(),
      };
    },
  } as unknown as OrtModule["InferenceSession"],
});

const hostOf = (ort: OrtModule) => new SessionHost({ ...cpuBackend(), load: async () => ({ ort }) });

/** w' = w − g, with the output y = w·g. */
function spec(): SessionSpec {
  const step = kept([node("Mul", ["w", "g"], "y"), node("Sub", ["w", "g"], "w'")]);
  const initial = { ...random([4096]), dtype: "float32" } as unknown as Tensor;
  return {
    model: encodeOnnx(toModel(step.lowered)),
    inputs: [{ name: "g", ...typed() }],
    outputs: [{ name: "y", ...typed() }],
    states: [
      { before: "w", after: "w'", initial: copyOf(float32([4096], [...initial.data].map(Number))), inPlace: true },
    ],
    constants: {},
    sentinel: step.sentinel,
  };
}
const ones = { g: float32([4096], Array<number>(4096).fill(1)) };

test("the binding for Node writes in place, and copies nothing", async () => {
  const host = hostOf(ortNode);
  assert.equal(((await host.ask({ kind: "probe" })) as CpuFacts).writesInPlace, true);
  const given = spec();
  const array = given.states[0]!.initial.data;
  const first = array[0] as number;
  const session = 7;
  await host.ask({ kind: "create", session, spec: given });
  const { y } = (await host.ask({ kind: "run", session, inputs: ones })) as Record<string, Tensor>;
  assert.deepEqual([y!.data[0], array[0]], [first, Math.fround(first - 1)]);
  await host.stop();
});

test("a binding that leaves the arrays as they are, or says something else, does not", async () => {
  for (const run of [() => ({}), () => Promise.reject(new Error("out of memory"))])
    assert.equal(((await hostOf(withRun(run)).ask({ kind: "probe" })) as CpuFacts).writesInPlace, false);
});

test("a state that a failing run may have changed is not handed out", async () => {
  const host = hostOf(withRun(() => Promise.reject(new Error("out of memory"))));
  const session = 7;
  await host.ask({ kind: "create", session, spec: spec() });
  await assert.rejects(host.ask({ kind: "run", session, inputs: ones }), /out of memory/);
  for (const request of [
    { kind: "readState", session, index: 0 } as const,
    { kind: "run", session, inputs: ones } as const,
  ])
    await assert.rejects(host.ask(request), /the state is lost/);
  await host.stop();
});

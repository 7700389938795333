import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { performance } from "node:perf_hooks";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { float32, type Tensor, tensor, toFloat64 } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { ortEngine } from "../../src/engines/ort/node.js";
import { ortWebEngine } from "../../src/engines/ort/web.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { Graph } from "../../src/graph/graph.js";
import { resnet } from "../../src/models/index.js";
import { constant, graphFor, Module, Param } from "../../src/nn/index.js";
import {
  add,
  averagePool,
  cast,
  equal,
  matMul,
  mul,
  neg,
  pad,
  reduceSum,
  relu,
  sub,
  where,
} from "../../src/ops/index.js";
import { sgd, trainingStep } from "../../src/train/index.js";
import { noWeb, ort, ortWeb } from "../support/engines.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";

/** A module with a learned and a constant cell. */
class Two extends Module {
  readonly moving = new Param([2], constant(1));
  readonly fixed = new Param([2], constant(10));
  override forward(x: Parameters<Module["forward"]>[0]) {
    return add(mul(x, this.moving), this.fixed);
  }
}

const numbers = (t: { data: ArrayLike<number | bigint> } | undefined) =>
  Array.from(t!.data as ArrayLike<number>, Number);

/** Three cells that start at 0, to each of which every run adds x, and what they hold. */
async function counters(engine: Engine) {
  const cells = Array.from({ length: 3 }, () => new Param([1], constant(0)));
  for (const cell of cells) cell.value = float32([1], [0]);
  const graph = new Graph(false, (owner) => `cell${cells.indexOf(owner as Param)}`);
  const x = graph.input("x", { dtype: "float", shape: [1] });
  for (const cell of cells) graph.update(cell, add(graph.state(cell), x));
  const executable = await engine.compile(graph);
  const read = async () => {
    const state = await executable.readState();
    return cells.map((cell) => numbers(state.get(cell))[0]);
  };
  return { executable, read };
}

/** The engine as browsers have it, on the calling thread. */
const ortHere = { ...ortWebEngine({ threads: 1 }), name: "ort-web on the calling thread" };
after(() => ortHere.release());

for (const engine of [referenceEngine(), ort, ortWeb, ortHere]) {
  const options = { skip: engine === ortWeb || engine === ortHere ? noWeb : false };

  test(`${engine.name}: state moves from run to run, and everything else stays`, options, async () => {
    const module = new Two();
    const graph = graphFor(module);
    const x = graph.input("x", { dtype: "float", shape: [2] });
    graph.output("y", module.call(x));
    graph.update(module.moving, add(graph.state(module.moving), x));
    const executable = await engine.compile(graph);
    const run = async (...v: number[]) => numbers((await executable.run({ x: float32([2], v) })).y);
    assert.deepEqual(await run(1, 2), [11, 12]);
    assert.deepEqual(await run(1, 1), [12, 13]);
    assert.deepEqual(await run(0, 0), [10, 10]);
    const state = await executable.readState();
    assert.deepEqual([...state.keys()], [module.moving]);
    assert.deepEqual(numbers(state.get(module.moving)), [3, 4]);
    assert.deepEqual(numbers(module.moving.value), [1, 1], "the module itself is untouched");
    await executable.release();
  });

  test(`${engine.name}: updates see the state before the run, whatever their order`, options, async () => {
    const cells = { a: new Param([1], constant(1)), b: new Param([1], constant(2)) };
    const graph = new Graph(false, (owner) => Object.entries(cells).find(([, cell]) => cell === owner)?.[0]);
    for (const cell of Object.values(cells))
      cell.value = tensor("float32", [1], Float32Array.of(cell === cells.a ? 1 : 2));
    graph.update(cells.a, add(graph.state(cells.b), 0));
    graph.update(cells.b, add(graph.state(cells.a), 0));
    const executable = await engine.compile(graph);
    await executable.run({});
    const state = await executable.readState();
    assert.deepEqual([numbers(state.get(cells.a)), numbers(state.get(cells.b))], [[2], [1]]);
    await executable.release();
  });

  test(`${engine.name}: two cells that began as the same array stay two`, options, async () => {
    const shared = tensor("float32", [1], Float32Array.of(5));
    const [p, q] = [new Param([1], constant(0)), new Param([1], constant(0))];
    p.value = shared;
    q.value = shared;
    const graph = new Graph(false, (owner) => (owner === p ? "p" : "q"));
    graph.update(p, add(graph.state(p), 1));
    graph.update(q, sub(graph.state(q), 1));
    const executable = await engine.compile(graph);
    for (let i = 0; i < 3; i++) await executable.run({});
    const state = await executable.readState();
    assert.deepEqual([numbers(state.get(p)), numbers(state.get(q))], [[8], [2]]);
    assert.deepEqual(numbers(shared), [5]);
    await executable.release();
  });

  test(`${engine.name}: names of outputs, inputs and state may collide`, options, async () => {
    const cell = new Param([1], constant(3));
    cell.value = float32([1], [3]);
    const graph = new Graph(false, () => "y");
    const x = graph.input("x", { dtype: "float", shape: [1] });
    graph.output("y", mul(graph.state(cell), x));
    graph.output("x2", x);
    const executable = await engine.compile(graph);
    const result = await executable.run({ x: float32([1], [4]) });
    assert.deepEqual([numbers(result.y), numbers(result.x2)], [[12], [4]]);
    await executable.release();
  });

  test(`${engine.name}: an output may be padded and pooled as well`, options, async () => {
    const graph = new Graph();
    const y = relu(graph.input("x", { dtype: "float", shape: [1, 1, 2, 2] }));
    graph.output("y", y);
    graph.output("pooled", averagePool(pad(y, { axis: 2, before: 1, after: 0 }), { kernelSize: [3, 2] }));
    const executable = await engine.compile(graph);
    const result = await executable.run({ x: float32([1, 1, 2, 2], [6, -1, 3, 9]) });
    assert.deepEqual([numbers(result.y), numbers(result.pooled)], [[6, 0, 3, 9], [3]]);
    await executable.release();
  });

  test(`${engine.name}: integer constants of 32 bits compare with inputs`, options, async () => {
    const graph = new Graph();
    const x = graph.input("x", { dtype: "int", shape: [3] });
    graph.output("y", cast(equal(x, graph.constant(tensor("int32", [3], Int32Array.of(1, 5, 3))))));
    const executable = await engine.compile(graph);
    const { y } = await executable.run({ x: tensor("int64", [3], BigInt64Array.of(1n, 2n, 3n)) });
    assert.deepEqual(numbers(y), [1, 0, 1]);
    await executable.release();
  });

  test(`${engine.name}: an empty batch is refused`, options, async () => {
    const graph = new Graph();
    graph.output("y", reduceSum(graph.input("images", { dtype: "float", shape: ["N", 3] }), [1]));
    const executable = await engine.compile(graph);
    await assert.rejects(executable.run({ images: float32([0, 3], []) }), /run: input "images" is empty, \[0,3\]/);
    await executable.release();
  });

  test(`${engine.name}: wrong inputs are refused by name`, options, async () => {
    const graph = new Graph();
    graph.output("y", reduceSum(graph.input("images", { dtype: "float", shape: [2, 3] }), [0]));
    const executable = await engine.compile(graph);
    await assert.rejects(executable.run({}), /run: input "images" \[2,3\] is missing/);
    await assert.rejects(executable.run({ image: random([2, 3]) }), /Unknown input "image"\. Did you mean "images"\?/);
    await assert.rejects(
      executable.run({ images: random([3, 2]) }),
      /run: input "images" must be \[2,3\], got \[3,2\]/,
    );
    await executable.release();
    await assert.rejects(engine.compile(new Graph()), /the graph has neither outputs nor updates/);
  });

  test(`${engine.name}: an array may be a view, and integers of any width`, options, async () => {
    const graph = new Graph();
    const [x, i] = [graph.input("x", { dtype: "float", shape: [2] }), graph.input("i", { dtype: "int", shape: [2] })];
    graph.output("y", where(equal(i, graph.constant(tensor("int64", [2], BigInt64Array.of(3n, 4n)))), x, neg(x)));
    const executable = await engine.compile(graph);
    const view = Float32Array.of(9, 9, 1, 2).subarray(2);
    for (const i of [tensor("int64", [2], BigInt64Array.of(3n, 5n)), tensor("int32", [2], Int32Array.of(3, 5))])
      assert.deepEqual(numbers((await executable.run({ x: tensor("float32", [2], view), i })).y), [1, -2]);
    await executable.release();
  });

  test(`${engine.name}: arrays that do not fill their shapes are refused, and the state stays`, options, async () => {
    const { executable, read } = await counters(engine);
    await executable.run({ x: float32([1], [1]) });
    const short = { dtype: "float32", shape: [1], data: new Float32Array(0) } as const;
    await assert.rejects(executable.run({ x: short }), /input "x" of shape \[1\] must hold 1 numbers, holds 0/);
    assert.deepEqual(await read(), [1, 1, 1]);
    await executable.release();
  });

  test(`${engine.name}: calls that are not waited for take effect in their order`, options, async () => {
    const { executable, read } = await counters(engine);
    const run = () => executable.run({ x: float32([1], [1]) });
    const states = [read(), run(), read(), run(), run(), read()];
    const released = executable.release();
    assert.deepEqual(await Promise.all([states[0], states[2], states[5]]), [
      [0, 0, 0],
      [1, 1, 1],
      [3, 3, 3],
    ]);
    await Promise.all([...states, released]);
  });

  test(`${engine.name}: an input may be called as what the engine makes would be`, options, async () => {
    const graph = new Graph();
    const x = graph.input("float_2", { dtype: "float", shape: [] });
    const y = add(mul(x, 2), x);
    graph.output("Mul_0", y);
    const executable = await engine.compile(graph);
    assert.deepEqual(numbers((await executable.run({ float_2: float32([], [5]) })).Mul_0), [15]);
    await executable.release();
  });

  test(`${engine.name}: a cell may be called as what the engine makes would be`, options, async () => {
    for (const name of ["float_2", "const_0", "Mul_0"])
      for (const learns of [false, true]) {
        const cell = Object.assign(new Param([1], constant(0)), { value: float32([1], [5]) });
        const graph = new Graph(false, () => name);
        const state = graph.state(cell);
        const x = graph.input("x", { dtype: "float", shape: [1] });
        graph.output("y", add(mul(mul(x, 2), graph.constant(float32([1], [3]))), state));
        if (learns) graph.update(cell, add(state, 1));
        const executable = await engine.compile(graph);
        assert.deepEqual(numbers((await executable.run({ x: float32([1], [1]) })).y), [11], name);
        await executable.release();
      }
  });

  test(`${engine.name}: numbers and vectors of half precision are updated as others are`, options, async () => {
    const one: readonly Tensor[] = [
      tensor("float16", [2], Uint16Array.of(0x3c00, 0x3c00)),
      float32([2], [1, 1]),
      float32([], [1]),
    ];
    for (const values of [one, [...one].reverse()]) {
      const cells = values.flatMap((value) =>
        Array.from({ length: 4 }, () => Object.assign(new Param(value.shape, constant(0)), { value })),
      );
      const graph = new Graph(false, (owner) => `cell${cells.indexOf(owner as Param)}`);
      const four = mul(graph.constant(float32([], [2])), 2);
      for (const cell of cells) graph.update(cell, cell.shape.length === 0 ? four : mul(graph.state(cell), 2));
      const executable = await engine.compile(graph);
      await executable.run({});
      const state = await executable.readState();
      for (const cell of cells)
        assert.ok(numbers(state.get(cell)).every((v) => v === (cell.shape.length === 0 ? 4 : 2)));
      await executable.release();
    }
  });

  test(`${engine.name}: a symbolic batch takes any batch`, options, async () => {
    const graph = new Graph();
    const x = graph.input("x", { dtype: "float", shape: ["N", 3] });
    graph.output("y", matMul(x, graph.constant(random([3, 2]))));
    const executable = await engine.compile(graph);
    for (const n of [1, 4]) assert.deepEqual((await executable.run({ x: random([n, 3]) })).y!.shape, [n, 2]);
    await executable.release();
  });
}

test("ort: the event loop stays free while a training step runs", async () => {
  const optimizer = sgd({ lr: 0.1 });
  const { graph } = trainingStep(resnet(20, { numClasses: 1000 }), {
    optimizer,
    input: [16, 3, 32, 32],
    numClasses: 1000,
  });
  const executable = await ort.compile(graph);
  const feeds = {
    images: random([16, 3, 32, 32]),
    targets: random([16, 1000], { low: 0, high: 0.002 }),
    "scalar/lr": tensor("float64", [], Float64Array.of(0.1)),
  };
  await executable.run(feeds);
  // Where the machine does other things, they may stop this thread for long, but not in every one of ten steps.
  let best = 1;
  for (let i = 0; i < 10 && best >= 1 / 2; i++) best = Math.min(best, await blockedShare(() => executable.run(feeds)));
  await executable.release();
  assert.ok(best < 1 / 2, `blocked for ${(100 * best).toFixed(0)} % of a step`);
});

/** The longest time for which work keeps this thread from doing anything else, as a share of the work. */
async function blockedShare(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let [longest, last, running] = [0, started, true];
  const tick = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (running) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  running = false;
  const now = performance.now();
  return Math.max(longest, now - last) / (now - started);
}

test("averaging the weights does not change how they train", { skip: ifLong }, async () => {
  const losses = async (ema: number | null) => {
    const { graph, scalars } = trainingStep(resnet(20, { numClasses: 10 }), {
      optimizer: sgd({ lr: 0.1 }),
      input: [4, 3, 16, 16],
      numClasses: 10,
      ema,
    });
    const executable = await ort.compile(graph);
    const targets = tensor(
      "float32",
      [4, 10],
      Float32Array.from({ length: 40 }, (_, i) => +(i % 11 === 0)),
    );
    const out: number[] = [];
    for (let i = 0; i < 3; i++)
      out.push(
        toFloat64(
          (
            await executable.run({
              images: random([4, 3, 16, 16]),
              targets,
              ...scalars(i + 1, 0.1),
            })
          ).loss!,
        ).data[0]!,
      );
    await executable.release();
    return out;
  };
  assert.deepEqual(await losses(0.9), await losses(null));
});

test("an engine that is released in the middle of a run answers first", async () => {
  const engine = ortEngine({ threads: 1 });
  const graph = new Graph(false);
  const side = 1024;
  const x = graph.input("x", { dtype: "float", shape: [side, side] });
  graph.output("y", matMul(matMul(x, x), x));
  const executable = await engine.compile(graph);
  const feeds = { x: tensor("float32", [side, side], new Float32Array(side * side).fill(1 / side)) };
  await executable.run(feeds);
  const answer = executable.run(feeds);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await engine.release();
  assert.ok(Math.abs(Number((await answer).y!.data[0]) - 1 / side) < 1e-6);
});

test("what is released says so, and is not mistaken for another", async () => {
  const engine = ortEngine({ threads: 1 });
  const times = async (factor: number) => {
    const graph = new Graph();
    graph.output("y", mul(graph.input("x", { dtype: "float", shape: [1] }), factor));
    return engine.compile(graph);
  };
  const x = float32([1], [1]);
  const first = await times(10);
  const answer = first.run({ x });
  await engine.release();
  assert.deepEqual(numbers((await answer).y), [10]);
  const second = await times(1000);
  await assert.rejects(first.run({ x }), /this executable has been released, or its engine has/);
  assert.deepEqual(numbers((await second.run({ x })).y), [1000]);
  await second.release();
  await second.release();
  await engine.release();
});

test("an array that is none is refused, and the process ends", async () => {
  const from = (path: string) => new URL(`../../src/${path}`, import.meta.url).href;
  const code = `
    import { ortEngine } from "${from("engines/ort/node.js")}";
    import { Graph } from "${from("graph/graph.js")}";
    import { relu } from "${from("ops/index.js")}";
    const graph = new Graph();
    graph.output("y", relu(graph.input("x", { dtype: "float", shape: ["N"] })));
    const executable = await ortEngine().compile(graph);
    const data = { length: 1, byteLength: 4, buffer: { byteLength: 4 }, 0: () => 1 };
    await executable.run({ x: { dtype: "float32", shape: [1], data } }).catch(({ name }) => console.log(name));`;
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code.trim()], {
    timeout: 20_000,
  });
  const { stdout } = await run;
  assert.equal(stdout, "OptionError\n");
});

test("options that are none are refused", () => {
  const bad = { layout: "planar" } as object;
  assert.throws(() => ortEngine(bad), /ortEngine: layout must be one of auto, plain, blocked, got "planar"/);
  for (const threads of [0, 1.5, Number.NaN])
    for (const create of [ortEngine, ortWebEngine])
      assert.throws(() => create({ threads }), /threads must be an integer from 1 to 1024, got/);
});

test("an input and an output of one name are refused", async () => {
  const graph = new Graph();
  graph.output("x", relu(graph.input("x", { dtype: "float", shape: [1] })));
  await assert.rejects(ort.compile(graph), /an input and an output are both named "x"/);
});

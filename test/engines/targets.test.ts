import assert from "node:assert/strict";
import { test } from "node:test";
import * as ortNode from "onnxruntime-node";
import type { Tensor } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { reasons, rule } from "../../src/engines/ort/blocked/rule.js";
import { compile } from "../../src/engines/ort/compile.js";
import { engineIn } from "../../src/engines/ort/engine.js";
import { describeLowering, layerLowerings } from "../../src/engines/ort/lowering-report.js";
import { SessionHost } from "../../src/engines/ort/session.js";
import { cpuBackend, cpuTarget } from "../../src/engines/ort/targets/cpu.js";
import type { Backend } from "../../src/engines/ort/targets/target.js";
import { wasmBackend } from "../../src/engines/ort/targets/wasm.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { findRule, ruleFor } from "../../src/formats/onnx/writer.js";
import { type Cell, Graph } from "../../src/graph/graph.js";
import { ops } from "../../src/ops/elementwise.js";
import { add, conv, mul } from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { random } from "../support/random.js";
import { training } from "./small-graphs.js";

const graph = training();
const feeds = {
  images: random([4, 3, 16, 16]),
  targets: random([4, 10], { seed: 2, low: 0, high: 0.2 }),
  "scalar/lr": random([], { low: 0.01, high: 0.02 }),
};

/** Outputs and state after two steps. */
async function twoSteps(engine: Engine): Promise<{ loss: Tensor; state: Map<Cell, Tensor> }> {
  const executable = await engine.compile(graph);
  await executable.run(feeds);
  const { loss } = await executable.run(feeds);
  const state = await executable.readState();
  await executable.release();
  return { loss: loss!, state };
}
const expected = await twoSteps(referenceEngine());

async function agrees(engine: Engine): Promise<void> {
  const { loss, state } = await twoSteps(engine);
  await engine.release();
  assert.ok(relativeError(loss, expected.loss) < 1e-4, "loss");
  for (const [cell, value] of expected.state) {
    const error = relativeError(state.get(cell)!, value);
    assert.ok(error < 2e-3, `[${cell.shape}]: ${error}`);
  }
}

/** An engine on the calling thread. */
const engineOf = (backend: Backend): Engine => engineIn(new SessionHost(backend, 1), backend);

/** The CPU, with some facts of its probe denied. */
const denied = (facts: object): Backend => {
  const backend = cpuBackend() as Backend;
  return { ...backend, probe: async (ort) => ({ ...((await backend.probe(ort)) as object), ...facts }) };
};

test("where a probe says no, the fallback computes the same", async () => {
  const blockSize = undefined;
  for (const facts of [{}, { blockSize }, { writesInPlace: false }, { blockSize, writesInPlace: false }])
    await agrees(engineOf(denied(facts)));
});

test("what the probes say decides what is emitted", () => {
  const types = (blockSize: number | undefined, writesInPlace: boolean) => {
    const { lowered, inPlace } = compile(graph, cpuTarget({ blockSize, writesInPlace }));
    const isBlocked = lowered.nodes.some(({ operation }) => operation.domain === "com.microsoft.nchwc");
    const hasSentinel = lowered.nodes.some(({ type }) => type === "SequenceConstruct");
    return [isBlocked, hasSentinel, inPlace.size > 0];
  };
  assert.deepEqual(types(16, true), [true, true, true]);
  assert.deepEqual(types(undefined, true), [false, true, true]);
  assert.deepEqual(types(8, false), [true, false, false]);
});

test("arrays that cannot be transferred are not freed, and nothing else changes", async () => {
  const { MessageChannel } = globalThis;
  globalThis.MessageChannel = class extends MessageChannel {
    constructor() {
      super();
      this.port1.postMessage = () => {
        throw new Error("could not be cloned");
      };
    }
  };
  try {
    await agrees(engineOf(denied({ writesInPlace: false })));
  } finally {
    globalThis.MessageChannel = MessageChannel;
  }
});

// A new target is one object: how it is loaded, what it can do, by which rules a graph is lowered for it.
test("a target of one's own needs nothing elsewhere", async () => {
  let negated = 0;
  const dummy: Backend = {
    name: "dummy",
    load: async () => ({ ort: ortNode, options: { executionProviders: ["cpu"], intraOpNumThreads: 1 } }),
    probe: async () => "nothing",
    async targetFor(_graph, probe) {
      assert.equal(await probe(), "nothing");
      const target = cpuTarget({ blockSize: undefined, writesInPlace: false });
      const sub = findRule(target.rules, ops.sub);
      const rule = ruleFor(ops.sub, (node, [a, b], write) => {
        negated++;
        return node.outputs[0]!.shape.length === 4
          ? [write.emit("Add", [a, write.emit("Neg", [b])])]
          : sub(node, [a, b], write);
      });
      return { ...target, name: "dummy", rules: new Map([...target.rules, rule]) };
    },
  };
  const engine = engineOf(dummy);
  assert.equal(engine.name, "dummy");
  await agrees(engine);
  assert.ok(negated > 0);
});

// A new rule is one object, in the list of a target.
test("a rule of one's own is tried first, and its reason is kept where it does not apply", async () => {
  const square = rule("dummy", [ops.mul], ({ inputs: [a, b], outputs: [y] }, context) => {
    if (a !== b) return "not a square";
    if (!context.isBlocked(a)) return reasons.plain;
    return (table) => {
      const maps = table.blocked(a);
      table.setBlocked(y, table.write.emit("Pow", [maps, table.write.number(2)]));
    };
  });
  const network = new Graph();
  const x = network.input("x", { dtype: "float", shape: [2, 16, 4, 4] });
  const y = conv(x, network.constant(random([16, 16, 3, 3])), undefined, { padding: 1 });
  network.output("y", add(mul(y, y), mul(y, x)));
  const backend = cpuBackend({ layout: "blocked" });
  const { blockSize } = await backend.probe(ortNode);
  const own: Backend = {
    ...(backend as Backend),
    async targetFor() {
      const target = cpuTarget({ blockSize, writesInPlace: false });
      const blocks = target.blocks && { ...target.blocks, rules: [square, ...target.blocks.rules] };
      return { ...target, blocks };
    },
  };
  const { graph: compiled, decisions } = compile(network, await own.targetFor(network, async () => undefined));
  const products = compiled.nodes.filter(({ op }) => op === ops.mul).map((node) => decisions.get(node));
  if (blockSize !== undefined)
    assert.deepEqual(products, [
      { rule: "dummy", reasons: [] },
      { rule: "elementwise", reasons: ["dummy: not a square"] },
    ]);
  const engine = engineOf(own);
  const feeds = { x: random([2, 16, 4, 4], { seed: 3 }) };
  const [ours, theirs] = await Promise.all(
    [engine, referenceEngine()].map(async (each) => (await (await each.compile(network)).run(feeds)).y!),
  );
  await engine.release();
  assert.ok(relativeError(ours!, theirs!) < 1e-5);
});

test("the report of a lowering says of each operator by which rule it is emitted, and why not by another", () => {
  const layers = layerLowerings(compile(graph, cpuTarget({ blockSize: 16, writesInPlace: true })));
  const of = (path: string) => layers.find((layer) => layer.path === path)!.operators;
  const notWinograd = "winograd: Winograd's algorithm does not apply, or is not faster";
  const [forward] = of("block1.conv1");
  assert.deepEqual(forward, { operator: "Conv", rule: "conv", reasons: [notWinograd] });
  assert.deepEqual(
    new Set(of("block1.conv1").map(({ rule }) => rule)),
    new Set(["conv", "convWeightGrad", "elementwise"]),
  );
  for (const operator of of("block1.norm1")) assert.deepEqual([operator.rule, operator.reasons], ["norm", []]);
  const all = layers.flatMap(({ operators }) => operators);
  const plain = all.filter(({ rule }) => rule === "plain");
  assert.deepEqual(plain.find(({ operator }) => operator === "MaxPoolGrad")?.reasons, []);
  assert.ok(plain.some(({ reasons: why }) => why.includes(`elementwise: ${reasons.plain}`)));
  for (const { reasons: why } of all) for (const reason of why) assert.match(reason, /^[a-z]\w*: [a-z]/i);
  assert.equal(new Set(layers.map(({ path }) => path)).size, layers.length);
  assert.deepEqual(layerLowerings(compile(graph, cpuTarget({ blockSize: undefined, writesInPlace: true }))), []);
});

test("a lowering is described for the backend that is given", async () => {
  const backend = denied({ blockSize: 8 });
  assert.equal((await describeLowering(graph, backend)).target, "cpu, blocks of 8");
  assert.deepEqual(
    await describeLowering(
      graph,
      wasmBackend(async () => ({ ...ortNode, env: {} as never })),
    ),
    {
      target: "wasm",
      layers: [],
    },
  );
});

test("a build for WebAssembly that does not load says why", async () => {
  const fails = (error: Error) => wasmBackend(() => Promise.reject(error)).load(1);
  await assert.rejects(fails(new Error("no SIMD")), {
    name: "FoveaError",
    message:
      "ortWebEngine needs the package onnxruntime-web, which cannot be used (no SIMD): npm install --ignore-scripts onnxruntime-web@1.30.0",
  });
  await assert.rejects(fails(Object.assign(new Error("not found"), { code: "ERR_MODULE_NOT_FOUND" })), {
    message: "ortWebEngine needs the package onnxruntime-web: npm install --ignore-scripts onnxruntime-web@1.30.0",
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import * as ortNode from "onnxruntime-node";
import type { Tensor } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { compile } from "../../src/engines/ort/compile.js";
import { engineIn } from "../../src/engines/ort/engine.js";
import { SessionHost } from "../../src/engines/ort/session.js";
import { cpuBackend, cpuTarget } from "../../src/engines/ort/targets/cpu.js";
import type { Backend } from "../../src/engines/ort/targets/target.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Cell } from "../../src/graph/graph.js";
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
async function engineOf(backend: Backend): Promise<Engine> {
  return engineIn(new SessionHost(backend, await backend.load(1)), backend);
}

/** The CPU, with some facts of its probe denied. */
const denied = (facts: object): Backend => {
  const backend = cpuBackend() as Backend;
  return { ...backend, probe: async (ort) => ({ ...((await backend.probe(ort)) as object), ...facts }) };
};

test("where a probe says no, the fallback computes the same", async () => {
  const blockSize = undefined;
  for (const facts of [{}, { blockSize }, { writesInPlace: false }, { blockSize, writesInPlace: false }])
    await agrees(await engineOf(denied(facts)));
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
    await agrees(await engineOf(denied({ writesInPlace: false })));
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
      const sub = target.rules.get("Sub")!;
      const rules = new Map(target.rules).set("Sub", (node, [a, b], write) => {
        negated++;
        return node.outputs[0]!.shape.length === 4
          ? [write.emit("Add", [a, write.emit("Neg", [b])])]
          : sub(node, [a!, b!], write);
      });
      return { ...target, name: "dummy", rules };
    },
  };
  const engine = await engineOf(dummy);
  assert.equal(engine.name, "dummy");
  await agrees(engine);
  assert.ok(negated > 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "../../src/engines/ort/compile.js";
import { wasmTarget } from "../../src/engines/ort/targets/wasm.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { add, batchNorm, clip, conv, maxPool, relu } from "../../src/ops/index.js";
import { checkFunction } from "../../src/testing/check-function.js";
import { noWeb, ortWeb } from "../support/engines.js";
import { random } from "../support/random.js";

type Build = (x: Value, w: Value, c: Value) => Value;

const arrays = [random([2, 4, 6, 6]), random([4, 4, 3, 3], { seed: 2 }), random([4], { seed: 3, low: 0.5 })] as const;
const convolved: Build = (x, w) => conv(x, w, undefined, { padding: 1 });
const scaled: Build = (x, w, c) => {
  const vector = x.graph.constant(random([4], { seed: 4, low: 0.5 }));
  return batchNorm(convolved(x, w, c), c, vector, vector, vector, 1e-5);
};

const cases: Readonly<Record<string, readonly [build: Build, written: readonly string[]]>> = {
  "of a convolution": [(...of) => relu(convolved(...of)), ["Relu"]],
  "of a scaled convolution and another array": [(x, ...of) => relu(add(scaled(x, ...of), x)), ["Relu"]],
  "of anything else": [(x) => relu(maxPool(x, { kernelSize: 2 })), ["Max"]],
  "of a sum without a convolution": [(x) => relu(add(x, x)), ["Max"]],
  "with an upper bound": [(x) => clip(x, -0.25, 0.5), ["Max", "Min"]],
  "with an upper bound, of a convolution": [(...of) => clip(convolved(...of), -0.25, 0.5), ["Clip"]],
};
for (const [name, [build, written]] of Object.entries(cases))
  test(`WebAssembly: a rectifier ${name}`, { skip: noWeb }, async () => {
    const graph = new Graph(true);
    const [x, w, c] = arrays.map(({ shape }, i) => graph.input(`x${i}`, { dtype: "float", shape }));
    graph.output("y", build(x!, w!, c!));
    const types = compile(graph, wasmTarget()).lowered.nodes.map(({ type }) => type);
    assert.deepEqual(
      types.filter((type) => ["Relu", "Clip", "Max", "Min"].includes(type)),
      written,
    );
    await checkFunction((x, w, c) => build(x!, w!, c!), arrays, { engines: [ortWeb], samples: 0 });
  });

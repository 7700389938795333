import assert from "node:assert/strict";
import { test } from "node:test";
import { OptionError } from "../../src/core/errors.js";
import type { Engine } from "../../src/engines/engine.js";
import { nodeRules } from "../../src/engines/ort/engine.js";
import { ortEngine } from "../../src/engines/ort/node.js";
import { checkRegimes, defaultRegimes, type Regimes, winogradSide } from "../../src/engines/ort/regimes.js";
import type { Rule } from "../../src/formats/onnx/writer.js";
import { Graph } from "../../src/graph/graph.js";
import { convAttributes, convWeightGradOp } from "../../src/ops/conv.js";
import * as o from "../../src/ops/index.js";
import { ortBlocked } from "../support/engines.js";
import { random } from "../support/random.js";

test("a layer goes by the largest number of channels that is not above its own", () => {
  const sides = (table: Regimes["winograd"], ...channels: number[]) => channels.map((c) => winogradSide(table, c));
  assert.deepEqual(sides(defaultRegimes.winograd, 3, 64, 127, 128, 200, 256, 512, 4096), [0, 0, 0, 16, 16, 16, 16, 16]);
  assert.deepEqual(sides({ 256: 8, 64: 32, 128: 0 }, 63, 64, 127, 128, 255, 256, 1000), [0, 32, 32, 0, 0, 8, 8]);
  assert.deepEqual(sides({}, 1, 1000), [0, 0]);
});

test("a table is checked and copied", () => {
  const table = { fewImages: 7, winograd: { 64: 8 } };
  assert.deepEqual(checkRegimes({ ...table, other: 1 }, "t"), table);
  assert.deepEqual(checkRegimes(defaultRegimes, "t"), defaultRegimes);
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i + 1, 1]));
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [null, /^t must be an object, got null$/],
    [[], /^t must be an object, got a list$/],
    [{ winograd: {} }, /^t: fewImages must be a whole number from 0 to 65536, got undefined$/],
    [{ fewImages: -1, winograd: {} }, /fewImages .*got -1$/],
    [{ fewImages: 1.5, winograd: {} }, /fewImages .*got 1\.5$/],
    [{ fewImages: "4\n", winograd: {} }, /fewImages .*got string$/],
    [{ fewImages: 4 }, /^t: winograd must be an object, got undefined$/],
    [{ fewImages: 4, winograd: { many: 1 } }, /a number of channels must be .* from 1 to 65536, got NaN$/],
    [{ fewImages: 4, winograd: { 64: 1e9 } }, /the side of a map must be .* from 0 to 65536, got 1000000000$/],
    [{ fewImages: 4, winograd: many }, /at most 64 rows, got 65$/],
  ];
  for (const [value, says] of refused)
    assert.throws(
      () => checkRegimes(value, "t"),
      (error) => error instanceof OptionError && says.test(error.message),
      String(says),
    );
  assert.throws(
    () => ortEngine({ regimes: { fewImages: Number.NaN, winograd: {} } }),
    /^OptionError: ortEngine: regimes: fewImages/,
  );
});

test("up to few images a graph that learns is written plain, above them in blocks", async () => {
  const graph = new Graph(true);
  const [x, dy] = [6, 6].map((n, i) => graph.constant(random([n, 16, 5, 5], { seed: i })));
  const attributes = { ...convAttributes({ padding: 1 }), kernel: [3, 3] } as const;
  graph.output("dw", graph.apply(convWeightGradOp, [x!, dy!], attributes)[0]!);
  const isPlain = async (regimes?: Regimes) => {
    let plain = false;
    const rule: Rule = (...given) => {
      plain = true;
      return nodeRules.get("ConvWeightGrad")!(...given);
    };
    const rules = new Map([["ConvWeightGrad", rule]]);
    const engine = ortEngine({ threads: 1, rules, ...(regimes ? { regimes } : {}) });
    await engine.compile(graph);
    await engine.release();
    return plain;
  };
  assert.equal(await isPlain(), false);
  assert.equal(await isPlain({ ...defaultRegimes, fewImages: 5 }), false);
  assert.equal(await isPlain({ ...defaultRegimes, fewImages: 6 }), true);
});

test("the table says which layers go by Winograd's algorithm", async () => {
  const graph = new Graph(false);
  const x = graph.constant(random([2, 64, 6, 8]));
  const w = graph.constant(random([80, 64, 3, 3], { seed: 2 }));
  graph.output("y", o.conv(x, w, undefined, { padding: 1 }));
  const output = async (engine: Engine) => (await (await engine.compile(graph)).run({})).y!.data;
  const direct = await output(ortBlocked);
  const isDirect = async (winograd: Regimes["winograd"], allowed = true) => {
    const engine = ortEngine({ threads: 1, layout: "blocked", winograd: allowed, regimes: { fewImages: 0, winograd } });
    const y = await output(engine);
    await engine.release();
    return y.every((v, i) => v === direct[i]);
  };
  assert.equal(await isDirect({ 64: 8 }), false);
  assert.equal(await isDirect({ 32: 8, 72: 0 }), false, "the fewer of channels and filters count");
  assert.equal(await isDirect({ 64: 7 }), true, "the longer side counts");
  assert.equal(await isDirect({ 65: 8 }), true);
  assert.equal(await isDirect({ 64: 8 }, false), true, "it is not allowed");
});

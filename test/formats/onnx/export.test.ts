import assert from "node:assert/strict";
import { test } from "node:test";
import { type ExportOptions, exportedGraph, exportOnnx, opsets } from "../../../src/formats/onnx/export.js";
import { inferenceRules, lowerToOnnx } from "../../../src/formats/onnx/lower.js";
import { Graph } from "../../../src/graph/graph.js";
import { createModelByName, resnet } from "../../../src/models/index.js";
import { Conv2d, ConvTranspose2d, GroupNorm, initialize, PReLU, Sequential, trace } from "../../../src/nn/index.js";
import { add, mul } from "../../../src/ops/index.js";
import { relativeError } from "../../../src/testing/compare.js";
import { adamw, trainingStep } from "../../../src/train/index.js";
import { defaults, traceExample } from "../../attention/catalogue.js";
import { ifLong } from "../../support/long.js";
import { random } from "../../support/random.js";
import { runOnnx, runReference, unsettle } from "./support.js";

/** Exports a graph and holds every output of the file, run by ONNX Runtime, to the reference engine's. */
async function holds(graph: Graph, fixed: Graph, options: ExportOptions, limit = 1e-4): Promise<Uint8Array> {
  const bytes = exportOnnx(graph, options);
  const inputs = { input: random(fixed.inputs.get("input")!.shape as number[]) };
  const expected = await runReference(exportedGraph(fixed, options), inputs);
  const actual = await runOnnx(bytes, inputs);
  assert.deepEqual(Object.keys(actual), Object.keys(expected));
  for (const [name, value] of Object.entries(expected)) {
    const error = relativeError(actual[name]!, value);
    assert.ok(error <= limit, `${name}: ${error}`);
  }
  return bytes;
}

// One network of each family; tools/check-export.ts has them all.
const families: readonly [name: string, side: number][] = [
  ["resnet20", 16],
  ["preact_resnet20", 16],
  ["ecaresnet18", 32],
  ["eca_mobilenetv2", 32],
  ["mbv2_ca", 32],
  ["van_b0", 32],
];
for (const [name, side] of families)
  test(`${name}: the exported file computes what the network does, batch norms folded or not`, {
    skip: !/^(?:resnet20|eca_mobilenetv2)$/.test(name) && ifLong,
  }, async () => {
    const network = unsettle(createModelByName(name, { numClasses: 10 }));
    const [graph, fixed] = [trace(network, ["N", 3, side, side]), trace(network, [2, 3, side, side])];
    const folded = await holds(graph, fixed, {});
    const plain = await holds(graph, fixed, { foldBatchNorm: false });
    assert.ok(folded.length < plain.length);
  });

test("every attention module exports in the operator sets where something changed", async () => {
  for (const [i, example] of defaults.entries())
    for (const opset of ifLong ? ([i % 2 ? 21 : 13] as const) : ([13, 17, 18, 21] as const)) {
      const { graph } = traceExample(example);
      await holds(graph, graph, { opset });
    }
});

test("a network exports in every operator set, attention maps and features among its outputs", async () => {
  const network = unsettle(resnet(20, { numClasses: 10, attention: "cbam" }));
  for (const opset of opsets) {
    const [graph, fixed] = [trace(network, ["N", 3, 16, 16]), trace(network, [2, 3, 16, 16])];
    await holds(graph, fixed, { opset, attentionMaps: true, features: true });
  }
});

test("compressed weights: the file is smaller and computes with the rounded numbers", { skip: ifLong }, async () => {
  const network = unsettle(resnet(20, { numClasses: 10, attention: "se" }));
  const [graph, fixed] = [trace(network, ["N", 3, 16, 16]), trace(network, [2, 3, 16, 16])];
  const inputs = { input: random([2, 3, 16, 16]) };
  const exact = (await runReference(fixed, inputs)).output!;
  const whole = exportOnnx(graph).length;
  for (const [precision, share, cost] of [
    ["float16", 0.56, 2e-3],
    ["int8", 0.34, 5e-2],
  ] as const)
    for (const foldBatchNorm of [true, false]) {
      const options = { precision, foldBatchNorm };
      const bytes = await holds(graph, fixed, options);
      assert.ok(bytes.length < share * whole, `${precision}: ${bytes.length} of ${whole} bytes`);
      const rounded = (await runReference(exportedGraph(fixed, options), inputs)).output!;
      const error = relativeError(rounded, exact);
      assert.ok(error > 0 && error < cost, `${precision}: ${error}`);
    }
});

test("a number gets as many axes as an array whose last axis is 1, and stays a number elsewhere", () => {
  const graph = new Graph();
  const scaled = (name: string, shape: number[]) =>
    graph.output(
      name,
      mul(
        add(graph.input(`${name}/x`, { dtype: "float", shape }), 2),
        graph.input(`${name}/s`, { dtype: "float", shape: [] }),
      ),
    );
  scaled("column", [2, 3, 4, 1]);
  scaled("map", [2, 3, 1, 4]);
  const { nodes } = lowerToOnnx(graph, inferenceRules);
  assert.deepEqual(
    nodes.map(({ type, inputs }) => [type, ...inputs.map((value) => value?.name)]),
    [
      ["Reshape", "float_2", "ints_1_1_1_1"],
      ["Add", "column/x", "Reshape_0"],
      ["Reshape", "column/s", "ints_1_1_1_1"],
      ["Mul", "Add_1", "Reshape_2"],
      ["Add", "map/x", "float_2"],
      ["Mul", "Add_4", "map/s"],
    ],
  );
});

test("transposed convolutions, with groups too, are compressed and exported for any batch size", async () => {
  const network = initialize(
    new Sequential([
      new Conv2d(3, 32, { kernelSize: 3, padding: 1 }),
      new PReLU(32),
      new ConvTranspose2d(32, 32, { kernelSize: 4, stride: 2, padding: 1, groups: 4 }),
      new GroupNorm(4, 32),
      new ConvTranspose2d(32, 12, { kernelSize: 3, stride: 2, padding: 1, outputPadding: 1 }),
    ]),
  );
  const [graph, fixed] = [trace(network, ["N", 3, 8, 8]), trace(network, [2, 3, 8, 8])];
  const whole = (await holds(graph, fixed, {})).length;
  for (const [precision, share] of [
    ["float16", 0.7],
    ["int8", 0.5],
  ] as const)
    assert.ok((await holds(graph, fixed, { precision })).length < share * whole, precision);
});

test("metadata stands in the file", () => {
  const bytes = exportOnnx(trace(resnet(20, { numClasses: 2 }), ["N", 3, 8, 8]), {
    metadata: { classes: '["a","ü"]' },
  });
  assert.ok(Buffer.from(bytes).includes('["a","ü"]'));
});

test("what cannot be exported is refused, with the reason", () => {
  const network = resnet(20, { numClasses: 2 });
  const graph = trace(network, ["N", 3, 8, 8]);
  assert.throws(() => exportOnnx(graph, { opset: 12 as 13 }), /opset must be one of 13, .*21, got 12/);
  assert.throws(() => exportOnnx(graph, { precision: "int4" as "int8" }), /precision must be one of .* got "int4"/);
  const step = trainingStep(network, { optimizer: adamw(), input: [2, 3, 8, 8], numClasses: 2 });
  assert.throws(() => exportOnnx(step.graph), /has no ONNX lowering here: it is a training operator/);
});

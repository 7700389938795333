import assert from "node:assert/strict";
import { test } from "node:test";
import { float32, toFloat64 } from "../../../src/core/tensor.js";
import { createDataset, defaultPreprocessing, inputWriter } from "../../../src/data/index.js";
import { ortEngine } from "../../../src/engines/ort/node.js";
import { referenceEngine } from "../../../src/engines/reference.js";
import { exportedGraph, exportOnnx } from "../../../src/formats/onnx/export.js";
import { calibrate } from "../../../src/inference/index.js";
import { createModel } from "../../../src/models/index.js";
import { trace } from "../../../src/nn/index.js";
import { ifLong } from "../../support/long.js";
import { random } from "../../support/random.js";
import { runOnnx } from "./support.js";

const [size, count] = [32, 4];
const pixels = Uint8Array.from(random([count * 3 * size * size], { seed: 1 }).data, (v) => 128 + 40 * v);
const data = createDataset({
  name: "noise",
  classes: ["a"],
  height: size,
  width: size,
  pixels,
  labels: new Array(count).fill(0),
});
const shape = [2, 3, size, size];
const preprocessing = defaultPreprocessing(data);
const planes = new Float32Array(2 * 3 * size * size);
for (let i = 0; i < 2; i++) inputWriter(preprocessing)(await data.image(i), planes, i * 3 * size * size);
const input = float32(shape, planes);

for (const [name, options] of [
  ["resnet20", {}],
  ["resnet20", { attention: "cbam" }],
  ["resnet18", { numClasses: 10 }],
] as const)
  test(`${name} ${JSON.stringify(options)} in integers: the file computes what its graph does, near the network`, {
    skip: name === "resnet18" && ifLong,
  }, async () => {
    const model = createModel(name, options);
    const engine = ortEngine({ threads: 1 });
    try {
      const calibration = await calibrate(model, data, { engine, images: 4, batch: 2 });
      const graph = trace(model, shape);
      const integers = { precision: "int8", calibration } as const;
      const file = exportOnnx(trace(model, ["N", 3, size, size]), integers);
      const found = toFloat64((await runOnnx(file, { input })).output!).data;
      const run = async (from: typeof graph) => {
        const executable = await engine.compile(from);
        const { output } = await executable.run({ input });
        await executable.release();
        return toFloat64(output!).data;
      };
      const [simulated, plain] = [await run(exportedGraph(graph, integers)), await run(graph)];
      const largest = Math.max(...plain.map(Math.abs));
      const error = (other: Float64Array) => Math.max(...found.map((v, i) => Math.abs(v - other[i]!))) / largest;
      // A value at the middle of two steps may fall to either.
      assert.ok(error(simulated) < 0.01, `engine: ${error(simulated)}`);
      assert.ok(error(plain) < 0.1 && error(plain) > 0, `float32: ${error(plain)}`);
    } finally {
      await engine.release();
    }
  });

test("calibration sees the same on every engine, and the file of integers is a quarter", async () => {
  const model = createModel("resnet20");
  const engines = [referenceEngine(), ortEngine({ threads: 1 })];
  const small = createDataset({
    name: "noise",
    classes: ["a"],
    height: 8,
    width: 8,
    pixels: pixels.subarray(0, 192),
    labels: [0],
  });
  const [a, b] = await Promise.all(engines.map((engine) => calibrate(model, small, { engine })));
  await Promise.all(engines.map((engine) => engine.release()));
  a!.ranges.forEach(([low, high], i) => {
    const [otherLow, otherHigh] = b!.ranges[i]!;
    assert.ok(Math.abs(low - otherLow) + Math.abs(high - otherHigh) <= 0.06 * (high - low), `range ${i}`);
  });
  const graph = trace(model, ["N", 3, 32, 32]);
  const bytes = exportOnnx(graph, { precision: "int8", calibration: a! }).byteLength;
  assert.ok(bytes < 0.3 * exportOnnx(graph).byteLength, `${bytes} bytes`);
});

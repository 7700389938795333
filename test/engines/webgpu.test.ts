import assert from "node:assert/strict";
import { after, test } from "node:test";
import { withoutChromium } from "../support/chromium.js";
import { ifLong } from "../support/long.js";
import { openGpuPage } from "../support/webgpu.js";
import { faults } from "./webgpu-jobs.js";
import type * as jobs from "./webgpu-page.js";

const opened = withoutChromium ? undefined : openGpuPage();
after(async () => (await opened)?.close());

/** Runs a job of webgpu-page.ts in the page. */
const inPage = async <J extends keyof typeof jobs>(job: J) =>
  (await (
    await opened!
  ).page.evaluate(`import("/dist/test/engines/webgpu-page.js").then((jobs) => jobs.${job}())`)) as Awaited<
    ReturnType<(typeof jobs)[J]>
  >;

test("in Chromium, WebGPU trains and predicts as float64 does", { skip: withoutChromium || ifLong }, async (t) => {
  const { refused, module, shuffled, training, diverged, again } = await inPage("computed");
  const { kernels, bindings } = await inPage("asked");
  t.diagnostic(JSON.stringify({ module, training, kernels, bindings }));
  assert.match(refused, /WebGPU runs on the processor here.*use device "cpu"/);
  assert.ok(module < 1e-4, `CBAM: ${module}`);
  assert.deepEqual(shuffled, [4, 3, 4]);
  training.losses.forEach((loss, i) => {
    assert.ok(Math.abs(loss - training.exact[i]!) < 1e-4, `${training.losses} ${training.exact}`);
  });
  assert.ok(training.state < 1e-4, `state: ${training.state}`);
  assert.ok(training.prediction < 1e-4, `prediction: ${training.prediction}`);
  assert.deepEqual(training.counts, [3, 3]);
  assert.equal(diverged, "NaN", "a training that has diverged");
  assert.equal(again, "compiled", "after all engines were released");
  assert.ok(kernels[0]! > 50 && kernels.every((n) => n === kernels[0]), `kernels: ${kernels}`);
  assert.deepEqual(bindings, [0, 0, 0], "captured");
});

// When a new version of ONNX Runtime mends one of these, its rule in rules/webgpu.ts can go.
test("the faults of the provider that rules avoid are still there", { skip: withoutChromium || ifLong }, async (t) => {
  const { errors, ofNaN } = await inPage("faults");
  t.diagnostic(JSON.stringify({ errors, ofNaN }));
  for (const [name, { isWrong }] of Object.entries(faults))
    assert.equal(errors[name]! > 1e-3, isWrong, `${name}: ${errors[name]}`);
  assert.deepEqual(ofNaN, { Relu: "0", Sigmoid: "0", Max: "NaN" });
});

/** Run folders and weights that version 0.1 wrote, when a number of classes was called `classes`, are read as on the day they were written. */
import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { generateShapes, loadRun, openCheckpoint, predict, recognizeCheckpoint } from "../../src/index.js";
import { ort } from "../support/engines.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";

const run = "test/fixtures/run-0.1";

/** What version 0.1 predicted for the first images of `shapes`. */
const before = [
  ["arrow", 0.10281639506024964, "circle", 0.10177015811050771],
  ["arrow", 0.10277795447307703, "circle", 0.10178984282891909],
  ["arrow", 0.10279747038210778, "circle", 0.10180875846763852],
] as const;

test("a run of version 0.1 loads, and predicts what it predicted then", async () => {
  const network = await loadRun(run);
  assert.equal(network.config.model.options.numClasses, 10);
  assert.ok(!("classes" in network.config.model.options));
  const data = generateShapes({ count: before.length });
  const images = await Promise.all(before.map((_, i) => data.image(i)));
  const predicted = await predict(network, images, { engine: ort, top: 2 });
  for (const [i, [first, p, second, q]] of before.entries()) {
    assert.deepEqual(
      predicted[i]!.map(({ name }) => name),
      [first, second],
    );
    for (const [j, value] of [p, q].entries()) assert.ok(Math.abs(predicted[i]![j]!.probability - value) < 1e-6);
  }
});

test("weights of version 0.1 say which network they are of", async () => {
  const { tensors, metadata } = await openCheckpoint(join(run, "best.safetensors"));
  assert.match(metadata.options!, /"classes":10/);
  const known = recognizeCheckpoint(tensors, metadata)!;
  assert.deepEqual(known.options, { numClasses: 10, widthMultiplier: 0.01, attention: ["eca", { kernelSize: 5 }] });
  assert.deepEqual([known.unexplained, known.missing], [[], []]);
});

test("a training that version 0.1 began is gone on with", async () => {
  const folder = join(temporaryFolder(), "run");
  cpSync("test/fixtures/run-0.1-started", folder, { recursive: true });
  // Asked for more epochs than the run has, it is refused only for that: all else is found to be the same.
  const { code, stderr } = await fovea(["train", "--resume", "--out", folder, "--epochs", "2"]);
  assert.equal(code, 2);
  assert.match(stderr, /has --epochs 1, now it is 2/);
  assert.match(readFileSync(join(folder, "config.json"), "utf8"), /"classes": 10/);
});

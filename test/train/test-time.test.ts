import assert from "node:assert/strict";
import { test } from "node:test";
import { toFloat64 } from "../../src/core/tensor.js";
import { createDataset, generateShapes, type Preprocessing, resample } from "../../src/data/index.js";
import { inputWriter, viewImage } from "../../src/data/transforms.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Value } from "../../src/graph/graph.js";
import { openPredictor } from "../../src/inference/index.js";
import { flatten, initialize, Linear, Module, trace } from "../../src/nn/index.js";
import { evaluate, segmentation, testTimeKinds, testTimeViews } from "../../src/train/index.js";
import { randomBytes, randomImage } from "../data/support.js";

const preprocessing: Preprocessing = { imageSize: 8, resize: 11, mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25] };

/** A part of an image, perhaps mirrored, as `[c][y][x]`. */
function part(image: ReturnType<typeof randomImage>, left: number, top: number, mirrored: boolean): number[] {
  return Array.from({ length: 192 }, (_, i) => {
    const [c, y, x] = [Math.floor(i / 64), Math.floor(i / 8) % 8, i % 8];
    const column = left + (mirrored ? 7 - x : x);
    return image.pixels[(c * image.height + top + y) * image.width + column]!;
  });
}

test("views are torchvision's FiveCrop and TenCrop of the scaled image", () => {
  const image = randomImage(22, 30, 2);
  const scaled = resample(image, 11, 15);
  const five = [
    [0, 0],
    [3, 0],
    [0, 7],
    [3, 7],
    // int(round(1.5)) and int(round(3.5)): halves round to even
    [2, 4],
  ] as const;
  const wanted = (mirrored: boolean) => five.map(([left, top]) => part(scaled, left, top, mirrored));
  const made = (kind: (typeof testTimeKinds)[number]) =>
    testTimeViews(image, preprocessing, kind).map((view) => [...viewImage(image, view, 8).pixels]);
  assert.deepEqual(made("five-crop"), wanted(false));
  assert.deepEqual(made("ten-crop"), [...wanted(false), ...wanted(true)]);
  assert.deepEqual(made("flip"), [wanted(false)[4], wanted(true)[4]]);
});

class Net extends Module {
  readonly fc = new Linear(192, 3);
  override forward(x: Value): Value {
    return this.fc.call(flatten(x));
  }
}
const model = initialize(new Net(), { seed: 3 });
const count = 7;
const data = createDataset({
  name: "noise",
  classes: ["a", "b", "c"],
  width: 22,
  height: 30,
  pixels: randomBytes(count * 3 * 660, 4),
  labels: Array.from({ length: count }, (_, i) => i % 3),
});

/** The logits of one view, computed apart from evaluation. */
async function logitsOf(pixels: Uint8Array): Promise<Float64Array> {
  const executable = await referenceEngine().compile(trace(model, [1, 3, 8, 8]));
  const input = new Float32Array(192);
  inputWriter({ ...preprocessing, resize: 8 })({ width: 8, height: 8, pixels }, input, 0);
  const { output } = await executable.run({ input: { dtype: "float32", shape: [1, 3, 8, 8], data: input } });
  return toFloat64(output!).data;
}

for (const tta of testTimeKinds)
  test(`${tta}: logits are the mean over the views, in evaluation and prediction`, async () => {
    const engine = referenceEngine();
    const seen: number[][] = [];
    const metrics = await evaluate(model, data, {
      engine,
      preprocessing,
      tta,
      batch: 4,
      onLogits: (logits, label, index) => {
        assert.equal(index, seen.length);
        assert.equal(label, data.labels[index]);
        seen.push([...Array.from(logits)]);
      },
    });
    assert.equal(seen.length, count);
    assert.equal(metrics.count, count);
    let right = 0;
    const predictor = await openPredictor({ model, classes: data.classes, preprocessing }, { engine, top: 3, tta });
    for (const [index, logits] of seen.entries()) {
      const image = await data.image(index);
      const views = await Promise.all(
        testTimeViews(image, preprocessing, tta).map((view) => logitsOf(viewImage(image, view, 8).pixels)),
      );
      const mean = [0, 1, 2].map((c) => views.reduce((sum, view) => sum + view[c]!, 0) / views.length);
      mean.forEach((v, c) => assert.ok(Math.abs(v - logits[c]!) < 1e-9));
      const best = mean.indexOf(Math.max(...mean));
      if (best === data.labels[index]) right++;
      const [first] = await predictor.predict(image);
      assert.equal(first!.index, best);
      const total = mean.reduce((sum, v) => sum + Math.exp(v), 0);
      assert.ok(Math.abs(first!.probability - Math.exp(mean[best]!) / total) < 1e-9);
    }
    assert.equal(metrics.top1, right / count);
  });

test("crops without a margin, and views of label maps, are refused", async () => {
  const engine = referenceEngine();
  const icons = createDataset({
    name: "icons",
    classes: data.classes,
    width: 8,
    height: 8,
    pixels: randomBytes(count * 192),
    labels: data.labels,
  });
  const tight = { ...preprocessing, resize: 8 };
  await assert.rejects(
    evaluate(model, icons, { engine, preprocessing: tight, tta: "ten-crop" }),
    /tta ten-crop has no effect/,
  );
  await evaluate(model, icons, { engine, preprocessing: tight, tta: "flip" });
  const shapes = generateShapes({ count: 2 });
  await assert.rejects(
    evaluate(model, shapes, { engine, task: segmentation(), tta: "flip" }),
    /tta and onLogits are for classification/,
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createDataset, generateShapes } from "../../src/data/index.js";
import type { Value } from "../../src/graph/graph.js";
import { BatchNorm, Conv2d, initialize, Module } from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";
import { adamw, evaluate, historyCsv, segmentation, train } from "../../src/train/index.js";
import { ort } from "../support/engines.js";

/** Three convolutions that keep the size: two logits at every position. */
class Segmenter extends Module {
  readonly a = new Conv2d(3, 8, { kernelSize: 3, padding: 1 });
  readonly bn = new BatchNorm(8);
  readonly b = new Conv2d(8, 8, { kernelSize: 5, padding: 2 });
  readonly c = new Conv2d(8, 2, { kernelSize: 1 });
  override forward(x: Value): Value {
    return this.c.call(relu(this.b.call(relu(this.bn.call(this.a.call(x))))));
  }
}

test("segmentation learns masks from the images of shapes, and its best epoch is by mean IoU", async () => {
  const [data, validate] = [
    generateShapes({ count: 192, seed: 1 }),
    generateShapes({ count: 64, seed: 1, split: "validation" }),
  ];
  const model = initialize(new Segmenter(), { seed: 1 });
  const before = await evaluate(model, validate, { engine: ort, task: segmentation });
  const { history, best } = await train(model, data, {
    engine: ort,
    task: segmentation,
    epochs: 4,
    batch: 16,
    optimizer: adamw({ lr: 0.01 }),
    augment: null,
    validate,
  });
  const after = await evaluate(model, validate, { engine: ort, task: segmentation });
  assert.ok(after.meanIoU > 0.6 && after.meanIoU > before.meanIoU + 0.1, `${before.meanIoU} → ${after.meanIoU}`);
  assert.equal(after.meanIoU, history.at(-1)!.meanIoU);
  assert.equal(best!.meanIoU, Math.max(...history.map((record) => record.meanIoU!)));
  assert.match(historyCsv(history), /^epoch,step,lr,trainLoss,trainTop1,loss,top1,top5,meanIoU\n1,/);
});

test("figures of a perfect and of a wrong mask", () => {
  const data = generateShapes({ count: 1, seed: 3 });
  const mask = data.mask!(0);
  const score = (sign: number) => {
    const counter = segmentation.count(data);
    counter.add(
      Float32Array.from(
        { length: 2 * mask.length },
        (_, i) => ((mask[i % mask.length] === 1) === i >= mask.length ? sign : -sign) * 10,
      ),
      0,
      0,
    );
    return counter.metrics();
  };
  assert.deepEqual([score(1).meanIoU, score(1).top1], [1, 1]);
  assert.deepEqual([score(-1).meanIoU, score(-1).top1], [0, 0]);
});

test("a data set without masks is refused", async () => {
  const plain = createDataset({
    name: "plain",
    classes: ["a"],
    height: 8,
    width: 8,
    channels: 3,
    pixels: new Uint8Array(8 * 192),
    labels: Array(8).fill(0),
  });
  await assert.rejects(
    train(new Segmenter(), plain, { engine: ort, task: segmentation, batch: 4, augment: null }),
    /plain has no masks/,
  );
});

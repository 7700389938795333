import assert from "node:assert/strict";
import { test } from "node:test";
import { isDivergence } from "../../src/engine.js";
import { type Dataset, referenceEngine, sgd, TrainingError, train } from "../../src/index.js";
import { flatten, initialize, Linear, Module, type Value } from "../../src/nn.js";
import { tinyDataset } from "../data/support.js";

class Net extends Module {
  readonly fc = new Linear(48, 3);
  override forward(x: Value): Value {
    return this.fc.call(flatten(x));
  }
}

const data = tinyDataset(6);
const preprocessing = { imageSize: 4, resize: 4, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const options = { engine: referenceEngine(), epochs: 3, batch: 3, preprocessing, augment: null };

const failure = (more: { readonly lr?: number; readonly validate?: Dataset }): Promise<unknown> => {
  const { lr = 0.1, ...rest } = more;
  return train(initialize(new Net()), data, { ...options, optimizer: sgd({ lr }), ...rest }).then(
    () => assert.fail("it is trained"),
    (error) => error,
  );
};

test("a loss or weights beyond all numbers are divergence; an image that cannot be read is a failure", async () => {
  const diverged = await failure({ lr: 1e300 });
  assert.ok(diverged instanceof TrainingError && isDivergence(diverged), String(diverged));
  const damaged: Dataset = { ...data, image: () => Promise.reject(new Error("the disk is gone")) };
  const failed = await failure({ validate: damaged });
  assert.ok(!isDivergence(failed), String(failed));
  assert.ok(!isDivergence(new TrainingError("validation after epoch 1 of 3 failed: out of memory")));
  for (const other of [new Error("NaN"), new RangeError("not finite"), "NaN", undefined])
    assert.ok(!isDivergence(other));
});

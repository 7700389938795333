import assert from "node:assert/strict";
import { test } from "node:test";
import { toFloat64 } from "../../src/core/tensor.js";
import { createDataset } from "../../src/data/index.js";
import type { Engine } from "../../src/engines/engine.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Value } from "../../src/graph/graph.js";
import { BatchNorm, Conv2d, Dropout, flatten, initialize, Linear, Module, stateOf } from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";
import { defaultBatch, type EpochRecord, type EpochReport, evaluate, sgd, train } from "../../src/train/index.js";
import { ort } from "../support/engines.js";

/** Two classes: images that are brighter at the top, and at the bottom. */
const count = 48;
const labels = Array.from({ length: count }, (_, i) => i % 2);
const pixels = Uint8Array.from({ length: count * 3 * 64 }, (_, p) => {
  const [i, row] = [Math.floor(p / 192), Math.floor((p % 64) / 8)];
  return (i % 2 === 0 ? row < 4 : row >= 4) ? 200 + ((p * 7919) % 50) : (p * 104729) % 60;
});
const dataset = createDataset({
  name: "halves",
  classes: ["top", "bottom"],
  height: 8,
  width: 8,
  channels: 3,
  pixels,
  labels,
});

class Net extends Module {
  readonly conv = new Conv2d(3, 8, { kernelSize: 3, stride: 2, padding: 1 });
  readonly bn = new BatchNorm(8);
  readonly drop = new Dropout(0.1);
  readonly fc = new Linear(8 * 16, 2);
  override forward(x: Value): Value {
    const y = relu(this.bn.call(this.conv.call(x)));
    return this.fc.call(this.drop.call(flatten(y)));
  }
}

const options = { epochs: 3, batch: 16, optimizer: sgd({ lr: 0.05 }), validate: dataset, augment: null, seed: 5 };

test("a small network learns, equally on both engines, and repeatably", async () => {
  const histories: (readonly EpochRecord[])[] = [];
  for (const engine of [referenceEngine(), ort, ort]) {
    const model = initialize(new Net(), { seed: 2 });
    const { history, best, stopped } = await train(model, dataset, { ...options, engine });
    histories.push(history);
    assert.equal(stopped, false);
    assert.ok(best!.top1! > 0.95, String(best!.top1));
    assert.equal((await evaluate(model, dataset, { engine, batch: 7 })).top1, history.at(-1)!.top1);
  }
  assert.deepEqual(histories[1], histories[2]);
  histories[0]!.forEach((record, i) => assert.ok(Math.abs(record.trainLoss / histories[1]![i]!.trainLoss - 1) < 1e-4));
});

/** An engine whose training loss is not a number from a certain run on. */
function failingAt(run: number): Engine {
  const inner = referenceEngine();
  let runs = 0;
  return {
    ...inner,
    compile: async (graph) => {
      const executable = await inner.compile(graph);
      return {
        run: async (inputs) => {
          const outputs = await executable.run(inputs);
          if (outputs.loss && ++runs >= run)
            return { ...outputs, loss: { dtype: "float64", shape: [], data: Float64Array.of(Number.NaN) } };
          return outputs;
        },
        readState: () => executable.readState(),
        release: () => executable.release(),
      };
    },
  };
}

test("a loss that is no number ends the training, and the model keeps the last epoch's weights", async () => {
  const model = initialize(new Net(), { seed: 2 });
  let kept: Float64Array | undefined;
  const epochs: number[] = [];
  await assert.rejects(
    train(model, dataset, {
      ...options,
      engine: failingAt(5),
      onEpoch: ({ epoch }) => {
        epochs.push(epoch);
        kept = toFloat64(model.fc.weight.value).data.slice();
      },
    }),
    /^TrainingError: the loss is NaN at step 5 \(epoch 2 of 3, learning rate 0\.0[0-9]+\)\. Try a lower learning rate, or clip gradients$/,
  );
  assert.deepEqual(epochs, [1]);
  assert.deepEqual(toFloat64(model.fc.weight.value).data, kept);
});

test("stopping in the middle of an epoch and resuming changes nothing", async () => {
  const whole = initialize(new Net(), { seed: 2 });
  const { history } = await train(whole, dataset, { ...options, engine: ort, ema: 0.5 });
  for (const stopAt of [1, 2, 3, 4, 7]) {
    const stop = new AbortController();
    let [steps, saved]: [number, Uint8Array | undefined] = [0, undefined];
    const first = await train(initialize(new Net(), { seed: 2 }), dataset, {
      ...options,
      engine: ort,
      ema: 0.5,
      signal: stop.signal,
      onStep: () => {
        if (++steps === stopAt) stop.abort();
      },
      onStop: (checkpoint) => {
        saved = checkpoint.bytes();
      },
      onEpoch: (_record, { checkpoint }) => {
        saved = checkpoint.bytes();
      },
    });
    assert.equal(first.stopped, true);
    const resumed = new Net();
    const second = await train(resumed, dataset, { ...options, engine: ort, ema: 0.5, resume: saved! });
    assert.deepEqual(second.history, history);
    for (const [path, param] of stateOf(resumed))
      assert.deepEqual(param.value.data, stateOf(whole).get(path)!.value.data, path);
  }
});

test("a training is not resumed on other classes, or the same in another order", async () => {
  let saved: Uint8Array | undefined;
  const once = { ...options, epochs: 1, engine: ort, validate: undefined };
  const keep = (_record: EpochRecord, { checkpoint }: Pick<EpochReport, "checkpoint">) => {
    saved = checkpoint.bytes();
  };
  await train(initialize(new Net()), dataset, { ...once, onEpoch: keep });
  for (const [classes, message] of [
    [["bottom", "top"], /resume: the data's classes are not the checkpoint's \(the order differs/],
    [["top", "left"], /new: left; gone: bottom/],
  ] as const)
    await assert.rejects(train(new Net(), { ...dataset, classes }, { ...once, resume: saved! }), message);
  // The same names in another Unicode form are the same.
  const composed = { ...dataset, classes: ["t\u00f6p", "bottom"] };
  await train(initialize(new Net()), composed, { ...once, onEpoch: keep });
  await train(new Net(), { ...composed, classes: ["to\u0308p", "bottom"] }, { ...once, resume: saved! });
});

test("small data sets get small batches", () => {
  assert.deepEqual([10, 244, 600, 6000, 50000].map(defaultBatch), [8, 16, 64, 128, 128]);
});

test("validation and evaluation match classes by name, and refuse or leave out what the network does not know", async () => {
  const turned = { ...dataset, name: "turned", classes: ["bottom", "top"], labels: labels.map((label) => 1 - label) };
  const model = initialize(new Net(), { seed: 4 });
  const { history } = await train(model, dataset, { ...options, engine: ort, validate: turned });
  const same = await evaluate(model, dataset, { engine: ort });
  assert.equal(history.at(-1)!.top1, same.top1);
  assert.ok(same.top1 > 0.9, `top-1 ${same.top1}`);
  const named = await evaluate(model, turned, { engine: ort, classes: dataset.classes });
  assert.deepEqual([named.top1, named.confusion], [same.top1, same.confusion]);
  const { top1: byPosition } = await evaluate(model, turned, { engine: ort });
  assert.ok(byPosition < 0.1, `top-1 ${byPosition}`);
  const other = { ...dataset, classes: ["top", "left"] };
  await assert.rejects(
    train(model, dataset, { ...options, engine: ort, validate: other }),
    /train: validation has classes that training lacks: left/,
  );
  const half = await evaluate(model, other, { engine: ort, classes: dataset.classes });
  assert.equal(half.count, count / 2);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { DataError } from "../../src/core/errors.js";
import { Rng } from "../../src/core/rng.js";
import { toFloat64 } from "../../src/core/tensor.js";
import { createDataset, type Dataset } from "../../src/data/index.js";
import type { Value } from "../../src/graph/graph.js";
import {
  BatchNorm,
  Conv2d,
  Dropout,
  freeze,
  globalAveragePool,
  initialize,
  Linear,
  Module,
  stateOf,
} from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { type FeatureReport, sgd, type TrainOptions, train } from "../../src/train/index.js";
import { ort } from "../support/engines.js";

const [count, side] = [40, 8];
const rng = new Rng(3, "images");
const labels = Array.from({ length: count }, (_, i) => i % 2);
const pixels = Uint8Array.from({ length: count * 3 * side ** 2 }, (_, p) => {
  const i = Math.floor(p / (3 * side ** 2));
  return rng.int(160) + (i % 2) * 80;
});

/** Images that note how often each is asked for. */
function counted(unreadable?: number): { dataset: Dataset; asked: number[] } {
  const asked = new Array<number>(count).fill(0);
  const held = createDataset({
    name: "noise",
    classes: ["dark", "light"],
    height: side,
    width: side,
    channels: 3,
    pixels,
    labels,
  });
  const image = (index: number) => {
    asked[index]!++;
    return index === unreadable ? Promise.reject(new DataError("lost")) : held.image(index);
  };
  return {
    dataset: {
      ...held,
      length: count,
      labels,
      classes: held.classes,
      size: held.size,
      name: held.name,
      skipped: [],
      image,
    },
    asked,
  };
}

class Net extends Module {
  readonly conv = new Conv2d(3, 8, { kernelSize: 3, padding: 1 });
  readonly bn = new BatchNorm(8);
  readonly drop = new Dropout(0.2);
  readonly hidden = new Linear(8, 8);
  readonly fc = new Linear(8, 2);
  override forward(x: Value): Value {
    const pooled = globalAveragePool(relu(this.bn.call(this.conv.call(x))));
    return this.fc.call(this.drop.call(relu(this.hidden.call(pooled))));
  }
}

const frozenNet = (): Net => {
  const net = initialize(new Net(), { seed: 4 });
  freeze(net, (path) => /^(conv|bn)\./.test(path));
  return net;
};

const settings = {
  engine: ort,
  epochs: 4,
  batch: 16,
  optimizer: sgd({ lr: 0.05 }),
  augment: null,
  ema: 0.5,
  seed: 2,
} as const;

async function run(options: Omit<Partial<TrainOptions>, "task"> = {}, unreadable?: number) {
  const [learned, measured] = [counted(unreadable), counted()];
  const reports: FeatureReport[] = [];
  const model = frozenNet();
  const onFeatures = (report: FeatureReport) => reports.push(report);
  const result = await train(model, learned.dataset, {
    ...settings,
    validate: measured.dataset,
    onFeatures,
    ...options,
  });
  return { ...result, model, reports, learned: learned.asked, measured: measured.asked };
}

/** Equal histories and weights, up to float32. */
function assertEqualTraining(a: Awaited<ReturnType<typeof run>>, b: Awaited<ReturnType<typeof run>>): void {
  assert.equal(a.history.length, b.history.length);
  a.history.forEach((record, i) => {
    for (const [name, value] of Object.entries(record))
      assert.ok(Math.abs(Number(value) - Number(b.history[i]![name as "loss"])) < 1e-5, `epoch ${i + 1}: ${name}`);
  });
  const other = stateOf(b.model);
  for (const [path, { value }] of stateOf(a.model))
    assert.ok(relativeError(toFloat64(value), toFloat64(other.get(path)!.value)) < 1e-5, path);
}

test("training on features that were computed once is the same training, and reads each image once", async () => {
  const [plain, kept] = [await run({ cacheFeatures: false }), await run()];
  assertEqualTraining(kept, plain);
  assert.deepEqual(plain.reports, []);
  assert.ok(plain.measured.every((n) => n === settings.epochs));
  assert.ok(kept.learned.every((n) => n === 1) && kept.measured.every((n) => n === 1));
  const { training, validation, done, total } = kept.reports.at(-1)!;
  assert.deepEqual([training, validation], Array(2).fill({ images: count, bytes: 4 * 8 * count, reason: null }));
  assert.deepEqual([done, total, kept.reports[0]!.done], [2 * count, 2 * count, 0]);
});

test("a file that is lost is replaced as it is without keeping features", async () => {
  assertEqualTraining(await run({}, 5), await run({ cacheFeatures: false }, 5));
});

test("resumed in the middle of an epoch, it goes on as if it had not stopped", async () => {
  const whole = await run();
  for (const stopAt of [0, 1, 3]) {
    const stop = new AbortController();
    let [steps, saved]: [number, Uint8Array | undefined] = [0, undefined];
    const interrupted = await run({
      signal: stop.signal,
      // At 0: while features are computed.
      onFeatures: () => stopAt === 0 && stop.abort(),
      onStep: () => ++steps === stopAt && stop.abort(),
      onStop: (checkpoint) => {
        saved = checkpoint.bytes();
      },
    });
    assert.equal(interrupted.stopped, true);
    assertEqualTraining(await run({ resume: saved! }), whole);
  }
});

test("with augmentation only the validation images are kept", async () => {
  const augment = { crop: { padding: 1 }, flip: true };
  const [plain, kept] = [await run({ augment, cacheFeatures: false }), await run({ augment })];
  assertEqualTraining(kept, plain);
  assert.match(kept.reports[0]!.training.reason!, /^augmentation changes the images in every epoch/);
  assert.ok(kept.measured.every((n) => n === 1) && kept.learned.some((n) => n > 1));
});

test("beyond the limit nothing of a data set is kept; training comes first", async () => {
  const perSet = 4 * 8 * count;
  const plain = await run({ cacheFeatures: false });
  for (const [limit, first, second] of [
    [2 * perSet, null, null],
    [2 * perSet - 1, null, /^they would take 1 KiB of memory, and/],
    [perSet - 1, /^they would take/, /^they would take/],
  ] as const) {
    const limited = await run({ featureLimit: limit });
    const { training, validation } = limited.reports[0]!;
    for (const [plan, says] of [
      [training, first],
      [validation!, second],
    ] as const)
      says ? assert.match(plan.reason!, says) : assert.equal(plan.reason, null);
    assertEqualTraining(limited, plain);
  }
});

test("what must be kept and cannot be is an error with the reason", async () => {
  const refused = (options: Omit<Partial<TrainOptions>, "task">, says: RegExp) =>
    assert.rejects(run({ cacheFeatures: true, ...options }), { name: "OptionError", message: says });
  await refused(
    { augment: { crop: null, flip: true } },
    /^train: features cannot be computed once: augmentation changes/,
  );
  await refused({ featureLimit: 100 }, /they would take 1 KiB of memory, and 0 KiB are allowed/);
  const open = train(initialize(new Net()), counted().dataset, { ...settings, cacheFeatures: true });
  await assert.rejects(open, /nothing precedes the first trained part/);
  assert.match((await run({ epochs: 1 })).reports[0]!.training.reason!, /one epoch needs each of them only once/);
  assert.equal((await run({ epochs: 1, cacheFeatures: true })).reports[0]!.training.reason, null);
});

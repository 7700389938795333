import assert from "node:assert/strict";
import { test } from "node:test";
import { DataError, FoveaError, OptionError } from "../../src/core/errors.js";
import { createDataset, type Dataset, Loader, type RgbImage } from "../../src/data/index.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Value } from "../../src/graph/graph.js";
import { predict } from "../../src/inference/index.js";
import { flatten, Linear, Module } from "../../src/nn/index.js";
import { type EvaluateOptions, evaluate, type TrainOptions, train } from "../../src/train/index.js";
import { tinyDataset } from "../data/support.js";

class Net extends Module {
  readonly fc = new Linear(48, 3);
  override forward(x: Value): Value {
    return this.fc.call(flatten(x));
  }
}

const engine = referenceEngine();
const preprocessing = { imageSize: 4, resize: 4, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const good = tinyDataset(6);
const withLabels = (labels: ArrayLike<number>): Dataset => ({ ...good, labels });
const withImage = (image: object): Dataset => ({
  ...good,
  image: async (i) => (i === 4 ? (image as RgbImage) : good.image(i)),
});

/** Every way into the library, by the name that errors begin with. */
const ways: Readonly<Record<string, (data: Dataset) => Promise<unknown>>> = {
  train: (data) => train(new Net(), data, { engine, epochs: 1, batch: 2 }),
  "train: validation": (data) => train(new Net(), good, { engine, epochs: 1, batch: 2, validate: data }),
  evaluate: (data) => evaluate(new Net(), data, { engine }),
  Loader: async (data) => {
    for await (const _ of new Loader(data, { batch: 2, preprocessing }).epoch());
  },
};

const badLabels: Readonly<Record<string, readonly [labels: ArrayLike<number>, says: RegExp]>> = {
  "a class that there is not": [[0, 1, 5, 0, 1, 2], /tiny: image 2 has label 5; there are 3 classes, .* from 0 to 2/],
  "as many as there are classes": [[0, 1, 2, 0, 1, 3], /image 5 has label 3;/],
  "a negative one": [Int8Array.of(-1, 1, 2, 0, 1, 2), /image 0 has label -1;/],
  NaN: [Float32Array.of(0, 1, 2, Number.NaN, 1, 2), /image 3 has label NaN;/],
  "a half": [Float64Array.of(0, 0.5, 2, 0, 1, 2), /image 1 has label 0\.5;/],
  infinity: [[0, 1, 2, 0, 1, Number.POSITIVE_INFINITY], /image 5 has label Infinity;/],
  "a name": [[0, 1, 2, 0, "b", 2] as unknown as number[], /image 4 has label "b";/],
  "too few": [[0, 1, 2], /tiny: has 6 images, but 3 labels/],
  "a hole": [Array(6), /image 0 has label undefined;/],
};

for (const [way, enter] of Object.entries(ways)) {
  const name = way.split(":")[0]!;
  for (const [what, [labels, says]] of Object.entries(badLabels))
    test(`${way}: labels, ${what}: one DataError that names the image`, async () => {
      await assert.rejects(enter(withLabels(labels)), (error: Error) => {
        assert.ok(error instanceof DataError, String(error));
        assert.match(error.message, says);
        return error.message.startsWith(`${name}: `) && !error.message.includes("\n");
      });
    });
}

const bytes = await good.image(0);
const badImages: Readonly<Record<string, readonly [image: object, says: RegExp]>> = {
  "too few bytes": [{ ...bytes, pixels: bytes.pixels.subarray(1) }, /of 4 × 4 must have 48 bytes of pixels, got 47/],
  "bytes of another size": [{ ...bytes, width: 5 }, /of 5 × 4 must have 60 bytes/],
  "infinite numbers": [
    { ...bytes, pixels: new Float32Array(48).fill(Number.POSITIVE_INFINITY) },
    /must have bytes as pixels \(a Uint8Array\), got a Float32Array/,
  ],
  "a plain list": [{ ...bytes, pixels: [...bytes.pixels] }, /must have bytes as pixels .*got a list of 48/],
  "no width": [{ ...bytes, width: 0 }, /must have a width from 1 to 65535, got 0/],
  "a fraction as height": [{ ...bytes, height: 0.5 }, /must have a height from 1 to 65535, got 0\.5/],
  "nothing in it": [{}, /must have a width/],
};

for (const [what, [image, says]] of Object.entries(badImages)) {
  for (const [way, enter] of Object.entries(ways))
    test(`${way}: an image with ${what}: one DataError that names it`, async () => {
      await assert.rejects(enter(withImage(image)), (error: Error) => {
        assert.match(error.message, says);
        return error instanceof FoveaError && /tiny: image 4 /.test(error.message);
      });
    });
  test(`predict: an image with ${what}: one DataError that names it`, async () => {
    const network = { model: new Net(), classes: null, preprocessing };
    await assert.rejects(predict(network, [bytes, image as RgbImage], { engine }), (error: Error) => {
      assert.match(error.message, says);
      return error instanceof DataError && error.message.startsWith("predict: image 1 ");
    });
  });
}

test("createDataset refuses labels that are no classes, and pixels that are no bytes", () => {
  const options = { name: "m", classes: ["a", "b"], height: 1, width: 1, pixels: new Uint8Array(6), labels: [0, 1] };
  for (const label of [5, -1, Number.NaN, 0.5])
    assert.throws(
      () => createDataset({ ...options, labels: [0, label] }),
      (error: Error) =>
        error instanceof DataError && error.message.startsWith(`createDataset: m: image 1 has label ${label};`),
    );
  assert.throws(() => createDataset({ ...options, labels: [0] }), /m: 1 images of 3x1x1 need 3 bytes, got 6/);
  for (const pixels of [new Float32Array(6).fill(Number.POSITIVE_INFINITY), [0, 0, 0, 0, 0, 0], "abcdef"])
    assert.throws(
      () => createDataset({ ...options, pixels: pixels as unknown as Uint8Array }),
      /pixels must be a Uint8Array, got/,
    );
});

const wrongOptions: readonly (readonly [options: object, says: RegExp])[] = [
  [{ epochs: 0 }, /^train: epochs must be an integer from 1 to 1000000, got 0$/],
  [{ epochs: -1 }, /epochs must be .*got -1$/],
  [{ epochs: Number.NaN }, /epochs must be .*got NaN$/],
  [{ epochs: 1.5 }, /epochs must be .*got 1\.5$/],
  [{ epochs: "3" }, /epochs must be .*got "3"$/],
  [{ epochs: null }, /epochs must be .*got null$/],
  [{ epoch: 3 }, /^train: unknown option "epoch"\. Did you mean "epochs"\? Available: /],
  [{ lr: 0.1 }, /^train: unknown option "lr"\./],
  [{ schedule: {} }, /^train: schedule must be a schedule, .*got \{\}$/],
  [{ schedule: { kind: "cosin" } }, /schedule must be a schedule/],
  [
    { schedule: { kind: "step", factor: 0.1 } },
    /^train: schedule\.epochs must be a number of epochs above 0, or a list .*got undefined$/,
  ],
  [{ schedule: { kind: "cosine", warmupEpochs: -1 } }, /schedule\.warmupEpochs must be .*got -1$/],
  [{ schedule: { kind: "cosine", warmup: 1 } }, /^train: schedule: unknown option "warmup"\./],
  [{ batch: 0 }, /batch must be an integer from 1 to 65536, got 0$/],
  [{ batch: 1e9 }, /batch must be/],
  [{ labelSmoothing: 1 }, /labelSmoothing must be at least 0 and below 1, got 1$/],
  [{ clipNorm: 0 }, /clipNorm must be a positive number, got 0$/],
  [{ ema: 1 }, /ema must be between 0 and 1, got 1$/],
  [{ seed: 0.5 }, /seed must be an integer ≥ 0, got 0\.5$/],
  [{ optimizer: "sgd" }, /optimizer must be an optimizer, such as sgd\(\) makes, got "sgd"$/],
  [{ optimizer: {} }, /optimizer\.name must be a string, got undefined$/],
  [{ groups: {} }, /groups must be a list of parameter groups, got \{\}$/],
  [{ groups: [{ name: "head", lrFactor: -1, has: () => true }] }, /groups\[0\]\.lrFactor must be .*got -1$/],
  [{ featureLimit: -1 }, /featureLimit must be a number of bytes, not negative, got -1$/],
  [{ cacheFeatures: "yes" }, /cacheFeatures must be true or false, got "yes"$/],
  [{ onEpoch: 5 }, /onEpoch must be a function, got 5$/],
  [{ signal: {} }, /signal must be an AbortSignal, got \{\}$/],
  [{ resume: "last.safetensors" }, /resume must be a Uint8Array or a source of bytes, got "last\.safetensors"$/],
  [{ metadata: { classes: 3 } }, /metadata\.classes must be a string, got 3$/],
  [{ preprocessing: {} }, /preprocessing\.imageSize must be an integer from 1 to 8192, got undefined$/],
  [
    { augment: { crop: "random", flip: true } },
    /augment\.crop must be null, \{ padding \}, \{ scale \} or \{ jitter \}, got "random"$/,
  ],
  [{ augment: true }, /augment must be an augmentation/],
  [{ validate: {} }, /validate\.name must be a string, got undefined$/],
  [{ task: "segmentation" }, /task must be a task, .*got "segmentation"$/],
  [{ engine: undefined }, /engine must be an engine, such as ortEngine\(\), got undefined$/],
];

for (const [options, says] of wrongOptions)
  test(`train refuses ${JSON.stringify(options, (_, x) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x))}`, async () => {
    const all = { engine, epochs: 1, ...options } as TrainOptions & { readonly task?: undefined };
    await assert.rejects(train(new Net(), good, all), (error: Error) => {
      assert.match(error.message, says);
      return error instanceof OptionError;
    });
  });

test("evaluate has the same bounds, and no others' options", async () => {
  const run = (options: object) => evaluate(new Net(), good, { engine, ...options } as EvaluateOptions);
  await assert.rejects(
    run({ batch: 0.5 }),
    /^OptionError: evaluate: batch must be an integer from 1 to 65536, got 0\.5$/,
  );
  await assert.rejects(run({ epochs: 1 }), /^OptionError: evaluate: unknown option "epochs"/);
  await assert.rejects(run({ classes: "a" }), /evaluate: classes must be a list of class names, got "a"/);
});

test("a batch takes at most 4 GiB", () => {
  assert.throws(
    () => new Loader(good, { batch: 6, preprocessing: { ...preprocessing, imageSize: 8192, resize: 8192 } }),
    /Loader: batch 6 of 8192 × 8192 pixels takes 4831838208 bytes, more than 4294967296/,
  );
});

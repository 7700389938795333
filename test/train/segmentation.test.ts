import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DataError } from "../../src/core/errors.js";
import { Rng } from "../../src/core/rng.js";
import { toFloat64 } from "../../src/core/tensor.js";
import {
  createDataset,
  type Dataset,
  generateShapes,
  type LabelMap,
  segmentationOf,
  windowGrid,
} from "../../src/data/index.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Value } from "../../src/graph/graph.js";
import { danet, spnet, unet } from "../../src/models/index.js";
import {
  BatchNorm,
  Conv2d,
  crossEntropy,
  initialize,
  Lambda,
  Module,
  SegmentationModel,
  stateOf,
} from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";
import {
  adamw,
  balancedWeights,
  evaluate,
  historyCsv,
  PixelTally,
  segmentation,
  sgd,
  train,
  trainingStep,
} from "../../src/train/index.js";
import { ort } from "../support/engines.js";
import { runsLong } from "../support/long.js";

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

/** Three logits at every position. */
class Three extends Module {
  readonly a = new Conv2d(3, 3, { kernelSize: 3, padding: 1 });
  override forward(x: Value): Value {
    return this.a.call(x);
  }
}

const task = segmentation();

test("segmentation learns masks from the images of shapes, and its best epoch is by mean IoU", async () => {
  const [data, validate] = [
    generateShapes({ count: 192, seed: 1 }),
    generateShapes({ count: 64, seed: 1, split: "validation" }),
  ];
  const model = initialize(new Segmenter(), { seed: 1 });
  const before = await evaluate(model, validate, { engine: ort, task });
  const { history, best } = await train(model, data, {
    engine: ort,
    task,
    epochs: 4,
    batch: 16,
    optimizer: adamw({ lr: 0.01 }),
    augment: null,
    validate,
  });
  const after = await evaluate(model, validate, { engine: ort, task });
  assert.ok(after.miou > 0.6 && after.miou > before.miou + 0.1, `${before.miou} → ${after.miou}`);
  assert.equal(after.miou, history.at(-1)!.miou);
  assert.equal(after.loss, history.at(-1)!.loss);
  assert.equal(best!.miou, Math.max(...history.map((record) => record.miou!)));
  assert.match(historyCsv(history), /^epoch,step,lr,trainLoss,trainTop1,loss,top1,top5,miou\n1,/);
  assert.deepEqual(
    after.classes.map(({ name }) => name),
    ["background", "object"],
  );
});

interface MetricCase {
  readonly classes: number;
  readonly images: readonly { width: number; height: number; truth: number[]; prediction: number[] }[];
  readonly iou: (number | null)[];
  readonly recall: (number | null)[];
  readonly precision: (number | null)[];
  readonly boundaryF: (number | null)[];
  readonly miou: number;
  readonly accuracy: number;
  readonly meanBoundaryF: number;
  readonly confusion: number[][];
}
// Written by tools/golden/pixel_metrics.py.
const metricCases: MetricCase[] = JSON.parse(readFileSync("test/golden/pixel-metrics.json", "utf8"));

for (const [i, wanted] of metricCases.entries())
  test(`IoU, accuracy and boundary F are those of their definitions, case ${i}`, () => {
    const tally = new PixelTally(Array.from({ length: wanted.classes }, (_, c) => `class ${c}`));
    for (const { width, height, truth, prediction } of wanted.images)
      tally.add(
        { width, height, data: Uint8Array.from(truth) },
        { width, height, data: Uint8Array.from(prediction) },
        1,
      );
    const found = tally.metrics();
    const close = (a: number | null, b: number | null, what: string) =>
      assert.ok(a === b || Math.abs(a! - b!) < 1e-12, `${what}: ${a}, wanted ${b}`);
    assert.deepEqual(found.confusion, wanted.confusion);
    close(found.miou, wanted.miou, "miou");
    close(found.top1, wanted.accuracy, "accuracy");
    close(found.boundaryF, wanted.meanBoundaryF, "boundary F");
    found.classes.forEach((own, c) => {
      for (const key of ["iou", "recall", "precision", "boundaryF"] as const)
        close(own[key], wanted[key][c]!, `${key} of ${c}`);
    });
    assert.equal(found.count, wanted.images.length);
  });

/** Logits that are the image's channels: the class of a pixel is its brightest one. */
const brightest = () => new Lambda((x: Value) => x);

/** Images of any size whose label map is their brightest channel. */
function colored(sizes: readonly (readonly [width: number, height: number])[]): Dataset {
  const images = sizes.map(([width, height], i) => {
    const rng = new Rng(7, i);
    const pixels = new Uint8Array(3 * width * height);
    const data = new Uint8Array(width * height);
    for (let p = 0; p < data.length; p++) {
      // Blocks of 8 pixels, so that scaling keeps most of them.
      const [x, y] = [(p % width) >> 3, Math.floor(p / width) >> 3];
      data[p] = (x + 2 * y + i) % 3;
      for (let c = 0; c < 3; c++) pixels[c * data.length + p] = c === data[p] ? 200 + rng.int(50) : rng.int(50);
    }
    return { image: { width, height, pixels }, map: { width, height, data } };
  });
  return {
    name: "colored",
    classes: ["red", "green", "blue"],
    length: images.length,
    labels: new Uint8Array(images.length),
    skipped: [],
    size: null,
    sizeOf: (i) => images[i]!.image,
    image: async (i) => images[i]!.image,
    labelMap: async (i) => images[i]!.map,
  };
}

const plain = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

test("windows cover images of every size, so that what is right everywhere has a mean IoU of 1", async () => {
  const data = colored([
    [32, 32],
    [100, 32],
    [33, 70],
    [64, 48],
  ]);
  // Images of their own size: the shorter side of each is the resize of one, so nothing is scaled there.
  for (const [index, resize] of [32, 32, 33, 48].entries()) {
    const one = { ...data, length: 1, labels: [0], sizeOf: () => data.sizeOf!(index), image: () => data.image(index) };
    const own = { ...one, labelMap: () => data.labelMap!(index) };
    const found = await evaluate(brightest(), own, {
      engine: referenceEngine(),
      task,
      preprocessing: { imageSize: 32, resize, ...plain },
    });
    assert.equal(found.miou, 1, `image ${index}`);
    assert.equal(found.boundaryF, 1, `image ${index}`);
    const { width, height } = data.sizeOf!(index);
    assert.equal(found.pixels, width * height);
  }
  // All together at one scale: what scaling smears may be wrong, no more.
  const all = await evaluate(brightest(), data, {
    engine: referenceEngine(),
    batch: 3,
    task,
    preprocessing: { imageSize: 32, resize: 40, ...plain },
  });
  assert.equal(all.count, 4);
  assert.ok(all.miou > 0.85, `${all.miou}`);
});

test("windows overlap by a third or more, and start and end at the borders", () => {
  for (const [width, height, imageSize, resize] of [
    [240, 180, 160, 180],
    [2048, 1024, 256, 512],
    [32, 32, 32, 32],
    [33, 5000, 32, 33],
    [300, 200, 64, 200],
  ] as const) {
    const grid = windowGrid({ width, height }, { imageSize, resize }, 2);
    for (const [axis, length] of [
      ["left", grid.width],
      ["top", grid.height],
    ] as const) {
      const starts = [...new Set(grid.starts.map((start) => start[axis]))].sort((a, b) => a - b);
      assert.equal(starts[0], 0);
      assert.equal(starts.at(-1), length - imageSize);
      starts.slice(1).forEach((start, i) => assert.ok(start - starts[i]! <= Math.ceil((2 / 3) * imageSize) + 1));
    }
  }
  assert.throws(
    () => windowGrid({ width: 60_000, height: 3 }, { imageSize: 32, resize: 32 }, 2),
    /an image of 60000 × 3, scaled to 640000 × 32, needs \d+ windows of 32 pixels; at most 10000 are cut/,
  );
  assert.throws(
    () => windowGrid({ width: 64, height: 65_535 }, { imageSize: 256, resize: 512 }, 21),
    /scaled to 512 × 524280, has too many pixels for logits of 21 classes each/,
  );
});

test("ignored pixels count neither in the loss nor in the metrics", async () => {
  const data = colored([[32, 32]]);
  const half: Dataset = {
    ...data,
    // The right half is labeled wrongly; all of that is ignored.
    labelMap: async () => {
      const { width, height, data: labels } = await data.labelMap!(0);
      return { width, height, data: labels.map((label, i) => (i % width < 16 ? label : 255)) };
    },
  };
  const options = { engine: referenceEngine(), task, preprocessing: { imageSize: 32, resize: 32, ...plain } };
  const found = await evaluate(brightest(), half, options);
  assert.deepEqual([found.pixels, found.miou, found.top1], [512, 1, 1]);
  const none = {
    ...data,
    labelMap: async (): Promise<LabelMap> => ({ width: 32, height: 32, data: new Uint8Array(1024).fill(255) }),
  };
  const nothing = await evaluate(brightest(), none, options);
  assert.deepEqual([nothing.pixels, nothing.miou, nothing.loss], [0, 0, 0]);
});

test("label maps that are none are refused with their image and the value", async () => {
  const data = colored([
    [32, 32],
    [32, 32],
  ]);
  const learn = (labels: Uint8Array) =>
    train(
      initialize(new Three()),
      { ...data, labelMap: async () => ({ width: 32, height: 32, data: labels }) },
      {
        engine: referenceEngine(),
        epochs: 1,
        batch: 1,
        augment: null,
        preprocessing: { imageSize: 32, resize: 32, ...plain },
        task,
      },
    );
  for (const [labels, says] of [
    [
      Uint8Array.from({ length: 1024 }, (_, i) => (i === 70 ? 7 : 0)),
      /colored: the label map of image \d has label 7 at column 6, row 2; there are 3 classes, and 255 is ignored/,
    ],
    [new Uint8Array(99), /colored: the label map of image \d of 32x32 needs 1024 bytes, got 99/],
    [new Float32Array(1024) as unknown as Uint8Array, /colored: the label map of image \d: data must be a Uint8Array/],
  ] as const)
    await assert.rejects(learn(labels), (error: Error) => error instanceof DataError && says.test(error.message));
});

test("a data set without masks is refused", async () => {
  const plainData = createDataset({
    name: "plain",
    classes: ["a"],
    height: 8,
    width: 8,
    channels: 3,
    pixels: new Uint8Array(8 * 192),
    labels: Array(8).fill(0),
  });
  await assert.rejects(train(new Segmenter(), plainData, { engine: ort, task, batch: 4 }), /plain has no masks/);
  await assert.rejects(evaluate(new Segmenter(), plainData, { engine: ort, task }), /plain has no masks/);
});

test("a resumed training is that of one that was never stopped, byte by byte, with crops, jitter and flips", async () => {
  const data = colored([
    [40, 50],
    [64, 32],
    [35, 35],
    [50, 90],
  ]);
  const options = {
    engine: ort,
    task: segmentation({ loss: ["cross-entropy", "dice", "focal"], classWeights: [1, 2, 0.5] }),
    epochs: 2,
    batch: 2,
    seed: 5,
    augment: { crop: { jitter: [0.7, 1.6] }, flip: true },
    preprocessing: { imageSize: 16, resize: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  } as const;
  const weights = (model: Module) => [...stateOf(model)].map(([key, { value }]) => [key, [...toFloat64(value).data]]);
  const whole = initialize(new Three(), { seed: 2 });
  await train(whole, data, options);
  for (const stopAfter of [1, 2, 3]) {
    const stopping = new AbortController();
    let saved: Uint8Array | undefined;
    let steps = 0;
    await train(initialize(new Three(), { seed: 2 }), data, {
      ...options,
      signal: stopping.signal,
      onStep: () => {
        if (++steps === stopAfter) stopping.abort();
      },
      onEpoch: (_, { checkpoint }) => {
        saved = checkpoint.bytes();
      },
      onStop: (checkpoint) => {
        saved = checkpoint.bytes();
      },
    });
    const resumed = initialize(new Three(), { seed: 2 });
    await train(resumed, data, { ...options, resume: saved! });
    assert.deepEqual(weights(resumed), weights(whole), `stopped after ${stopAfter}`);
  }
});

/** As small as a network with an auxiliary output can be. */
class TwoOutputs extends SegmentationModel {
  readonly conv = new Conv2d(3, 4, { kernelSize: 3, padding: 1 });
  readonly main = new Conv2d(4, 3, { kernelSize: 1 });
  readonly auxiliary = new Conv2d(4, 3, { kernelSize: 1 });
  override get auxiliaryWeights() {
    return [0.4];
  }
  override logits(x: Value): readonly Value[] {
    const maps = relu(this.conv.call(x));
    return [this.main.call(maps), this.auxiliary.call(maps)];
  }
}

test("auxiliary outputs are trained on as their authors do", async () => {
  const small = { numClasses: 3, dropout: 0, width: 8 } as const;
  const networks: readonly (readonly [model: SegmentationModel, outputs: readonly number[]])[] = runsLong
    ? [
        [spnet(50, small), [1, 0.4]],
        [danet(50, small), [1, 1, 1]],
        [unet(18, { numClasses: 3 }), [1]],
      ]
    : [[initialize(new TwoOutputs(), { seed: 1 }), [1, 0.4]]];
  for (const [model, outputs] of networks) {
    const input = [1, 3, 64, 64] as const;
    const shape = { optimizer: sgd(), input, numClasses: 3, positions: [64, 64] };
    const { graph, scalars } = trainingStep(model, { ...shape, objective: task.objective });
    const sum = trainingStep(model, {
      ...shape,
      objective: ({ model: own, images, targets }) => {
        const all = images.graph.within({ path: "", kind: "Outputs" }, () =>
          (own as ReturnType<typeof danet>).logits(images),
        );
        all.forEach((z, i) => void graphOutput(z, i, targets));
        return { logits: all[0]!, loss: crossEntropy(all[0]!, targets) };
      },
    });
    const rng = new Rng(3);
    const images = Float32Array.from({ length: 3 * 64 * 64 }, () => rng.uniform(-1, 1));
    const targets = new Float32Array(3 * 64 * 64);
    for (let p = 0; p < 4096; p++) targets[rng.int(3) * 4096 + p] = 1;
    const feeds = {
      images: { dtype: "float32" as const, shape: [...input], data: images },
      targets: { dtype: "float32" as const, shape: [1, 3, 64, 64], data: targets },
      ...scalars(1, 0),
    };
    const run = async (made: typeof graph) => {
      const executable = await ort.compile(made);
      const out = await executable.run(feeds);
      await executable.release();
      return Object.fromEntries(Object.entries(out).map(([name, value]) => [name, toFloat64(value).data[0]!]));
    };
    const [own, parts] = [await run(graph), await run(sum.graph)];
    const wanted = outputs.reduce((total, weight, i) => total + weight * parts[`output${i}`]!, 0);
    assert.ok(Math.abs(own.loss! - wanted) < 1e-4 * wanted, `${model.constructor.name}: ${own.loss}, wanted ${wanted}`);
    // What is shown beside the validation's loss is the main output's cross entropy alone.
    if (outputs.length > 1) assert.ok(Math.abs(own.crossEntropy! - parts.output0!) < 1e-5);
  }
});

const graphOutput = (z: Value, i: number, targets: Value) => z.graph.output(`output${i}`, crossEntropy(z, targets));

test("balanced weights are those of median frequency balancing", async () => {
  const maps = [Uint8Array.of(0, 0, 0, 1), Uint8Array.of(0, 255, 2, 2)];
  const data: Dataset = {
    ...colored([
      [2, 2],
      [2, 2],
    ]),
    classes: ["a", "b", "c", "d"],
    labelMap: async (i) => ({ width: 2, height: 2, data: maps[i]! }),
  };
  // Shares of the pixels of the images each class is in: 4/7, 1/4, 2/3.
  const found = await balancedWeights(data);
  [1, 16 / 7, 6 / 7, 0].forEach((wanted, c) => assert.ok(Math.abs(found[c]! - wanted) < 1e-12, `${found}`));
});

test("shapes as segmentation: background and object, at the figure", async () => {
  const data = segmentationOf(generateShapes({ count: 3, seed: 1 }));
  assert.deepEqual(data.classes, ["background", "object"]);
  const { width, height, data: labels } = await data.labelMap!(1);
  assert.deepEqual([width, height], [32, 32]);
  const object = labels.reduce((sum, label) => sum + label, 0);
  assert.ok(object > 50 && object < 800, `${object}`);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createDataset } from "../../src/data/index.js";
import type { Engine } from "../../src/engines/engine.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Value } from "../../src/graph/graph.js";
import {
  BatchNorm,
  Conv2d,
  Dropout,
  flatten,
  globalAveragePool,
  initialize,
  Linear,
  Module,
} from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";
import { adamw, rmspropTf, segmentation, type TrainOptions, train } from "../../src/train/index.js";
import { resized, sizePhases } from "../../src/train/resizing.js";
import { ort } from "../support/engines.js";
import { ifLong } from "../support/long.js";

class Net extends Module {
  readonly conv = new Conv2d(3, 8, { kernelSize: 3, padding: 1 });
  readonly bn = new BatchNorm(8);
  readonly drop = new Dropout(0.2);
  readonly fc = new Linear(8, 3);
  override forward(x: Value): Value {
    return this.fc.call(this.drop.call(globalAveragePool(relu(this.bn.call(this.conv.call(x))))));
  }
}

/** The shape of a weight depends on the image size. */
class Fixed extends Module {
  readonly fc = new Linear(3 * 8 * 8, 3);
  override forward(x: Value): Value {
    return this.fc.call(flatten(x));
  }
}

/** Logits for every pixel. */
class Pixels extends Module {
  readonly conv = new Conv2d(3, 3, { kernelSize: 3, padding: 1 });
  override forward(x: Value): Value {
    return this.conv.call(x);
  }
}

const count = 24;
const labels = Array.from({ length: count }, (_, i) => i % 3);
const pixels = Uint8Array.from({ length: count * 192 }, (_, p) =>
  Math.floor((p % 64) / 8) % 3 === labels[Math.floor(p / 192)] ? 180 + ((p * 7919) % 70) : (p * 104729) % 90,
);
const dataset = createDataset({ name: "stripes", classes: ["a", "b", "c"], height: 8, width: 8, pixels, labels });

type Options = Omit<TrainOptions, "task" | "engine">;
const settings = {
  epochs: 4,
  batch: 5,
  seed: 3,
  optimizer: adamw({ lr: 0.01 }),
  ema: 0.9,
  gradAccumSteps: 2,
} satisfies Partial<Options>;
const usual: Options = { ...settings, augment: { crop: { padding: 1 }, flip: true, mixup: 0.3 } };

test("each size gets an equal share of the epochs, and later ones what is left over", () => {
  assert.deepEqual(sizePhases(null, 224, 1), [{ imageSize: 224, from: 0 }]);
  const starts = (smaller: number[], epochs: number) => sizePhases(smaller, 224, epochs).map(({ from }) => from);
  assert.deepEqual(starts([128, 160], 9), [0, 3, 6]);
  assert.deepEqual(starts([128, 160], 10), [0, 3, 6]);
  assert.deepEqual(starts([128, 160], 11), [0, 3, 7]);
  assert.deepEqual(starts([96, 128, 160], 4), [0, 1, 2, 3]);
});

test("smaller inputs show the same of an image", () => {
  const preprocessing = { imageSize: 224, resize: 256, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const augment = { crop: { padding: 28 }, flip: true, mixup: 0.2 } as const;
  const small = resized(preprocessing, augment, 112);
  assert.deepEqual(small.preprocessing, { ...preprocessing, imageSize: 112, resize: 128 });
  assert.deepEqual(small.augment, { ...augment, crop: { padding: 14 } });
  assert.deepEqual(resized(preprocessing, augment, 224), { preprocessing, augment });
  const scale = { crop: { scale: [0.3, 1] as const }, flip: false };
  assert.deepEqual(resized(preprocessing, scale, 96).augment, scale);
  assert.equal(resized(preprocessing, null, 96).augment, null);
});

/** An engine that notes the input shape of each training step it compiles. */
function noting(engine: Engine, shapes: string[]): Engine {
  return {
    name: engine.name,
    compile: (graph, ...rest) => {
      if (graph.updates.length > 0) shapes.push(String(graph.inputs.get("images")!.shape));
      return engine.compile(graph, ...rest);
    },
    release: () => engine.release(),
  } as Engine;
}

/** The last checkpoint of a training that is stopped after the steps that `stops` counts, each time resumed. */
async function ending(stops: readonly number[], more: Partial<Options>, shapes: string[] = []): Promise<Uint8Array> {
  let resume: Uint8Array | undefined;
  let last: Uint8Array | undefined;
  for (let part = 0; part <= stops.length; part++) {
    const stop = new AbortController();
    let steps = 0;
    const { stopped } = await train(initialize(new Net(), { seed: 2 }), dataset, {
      ...usual,
      ...more,
      engine: noting(ort, shapes),
      ...(resume && { resume }),
      signal: stop.signal,
      onStep: () => {
        if (++steps === stops[part]) stop.abort();
      },
      onStop: (checkpoint) => {
        resume = checkpoint.bytes();
      },
      onEpoch: (_, { checkpoint }) => {
        last = checkpoint.bytes();
        resume = last;
      },
    });
    assert.equal(stopped, part < stops.length);
  }
  return last!;
}

test("each size is one compiled step, and stopped after any step a training ends with the same bytes", {
  skip: ifLong,
}, async () => {
  const more = { progressiveResizing: [4, 6], validate: dataset, optimizer: rmspropTf({ lr: 1e-3 }) };
  const shapes: string[] = [];
  const whole = await ending([], more, shapes);
  assert.deepEqual(shapes, ["5,3,4,4", "5,3,6,6", "5,3,8,8"]);
  // 4 batches an epoch: within a size, at the end of one (4), in the last epoch.
  for (const stops of [[1], [4], [5, 2], [4, 4, 3], [14]])
    assert.deepEqual(await ending(stops, more), whole, String(stops));
});

test("it is training at the small size, resumed at the full one", async () => {
  const runs: Uint8Array[] = [];
  const preprocessing = { resize: 8, imageSize: 8, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
  const sized = async (size: number, padding: number, resume?: Uint8Array) => {
    const stop = new AbortController();
    await train(initialize(new Net(), { seed: 2 }), dataset, {
      ...usual,
      engine: ort,
      preprocessing: { ...preprocessing, resize: size, imageSize: size },
      augment: { ...usual.augment!, crop: { padding } },
      ...(resume && { resume }),
      signal: stop.signal,
      onEpoch: ({ epoch }, { checkpoint }) => {
        runs[epoch] = checkpoint.bytes();
        if (epoch === 2) stop.abort();
      },
    });
  };
  await sized(4, 1);
  await sized(8, 1, runs[2]);
  assert.deepEqual(await ending([], { progressiveResizing: [4], preprocessing }), runs[4]);
});

test("label maps are resized with their images", async () => {
  const maps = {
    ...dataset,
    labelMap: async (index: number) => ({
      width: 8,
      height: 8,
      data: Uint8Array.from({ length: 64 }, (_, p) => (p + index) % 3),
    }),
  };
  const shapes: string[] = [];
  const { history } = await train(
    initialize(new Pixels(), { seed: 1 }),
    maps as never,
    {
      ...settings,
      engine: noting(referenceEngine(), shapes),
      augment: null,
      task: segmentation(),
      progressiveResizing: [4],
    } as never,
  );
  assert.deepEqual(shapes, ["5,3,4,4", "5,3,8,8"]);
  assert.equal(history.length, 4);
});

test("what cannot be resized, or not so, is refused", async () => {
  const refused = (model: Module, more: Partial<Options>, says: RegExp) =>
    assert.rejects(train(initialize(model), dataset, { ...usual, ...more, engine: referenceEngine() }), says);
  const from = (...sizes: number[]) => ({ progressiveResizing: sizes });
  await refused(new Net(), from(6, 4), /progressiveResizing must be image sizes from small to large, .* got \[6,4\]/);
  await refused(new Net(), from(4, 4), /from small to large/);
  await refused(new Net(), from(), /from small to large/);
  await refused(new Net(), from(0, 4), /from small to large/);
  await refused(new Net(), from(4, 8), /train: progressiveResizing 8 must be below the full image size, 8/);
  await refused(
    new Net(),
    { ...from(4, 6), epochs: 2 },
    /progressiveResizing: 3 sizes, the full one included, need at least 3 epochs, got 2/,
  );
  await refused(new Net(), { ...from(4), cacheFeatures: true, augment: null }, /cacheFeatures has no effect/);
  await refused(new Fixed(), from(4), /progressiveResizing 4: the network does not take images of 4 × 4 pixels \(/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.js";
import { type Augmentation, type Dataset, Loader } from "../../../src/data/index.js";

/**
 * Images whose red channel is a gradient over columns, green one over rows, and label maps that hold the same numbers: after any change of both, the
 * pixel says which label it must have. Maps may be larger than images.
 */
function gradients(width: number, height: number, factor: number): Dataset {
  const value = (x: number, y: number, w: number, h: number) => Math.floor((6 * x) / w) + 6 * Math.floor((6 * y) / h);
  const pixels = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const label = value(i % width, Math.floor(i / width), width, height);
    pixels[i] = 20 + 6 * label;
    pixels[width * height + i] = pixels[2 * width * height + i] = 255;
  }
  const [w, h] = [factor * width, factor * height];
  const data = Uint8Array.from({ length: w * h }, (_, i) => value(i % w, Math.floor(i / w), w, h));
  return {
    name: "gradients",
    classes: Array.from({ length: 36 }, (_, c) => `${c}`),
    length: 12,
    labels: new Uint8Array(12),
    skipped: [],
    size: { width, height },
    image: async () => ({ width, height, pixels }),
    labelMap: async () => ({ width: w, height: h, data }),
  };
}

const crops: readonly (Augmentation | null)[] = [
  null,
  { crop: null, flip: true },
  { crop: { padding: 9 }, flip: true },
  { crop: { scale: [0.3, 1] }, flip: true },
  { crop: { jitter: [0.5, 2] }, flip: true },
];

for (const augment of crops)
  for (const [width, height, factor] of [
    [60, 60, 1],
    [96, 60, 1],
    [60, 90, 3],
  ] as const)
    test(`image and label map of ${width}x${height} (map ×${factor}) stay together under ${JSON.stringify(augment)}`, async () => {
      const [imageSize, batch] = [48, 12];
      const plain = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] } as const;
      const preprocessing = { imageSize, resize: 60, ...plain };
      const loader = new Loader(gradients(width, height, factor), {
        batch,
        preprocessing,
        augment,
        seed: 4,
        maps: true,
      });
      let [same, counted, outside, mirrored] = [0, 0, 0, 0];
      for await (const { images, maps } of loader.epoch(3)) {
        const area = imageSize ** 2;
        for (let n = 0; n < batch; n++) {
          const red = images.subarray(3 * n * area, (3 * n + 1) * area);
          const green = images.subarray((3 * n + 1) * area, (3 * n + 2) * area);
          for (let i = 0; i < area; i++) {
            const label = maps![n * area + i]!;
            // Black is outside the image.
            if (green[i]! < 1) {
              outside++;
              assert.equal(label, 255);
              continue;
            }
            counted++;
            if (label !== 255 && Math.abs(red[i]! - (20 + 6 * label)) < 1) same++;
          }
          const row = maps!.subarray(n * area + 24 * imageSize, n * area + 25 * imageSize);
          if (row.find((label) => label !== 255)! > row.findLast((label) => label !== 255)!) mirrored++;
        }
      }
      // Along the edges between blocks, scaling mixes two colors.
      assert.ok(same / counted > 0.75, `${same} of ${counted}`);
      if (width === 60 && height === 60 && (augment === null || augment.crop === null)) assert.equal(same, counted);
      assert.equal(mirrored > 0, augment?.flip === true);
      if (augment?.crop && !("scale" in augment.crop)) assert.ok(outside > 0);
    });

test("views are addressed: the same epoch, image and seed give the same crop of both, wherever a training goes on", async () => {
  const data = gradients(96, 60, 2);
  const preprocessing = { imageSize: 32, resize: 60, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const options = { batch: 4, preprocessing, augment: crops[4]!, shuffle: true, seed: 9, maps: true } as const;
  const all = async (fromBatch: number) => {
    const found = [];
    for await (const { images, maps, indices } of new Loader(data, options).epoch(5, { fromBatch }))
      found.push([[...indices], Buffer.from(maps!).toString("hex"), Buffer.from(images.buffer).toString("hex")]);
    return found;
  };
  assert.deepEqual(await all(1), (await all(0)).slice(1));
  assert.notDeepEqual(new Rng(9, "augment", 5, 0).uniform(), new Rng(9, "augment", 6, 0).uniform());
});

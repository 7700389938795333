import assert from "node:assert/strict";
import { test } from "node:test";
import { DataError } from "../../src/core/errors.js";
import type { Dataset } from "../../src/data/dataset.js";
import { concatDatasets } from "../../src/data/joined.js";
import { type Batch, Loader, type LoaderOptions } from "../../src/data/loader.js";
import { tinyDataset } from "./support.js";

const preprocessing = { imageSize: 4, resize: 4, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const training: LoaderOptions = {
  batch: 4,
  preprocessing,
  augment: { crop: { padding: 1 }, flip: true },
  shuffle: true,
  seed: 5,
};

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

/** A data set in which some images cannot be read. */
function damaged(dataset: Dataset, lost: ReadonlySet<number>): Dataset {
  return {
    ...dataset,
    image: (i) => (lost.has(i) ? Promise.reject(new DataError(`image ${i} is damaged`)) : dataset.image(i)),
  };
}

test("an epoch shows every image once, in an order that depends on seed and epoch alone", async () => {
  const data = tinyDataset(12);
  const [first, again] = [
    await collect(new Loader(data, training).epoch(3)),
    await collect(new Loader(data, training).epoch(3)),
  ];
  assert.deepEqual(first, again);
  const seen = first.flatMap((batch) => [...batch.indices]);
  assert.deepEqual(
    [...seen].sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, i) => i),
  );
  const other = (await collect(new Loader(data, training).epoch(4))).flatMap((batch) => [...batch.indices]);
  assert.notDeepEqual(seen, other);
  for (const { labels, indices } of first) labels.forEach((label, i) => assert.equal(label, data.labels[indices[i]!]));
});

test("resuming in the middle of an epoch gives the batches that were left", async () => {
  const data = tinyDataset(18);
  const whole = await collect(new Loader(data, training).epoch(2));
  for (let fromBatch = 0; fromBatch <= whole.length; fromBatch++)
    assert.deepEqual(await collect(new Loader(data, training).epoch(2, { fromBatch })), whole.slice(fromBatch));
});

test("augmentation follows the image, not its place in the order", async () => {
  const data = tinyDataset(8);
  const shuffled = await collect(new Loader(data, training).epoch(1));
  const ordered = await collect(new Loader(data, { ...training, shuffle: false, batch: 1 }).epoch(1));
  for (const { images, indices } of shuffled)
    indices.forEach((index, slot) => assert.deepEqual(images.slice(slot * 48, slot * 48 + 48), ordered[index]!.images));
});

test("a last batch that is not full is filled with repeats, or dropped", async () => {
  const data = tinyDataset(10);
  const evaluation: LoaderOptions = { batch: 8, preprocessing };
  const loader = new Loader(data, evaluation);
  const [, last] = await collect(loader.epoch());
  assert.equal(loader.batches, 2);
  assert.equal(last!.count, 2);
  assert.deepEqual([...last!.indices], [8, 9, 8, 9, 8, 9, 8, 9]);
  assert.deepEqual(last!.images.slice(48 * 2, 48 * 4), last!.images.slice(0, 48 * 2));
  assert.deepEqual((await collect(new Loader(data, { ...evaluation, dropLast: true }).epoch())).length, 1);
});

test("one batch is prepared ahead, and no buffer is used twice", async () => {
  const data = tinyDataset(12);
  let asked = 0;
  const image = (index: number) => {
    asked++;
    return data.image(index);
  };
  const counting: Dataset = { ...data, image };
  const batches = new Loader(counting, { batch: 4, preprocessing }).epoch();
  const first = (await batches.next()).value as Batch;
  await new Promise(setImmediate);
  assert.equal(asked, 8, "the second batch is ready, the third is not begun");
  const copy = first.images.slice();
  const second = (await batches.next()).value as Batch;
  assert.notEqual(first.images.buffer, second.images.buffer);
  assert.deepEqual(first.images, copy);
  await batches.return();
});

test("an image that cannot be read is replaced by the next one that can", async () => {
  const data = tinyDataset(6);
  const [batch] = await collect(new Loader(damaged(data, new Set([1, 2, 5])), { batch: 6, preprocessing }).epoch());
  assert.deepEqual([...batch!.indices], [0, 3, 3, 3, 4, 0]);
  assert.deepEqual([...batch!.labels], [0, 0, 0, 0, 1, 0]);
  const hopeless = new Loader(damaged(data, new Set([0, 1, 2, 3, 4, 5])), { batch: 2, preprocessing });
  await assert.rejects(collect(hopeless.epoch()), /tiny: none of its 6 images can be read/);
});

test("stopping early leaves no unhandled rejection behind", async () => {
  const lost = {
    ...tinyDataset(4),
    image: (i: number) => (i < 2 ? tinyDataset(4).image(i) : Promise.reject(new Error("gone"))),
  };
  for await (const _ of new Loader(lost, { batch: 2, preprocessing }).epoch()) break;
  await new Promise(setImmediate);
});

test("impossible settings are refused", () => {
  assert.throws(
    () => new Loader(tinyDataset(3), { batch: 0, preprocessing }),
    /batch must be an integer from 1 to 65536, got 0/,
  );
  assert.throws(
    () => new Loader(tinyDataset(3), { batch: 4, preprocessing, dropLast: true }),
    /batch 4 is larger than tiny/,
  );
});

test("data sets whose length is not that of their labels are not joined", () => {
  const lying = { ...tinyDataset(2), length: 1e9 };
  assert.throws(() => concatDatasets([tinyDataset(2), lying]), /parts\[1\]|has 1000000000 images, but 2 labels/);
});

test("with instances, batches hold so many images of each class, other ones in every epoch", async () => {
  const data = tinyDataset(30);
  const labels = Array.from(data.labels);
  const options = { batch: 6, preprocessing, shuffle: true, instances: 3, seed: 2 };
  const loader = new Loader(data, options);
  const classes = new Set(labels).size;
  assert.equal(loader.batches, Math.ceil((classes * 3) / 6));
  const epochs = [0, 1, 2].map((epoch) => Array.from(loader.order(epoch)));
  for (const order of epochs) {
    assert.equal(order.length, classes * 3);
    const groups = Array.from({ length: classes }, (_, i) => order.slice(3 * i, 3 * i + 3));
    for (const group of groups) {
      assert.equal(new Set(group.map((i) => labels[i])).size, 1);
      assert.equal(new Set(group).size, 3);
    }
    assert.equal(new Set(groups.map(([i]) => labels[i!])).size, classes);
  }
  assert.notDeepEqual(epochs[0], epochs[1]);
  assert.deepEqual(Array.from(new Loader(data, options).order(2)), epochs[2]);
  const [first] = await collect(loader.epoch(1));
  assert.deepEqual([...first!.indices], epochs[1]!.slice(0, 6));
});

test("images repeat where a class has fewer than instances, and settings that do not go together are refused", () => {
  const data = tinyDataset(4);
  const order = Array.from(new Loader(data, { batch: 8, preprocessing, shuffle: true, instances: 4 }).order(0));
  const labels = Array.from(data.labels);
  assert.equal(order.length, 4 * new Set(labels).size);
  for (let i = 0; i < order.length; i += 4)
    assert.equal(new Set(order.slice(i, i + 4).map((at) => labels[at])).size, 1);
  for (const wrong of [{ shuffle: false }, { batch: 6 }])
    assert.throws(
      () => new Loader(data, { batch: 8, preprocessing, shuffle: true, instances: 4, ...wrong }),
      /Loader: instances needs shuffle, and a batch that is a multiple of it/,
    );
});

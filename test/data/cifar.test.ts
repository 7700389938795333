import assert from "node:assert/strict";
import { test } from "node:test";
import { DataError } from "../../src/core/errors.js";
import { cifar10, cifar100 } from "../../src/data/cifar.js";
import { folderOf, randomBytes, realData } from "./support.js";

/** Records whose labels are these bytes; images are random, seeded by the position. */
function records(labels: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(labels.flatMap((label, i) => [...label, ...randomBytes(3072, i)]));
}

test("CIFAR-10: any number of batches in numerical order, names from its text file", async (t) => {
  const folder = await folderOf(t, {
    "data_batch_10.bin": records([[2]]),
    "data_batch_2.bin": records([[0], [1]]),
    "test_batch.bin": records([[2], [2], [0]]),
    "batches.meta.txt": "ant\nbee\r\ncow\n\n",
  });
  const { train, validation } = await cifar10(folder);
  assert.deepEqual(train.classes, ["ant", "bee", "cow"]);
  assert.deepEqual([...(train.labels as Uint8Array)], [0, 1, 2]);
  assert.deepEqual([...(validation.labels as Uint8Array)], [2, 2, 0]);
  assert.deepEqual((await train.image(1)).pixels, randomBytes(3072, 1));
  assert.deepEqual((await train.image(2)).pixels, randomBytes(3072, 0));
  assert.deepEqual(train.size, { height: 32, width: 32 });
});

test("CIFAR-10 has its standard names without the text file, and is found one folder down", async (t) => {
  const folder = await folderOf(t, {
    "cifar-10-batches-bin/data_batch_1.bin": records([[9]]),
    "cifar-10-batches-bin/test_batch.bin": records([[0]]),
  });
  const { train } = await cifar10(folder);
  assert.equal(train.classes[9], "truck");
});

test("a file that was cut short is named with its size and that of a record", async (t) => {
  const folder = await folderOf(t, {
    "data_batch_1.bin": records([[1], [2]]).subarray(0, 6000),
    "test_batch.bin": records([[1]]),
  });
  await assert.rejects(cifar10(folder), (error: Error) => {
    assert.ok(error instanceof DataError);
    assert.match(
      error.message,
      /data_batch_1\.bin: 6000 bytes are not a whole number of cifar10 records of 3073 bytes/,
    );
    return true;
  });
});

test("a label that is no class is named with its file and record", async (t) => {
  const folder = await folderOf(t, { "data_batch_1.bin": records([[1], [10]]), "test_batch.bin": records([[1]]) });
  await assert.rejects(cifar10(folder), /data_batch_1\.bin: record 1 has label 10; there are 10 classes/);
});

test("missing files are reported with what was found", async (t) => {
  const folder = await folderOf(t, { "data_batch_1.bin": records([[1]]), "notes.txt": "" });
  await assert.rejects(cifar10(folder), /not here\. Found: data_batch_1\.bin, notes\.txt/);
  await assert.rejects(cifar10(`${folder}/nowhere`), /cannot be read as a folder/);
});

test("CIFAR-100 has fine and coarse labels", async (t) => {
  const folder = await folderOf(t, {
    "train.bin": records([
      [3, 70],
      [4, 71],
    ]),
    "test.bin": records([[19, 99]]),
  });
  const fine = await cifar100(folder);
  assert.deepEqual([...(fine.train.labels as Uint8Array)], [70, 71]);
  assert.equal(fine.train.classes.length, 100);
  const coarse = await cifar100(folder, { labels: "coarse" });
  assert.deepEqual([...(coarse.train.labels as Uint8Array)], [3, 4]);
  assert.deepEqual((await coarse.train.image(0)).pixels, randomBytes(3072, 0));
});

test("more names than a label can number are refused", async (t) => {
  const names = Array.from({ length: 257 }, (_, i) => `c${i}`).join("\n");
  const files = { "data_batch_1.bin": records([[0]]), "test_batch.bin": records([[0]]) };
  await assert.rejects(
    cifar10(await folderOf(t, { ...files, "batches.meta.txt": names })),
    /batches\.meta\.txt: names 257 classes; labels are bytes, so at most 256 are possible/,
  );
  await assert.rejects(
    cifar10(await folderOf(t, { ...files, "batches.meta.txt": "x\n".repeat(600_000) })),
    /1200000 bytes; at most 1048576 are read/,
  );
});

test("the real CIFAR-10 opens", async (t) => {
  const folder = realData(t, "cifar-10-batches-bin");
  if (!folder) return;
  const { train, validation } = await cifar10(folder);
  assert.deepEqual([train.length, validation.length], [20000, 1000]);
  assert.equal(train.classes[train.labels[0]!], "frog"); // the first image of CIFAR-10 is well known
});

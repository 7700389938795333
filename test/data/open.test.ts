import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";
import { openDataset } from "../../src/data/open.js";
import { folderOf, randomBytes, realData } from "./support.js";

test("layouts are recognized by their files", async (t) => {
  const record = Uint8Array.from([1, ...randomBytes(3072)]);
  const fine = Uint8Array.from([1, ...record]);
  const png = await sharp(randomBytes(48), { raw: { width: 4, height: 4, channels: 3 } })
    .png()
    .toBuffer();
  const idx = (...bytes: number[]) => Uint8Array.from(bytes);
  const images = idx(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7);
  const labels = idx(0, 0, 8, 1, 0, 0, 0, 1, 0);
  const cases: [string, Record<string, Uint8Array>][] = [
    ["cifar10", { "data_batch_1.bin": record, "test_batch.bin": record }],
    ["cifar10", { "cifar-10-batches-bin/data_batch_1.bin": record, "cifar-10-batches-bin/test_batch.bin": record }],
    ["cifar100", { "train.bin": fine, "test.bin": fine }],
    [
      "idx",
      {
        "train-images-idx3-ubyte": images,
        "train-labels-idx1-ubyte": labels,
        "t10k-images-idx3-ubyte": images,
        "t10k-labels-idx1-ubyte": labels,
      },
    ],
    [
      "folder",
      { "train/a/1.png": png, "train/a/2.png": png, "train/b/1.png": png, "train/b/2.png": png, "val/a/1.png": png },
    ],
    ["folder", { "a/1.png": png, "a/2.png": png, "b/1.png": png, "b/2.png": png }],
  ];
  for (const [kind, files] of cases) assert.equal((await openDataset(await folderOf(t, files))).kind, kind);
});

test("shapes is generated in the asked size and number", async () => {
  const { kind, train, validation } = await openDataset("shapes", {
    imageSize: 48,
    count: { train: 20, validation: 10 },
  });
  assert.deepEqual([kind, train.length, validation.length, train.size?.width], ["shapes", 20, 10, 48]);
});

test("anything else is an error that says what was looked for and found", async (t) => {
  const folder = await folderOf(t, { "data.csv": "", "model.pt": "" });
  await assert.rejects(
    openDataset(folder),
    /not a data set\. Looked for CIFAR-10 .*"shapes" or "shapes-free"\. Found: data\.csv, model\.pt/,
  );
  await assert.rejects(openDataset(`${folder}/nowhere`), /cannot be read as a folder/);
});

test("the real data sets are recognized", async (t) => {
  const cifar = realData(t, "cifar-10-batches-bin");
  if (cifar) assert.equal((await openDataset(cifar)).kind, "cifar10");
});

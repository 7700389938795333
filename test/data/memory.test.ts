import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBytes, tinyDataset } from "./support.js";

test("images are views of the given bytes, gray is repeated", async () => {
  const data = tinyDataset(3);
  assert.deepEqual((await data.image(2)).pixels, randomBytes(144).subarray(96));
  const gray = tinyDataset(2, { channels: 1, pixels: randomBytes(32) });
  const plane = [...randomBytes(32).subarray(16)];
  assert.deepEqual([...(await gray.image(1)).pixels], [...plane, ...plane, ...plane]);
});

test("bytes, labels and positions that do not fit are refused", async () => {
  assert.throws(() => tinyDataset(2, { pixels: randomBytes(95) }), /tiny: 2 images of 3x4x4 need 96 bytes, got 95/);
  assert.throws(() => tinyDataset(2, { labels: [0, 3] }), /tiny: image 1 has label 3; there are 3 classes/);
  for (const index of [-1, 2, 0.5]) await assert.rejects(tinyDataset(2).image(index), /tiny: there is no image/);
});

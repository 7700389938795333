import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { resample, resizeShorter } from "../../src/data/resample.js";
import { randomImage } from "./support.js";

test("an image resampled to its own size is unchanged, and a box is cut out exactly", () => {
  const image = randomImage(7, 5);
  assert.deepEqual(resample(image, 7, 5), image);
  const part = resample(image, 3, 2, { left: 2, top: 1, width: 3, height: 2 });
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < 2; y++)
      for (let x = 0; x < 3; x++)
        assert.equal(part.pixels[(c * 2 + y) * 3 + x], image.pixels[(c * 5 + 1 + y) * 7 + 2 + x]);
});

test("a plain image stays plain, and no value leaves the range of the input", () => {
  const side = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(side, side, side, side, fc.integer({ min: 0, max: 255 }), (w, h, width, height, value) => {
      const plain = { width: w, height: h, pixels: new Uint8Array(3 * w * h).fill(value) };
      assert.ok(resample(plain, width, height).pixels.every((p) => p === value));
      const { pixels } = randomImage(w, h, value);
      const scaled = resample({ width: w, height: h, pixels }, width, height).pixels;
      assert.ok(scaled.every((p) => p >= Math.min(...pixels) && p <= Math.max(...pixels)));
    }),
  );
});

test("halving averages with the triangle filter of Pillow", () => {
  const row = Uint8Array.of(0, 40, 80, 255);
  const image = { width: 4, height: 1, pixels: Uint8Array.from([...row, ...row, ...row]) };
  // Pillow 9.4: Image.fromarray(row).resize((2, 1), Image.BILINEAR)
  assert.deepEqual([...resample(image, 2, 1).pixels.subarray(0, 2)], [29, 149]);
});

test("shrinking and enlarging agree with Pillow", () => {
  const plane = Uint8Array.from({ length: 35 }, (_, i) => (i * 37) % 251);
  const image = { width: 7, height: 5, pixels: Uint8Array.from([...plane, ...plane, ...plane]) };
  const shrunk = [22, 80, 148, 206, 35, 93, 161, 219, 48, 106, 174, 156];
  assert.deepEqual([...resample(image, 4, 3).pixels], [...shrunk, ...shrunk, ...shrunk]);
  const lastRow = [32, 57, 85, 114, 143, 172, 201, 146, 3];
  assert.deepEqual([...resample(image, 9, 8).pixels.subarray(63, 72)], lastRow);
});

test("resizeShorter keeps the aspect and rounds the longer side down", () => {
  const { width, height } = resizeShorter(randomImage(50, 37), 20);
  assert.deepEqual([width, height], [27, 20]);
  const image = randomImage(9, 6);
  assert.equal(resizeShorter(image, 6), image);
});

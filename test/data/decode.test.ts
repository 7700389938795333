import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";
import { DataError } from "../../src/core/errors.js";
import type { RgbImage } from "../../src/data/dataset.js";
import { decodeImage } from "../../src/data/decode.js";
import { resizeShorter } from "../../src/data/resample.js";
import { folderOf, randomBytes, realData } from "./support.js";

/** An image of one color, ready to be encoded. */
function plain(width: number, height: number, background: { r: number; g: number; b: number; alpha?: number }) {
  return sharp({ create: { width, height, channels: background.alpha === undefined ? 3 : 4, background } });
}

/** The color at a point, as [r, g, b]. */
function at({ width, height, pixels }: RgbImage, x: number, y: number): number[] {
  return [0, 1, 2].map((c) => pixels[(c * height + y) * width + x]!);
}

function assertColor(image: RgbImage, x: number, y: number, expected: readonly number[], tolerance = 0): void {
  const color = at(image, x, y);
  assert.ok(
    color.every((v, c) => Math.abs(v - expected[c]!) <= tolerance),
    `(${x}, ${y}) is ${color}, not ${expected}`,
  );
}

test("PNG pixels come back exactly, in planes", async () => {
  const [width, height] = [5, 3];
  const data = randomBytes(3 * width * height);
  const image = await decodeImage(
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer(),
  );
  assert.deepEqual([image.width, image.height], [width, height]);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) assertColor(image, x, y, [...data.subarray((y * width + x) * 3).subarray(0, 3)]);
});

test("EXIF orientation is applied", async () => {
  const left = { create: { width: 16, height: 16, channels: 3, background: "red" } } as const;
  const jpeg = plain(32, 16, { r: 0, g: 0, b: 255 })
    .composite([{ input: left, left: 0, top: 0 }])
    .jpeg({ quality: 100 });
  const upright = await decodeImage(await jpeg.toBuffer());
  assertColor(upright, 4, 8, [255, 0, 0], 8);
  // 6: to be turned clockwise, so that the left side comes to the top
  const turned = await decodeImage(await jpeg.withMetadata({ orientation: 6 }).toBuffer());
  assert.deepEqual([turned.width, turned.height], [16, 32]);
  assertColor(turned, 8, 4, [255, 0, 0], 8);
  assertColor(turned, 8, 28, [0, 0, 255], 8);
});

test("gray, gray with alpha, 16 bit, palette and CMYK become sRGB", async () => {
  const color = { r: 180, g: 120, b: 90 };
  const gray = await decodeImage(await plain(8, 8, { r: 90, g: 90, b: 90 }).toColorspace("b-w").png().toBuffer());
  assertColor(gray, 3, 3, [90, 90, 90], 1);
  const grayJpeg = await decodeImage(await plain(8, 8, { r: 90, g: 90, b: 90 }).grayscale().jpeg().toBuffer());
  assertColor(grayJpeg, 3, 3, [90, 90, 90], 1);
  const grayAlpha = plain(8, 8, { r: 90, g: 90, b: 90, alpha: 1 }).toColorspace("b-w");
  assertColor(await decodeImage(await grayAlpha.png().toBuffer()), 3, 3, [90, 90, 90], 1);
  const deep = await decodeImage(await plain(8, 8, color).toColorspace("rgb16").png().toBuffer());
  assertColor(deep, 3, 3, [180, 120, 90], 1);
  const palette = await decodeImage(await plain(8, 8, color).png({ palette: true }).toBuffer());
  assertColor(palette, 3, 3, [180, 120, 90], 1);
  const encoded = await plain(8, 8, color).toColorspace("cmyk").jpeg({ quality: 100 }).toBuffer();
  assert.equal((await sharp(encoded).metadata()).space, "cmyk");
  assertColor(await decodeImage(encoded), 3, 3, [180, 120, 90], 25); // not every color survives CMYK
});

test("transparency becomes white", async () => {
  const clear = await decodeImage(await plain(4, 4, { r: 0, g: 0, b: 0, alpha: 0 }).png().toBuffer());
  assertColor(clear, 1, 1, [255, 255, 255]);
  const half = await decodeImage(await plain(4, 4, { r: 0, g: 0, b: 0, alpha: 0.5 }).png().toBuffer());
  assertColor(half, 1, 1, [127, 127, 127], 1);
});

test("truncated, empty and foreign files are refused by name", async (t) => {
  const noise = sharp(randomBytes(64 * 64 * 3), { raw: { width: 64, height: 64, channels: 3 } });
  const jpeg = await noise.jpeg().toBuffer();
  const png = await noise.png().toBuffer();
  const folder = await folderOf(t, {
    "half.jpg": jpeg.subarray(0, jpeg.length >> 1),
    "half.png": png.subarray(0, png.length >> 1),
    "empty.jpg": "",
    "text.jpg": "hello",
  });
  for (const name of ["half.jpg", "half.png", "empty.jpg", "text.jpg", "absent.jpg"])
    await assert.rejects(decodeImage(`${folder}/${name}`), (error: Error) => {
      assert.ok(error instanceof DataError, `${error}`);
      assert.ok(error.message.startsWith(`${folder}/${name}: cannot be decoded (`), error.message);
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  await assert.rejects(decodeImage(Uint8Array.of(1, 2, 3)), /image of 3 bytes: cannot be decoded/);
});

test("a photograph scaled while it is decoded is the scaled photograph, but for less than two levels in the mean", async (t) => {
  const folder = realData(t, "imagenet-samples");
  if (!folder) return;
  const file = `${folder}/n01440764_tench.JPEG`;
  const [full, reduced] = [await decodeImage(file), await decodeImage(file, { shorterSide: 32 })];
  const [a, b] = [resizeShorter(full, 32), reduced];
  assert.deepEqual([a.width, a.height], [b.width, b.height]);
  const mean = a.pixels.reduce((sum, v, i) => sum + Math.abs(v - b.pixels[i]!), 0) / a.pixels.length;
  assert.ok(mean < 2, `mean difference ${mean}`);
});

test("scaling down keeps the orientation and leaves small images alone", async () => {
  const wide = sharp(randomBytes(90 * 60 * 3), { raw: { width: 90, height: 60, channels: 3 } });
  const jpeg = await wide.jpeg().withMetadata({ orientation: 6 }).toBuffer();
  for (const [shorterSide, width, height] of [
    [20, 20, 30],
    [10, 10, 15],
    [60, 60, 90],
    [100, 60, 90],
  ] as const) {
    const image = await decodeImage(jpeg, { shorterSide });
    assert.deepEqual([image.width, image.height], [width, height]);
  }
  const full = await decodeImage(jpeg);
  assert.deepEqual(await decodeImage(jpeg, { shorterSide: 40 }), resizeShorter(full, 40));
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import sharp, { type Sharp } from "sharp";
import { decodePicture } from "../../src/data/decode.js";
import { folderOf } from "./support.js";

const values = [0, 1, 64, 127, 128, 200, 254, 255];

/** One row of pixels with so many channels, each value in all of them. */
const row = (data: Uint8Array | Uint16Array, channels: 1 | 2 | 3 | 4) =>
  sharp(data, { raw: { width: data.length / channels, height: 1, channels } });
const wide = (channels: number, of: (v: number) => number) =>
  values.flatMap((v) => Array<number>(channels).fill(of(v)));

/** The first plane. */
const gray = async (image: Sharp | Buffer) => {
  const { pixels, width } = await decodePicture(Buffer.isBuffer(image) ? image : await image.toBuffer());
  assert.deepEqual(pixels.slice(0, width), pixels.slice(width, 2 * width));
  return [...pixels.slice(0, width)];
};

/** A TIFF of one row of gray samples. */
function tiff(bits: number, format: 1 | 2 | 3, samples: Buffer): Buffer {
  const width = (8 * samples.length) / bits;
  const tags = [
    [256, width],
    [257, 1],
    [258, bits],
    [259, 1],
    [262, 1],
    [273, 8],
    [277, 1],
    [278, 1],
    [279, samples.length],
    [339, format],
  ] as const;
  const file = Buffer.alloc(8 + samples.length + 2 + 12 * tags.length + 4);
  file.write("II*\0", "latin1");
  file.writeUInt32LE(8 + samples.length, 4);
  samples.copy(file, 8);
  file.writeUInt16LE(tags.length, 8 + samples.length);
  tags.forEach(([tag, value], i) => {
    const at = 8 + samples.length + 2 + 12 * i;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(4, at + 2); // a LONG
    file.writeUInt32LE(1, at + 4);
    file.writeUInt32LE(value, at + 8);
  });
  return file;
}

const shown: Readonly<Record<string, () => Promise<number[]>>> = {
  "gray PNG of 8 bits": () => gray(row(Uint8Array.from(values), 1).png()),
  "gray PNG of 16 bits": () =>
    gray(
      row(
        Uint16Array.from(values, (v) => 257 * v),
        1,
      )
        .toColourspace("grey16")
        .png({ palette: false }),
    ),
  "RGB PNG of 16 bits": () =>
    gray(
      row(Uint16Array.from(wide(3, (v) => 257 * v)), 3)
        .toColourspace("rgb16")
        .png(),
    ),
  "TIFF of 8 bits": () => gray(tiff(8, 1, Buffer.from(values))),
  "TIFF of 16 bits": () => gray(tiff(16, 1, Buffer.from(Uint16Array.from(values, (v) => 257 * v).buffer))),
  "lossless WebP": () => gray(row(Uint8Array.from(wide(3, (v) => v)), 3).webp({ lossless: true })),
};
for (const [what, read] of Object.entries(shown))
  test(`${what}: samples are those of the file, scaled to 8 bits`, async () => assert.deepEqual(await read(), values));

test("a PNG of 1 bit is black and white", async () => {
  const image = row(Uint8Array.of(0, 255, 255, 0), 1).png({ palette: true, colours: 2 });
  assert.deepEqual(await gray(image), [0, 255, 255, 0]);
});

test("transparency becomes white: gray with alpha, and a palette", async () => {
  const alpha = row(Uint8Array.of(0, 0, 0, 255, 255, 0), 2);
  assert.deepEqual(await gray(alpha.clone().png()), [255, 0, 255]);
  assert.deepEqual(await gray(alpha.clone().png({ palette: true })), [255, 0, 255]);
});

test("CMYK becomes RGB: no ink is white, all black ink is black", async () => {
  const flat = (background: string) =>
    sharp({ create: { width: 16, height: 16, channels: 3, background } })
      .toColourspace("cmyk")
      .jpeg({ quality: 100 })
      .toBuffer();
  assert.equal((await sharp(await flat("white")).metadata()).space, "cmyk");
  const [white, black, red] = await Promise.all(
    ["white", "black", "red"].map(async (c) => decodePicture(await flat(c))),
  );
  assert.ok(white!.pixels.every((v) => v > 245));
  assert.ok(black!.pixels.every((v) => v < 60));
  assert.ok(red!.pixels[0]! > 180 && red!.pixels[256]! < 80);
});

const floats = Buffer.from(Float32Array.of(0, 0.5, 1).buffer);
const svg =
  '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4" fill="red"/></svg>';
const frames = async () => {
  const frame = (v: number) =>
    row(Uint8Array.from([v, v, v]), 3)
      .png()
      .toBuffer();
  return sharp(await Promise.all([frame(0), frame(255)]), { join: { animated: true } });
};
const refused: Readonly<Record<string, readonly [() => Promise<Buffer> | Buffer, RegExp]>> = {
  "floating point": [() => tiff(32, 3, floats), /its samples are of type float/],
  "double precision": [() => tiff(64, 3, Buffer.from(Float64Array.of(0, 1).buffer)), /samples/],
  "integers of 32 bits": [() => tiff(32, 1, Buffer.from(Uint32Array.of(0, 7).buffer)), /its samples are of type uint/],
  "signed integers of 16 bits": [
    () => tiff(16, 2, Buffer.from(Int16Array.of(0, 7).buffer)),
    /its samples are of type short/,
  ],
  "an animated GIF": [async () => (await frames()).gif().toBuffer(), /it holds 2 pages or frames/],
  "an animated WebP": [async () => (await frames()).webp().toBuffer(), /it holds 2 pages or frames/],
  SVG: [() => Buffer.from(svg), /svg files are not accepted/],
};
for (const [what, [make, message]] of Object.entries(refused))
  test(`${what} is refused by name, whatever the file is called`, async (t) => {
    const file = join(await folderOf(t, { "image.jpg": await make() }), "image.jpg");
    await assert.rejects(decodePicture(file), { name: "DataError", message });
  });

test("a pipe is not waited for", { skip: process.platform === "win32" }, async (t) => {
  const folder = await folderOf(t, {});
  await writeFile(join(folder, "note"), "");
  execFileSync("mkfifo", [join(folder, "pipe.jpg")]);
  await assert.rejects(decodePicture(join(folder, "pipe.jpg")), /not a regular file/);
});

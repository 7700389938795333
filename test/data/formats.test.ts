import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import sharp, { type Sharp } from "sharp";
import { decodeImage } from "../../src/data/decode.js";
import { openImageFolder } from "../../src/data/image-folder.js";
import { folderOf } from "./support.js";

const values = [0, 1, 64, 127, 128, 200, 254, 255];

/** One row of pixels with so many channels, each value in all of them. */
const row = (data: Uint8Array | Uint16Array, channels: 1 | 2 | 3 | 4) =>
  sharp(data, { raw: { width: data.length / channels, height: 1, channels } });
const wide = (channels: number, of: (v: number) => number) =>
  values.flatMap((v) => Array<number>(channels).fill(of(v)));

/** The first plane. */
const gray = async (image: Sharp | Buffer) => {
  const { pixels, width } = await decodeImage(Buffer.isBuffer(image) ? image : await image.toBuffer());
  assert.deepEqual(pixels.slice(0, width), pixels.slice(width, 2 * width));
  return [...pixels.slice(0, width)];
};

/** A TIFF of one row; gray samples unless `more` tags say otherwise. Tags of several values take the first for all. */
function tiff(
  bits: number,
  format: 1 | 2 | 3,
  samples: Buffer,
  more: Readonly<Record<number, number>> = {},
  { big = false, little = true } = {},
): Buffer {
  const channels = more[277] ?? 1;
  const width = (8 * samples.length) / bits / channels;
  const start = big ? 16 : 8;
  const own = { 256: width, 257: 1, 258: bits, 259: 1, 262: 1, 273: start, 277: 1, 278: 1, 279: samples.length };
  const entries = Object.entries({ ...own, 339: format, ...more });
  const [countSize, entrySize] = big ? [8, 20] : [2, 12];
  const directory = start + samples.length;
  const perChannel = directory + countSize! + entrySize! * entries.length + 8;
  const file = Buffer.alloc(perChannel + 4 * channels);
  const write = (value: number, at: number, size: number) => {
    if (size === 8) little ? file.writeBigUInt64LE(BigInt(value), at) : file.writeBigUInt64BE(BigInt(value), at);
    else if (little) file.writeUIntLE(value, at, size);
    else file.writeUIntBE(value, at, size);
  };
  file.write(little ? "II" : "MM", "latin1");
  write(big ? 43 : 42, 2, 2);
  if (big) write(8, 4, 2);
  write(directory, big ? 8 : 4, big ? 8 : 4);
  samples.copy(file, start);
  write(entries.length, directory, countSize!);
  entries.forEach(([tag, value], i) => {
    const at = directory + countSize! + entrySize! * i;
    const count = tag === "258" || tag === "339" ? channels : 1;
    write(Number(tag), at, 2);
    write(3, at + 2, 2); // a SHORT
    write(count, at + 4, big ? 8 : 4);
    const inline = 2 * count <= (big ? 8 : 4);
    const apart = perChannel + (tag === "339" ? 2 * channels : 0);
    const place = inline ? at + (big ? 12 : 8) : apart;
    if (!inline) write(apart, at + (big ? 12 : 8), big ? 8 : 4);
    for (let c = 0; c < count; c++) write(value, place + 2 * c, 2);
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
        .toColorspace("gray16")
        .png({ palette: false }),
    ),
  "RGB PNG of 16 bits": () =>
    gray(
      row(Uint16Array.from(wide(3, (v) => 257 * v)), 3)
        .toColorspace("rgb16")
        .png(),
    ),
  "TIFF of 8 bits": () => gray(tiff(8, 1, Buffer.from(values))),
  "TIFF of 16 bits": () => gray(tiff(16, 1, Buffer.from(Uint16Array.from(values, (v) => 257 * v).buffer))),
  "lossless WebP": () => gray(row(Uint8Array.from(wide(3, (v) => v)), 3).webp({ lossless: true })),
};
for (const [what, read] of Object.entries(shown))
  test(`${what}: samples are those of the file, scaled to 8 bits`, async () => assert.deepEqual(await read(), values));

test("a PNG of 1 bit is black and white", async () => {
  const image = row(Uint8Array.of(0, 255, 255, 0), 1).png({ palette: true, colors: 2 });
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
      .toColorspace("cmyk")
      .jpeg({ quality: 100 })
      .toBuffer();
  assert.equal((await sharp(await flat("white")).metadata()).space, "cmyk");
  const [white, black, red] = await Promise.all(["white", "black", "red"].map(async (c) => decodeImage(await flat(c))));
  assert.ok(white!.pixels.every((v) => v > 245));
  assert.ok(black!.pixels.every((v) => v < 60));
  assert.ok(red!.pixels[0]! > 180 && red!.pixels[256]! < 80);
});

/** RGB with a channel that should not be looked at. */
const rgbx = Buffer.from(values.flatMap((v, i) => [v, v, v, 36 * i]));
for (const [how, form] of Object.entries({
  "": {},
  ", big-endian": { little: false },
  ", BigTIFF": { big: true },
}))
  test(`an extra channel of no stated meaning is left out${how}`, async () => {
    const more = { 262: 2, 277: 4 };
    assert.deepEqual(await gray(tiff(8, 1, rgbx, { ...more, 338: 0 }, form)), values);
    assert.deepEqual(await gray(tiff(8, 1, rgbx, more, form)), values);
    const blended = values.map((v, i) => v + ((255 - v) * (255 - 36 * i)) / 255);
    const seen = await gray(tiff(8, 1, rgbx, { ...more, 338: 2 }, form));
    for (const [i, v] of blended.entries()) assert.ok(Math.abs(seen[i]! - v) <= 1, `${seen} instead of ${blended}`);
  });

test("gray with an extra channel, and white as zero, are read as they are meant", async () => {
  const pairs = Buffer.from(values.flatMap((v, i) => [v, 36 * i]));
  assert.deepEqual(await gray(tiff(8, 1, pairs, { 277: 2, 338: 0 })), values);
  assert.deepEqual(
    await gray(tiff(8, 1, Buffer.from(values), { 262: 0 })),
    values.map((v) => 255 - v),
  );
});

test("a TIFF that is cut off anywhere, or whose directory lies, is an error and no crash", async () => {
  const whole = tiff(8, 1, rgbx, { 262: 2, 277: 4, 338: 0 });
  for (let length = 4; length < whole.length - 8; length += 7)
    await assert.rejects(decodeImage(whole.subarray(0, length)), { name: "DataError" });
  const lies = Buffer.from(whole);
  lies.writeUInt32LE(0xfffffff0, 4);
  await assert.rejects(decodeImage(lies), { name: "DataError" });
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
/** A PNG with the chunk that announces two frames; the first is its own image. */
async function animatedPng(): Promise<Buffer> {
  const still = await row(Uint8Array.of(1, 2, 3), 3)
    .png()
    .toBuffer();
  const control = Buffer.alloc(20);
  control.writeUInt32BE(8, 0);
  control.write("acTL", 4, "latin1");
  control.writeUInt32BE(2, 8);
  control.writeUInt32BE(crc32(control.subarray(4, 16)), 16);
  const end = 8 + 25; // signature, IHDR
  return Buffer.concat([still.subarray(0, end), control, still.subarray(end)]);
}

/** As in PNG and zip. */
function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const refused: Readonly<Record<string, readonly [() => Promise<Buffer> | Buffer, RegExp]>> = {
  "floating point": [() => tiff(32, 3, floats), /its samples are floating-point numbers/],
  "double precision": [() => tiff(64, 3, Buffer.from(Float64Array.of(0, 1).buffer)), /samples/],
  "integers of 32 bits": [
    () => tiff(32, 1, Buffer.from(Uint32Array.of(0, 7).buffer)),
    /its samples are 32-bit integers/,
  ],
  "signed integers of 16 bits": [
    () => tiff(16, 2, Buffer.from(Int16Array.of(0, 7).buffer)),
    /its samples are signed 16-bit integers/,
  ],
  "signed integers of 8 bits": [() => tiff(8, 2, Buffer.of(1, 2)), /its samples are signed 8-bit integers/],
  "YCbCr that is not JPEG": [
    () => tiff(8, 1, Buffer.of(76, 84, 255, 76, 84, 255), { 262: 6, 277: 3 }),
    /it is YCbCr without JPEG; save it as RGB/,
  ],
  "five channels": [() => tiff(8, 1, Buffer.alloc(10), { 262: 2, 277: 5 }), /it has 5 channels/],
  "a side of 65,536 pixels": [
    () => row(new Uint8Array(65_536), 1).png().toBuffer(),
    /it is 65536 × 1; sides of at most/,
  ],
  "an animated GIF": [async () => (await frames()).gif().toBuffer(), /it has 2 pages or frames/],
  "an animated WebP": [async () => (await frames()).webp().toBuffer(), /it has 2 pages or frames/],
  "an animated PNG": [animatedPng, /it has 2 pages or frames/],
  SVG: [() => Buffer.from(svg), /it is not a JPEG, PNG, WebP, TIFF, GIF or AVIF file/],
};
for (const [what, [make, message]] of Object.entries(refused))
  test(`${what} is refused by name, whatever the file is called`, async (t) => {
    const file = join(await folderOf(t, { "image.jpg": await make() }), "image.jpg");
    await assert.rejects(decodeImage(file), { name: "DataError", message });
  });

test("a pipe is not waited for", { skip: process.platform === "win32" }, async (t) => {
  const folder = await folderOf(t, {});
  await writeFile(join(folder, "note"), "");
  execFileSync("mkfifo", [join(folder, "pipe.jpg")]);
  await assert.rejects(decodeImage(join(folder, "pipe.jpg")), /not a regular file/);
});

/** A PNG with the chunk sBIT before its pixels. */
function withSignificantBits(png: Buffer, ...bits: readonly number[]): Buffer {
  const chunk = Buffer.alloc(12 + bits.length);
  chunk.writeUInt32BE(bits.length, 0);
  chunk.write("sBIT", 4, "latin1");
  Buffer.from(bits).copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + bits.length)), 8 + bits.length);
  return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]);
}
const gray16 = (data: readonly number[]) =>
  row(Uint16Array.from(data), 1).toColorspace("grey16").png({ palette: false }).toBuffer();
const rgb16 = (data: readonly number[]) =>
  row(Uint16Array.from(data.flatMap((v) => [v, v, v])), 3)
    .toColorspace("rgb16")
    .png()
    .toBuffer();
const sixteen = (data: readonly number[], more: Record<number, number> = {}) =>
  tiff(16, 1, Buffer.from(Uint16Array.from(data).buffer), more);

for (const bits of [9, 10, 12, 14, 15]) {
  const most = 2 ** bits - 1;
  const unscaled = values.map((v) => Math.round((v * most) / 255));
  const bytes = unscaled.map((v) => Math.round((v * 65535) / most) >> 8);
  test(`samples of ${bits} bits in 16 are scaled where the file says so`, async () => {
    assert.deepEqual(await gray(withSignificantBits(await gray16(unscaled), bits)), bytes);
    assert.deepEqual(await gray(withSignificantBits(await rgb16(unscaled), bits, bits, bits)), bytes);
    assert.deepEqual(await gray(sixteen(unscaled, { 281: most })), bytes);
    assert.deepEqual(await gray(sixteen(unscaled, { 341: most })), bytes);
  });
  test(`samples of ${bits} bits that are scaled to 16 already, as PNG has it, stay as they are`, async () => {
    // Dark ones too: the bits before are repeated behind.
    for (const data of [values, values.map((v) => v >> 5)]) {
      const own = data.map((v) => Math.round((v * most) / 255));
      const wide = own.map((v) => (v << (16 - bits)) | (v >> (2 * bits - 16)));
      const expected = wide.map((v) => v >> 8);
      assert.deepEqual(await gray(withSignificantBits(await gray16(wide), bits)), expected);
    }
  });
}

test("what a file says of its largest sample is used only where it is so, and all ones", async () => {
  const data = [0, 100, 3000, 40_000];
  const bytes = data.map((v) => v >> 8);
  for (const claim of [4095, 3000, 65_535, 0]) assert.deepEqual(await gray(sixteen(data, { 281: claim })), bytes);
  assert.deepEqual(await gray(sixteen([0, 100, 3000], { 281: 3000 })), [0, 0, 11]);
  assert.deepEqual(await gray(withSignificantBits(await gray16(data), 12)), bytes);
  assert.deepEqual(await gray(withSignificantBits(await gray16(data), 16)), bytes);
});

test("a folder whose images of 16 bits are all nearly black is said to be so, once", async (t) => {
  const notes = async (of: (i: number) => Promise<Buffer> | Buffer) => {
    const files: Record<string, Buffer> = {};
    for (const name of ["a", "b"]) for (let i = 0; i < 3; i++) files[`${name}/${i}.tif`] = await of(i);
    const said: string[] = [];
    await openImageFolder(await folderOf(t, files), { onNote: (note) => said.push(note) });
    return said;
  };
  const [one] = await notes((i) => sixteen([0, 4095 - i, 17]));
  assert.match(one!, /^all 6 images with 16-bit samples use at most 12 of the bits, .* MaxSampleValue 4095/);
  assert.match((await notes(() => sixteen([0, 1023, 17])))[0]!, /use at most 10 of the bits/);
  assert.deepEqual(await notes((i) => sixteen([0, i === 1 ? 60_000 : 17])), []);
  assert.deepEqual(await notes(() => sixteen([0, 4095], { 281: 4095 })), []);
  assert.deepEqual(await notes(() => tiff(8, 1, Buffer.of(0, 3, 1))), []);
});

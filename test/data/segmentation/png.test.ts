import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { DataError } from "../../../src/core/errors.js";
import { Rng } from "../../../src/core/rng.js";
import { pngIndices } from "../../../src/data/segmentation/png-indices.js";
import { packedRows, png } from "./png.js";

for (const color of [0, 3])
  for (const bits of color === 0 ? [1, 2, 4, 8, 16] : [1, 2, 4, 8])
    test(`${color === 0 ? "gray" : "palette"} PNG of ${bits} bits gives the stored numbers, with every filter`, () => {
      for (const [width, height] of [
        [1, 1],
        [13, 7],
        [64, 33],
      ] as const) {
        const rng = new Rng(bits, width);
        const values = Uint16Array.from({ length: width * height }, () => rng.int(2 ** bits));
        const file = png({ width, height, bits, color, filter: (row) => row % 5 }, packedRows(values, width, bits));
        const found = pngIndices(file);
        assert.deepEqual([found.width, found.height, [...found.data]], [width, height, [...values]]);
      }
    });

test("interlaced and filtered files of another program are read as it reads them", async () => {
  for (const [width, height] of [
    [1, 1],
    [3, 2],
    [5, 9],
    [37, 21],
    [240, 180],
  ] as const)
    for (const progressive of [true, false]) {
      const rng = new Rng(width, height);
      const raw = Buffer.from(Array.from({ length: width * height }, (_, i) => ((i % width) * 3 + rng.int(4)) % 256));
      const file = await sharp(raw, { raw: { width, height, channels: 1 } })
        .png({ progressive, palette: false, adaptiveFiltering: true })
        .toColorspace("b-w")
        .toBuffer();
      assert.equal((await sharp(file).metadata()).isProgressive, progressive);
      const found = pngIndices(file);
      assert.deepEqual([found.width, found.height, Buffer.compare(Buffer.from(found.data), raw)], [width, height, 0]);
    }
});

test("RGB is read if it is gray, and everything else is refused in one line", async () => {
  const rows = packedRows(Uint8Array.of(1, 2, 3, 4), 2, 8);
  const gray = png({ width: 2, height: 2, bits: 8, color: 0 }, rows);
  const triple = rows.map((row) => Uint8Array.from([...row].flatMap((v) => [v, v, v])));
  assert.deepEqual([...pngIndices(png({ width: 2, height: 2, bits: 8, color: 2 }, triple)).data], [1, 2, 3, 4]);
  triple[1]![4] = 9;
  const refused: [Uint8Array, RegExp][] = [
    [
      png({ width: 2, height: 2, bits: 8, color: 2 }, triple),
      /it is in color \(RGB\); save masks as gray or palette PNG/,
    ],
    [png({ width: 2, height: 2, bits: 8, color: 6 }, rows), /it has transparency/],
    [png({ width: 2, height: 2, bits: 3, color: 0 }, rows), /color type is 0 with 3 bits/],
    [png({ width: 0, height: 2, bits: 8, color: 0 }, rows), /it is 0 × 2/],
    [png({ width: 60_000, height: 60_000, bits: 8, color: 0 }, rows), /it is 60000 × 60000; up to 100 megapixels/],
    [png({ width: 20, height: 20, bits: 8, color: 0 }, rows), /its pixels are truncated/],
    [png({ width: 2, height: 2, bits: 8, color: 0, filter: () => 7 }, rows), /its pixels are damaged \(filter 7\)/],
    [gray.subarray(0, 50), /it is truncated|its pixels/],
    [gray.subarray(0, 20), /it is truncated/],
    [new Uint8Array(0), /it is not a PNG file/],
    [Buffer.from("no image at all"), /it is not a PNG file/],
    [
      await sharp(Buffer.alloc(12), { raw: { width: 2, height: 2, channels: 3 } })
        .jpeg()
        .toBuffer(),
      /it is not a PNG file/,
    ],
  ];
  for (const [file, says] of refused)
    assert.throws(
      () => pngIndices(file),
      (error: Error) => error instanceof DataError && says.test(error.message) && !error.message.includes("\n"),
      String(says),
    );
});

test("any cut or flipped byte is an error or other numbers, never a crash", () => {
  const rng = new Rng(1, "damage");
  const values = Uint8Array.from({ length: 40 * 30 }, () => rng.int(12));
  const file = png({ width: 40, height: 30, bits: 8, color: 3, filter: (row) => row % 5 }, packedRows(values, 40, 8));
  const read = (bytes: Uint8Array) => {
    try {
      pngIndices(bytes);
    } catch (error) {
      assert.ok(error instanceof DataError, String(error));
    }
  };
  for (let length = 0; length < file.length; length += 7) read(file.subarray(0, length));
  for (let i = 0; i < 400; i++) {
    const broken = Uint8Array.from(file);
    broken[rng.int(broken.length)]! ^= 1 << rng.int(8);
    read(broken);
  }
});

const real = process.env.FOVEA_DATA;
const camvid = real && join(real, "camvid", "masks", "train");
test("CamVid's palette masks hold classes, not colors", {
  skip: camvid && existsSync(camvid) ? false : "FOVEA_DATA has no camvid",
}, () => {
  for (const name of readdirSync(camvid!).slice(0, 20)) {
    const { width, height, data } = pngIndices(readFileSync(join(camvid!, name)));
    assert.deepEqual([width, height], [240, 180]);
    assert.ok(data.every((value) => value <= 11) && new Set(data).size > 4, name);
  }
});

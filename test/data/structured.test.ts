import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import sharp from "sharp";
import { DataError } from "../../src/core/errors.js";
import { cifar10 } from "../../src/data/cifar.js";
import { decodeImage } from "../../src/data/decode.js";
import { idx } from "../../src/data/idx.js";
import { damaged, said, survivesWaiting } from "../formats/mutation.js";
import { cifarFiles, idxFiles, pngFiles, spliced, tiffFiles } from "../formats/structured.js";
import { ifLong } from "../support/long.js";
import { folderOf, randomBytes } from "./support.js";

/** Files make these slower than readers of bytes. */
const share = ifLong ? 0.05 : 0.2;

test("IDX: files whose headers lie are read or refused, never more", async (t) => {
  const folder = await folderOf(t, {});
  const inputs = fc.record({
    images: idxFiles(3),
    labels: idxFiles(1),
    packed: fc.boolean(),
    cut: fc.nat(40),
    cuts: fc.boolean(),
  });
  const outcome = await survivesWaiting(
    inputs,
    async ({ images, labels, packed, cut, cuts }) => {
      const file = async (name: string, content: Uint8Array, cutting: boolean) => {
        const zipped = packed ? gzipSync(content) : content;
        await rm(join(folder, packed ? name : `${name}.gz`), { force: true });
        await writeFile(join(folder, packed ? `${name}.gz` : name), cutting ? zipped.subarray(0, -1 - cut) : zipped);
      };
      await file("train-images-idx3-ubyte", images, cuts && cut > 20);
      await file("train-labels-idx1-ubyte", labels, cuts && cut <= 20);
      await file("t10k-images-idx3-ubyte", images, false);
      await file("t10k-labels-idx1-ubyte", labels, false);
      await idx(folder);
    },
    [DataError],
    share,
  );
  t.diagnostic(said(outcome));
});

test("CIFAR: files of wrong lengths, labels and names are read or refused, never more", async (t) => {
  const folder = await folderOf(t, {});
  const outcome = await survivesWaiting(
    cifarFiles,
    async ({ count, label, tail, names }) => {
      const records = Buffer.alloc(Math.max(0, count * 3073 + tail), label);
      await writeFile(join(folder, "data_batch_1.bin"), records);
      await writeFile(join(folder, "test_batch.bin"), records);
      const meta = join(folder, "batches.meta.txt");
      if (names === undefined) await rm(meta, { force: true });
      else await writeFile(meta, names);
      await cifar10(folder);
    },
    [DataError],
    share,
  );
  t.diagnostic(said(outcome));
});

const small = sharp(randomBytes(3 * 24 * 16), { raw: { width: 24, height: 16, channels: 3 } });
const files = {
  jpeg: await small.clone().jpeg().toBuffer(),
  gif: await small.clone().gif().toBuffer(),
  webp: await small.clone().webp().toBuffer(),
};
const others = [
  await small.clone().png().toBuffer(),
  await small.clone().tiff().toBuffer(),
  await small.clone().avif({ effort: 0 }).toBuffer(),
];
const images: Record<string, fc.Arbitrary<Uint8Array>> = {
  "PNG: chunks that lie": pngFiles,
  "TIFF: directories that lie": tiffFiles,
  "JPEG, GIF, WebP: segments that lie": spliced(files),
  "all formats: damage": damaged([...Object.values(files), ...others]),
};
for (const [what, inputs] of Object.entries(images))
  test(`${what}: images are decoded or refused, never more`, async (t) => {
    const outcome = await survivesWaiting(inputs, (file) => decodeImage(file, { shorterSide: 8 }), [DataError], share);
    t.diagnostic(said(outcome));
  });

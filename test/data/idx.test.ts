import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { idx } from "../../src/data/idx.js";
import { ifLong } from "../support/long.js";
import { folderOf, randomBytes } from "./support.js";

/** An IDX file: magic number, dimensions, bytes. */
function idxFile(shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  [0x800 + shape.length, ...shape].forEach((v, i) => header.setUint32(4 * i, v));
  return Uint8Array.from([...new Uint8Array(header.buffer), ...data]);
}

const files = {
  "train-images-idx3-ubyte": idxFile([3, 2, 4], randomBytes(24, 1)),
  "train-labels-idx1-ubyte": idxFile([3], Uint8Array.of(0, 4, 1)),
  "t10k-images-idx3-ubyte": idxFile([1, 2, 4], randomBytes(8, 2)),
  "t10k-labels-idx1-ubyte": idxFile([1], Uint8Array.of(6)),
};

test("plain and gzipped files hold the same images, gray in all three channels", async (t) => {
  const plain = await idx(await folderOf(t, files));
  const zipped = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]));
  const packed = await idx(await folderOf(t, zipped));
  for (const { train, validation } of [plain, packed]) {
    assert.deepEqual([train.length, validation.length], [3, 1]);
    assert.deepEqual(train.classes, ["0", "1", "2", "3", "4", "5", "6"]);
    assert.deepEqual([...(train.labels as Uint8Array)], [0, 4, 1]);
    const { width, height, pixels } = await train.image(1);
    assert.deepEqual([width, height], [4, 2]);
    const gray = randomBytes(24, 1).subarray(8, 16);
    assert.deepEqual(pixels, Uint8Array.from([...gray, ...gray, ...gray]));
    assert.equal(train.defaults?.flip, false);
  }
});

test("files with a dot in their name, and of EMNIST, are found", async (t) => {
  const renamed = Object.entries(files).map(([name, bytes]) => [
    `emnist-letters-${name.replace("t10k", "test").replace("s-idx", "s.idx")}`,
    bytes,
  ]);
  assert.equal((await idx(await folderOf(t, Object.fromEntries(renamed)))).validation.length, 1);
});

test("headers are checked before they are believed", async (t) => {
  const opened = async (change: Record<string, Uint8Array>) => idx(await folderOf(t, { ...files, ...change }));
  const images = files["train-images-idx3-ubyte"];
  await assert.rejects(
    opened({ "train-images-idx3-ubyte": images.subarray(0, 30) }),
    /train-images-idx3-ubyte: its header says \[3,2,4\], which is 24 bytes, but 14 follow/,
  );
  await assert.rejects(
    opened({ "train-images-idx3-ubyte": images.subarray(0, 9) }),
    /9 bytes cannot hold an IDX header/,
  );
  await assert.rejects(opened({ "train-images-idx3-ubyte": randomBytes(40) }), /starts with 0x/);
  await assert.rejects(
    opened({ "train-images-idx3-ubyte": idxFile([2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], randomBytes(8)) }),
    /its images are 4294967295 × 4294967295; at most/,
  );
  await assert.rejects(
    opened({ "train-images-idx3-ubyte": idxFile([2 ** 31, 2, 4], randomBytes(8)) }),
    /which is 17179869184 bytes; at most 1073741824 are read/,
  );
  await assert.rejects(
    opened({ "train-images-idx3-ubyte": idxFile([2, 2, 4], randomBytes(20)) }),
    /which is 16 bytes, but more follow/,
  );
  await assert.rejects(opened({ "t10k-images-idx3-ubyte": idxFile([0, 2, 4], new Uint8Array()) }), /is empty/);
  await assert.rejects(
    opened({ "train-labels-idx1-ubyte": idxFile([2], Uint8Array.of(0, 1)) }),
    /has 3 images, but .* has 2 labels/,
  );
});

test("missing and damaged archives are named", async (t) => {
  const { "t10k-labels-idx1-ubyte": _, ...rest } = files;
  await assert.rejects(idx(await folderOf(t, rest)), /there is no IDX file of validation labels\. Found: t10k-images/);
  await assert.rejects(
    idx(await folderOf(t, { ...rest, "t10k-labels-idx1-ubyte.gz": randomBytes(50) })),
    /t10k-labels-idx1-ubyte\.gz: cannot be decompressed/,
  );
});

test("a single image of a gigabyte is refused, and so is a pipe", {
  skip: process.platform === "win32" || ifLong,
}, async (t) => {
  const { "train-images-idx3-ubyte": _, "train-labels-idx1-ubyte": __, ...rest } = files;
  const folder = await folderOf(t, {
    ...rest,
    "train-images-idx3-ubyte.gz": gzipSync(idxFile([1, 10_001, 10_000], new Uint8Array(100_010_000)), { level: 1 }),
    "train-labels-idx1-ubyte": idxFile([1], Uint8Array.of(0)),
  });
  await assert.rejects(idx(folder), /its images are 10000 × 10001; at most 100000000 pixels are accepted/);
  const piped = await folderOf(t, { ...rest, "train-images-idx3-ubyte": files["train-images-idx3-ubyte"] });
  execFileSync("mkfifo", [`${piped}/train-labels-idx1-ubyte`]);
  await assert.rejects(idx(piped), /train-labels-idx1-ubyte: cannot be read \(not a regular file\)/);
});

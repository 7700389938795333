import assert from "node:assert/strict";
import { test } from "node:test";
import { lowbias32 } from "../../src/core/rng.js";
import { readNow } from "../../src/formats/byte-source.js";
import { ZipArchive } from "../../src/formats/torch/zip.js";
import { bytes, uint, type ZipEntryOptions, zipFile } from "./torch-files.js";
import { openZip } from "./zip.js";

const content = bytes("what torch saves ".repeat(100));

for (const zip64 of [false, true])
  for (const deflate of [false, true])
    test(`${deflate ? "deflated" : "stored"} entries${zip64 ? " with 64-bit sizes" : ""}`, () => {
      const zip = openZip(
        zipFile(
          [
            ["a/b", content, { deflate }],
            ["empty", bytes(), { deflate }],
          ],
          { zip64 },
        ),
      );
      assert.deepEqual(zip.names, ["a/b", "empty"]);
      assert.deepEqual(zip.read("a/b"), content);
      assert.deepEqual(zip.read("empty"), bytes());
      assert.equal(zip.read("missing"), undefined);
    });

test("stored entries are views of the archive", () => {
  const file = zipFile([["a", content]]);
  assert.equal(openZip(file).read("a")?.buffer, file.buffer);
});

test("a comment after the directory, even one that looks like a directory's end", () => {
  const end = bytes("PK\x05\x06", new Uint8Array(18));
  const comment = String.fromCharCode(...end.subarray(0, 20), 9, 9);
  assert.deepEqual(openZip(zipFile([["a", content]], { comment })).read("a"), content);
});

const refused: [why: string, options: ZipEntryOptions, message: RegExp][] = [
  ["a bomb", { deflate: true, size: 2 ** 30 }, /claims 1073741824 bytes, more than its \d+ compressed bytes can hold/],
  [
    "an entry longer than it declares",
    { deflate: true, size: content.length - 1 },
    /does not inflate to the 1699 bytes/,
  ],
  ["an entry much longer than it declares", { deflate: true, size: 1 }, /does not inflate to the 1 bytes/],
  [
    "an entry shorter than it declares",
    { deflate: true, size: content.length + 1 },
    /does not inflate to the 1701 bytes/,
  ],
  ["deflate that is none", { method: 8 }, /is damaged|does not inflate/],
  ["a stored entry with two sizes", { size: 1 }, /two different sizes/],
  ["encryption", { flags: 1 }, /is encrypted/],
  ["another compression", { method: 12 }, /method 12; 0 and 8 are known/],
];
for (const [why, options, message] of refused)
  test(`refuses ${why}`, () => {
    assert.throws(() => openZip(zipFile([["a", content, options]])).read("a"), { name: "FormatError", message });
  });

test("many lies about sizes together meet one limit, which is the file's", () => {
  const random = Uint8Array.from({ length: 2 ** 18 }, (_, i) => lowbias32(i));
  const names = Array.from({ length: 5 }, (_, i) => `${i}`);
  const file = zipFile(names.map((name) => [name, random, { deflate: true, size: 2 ** 24 }] as const));
  const zip = openZip(file);
  const last = names.pop()!;
  for (const name of names) assert.throws(() => zip.read(name), { message: /does not inflate/ });
  const limit = 4 * file.length + 2 ** 26;
  assert.throws(() => zip.read(last), {
    name: "FormatError",
    message: new RegExp(`the limit for this file is ${limit}`),
  });
});

test("a small file that grows beyond its limit", () => {
  const zip = openZip(zipFile([["zeros", new Uint8Array(2 ** 27), { deflate: true }]]));
  assert.throws(() => zip.read("zeros"), {
    name: "FormatError",
    message: /inflating "zeros" takes 134217728 bytes; the limit/,
  });
});

/** A file whose directory says that its entry begins elsewhere. */
function moved(file: Uint8Array, entry: number, offset: number): Uint8Array {
  const out = new Uint8Array(file);
  let at = -1;
  for (let i = 0; i <= entry; i++) at = Buffer.from(out).indexOf("PK\x01\x02", at + 1, "latin1");
  out.set(uint(4, offset), at + 42);
  return out;
}

for (const deflate of [false, true])
  test(`refuses ${deflate ? "deflated" : "stored"} entries that share bytes`, () => {
    const file = zipFile([
      ["a", content, { deflate }],
      ["b", content, { deflate }],
      ["c", content, { deflate }],
    ]);
    assert.equal(openZip(file).names.length, 3);
    for (const [entry, offset] of [
      [1, 0],
      [2, 0],
      [1, 5],
      [0, 31],
    ] as const)
      assert.throws(() => openZip(moved(file, entry, offset)), {
        name: "FormatError",
        message: /begins inside another/,
      });
  });

test("entries may stand in another order than in the directory, with gaps", () => {
  const file = zipFile([
    ["a", content],
    ["b", content],
  ]);
  const start = Buffer.from(file).indexOf("PK\x01\x02", 0, "latin1");
  const second = Buffer.from(file).indexOf("PK\x01\x02", start + 1, "latin1");
  const swapped = bytes(
    file.subarray(0, start),
    file.subarray(second, second + second - start),
    file.subarray(start, second),
    file.subarray(2 * second - start),
  );
  assert.deepEqual(openZip(swapped).names, ["b", "a"]);
  assert.deepEqual(openZip(swapped).read("a"), content);
});

test("refuses a directory that is missing, elsewhere or lists a name twice", () => {
  const file = zipFile([
    ["a", content],
    ["b", content],
  ]);
  const open = (damaged: Uint8Array) => () => openZip(damaged);
  assert.throws(open(file.subarray(0, -1)), { message: /no directory at its end/ });
  assert.throws(open(new Uint8Array()), { message: /no directory/ });
  assert.throws(
    open(
      zipFile([
        ["a", content],
        ["a", content],
      ]),
    ),
    { message: /"a" appears twice/ },
  );
  const moved = new Uint8Array(file);
  moved.set(uint(4, 1), file.length - 6);
  assert.throws(open(moved), { message: /its directory is damaged/ });
  moved.set(uint(4, 2 ** 32 - 1), file.length - 6);
  assert.throws(open(moved), { message: /should begin at byte 4294967295/ });
  moved.set(file.subarray(-6), file.length - 6);
  moved[0] = 0;
  assert.throws(() => openZip(moved).read("a"), { message: /not where the directory says/ });
});

test("a directory that claims to be large is not read", () => {
  const size = 2 ** 33;
  const end = bytes("PK\x05\x06", uint(4, 0), uint(2, 1), uint(2, 1), uint(4, 0), uint(4, 10), uint(2, 0));
  const reading = ZipArchive.open(size);
  const [start, length] = reading.next().value as readonly [number, number];
  assert.equal(start + length, size);
  assert.throws(() => reading.next(bytes(new Uint8Array(length - end.length), end)), {
    name: "FormatError",
    message: /its directory takes \d+ bytes; at most 67108864 are read/,
  });
  const cut = readNow.bind(null, ZipArchive.open(22), end);
  assert.throws(cut, { message: /directory should begin at byte 10, after its end/ });
});

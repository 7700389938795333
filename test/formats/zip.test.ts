import assert from "node:assert/strict";
import { test } from "node:test";
import { lowbias32 } from "../../src/core/rng.js";
import { ZipArchive } from "../../src/formats/torch/zip.js";
import { bytes, uint, type ZipEntryOptions, zipFile } from "./torch-files.js";

const content = bytes("what torch saves ".repeat(100));

for (const zip64 of [false, true])
  for (const deflate of [false, true])
    test(`${deflate ? "deflated" : "stored"} entries${zip64 ? " with 64-bit sizes" : ""}`, () => {
      const zip = new ZipArchive(
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
  assert.equal(new ZipArchive(file).read("a")?.buffer, file.buffer);
});

test("a comment after the directory, even one that looks like a directory's end", () => {
  const end = bytes("PK\x05\x06", new Uint8Array(18));
  const comment = String.fromCharCode(...end.subarray(0, 20), 9, 9);
  assert.deepEqual(new ZipArchive(zipFile([["a", content]], { comment })).read("a"), content);
});

const refused: [why: string, options: ZipEntryOptions, message: RegExp][] = [
  ["a bomb", { deflate: true, size: 2 ** 30 }, /claims 1073741824 bytes, more than its \d+ can hold/],
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
    assert.throws(() => new ZipArchive(zipFile([["a", content, options]])).read("a"), { name: "FormatError", message });
  });

test("many lies about sizes together meet one limit", () => {
  const random = Uint8Array.from({ length: 2 ** 18 }, (_, i) => lowbias32(i));
  const names = Array.from({ length: 9 }, (_, i) => `${i}`);
  const zip = new ZipArchive(zipFile(names.map((name) => [name, random, { deflate: true, size: 2 ** 27 }] as const)));
  const last = names.pop()!;
  for (const name of names) assert.throws(() => zip.read(name), { message: /does not inflate/ });
  assert.throws(() => zip.read(last), { name: "FormatError", message: /the limit for this file is 1073741824/ });
});

test("refuses a directory that is missing, elsewhere or lists a name twice", () => {
  const file = zipFile([
    ["a", content],
    ["b", content],
  ]);
  const open = (damaged: Uint8Array) => () => new ZipArchive(damaged);
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
  assert.throws(open(moved), { message: /needs byte 4294967295/ });
  moved.set(file.subarray(-6), file.length - 6);
  moved[0] = 0;
  assert.throws(() => new ZipArchive(moved).read("a"), { message: /not where the directory says/ });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { zipSync } from "fflate";
import sharp from "sharp";
import { bounds, entriesOf, unpack } from "../../studio/logic/archive.js";
import { type ImageFormat, sizeOf } from "../../studio/logic/image-size.js";
import { processorTime } from "../support/processor-time.js";

const all = () => true;
const most = 50_000_000;
const text = (words: string) => new TextEncoder().encode(words);
const contents = (archive: Uint8Array<ArrayBuffer>) =>
  Promise.all(
    entriesOf(archive, all, most).entries.map(async (entry) => [entry.name, await unpack(archive, entry)] as const),
  );
const bytesIn = async (archive: Uint8Array<ArrayBuffer>) => (await contents(archive)).map(([, bytes]) => bytes);

/** Writes numbers of so many bytes over an archive, from the i-th place where `signature` stands. */
function patched(
  archive: Uint8Array<ArrayBuffer>,
  signature: number,
  changes: readonly (readonly [number, number, number])[],
) {
  const copy = archive.slice();
  const view = new DataView(copy.buffer);
  for (let at = 0; at + 4 <= copy.length; at++)
    if (view.getUint32(at, true) === signature)
      for (const [offset, bytes, value] of changes)
        if (bytes === 2) view.setUint16(at + offset, value, true);
        else view.setUint32(at + offset, value, true);
  return copy;
}
const [central, local, end] = [0x02014b50, 0x04034b50, 0x06054b50];

/** Writes a number over a field of an entry in the directory: the first of this name. */
function changed(archive: Uint8Array<ArrayBuffer>, name: string, field: number, value: number) {
  const copy = Buffer.from(archive);
  const signature = Buffer.from("504b0102", "hex");
  for (let at = copy.indexOf(signature); at >= 0; at = copy.indexOf(signature, at + 1))
    if (copy.toString("latin1", at + 46, at + 46 + copy.readUInt16LE(at + 28)) === name) {
      copy.writeUInt32LE(value, at + field);
      break;
    }
  return new Uint8Array(copy);
}

/** With a Zip64 end: so many entries, it says. */
function zip64(archive: Uint8Array<ArrayBuffer>, count: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(archive.length + 76);
  const start = archive.length - 22;
  bytes.set(archive.subarray(0, start));
  bytes.set(archive.subarray(start), start + 76);
  const [old, view] = [new DataView(archive.buffer), new DataView(bytes.buffer)];
  view.setUint32(start, 0x06064b50, true);
  view.setBigUint64(start + 32, count, true);
  view.setBigUint64(start + 48, BigInt(old.getUint32(start + 16, true)), true);
  view.setUint32(start + 56, 0x07064b50, true);
  view.setBigUint64(start + 64, BigInt(start), true);
  return bytes;
}

test("archives are unpacked as they were packed: stored and deflated, names of any script, with comments, with Zip64", async () => {
  const files = { "a/ant 🐜.png": text("ant".repeat(1000)), "b/é.txt": text("b"), "b/empty": new Uint8Array() };
  for (const level of [0, 9] as const) {
    const archive = zipSync(files, { level, comment: "x".repeat(70) });
    for (const one of [archive, zip64(archive, 3n)])
      assert.deepEqual(new Map(await contents(one)), new Map(Object.entries(files)));
  }
});

test("an archive that unpacks to far more than it is, is refused before anything is unpacked", () => {
  const bomb = zipSync({ a: new Uint8Array(12e6), ok: text("ok") });
  assert.throws(() => entriesOf(bomb, all, most), /would unpack to 13 MB, far more than its 1 MB/);
  // What is not wanted does not count.
  assert.equal(entriesOf(bomb, (name) => name === "ok", most).entries.length, 1);
  const { entries, refused } = entriesOf(bomb, all, 5e6);
  assert.deepEqual(refused, [{ name: "a", reason: "12 MB; at most 5 MB are read" }]);
  assert.deepEqual(
    entries.map(({ name }) => name),
    ["ok"],
  );
});

test("entries that are said to be many, or that share their bytes, are refused", () => {
  const archive = zipSync({ a: text("a") });
  const started = processorTime();
  assert.throws(() => entriesOf(zip64(archive, 2n ** 40n), all, most), /more than 100,000 entries/);
  assert.throws(() => entriesOf(zip64(archive, BigInt(bounds.entries)), all, most), /damaged/);
  assert.throws(() => entriesOf(patched(archive, end, [[10, 2, 60_000]]), all, most), /damaged/);
  const shared = zipSync(
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}`, crypto.getRandomValues(new Uint8Array(50_000))])),
  );
  // All of them are as long as half of the archive, and begin where the first does.
  const overlapping = patched(shared, central, [
    [20, 4, 500_000],
    [24, 4, 500_000],
    [42, 4, 0],
  ]);
  assert.throws(() => entriesOf(overlapping, all, most), /overlap/);
  // Together they are no longer than the archive: by one byte, and inside each other's headers.
  const small = zipSync(
    { a: text("a"), b: text("b"), big: crypto.getRandomValues(new Uint8Array(50_000)) },
    { level: 0 },
  );
  const [first, second] = entriesOf(small, all, most).entries;
  assert.equal(second!.offset - first!.offset, 30 + 1 + 1);
  for (const [entry, field, value] of [
    [first!, 20, second!.offset - first!.offset - 29],
    [second!, 42, first!.offset],
    [second!, 42, first!.offset + 29],
  ] as const) {
    const one = changed(small, entry.name, field, value);
    assert.throws(() => entriesOf(one, all, most), /its entries overlap/, `${entry.name} ${field} ${value}`);
    // What is not wanted does not count.
    assert.equal(entriesOf(one, (name) => name === entry.name, most).entries.length, 1);
  }
  assert.throws(() => entriesOf(changed(small, "big", 20, small.length), all, most), /beyond its end/);
  assert.ok(processorTime() - started < 5000);
});

test("two entries of one name are refused, whatever comes of them", () => {
  const archive = zipSync({ "run/config.json": text("{}"), "run/confid.json": text("[]"), c: text("c") });
  const twice = archive.map((byte, i) =>
    byte === "d".charCodeAt(0) && archive[i - 1] === "i".charCodeAt(0) ? 103 : byte,
  );
  assert.throws(() => entriesOf(twice, all, most), /it has two entries named “run\/config.json”/);
  const locked = changed(twice, "run/config.json", 8, 1);
  assert.throws(() => entriesOf(locked, all, most), /it has two entries named/);
  assert.equal(entriesOf(twice, (name) => name === "c", most).entries.length, 1);
});

test("entries that lie about their size, or are damaged, have no bytes; the others have", async () => {
  const files = { a: text("a".repeat(5000)), b: text("b".repeat(5000)) };
  const archive = zipSync(files);
  for (const claimed of [1, 4999, 5001, 60_000])
    assert.deepEqual(await bytesIn(patched(archive, central, [[24, 4, claimed]])), [undefined, undefined]);
  assert.deepEqual(await bytesIn(patched(archive, central, [[10, 2, 12]])), [undefined, undefined]);
  assert.deepEqual(await bytesIn(patched(archive, local, [[0, 4, 0]])), [undefined, undefined]);
  const cut = archive.slice();
  cut.fill(0xff, 35, 45);
  assert.deepEqual(await contents(cut), [
    ["a", undefined],
    ["b", files.b],
  ]);
  const { refused } = entriesOf(patched(archive, central, [[8, 2, 1]]), all, most);
  assert.deepEqual(refused[0], { name: "a", reason: "locked with a password" });
});

test("no bytes hang or crash it", async () => {
  const archive = zipSync({ "a.png": text("a".repeat(300)), "b.png": text("b") });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { maxLength: 8 }),
      fc.nat(archive.length),
      async (changes, length) => {
        const copy = archive.slice(0, length);
        for (const [at, value] of changes) if (at < length) copy[at] = value;
        try {
          await contents(copy);
        } catch (error) {
          assert.match((error as Error).message, /^its? /);
        }
      },
    ),
    { numRuns: 2000 },
  );
  for (const bytes of [new Uint8Array(), text("PK"), new Uint8Array(100_000)])
    assert.throws(() => entriesOf(bytes, all, most), /damaged, or not a zip/);
});

test("the size of an image is read before it is decoded, in every format that is taken", async () => {
  const [width, height] = [301, 207];
  const pixels = sharp({ create: { width, height, channels: 4, background: { r: 9, g: 200, b: 30, alpha: 0.5 } } });
  const icc = { orientation: 1 };
  const files: readonly (readonly [ImageFormat, Buffer])[] = [
    ["png", await pixels.clone().png().toBuffer()],
    ["jpeg", await pixels.clone().jpeg().toBuffer()],
    ["jpeg", await pixels.clone().jpeg({ progressive: true }).withMetadata(icc).toBuffer()],
    ["webp", await pixels.clone().webp({ lossless: true }).toBuffer()],
    ["webp", await pixels.clone().webp().toBuffer()],
    ["webp", await pixels.clone().removeAlpha().webp().toBuffer()],
    ["webp", await pixels.clone().webp().withMetadata(icc).toBuffer()],
    ["avif", await pixels.clone().avif({ effort: 0 }).toBuffer()],
  ];
  for (const [format, bytes] of files) {
    assert.deepEqual(sizeOf(format, bytes), { width, height }, format);
    for (const length of [0, 3, 12, 20]) assert.doesNotThrow(() => sizeOf(format, bytes.subarray(0, length)));
  }
  // Bytes that fill up before a marker, stray ones, and markers without a length.
  const jpeg = files[1]![1];
  for (const between of ["ffffffffff", "000102fe", "ff00", "ff01", "ffd0ffd7", "ffd8", "12ffff01ffd83434"]) {
    const odd = Buffer.concat([jpeg.subarray(0, 2), Buffer.from(between, "hex"), jpeg.subarray(2)]);
    assert.deepEqual(sizeOf("jpeg", odd), { width, height }, between);
  }
  for (const none of ["ffd8ffd9", "ffd8ffda0002ffc0000801", "ffd8000000"])
    assert.equal(sizeOf("jpeg", Buffer.from(none.padEnd(60, "0"), "hex")), undefined, none);
});

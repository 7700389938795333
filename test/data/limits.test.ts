import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chdir, cwd } from "node:process";
import { test } from "node:test";
import sharp from "sharp";
import { classFolders } from "../../src/data/class-folders.js";
import { decodeImage } from "../../src/data/decode.js";
import { list } from "../../src/data/files.js";
import { filesBelow, imagesBelow } from "../../src/data/folder-listing.js";
import { openImageFolder } from "../../src/data/image-folder.js";
import { jpegScans } from "../../src/data/jpeg.js";
import { Loader } from "../../src/data/loader.js";
import { normalizations } from "../../src/data/recipe.js";
import { toInput } from "../../src/data/transforms.js";
import { ifLong } from "../support/long.js";
import { processorTime } from "../support/processor-time.js";
import { folderOf, randomImage, tinyDataset } from "./support.js";

const segment = (marker: number, ...body: number[]) => [0xff, marker, 0, body.length + 2, ...body];

/** A gray progressive JPEG file of one block, with so many scans that say nothing: none contradicts the one before it. */
function scansOf(count: number): Buffer {
  const table = (kind: number, symbol: number) => segment(0xc4, kind, 1, ...Array<number>(15).fill(0), symbol);
  const first = [...segment(0xda, 1, 1, 0, 0, 0, 0), 0x7f];
  const more = [...segment(0xda, 1, 1, 0, 1, 63, 0), 0x7f];
  return Buffer.from([
    ...[0xff, 0xd8],
    ...segment(0xdb, 0, ...Array<number>(64).fill(1)),
    ...segment(0xc2, 8, 0, 8, 0, 8, 1, 1, 0x11, 0),
    ...table(0, 0),
    ...table(0x10, 0),
    ...first,
    ...Array.from({ length: count - 1 }, () => more).flat(),
    ...[0xff, 0xd9],
  ]);
}

test("a JPEG file of more than 100 scans is refused, before it is decoded", async () => {
  assert.equal((await decodeImage(scansOf(100))).width, 8);
  await assert.rejects(decodeImage(scansOf(101)), /it has 101 scans; at most 100 are accepted/);
  const start = processorTime();
  await assert.rejects(decodeImage(scansOf(100_000)), /it has 100000 scans/);
  assert.ok(processorTime() - start < 5000);
});

test("scans are counted as decoders find them", async () => {
  const image = sharp({ create: { width: 64, height: 64, channels: 3, background: "teal" } });
  assert.equal(jpegScans(await image.jpeg().toBuffer()), 1);
  const progressive = await image.jpeg({ progressive: true }).toBuffer();
  const scans = jpegScans(progressive);
  assert.ok(scans > 3 && scans < 20, `${scans}`);
  // Neither what follows the image nor what is in its comments is a scan.
  assert.equal(jpegScans(Buffer.concat([progressive, scansOf(500)])), scans);
  const comment = Buffer.from(segment(0xfe, ...segment(0xda, 1, 1, 0, 0, 0, 0)));
  assert.equal(jpegScans(Buffer.concat([progressive.subarray(0, 2), comment, progressive.subarray(2)])), scans);
  for (let length = 0; length < 300; length++) jpegScans(progressive.subarray(0, length));
});

test("only the beginnings of accepted formats reach the decoder, whatever the file is called", async (t) => {
  const uses = Array.from({ length: 30 }, (_, i) => `<g id="a${i + 1}">${`<use href="#a${i}"/>`.repeat(10)}</g>`).join(
    "",
  );
  const bomb = `<svg xmlns="http://www.w3.org/2000/svg"><rect id="a0" width="1" height="1"/><defs>${uses}</defs><use href="#a30"/></svg>`;
  const folder = await folderOf(t, {
    "bomb.jpg": bomb,
    "spaces.png": `\n\n${bomb}`,
    "empty.jpg": "",
    "pdf.png": "%PDF-1.4",
  });
  for (const name of ["bomb.jpg", "spaces.png", "empty.jpg", "pdf.png"]) {
    const start = processorTime();
    await assert.rejects(decodeImage(join(folder, name)), /it is not a JPEG, PNG, WebP, TIFF, GIF or AVIF file/);
    assert.ok(processorTime() - start < 5000, name);
  }
});

test("brackets in a name are no options of the decoder, and lead to no other file", async (t) => {
  const png = (background: string) =>
    sharp({ create: { width: 1, height: 1, channels: 3, background } })
      .png()
      .toBuffer();
  const names = ["x.png[1]", "x.png[unlimited=true]", "x.png[1] ", "[x].png", "x.png[page=3].png", "d[1]/x.png"];
  const folder = await folderOf(t, {
    "x.png": await png("#ff0000"),
    ...Object.fromEntries(await Promise.all(names.map(async (name) => [name, await png("#0000ff")] as const))),
  });
  for (const name of names) {
    const { pixels } = await decodeImage(join(folder, name));
    assert.deepEqual([...pixels], [0, 0, 255], name);
  }
});

test("an image file of more than 1 GiB is refused", async (t) => {
  const folder = await folderOf(t, { "large.jpg": scansOf(1) });
  truncateSync(join(folder, "large.jpg"), 2 ** 30 + 1);
  await assert.rejects(decodeImage(join(folder, "large.jpg")), /1073741825 bytes; at most 1073741824 are read/);
});

test("large images wait for each other, and one that cannot be decoded holds up none", { skip: ifLong }, async () => {
  const good = await sharp({ create: { width: 10_000, height: 9000, channels: 3, background: "teal" } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  const cut = good.subarray(0, good.length / 2);
  const decode = (bytes: Buffer) => decodeImage(bytes, { shorterSide: 16 }).then(({ height }) => height);
  const outcomes = await Promise.allSettled([decode(cut), decode(good), decode(cut), decode(good)]);
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : "refused")),
    ["refused", 16, "refused", 16],
  );
});

test("folders deeper than 64 are skipped by name", async (t) => {
  const folder = await folderOf(t, { "0.png": "" });
  const before = cwd();
  chdir(folder);
  for (let i = 0; i < (ifLong ? 100 : 1500); i++) {
    mkdirSync("d");
    chdir("d");
  }
  writeFileSync("deep.png", "");
  chdir(before);
  const { files, skipped } = await imagesBelow(folder);
  assert.deepEqual(files, [join(folder, "0.png")]);
  assert.equal(skipped.length, 1);
  assert.equal(skipped[0]!.reason, "more than 64 folders deep");
});

test("links that lead around in 2^40 ways are followed once", async (t) => {
  const folder = await folderOf(t, {});
  for (let i = 0; i < 40; i++) mkdirSync(join(folder, `${i}`));
  for (let i = 0; i < 39; i++)
    for (const name of ["x", "y"]) symlinkSync(join("..", `${i + 1}`), join(folder, `${i}`, name));
  symlinkSync("..", join(folder, "39", "up"));
  writeFileSync(join(folder, "39", "0.png"), "");
  const { files } = await imagesBelow(folder);
  assert.equal(files.length, 1);
});

test("links to the root of the disk, and to other folders that hold the class, are not followed", async (t) => {
  const folder = await folderOf(t, { "a/0.png": "", "a/b/1.png": "", "c/2.png": "" });
  symlinkSync("/", join(folder, "a", "root"));
  symlinkSync("../..", join(folder, "a", "b", "up"));
  symlinkSync("../c", join(folder, "a", "beside"));
  const { files, skipped } = await imagesBelow(join(folder, "a"));
  assert.deepEqual(
    files.map((file) => file.slice(folder.length + 1)),
    ["a/0.png", "a/b/1.png", "a/beside/2.png"],
  );
  assert.deepEqual(skipped.map(({ file }) => file.slice(folder.length + 1)).sort(), ["a/b/up", "a/root"]);
});

test("links to views of the system, such as /proc, end at once", { skip: process.platform !== "linux" }, async (t) => {
  const png = await sharp(Buffer.alloc(192), { raw: { width: 8, height: 8, channels: 3 } })
    .png()
    .toBuffer();
  const images = ["a", "b"].flatMap((name) => [0, 1, 2].map((i) => [`${name}/${i}.png`, png] as const));
  const folder = await folderOf(t, Object.fromEntries(images));
  for (const [target, name] of [
    ["/proc", "proc"],
    ["/sys", "sys"],
    ["/dev", "dev"],
    ["/dev/fd", "fd"],
    ["/proc/self/root", "root"],
    [".", "loop"],
    ["circle.png", "circle.png"],
    // A regular file that has no size, and whose next bytes never come.
    ["/proc/kmsg", "kmsg.png"],
    ["/dev/zero", "zero.png"],
    ["/dev/tty", "tty.png"],
    ["/proc/self/mem", "mem.png"],
  ] as const)
    symlinkSync(target, join(folder, "a", name));
  const started = performance.now();
  const { train, validation } = await openImageFolder(folder);
  assert.equal(train.length + validation.length, 6);
  const reasons = new Map(train.skipped.map(({ file, reason }) => [file.slice(folder.length + 1), reason]));
  for (const name of ["proc", "sys"])
    assert.match(reasons.get(`a/${name}`) ?? "", /a system folder|cannot be read/, name);
  for (const name of ["kmsg", "zero", "tty", "mem", "circle"])
    assert.match(reasons.get(`a/${name}.png`) ?? "", /^cannot be decoded/, name);
  assert.ok(train.skipped.length < 5000, `${train.skipped.length}`);
  assert.ok(performance.now() - started < 30_000);
});

test("folders of too many entries or classes are refused", async (t) => {
  const names = ["a/1", "a/b/2", "a/b/3", "c/4"].map((name) => [name, ""] as const);
  const folder = await folderOf(t, Object.fromEntries(names));
  await assert.rejects(list(join(folder, "a", "b"), 1), /has more than 1 files and folders/);
  await assert.rejects(filesBelow(folder, 7), /has more than 7 files and folders/);
  assert.equal((await filesBelow(folder, 8)).files.length, 4);
  await assert.rejects(classFolders(folder, 1), /has 2 folders; at most 1 classes are read/);
});

test("inputs of more than 8192 pixels a side, and batches of more than 4 GiB, are refused before anything is allocated", async () => {
  const preprocessing = { imageSize: 100_000, resize: 100_000, ...normalizations.imagenet };
  const message = /imageSize must be an integer from 1 to 8192, got 100000/;
  assert.throws(() => toInput(randomImage(4, 4), preprocessing), message);
  assert.throws(() => new Loader(tinyDataset(4), { batch: 1, preprocessing }), message);
  await assert.rejects(openImageFolder("missing", { imageSize: 100_000 }), message);
  const large = { ...preprocessing, imageSize: 8192, resize: 8192 };
  assert.throws(
    () => new Loader(tinyDataset(4), { batch: 6, preprocessing: large }),
    /Choose a smaller batch or imageSize/,
  );
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rm, symlink, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { stratify } from "../../src/data/folder-listing.js";
import { imageFolder } from "../../src/data/image-folder.js";
import { folderOf, randomBytes, realData } from "./support.js";

async function picture(width = 10, height = 10, seed = 0): Promise<Buffer> {
  return sharp(randomBytes(width * height * 3, seed), { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

const reasons = (skipped: readonly { file: string; reason: string }[]) =>
  Object.fromEntries(skipped.map(({ file, reason }) => [basename(file), reason]));

test("train and val folders: sorted classes are labels, what is not a picture is listed with its reason", async (t) => {
  const png = await picture();
  const folder = await folderOf(t, {
    "train/bee/1.png": png,
    "train/bee/deep/er/2.PNG": png,
    "train/ant/3.png": png,
    "train/ant/stray.gif": png,
    "train/ant/.hidden.png": png,
    "train/ant/.cache/old.png": png,
    "train/ant/Thumbs.db": "x",
    "train/ant/cut.png": png.subarray(0, png.length - 40),
    "train/notes.txt": "x",
    "val/bee/4.png": png,
    "val/bee/fake.jpg": "text",
  });
  const progress: number[][] = [];
  const { train, validation } = await imageFolder(folder, {
    onProgress: (done, total) => progress.push([done, total]),
  });
  assert.deepEqual(train.classes, ["ant", "bee"]);
  assert.deepEqual(train.labels, [0, 1, 1]);
  assert.deepEqual(validation.labels, [1]);
  assert.deepEqual(validation.classes, train.classes);
  const skipped = reasons(train.skipped);
  assert.deepEqual(Object.keys(skipped).sort(), [
    ".hidden.png",
    "Thumbs.db",
    "cut.png",
    "notes.txt",
    "old.png",
    "stray.gif",
  ]);
  assert.match(skipped["stray.gif"]!, /^GIF/);
  assert.match(skipped["cut.png"]!, /^cannot be decoded/);
  assert.match(skipped[".hidden.png"]!, /^hidden/);
  assert.match(reasons(validation.skipped)["fake.jpg"]!, /^cannot be decoded/);
  assert.deepEqual(progress.at(-1), [6, 6]);
});

test("one folder of classes is split by class, the same way for the same seed", async (t) => {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 10; i++) files[`ant/${i}.png`] = await picture(4, 4, i);
  for (let i = 0; i < 5; i++) files[`bee/${i}.png`] = await picture(4, 4, 100 + i);
  const folder = await folderOf(t, files);
  const open = (seed: number) => imageFolder(folder, { validationSplit: 0.2, seed });
  const [a, b] = [await open(1), await open(1)];
  assert.deepEqual([a.train.length, a.validation.length], [12, 3]);
  assert.deepEqual(a.validation.labels, [0, 0, 1]);
  for (let i = 0; i < 3; i++) assert.deepEqual(await a.validation.image(i), await b.validation.image(i));
  assert.deepEqual(a.train.size, { height: 4, width: 4 });
  assert.equal(a.train.defaults?.imageSize, 4);
});

test("stratify leaves something on both sides of every class that has two", () => {
  const items = [0, 0, 0, 1, 1, 2].map((label, id) => ({ label, id }));
  for (const share of [0.01, 0.5, 0.99]) {
    const { kept, aside } = stratify(items, share, 7);
    assert.deepEqual(
      [...kept, ...aside].sort((p, q) => p.id - q.id),
      items,
    );
    for (const label of [0, 1]) for (const side of [kept, aside]) assert.ok(side.some((item) => item.label === label));
    assert.ok(kept.some((item) => item.label === 2));
  }
});

test("pictures are kept a little larger than the input, with their aspect, and never enlarged", async (t) => {
  const folder = await folderOf(t, {
    "a/large.png": await picture(80, 60),
    "b/small.png": await picture(9, 7),
    "b/other.png": await picture(9, 7),
  });
  for (const memory of [2 ** 20, 0]) {
    const { train, validation } = await imageFolder(folder, { imageSize: 28, memory });
    const sizes = new Set<string>();
    for (const data of [train, validation])
      for (let i = 0; i < data.length; i++) {
        const { width, height } = await data.image(i);
        sizes.add(`${width}x${height}`);
      }
    assert.deepEqual([...sizes].sort(), ["42x32", "9x7"]);
    assert.equal(train.size, null);
  }
});

test("a file lost after opening is reported once, and only that picture fails", async (t) => {
  const folder = await folderOf(t, {
    "train/a/1.png": await picture(),
    "train/a/2.png": await picture(),
    "val/a/3.png": await picture(),
  });
  const { train } = await imageFolder(folder, { memory: 0 });
  await writeFile(`${folder}/train/a/1.png`, "damaged");
  await assert.rejects(train.image(0), /1\.png: cannot be decoded/);
  await assert.rejects(train.image(0), /1\.png: cannot be decoded/);
  assert.deepEqual(Object.keys(reasons(train.skipped)), ["1.png"]);
  assert.equal(train.skipped.length, 1);
  assert.equal((await train.image(1)).width, 10);
});

test("linked folders and files are followed, dead links are skipped", async (t) => {
  const folder = await folderOf(t, {
    "real/1.png": await picture(),
    "data/train/a/2.png": await picture(),
    "data/val/a/3.png": await picture(),
  });
  await symlink(`${folder}/real`, `${folder}/data/train/b`);
  await symlink(`${folder}/real/1.png`, `${folder}/data/train/a/1.png`);
  await symlink(`${folder}/gone.png`, `${folder}/data/train/a/dead.png`);
  await symlink(`${folder}/data/train/a`, `${folder}/data/train/a/myself`);
  const { train } = await imageFolder(`${folder}/data`);
  assert.deepEqual(train.labels, [0, 0, 1]);
  assert.deepEqual(Object.keys(reasons(train.skipped)), ["dead.png"]);
});

test("a class may be called train", async (t) => {
  const files = {
    "train/1.png": await picture(),
    "train/2.png": await picture(),
    "plane/1.png": await picture(),
    "plane/2.png": await picture(),
  };
  assert.deepEqual((await imageFolder(await folderOf(t, files))).train.classes, ["plane", "train"]);
});

test("layouts that cannot be used are explained", async (t) => {
  const png = await picture();
  const open = async (files: Record<string, Uint8Array | string>) => imageFolder(await folderOf(t, files));
  await assert.rejects(open({}), /holds no class folders\. Accepted: train\/<class>\/\*\.jpg with .* Found: nothing/);
  await assert.rejects(open({ "a.png": png }), /Found: a\.png/);
  await assert.rejects(
    open({ "train/a/1.png": png, "train/b/x.txt": "", "val/a/1.png": png }),
    /no usable pictures in class b \(x\.txt: not a picture/,
  );
  await assert.rejects(
    open({ "train/a/1.png": png, "val/c/1.png": png }),
    /val: c: no such class in training, which has a/,
  );
  await assert.rejects(open({ "a/1.png": png, "b/1.png": png }), /too few pictures to set some aside/);
  const folder = await folderOf(t, { "a/1.png": png });
  await assert.rejects(imageFolder(folder, { validationSplit: 1 }), /validationSplit must be between 0 and 1, got 1/);
  await assert.rejects(imageFolder(folder, { signal: AbortSignal.abort() }), { name: "AbortError" });
  await rm(`${folder}/a`, { recursive: true });
});

test("hymenoptera opens in spite of its dirt", async (t) => {
  const folder = realData(t, "hymenoptera");
  if (!folder) return;
  const { train, validation } = await imageFolder(folder, { imageSize: 32 });
  assert.deepEqual(train.classes, ["ants", "bees"]);
  assert.deepEqual([train.length, validation.length], [244, 153]);
  assert.deepEqual(Object.keys(reasons(train.skipped)), ["imageNotFound.gif"]);
});

test("split folders are known by their usual names in any case; with train and test alone, test is for validation", async (t) => {
  const png = await picture();
  const labels = (set: { readonly labels: ArrayLike<number> } | undefined) => set && Array.from(set.labels);
  for (const [train, validation, held] of [
    ["train", "val", "test"],
    ["Training", "Validation", "Testing"],
    ["TRAIN", "Valid", "eval"],
    ["train", "dev", "Test"],
  ]) {
    const files = { [`${train}/ant/1.png`]: png, [`${train}/bee/2.png`]: png, [`${validation}/bee/3.png`]: png };
    const splits = await imageFolder(await folderOf(t, { ...files, [`${held}/ant/4.png`]: png }));
    assert.deepEqual(splits.train.classes, ["ant", "bee"]);
    assert.deepEqual([labels(splits.train), labels(splits.validation), labels(splits.test)], [[0, 1], [1], [0]]);
  }
  const two = await imageFolder(
    await folderOf(t, { "Train/ant/1.png": png, "Train/bee/2.png": png, "test/bee/3.png": png }),
  );
  assert.deepEqual([labels(two.validation), two.test], [[1], undefined]);
});

test("testSplit sets images aside that are in neither of the others, the same for the same seed", async (t) => {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 10; i++)
    for (const [j, name] of ["ant", "bee"].entries()) files[`${name}/${i}.png`] = await picture(4, 4, 10 * j + i);
  const folder = await folderOf(t, files);
  const pixels = async (set: { readonly length: number; image(i: number): Promise<{ pixels: Uint8Array }> }) =>
    Promise.all(Array.from({ length: set.length }, async (_, i) => String((await set.image(i)).pixels)));
  const open = async (seed: number) => {
    const { train, validation, test: held } = await imageFolder(folder, { testSplit: 0.3, validationSplit: 0.2, seed });
    return [await pixels(train), await pixels(validation), await pixels(held!)];
  };
  const [train, validation, held] = await open(1);
  assert.deepEqual([train!.length, validation!.length, held!.length], [10, 4, 6]);
  assert.equal(new Set([...train!, ...validation!, ...held!]).size, 20);
  assert.deepEqual(await open(1), [train, validation, held]);
  assert.notDeepEqual((await open(2))[2], held);
  await assert.rejects(imageFolder(folder, { testSplit: 1 }), /testSplit must be at least 0 and below 1, got 1/);
});

test("what systems and trainings leave in a folder is no class", async (t) => {
  const png = await picture();
  const folder = await folderOf(t, {
    "ant/1.png": png,
    "ant/2.png": png,
    "bee/3.png": png,
    "bee/4.png": png,
    "__MACOSX/ant/._1.png": "x",
    "@eaDir/1.png": png,
    ".cache/1.png": png,
    "runs/a-run/config.json": '{"format": "fovea.run.1"}',
    "one-run/config.json": '{"format": "fovea.run.1"}',
    "bee/@eaDir/3.png/thumbnail.jpg": png,
  });
  const { train, validation } = await imageFolder(folder);
  assert.deepEqual([train.classes, train.length + validation.length], [["ant", "bee"], 4]);
  assert.match(reasons(train.skipped)["thumbnail.jpg"]!, /left behind by a system/);
});

test("a pipe that is named as the configuration of a run is not waited for", {
  skip: process.platform === "win32",
}, async (t) => {
  const png = await picture();
  const folder = await folderOf(t, { "ant/1.png": png, "ant/2.png": png, "bee/3.png": png, "bee/4.png": png });
  execFileSync("mkfifo", [`${folder}/bee/config.json`]);
  assert.deepEqual((await imageFolder(folder)).train.classes, ["ant", "bee"]);
});

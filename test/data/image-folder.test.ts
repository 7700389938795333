import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { describeSplits } from "../../src/data/dataset.js";
import { stratify } from "../../src/data/folder-listing.js";
import { openImageFolder } from "../../src/data/image-folder.js";
import { folderOf, randomBytes, realData } from "./support.js";

async function image(width = 10, height = 10, seed = 0): Promise<Buffer> {
  return sharp(randomBytes(width * height * 3, seed), { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

const reasons = (skipped: readonly { file: string; reason: string }[]) =>
  Object.fromEntries(skipped.map(({ file, reason }) => [basename(file), reason]));

test("train and val folders: sorted classes are labels, what is not an image is listed with its reason", async (t) => {
  const png = await image();
  const folder = await folderOf(t, {
    "train/bee/1.png": png,
    "train/bee/deep/er/2.PNG": png,
    "train/ant/3.png": png,
    "train/ant/5.png": png,
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
  const { train, validation } = await openImageFolder(folder, {
    onProgress: (done, total) => progress.push([done, total]),
  });
  assert.deepEqual(train.classes, ["ant", "bee"]);
  assert.deepEqual(train.labels, [0, 0, 1, 1]);
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
  assert.deepEqual(progress.at(-1), [7, 7]);
});

test("one folder of classes is split by class, the same way for the same seed", async (t) => {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 10; i++) files[`ant/${i}.png`] = await image(4, 4, i);
  for (let i = 0; i < 5; i++) files[`bee/${i}.png`] = await image(4, 4, 100 + i);
  const folder = await folderOf(t, files);
  const open = (seed: number) => openImageFolder(folder, { validationSplit: 0.2, seed });
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

test("images are kept a little larger than the input, with their aspect, and never enlarged", async (t) => {
  const folder = await folderOf(t, {
    "a/large.png": await image(80, 60),
    "a/larger.png": await image(160, 120),
    "b/small.png": await image(9, 7),
    "b/other.png": await image(9, 7),
  });
  for (const memory of [2 ** 20, 0]) {
    const { train, validation } = await openImageFolder(folder, { imageSize: 28, memory });
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

test("a file lost after opening is reported once, and only that image fails", async (t) => {
  const folder = await folderOf(t, {
    "train/a/1.png": await image(),
    "train/a/2.png": await image(),
    "train/b/3.png": await image(),
    "train/b/4.png": await image(),
    "val/a/3.png": await image(),
  });
  const { train } = await openImageFolder(folder, { memory: 0 });
  await writeFile(`${folder}/train/a/1.png`, "damaged");
  await assert.rejects(train.image(0), /1\.png: cannot be decoded/);
  await assert.rejects(train.image(0), /1\.png: cannot be decoded/);
  assert.deepEqual(Object.keys(reasons(train.skipped)), ["1.png"]);
  assert.equal(train.skipped.length, 1);
  assert.equal((await train.image(1)).width, 10);
});

test("linked folders and files are followed, dead links are skipped", async (t) => {
  const folder = await folderOf(t, {
    "real/1.png": await image(),
    "real/2.png": await image(),
    "data/train/a/2.png": await image(),
    "data/val/a/3.png": await image(),
  });
  await symlink(`${folder}/real`, `${folder}/data/train/b`);
  await symlink(`${folder}/real/1.png`, `${folder}/data/train/a/1.png`);
  await symlink(`${folder}/gone.png`, `${folder}/data/train/a/dead.png`);
  await symlink(`${folder}/data/train/a`, `${folder}/data/train/a/myself`);
  const { train } = await openImageFolder(`${folder}/data`);
  assert.deepEqual(train.labels, [0, 0, 1, 1]);
  assert.deepEqual(Object.keys(reasons(train.skipped)), ["dead.png"]);
});

test("a class may be called train", async (t) => {
  const files = {
    "train/1.png": await image(),
    "train/2.png": await image(),
    "plane/1.png": await image(),
    "plane/2.png": await image(),
  };
  assert.deepEqual((await openImageFolder(await folderOf(t, files))).train.classes, ["plane", "train"]);
});

test("layouts that cannot be used are explained", async (t) => {
  const png = await image();
  const open = async (files: Record<string, Uint8Array | string>) => openImageFolder(await folderOf(t, files));
  await assert.rejects(open({}), /has no class folders\. Accepted: train\/<class>\/\*\.jpg with .* Found: nothing/);
  await assert.rejects(open({ "a.png": png }), /Found: a\.png/);
  await assert.rejects(
    open({ "train/a/1.png": png, "train/b/x.txt": "", "val/a/1.png": png }),
    /no usable images in class b \(x\.txt: not an image/,
  );
  await assert.rejects(
    open({ "train/a/1.png": png, "val/c/1.png": png }),
    /val: c: no such class in training, which has a/,
  );
  const folder = await folderOf(t, { "a/1.png": png });
  await assert.rejects(
    openImageFolder(folder, { validationSplit: 1 }),
    /validationSplit must be between 0 and 1, got 1/,
  );
  await assert.rejects(openImageFolder(folder, { signal: AbortSignal.abort() }), { name: "AbortError" });
  await rm(`${folder}/a`, { recursive: true });
});

test("hymenoptera opens in spite of its dirt", async (t) => {
  const folder = realData(t, "hymenoptera");
  if (!folder) return;
  const { train, validation } = await openImageFolder(folder, { imageSize: 32 });
  assert.deepEqual(train.classes, ["ants", "bees"]);
  assert.deepEqual([train.length, validation.length], [244, 153]);
  assert.deepEqual(Object.keys(reasons(train.skipped)), ["imageNotFound.gif"]);
});

test("split folders are known by their usual names in any case; with train and test alone, test is for validation", async (t) => {
  const png = await image();
  const two = (home: string) =>
    Object.fromEntries(["ant/1", "ant/2", "bee/1", "bee/2"].map((name) => [`${home}/${name}.png`, png]));
  const labels = (set: { readonly labels: ArrayLike<number> } | undefined) => set && Array.from(set.labels);
  for (const [train, validation, held] of [
    ["train", "val", "test"],
    ["Training", "Validation", "Testing"],
    ["TRAIN", "Valid", "eval"],
    ["train", "dev", "Test"],
    ["training_set", "validation_set", "test_set"],
    ["train-images", "val images", "TestSet"],
  ]) {
    const files = { ...two(train!), [`${validation}/bee/3.png`]: png };
    const splits = await openImageFolder(await folderOf(t, { ...files, [`${held}/ant/4.png`]: png }));
    assert.deepEqual(splits.train.classes, ["ant", "bee"]);
    assert.deepEqual([labels(splits.train), labels(splits.validation), labels(splits.test)], [[0, 0, 1, 1], [1], [0]]);
    assert.equal(
      describeSplits(splits),
      `2 classes, 4 + 1 + 1 images, split by folders ${train}, ${validation}, ${held}`,
    );
  }
  const tested = await openImageFolder(
    await folderOf(t, { ...two("Train"), "test/bee/3.png": png, "extra/ant/4.png": png }),
  );
  assert.deepEqual([labels(tested.validation), tested.test], [[1], undefined]);
  assert.deepEqual(reasons(tested.train.skipped), { extra: "neither a class folder nor a split" });
});

test("testSplit sets images aside that are in neither of the others, the same for the same seed", async (t) => {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 10; i++)
    for (const [j, name] of ["ant", "bee"].entries()) files[`${name}/${i}.png`] = await image(4, 4, 10 * j + i);
  const folder = await folderOf(t, files);
  const pixels = async (set: { readonly length: number; image(i: number): Promise<{ pixels: Uint8Array }> }) =>
    Promise.all(Array.from({ length: set.length }, async (_, i) => String((await set.image(i)).pixels)));
  const open = async (seed: number) => {
    const {
      train,
      validation,
      test: held,
    } = await openImageFolder(folder, { testSplit: 0.3, validationSplit: 0.2, seed });
    return [await pixels(train), await pixels(validation), await pixels(held!)];
  };
  const [train, validation, held] = await open(1);
  assert.deepEqual([train!.length, validation!.length, held!.length], [10, 4, 6]);
  assert.equal(new Set([...train!, ...validation!, ...held!]).size, 20);
  assert.deepEqual(await open(1), [train, validation, held]);
  assert.notDeepEqual((await open(2))[2], held);
  await assert.rejects(openImageFolder(folder, { testSplit: 1 }), /testSplit must be at least 0 and below 1, got 1/);
});

test("what systems and trainings leave in a folder is no class", async (t) => {
  const png = await image();
  const folder = await folderOf(t, {
    "ant/1.png": png,
    "ant/2.png": png,
    "bee/3.png": png,
    "bee/4.png": png,
    "__MACOSX/ant/._1.png": "x",
    "@eaDir/1.png": png,
    ".cache/1.png": png,
    "runs/a-run/config.json": '{"format": "fovea.run.1"}',
    "runs/.DS_Store": "x",
    "one-run/config.json": '{"format": "fovea.run.1"}',
    "__pycache__/a.pyc": "x",
    "bee/@eaDir/3.png/thumbnail.jpg": png,
  });
  const { train, validation } = await openImageFolder(folder);
  assert.deepEqual([train.classes, train.length + validation.length], [["ant", "bee"], 4]);
  assert.match(reasons(train.skipped)["thumbnail.jpg"]!, /left behind by the system/);
});

test("a pipe that is named as the configuration of a run is not waited for", {
  skip: process.platform === "win32",
}, async (t) => {
  const png = await image();
  const folder = await folderOf(t, { "ant/1.png": png, "ant/2.png": png, "bee/3.png": png, "bee/4.png": png });
  execFileSync("mkfifo", [`${folder}/bee/config.json`]);
  assert.deepEqual((await openImageFolder(folder)).train.classes, ["ant", "bee"]);
});

const implausible: Readonly<Record<string, readonly [files: readonly string[], message: RegExp]>> = {
  "split folders within the classes": [
    ["ant/train/1", "ant/val/2", "bee/train/3", "bee/val/4"],
    /every class has the folders train, val\. Put them above the classes: train\/<class>/,
  ],
  "one split folder within each class": [
    ["ant/images_train/1", "ant/train/1", "bee/images_train/1", "bee/train/1"],
    /have the same/,
  ],
  "folders of the same names in all classes": [
    ["apple/healthy/1", "apple/rust/2", "grape/healthy/3", "grape/rust/4"],
    /apple, grape all have the same folders \(healthy, rust\), so it is unclear which are the classes/,
  ],
  "the same within train": [
    ["train/apple/a/1", "train/apple/b/2", "train/grape/a/3", "train/grape/b/4", "val/apple/1"],
    /train: apple, grape all have the same folders \(a, b\)/,
  ],
  "splits without training": [
    ["val/ant/1", "val/bee/2", "test/ant/3", "test/bee/4"],
    /these look like splits of a data set, not classes/,
  ],
  "images right in the split folders": [
    ["train/1", "train/2", "test/3", "test/4"],
    /these look like splits of a data set, not classes/,
  ],
  "one class": [["ant/1", "ant/2"], /only one class, ant; training needs at least two\.$/],
  "one class in train": [["train/ant/1", "train/ant/2", "val/ant/3"], /train: has only one class, ant/],
  "the folder above one with train": [
    ["pets/train/ant/1", "pets/train/bee/2"],
    /only one class, pets.* Did you mean .*pets\?/,
  ],
  "the folder above classes": [["pets/ant/1", "pets/bee/2"], /only one class, pets.* Did you mean .*pets\?/],
  "a class of one image": [["ant/1", "ant/2", "bee/3"], /bee: a class needs at least two images/],
  "classes of one image in train": [
    ["train/ant/1", "train/bee/2", "train/cat/1", "train/cat/2", "val/ant/3"],
    /ant, bee: a class needs at least two images/,
  ],
  "two validation folders": [
    ["train/ant/1", "train/ant/2", "train/bee/1", "train/bee/2", "val/ant/3", "valid/bee/4"],
    /val and valid are both validation folders\. Keep one/,
  ],
  "a training folder twice": [["train/ant/1", "Train/ant/2"], /Train and train are both training folders/],
};
for (const [what, [names, message]] of Object.entries(implausible))
  test(`a layout that can hardly be meant is refused: ${what}`, async (t) => {
    const png = await image();
    const folder = await folderOf(t, Object.fromEntries(names.map((name) => [`${name}.png`, png])));
    await assert.rejects(openImageFolder(folder), { name: "DataError", message });
  });

test("layouts that only look odd are not refused", async (t) => {
  const png = await image();
  const open = async (...names: string[]) =>
    openImageFolder(await folderOf(t, Object.fromEntries(names.map((name) => [`${name}.png`, png]))));
  const classes = async (...names: string[]) => (await open(...names)).train.classes;
  assert.deepEqual(await classes("ant/images/1", "ant/images/2", "bee/images/1", "bee/images/2"), ["ant", "bee"]);
  assert.deepEqual(await classes("ant/1", "ant/a/2", "ant/b/2", "bee/a/1", "bee/b/2"), ["ant", "bee"]);
  assert.deepEqual(await classes("test/1", "test/2", "plane/1", "plane/2"), ["plane", "test"]);
  assert.deepEqual(await classes("training-gear/1", "training-gear/2", "valley/1", "valley/2"), [
    "training-gear",
    "valley",
  ]);
});

test("to measure a network, one class or one image will do, and other classes do not move the split", async (t) => {
  const one = await folderOf(t, { "bee/1.png": await image() });
  const { train, validation } = await openImageFolder(one, { measure: ["ant", "bee"] });
  assert.deepEqual([train.length, validation.length, train.classes], [1, 0, ["bee"]]);

  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 12; i++)
    for (const [j, name] of ["bee", "cat"].entries()) files[`${name}/${i}.png`] = await image(4, 4, 20 * j + i);
  const learned = await openImageFolder(await folderOf(t, files), { seed: 3 });
  for (let i = 0; i < 12; i++) files[`ant/${i}.png`] = await image(4, 4, 100 + i);
  const measured = await openImageFolder(await folderOf(t, files), { seed: 3, measure: learned.train.classes });
  const pixels = async ({ validation: set }: typeof learned, classes: readonly string[]) =>
    Promise.all(
      Array.from(set.labels, (label, i) => ({ name: set.classes[label]!, i }))
        .filter(({ name }) => classes.includes(name))
        .map(async ({ i }) => String((await set.image(i)).pixels)),
    );
  const known = learned.train.classes;
  assert.deepEqual(measured.train.classes, ["ant", "bee", "cat"]);
  assert.deepEqual(await pixels(measured, known), await pixels(learned, known));
});

test("names that are no UTF-8: of a class they are refused, below one they are skipped", {
  skip: process.platform === "linux" ? false : "only Linux has such names",
}, async (t) => {
  const png = await image();
  const folder = await folderOf(t, { "ant/1.png": png, "ant/2.png": png, "bee/3.png": png, "bee/4.png": png });
  const odd = (inside: string) => Buffer.concat([Buffer.from(`${folder}/${inside}/caf`), Buffer.of(0xe9)]);
  await mkdir(odd("bee"));
  await writeFile(Buffer.concat([odd("ant"), Buffer.from(".png")]), png);
  const { train, validation } = await openImageFolder(folder);
  assert.equal(train.length + validation.length, 4);
  assert.deepEqual(train.skipped.map(({ reason }) => reason.replace(/ \(.*/, "")).sort(), [
    "cannot be decoded",
    "cannot be read as a folder",
  ]);
  await mkdir(odd("."));
  await assert.rejects(openImageFolder(folder), /the name of the folder caf\uFFFD is not UTF-8\. Rename it/);
});

test("a folder that may not be read is skipped, and a class of that kind is refused", {
  skip: process.getuid?.() === 0 ? "root reads everything" : false,
}, async (t) => {
  const png = await image();
  const folder = await folderOf(t, {
    "ant/1.png": png,
    "ant/2.png": png,
    "ant/secret/3.png": png,
    "bee/3.png": png,
    "bee/4.png": png,
  });
  const close = async (name: string) => {
    await chmod(`${folder}/${name}`, 0);
    t.after(() => chmod(`${folder}/${name}`, 0o700));
  };
  await close("ant/secret");
  assert.match(
    reasons((await openImageFolder(folder)).train.skipped).secret!,
    /cannot be read as a folder \(no permission/,
  );
  await close("bee");
  await assert.rejects(
    openImageFolder(folder),
    /no usable images in class bee \(.*cannot be read as a folder \(no permission/,
  );
});

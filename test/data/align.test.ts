import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";
import { alignClasses, alignmentNotes, classDifference, sameClasses } from "../../src/data/align.js";
import type { Dataset } from "../../src/data/dataset.js";
import { openImageFolder } from "../../src/data/image-folder.js";
import { concatDatasets } from "../../src/data/joined.js";
import { folderOf, randomBytes } from "./support.js";

/** A data set whose image i is one pixel of the value i. */
function dataset(classes: readonly string[], labels: readonly number[]): Dataset {
  return {
    name: "fruit",
    classes,
    length: labels.length,
    labels,
    skipped: [],
    size: { height: 1, width: 1 },
    image: async (i) => ({ height: 1, width: 1, pixels: Uint8Array.of(i, i, i) }),
  };
}
const first = async (set: Dataset) =>
  Promise.all(Array.from({ length: set.length }, async (_, i) => (await set.image(i)).pixels[0]));

test("labels follow the names, whatever the order", async () => {
  const {
    dataset: aligned,
    unknown,
    missing,
    leftOut,
  } = alignClasses(dataset(["a", "b", "c"], [0, 1, 2]), ["c", "a", "b"]);
  assert.deepEqual(
    [aligned.classes, aligned.labels],
    [
      ["c", "a", "b"],
      [1, 2, 0],
    ],
  );
  assert.deepEqual([unknown, missing, leftOut, await first(aligned)], [[], [], 0, [0, 1, 2]]);
});

test("images of unknown classes are left out and counted; classes that the data lacks are said", async () => {
  const alignment = alignClasses(dataset(["Lime", "pear", "plum"], [0, 1, 1, 2]), ["lime", "plum"]);
  assert.deepEqual([alignment.dataset.labels, await first(alignment.dataset)], [[1], [3]]);
  assert.deepEqual([alignment.unknown, alignment.missing, alignment.leftOut], [["Lime", "pear"], ["lime"], 3]);
  const [left, lacks] = alignmentNotes(alignment);
  assert.match(left!, /left out 3 images of classes that the model does not know: Lime \(did you mean "lime"/);
  assert.match(lacks!, /classes of the model that the data lacks: lime/);
});

test("names are equal in any Unicode form of the same letters", () => {
  const [nfc, nfd] = ["café".normalize("NFC"), "café".normalize("NFD")];
  assert.ok(sameClasses([nfc], [nfd]) && nfc !== nfd);
  assert.deepEqual(alignClasses(dataset(["b", nfd], [0, 1]), [nfc, "b"]).dataset.labels, [1, 0]);
});

test("where no class is known, or a name is there twice, nothing is measured", () => {
  assert.throws(() => alignClasses(dataset(["a"], [0]), ["x", "y"]), /the model knows none of the classes.*x, y/);
  assert.throws(() => alignClasses(dataset(["a", "b"], [0]), ["x", "x"]), /two classes named x/);
});

test("a difference of classes is told by name", () => {
  assert.equal(classDifference(["a", "b"], ["a", "b"]), null);
  assert.match(classDifference(["a", "b"], ["b", "a"])!, /the order differs/);
  assert.equal(classDifference(["a", "b"], ["a", "c", "d"]), "new: c, d; gone: b");
});

test("several parts are one data set", async () => {
  const all = concatDatasets([dataset(["a", "b"], [0, 1]), dataset(["a", "b"], [1])]);
  assert.deepEqual([all.length, all.labels, await first(all)], [3, [0, 1, 1], [0, 1, 0]]);
  assert.throws(() => concatDatasets([dataset(["a"], [0]), dataset(["b"], [0])]), /different classes/);
});

test("class folders are named in NFC, and two of the same name are refused", async (t) => {
  const png = await sharp(randomBytes(48), { raw: { width: 4, height: 4, channels: 3 } })
    .png()
    .toBuffer();
  const [nfc, nfd] = ["café".normalize("NFC"), "café".normalize("NFD")];
  const files = { [`${nfd}/1.png`]: png, [`${nfd}/2.png`]: png, "bar/1.png": png, "bar/2.png": png };
  assert.deepEqual((await openImageFolder(await folderOf(t, files))).train.classes, ["bar", nfc]);
  await assert.rejects(
    openImageFolder(await folderOf(t, { ...files, [`${nfc}/3.png`]: png })),
    /two folders are named café/,
  );
});

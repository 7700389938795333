import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { DataError } from "../../../src/core/errors.js";
import { type OpenOptions, openDataset } from "../../../src/data/open.js";
import { openSegmentationFolder } from "../../../src/data/segmentation/folder.js";
import { Budget, paintObject } from "../../../src/data/segmentation/polygons.js";
import { temporaryFolder } from "../../support/fovea.js";
import { packedRows, png } from "./png.js";

const home = temporaryFolder();
let count = 0;
/** A folder of these files: text, bytes, or the values of a mask `[width, height, value at (x, y)]`. */
type Contents = string | Uint8Array | readonly [number, number, (x: number, y: number) => number];
function folderOf(files: Readonly<Record<string, Contents>>): string {
  const folder = join(home, `data${count++}`);
  for (const [name, contents] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(
      path,
      Array.isArray(contents) ? mask(...(contents as [number, number, never])) : (contents as string),
    );
  }
  return folder;
}

function mask(width: number, height: number, value: (x: number, y: number) => number): Buffer {
  const values = Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width)));
  return png({ width, height, bits: 8, color: 3 }, packedRows(values, width, 8));
}

const photo = (width = 40, height = 32) =>
  sharp(Buffer.alloc(width * height * 3, 90), { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
const image = await photo();
const halves = (left: number, right: number) => [40, 32, (x: number) => (x < 20 ? left : right)] as const;

/** Labels of the first pixel of each half. */
async function ends(folder: string, options: OpenOptions = {}) {
  const { train } = await openDataset(folder, options);
  const all: number[][] = [];
  for (let i = 0; i < train.length; i++) {
    const { width, data } = await train.labelMap!(i);
    all.push([data[0]!, data[width - 1]!]);
  }
  return { classes: train.classes, all, train };
}

const two = (a: Contents, b: Contents) => ({
  "images/train/1.jpg": image,
  "images/train/2.jpg": image,
  "images/val/3.jpg": image,
  "masks/train/1.png": a,
  "masks/train/2.png": b,
  "masks/val/3.png": a,
});

test("images beside masks: classes by value, by file, by option; void and the ignore label do not count", async () => {
  const plain = folderOf(two(halves(0, 1), halves(2, 255)));
  const opened = await openDataset(plain);
  assert.deepEqual([opened.kind, opened.division], ["masks", "by folders train, val"]);
  assert.deepEqual(await ends(plain).then(({ classes, all }) => [classes, all]), [
    ["class 0", "class 1", "class 2"],
    [
      [0, 1],
      [2, 255],
    ],
  ]);
  const named = folderOf({ ...two(halves(0, 1), halves(2, 3)), "classes.txt": "sky\nvoid\nroad\ncar\n" });
  assert.deepEqual(await ends(named).then(({ classes, all }) => [classes, all]), [
    ["sky", "road", "car"],
    [
      [0, 255],
      [1, 2],
    ],
  ]);
  const json = folderOf({ ...two(halves(0, 1), halves(1, 0)), "classes.json": '{"0": "a", "1": "b"}' });
  assert.deepEqual((await openDataset(json)).train.classes, ["a", "b"]);
  const ignoring = await ends(plain, { ignoreLabel: 0, classNames: ["x", "y", "z"] }).catch((error) => error.message);
  assert.match(
    String(ignoring),
    /masks\/train\/2\.png: the value 255 at column 20, row 0 is not a class: there are 2, y, z/,
  );
  assert.deepEqual((await ends(plain, { classNames: ["x", "y", "z"] })).classes, ["x", "y", "z"]);
});

test("0 and 255 are background and object, unless something is said", async () => {
  const notes: string[] = [];
  const stencil = folderOf(two(halves(0, 255), halves(255, 0)));
  const { classes, all } = await ends(stencil, { onNote: (note) => notes.push(note) });
  assert.deepEqual(
    [classes, all],
    [
      ["background", "object"],
      [
        [0, 1],
        [1, 0],
      ],
    ],
  );
  assert.match(notes.join(), /masks have only the values 0 and 255: read as background and object/);
  await assert.rejects(openDataset(stencil, { ignoreLabel: 255 }), /there is only one class, class 0/);
});

test("a value outside the classes names the file and the value", async () => {
  const folder = folderOf({ ...two(halves(0, 1), halves(0, 7)), "classes.txt": "a\nb\n" });
  await assert.rejects(openDataset(folder), (error: Error) => {
    assert.match(
      error.message,
      /masks\/train\/2\.png: the value 7 at column 20, row 0 is not a class: there are 2, a, b\. To ignore such pixels: --ignore-label 7/,
    );
    return error instanceof DataError;
  });
  assert.deepEqual((await ends(folder, { ignoreLabel: 7 })).all[1], [0, 255]);
});

test("files that do not pair or cannot be read are skipped with a reason; a mask of another size is refused", async () => {
  const folder = folderOf({
    ...two(halves(0, 1), halves(1, 0)),
    "images/train/lonely.jpg": image,
    "images/train/broken.jpg": "no image",
    "masks/train/broken.png": halves(0, 1),
    "images/train/colored.jpg": image,
    "masks/train/colored.png": await sharp(await photo(), {})
      .png()
      .toBuffer(),
  });
  writeFileSync(
    join(folder, "masks/train/colored.png"),
    await sharp({ create: { width: 40, height: 32, channels: 3, background: { r: 200, g: 30, b: 9 } } })
      .png()
      .toBuffer(),
  );
  const { train } = await openDataset(folder);
  assert.equal(train.length, 2);
  const reasons = Object.fromEntries(train.skipped.map(({ file, reason }) => [file.slice(folder.length + 1), reason]));
  assert.match(reasons["images/train/lonely.jpg"]!, /no mask of its name in .*masks\/train/);
  assert.match(reasons["images/train/broken.jpg"]!, /cannot be decoded/);
  assert.match(reasons["masks/train/colored.png"]!, /it is in color/);
  const wrong = folderOf(two(halves(0, 1), [30, 32, () => 0]));
  await assert.rejects(openDataset(wrong), /2\.png: the mask has 30 × 32 pixels, 2\.jpg has 40 × 32/);
  const nothing = folderOf({ "images/train/1.jpg": image, "masks/train/other.png": halves(0, 1) });
  await assert.rejects(
    openDataset(nothing),
    /none of 1 files is an image with a mask to train on \(1\.jpg: no mask of its name/,
  );
});

test("layouts: split folders outside, no splits, VOC, Cityscapes", async () => {
  const inside = folderOf({
    "train/images/a.jpg": image,
    "train/masks/a_mask.png": halves(0, 1),
    "valid/images/b.jpg": image,
    "valid/masks/b.png": halves(1, 0),
  });
  const opened = await openDataset(inside);
  assert.deepEqual([opened.train.length, opened.validation.length, opened.division], [1, 1, "by folders train, valid"]);

  const flat = folderOf(
    Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [
        [`images/deep/${i}.jpg`, image] as const,
        [`masks/deep/${i}.png`, halves(0, 1)] as const,
      ]).flat(),
    ),
  );
  const shared = await openDataset(flat, { validationSplit: 0.3, testSplit: 0.2 });
  assert.deepEqual([shared.train.length, shared.validation.length, shared.test!.length], [5, 3, 2]);
  assert.deepEqual(shared.setAside, { validation: 0.3, test: 0.2 });
  const again = await openDataset(flat, { validationSplit: 0.3, testSplit: 0.2 });
  const files = (data: typeof shared) =>
    [data.train, data.validation, data.test!].map((d) => Array.from({ length: d.length }, (_, i) => d.file!(i)));
  assert.deepEqual(files(again), files(shared));
  assert.equal(new Set(files(shared).flat()).size, 10);

  const voc = folderOf({
    "JPEGImages/1.jpg": image,
    "JPEGImages/2.jpg": image,
    "JPEGImages/3.jpg": image,
    "SegmentationClass/1.png": halves(0, 15),
    "SegmentationClass/2.png": halves(20, 255),
    "ImageSets/Segmentation/train.txt": "1\n",
    "ImageSets/Segmentation/val.txt": "2\nmissing\n",
  });
  const pascal = await openDataset(voc);
  assert.deepEqual(
    [pascal.train.length, pascal.validation.length, pascal.division],
    [1, 1, "by lists train.txt, val.txt"],
  );
  assert.equal(pascal.train.classes[15], "person");
  assert.equal(pascal.train.classes.length, 21);
  assert.match(pascal.validation.skipped[0]!.reason, /missing has no image, or no mask/);

  for (const [ids, values] of [
    ["labelIds", [7, 3, 33]],
    ["labelTrainIds", [0, 255, 18]],
  ] as const) {
    const street = folderOf({
      "leftImg8bit/train/aachen/aachen_0_leftImg8bit.jpg": image,
      "leftImg8bit/val/ulm/ulm_0_leftImg8bit.jpg": image,
      [`gtFine/train/aachen/aachen_0_gtFine_${ids}.png`]: [40, 32, (x: number) => values[Math.min(2, x >> 4)]!],
      [`gtFine/val/ulm/ulm_0_gtFine_${ids}.png`]: halves(values[0], values[2]),
    });
    const { train } = await openDataset(street);
    const { data } = await train.labelMap!(0);
    assert.deepEqual([train.classes.length, data[0], data[20], data[39]], [19, 0, 255, 18], ids);
  }
});

const square = (x: number, y: number, side: number) => [x, y, x + side, y, x + side, y + side, x, y + side];
const coco = (...annotations: object[]) =>
  JSON.stringify({
    images: [{ id: 5, file_name: "1.jpg", width: 40, height: 32 }],
    categories: [
      { id: 9, name: "car" },
      { id: 3, name: "person" },
    ],
    annotations,
  });

test("the ignore label holds beside a layout's own classes", async () => {
  const street = folderOf({
    "leftImg8bit/train/aachen/aachen_0_leftImg8bit.jpg": image,
    "leftImg8bit/val/ulm/ulm_0_leftImg8bit.jpg": image,
    "gtFine/train/aachen/aachen_0_gtFine_labelIds.png": halves(33, 40),
    "gtFine/val/ulm/ulm_0_gtFine_labelIds.png": halves(7, 33),
  });
  await assert.rejects(openDataset(street), /the value 40 .* --ignore-label 40/);
  await assert.rejects(openDataset(street, { ignoreLabel: null }), /the value 40 .* --ignore-label 40/);
  const classNames = Array.from({ length: 19 }, (_, i) => `own ${i}`);
  const { all, classes } = await ends(street, { ignoreLabel: 40, classNames });
  assert.deepEqual([all, classes], [[[18, 255]], classNames]);

  const json = coco(
    { image_id: 5, category_id: 9, segmentation: [square(0, 0, 10)] },
    { image_id: 5, category_id: 3, segmentation: [square(30, 0, 10)] },
  );
  const folder = folderOf({
    "annotations/instances_train2017.json": json,
    "annotations/instances_val2017.json": json,
    "train2017/1.jpg": image,
    "val2017/1.jpg": image,
  });
  assert.deepEqual((await ends(folder, { ignoreLabel: 2 })).all, [[255, 1]]);
});

test("COCO: polygons and run lengths are painted in order, crowds do not count", async () => {
  const json = coco(
    { image_id: 5, category_id: 9, segmentation: [square(0, 0, 10)] },
    { image_id: 5, category_id: 3, segmentation: [square(5, 5, 10)] },
    { image_id: 5, category_id: 3, iscrowd: 1, segmentation: { size: [32, 40], counts: [32 * 30, 32 * 10] } },
  );
  const folder = folderOf({
    "annotations/instances_train2017.json": json,
    "annotations/instances_val2017.json": json,
    "train2017/1.jpg": image,
    "val2017/1.jpg": image,
  });
  const { train, validation } = await openDataset(folder);
  assert.deepEqual([train.classes, validation.length], [["background", "person", "car"], 1]);
  const { width, data } = await train.labelMap!(0);
  const at = (x: number, y: number) => data[y * width + x];
  assert.deepEqual(
    [at(0, 0), at(4, 4), at(5, 5), at(9, 9), at(14, 14), at(15, 15), at(29, 3), at(30, 3)],
    [2, 2, 1, 1, 1, 0, 0, 255],
  );
  const exported = folderOf({
    "train/1.jpg": image,
    "train/_annotations.coco.json": json,
    "valid/1.jpg": image,
    "valid/_annotations.coco.json": json,
  });
  assert.deepEqual((await openDataset(exported)).train.classes, train.classes);
  const bad = (...annotations: object[]) =>
    openSegmentationFolder(folderOf({ "annotations/train.json": coco(...annotations), "images/train/1.jpg": image }));
  await assert.rejects(bad({ image_id: 6, category_id: 9, segmentation: [] }), /annotation 0: there is no image 6/);
  await assert.rejects(bad({ image_id: 5, category_id: 1, segmentation: [] }), /annotation 0: there is no category 1/);
  for (const [segmentation, says] of [
    [[[1, 2, 3]], /annotation 0: a polygon must be at least three points/],
    [{ size: [32, 40], counts: [5] }, /annotation 0: run lengths cover 5 pixels of an image of 1280/],
    [{ size: [9, 9], counts: [81] }, /annotation 0: run lengths of \[9,9\] for an image of 32 × 40/],
    ["polygon", /annotation 0: segmentation must be polygons/],
  ] as const)
    await assert.rejects(bad({ image_id: 5, category_id: 9, segmentation }), says);
});

test("polygons cover the pixels whose centers they contain, and compressed run lengths are COCO's", () => {
  const painted = (segmentation: unknown, width: number, height: number) => {
    const labels = new Uint8Array(width * height);
    paintObject({ segmentation, label: 1, at: "here" }, width, height, labels);
    return Array.from({ length: height }, (_, y) => labels.subarray(y * width, (y + 1) * width).join(""));
  };
  assert.deepEqual(painted([[0, 0, 4, 0, 0, 4]], 4, 4), ["1110", "1100", "1000", "0000"]);
  assert.deepEqual(painted([[-5, -5, 9, -5, 9, 9, -5, 9]], 2, 2), ["11", "11"]);
  assert.deepEqual(painted([[1.6, 0, 2.4, 0, 2.4, 2, 1.6, 2]], 4, 2), ["0000", "0000"]);
  assert.deepEqual(painted([square(0, 0, 1), square(2, 0, 1)], 3, 1), ["101"]);
  // Encoded by pycocotools: a 3 × 4 image with the second column set.
  assert.deepEqual(painted({ size: [3, 4], counts: "336" }, 4, 3), ["0100", "0100", "0100"]);
  // A polygon of many points, and what would take hours to paint.
  const circle = Array.from({ length: 150_000 }, (_, i) => [3 + 2 * Math.cos(i), 3 + 2 * Math.sin(i)]).flat();
  assert.equal(painted([circle], 6, 6).length, 6);
  assert.throws(
    () => painted({ size: [1, 2], counts: "1".repeat(100) }, 2, 1),
    /here: more run lengths than the image/,
  );
  const budget = new Budget();
  assert.throws(() => {
    for (let i = 0; i < 10_000; i++) budget.spend(1e6, "there");
  }, /there: the objects of its image cover too many pixels to draw/);
  // Columns of three: pixel 1 of the first, pixels 0 and 1 of the third.
  assert.deepEqual(painted({ size: [3, 4], counts: [1, 1, 4, 2, 4] }, 4, 3), ["0010", "1010", "0000"]);
});

test("the task decides: class folders are not masks, and shapes are what is asked for", async () => {
  const folder = folderOf(two(halves(0, 1), halves(1, 0)));
  await assert.rejects(openDataset(folder, { task: "classification" }), DataError);
  const classes = folderOf({ "cat/1.jpg": image, "cat/2.jpg": image, "dog/1.jpg": image, "dog/2.jpg": image });
  await assert.rejects(
    openDataset(classes, { task: "segmentation" }),
    /not a data set for segmentation\. Looked for images\/<split> next to/,
  );
  assert.equal((await openDataset(classes)).kind, "folder");
  const count = { train: 2, validation: 1 };
  assert.deepEqual((await openDataset("shapes", { task: "segmentation", count })).train.classes, [
    "background",
    "object",
  ]);
  assert.equal((await openDataset("shapes", { count })).train.classes.length, 10);
});

test("images are kept small, masks as they are, and files that vanish are named", async () => {
  const big = await photo(400, 300);
  const folder = folderOf({
    "images/train/1.jpg": big,
    "images/val/2.jpg": big,
    "masks/train/1.png": [400, 300, (x: number) => (x < 200 ? 0 : 1)],
    "masks/val/2.png": [400, 300, () => 1],
  });
  const { train } = await openDataset(folder, { imageSize: 64, memory: 0 });
  assert.deepEqual(train.size, { width: 170, height: 128 });
  assert.deepEqual(train.defaults, { imageSize: 64, resize: 128 });
  assert.equal((await train.labelMap!(0)).width, 400);
  rmSync(join(folder, "images/train/1.jpg"));
  await assert.rejects(train.image(0), /1\.jpg/);
  assert.equal(train.skipped.length, 1);
});

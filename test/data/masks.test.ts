import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { boxMask, datasetMask, type Mask, seenMask } from "../../src/explain.js";
import { generateShapes, openMasks } from "../../src/index.js";
import { encodePng } from "../../src/report/index.js";
import { tinyDataset } from "./support.js";

const folder = mkdtempSync(join(tmpdir(), "fovea-masks-"));
after(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: string | Uint8Array) => {
  const file = join(folder, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, content);
  return file;
};
const size = { width: 8, height: 4 };
const inside = ({ data }: Mask) => [...data].flatMap((value, i) => (value ? [i] : []));
const gray = (values: readonly number[]) =>
  encodePng({ ...size, pixels: Uint8Array.from(values.flatMap((value) => [value, value, value])) });

test("boxes cover the pixels whose centers they hold, and are cut at the border", () => {
  const rows = (left: number, top: number, width: number, height: number) =>
    inside(boxMask(size, [{ left, top, width, height }]));
  assert.deepEqual(rows(1, 1, 2, 1), [9, 10]);
  assert.deepEqual(rows(1.4, 1.4, 1.2, 1), [9, 10]);
  assert.deepEqual(rows(-5, -5, 6.9, 6.4), [0, 1]);
  assert.deepEqual(rows(7, 3, 100, 100), [31]);
  assert.deepEqual(rows(2.6, 2.6, 0.1, 0.1), [18], "a tiny box is a pixel");
  assert.deepEqual(inside(boxMask(size, [])), []);
  for (const [left, top, width, height] of [
    [8, 0, 1, 1],
    [0, 4, 1, 1],
    [-3, 0, 3, 1],
    [0, -2, 1, 2],
  ] as const)
    assert.throws(() => rows(left, top, width, height), /lies outside the image of 8 × 4 pixels/);
  assert.throws(() => rows(0, 0, 0, 1), /boxes\[0\] must be a box/);
});

test("a mask is cropped as the image is: the network sees the object where it is", () => {
  const mask = boxMask({ width: 100, height: 50 }, [{ left: 45, top: 20, width: 10, height: 10 }]);
  const preprocessing = { imageSize: 20, resize: 25, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const seen = seenMask(mask, preprocessing);
  assert.deepEqual([seen.width, seen.height], [20, 20]);
  const area = inside(seen);
  assert.equal(area.length, 25);
  assert.ok(area.every((at) => Math.abs((at % 20) - 9.5) < 3 && Math.abs(Math.floor(at / 20) - 9.5) < 3));
  const small = seenMask(boxMask({ width: 10, height: 10 }, [{ left: 0, top: 0, width: 10, height: 10 }]), {
    ...preprocessing,
    resize: 20,
  });
  assert.equal(inside(small).length, 400);
});

test("a folder of masks: by the end of the path, whatever the extension", async () => {
  write("masks/ants/1.png", gray(Array.from({ length: 32 }, (_, i) => (i < 3 ? 255 : 0))));
  write("masks/bees/1.png", gray(Array.from({ length: 32 }, (_, i) => (i === 31 ? 1 : 0))));
  write("masks/bees/2.png", gray(new Array(32).fill(0)));
  write("masks/ants/4.png", gray(new Array(32).fill(0)));
  write("masks/ants/4.webp", gray(new Array(32).fill(0)));
  const masks = await openMasks(join(folder, "masks"));
  assert.deepEqual([masks.kind, masks.length], ["folder", 5]);
  assert.deepEqual(inside((await masks.maskOf("/data/val/ants/1.jpg", size))!), [0, 1, 2]);
  assert.deepEqual(inside((await masks.maskOf("bees/1.jpeg", size))!), [31], "a mask of 0 and 1");
  assert.deepEqual(inside((await masks.maskOf("bees/2.jpg", size))!), []);
  for (const other of ["ants/3.jpg", "x/2.jpg", "photos/1.jpg", "giants/1.jpg", "ants/1/2.jpg"])
    assert.equal(await masks.maskOf(other, size), undefined, other);
  await assert.rejects(
    masks.maskOf("ants/4.jpg", size),
    /several masks may belong to it: .*ants\/4\.(?:png|webp), .*ants\/4\.(?:png|webp)/,
  );
  await assert.rejects(
    masks.maskOf("/data/val/ants/1.jpg", { width: 9, height: 4 }),
    /the mask has 8 × 4 pixels, 1\.jpg has 9 × 4/,
  );
  mkdirSync(join(folder, "empty"));
  await assert.rejects(openMasks(join(folder, "empty")), /has no images, so no masks/);
});

test("a mask is never that of two images", async () => {
  const mask = gray(new Array(32).fill(255));
  for (const name of ["flat/1.png", "flat/2.png", "deep/a/ants/1.png", "both/1.png", "both/ants/1.png"])
    write(name, mask);
  const boxes = (file: string, ...names: string[]) =>
    write(file, ["file,left,top,width,height", ...names.map((name) => `${name},0,0,1,1`), ""].join("\n"));
  const coco = (file: string, ...names: string[]) =>
    write(
      file,
      JSON.stringify({
        images: names.map((file_name, id) => ({ id, file_name })),
        annotations: names.map((_, image_id) => ({ image_id, bbox: [0, 0, 1, 1] })),
      }),
    );
  const shared =
    /may belong to several images: \S*ants\/1\.jpg, \S*bees\/1\.jpg\. Put the folder into the name too, as bees\/1\.jpg$/;
  for (const path of [
    join(folder, "flat"),
    boxes("flat.csv", "1.jpg", "./2.jpg"),
    coco("flat.json", "1.jpg", "2.jpg"),
  ]) {
    const masks = await openMasks(path);
    assert.ok(await masks.maskOf("ants/1.jpg", size));
    await assert.rejects(masks.maskOf("bees/1.jpg", size), shared);
    assert.ok(await masks.maskOf("ants/../ants/1.jpg", size), "the same image, written otherwise");
    assert.ok(await masks.maskOf("bees/2.jpg", size));
    await assert.rejects(openMasks(path, ["ants/1.jpg", "bees/2.jpg", "bees/1.jpg"]), shared);
    await assert.doesNotReject(openMasks(path, ["ants/1.jpg", "bees/2.jpg", "bees/3.jpg"]));
  }
  await assert.rejects(openMasks(join(folder, "flat"), ["a/x/1.jpg", "b/x/1.jpg"]), /too, as b\/x\/1\.jpg$/);
  // Images that differ in their extension only would share a mask too.
  await assert.rejects(openMasks(join(folder, "flat"), ["ants/1.jpg", "ants/1.png"]), /may belong to several images/);
  await assert.doesNotReject(openMasks(join(folder, "flat.csv"), ["ants/1.jpg", "ants/1.png"]));
  // The longest name counts, and only as a whole.
  const both = await openMasks(join(folder, "both"), ["ants/1.jpg", "bees/1.jpg"]);
  assert.ok(await both.maskOf("bees/1.jpg", size));
  const deep = await openMasks(join(folder, "deep"));
  assert.equal(await deep.maskOf("b/ants/1.jpg", size), undefined);
  assert.ok(await deep.maskOf("photos/a/ants/1.jpg", size));
  await assert.rejects(openMasks(coco("twice.json", "a.jpg", "./a.jpg")), /the images 0 and 1 are both "a\.jpg"/);
  const twice = await openMasks(boxes("twice.csv", "a.jpg", "./a.jpg"));
  assert.equal(twice.length, 1);
});

test("COCO's boxes: by name of the class, in the pixels of the image as it is", async () => {
  const coco = {
    images: [
      { id: 7, file_name: "a.jpg", width: 16, height: 8 },
      { id: 8, file_name: "sub/b.jpg" },
    ],
    categories: [
      { id: 1, name: "ant" },
      { id: 2, name: "bee" },
    ],
    annotations: [
      { image_id: 7, category_id: 1, bbox: [0, 0, 4, 2] },
      { image_id: 7, category_id: 2, bbox: [14, 6, 2, 2] },
      { image_id: 8, category_id: 2, bbox: [1, 1, 1, 1] },
    ],
  };
  const masks = await openMasks(write("coco.json", JSON.stringify(coco)));
  assert.deepEqual([masks.kind, masks.length], ["coco", 2]);
  assert.deepEqual(inside((await masks.maskOf("x/a.jpg", size, "ant"))!), [0, 1]);
  assert.deepEqual(inside((await masks.maskOf("x/a.jpg", size))!), [0, 1, 31]);
  assert.equal(await masks.maskOf("x/a.jpg", size, "wasp"), undefined);
  assert.deepEqual(inside((await masks.maskOf("sub/b.jpg", size, "bee"))!), [9]);
  assert.equal(await masks.maskOf("c.jpg", size), undefined);
  for (const [change, message] of [
    [{ images: 3 }, /"images" must be a list of objects/],
    [{ annotations: [{ image_id: 9, bbox: [0, 0, 1, 1] }] }, /annotation 0: there is no image 9 with a file_name/],
    [
      { annotations: [{ image_id: 7, bbox: [0, 0, -1, 1] }] },
      /annotation 0: a box needs four numbers, .* got \[0,0,-1,1\]/,
    ],
    [{ annotations: [{ image_id: 7 }] }, /annotation 0: a box needs four numbers/],
  ] as const)
    await assert.rejects(openMasks(write("bad.json", JSON.stringify({ ...coco, ...change }))), message);
  await assert.rejects(openMasks(write("cut.json", JSON.stringify(coco).slice(0, 80))), /cut\.json: is not JSON/);
  const outside = { ...coco, annotations: [{ image_id: 7, bbox: [16, 0, 5, 5] }] };
  const far = await openMasks(write("outside.json", JSON.stringify(outside)));
  await assert.rejects(far.maskOf("a.jpg", size), /annotation 0: the box at 16, 0 of 5 × 5 lies outside a\.jpg/);
});

test("boxes in CSV, by sides or by corners", async () => {
  const sides = await openMasks(
    write("sides.csv", 'file,class,left,top,width,height\r\n"a, b.jpg",ant,1,1,2,1\r\na.jpg,bee,0,0,1,1\r\n'),
  );
  assert.deepEqual([sides.kind, sides.length], ["csv", 2]);
  assert.deepEqual(inside((await sides.maskOf("photos/a, b.jpg", size, "ant"))!), [9, 10]);
  assert.equal(await sides.maskOf("photos/a.jpg", size, "ant"), undefined);
  const corners = await openMasks(write("corners.csv", "File,XMin,YMin,XMax,YMax\na.jpg,1,1,3,2\na.jpg,7,3,8,4\n"));
  assert.deepEqual(inside((await corners.maskOf("a.jpg", size))!), [9, 10, 31]);
  for (const [content, message] of [
    ["image,x,y\n1,2,3\n", /first line must name the columns file,left,top,width,height or file,xmin,ymin,xmax,ymax/],
    ["", /first line must name the columns/],
    ["file,left,top,width,height\na.jpg,1,1,,1\n", /bad\.csv:2: a box needs four numbers/],
    ["file,xmin,ymin,xmax,ymax\na.jpg,1,1,3,2\na.jpg,5,1,3,2\n", /bad\.csv:3: a box needs four numbers/],
  ] as const)
    await assert.rejects(openMasks(write("bad.csv", content)), message);
  const large = write("large.csv", "");
  truncateSync(large, 2 ** 29 + 1);
  await assert.rejects(openMasks(large), /large\.csv: .*536870913 bytes; at most 536870912/);
  await assert.rejects(openMasks(write("many.csv", "\n".repeat(1e7))), /10000001 lines; at most 10000000 are read/);
  await assert.rejects(openMasks(join(folder, "nowhere")), /nowhere: cannot be read \(no such file\)/);
});

test("a data set without masks says which ones have them", () => {
  assert.throws(() => datasetMask(tinyDataset(2), 0), /has no masks; .*shapes and shapes-free do; .*COCO/);
  const data = generateShapes({ count: 3, placement: "free" });
  const mask = datasetMask(data, 1);
  assert.deepEqual([mask.width, mask.height, mask.data], [64, 64, data.mask!(1)]);
});

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { openMarket1501 } from "../../src/data/market.js";
import { generatePeople } from "../../src/data/people.js";
import { temporaryFolder } from "../support/fovea.js";

/** A file of 8×16 pixels, red above and blue below. */
async function person(...parts: string[]): Promise<void> {
  const pixels = Buffer.alloc(8 * 16 * 3);
  for (let i = 0; i < 8 * 16; i++) pixels[3 * i + (i < 64 ? 0 : 2)] = 200;
  await sharp(pixels, { raw: { width: 8, height: 16, channels: 3 } })
    .jpeg({ quality: 100, chromaSubsampling: "4:4:4" })
    .toFile(join(...parts));
}

async function market(folder: string, files: Readonly<Record<string, readonly string[]>>): Promise<void> {
  for (const [name, images] of Object.entries(files)) {
    mkdirSync(join(folder, name), { recursive: true });
    for (const file of images) await person(folder, name, file);
  }
}

const files = {
  bounding_box_train: [
    "0002_c1s1_000451_03.jpg",
    "0002_c3s1_000551_00.jpg",
    "0007_c6s3_077392_01.jpg",
    "-1_c1s1_000401_03.jpg",
  ],
  query: ["0001_c1s1_001051_00.jpg", "0003_c2_f0044158.jpg"],
  bounding_box_test: [
    "0000_c1s1_000151_01.jpg",
    "-1_c2s1_000301_02.jpg",
    "0001_c2s1_001976_01.jpg",
    "1501_c16s6_0.jpg",
  ],
};

test("Market-1501's layout: identities and cameras by name, junk and distractors only in the gallery", async () => {
  for (const inner of ["", "Market-1501-v15.09.15"]) {
    const folder = temporaryFolder();
    await market(join(folder, inner), files);
    writeFileSync(join(folder, inner, "query", "Thumbs.db"), "x");
    writeFileSync(join(folder, inner, "query", "0009_c1s1_1.jpg"), "no image");
    const { train, query, gallery } = await openMarket1501(folder, { imageSize: 32 });
    assert.deepEqual(
      [train.identities, train.cameras],
      [
        [2, 2, 7],
        [1, 3, 6],
      ],
    );
    assert.deepEqual(
      [train.dataset.classes, train.dataset.labels],
      [
        ["2", "7"],
        [0, 0, 1],
      ],
    );
    assert.deepEqual(
      [query.identities, query.cameras],
      [
        [1, 3],
        [1, 2],
      ],
    );
    assert.deepEqual(
      [gallery.identities, gallery.cameras],
      [
        [-1, 0, 1, 1501],
        [2, 1, 2, 16],
      ],
    );
    assert.deepEqual(
      query.dataset.skipped.map(({ file, reason }) => [file.split("/").at(-1), reason.slice(0, 20)]),
      [
        ["Thumbs.db", "its name does not be"],
        ["0009_c1s1_1.jpg", "cannot be decoded (i"],
      ],
    );
    assert.equal(train.dataset.skipped.length, 1);
  }
});

test("images are stretched to a square: nothing of a person is cut off", async () => {
  const folder = temporaryFolder();
  await market(folder, files);
  const { train } = await openMarket1501(folder, { imageSize: 24 });
  const { width, height, pixels } = await train.dataset.image(0);
  assert.deepEqual([width, height], [24, 24]);
  const [red, blue] = [0, 2].map((channel) => (row: number) => pixels[(channel * 24 + row) * 24 + 12]!) as [
    (row: number) => number,
    (row: number) => number,
  ];
  assert.ok(red(2) > 180 && blue(2) < 30, "the upper half is red");
  assert.ok(red(21) < 30 && blue(21) > 180, "the lower half is blue");
});

test("what is no such data is refused with what was expected", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "query"));
  await assert.rejects(
    openMarket1501(folder),
    /expected the folders bounding_box_train, query, bounding_box_test, found query$/,
  );
  await market(folder, { ...files, query: [] });
  await assert.rejects(openMarket1501(folder), /query holds no images named like 0002_c1s1_000451_03\.jpg/);
  await assert.rejects(openMarket1501(join(folder, "none")), /none/);
});

test("generated people: the same by the same seed, each by every camera, others from another number on", async () => {
  const [a, b] = [generatePeople({ identities: 3, cameras: 2 }), generatePeople({ identities: 3, cameras: 2 })];
  assert.deepEqual(a.identities, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
  assert.deepEqual(a.cameras, [1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
  assert.deepEqual(await a.dataset.image(5), await b.dataset.image(5));
  const third = generatePeople({ identities: 1, first: 3, cameras: 2 });
  assert.deepEqual(await third.dataset.image(1), await a.dataset.image(9));
  assert.notDeepEqual(await generatePeople({ seed: 1 }).dataset.image(0), await generatePeople().dataset.image(0));
});

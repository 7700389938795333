import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { figures } from "../../src/data/shapes/figures.js";
import { generateShapes, generateShapesSplits } from "../../src/data/shapes.js";
import { localization } from "../../src/explain/metrics/index.js";
import { ifLong, runsLong } from "../support/long.js";

const names = Object.keys(figures) as (keyof typeof figures)[];

test("an image depends only on seed, split and position", async () => {
  const [few, many] = [generateShapes({ count: 12, seed: 4 }), generateShapes({ count: 40, seed: 4 })];
  for (const i of [11, 3, 0]) assert.deepEqual(await few.image(i), await many.image(i));
  assert.deepEqual(await few.image(3), await few.image(3));
  const others = [generateShapes({ count: 12, seed: 5 }), generateShapes({ count: 12, seed: 4, split: "validation" })];
  for (const other of others) assert.notDeepEqual(await other.image(3), await few.image(3));
});

test("there are ten classes, equally many of each", () => {
  const { train, validation } = generateShapesSplits({ train: 200, validation: 50 });
  assert.equal(train.classes.length, 10);
  assert.deepEqual(train.classes, validation.classes);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < train.length; i++) counts[train.labels[i]!]!++;
  assert.deepEqual(counts, new Array(10).fill(20));
});

test("images have the asked size in bytes, and use the range of a byte", async () => {
  for (const size of [16, 33, 64]) {
    const { width, height, pixels } = await generateShapes({ count: 1, size }).image(0);
    assert.deepEqual([width, height, pixels.length], [size, size, 3 * size * size]);
    assert.ok(Math.max(...pixels) - Math.min(...pixels) > 60);
  }
});

test("the mask is one connected object of sensible size inside of the image", () => {
  const data = generateShapes({ count: 100 });
  for (let i = 0; i < data.length; i++) {
    const mask = data.mask!(i);
    const area = mask.reduce((sum, m) => sum + m, 0);
    assert.ok(area > 32 && area < 600, `image ${i}: area ${area}`);
    assert.equal(connectedArea(mask, 32), area, `image ${i}: in one piece`);
  }
});

test("the mask is where the object is: its outline is an edge of the image", async () => {
  const data = generateShapes({ count: 60, size: 64 });
  let [across, within] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    const { pixels } = await data.image(i);
    const mask = data.mask!(i);
    const step = (at: number) =>
      [0, 1, 2].reduce((sum, c) => sum + Math.abs(pixels[c * 4096 + at]! - pixels[c * 4096 + at + 2]!), 0);
    const sums = { edge: 0, edges: 0, flat: 0, flats: 0 };
    for (let at = 2; at + 4 < 4096; at++) {
      if (at % 64 > 60) continue;
      if (mask[at] !== mask[at + 2]) [sums.edge, sums.edges] = [sums.edge + step(at), sums.edges + 1];
      else [sums.flat, sums.flats] = [sums.flat + step(at), sums.flats + 1];
    }
    across += sums.edge / sums.edges;
    within += sums.flat / sums.flats;
  }
  assert.ok(across > 3 * within, `mean step ${across / 60} across the outline, ${within / 60} elsewhere`);
});

test("figures are negative inside, positive outside, and change by at most the distance moved", () => {
  const inside: Record<string, [number, number]> = { ring: [0.75, 0], crescent: [-0.65, 0] };
  for (const name of names) {
    const figure = figures[name];
    assert.ok(figure(...(inside[name] ?? [0, 0])) < 0, name);
    assert.ok(figure(1.5, 1.5) > 0, name);
    for (let i = 0; i < 400; i++) {
      const [x, y] = [((i % 20) - 10) / 7, (Math.floor(i / 20) - 10) / 7];
      assert.ok(Math.abs(figure(x, y) - figure(x + 0.03, y + 0.04)) < 0.0501, `${name} at ${x}, ${y}`);
    }
  }
  assert.ok(figures.ring(0, 0) > 0);
  assert.ok(figures.hourglass(0.8, 0) > 0);
});

test("options that cannot be used are refused", async () => {
  assert.throws(() => generateShapes({ count: 0 }), /count must be an integer from 1 to 1000000, got 0/);
  assert.throws(() => generateShapes({ count: 1, size: 8 }), /size must be an integer from 16 to 256, got 8/);
  assert.throws(
    () => generateShapes({ count: 1, split: "test" as "train" }),
    /split must be one of train, validation, got "test"/,
  );
  await assert.rejects(generateShapes({ count: 3 }).image(3), /shapes: there is no image 3; it has 3/);
});

test("without an option, images are what they were", async () => {
  const hash = createHash("sha256");
  for (const data of [
    generateShapes({ count: 20, seed: 1 }),
    generateShapes({ count: 20, seed: 1, placement: "centered" }),
  ]) {
    assert.equal(data.name, "shapes");
    for (let i = 0; i < 20; i++) hash.update((await data.image(i)).pixels).update(data.mask!(i));
  }
  assert.equal(hash.digest("hex"), "9ad41c6af60ddc6e277504e8512941669f1d7cc745588d817d0f65bde2ce30dc");
});

test("where objects are free, the center is worth no more than chance; otherwise far more", {
  skip: ifLong,
}, async () => {
  const pointing = (placement: "centered" | "free") => {
    const data = generateShapes({ count: runsLong ? 800 : 300, seed: 3, placement });
    const { height, width } = data.size!;
    const masks = Array.from({ length: data.length }, (_, i) => ({ height, width, data: data.mask!(i) }));
    const { rows, share } = localization(new Map(), masks, { resamples: 300 });
    return { ...rows.find(({ name }) => name === "center")!.means.pointing, share };
  };
  const free = pointing("free");
  assert.ok(free.low <= free.share && free.share <= free.high, JSON.stringify(free));
  const centered = pointing("centered");
  assert.ok(centered.low > centered.share + 0.2, JSON.stringify(centered));
});

test("free objects are as large in pixels as the others, and none is lost at the border", () => {
  const [free, centered] = (["free", "centered"] as const).map((placement) => {
    const data = generateShapes({ count: 500, placement });
    return Array.from({ length: 500 }, (_, i) => data.mask!(i).reduce((sum, m) => sum + m, 0)).sort((a, b) => a - b);
  });
  assert.ok(free![0]! >= 12, `the smallest has ${free![0]} pixels`);
  const [half, whole] = [free![250]!, centered![250]!];
  assert.ok(half > 0.7 * whole && half < whole, `median ${half}, ${whole}`);
});

/** How many pixels of the mask hang together with its first one (by sides and corners). */
function connectedArea(mask: Uint8Array, size: number): number {
  const reached = new Set([mask.indexOf(1)]);
  for (const at of reached)
    for (const dy of [-1, 0, 1])
      for (const dx of [-1, 0, 1]) {
        const [x, y] = [(at % size) + dx, Math.floor(at / size) + dy];
        if (x >= 0 && x < size && y >= 0 && y < size && mask[y * size + x]) reached.add(y * size + x);
      }
  return reached.size;
}

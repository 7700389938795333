import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import sharp from "sharp";
import { Rng } from "../../../src/core/rng.js";
import { inputRegion, type RgbImage, seenImage } from "../../../src/data/index.js";
import type { Heatmap } from "../../../src/explain/heatmap.js";
import { colormap } from "../../../src/report/index.js";
import {
  captionOf,
  contours,
  drawMapGrid,
  drawMapGridPng,
  type MapGrid,
  mapToPhotograph,
  pairwiseMap,
  scaleOf,
} from "../../../src/report/maps/index.js";
import { assertWellFormed, hostile } from "../support.js";

const heatmap = (height: number, width: number, at: (y: number, x: number) => number): Heatmap => ({
  height,
  width,
  data: Float64Array.from({ length: height * width }, (_, i) => at(Math.floor(i / width), i % width)),
});
const photograph = (width: number, height: number): RgbImage => {
  const rng = new Rng(1, "photograph");
  return { width, height, pixels: Uint8Array.from({ length: 3 * width * height }, () => rng.int(256)) };
};
const preprocessing = { imageSize: 32, resize: 40, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const image = photograph(100, 60);
const hill = heatmap(4, 4, (y, x) => Math.max(0, 2.5 - Math.hypot(y - 1, x - 2)));
const signed = heatmap(4, 4, (y, x) => (y - x) / 3);
const flat = heatmap(4, 4, () => 0);

const everything: MapGrid = {
  title: "Where it looks",
  columns: ["gradcam", "ig", "nothing", "photograph"],
  rows: ["ant.jpg", "gates"],
  cells: [
    [
      { map: hill, image: seenImage(image, preprocessing) },
      { map: signed },
      { map: flat },
      { map: hill, image, region: inputRegion(image, preprocessing) },
    ],
    [
      { channels: [0.1, 0.9, 0.5] },
      { rows: [0, 0.5, 1], columns: [1, 0.2], image: photograph(8, 8) },
      {
        map: pairwiseMap(
          Float64Array.from({ length: 256 }, (_, i) => i / 256),
          4,
          4,
          { row: 1, column: 2 },
        ),
        position: { row: 1, column: 2 },
      },
      null,
    ],
  ],
};
const digest = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex").slice(0, 16);
const only = (map: Heatmap): MapGrid => ({ title: "t", columns: [""], rows: [""], cells: [[{ map }]] });
/** The pixels of the first image in an SVG. */
const firstImage = async (svg: string) => {
  const [, text] = /base64,([^"]*)"/.exec(svg)!;
  return sharp(Buffer.from(text!, "base64")).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
};

test("the same grid gives the same bytes, and these", () => {
  for (const options of [{}, { scale: "cell", contours: [0.5] }, { scale: "column", colors: "viridis" }] as const) {
    const svg = drawMapGrid(everything, options);
    assertWellFormed(svg);
    assert.equal(svg, drawMapGrid(structuredClone(everything), options));
    assert.deepEqual(drawMapGridPng(everything, options), drawMapGridPng(structuredClone(everything), options));
  }
  assert.deepEqual(
    [digest(drawMapGrid(everything)), digest(drawMapGridPng(everything))],
    ["0b879785764d2f54", "ecd329d31ceef956"],
  );
});

test("a picture is read aloud, needs no other file and no script, and fills the width that it is given", () => {
  const svg = drawMapGrid(everything);
  assert.match(
    svg,
    /^<svg [^>]*role="img" aria-label="Where it looks"><title>Where it looks<\/title><desc>2 rows, 4 columns\./,
  );
  assert.match(svg, /ant\.jpg, gradcam: 0 to 2\.5; ant\.jpg, ig: −1 to 1; ant\.jpg, nothing: no positive evidence/);
  assert.match(svg, /<svg [^>]*viewBox="0 0 552 \d+" style="display:block;width:100%;max-width:552px;height:auto"/);
  assert.doesNotMatch(svg, /<svg[^>]* (width|height)=/);
  assert.doesNotMatch(svg, /script|href="(?!#|data:image\/png)|url\(|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
});

test("titles of users cannot break out", () => {
  const svg = drawMapGrid({ ...only(hill), title: hostile, rows: [hostile], columns: [hostile] });
  assertWellFormed(svg);
  drawMapGridPng({ ...only(hill), title: hostile, rows: [hostile], columns: ["日本語 ☃"] });
});

test("scales begin at 0: noise on a plateau looks like a plateau, and little evidence like little", async () => {
  const plateau = heatmap(6, 6, (y, x) => 5 + 1e-6 * ((y * 7 + x * 3) % 5));
  assert.deepEqual(scaleOf([plateau]), { colors: "inferno", low: 0, high: 5.000004 });
  const { data } = await firstImage(drawMapGrid(only(plateau)));
  const top = colormap("inferno", 1);
  for (let i = 0; i < data.length; i += 4) assert.deepEqual([...data.subarray(i, i + 3)], top);
  const svg = drawMapGrid({
    title: "t",
    columns: ["weak", "strong"],
    rows: [""],
    cells: [[{ map: heatmap(2, 2, () => 0.01) }, { map: heatmap(2, 2, (y) => y) }]],
  });
  const weak = (await firstImage(svg)).data;
  assert.deepEqual([...weak.subarray(0, 3)], colormap("inferno", 3 / 254));
});

test("signed maps diverge around 0, which is the middle whatever the range", async () => {
  const lopsided = heatmap(1, 5, (_, x) => [-1, 0, 0, 0, 4][x]!);
  assert.deepEqual(scaleOf([lopsided]), { colors: "diverging", low: -4, high: 4 });
  const { data, info } = await firstImage(drawMapGrid(only(lopsided)));
  const middle = 4 * (Math.floor(info.height / 2) * info.width + Math.floor(info.width / 2));
  assert.deepEqual([...data.subarray(middle, middle + 3)], colormap("diverging", 0.5));
  const [blue, white, red] = [0, 0.5, 1].map((t) => colormap("diverging", t));
  assert.ok(blue![2] > blue![0] + 80 && red![0] > red![2] + 80 && Math.min(...white!) > 235);
  // As far from 0, as dark.
  const light = ([r, g, b]: readonly number[]) =>
    0.2126 * (r! / 255) ** 2.2 + 0.7152 * (g! / 255) ** 2.2 + 0.0722 * (b! / 255) ** 2.2;
  for (const t of [0.1, 0.25, 0.4])
    assert.ok(
      Math.abs(Math.cbrt(light(colormap("diverging", t))) - Math.cbrt(light(colormap("diverging", 1 - t)))) < 0.05,
    );
});

test("a map that says nothing says so", async () => {
  assert.equal(captionOf(flat), "no positive evidence");
  assert.equal(captionOf(heatmap(2, 2, () => 0.25)), "no positive evidence (0.25 everywhere)");
  assert.equal(captionOf(heatmap(2, 2, (y) => -1 - y)), "no positive evidence (−2 to −1)");
  // A gate is no evidence.
  assert.equal(
    captionOf(
      heatmap(2, 2, () => 0.5),
      true,
    ),
    "constant: 0.5 everywhere",
  );
  assert.equal(
    captionOf(
      heatmap(2, 2, (y) => -1 - y),
      true,
    ),
    "−2 to −1",
  );
  const constant = heatmap(2, 2, () => 0);
  const gates = drawMapGrid(
    {
      title: "Gates",
      columns: ["channel", "strip", "spatial"],
      rows: ["a"],
      cells: [[{ channels: [1, 1] }, { rows: [0, 0] }, { map: constant, isGate: true }]],
    },
    { scale: "shared" },
  );
  assert.doesNotMatch(gates, /evidence/);
  assert.match(gates, /constant: 0 everywhere/);
  assert.equal(captionOf(heatmap(2, 2, () => Number.NaN)), "not a number");
  assert.equal(captionOf(signed), "−1 to 1");
  for (const map of [flat, heatmap(3, 5, () => Number.NaN)]) {
    const svg = drawMapGrid(only(map));
    const { data } = await firstImage(svg);
    assert.equal(
      new Set(Array.from({ length: data.length / 4 }, (_, i) => String(data.subarray(4 * i, 4 * i + 4)))).size,
      1,
    );
  }
  assert.match(drawMapGrid(only(flat)).replace(/<[^>]*>/g, " "), /no positive\s+evidence/);
});

test("what says nothing leaves the image as it is", async () => {
  const white: RgbImage = { width: 8, height: 8, pixels: new Uint8Array(192).fill(255) };
  const step = heatmap(8, 8, (_, x) => (x < 4 ? 0 : 1));
  const grid: MapGrid = { title: "t", columns: [""], rows: [""], cells: [[{ map: step, image: white }]] };
  const { data, info } = await sharp(drawMapGridPng(grid, { density: 1, cellSize: 64, opacity: 0.5 }))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const at = (y: number, x: number) => [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)];
  assert.deepEqual(at(40, 12), [255, 255, 255]);
  const [r, g, b] = colormap("inferno", 1);
  at(40, 68).forEach((value, c) => assert.ok(Math.abs(value - (255 + [r, g, b][c]!) / 2) <= 1));
});

test("a crop's map lies on the photograph where the network saw it, at every aspect", () => {
  for (const [width, height] of [
    [100, 60],
    [60, 100],
    [40, 40],
    [333, 47],
    [20, 30],
  ] as const)
    for (const { imageSize, resize } of [
      { imageSize: 32, resize: 40 },
      { imageSize: 32, resize: 32 },
    ]) {
      const own = { ...preprocessing, imageSize, resize };
      const region = inputRegion({ width, height }, own);
      // One bright spot in the middle of the crop, off center by an eighth of it.
      const [x, y] = [Math.floor(region.left + region.width * 0.625), Math.floor(region.top + region.height * 0.375)];
      const spot: RgbImage = { width, height, pixels: new Uint8Array(3 * width * height) };
      for (let c = 0; c < 3; c++) spot.pixels[(c * height + y) * width + x] = 255;
      const seen = seenImage(spot, own);
      const plane = Float64Array.from(seen.pixels.subarray(0, imageSize ** 2));
      assert.ok(
        plane.some((v) => v > 0),
        `${width}x${height}`,
      );
      const back = mapToPhotograph({ height: imageSize, width: imageSize, data: plane }, region, spot);
      let [sum, sumX, sumY] = [0, 0, 0];
      back.data.forEach((value, i) => {
        if (Number.isNaN(value)) return;
        [sum, sumX, sumY] = [sum + value, sumX + value * (i % width), sumY + value * Math.floor(i / width)];
      });
      const pixel = Math.max(1, region.width / imageSize);
      assert.ok(Math.abs(sumX / sum - x) < 0.6 * pixel, `${width}x${height}: x ${sumX / sum}, wanted ${x}`);
      assert.ok(Math.abs(sumY / sum - y) < 0.6 * pixel, `${width}x${height}: y ${sumY / sum}, wanted ${y}`);
      const outside = back.data.filter(Number.isNaN).length / back.data.length;
      const covered = (from: number, length: number, all: number) =>
        (Math.min(all, from + length) - Math.max(0, from)) / all;
      const share = 1 - covered(region.left, region.width, width) * covered(region.top, region.height, height);
      assert.ok(Math.abs(outside - share) < 0.05, `${width}x${height}: ${outside} outside, wanted ${share}`);
    }
});

test("contours run where the map crosses the level", () => {
  const disc = heatmap(64, 64, (y, x) => 20 - Math.hypot(y - 31.5, x - 31.5));
  const segments = contours(disc, 10);
  assert.ok(segments.length > 40);
  for (const [x1, y1, x2, y2] of segments)
    for (const [x, y] of [
      [x1, y1],
      [x2, y2],
    ] as const)
      assert.ok(Math.abs(Math.hypot(64 * x - 32, 64 * y - 32) - 10) < 0.1);
  assert.deepEqual(contours(flat, 0.5), []);
});

test("a row of a pairwise map", () => {
  const weights = Float64Array.from({ length: 36 }, (_, i) => i);
  assert.deepEqual([...pairwiseMap(weights, 2, 3, { row: 1, column: 2 }).data], [30, 31, 32, 33, 34, 35]);
  assert.throws(
    () => pairwiseMap(weights, 2, 3, { row: 2, column: 0 }),
    /position 2, 0 is not in the plane; rows are 0 to 1, columns 0 to 2/,
  );
  assert.throws(() => pairwiseMap(weights, 3, 3, { row: 0, column: 0 }), /plane of 3x3 has 81 pairs, got 36 numbers/);
});

test("an image that several cells show is in the file once", () => {
  const seen = seenImage(image, preprocessing);
  const grid = (count: number): MapGrid => ({
    title: "t",
    columns: Array.from({ length: count }, (_, i) => `m${i}`),
    rows: [""],
    cells: [Array.from({ length: count }, () => ({ map: hill, image: seen }))],
  });
  const svg = drawMapGrid(grid(6));
  assert.equal(svg.match(/<symbol/g)!.length, 1);
  assert.equal(svg.match(/<use/g)!.length, 6);
  assert.doesNotMatch(drawMapGrid(grid(1)), /<symbol/);
});

test("cells that do not fit are refused", () => {
  for (const [grid, message] of [
    [{ ...everything, rows: ["a"] }, /1 row titles, but 2 rows of cells/],
    [{ ...everything, columns: ["a"] }, /row 0 has 4 cells for 1 column titles/],
    [{ ...only(hill), cells: [[{}]] }, /cell 0, 0 must have a map, an image, channels, rows or columns/],
    [{ ...only(hill), cells: [[{ map: { ...hill, width: 5 } }]] }, /cell 0, 0 of 4x5 needs 20 values, got 16/],
    [
      { ...only(hill), cells: [[{ map: hill, image: { ...image, width: 7 } }]] },
      /an image of 7x60 must have 1260 bytes/,
    ],
    [{ ...only(hill), cells: [[{ channels: [] }]] }, /cell 0, 0 has no channels/],
  ] as const)
    assert.throws(() => drawMapGrid(grid as unknown as MapGrid), message);
  assert.throws(() => drawMapGrid(everything, { opacity: 2 }), /opacity must be from 0 to 1, got 2/);
  assert.throws(() => drawMapGrid(everything, { colours: "x" } as never), /unknown option "colours"/);
});

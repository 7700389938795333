import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";
import { Rng } from "../../src/core/rng.js";
import { colormap, drawHeatmap, encodePng, type HeatmapOptions } from "../../src/report/index.js";
import { assertSnapshot, assertWellFormed, hostile } from "./support.js";

const decode = async (bytes: Uint8Array) => sharp(bytes).ensureAlpha().raw().toBuffer({ resolveWithObject: true });

/** The images inside an SVG, decoded to RGBA. */
const images = (svg: string) =>
  Promise.all([...svg.matchAll(/base64,([^"]*)"/g)].map(([, text]) => decode(Buffer.from(text!, "base64"))));

test("PNG files hold the pixels they were given, beyond one stored block too", async () => {
  const rng = new Rng(1, "png");
  for (const [width, height] of [
    [1, 1],
    [3, 2],
    [21845, 1],
    [300, 200],
  ] as const) {
    const pixels = Uint8Array.from({ length: 3 * width * height }, () => rng.int(256));
    const bytes = encodePng({ width, height, pixels });
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    assert.deepEqual([info.width, info.height, info.channels], [width, height, 3]);
    assert.ok(data.equals(pixels));
  }
});

test("PNG files with a palette and transparency", async () => {
  const palette = Uint8Array.of(0, 0, 0, 10, 20, 30, 200, 100, 50);
  const image = { width: 3, height: 1, pixels: Uint8Array.of(2, 0, 1), palette, alpha: Uint8Array.of(0, 128) };
  assert.deepEqual([...(await decode(encodePng(image))).data], [200, 100, 50, 255, 0, 0, 0, 0, 10, 20, 30, 128]);
});

test("color maps are matplotlib's within a few levels, and ever brighter", () => {
  const known = {
    viridis: ["440154", "3b528b", "21918c", "5ec962", "fde725"],
    inferno: ["000004", "57106e", "bc3754", "f98e09", "fcffa4"],
  } as const;
  for (const name of ["viridis", "inferno"] as const) {
    known[name].forEach((hex, i) => {
      const wanted = [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
      colormap(name, i / 4).forEach((value, c) => assert.ok(Math.abs(value - wanted[c]!) <= 6, `${name} ${i / 4}`));
    });
    const light = Array.from({ length: 65 }, (_, i) => colormap(name, i / 64)).map(
      ([r, g, b]) => 0.21 * r + 0.72 * g + 0.07 * b,
    );
    light.slice(1).forEach((value, i) => assert.ok(value > light[i]! - 0.5));
  }
});

test("a heat map is drawn as before", () => {
  const over = { width: 2, height: 1, pixels: Uint8Array.of(255, 0, 0, 255, 0, 0) };
  const svg = drawHeatmap({ height: 1, width: 2, data: Float32Array.of(0, 1) }, { over, scale: 4, title: hostile });
  assertWellFormed(svg);
  assertSnapshot("heatmap.svg", svg);
});

test("the image lies beneath, the map is enlarged bilinearly over it", async () => {
  const pixels = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
  const svg = drawHeatmap({ height: 1, width: 2, data: [0, 1] }, { over: { width: 4, height: 1, pixels }, scale: 1 });
  const [image, map] = (await images(svg)) as [Awaited<ReturnType<typeof decode>>, Awaited<ReturnType<typeof decode>>];
  assert.deepEqual(
    [...image.data],
    [0, 1, 2, 3].flatMap((i) => [pixels[i], pixels[4 + i], pixels[8 + i], 255]),
  );
  const wanted = [0, 0.25, 0.75, 1].flatMap((t) => [...colormap("inferno", Math.round(t * 254) / 254), 255]);
  assert.deepEqual([...map.data], wanted); // as torch.nn.functional.interpolate([0, 1], 4, mode="linear") = 0, 0.25, 0.75, 1
});

test("what is not finite is transparent, a constant map has the middle color", async () => {
  const gaps = drawHeatmap({ height: 1, width: 3, data: [1, Number.NaN, Number.POSITIVE_INFINITY] }, { scale: 1 });
  assert.doesNotMatch(gaps, /NaN|Infinity|undefined/);
  const { data } = (await images(gaps))[0]!;
  assert.deepEqual([...data], [...colormap("inferno", 0.5), 255, 0, 0, 0, 0, 0, 0, 0, 0]);
  assertWellFormed(drawHeatmap({ height: 1, width: 1, data: [Number.NaN] }));
});

test("a fixed range makes maps comparable; the bar tells it", () => {
  const svg = drawHeatmap({ height: 1, width: 1, data: [0.0001] }, { range: [0, 2] });
  assert.deepEqual(
    [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map((m) => m[1]),
    ["2", "1", "0"],
  );
});

test("wrong sizes and options are refused", () => {
  const map = { height: 1, width: 2, data: [0, 1] };
  assert.throws(() => drawHeatmap({ ...map, width: 3 }), /drawHeatmap: a map of 1x3 needs 3 values, got 2/);
  assert.throws(
    () => drawHeatmap({ height: 0, width: 0, data: [] }),
    /map\.height must be an integer from 1 to 65535, got 0/,
  );
  assert.throws(
    () => drawHeatmap(map, { over: { width: 1, height: 1, pixels: new Uint8Array(4) } }),
    /an image of 1x1 needs 3/,
  );
  assert.throws(() => drawHeatmap(map, { opacity: 2 }), /opacity must be from 0 to 1, got 2/);
  assert.throws(() => drawHeatmap(map, { scale: 0 }), /scale must be/);
  assert.throws(() => drawHeatmap(map, { opactiy: 1 } as HeatmapOptions), /Did you mean "opacity"/);
  assert.throws(() => drawHeatmap(map, { colors: "virids" } as unknown as HeatmapOptions), /Did you mean "viridis"/);
});

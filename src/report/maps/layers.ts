import { check, fieldsOf, finite, positive, whole } from "../../core/schema.js";
import { checkHeatmap, type Heatmap, resizeHeatmap } from "../../explain/heatmap.js";
import type { PlanarImage } from "../heatmap.js";
import type { PngImage } from "../png.js";
import { alphaOf, type ColorScale, paletteOf, paletteSteps, positionOn } from "./scale.js";
import type { Region, Segment } from "./scene.js";

const side = whole(1, 65_535);
const sizeSchema = fieldsOf<{ width: number; height: number }>({ width: side, height: side }, "{ width, height }");
const regionSchema = fieldsOf<Region>(
  { left: finite, top: finite, width: positive, height: positive },
  "a region, { left, top, width, height }",
);

/** A map as colors. NaN is transparent. */
export function mapLayer(map: Heatmap, scale: ColorScale, opacity: number | null, finest: number): PngImage {
  const fine = enlarged(map, finest);
  const pixels = Uint8Array.from(fine.data, (value) =>
    Number.isFinite(value) ? 1 + Math.round(positionOn(scale, value) * (paletteSteps - 1)) : 0,
  );
  const alpha = opacity === null ? Uint8Array.of(0) : alphaOf(scale, opacity);
  return { width: fine.width, height: fine.height, pixels, palette: paletteOf(scale.colors), alpha };
}

/** A map upsampled bilinearly to about `finest` values on its longer side; one that is fine enough stays as it is. */
export function enlarged(map: Heatmap, finest: number): Heatmap {
  const times = Math.floor(finest / Math.max(map.height, map.width));
  return times > 1 ? resizeHeatmap(map, map.height * times, map.width * times) : map;
}

/** An image as interleaved RGB, shrunk so that its longer side has at most `most` pixels: each is the mean of those it covers. */
export function imageLayer({ width, height, pixels }: PlanarImage, most: number): PngImage {
  const shrink = Math.min(1, most / Math.max(width, height));
  const [w, h] = [Math.max(1, Math.round(width * shrink)), Math.max(1, Math.round(height * shrink))];
  const rgb = new Uint8Array(3 * w * h);
  const bounds = (i: number, from: number, to: number) =>
    [
      Math.floor((i * from) / to),
      Math.max(Math.floor((i * from) / to) + 1, Math.floor(((i + 1) * from) / to)),
    ] as const;
  for (let y = 0; y < h; y++) {
    const [top, bottom] = bounds(y, height, h);
    for (let x = 0; x < w; x++) {
      const [left, right] = bounds(x, width, w);
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let row = top; row < bottom; row++)
          for (let column = left; column < right; column++) sum += pixels[(c * height + row) * width + column]!;
        rgb[3 * (y * w + x) + c] = Math.round(sum / ((bottom - top) * (right - left)));
      }
    }
  }
  return { width: w, height: h, pixels: rgb };
}

/**
 * The map of a crop on the whole photo: bilinear, and NaN where the network saw nothing.
 *
 * @param region what the map covers, in pixels of the photo, from `inputRegion`
 */
export function mapToPhotograph(
  map: Heatmap,
  region: Region,
  photograph: { readonly width: number; readonly height: number },
): Heatmap {
  checkHeatmap("mapToPhotograph", "map", map);
  check("mapToPhotograph", "region", regionSchema, region);
  check("mapToPhotograph", "photograph", sizeSchema, photograph);
  const { width, height } = photograph;
  const data = new Float64Array(width * height).fill(Number.NaN);
  for (let y = 0; y < height; y++) {
    const v = ((y + 0.5 - region.top) / region.height) * map.height;
    if (v < 0 || v > map.height) continue;
    for (let x = 0; x < width; x++) {
      const u = ((x + 0.5 - region.left) / region.width) * map.width;
      if (u >= 0 && u <= map.width) data[y * width + x] = sample(map, v - 0.5, u - 0.5);
    }
  }
  return { height, width, data };
}

function sample({ height, width, data }: Heatmap, y: number, x: number): number {
  const [v, u] = [Math.min(height - 1, Math.max(0, y)), Math.min(width - 1, Math.max(0, x))];
  const [top, left] = [Math.floor(v), Math.floor(u)];
  const [bottom, right] = [Math.min(height - 1, top + 1), Math.min(width - 1, left + 1)];
  const row = (at: number) => data[at * width + left]! * (1 - (u - left)) + data[at * width + right]! * (u - left);
  return row(top) * (1 - (v - top)) + row(bottom) * (v - top);
}

/** Contours of a map at a level, in the unit square (marching squares on the upsampled map, values at pixel centers). */
export function contours(map: Heatmap, level: number): Segment[] {
  const { height, width, data } = enlarged(map, 48);
  const segments: Segment[] = [];
  for (let y = 0; y + 1 < height; y++)
    for (let x = 0; x + 1 < width; x++) {
      const corners = [
        [x, y],
        [x + 1, y],
        [x + 1, y + 1],
        [x, y + 1],
      ] as const;
      const values = corners.map(([cx, cy]) => data[cy * width + cx]!);
      if (!values.every(Number.isFinite)) continue;
      const crossings: [number, number][] = [];
      for (let k = 0; k < 4; k++) {
        const [a, b] = [values[k]!, values[(k + 1) % 4]!];
        if (a > level === b > level) continue;
        const part = (level - a) / (b - a);
        const [from, to] = [corners[k]!, corners[(k + 1) % 4]!];
        crossings.push([from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])]);
      }
      for (let k = 0; k + 1 < crossings.length; k += 2) {
        const [[x1, y1], [x2, y2]] = [crossings[k]!, crossings[k + 1]!];
        segments.push([(x1 + 0.5) / width, (y1 + 0.5) / height, (x2 + 0.5) / width, (y2 + 0.5) / height]);
      }
    }
  return segments;
}

/** An image of at most `most` pixels a side, plane by plane. */
export function planarLayer(image: PlanarImage, most: number): PlanarImage {
  const { width, height, pixels } = imageLayer(image, most);
  const area = width * height;
  return {
    width,
    height,
    pixels: Uint8Array.from({ length: 3 * area }, (_, i) => pixels[(i % area) * 3 + Math.floor(i / area)]!),
  };
}

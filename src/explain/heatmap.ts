import { ShapeError } from "../core/errors.js";
import { mapSide, type StoredMap } from "../core/findings.js";
import { check, fieldsOf, instance, type Schema, whole } from "../core/schema.js";
import { enlarge } from "./enlarge.js";

/** A map over the plane of an image, row by row: signed, in the units of its method, at the resolution of its layer. */
export interface Heatmap {
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
  /** `height * width` values. */
  readonly data: Float64Array;
}

const side = whole(1, 65_535);
const heatmapSchema: Schema<Heatmap> = fieldsOf<Heatmap>(
  { height: side, width: side, data: instance(Float64Array, "a Float64Array") },
  "a map, { height, width, data }",
);

/** @throws OptionError if `value` is not a map. @throws ShapeError if it does not have `height * width` values. */
export function checkHeatmap(where: string, name: string, value: unknown): void {
  check(where, name, heatmapSchema, value);
  const { height, width, data } = value as Heatmap;
  if (data.length !== height * width)
    throw new ShapeError(`${where}: ${name} of ${height}x${width} needs ${height * width} values, got ${data.length}`);
}

/**
 * The map at another size, bilinear with half-pixel centers: PyTorch's `interpolate` with `align_corners=False`, without antialiasing.
 * Values beyond the outermost centers are those of the centers.
 *
 * @example
 * resizeHeatmap({ height: 1, width: 2, data: Float64Array.of(0, 1) }, 1, 4).data; // 0, 0.25, 0.75, 1
 *
 * @throws OptionError, ShapeError if it is not a map, or a side is not from 1 to 65535.
 */
export function resizeHeatmap(map: Heatmap, height: number, width: number): Heatmap {
  checkHeatmap("resizeHeatmap", "map", map);
  check("resizeHeatmap", "height", side, height);
  check("resizeHeatmap", "width", side, width);
  const data = enlarge(map.data, [map.height, map.width], [height, width]);
  return { height, width, data };
}

/** A map with as many digits as are seen, at most 64 a side. */
export function storedMap(map: Heatmap): StoredMap {
  const shrink = Math.min(1, mapSide / Math.max(map.height, map.width));
  const [height, width] = [map.height, map.width].map((n) => Math.max(1, Math.round(n * shrink))) as [number, number];
  return { height, width, data: Array.from(resizeHeatmap(map, height, width).data, fiveDigits) };
}

/** A number as it is stored. */
export const fiveDigits = (value: number): number => Number(value.toPrecision(5));

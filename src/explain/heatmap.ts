import { ShapeError } from "../core/errors.js";
import { check, fieldsOf, instance, type Schema, whole } from "../core/schema.js";

/** A map over the plane of an image, row by row: signed, in the units of its method, at the resolution of its layer. */
export interface Heatmap {
  readonly height: number;
  readonly width: number;
  /** `height * width` values. */
  readonly data: Float64Array;
}

const side = whole(1, 65_535);
const heatmapSchema: Schema<Heatmap> = fieldsOf<Heatmap>(
  { height: side, width: side, data: instance(Float64Array, "a Float64Array") },
  "a map, { height, width, data }",
);

/** @throws OptionError if `value` is no map. @throws ShapeError if it does not have `height * width` values. */
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
 * @throws OptionError, ShapeError if it is no map, or a side is not from 1 to 65535.
 */
export function resizeHeatmap(map: Heatmap, height: number, width: number): Heatmap {
  checkHeatmap("resizeHeatmap", "map", map);
  check("resizeHeatmap", "height", side, height);
  check("resizeHeatmap", "width", side, width);
  if (height === map.height && width === map.width) return { height, width, data: map.data.slice() };
  const rows = neighbors(map.height, height);
  const columns = neighbors(map.width, width);
  const data = new Float64Array(height * width);
  for (let y = 0; y < height; y++) {
    const above = rows.first[y]! * map.width;
    const below = rows.second[y]! * map.width;
    for (let x = 0; x < width; x++) {
      const [left, right, part] = [columns.first[x]!, columns.second[x]!, columns.part[x]!];
      const upper = mix(map.data[above + left]!, map.data[above + right]!, part);
      const lower = mix(map.data[below + left]!, map.data[below + right]!, part);
      data[y * width + x] = mix(upper, lower, rows.part[y]!);
    }
  }
  return { height, width, data };
}

/** For each of `to` positions along a side of `from` values: the two values around it, and how far it lies towards the second. */
function neighbors(from: number, to: number): { first: Int32Array; second: Int32Array; part: Float64Array } {
  const first = new Int32Array(to);
  const second = new Int32Array(to);
  const part = new Float64Array(to);
  for (let i = 0; i < to; i++) {
    const position = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    first[i] = Math.floor(position);
    second[i] = Math.min(from - 1, first[i]! + 1);
    part[i] = position - first[i]!;
  }
  return { first, second, part };
}

function mix(a: number, b: number, part: number): number {
  return part === 0 ? a : a * (1 - part) + b * part;
}

import { OptionError, ShapeError } from "../../core/errors.js";
import type { Heatmap } from "../../explain/heatmap.js";

/**
 * What one position of a plane attends to: a row of a pairwise map, as a map.
 *
 * @param weights P × P numbers, P = height · width, row by row: row p is what position p takes from all positions
 *
 * @throws ShapeError if there are not P × P numbers. @throws OptionError for a position outside of the plane.
 *
 * @example
 * const cell = { map: pairwiseMap(weights, 8, 8, { row: 2, column: 5 }), image, position: { row: 2, column: 5 } };
 */
export function pairwiseMap(
  weights: ArrayLike<number>,
  height: number,
  width: number,
  { row, column }: { readonly row: number; readonly column: number },
): Heatmap {
  const positions = height * width;
  if (weights.length !== positions ** 2)
    throw new ShapeError(
      `pairwiseMap: a plane of ${height}x${width} has ${positions ** 2} pairs, got ${weights.length} numbers`,
    );
  const inside = (at: number, length: number) => Number.isInteger(at) && at >= 0 && at < length;
  if (!inside(row, height) || !inside(column, width))
    throw new OptionError(
      `pairwiseMap: position ${row}, ${column} is not in the plane; rows are 0 to ${height - 1}, columns 0 to ${width - 1}`,
    );
  const start = (row * width + column) * positions;
  return { height, width, data: Float64Array.from({ length: positions }, (_, i) => weights[start + i]!) };
}

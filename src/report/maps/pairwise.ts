import { OptionError, ShapeError } from "../../core/errors.js";
import { check, fieldsOf, numberList, whole } from "../../core/schema.js";
import type { Heatmap } from "../../explain/heatmap.js";

const side = whole(1, 65_535);
const positionSchema = fieldsOf<{ row: number; column: number }>(
  { row: whole(0), column: whole(0) },
  "a position, { row, column }",
);

/**
 * What one position attends to: a row of a pairwise map, as a map.
 *
 * @param weights P × P numbers, P = height · width, row by row: row p is what position p attends to
 *
 * @throws ShapeError if there are not P × P numbers. @throws OptionError for a position outside the plane.
 *
 * @example
 * const cell = { map: pairwiseMap(weights, 8, 8, { row: 2, column: 5 }), image, position: { row: 2, column: 5 } };
 */
export function pairwiseMap(
  weights: ArrayLike<number>,
  height: number,
  width: number,
  position: { readonly row: number; readonly column: number },
): Heatmap {
  check("pairwiseMap", "weights", numberList, weights);
  check("pairwiseMap", "height", side, height);
  check("pairwiseMap", "width", side, width);
  check("pairwiseMap", "position", positionSchema, position);
  const { row, column } = position;
  const positions = height * width;
  if (weights.length !== positions ** 2)
    throw new ShapeError(
      `pairwiseMap: a plane of ${height}x${width} has ${positions ** 2} pairs, got ${weights.length} numbers`,
    );
  if (row >= height || column >= width)
    throw new OptionError(
      `pairwiseMap: position ${row}, ${column} is not in the plane; rows are 0 to ${height - 1}, columns 0 to ${width - 1}`,
    );
  const start = (row * width + column) * positions;
  return { height, width, data: Float64Array.from({ length: positions }, (_, i) => weights[start + i]!) };
}

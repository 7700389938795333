import { DataError, ShapeError } from "../core/errors.js";

/** Positions by increasing distance, the first if tied. */
export const nearest = (row: ArrayLike<number>): number[] =>
  Array.from(row, (_, i) => i).sort((a, b) => row[a]! - row[b]! || a - b);

/** Square of the Euclidean distance between features. */
export function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

/** Euclidean distances from one image to others. */
export const distances = (from: Float64Array, to: readonly Float64Array[]): Float64Array =>
  Float64Array.from(to, (other) => Math.sqrt(squaredDistance(from, other)));

/** @throws ShapeError unless there are `rows × columns` distances. @throws DataError for NaN. */
export function requireDistances(
  owner: string,
  what: string,
  values: ArrayLike<number>,
  rows: number,
  columns: number,
): void {
  if (values.length !== rows * columns)
    throw new ShapeError(`${owner}: ${what} must be ${rows} × ${columns} numbers, got ${values.length}`);
  for (let i = 0; i < values.length; i++)
    if (Number.isNaN(values[i])) throw new DataError(`${owner}: ${what}[${i}] is NaN`);
}

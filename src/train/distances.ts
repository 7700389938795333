import { DataError, ShapeError } from "../core/errors.js";

/** Positions by increasing distance, the first if tied. */
export const nearest = (row: ArrayLike<number>): number[] =>
  Array.from(row, (_, i) => i).sort((a, b) => row[a]! - row[b]! || a - b);

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

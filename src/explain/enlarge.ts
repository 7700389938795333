import type { Floats } from "../core/tensor.js";
import { resampleOp } from "../ops/resample.js";

/** How maps are upsampled, both bilinear: with half-pixel centers, or with aligned corners. */
export type Enlargement = "half-pixel" | "align-corners";

/** A plane, row by row, resampled with the operator that networks use. */
export function enlarge(
  data: Float64Array,
  [height, width]: readonly [number, number],
  [toHeight, toWidth]: readonly [number, number],
  how: Enlargement = "half-pixel",
): Float64Array {
  const axis = (from: number, to: number) =>
    ({ kind: "linear", alignCorners: how === "align-corners", from, to }) as const;
  const x = { dtype: "float64", shape: [1, 1, height, width], data } as const;
  const [y] = resampleOp.run([x], { rows: axis(height, toHeight), columns: axis(width, toWidth), transposed: false });
  return y!.data;
}

/** The smallest and the largest number. */
export function rangeOf(data: Floats): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of data) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

import { resampleOp } from "../ops/resample.js";

/** How maps are enlarged, both bilinear: with half-pixel centers, or with corners on corners. */
export type Enlargement = "half-pixel" | "align-corners";

/** Planes [C·h·w] at another size, by the definition of the operator that networks use. */
export function enlarge(
  data: Float64Array,
  [channels, height, width]: readonly [number, number, number],
  [toHeight, toWidth]: readonly [number, number],
  how: Enlargement = "half-pixel",
): Float64Array {
  const axis = (from: number, to: number) =>
    ({ kind: "linear", alignCorners: how === "align-corners", from, to }) as const;
  const x = { dtype: "float64", shape: [1, channels, height, width], data } as const;
  const [y] = resampleOp.run([x], { rows: axis(height, toHeight), columns: axis(width, toWidth), transposed: false });
  return y!.data;
}

/** The least and the greatest number. */
export function rangeOf(data: Float64Array): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of data) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

import type { Tensor } from "../core/tensor.js";
import { toFloat64 } from "../core/tensor.js";

/** The largest magnitude among the elements; 0 for an empty array. */
export function magnitude({ data }: Tensor<"float64">): number {
  return data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
}

/**
 * The largest difference of two arrays, relative to the largest magnitude of `expected` (absolute if that is 0).
 * Infinite if the shapes differ or exactly one of two elements is NaN.
 */
export function relativeError(actual: Tensor, expected: Tensor, least = 0): number {
  if (actual.shape.length !== expected.shape.length || actual.shape.some((d, i) => d !== expected.shape[i]))
    return Number.POSITIVE_INFINITY;
  const [a, b] = [toFloat64(actual), toFloat64(expected)];
  let worst = 0;
  for (let i = 0; i < a.data.length; i++) {
    const difference = Math.abs(a.data[i]! - b.data[i]!);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    worst = Math.max(worst, difference);
  }
  return worst / (Math.max(magnitude(b), least) || 1);
}

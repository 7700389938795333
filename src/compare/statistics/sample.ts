import { OptionError } from "../../core/errors.js";

/** An interval from the lower to the upper bound. */
export type Interval = readonly [low: number, high: number];

/** The mean; NaN of nothing. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** Standard deviation of a sample, with n − 1. */
export function deviation(values: ArrayLike<number>): number {
  const center = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - center) ** 2;
  return Math.sqrt(sum / (values.length - 1));
}

/** The quantile p of numbers, linear between order statistics (type 7, NumPy's default). */
export function quantile(values: ArrayLike<number>, p: number): number {
  requireSome("quantile", values, 1);
  const sorted = Float64Array.from(values).sort();
  const at = p * (sorted.length - 1);
  const below = Math.floor(at);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low + (at - below) * (high - low);
}

/** Ranks from 1 for the smallest; equal numbers share the mean of theirs. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const result = new Array<number>(values.length);
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let i = start; i < end; i++) result[order[i]!] = (start + 1 + end) / 2;
  }
  return result;
}

/** Differences a − b of pairs. @throws OptionError unless there are as many of both. */
export function differences(where: string, a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length) throw new OptionError(`${where}: needs pairs, got ${a.length} and ${b.length} values`);
  return a.map((x, i) => x - b[i]!);
}

/** @throws OptionError unless there are at least `least` values, all of them finite. */
export function requireSome(where: string, values: ArrayLike<number>, least: number): void {
  if (values.length < least)
    throw new OptionError(
      `${where}: needs at least ${least} ${least === 1 ? "value" : "values"}, got ${values.length}`,
    );
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i])) throw new OptionError(`${where}: value ${i} is ${values[i]}`);
}

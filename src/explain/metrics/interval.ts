import { Rng } from "../../core/rng.js";
import {
  seed as anySeed,
  check,
  options as fields,
  maybe,
  properShare,
  type Schema,
  whole,
} from "../../core/schema.js";

/** A mean over images with its confidence interval. */
export interface Interval {
  /** The mean of the values that are not NaN. */
  readonly mean: number;
  /** NaN with fewer than two values, like `high`. */
  readonly low: number;
  /** The upper end. */
  readonly high: number;
  /** Number of values that are not NaN. */
  readonly count: number;
}

export interface IntervalOptions {
  /** Number of bootstrap resamples. Default 2000. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly level?: number;
  /** Default 0. */
  readonly seed?: number;
}

export const intervalFields = {
  resamples: maybe(whole(1, 1_000_000)),
  level: maybe(properShare),
  seed: maybe(anySeed),
};
export const intervalOptions: Schema<IntervalOptions> = fields<IntervalOptions>(intervalFields);

/**
 * Means over images with percentile bootstrap intervals: images are resampled with replacement, the same for all columns. NaN values
 * of a column are left out.
 *
 * @param columns each with one value per image
 *
 * @example
 * const [pointing] = meanIntervals([hits]); // { mean: 0.81, low: 0.77, high: 0.84, count: 500 }
 */
export function meanIntervals(columns: readonly ArrayLike<number>[], options: IntervalOptions = {}): Interval[] {
  check("meanIntervals", "options", intervalOptions, options);
  const { resamples = 2000, level = 0.95, seed = 0 } = options;
  const images = columns[0]?.length ?? 0;
  const all = Uint32Array.from({ length: images }, (_, i) => i);
  const drawn = columns.map(() => new Float64Array(resamples));
  const chosen = new Uint32Array(images);
  for (let r = 0; r < resamples; r++) {
    const rng = new Rng(seed, "bootstrap", r);
    for (let i = 0; i < images; i++) chosen[i] = rng.int(images);
    columns.forEach((column, c) => {
      drawn[c]![r] = meanOf(column, chosen);
    });
  }
  return columns.map((column, c) => {
    const count = all.reduce((n, i) => n + (Number.isNaN(column[i]) ? 0 : 1), 0);
    const sorted = drawn[c]!.filter((value) => !Number.isNaN(value)).sort();
    const at = (share: number) => (count < 2 ? Number.NaN : quantile(sorted, share));
    return { mean: meanOf(column, all), low: at((1 - level) / 2), high: at((1 + level) / 2), count };
  });
}

/** Mean of the values at some positions, without NaN; NaN if there are none. */
function meanOf(column: ArrayLike<number>, positions: Uint32Array): number {
  let [sum, count] = [0, 0];
  for (const i of positions) {
    const value = column[i]!;
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return count ? sum / count : Number.NaN;
}

/** Linear between order statistics, like numpy's default. */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
}

import { OptionError } from "../../core/errors.js";
import { Rng } from "../../core/rng.js";
import { chiSquareTail, tQuantile, tTail } from "./distributions.js";
import { deviation, differences, type Interval, mean, ranks, requireSome } from "./sample.js";

/** mean ± t · s / √n: the confidence interval of the mean of a normal sample. */
export function tInterval(values: readonly number[], confidence = 0.95): Interval {
  requireSome("tInterval", values, 2);
  const half = (tQuantile((1 + confidence) / 2, values.length - 1) * deviation(values)) / Math.sqrt(values.length);
  return [mean(values) - half, mean(values) + half];
}

/** Result of a paired t test. */
export interface PairedT {
  /** Mean of a − b. */
  readonly mean: number;
  /** The t interval of the mean. */
  readonly interval: Interval;
  /** NaN where all differences are 0: there is nothing to test. */
  readonly t: number;
  /** Two-sided; 1 where all differences are 0. */
  readonly p: number;
}

/** The paired t test of a − b. */
export function pairedT(a: readonly number[], b: readonly number[], confidence = 0.95): PairedT {
  const d = differences("pairedT", a, b);
  requireSome("pairedT", d, 2);
  const [center, spread] = [mean(d), deviation(d)];
  const t = (center * Math.sqrt(d.length)) / spread;
  return {
    mean: center,
    interval: tInterval(d, confidence),
    t,
    p: center === 0 ? 1 : 2 * tTail(Math.abs(t), d.length - 1),
  };
}

/** The two-sided p of Welch's t test: two unpaired samples with different variances. */
export function welchP(a: readonly number[], b: readonly number[]): number {
  requireSome("welchP", a, 2);
  requireSome("welchP", b, 2);
  const [va, vb] = [deviation(a) ** 2 / a.length, deviation(b) ** 2 / b.length];
  const difference = mean(a) - mean(b);
  if (difference === 0) return 1;
  const df = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1));
  return va + vb === 0 ? 0 : 2 * tTail(Math.abs(difference) / Math.sqrt(va + vb), df);
}

/** Pairs that {@link wilcoxonP} counts exactly. */
const mostPairs = 400;

/** The exact two-sided p of Wilcoxon's signed-rank test of a − b. Differences of 0 are left out; equal ones share their ranks. */
export function wilcoxonP(a: readonly number[], b: readonly number[]): number {
  const d = differences("wilcoxonP", a, b).filter((x) => x !== 0);
  if (d.length > mostPairs) throw new OptionError(`wilcoxonP: takes at most ${mostPairs} pairs, got ${d.length}`);
  // Twice the ranks are whole numbers.
  const doubled = ranks(d.map(Math.abs)).map((rank) => 2 * rank);
  const total = doubled.reduce((sum, rank) => sum + rank, 0);
  const positive = doubled.reduce((sum, rank, i) => sum + (d[i]! > 0 ? rank : 0), 0);
  let chances = new Float64Array(total + 1);
  chances[0] = 1;
  for (const rank of doubled)
    chances = chances.map((chance, sum) => 0.5 * (chance + (sum >= rank ? chances[sum - rank]! : 0)));
  const least = Math.min(positive, total - positive);
  return Math.min(1, 2 * chances.subarray(0, least + 1).reduce((sum, chance) => sum + chance, 0));
}

/** With more pairs than this, the sign-flip test draws flips instead of enumerating them. */
const exactFlips = 20;
const drawnFlips = 100_000;

/**
 * The two-sided p of the sign-flip (permutation) test of a − b: the share of the 2ⁿ ways to set the signs of the differences whose mean
 * is at least as far from 0. It assumes no distribution. With more than 20 pairs, 100,000 ways are drawn: (k + 1) / (100,000 + 1).
 */
export function signFlipP(a: readonly number[], b: readonly number[]): number {
  const d = differences("signFlipP", a, b);
  requireSome("signFlipP", d, 1);
  const sum = d.reduce((total, x) => total + x, 0);
  // What rounding may make of equal sums.
  const bound = Math.abs(sum) - 1e-12 * d.reduce((total, x) => total + Math.abs(x), 0);
  if (d.length > exactFlips) {
    const rng = new Rng(0, "sign-flip", d.length);
    let extreme = 0;
    for (let k = 0; k < drawnFlips; k++) {
      const flipped = d.reduce((total, x) => total + (rng.uint32() & 1 ? x : -x), 0);
      if (Math.abs(flipped) >= bound) extreme++;
    }
    return (extreme + 1) / (drawnFlips + 1);
  }
  // Half of them: to flip all signs changes nothing.
  let extreme = 0;
  const count = 2 ** (d.length - 1);
  for (let flips = 0; flips < count; flips++) {
    let flipped = 0;
    for (let i = 0; i < d.length; i++) flipped += (flips >>> i) & 1 ? -d[i]! : d[i]!;
    if (Math.abs(flipped) >= bound) extreme++;
  }
  return extreme / count;
}

/** The smallest p that an exact two-sided sign-flip or signed-rank test of n pairs can give: 2 / 2ⁿ. */
export const leastP = (n: number): number => Math.min(1, 2 ** (1 - n));

/**
 * Friedman's test that all rows of `scores` are alike, where columns are blocks (seeds): p of chi-square, corrected for ties, and the mean
 * rank of each row, 1 for the largest score.
 */
export function friedman(scores: readonly (readonly number[])[]): { readonly p: number; readonly ranks: number[] } {
  const rows = scores.length;
  const columns = scores[0]?.length ?? 0;
  if (rows < 2 || columns < 2 || scores.some((row) => row.length !== columns))
    throw new OptionError("friedman: needs at least two rows of equal length, of at least two scores");
  const sums = new Array<number>(rows).fill(0);
  let ties = 0;
  for (let c = 0; c < columns; c++) {
    const block = ranks(scores.map((row) => -row[c]!));
    block.forEach((rank, r) => {
      sums[r]! += rank;
    });
    for (const rank of new Set(block)) {
      const t = block.filter((other) => other === rank).length;
      ties += t ** 3 - t;
    }
  }
  const correction = 1 - ties / (columns * (rows ** 3 - rows));
  const squares = sums.reduce((total, sum) => total + sum ** 2, 0);
  const statistic = ((12 / (columns * rows * (rows + 1))) * squares - 3 * columns * (rows + 1)) / correction;
  return { p: correction === 0 ? 1 : chiSquareTail(statistic, rows - 1), ranks: sums.map((sum) => sum / columns) };
}

/**
 * The difference that a paired t test of n pairs detects with the given power, if the differences have the standard deviation `sd`:
 * (t(1 − α/2) + t(power)) · sd / √n, with n − 1 degrees of freedom. With Holm's correction over m tests, α is 0.05 / m.
 */
export function smallestDetectable(sd: number, n: number, { alpha = 0.05, power = 0.8 } = {}): number {
  if (!(n >= 2)) throw new OptionError(`smallestDetectable: needs at least 2 pairs, got ${n}`);
  return ((tQuantile(1 - alpha / 2, n - 1) + tQuantile(power, n - 1)) * sd) / Math.sqrt(n);
}

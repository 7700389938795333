import { holm } from "./statistics/adjust.js";
import { deviation, type Interval, mean } from "./statistics/sample.js";
import { pairedT, smallestDetectable } from "./statistics/tests.js";
import { fewestSeeds } from "./units.js";

/** A training with a seed, and the score by which it is compared; of one that diverged, that of a guess. */
export interface SeedScore {
  /** The seed of weights, order and augmentation. */
  readonly seed: number;
  /** Such as the share of correct answers; the larger, the better. */
  readonly score: number;
  /** Whether the loss or the weights stopped being finite. */
  readonly diverged: boolean;
}

/** How trainings differ from others, seed by seed, so that what a seed does to all of them cancels. */
export interface SeedDifference {
  /** Seeds that both have. */
  readonly pairs: number;
  /** The mean over them: own minus the baseline's. */
  readonly mean: number;
  /** 95 % t interval over seeds; null with fewer than three. */
  readonly interval: Interval | null;
  /** Of the two-sided paired t test. */
  readonly p: number | null;
  /** The same with Holm's correction over all rows of the comparison. */
  readonly pHolm: number | null;
  /** The difference that these seeds would have found in 80 % of cases, at 5 % divided by the number of tests. */
  readonly detectable: number | null;
  /** Mean difference without trainings that diverged; null if none did. */
  readonly withoutDiverged: number | null;
}

type Pair = readonly [own: SeedScore, base: SeedScore];

const pairsOf = (own: readonly SeedScore[], base: readonly SeedScore[]): Pair[] =>
  own.flatMap((score) => {
    const other = base.find(({ seed }) => seed === score.seed);
    return other ? [[score, other] as const] : [];
  });

const gainsOf = (pairs: readonly Pair[]) => pairs.map(([own, base]) => own.score - base.score);

/** The difference from a baseline before {@link correctedForTests}; null without a seed in common. */
export function seedDifference(own: readonly SeedScore[], base: readonly SeedScore[]): SeedDifference | null {
  const pairs = pairsOf(own, base);
  if (pairs.length === 0) return null;
  const [a, b] = [pairs.map(([one]) => one.score), pairs.map(([, other]) => other.score)];
  const test = pairs.length >= fewestSeeds ? pairedT(a, b) : null;
  const finished = pairs.filter((pair) => !pair.some(({ diverged }) => diverged));
  return {
    pairs: pairs.length,
    mean: mean(gainsOf(pairs)),
    interval: test?.interval ?? null,
    p: test?.p ?? null,
    pHolm: null,
    detectable: null,
    withoutDiverged: finished.length === pairs.length || finished.length === 0 ? null : mean(gainsOf(finished)),
  };
}

/**
 * The rows with Holm's correction over all tests, and the smallest detectable differences.
 *
 * @param scoresOf the trainings of a row and those of its baseline
 */
export function correctedForTests<R extends { readonly difference: SeedDifference | null }>(
  rows: readonly R[],
  scoresOf: (row: R) => readonly [own: readonly SeedScore[], base: readonly SeedScore[]],
): R[] {
  const tested = rows.filter((row) => typeof row.difference?.p === "number");
  const adjusted = holm(tested.map((row) => row.difference!.p!));
  const alpha = 0.05 / tested.length;
  return rows.map((row) => {
    const at = tested.indexOf(row);
    if (at < 0) return row;
    const gains = gainsOf(pairsOf(...scoresOf(row)));
    const detectable = smallestDetectable(deviation(gains), gains.length, { alpha });
    return { ...row, difference: { ...row.difference!, pHolm: adjusted[at]!, detectable } };
  });
}

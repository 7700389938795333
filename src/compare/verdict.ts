import type { SeedDifference } from "./paired.js";
import { fewestSeeds } from "./units.js";

/** A share as percentage points, such as `+0.4` or `−1.2`. */
export const points = (share: number, signed = false, decimals = 2): string => {
  const text = (100 * share).toFixed(decimals);
  const plain = Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
  return signed && Number(text) > 0 ? `+${plain}` : plain;
};

export const pText = (p: number): string => (p < 0.001 ? "p < .001" : `p = ${p.toFixed(3).replace(/^0/, "")}`);

/** A row of a comparison, as far as its verdict needs it. */
export interface JudgedRow {
  /** Its name. */
  readonly entrant: string;
  /** Why its network cannot be built. */
  readonly misfit: string | null;
  /** Trainings that are done. */
  readonly seeds: number;
  /** Those of them that diverged. */
  readonly diverged: number;
  /** Trainings that are not done yet. */
  readonly missing: number;
  /** Null for the baseline. */
  readonly difference: SeedDifference | null;
}

/** The verdict on a row, in words. */
export function verdict(row: JudgedRow, base: string): string {
  const { misfit, difference, seeds, missing, diverged, entrant } = row;
  if (misfit !== null) return `does not fit: ${misfit}`;
  if (seeds === 0) return missing > 0 ? "not done yet" : "no unit";
  const sentences: string[] = [];
  if (difference) sentences.push(...differenceText(row, base));
  else if (entrant !== base) sentences.push("no seed in common with the baseline yet");
  else if (seeds < fewestSeeds) sentences.push(`${seedsText(seeds)}: no interval with fewer than ${fewestSeeds}`);
  if (diverged > 0) {
    const without =
      typeof difference?.withoutDiverged === "number"
        ? `; without them the difference is ${points(difference.withoutDiverged, true)} points`
        : "";
    sentences.push(`${diverged} of ${seeds} diverged, counted as random guesses${without}`);
  }
  if (missing > 0) sentences.push(`${missing} not done yet`);
  return sentences.join(". ");
}

const seedsText = (n: number) => `${n} ${n === 1 ? "seed" : "seeds"}`;

function differenceText({ difference }: JudgedRow, base: string): string[] {
  const { pairs, mean, interval, pHolm, detectable } = difference!;
  if (!interval || pHolm === null)
    return [
      `${points(mean, true)} points from ${base} in ${seedsText(pairs)}: no interval with fewer than ${fewestSeeds}`,
    ];
  const [low, high] = interval;
  const range = `${points(low, true)} to ${points(high, true)}`;
  const sentences =
    pHolm < 0.05
      ? [
          `${mean > 0 ? "better" : "worse"} than ${base} by ${points(Math.abs(mean))} points (${range}), ${pText(pHolm)} after Holm`,
        ]
      : [
          `no difference larger than ${points(Math.max(Math.abs(low), Math.abs(high)))} points (${range}), ${pText(pHolm)} after Holm`,
        ];
  if (pHolm >= 0.05 && detectable !== null)
    sentences.push(`${seedsText(pairs)} had 80 % power to detect ${points(detectable)}`);
  return sentences;
}

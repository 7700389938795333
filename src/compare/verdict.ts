import { isShare, type MainScore, mainScores } from "../core/tasks.js";
import type { SeedDifference } from "./paired.js";
import { fewestSeeds } from "./units.js";

const fixed = (value: number, signed: boolean, decimals: number): string => {
  const text = value.toFixed(decimals);
  const plain = Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
  return signed && Number(text) > 0 ? `+${plain}` : plain;
};

/** A share as percentage points, such as `+0.4` or `−1.2`. */
export const points = (share: number, signed = false, decimals = 2): string => fixed(100 * share, signed, decimals);

/** How scores are written. */
export interface Scale {
  /** The score with its unit, for headings. */
  readonly heading: string;
  /** After a score, and after a difference of two. */
  readonly unit: string;
  readonly points: string;
  /** By how much numbers in drawings are larger. */
  readonly factor: number;
  /** A score or difference without its unit. */
  text(score: number, signed?: boolean): string;
  /** What trainings that diverged count as. */
  readonly guess: string;
}

/** Shares are written in percent and their differences in points, R² as it is. */
export const scaleOf = (measure: MainScore): Scale =>
  isShare(measure)
    ? {
        heading: `${mainScores[measure]} %`,
        unit: " %",
        points: " points",
        factor: 100,
        text: points,
        guess: "random guesses",
      }
    : {
        heading: mainScores[measure],
        unit: "",
        points: "",
        factor: 1,
        text: (score, signed = false) => fixed(score, signed, 3),
        guess: "the mean of the targets",
      };

export const pText = (p: number): string => (p < 0.001 ? "p < .001" : `p = ${p.toFixed(3).replace(/^0/, "")}`);

/** A row of a comparison, as far as its verdict needs it. */
export interface JudgedRow {
  /** Its name. */
  readonly entrant: string;
  /** What its scores are. Default: `top1`. */
  readonly measure?: MainScore;
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
  const { misfit, difference, seeds, missing, diverged, entrant, measure = "top1" } = row;
  const scale = scaleOf(measure);
  const { text, points, guess } = scale;
  if (misfit !== null) return `does not fit: ${misfit}`;
  if (seeds === 0) return missing > 0 ? "not done yet" : "no unit";
  const sentences: string[] = [];
  if (difference) sentences.push(...differenceText(difference, base, scale));
  else if (entrant !== base) sentences.push("no seed in common with the baseline yet");
  else if (seeds < fewestSeeds) sentences.push(`${seedsText(seeds)}: no interval with fewer than ${fewestSeeds}`);
  if (diverged > 0) {
    const without =
      typeof difference?.withoutDiverged === "number"
        ? `; without them the difference is ${text(difference.withoutDiverged, true)}${points}`
        : "";
    sentences.push(`${diverged} of ${seeds} diverged, counted as ${guess}${without}`);
  }
  if (missing > 0) sentences.push(`${missing} not done yet`);
  return sentences.join(". ");
}

const seedsText = (n: number) => `${n} ${n === 1 ? "seed" : "seeds"}`;

function differenceText(difference: SeedDifference, base: string, { text, points }: Scale): string[] {
  const { pairs, mean, interval, pHolm, detectable } = difference;
  if (!interval || pHolm === null)
    return [
      `${text(mean, true)}${points} from ${base} in ${seedsText(pairs)}: no interval with fewer than ${fewestSeeds}`,
    ];
  const [low, high] = interval;
  const range = `${text(low, true)} to ${text(high, true)}`;
  const sentences =
    pHolm < 0.05
      ? [
          `${mean > 0 ? "better" : "worse"} than ${base} by ${text(Math.abs(mean))}${points} (${range}), ${pText(pHolm)} after Holm`,
        ]
      : [
          `no difference larger than ${text(Math.max(Math.abs(low), Math.abs(high)))}${points} (${range}), ${pText(pHolm)} after Holm`,
        ];
  if (pHolm >= 0.05 && detectable !== null)
    sentences.push(`${seedsText(pairs)} had 80 % power to detect ${text(detectable)}`);
  return sentences;
}

import { DataError, FoveaError, ShapeError } from "../core/errors.js";
import type { ClassificationMetrics } from "../core/evaluation.js";
import { check, classList, numberList, shown, whole } from "../core/schema.js";

/** log Σ exp of logits, without overflow. */
export function logSumExp(logits: ArrayLike<number>): number {
  check("logSumExp", "logits", numberList, logits);
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) top = Math.max(top, logits[i]!);
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i]! - top);
  return top + Math.log(total);
}

/** Softmax of the logits. */
export function probabilities(logits: ArrayLike<number>): number[] {
  check("probabilities", "logits", numberList, logits);
  const shift = logSumExp(logits);
  return Array.from(logits, (z) => Math.exp(z - shift));
}

/** The positions of the `k` largest numbers, largest first; the first if tied. NaN comes last. */
export function topIndices(values: ArrayLike<number>, k: number): number[] {
  check("topIndices", "values", numberList, values);
  check("topIndices", "k", whole(0), k);
  return Array.from(values, (_, i) => i)
    .sort((a, b) => compare(values[b]!, values[a]!) || a - b)
    .slice(0, k);
}

function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Counts predictions one by one. The prediction is the largest logit, the first if tied; ranks below follow the same rule. */
export class Tally {
  readonly #classes: readonly string[];
  readonly #confusion: number[][];
  #loss = 0;
  #top5 = 0;
  #count = 0;

  constructor(classes: readonly string[]) {
    check("Tally", "classes", classList, classes);
    this.#classes = classes;
    this.#confusion = classes.map(() => classes.map(() => 0));
  }

  /** @throws ShapeError if the number of logits is not that of classes. @throws FoveaError if one is NaN or ±Infinity. */
  add(logits: ArrayLike<number>, label: number): void {
    check("Tally", "logits", numberList, logits);
    if (logits.length !== this.#classes.length)
      throw new ShapeError(`Tally: the model has ${logits.length} classes, the data set has ${this.#classes.length}`);
    if (!Array.from(logits).every(Number.isFinite))
      throw new FoveaError(`Tally: logits are not finite: ${Array.from(logits).slice(0, 4)}`);
    if (!Number.isInteger(label) || label < 0 || label >= this.#classes.length)
      throw new DataError(`Tally: label ${shown(label)} is not one of ${this.#classes.length} classes`);
    const best = topIndices(logits, 5);
    this.#count++;
    this.#confusion[label]![best[0]!]!++;
    if (best.includes(label)) this.#top5++;
    this.#loss += logSumExp(logits) - logits[label]!;
  }

  /** The metrics so far. */
  metrics(): ClassificationMetrics {
    const confusion = this.#confusion;
    const diagonal = confusion.reduce((sum, row, i) => sum + row[i]!, 0);
    return {
      count: this.#count,
      top1: diagonal / this.#count,
      top5: this.#top5 / this.#count,
      loss: this.#loss / this.#count,
      classes: this.#classes.map((name, i) => {
        const count = confusion[i]!.reduce((a, b) => a + b, 0);
        const predicted = confusion.reduce((sum, row) => sum + row[i]!, 0);
        const correct = confusion[i]![i]!;
        return {
          name,
          count,
          correct,
          precision: predicted ? correct / predicted : null,
          recall: count ? correct / count : null,
        };
      }),
      confusion,
    };
  }
}

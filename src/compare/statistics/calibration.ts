import { OptionError } from "../../core/errors.js";

/** A bin of predictions by their confidence. NaN where it is empty. */
export interface CalibrationBin {
  /** Number of predictions. */
  readonly count: number;
  /** Share of correct predictions. */
  readonly accuracy: number;
  /** Mean probability of the predicted classes. */
  readonly confidence: number;
}

/** Whether a network's confidence matches its accuracy. */
export interface Calibration {
  /** Expected calibration error (Guo et al., 2017): Σ share of the bin · |accuracy − confidence|, over 15 bins (lo, hi] of equal width. */
  readonly ece: number;
  /** The same over 15 bins of equal count. */
  readonly adaptiveEce: number;
  /** The largest gap of an equal-width bin. */
  readonly mce: number;
  /** Mean over images of Σ over classes (probability − target)². */
  readonly brier: number;
  /** Mean −ln probability of the label, in nats. */
  readonly nll: number;
  /** The bins of equal width. */
  readonly bins: readonly CalibrationBin[];
}

const binCount = 15;

/** Collects logits image by image. */
export class CalibrationTally {
  readonly #confidences: number[] = [];
  readonly #right: boolean[] = [];
  #brier = 0;
  #nll = 0;

  /** Adds the logits and the label of one image. */
  add(logits: ArrayLike<number>, label: number): void {
    let best = 0;
    for (let k = 1; k < logits.length; k++) if (logits[k]! > logits[best]!) best = k;
    const largest = logits[best]!;
    let total = 0;
    for (let k = 0; k < logits.length; k++) total += Math.exp(logits[k]! - largest);
    for (let k = 0; k < logits.length; k++) {
      const probability = Math.exp(logits[k]! - largest) / total;
      this.#brier += (probability - (k === label ? 1 : 0)) ** 2;
    }
    this.#nll += Math.log(total) + largest - logits[label]!;
    this.#confidences.push(1 / total);
    this.#right.push(best === label);
  }

  /** @throws OptionError if there were no images. */
  result(): Calibration {
    const n = this.#confidences.length;
    if (n === 0) throw new OptionError("calibration: needs at least one image");
    const all = Array.from({ length: n }, (_, i) => i);
    const binOf = all.map((i) => Math.min(binCount, Math.max(1, Math.ceil(this.#confidences[i]! * binCount))) - 1);
    const bins = Array.from({ length: binCount }, (_, b) => this.#bin(all.filter((i) => binOf[i] === b)));
    const sorted = all.toSorted((a, b) => this.#confidences[a]! - this.#confidences[b]!);
    const adaptive = splitEvenly(sorted, binCount).map((part) => this.#bin(part));
    return {
      ece: expected(bins, n),
      adaptiveEce: expected(adaptive, n),
      mce: Math.max(...bins.filter(({ count }) => count > 0).map(gap)),
      brier: this.#brier / n,
      nll: this.#nll / n,
      bins,
    };
  }

  #bin(indices: readonly number[]): CalibrationBin {
    let [right, confidence] = [0, 0];
    for (const i of indices) {
      right += this.#right[i] ? 1 : 0;
      confidence += this.#confidences[i]!;
    }
    return { count: indices.length, accuracy: right / indices.length, confidence: confidence / indices.length };
  }
}

const gap = ({ accuracy, confidence }: CalibrationBin) => Math.abs(accuracy - confidence);

const expected = (bins: readonly CalibrationBin[], n: number): number =>
  bins.reduce((sum, bin) => sum + (bin.count ? (bin.count / n) * gap(bin) : 0), 0);

/** Parts whose sizes differ by at most one, the larger first, as NumPy's array_split. */
function splitEvenly<T>(items: readonly T[], parts: number): T[][] {
  const [size, larger] = [Math.floor(items.length / parts), items.length % parts];
  let start = 0;
  return Array.from({ length: parts }, (_, p) => items.slice(start, (start += size + (p < larger ? 1 : 0))));
}

/** Calibration of a classifier from the logits of all images, [n][classes], and their labels. */
export function calibration(logits: readonly ArrayLike<number>[], labels: ArrayLike<number>): Calibration {
  if (logits.length !== labels.length)
    throw new OptionError(`calibration: needs a label for each image, got ${labels.length} for ${logits.length}`);
  const tally = new CalibrationTally();
  logits.forEach((row, i) => {
    tally.add(row, labels[i]!);
  });
  return tally.result();
}

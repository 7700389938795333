import { OptionError } from "../../core/errors.js";
import { Rng } from "../../core/rng.js";
import { normalCdf, normalQuantile } from "./distributions.js";
import { type Interval, mean, quantile, requireSome } from "./sample.js";

/** Resamples: positions in a sample of `size`, one list after another. */
export interface Resamples {
  /** Size of the sample, and of each resample. */
  readonly size: number;
  /** Positions in the sample, one resample after another. */
  readonly indices: ArrayLike<number>;
}

/** Draws resamples with replacement. Equal seeds give equal ones. */
export function drawResamples(size: number, count: number, seed: number): Resamples {
  const rng = new Rng(seed, "bootstrap", size);
  return { size, indices: Int32Array.from({ length: count * size }, () => rng.int(size)) };
}

/** The means of the resamples of a sample. */
function resampledMeans(values: readonly number[], { size, indices }: Resamples): Float64Array {
  if (size !== values.length)
    throw new OptionError(`bootstrap: the resamples are of ${size} values, the sample has ${values.length}`);
  return Float64Array.from({ length: indices.length / size }, (_, r) => {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += values[indices[r * size + i]!]!;
    return sum / size;
  });
}

/** Percentile interval of the mean. */
export function percentileInterval(values: readonly number[], resamples: Resamples, confidence = 0.95): Interval {
  requireSome("percentileInterval", values, 2);
  return between(resampledMeans(values, resamples), confidence);
}

const between = (means: Float64Array, confidence: number): Interval => [
  quantile(means, (1 - confidence) / 2),
  quantile(means, (1 + confidence) / 2),
];

/**
 * Bias-corrected and accelerated interval of the mean (Efron 1987): the bias from the share of resampled means below the mean (equal ones
 * count half), the acceleration from the jackknife.
 */
export function bcaInterval(values: readonly number[], resamples: Resamples, confidence = 0.95): Interval {
  requireSome("bcaInterval", values, 2);
  const means = resampledMeans(values, resamples);
  const center = mean(values);
  const share = means.reduce((sum, m) => sum + (m < center ? 1 : m === center ? 0.5 : 0), 0) / means.length;
  const z0 = normalQuantile(share);
  const left = values.map((_, i) => mean(values.filter((_, j) => j !== i)));
  const middle = mean(left);
  const cubes = left.reduce((sum, m) => sum + (middle - m) ** 3, 0);
  const squares = left.reduce((sum, m) => sum + (middle - m) ** 2, 0);
  const acceleration = squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
  const level = (p: number) => {
    const z = z0 + normalQuantile(p);
    return normalCdf(z0 + z / (1 - acceleration * z));
  };
  if (!Number.isFinite(z0)) return between(means, confidence);
  return [quantile(means, level((1 - confidence) / 2)), quantile(means, level((1 + confidence) / 2))];
}

/**
 * Percentile interval of a mean over seeds × images, both redrawn in each resample: what other seeds and other test images might have
 * given. `rows[s][i]` is the value of seed s for image i, for example 1, 0 or −1 if two networks are compared.
 */
export function crossedInterval(
  rows: readonly ArrayLike<number>[],
  { count = 1000, seed = 0, confidence = 0.95 } = {},
): Interval {
  const images = rows[0]?.length ?? 0;
  if (rows.length < 2 || images < 2 || rows.some((row) => row.length !== images))
    throw new OptionError("crossedInterval: needs at least two rows of equal length, of at least two images");
  const rng = new Rng(seed, "bootstrap", rows.length, images);
  const weights = new Float64Array(images);
  const means = Float64Array.from({ length: count }, () => {
    weights.fill(0);
    for (let i = 0; i < images; i++) weights[rng.int(images)]!++;
    let sum = 0;
    for (let s = 0; s < rows.length; s++) {
      const row = rows[rng.int(rows.length)]!;
      for (let i = 0; i < images; i++) sum += weights[i]! * row[i]!;
    }
    return sum / (rows.length * images);
  });
  return between(means, confidence);
}

import { OptionError } from "../../core/errors.js";
import { Rng } from "../../core/rng.js";
import { tensor } from "../../core/tensor.js";
import { enlarge, rangeOf } from "../enlarge.js";
import type { Finding, Subject } from "../subject.js";
import { scoreOf } from "../targets.js";
import { type AttributionOptions, baselineOf, requireShape } from "./options.js";
import { gradientsAt } from "./path.js";

/** The sum of an attribution [C·H·W] over channels. */
export function overColors(attribution: Float64Array, [channels, height, width]: readonly number[]) {
  const data = new Float64Array(height! * width!);
  for (let i = 0; i < channels! * data.length; i++) data[i % data.length]! += attribution[i]!;
  return { height: height!, width: width!, data };
}

/**
 * SmoothGrad (Smilkov et al., 2017): the mean of gradients at noisy copies of the image, of their squares, or their variance. The noise's
 * standard deviation is `sigma` · (largest − smallest input value).
 */
export async function smoothGrad(
  subject: Subject,
  variant: "mean" | "mean-of-squares" | "variance",
  { sigma: share = 0.15, samples = 25, seed = 0, noise }: AttributionOptions,
): Promise<Finding> {
  const { probe, head, target } = subject;
  const { image } = head;
  const given = noise && requireShape("noise", noise, [null, ...probe.inputShape]);
  const count = noise ? noise.shape[0]! : samples;
  const [least, most] = rangeOf(image);
  const sigma = share * (most - least);
  const sums = new Float64Array(image.length);
  const squares = new Float64Array(image.length);
  for (let start = 0; start < count; start += probe.batch) {
    const portion = Math.min(probe.batch, count - start);
    const gradients = await gradientsAt(subject, target, portion, (i, into) => {
      const rng = new Rng(seed, "smoothgrad", start + i);
      for (let k = 0; k < into.length; k++)
        into[k] = image[k]! + (given ? given[(start + i) * image.length + k]! : sigma * rng.normal());
    });
    for (const gradient of gradients)
      gradient.forEach((v, k) => {
        sums[k]! += v;
        squares[k]! += v * v;
      });
  }
  const mean = sums.map((v) => v / count);
  const attribution =
    variant === "mean"
      ? mean
      : variant === "mean-of-squares"
        ? squares.map((v) => v / count)
        : squares.map((v, k) => v / count - mean[k]! ** 2);
  return {
    map: overColors(attribution, probe.inputShape),
    attribution,
    settings: given ? { samples: count } : { sigma, samples: count, seed },
  };
}

/** Where occlusion windows begin along a side: the last one may overhang. */
const starts = (side: number, window: number, stride: number): number[] =>
  Array.from({ length: Math.ceil((side - window) / stride) + 1 }, (_, i) => i * stride);

/**
 * Occlusion (Zeiler and Fergus, 2014): how much the score drops where a window shows the baseline instead; every pixel gets the mean over
 * the windows that cover it.
 */
export async function occlusion(subject: Subject, options: AttributionOptions): Promise<Finding> {
  const { probe, head, target } = subject;
  const [, height, width] = probe.inputShape as [number, number, number];
  const shorter = Math.min(height, width);
  const { window = Math.max(1, Math.round(shorter / 8)), stride = Math.max(1, Math.floor(window / 2)) } = options;
  if (window > shorter)
    throw new OptionError(`occlusion: a window of ${window} pixels does not fit an input of ${height}×${width}`);
  if (stride > window)
    throw new OptionError(
      `occlusion: a stride of ${stride} leaves gaps between windows of ${window} pixels; use at most ${window}`,
    );
  const baseline = baselineOf(subject, options);
  const [tops, lefts] = [starts(height, window, stride), starts(width, window, stride)];
  const covered = (k: number, top: number, left: number) => {
    const [y, x] = [Math.floor(k / width) % height, k % width];
    return y >= top && y < top + window && x >= left && x < left + window;
  };
  const placeOf = (i: number) => [tops[Math.floor(i / lefts.length)]!, lefts[i % lefts.length]!] as const;
  const logits = await probe.forward(tops.length * lefts.length, (i, into) => {
    const [top, left] = placeOf(i);
    for (let k = 0; k < into.length; k++) into[k] = covered(k, top, left) ? baseline[k]! : head.image[k]!;
  });
  const y = target.value(head.logits);
  const data = Float64Array.from(logits, (z) => y - target.value(z));
  const [sums, counts] = [new Float64Array(height * width), new Float64Array(height * width)];
  data.forEach((drop, i) => {
    const [top, left] = placeOf(i);
    for (let row = top; row < Math.min(height, top + window); row++)
      for (let column = left; column < Math.min(width, left + window); column++) {
        sums[row * width + column]! += drop;
        counts[row * width + column]! += 1;
      }
  });
  return {
    map: { height, width, data: sums.map((v, k) => v / counts[k]!) },
    settings: { window, stride },
    samples: tensor("float64", [tops.length, lefts.length], data),
  };
}

/**
 * RISE (Petsiuk et al., 2018): Σ over random masks M of the probability for the masked image · M, divided by masks · `keep` like the authors
 * (`authors`), or by the sum of the masks at each pixel, which does not darken the edges (`normalized`).
 */
export async function rise(
  subject: Subject,
  variant: "authors" | "normalized",
  { samples = 1000, seed = 0, cells = 7, keep = 0.5, masks }: AttributionOptions,
): Promise<Finding> {
  const { probe, head, aim, score } = subject;
  const [, height, width] = probe.inputShape as [number, number, number];
  const pixels = height * width;
  const given = masks && requireShape("masks", masks, [null, height, width]);
  const count = masks ? masks.shape[0]! : samples;
  const maskOf = (i: number) =>
    given
      ? given.subarray(i * pixels, (i + 1) * pixels)
      : randomMask(new Rng(seed, "rise", i), cells, keep, height, width);
  const target = scoreOf(score === "logit" ? "probability" : score, aim);
  const scores = new Float64Array(count);
  const [sums, shown] = [new Float64Array(pixels), new Float64Array(pixels)];
  for (let start = 0; start < count; start += probe.batch) {
    const portion = Array.from({ length: Math.min(probe.batch, count - start) }, (_, i) => maskOf(start + i));
    const logits = await probe.forward(portion.length, (i, into) => {
      for (let k = 0; k < into.length; k++) into[k] = head.image[k]! * portion[i]![k % pixels]!;
    });
    portion.forEach((mask, i) => {
      const value = target.value(logits[i]!);
      scores[start + i] = value;
      for (let k = 0; k < pixels; k++) {
        sums[k]! += value * mask[k]!;
        shown[k]! += mask[k]!;
      }
    });
  }
  const data = sums.map((v, k) => (variant === "authors" ? v / (count * keep) : shown[k] === 0 ? 0 : v / shown[k]!));
  return {
    map: { height, width, data },
    settings: given ? { samples: count } : { samples: count, seed, cells, keep },
    samples: tensor("float64", [count], scores),
  };
}

/** Cells kept with probability `keep`, one more than `cells` along each side, upsampled and shifted by less than one cell. */
function randomMask(rng: Rng, cells: number, keep: number, height: number, width: number): Float64Array {
  const [tall, wide] = [Math.ceil(height / cells), Math.ceil(width / cells)];
  const grid = Float64Array.from({ length: (cells + 1) ** 2 }, () => (rng.uniform() < keep ? 1 : 0));
  const [top, left] = [rng.int(tall), rng.int(wide)];
  const size = [(cells + 1) * tall, (cells + 1) * wide] as const;
  const large = enlarge(grid, [cells + 1, cells + 1], size);
  return Float64Array.from(
    { length: height * width },
    (_, k) => large[(Math.floor(k / width) + top) * size[1] + (k % width) + left]!,
  );
}

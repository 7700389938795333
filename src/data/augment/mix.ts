import { Rng } from "../../core/rng.js";
import type { Box } from "../resample.js";

/** How images of a batch are mixed: Beta distributions' α, and how often. */
export interface Mixing {
  readonly mixup?: number;
  readonly cutmix?: number;
  readonly mixProbability?: number;
}

/** What a batch's images hold besides their own: each the one before it, the first the last one. */
export interface MixedLabels {
  /** `[batch]`: labels of the images mixed in. */
  readonly labels: Int32Array;
  /** The share that each image keeps, and with it its own label. */
  readonly share: number;
}

/**
 * A sample of Beta(α, α): X / (X + Y) of two gamma samples (Marsaglia and Tsang, 2000). In logarithms, since those of a small α are often
 * smaller than any float.
 */
export function betaSample(alpha: number, rng: Rng): number {
  const [x, y] = [logGamma(alpha, rng), logGamma(alpha, rng)];
  return 1 / (1 + Math.exp(y - x));
}

/** The logarithm of a sample of Gamma(α). */
function logGamma(alpha: number, rng: Rng): number {
  // Gamma(α) is Gamma(α + 1) · U^(1/α).
  if (alpha < 1) return logGamma(alpha + 1, rng) + Math.log((rng.uint32() + 0.5) / 2 ** 32) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = rng.normal();
    const v = (1 + c * normal) ** 3;
    const u = (rng.uint32() + 0.5) / 2 ** 32;
    if (v > 0 && Math.log(u) < normal ** 2 / 2 + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/** CutMix's box for a share λ that is to stay: of sides √(1 − λ), around any pixel, cut off at the border. */
export function cutBox(share: number, size: number, rng: Rng): Box {
  const half = Math.floor(Math.floor(size * Math.sqrt(1 - share)) / 2);
  const along = () => {
    const center = rng.int(size);
    const start = Math.max(0, center - half);
    return [start, Math.min(size, center + half) - start] as const;
  };
  const [[left, width], [top, height]] = [along(), along()];
  return { left, top, width, height };
}

/**
 * Mixes a batch of planes [batch, 3, S, S] in place, as torchvision's RandomMixup and RandomCutMix do: each image with the one before it. One share
 * for the whole batch; with both kinds each batch is of either. Undefined where nothing is mixed.
 */
export function mixBatch(
  { mixup = 0, cutmix = 0, mixProbability = 1 }: Mixing,
  images: Float32Array,
  labels: Int32Array,
  size: number,
  address: ConstructorParameters<typeof Rng>,
): MixedLabels | undefined {
  if (mixup === 0 && cutmix === 0) return undefined;
  const rng = new Rng(...address);
  if (rng.uniform() >= mixProbability) return undefined;
  const cut = cutmix > 0 && (mixup === 0 || rng.uniform() < 0.5);
  const drawn = betaSample(cut ? cutmix : mixup, rng);
  const box = cut ? cutBox(drawn, size, rng) : undefined;
  const share = box ? 1 - (box.width * box.height) / size ** 2 : drawn;
  const length = 3 * size ** 2;
  const last = images.slice(-length);
  for (let i = labels.length - 1; i >= 0; i--) {
    const own = images.subarray(i * length, (i + 1) * length);
    const other = i === 0 ? last : images.subarray((i - 1) * length, i * length);
    if (box) paste(other, own, box, size);
    else for (let k = 0; k < length; k++) own[k] = own[k]! * share + other[k]! * (1 - share);
  }
  return { labels: labels.map((_, i) => labels.at(i - 1)!), share };
}

/** Copies a box of an image [3, S, S]. */
function paste(from: Float32Array, to: Float32Array, { left, top, width, height }: Box, size: number): void {
  for (let c = 0; c < 3; c++)
    for (let y = top; y < top + height; y++) {
      const row = (c * size + y) * size + left;
      to.set(from.subarray(row, row + width), row);
    }
}

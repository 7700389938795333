import { DataError } from "../../core/errors.js";
import { check, options as fields, maybe, nonNegative, type Schema } from "../../core/schema.js";
import { checkMask, type Mask } from "../../data/masks.js";
import type { Heatmap } from "../heatmap.js";
import { ranks } from "./correlation.js";
import { isConstant, mapOver, rankPositions } from "./ranking.js";

/** How well a map locates an object. */
export interface Located {
  /** The pointing game (Zhang et al., 2016): whether the largest value lies in the object. The first if tied; a constant map misses. */
  readonly pointing: boolean;
  /** Chance of a hit for a random position: the share of the mask, dilated by the tolerance. */
  readonly chance: number;
  /** Share of the positive values that lies in the object (Wang et al., 2020, "Score-CAM"). NaN if nothing is positive. */
  readonly energy: number;
  /** Share of the k largest values that lie in the object, k being its number of pixels; ties in order of position. */
  readonly rankAccuracy: number;
  /** The largest intersection over union of the object and the thresholded map, over all thresholds. */
  readonly bestIou: number;
  /** Probability that a position in the object has a larger value than one outside, ties counting half. */
  readonly auc: number;
  /** Share of the object in the image: chance for `energy` and `rankAccuracy`. */
  readonly share: number;
}

export interface LocateOptions {
  /** Pointing counts as a hit within this many pixels of the object. Default 0; Zhang et al. use 15 for photographs. */
  readonly tolerance?: number;
}

export const locateOptions: Schema<LocateOptions> = fields<LocateOptions>({ tolerance: maybe(nonNegative) });

/** Whether a mask locates something: neither empty nor the whole image. */
export function isUsableMask({ data }: Mask): boolean {
  return data.some((inside) => inside !== 0) && data.some((inside) => inside === 0);
}

/**
 * How well a map locates an object. The map is upsampled to the mask.
 *
 * @throws DataError if the mask is empty or covers the whole image.
 *
 * @example
 * const { pointing, chance, energy, share } = locate(map, mask);
 * energy / share; // 1 is chance
 */
export function locate(map: Heatmap, mask: Mask, options: LocateOptions = {}): Located {
  checkMask("locate", "mask", mask);
  check("locate", "options", locateOptions, options);
  if (!isUsableMask(mask))
    throw new DataError("locate: the mask is empty or covers the whole image; such images must be left out");
  const { tolerance = 0 } = options;
  const { height, width } = mask;
  const values = mapOver("locate", map, height, width);
  const inside = Uint8Array.from(mask.data, (value) => (value ? 1 : 0));
  const area = inside.reduce((a, b) => a + b, 0);
  const near = tolerance > 0 ? dilated(inside, height, width, tolerance) : inside;
  const order = rankPositions(values);
  return {
    pointing: !isConstant(values) && near[order[0]!] === 1,
    chance: near.reduce((a, b) => a + b, 0) / near.length,
    energy: energyInside(values.data, inside),
    rankAccuracy: order.subarray(0, area).reduce((sum, at) => sum + inside[at]!, 0) / area,
    bestIou: bestIou(values.data, order, inside, area),
    auc: areaUnderCurve(values.data, inside, area),
    share: area / inside.length,
  };
}

function energyInside(values: Float64Array, inside: Uint8Array): number {
  let [within, total] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const positive = Math.max(0, values[i]!);
    total += positive;
    if (inside[i]) within += positive;
  }
  return total > 0 ? within / total : Number.NaN;
}

function bestIou(values: Float64Array, order: Uint32Array, inside: Uint8Array, area: number): number {
  let [best, hits] = [0, 0];
  for (let i = 0; i < order.length; i++) {
    hits += inside[order[i]!]!;
    // A threshold takes all equal values or none.
    if (i + 1 < order.length && values[order[i + 1]!] === values[order[i]!]) continue;
    best = Math.max(best, hits / (i + 1 + area - hits));
  }
  return best;
}

/** Mann–Whitney's U over the number of pairs. */
function areaUnderCurve(values: Float64Array, inside: Uint8Array, area: number): number {
  const sum = ranks(values).reduce((total, rank, i) => total + (inside[i] ? rank : 0), 0);
  return (sum - (area * (area + 1)) / 2) / (area * (values.length - area));
}

/** The mask dilated by `tolerance` pixels, from center to center. */
function dilated(inside: Uint8Array, height: number, width: number, tolerance: number): Uint8Array {
  const result = new Uint8Array(inside.length);
  const reach = Math.floor(tolerance);
  const half = Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.floor(Math.sqrt(tolerance ** 2 - (i - reach) ** 2)),
  );
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (!inside[y * width + x]) continue;
      for (let dy = -reach; dy <= reach; dy++) {
        if (y + dy < 0 || y + dy >= height) continue;
        const row = (y + dy) * width;
        const [left, right] = [Math.max(0, x - half[dy + reach]!), Math.min(width - 1, x + half[dy + reach]!)];
        result.fill(1, row + left, row + right + 1);
      }
    }
  return result;
}

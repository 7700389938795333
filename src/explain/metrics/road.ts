import { Rng } from "../../core/rng.js";
import {
  seed as anySeed,
  check,
  options as fields,
  list,
  maybe,
  nonNegative,
  properShare,
  type Schema,
} from "../../core/schema.js";
import type { Heatmap } from "../heatmap.js";
import { impute } from "./impute.js";
import { type ClassScores, classScores, type Example, type LogitsOf, planesOf } from "./logits.js";
import { mapOver, rankPositions } from "./ranking.js";

export interface RoadOptions {
  /** Shares of the pixels to remove, each between 0 and 1. Default 0.1, 0.3, 0.5, 0.7, 0.9. */
  readonly fractions?: readonly number[];
  /** Standard deviation of the noise added to imputed values, in the units of the input. Default 0.01, like the authors. */
  readonly noise?: number;
  /** Seed of the noise. Default 0. */
  readonly seed?: number;
}

/** A network's scores for a class after shares of an image were removed. */
export interface Road {
  readonly fractions: readonly number[];
  /** Most relevant first: the better the map, the faster the score falls. */
  readonly morf: ClassScores;
  /** Least relevant first: the better the map, the longer the score stays. */
  readonly lerf: ClassScores;
  /** Mean over the fractions of (LeRF − MoRF) / 2, of probabilities. Above 0 the map ranks what matters. */
  readonly combined: number;
}

/** @internal */
export const roadFields = {
  fractions: maybe(list(properShare, "a list of shares between 0 and 1", 1)),
  noise: maybe(nonNegative),
  seed: maybe(anySeed),
};
export const roadOptions: Schema<RoadOptions> = fields<RoadOptions>(roadFields);

/**
 * ROAD, "remove and debias" (Rong et al., 2022): pixels are removed in the order of a map, largest first (MoRF) and smallest first (LeRF),
 * and imputed from their neighbors, so that the shape of the hole does not leak the class. Removes the nearest whole number of pixels
 * to each share, even if many values are equal: the order is stable, and LeRF is MoRF reversed.
 *
 * @example
 * (await road(logitsOf, { input, target: 3 }, map)).combined;
 */
export async function road(
  logitsOf: LogitsOf,
  example: Example,
  map: Heatmap,
  options: RoadOptions = {},
): Promise<Road> {
  check("road", "options", roadOptions, options);
  const { fractions = [0.1, 0.3, 0.5, 0.7, 0.9], noise = 0.01, seed = 0 } = options;
  const { shape } = planesOf("road", example);
  const order = rankPositions(mapOver("road", map, shape[1], shape[2]));
  const orders = [order, order.slice().reverse()];
  const count = fractions.length;
  const make = (k: number) =>
    removed(example, orders[Math.floor(k / count)]!, fractions[k % count]!, noise, new Rng(seed, "road", k % count));
  const all = await classScores(logitsOf, 2 * count, make, shape, example.target);
  const [morf, lerf] = [0, count].map(
    (from): ClassScores => ({
      logits: all.logits.slice(from, from + count),
      probabilities: all.probabilities.slice(from, from + count),
      best: all.best.slice(from, from + count),
    }),
  ) as [ClassScores, ClassScores];
  const gaps = fractions.map((_, i) => (lerf.probabilities[i]! - morf.probabilities[i]!) / 2);
  return { fractions, morf, lerf, combined: gaps.reduce((a, b) => a + b) / gaps.length };
}

/** How many of `pixels` to remove for a share: from none to all but one. */
export const removedCount = (fraction: number, pixels: number): number =>
  Math.min(pixels - 1, Math.round(fraction * pixels));

/** The input without the first share of `order`: these pixels are imputed, plus noise. */
export function removed(example: Example, order: Uint32Array, fraction: number, noise: number, rng: Rng): Float64Array {
  const { data, shape, plane } = planesOf("road", example);
  const missing = order.subarray(0, removedCount(fraction, plane));
  const filled = impute(data, shape[1], shape[2], missing);
  if (noise > 0)
    for (let offset = 0; offset < filled.length; offset += plane)
      for (const at of missing) filled[offset + at]! += noise * rng.normal();
  return filled;
}

import { ShapeError } from "../../core/errors.js";
import { check, either, options as fields, list, maybe, oneOf, type Schema, whole } from "../../core/schema.js";
import { type Tensor, tensorSchema, toFloat64 } from "../../core/tensor.js";
import type { Heatmap } from "../heatmap.js";
import { classScores, type Example, type LogitsOf, planesOf, type ScoreKind } from "./logits.js";
import { mapOver, rankPositions } from "./ranking.js";

export interface CurveOptions {
  /** Number of equal steps in which all pixels are replaced. Default 28. */
  readonly steps?: number;
  /** Instead of `steps`: how many pixels have been replaced at each point of the curve, ascending. */
  readonly counts?: readonly number[];
  /**
   * What deletion ends with, and insertion starts from: `zero`, the mean color after normalization; `blur`, the image under a Gaussian
   * (11 pixels, σ 5, border repeated), which may still show the object; or an input [C,H,W]. Default `zero`.
   */
  readonly baseline?: "zero" | "blur" | Tensor;
  /** Default `probability`. */
  readonly score?: ScoreKind;
}

/** How the score changes as pixels are replaced in the order of a map. */
export interface Curve {
  /** Pixels replaced at each point. */
  readonly counts: readonly number[];
  readonly scores: readonly number[];
  /** Area under the curve over the share of pixels (trapezoids). */
  readonly area: number;
}

/** @internal */
export const curveFields = {
  steps: maybe(whole(1, 100_000)),
  counts: maybe(list(whole(0), "a list of ascending counts", 2)),
  baseline: maybe(
    either<"zero" | "blur" | Tensor>("zero, blur or an input [C,H,W]", oneOf("zero", "blur"), tensorSchema),
  ),
  score: maybe(oneOf<ScoreKind>("probability", "logit")),
};
export const curveOptions: Schema<CurveOptions> = fields<CurveOptions>(curveFields);

/**
 * Deletion (Petsiuk et al., 2018, "RISE"): pixels become the baseline, those with the largest map values first. The faster the score
 * falls, and so the smaller the area, the better the map. If tied, the earlier position first.
 *
 * @example
 * (await deletion(logitsOf, { input, target: 3 }, map)).area;
 */
export function deletion(
  logitsOf: LogitsOf,
  example: Example,
  map: Heatmap,
  options: CurveOptions = {},
): Promise<Curve> {
  return curve("deletion", logitsOf, example, map, options);
}

/** Insertion (Petsiuk et al., 2018): the baseline becomes the image, largest map values first. The larger the area, the better. */
export function insertion(
  logitsOf: LogitsOf,
  example: Example,
  map: Heatmap,
  options: CurveOptions = {},
): Promise<Curve> {
  return curve("insertion", logitsOf, example, map, options);
}

async function curve(
  what: "deletion" | "insertion",
  logitsOf: LogitsOf,
  example: Example,
  map: Heatmap,
  options: CurveOptions,
): Promise<Curve> {
  check(what, "options", curveOptions, options);
  const { steps = 28, baseline = "zero", score = "probability" } = options;
  const { data, shape, plane } = planesOf(what, example);
  const counts = options.counts ?? Array.from({ length: steps + 1 }, (_, i) => Math.round((i * plane) / steps));
  if (counts.some((count, i) => count > plane || (i > 0 && count < counts[i - 1]!)))
    throw new ShapeError(`${what}: counts must ascend to at most ${plane}, the number of pixels`);
  const order = rankPositions(mapOver(what, map, shape[1], shape[2]));
  const base = baselineOf(what, baseline, data, shape);
  const [from, to] = what === "deletion" ? [data, base] : [base, data];
  const current = from.slice();
  let replaced = 0;
  const make = (i: number) => {
    for (; replaced < counts[i]!; replaced++)
      for (let at = order[replaced]!; at < current.length; at += plane) current[at] = to[at]!;
    return current;
  };
  const scores = await classScores(logitsOf, counts.length, make, shape, example.target);
  const values = [...(score === "logit" ? scores.logits : scores.probabilities)];
  return { counts, scores: values, area: areaUnder(counts, values) / plane };
}

function areaUnder(x: readonly number[], y: readonly number[]): number {
  let area = 0;
  for (let i = 1; i < x.length; i++) area += ((x[i]! - x[i - 1]!) * (y[i]! + y[i - 1]!)) / 2;
  return area;
}

function baselineOf(
  where: string,
  baseline: "zero" | "blur" | Tensor,
  data: Float64Array,
  shape: readonly [number, number, number],
): Float64Array {
  if (baseline === "zero") return new Float64Array(data.length);
  if (baseline === "blur") return blurred(data, shape);
  if (String(baseline.shape) !== String(shape))
    throw new ShapeError(`${where}: the baseline must be [${shape}] like the input, got [${baseline.shape}]`);
  return toFloat64(baseline).data;
}

/** Each plane under a Gaussian of 11 × 11 pixels with σ = 5, the border repeated. */
function blurred(data: Float64Array, [channels, height, width]: readonly [number, number, number]): Float64Array {
  const reach = 5;
  const raw = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / 50));
  const total = raw.reduce((a, b) => a + b);
  const along = (from: Float64Array, step: number, length: number) =>
    from.map((_, at) => {
      const position = Math.floor(at / step) % length;
      return raw.reduce((sum, weight, t) => {
        const other = Math.min(length - 1, Math.max(0, position + t - reach));
        return sum + (weight / total) * from[at + (other - position) * step]!;
      }, 0);
    });
  return along(along(data, 1, width), width, height).subarray(0, channels * height * width);
}

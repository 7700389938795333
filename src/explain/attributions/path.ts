import { FoveaError } from "../../core/errors.js";
import type { Write } from "../probe.js";
import type { Subject } from "../subject.js";
import type { Target } from "../targets.js";

/** The points of a rule between 0 and 1, and their weights, which sum to 1. */
export interface Quadrature {
  readonly at: Float64Array;
  readonly weights: Float64Array;
}

/** Quadrature rules by name, for a number of points. */
export const quadratures = {
  /** n + 1 points including both ends; doubling n keeps the old points. */
  trapezoid: (points: number): Quadrature => ({
    at: Float64Array.from({ length: points }, (_, i) => i / (points - 1)),
    weights: Float64Array.from({ length: points }, (_, i) => (i === 0 || i === points - 1 ? 0.5 : 1) / (points - 1)),
  }),
  midpoint: (points: number): Quadrature => ({
    at: Float64Array.from({ length: points }, (_, i) => (i + 0.5) / points),
    weights: new Float64Array(points).fill(1 / points),
  }),
  /** Gauss–Legendre. */
  gauss,
} as const;

export type QuadratureName = keyof typeof quadratures;

/** The zeros of a Legendre polynomial, by Newton's method, and their weights, on 0 … 1. */
function gauss(points: number): Quadrature {
  const at = new Float64Array(points);
  const weights = new Float64Array(points);
  for (let i = 0; i < points; i++) {
    let x = -Math.cos((Math.PI * (i + 0.75)) / (points + 0.5));
    let slope = 1;
    for (let round = 0; round < 100; round++) {
      let [before, value] = [0, 1];
      for (let k = 1; k <= points; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
      slope = (points * (x * value - before)) / (x * x - 1);
      const change = value / slope;
      x -= change;
      if (Math.abs(change) < 1e-16) break;
    }
    at[i] = (1 + x) / 2;
    weights[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return { at, weights };
}

/** Gradients of a target at `count` inputs. A target that is not linear in the logits needs the logits first. */
export async function gradientsAt({ probe }: Subject, target: Target, count: number, write: Write) {
  const seeds = target.curvature
    ? (await probe.forward(count, write)).map((z) => target.gradient(z))
    : [target.gradient(new Float64Array(probe.classes * (probe.plane ? probe.plane[0] * probe.plane[1] : 1)))];
  const { gradients } = await probe.inputGradients(count, write, (i) => seeds[Math.min(i, seeds.length - 1)]!);
  return gradients;
}

/** What has been summed along the path from a baseline to an image. */
export interface PathSum {
  readonly attribution: Float64Array;
  readonly points: number;
}

/** (x − x₀) ∘ Σ weight · gradient at x₀ + t (x − x₀). Calls `gradientsAt` in portions, so memory does not grow with the points. */
async function pathSum(subject: Subject, baseline: Float64Array, { at, weights }: Quadrature): Promise<Float64Array> {
  const { image } = subject.head;
  const total = new Float64Array(image.length);
  const count = subject.probe.batchFor(at.length);
  for (let start = 0; start < at.length; start += count) {
    // Beyond the last point the image stands in, with weight 0: all portions are of one size.
    const gradients = await gradientsAt(subject, subject.target, count, (i, into) => {
      const t = at[start + i] ?? 1;
      for (let k = 0; k < into.length; k++) into[k] = baseline[k]! + t * (image[k]! - baseline[k]!);
    });
    gradients.forEach((gradient, i) => {
      for (let k = 0; k < total.length; k++) total[k]! += (weights[start + i] ?? 0) * gradient[k]!;
    });
  }
  return total.map((v, k) => v * (image[k]! - baseline[k]!));
}

/** The most intervals that a requested error may take. */
const mostIntervals = 4096;

/** Integrated gradients with a given number of points. */
export async function withPoints(subject: Subject, baseline: Float64Array, rule: QuadratureName, points: number) {
  if (rule === "trapezoid" && points < 2)
    throw new FoveaError(`ig: the trapezoid rule needs at least 2 points, got ${points}`);
  return { attribution: await pathSum(subject, baseline, quadratures[rule](points)), points };
}

/**
 * Integrated gradients with as many points as needed: their number is doubled until `isEnough`. The trapezoid rule reuses its points, so
 * all steps together cost as much as the last alone.
 */
export async function withError(
  subject: Subject,
  baseline: Float64Array,
  rule: QuadratureName,
  isEnough: (attribution: Float64Array) => boolean,
): Promise<PathSum> {
  let intervals = 16;
  let found = await withPoints(subject, baseline, rule, rule === "trapezoid" ? intervals + 1 : intervals);
  while (!isEnough(found.attribution) && intervals < mostIntervals) {
    intervals *= 2;
    if (rule !== "trapezoid") {
      found = await withPoints(subject, baseline, rule, intervals);
      continue;
    }
    const between = quadratures.midpoint(intervals / 2);
    const more = await pathSum(subject, baseline, between);
    found = { attribution: found.attribution.map((v, k) => (v + more[k]!) / 2), points: intervals + 1 };
  }
  return found;
}

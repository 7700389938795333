import { OptionError } from "../../core/errors.js";
import { betaQuantile, chiSquareTail, logGamma, normalQuantile } from "./distributions.js";
import type { Interval } from "./sample.js";

function requireCounts(where: string, k: number, n: number): void {
  if (!(Number.isSafeInteger(n) && Number.isSafeInteger(k) && n > 0 && k >= 0 && k <= n))
    throw new OptionError(`${where}: needs whole numbers 0 ≤ k ≤ n, n > 0, got k ${k}, n ${n}`);
}

/** Wilson's interval of a share, k of n: good for one accuracy on n images, also near 0 and 1. */
export function wilsonInterval(k: number, n: number, confidence = 0.95): Interval {
  requireCounts("wilsonInterval", k, n);
  const z = normalQuantile((1 + confidence) / 2);
  const share = k / n;
  const center = share + (z * z) / (2 * n);
  const half = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return [k === 0 ? 0 : (center - half) / scale, k === n ? 1 : (center + half) / scale];
}

/** Clopper and Pearson's interval of a share: never too narrow, mostly too wide. */
export function clopperPearsonInterval(k: number, n: number, confidence = 0.95): Interval {
  requireCounts("clopperPearsonInterval", k, n);
  const tail = (1 - confidence) / 2;
  return [k === 0 ? 0 : betaQuantile(tail, k, n - k + 1), k === n ? 1 : betaQuantile(1 - tail, k + 1, n - k)];
}

/**
 * McNemar's test of two networks on the same images: only the first is correct on `b` images, only the second on `c`. Two-sided p, exact
 * (binomial) and by chi-square without a continuity correction.
 */
export function mcnemar(b: number, c: number): { readonly exact: number; readonly chiSquare: number } {
  const n = b + c;
  if (n === 0) return { exact: 1, chiSquare: 1 };
  requireCounts("mcnemar", b, n);
  const chance = (k: number) => Math.exp(logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1) - n * Math.LN2);
  let tail = 0;
  for (let k = 0; k <= Math.min(b, c); k++) tail += chance(k);
  return { exact: Math.min(1, 2 * tail), chiSquare: chiSquareTail((b - c) ** 2 / n, 1) };
}

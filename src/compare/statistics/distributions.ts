/**
 * Distribution functions, accurate to about 1e-13 relative: the incomplete beta and gamma functions by their continued fractions
 * (Numerical Recipes, 3rd ed., 6.2 and 6.4), quantiles by bisection down to the last bit.
 */

const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Γ(x) for x > 0. */
export function logGamma(x: number): number {
  if (x > 1e3) {
    // Stirling's series: exact to the last bit from here on.
    const r = 1 / (x * x);
    return (
      (x - 0.5) * Math.log(x) -
      x +
      0.5 * Math.log(2 * Math.PI) +
      (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r / 1680))) / x
    );
  }
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const t = x + 6.5;
  const sum = lanczos.reduce((total, c, i) => (i === 0 ? c : total + c / (x - 1 + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

const tiny = 1e-300;
const mostTerms = 100_000;
const offZero = (x: number) => (Math.abs(x) < tiny ? tiny : x);

/** Lentz's method: b0 + a1 / (b1 + a2 / (b2 + …)). */
function continuedFraction(b0: number, term: (i: number) => readonly [a: number, b: number]): number {
  let value = offZero(b0);
  let [c, d] = [value, 0];
  for (let i = 1; i <= mostTerms; i++) {
    const [a, b] = term(i);
    d = 1 / offZero(b + a * d);
    c = offZero(b + a / c);
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return value;
}

/** The regularized incomplete beta function I_x(a, b), the beta distribution's cdf. */
export function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  return x < (a + 1) / (a + b + 2) ? betaTail(x, 1 - x, a, b) : 1 - betaTail(1 - x, x, b, a);
}

/** I_x(a, b) where its fraction converges fast, x below the mean; `y` is 1 − x, which may be known better than x. */
function betaTail(x: number, y: number, a: number, b: number): number {
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(y)) / a;
  const fraction = continuedFraction(1, (i) => {
    const m = Math.floor((i - 1) / 2);
    const even = -((a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    const n = i / 2;
    return [i % 2 ? even : (n * (b - n) * x) / ((a + 2 * n - 1) * (a + 2 * n)), 1];
  });
  return front / fraction;
}

/** P(X > x) of a chi-square distribution. */
export function chiSquareTail(x: number, df: number): number {
  if (x <= 0) return 1;
  const [a, h] = [df / 2, x / 2];
  const front = Math.exp(a * Math.log(h) - h - logGamma(a));
  if (h < a + 1) {
    let [term, sum] = [1 / a, 1 / a];
    for (let n = 1; n < mostTerms && term > sum * 1e-17; n++) sum += term *= h / (a + n);
    return 1 - front * sum;
  }
  return front / continuedFraction(h + 1 - a, (i) => [-i * (i - a), h + 1 - a + 2 * i]);
}

/** Student's t: P(T ≤ t). Accurate in both tails. `df` may be a fraction, as Welch's. */
export function tCdf(t: number, df: number): number {
  const tail = tTail(Math.abs(t), df);
  return t <= 0 ? tail : 1 - tail;
}

/** P(T > t) for t ≥ 0. */
export function tTail(t: number, df: number): number {
  const square = t * t;
  if (square === Number.POSITIVE_INFINITY) return 0;
  const [x, y] = [df / (df + square), square / (df + square)];
  const [a, b] = [df / 2, 0.5];
  if (y === 0) return 0.5;
  return 0.5 * (x < (a + 1) / (a + b + 2) ? betaTail(x, y, a, b) : 1 - betaTail(y, x, b, a));
}

/** The t with P(T ≤ t) = p, 0 < p < 1. */
export function tQuantile(p: number, df: number): number {
  if (p === 0.5) return 0;
  const tail = Math.min(p, 1 - p);
  let high = 1;
  while (tTail(high, df) > tail) high *= 2;
  const t = bisect(high / 2 <= 0.5 ? 0 : high / 2, high, (x) => tTail(x, df) > tail);
  return p < 0.5 ? -t : t;
}

/** P(Z ≤ z). */
export function normalCdf(z: number): number {
  const tail = 0.5 * chiSquareTail(z * z, 1);
  return z <= 0 ? tail : 1 - tail;
}

/** The z with P(Z ≤ z) = p; ∓∞ at 0 and 1. */
export function normalQuantile(p: number): number {
  if (p <= 0) return Number.NEGATIVE_INFINITY;
  if (p >= 1) return Number.POSITIVE_INFINITY;
  if (p === 0.5) return 0;
  const tail = Math.min(p, 1 - p);
  const z = bisect(0, 39, (x) => 0.5 * chiSquareTail(x * x, 1) > tail);
  return p < 0.5 ? -z : z;
}

/** The x with I_x(a, b) = p. */
export const betaQuantile = (p: number, a: number, b: number): number => bisect(0, 1, (x) => betaCdf(x, a, b) < p);

/** Where `below` turns from true to false between `low` and `high`. */
function bisect(low: number, high: number, below: (x: number) => boolean): number {
  for (let i = 0; i < 1100; i++) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return middle;
    if (below(middle)) low = middle;
    else high = middle;
  }
  return low;
}

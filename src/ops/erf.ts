/**
 * The error function in float64, erf(x) = 2/√π ∫₀ˣ exp(−t²) dt, to a few units in the last place:
 * for |x| < 3 the series 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, whose terms are all positive;
 * beyond, 1 − erfc(x) with the continued fraction of erfc (Abramowitz and Stegun 7.1.6 and 7.1.14).
 */
export function erfOf(x: number): number {
  const z = Math.abs(x);
  if (z >= 6) return Math.sign(x);
  const scale = Math.exp(-z * z) / Math.sqrt(Math.PI);
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let n = 1; term > sum * 1e-17; n++) sum += term *= (2 * z * z) / (2 * n + 1);
    return Math.sign(x) * 2 * scale * sum;
  }
  let fraction = z;
  for (let k = 60; k >= 1; k--) fraction = z + k / 2 / fraction;
  return Math.sign(x) * (1 - scale / fraction);
}

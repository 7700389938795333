/**
 * Sparseness (Chalasani et al., 2020): the Gini index of magnitudes, 0 where all are equal, towards 1 where few hold everything.
 * With n values in ascending order, Σ (2k − n − 1)·|a_k| / (n·Σ|a|), k from 1. NaN if all are 0.
 */
export function gini(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values as ArrayLike<number>, Math.abs).sort();
  const n = sorted.length;
  const [weighted, total] = sorted.reduce(
    ([sum, all], value, i) => [sum + (2 * (i + 1) - n - 1) * value, all + value],
    [0, 0],
  );
  return weighted / (n * total);
}

/** Complexity (Bhatt et al., 2020): −Σ p·ln p of p = |a| / Σ|a|, in nats: at most ln n, where all are equal. NaN if all are 0. */
export function entropy(values: ArrayLike<number>): number {
  const sizes = Float64Array.from(values as ArrayLike<number>, Math.abs);
  const total = sizes.reduce((a, b) => a + b, 0);
  return sizes.reduce(
    (sum, size) => (size > 0 ? sum - (size / total) * Math.log(size / total) : sum),
    total ? 0 : Number.NaN,
  );
}

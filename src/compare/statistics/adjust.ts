/** Corrections of p values for multiple tests. The order is kept. */

/** Every p times their number, at most 1. */
export const bonferroni = (p: readonly number[]): number[] => p.map((x) => Math.min(1, p.length * x));

/** Holm's step-down: keeps the probability of any false positive below α, and is never less powerful than Bonferroni's. */
export function holm(p: readonly number[]): number[] {
  let largest = 0;
  return stepwise(
    p,
    (a, b) => a - b,
    (x, i) => (largest = Math.max(largest, Math.min(1, (p.length - i) * x))),
  );
}

/** Benjamini and Hochberg's step-up: keeps the false discovery rate below α. */
export function benjaminiHochberg(p: readonly number[]): number[] {
  let least = 1;
  return stepwise(
    p,
    (a, b) => b - a,
    (x, i) => (least = Math.min(least, (p.length / (p.length - i)) * x)),
  );
}

/** Adjusts the values one after another in an order. */
function stepwise(
  p: readonly number[],
  order: (a: number, b: number) => number,
  adjust: (x: number, i: number) => number,
): number[] {
  const result = new Array<number>(p.length);
  const sorted = p.map((_, i) => i).sort((a, b) => order(p[a]!, p[b]!));
  sorted.forEach((at, i) => {
    result[at] = adjust(p[at]!, i);
  });
  return result;
}

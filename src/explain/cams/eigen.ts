/** A symmetric matrix given by its product with a vector, written to `out`. */
export type Multiply = (v: Float64Array, out: Float64Array) => void;

const dot = (a: Float64Array, b: Float64Array): number => {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
};

/** Vectors in a Krylov basis before it restarts from its best vector, and the most restarts. */
const [basisSize, restarts] = [40, 100];

/**
 * The largest eigenvalue of a symmetric matrix of n rows, and its eigenvector of length 1: Rayleigh–Ritz in Krylov spaces, with every
 * vector orthogonalized twice, until the residual is rounding error.
 */
export function largestEigenpair(
  n: number,
  multiply: Multiply,
): { readonly value: number; readonly vector: Float64Array } {
  // Numbers without a pattern, so that the start is not orthogonal to the eigenvector.
  let start = Float64Array.from({ length: n }, (_, i) => 1 + Math.sin(12.9898 * (i + 1)) / 2);
  let value = 0;
  for (let round = 0; round < restarts; round++) {
    const basis: Float64Array[] = [];
    const images: Float64Array[] = [];
    let next = start;
    let scale = Math.sqrt(dot(next, next));
    while (basis.length < Math.min(n, basisSize) && scale > 0) {
      const norm = scale;
      const vector = next.map((v) => v / norm);
      const image = new Float64Array(n);
      multiply(vector, image);
      basis.push(vector);
      images.push(image);
      next = image.slice();
      for (let pass = 0; pass < 2; pass++)
        for (const earlier of basis) {
          const part = dot(earlier, next);
          for (let i = 0; i < n; i++) next[i]! -= part * earlier[i]!;
        }
      scale = Math.sqrt(dot(next, next));
      // What is left of an invariant space is rounding error.
      if (scale <= 1e-14 * Math.sqrt(dot(image, image))) scale = 0;
    }
    const best = topOfSmall(basis.map((v) => images.map((image) => dot(v, image))));
    value = best.value;
    const combine = (vectors: readonly Float64Array[]) => {
      const out = new Float64Array(n);
      vectors.forEach((vector, k) => {
        for (let i = 0; i < n; i++) out[i]! += best.vector[k]! * vector[i]!;
      });
      return out;
    };
    start = combine(basis);
    const image = combine(images);
    const residual = Math.sqrt(image.reduce((sum, v, i) => sum + (v - value * start[i]!) ** 2, 0));
    if (residual <= 1e-14 * Math.abs(value) || scale === 0) break;
  }
  const length = Math.sqrt(dot(start, start)) || 1;
  return { value, vector: start.map((v) => v / length) };
}

/** The same for a small matrix, by Jacobi's rotations. */
function topOfSmall(matrix: readonly (readonly number[])[]): {
  readonly value: number;
  readonly vector: readonly number[];
} {
  const n = matrix.length;
  if (n === 0) return { value: 0, vector: [] };
  const m = matrix.map((row, i) => row.map((v, j) => (v + matrix[j]![i]!) / 2));
  const vectors = matrix.map((_, i) => matrix.map((__, j) => (i === j ? 1 : 0)));
  const size = Math.sqrt(m.flat().reduce((sum, v) => sum + v * v, 0));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        off = Math.max(off, Math.abs(m[p]![q]!));
        rotate(m, vectors, p, q);
      }
    if (off <= 1e-17 * size) break;
  }
  let top = 0;
  for (let i = 1; i < n; i++) if (m[i]![i]! > m[top]![top]!) top = i;
  return { value: m[top]![top]!, vector: vectors.map((row) => row[top]!) };
}

/** One rotation that makes m[p][q] zero. */
function rotate(m: number[][], vectors: number[][], p: number, q: number): void {
  if (m[p]![q] === 0) return;
  const theta = (m[q]![q]! - m[p]![p]!) / (2 * m[p]![q]!);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  const turn = (row: number[]) => {
    const [a, b] = [row[p]!, row[q]!];
    row[p] = c * a - s * b;
    row[q] = s * a + c * b;
  };
  for (const row of m) turn(row);
  const [a, b] = [m[p]!, m[q]!];
  for (let k = 0; k < m.length; k++) {
    const [u, v] = [a[k]!, b[k]!];
    a[k] = c * u - s * v;
    b[k] = s * u + c * v;
  }
  for (const row of vectors) turn(row);
}

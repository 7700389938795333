import type { ConvAttributes } from "./conv.js";

/**
 * One group of one image as a product of matrices: y = W · R, with W [filters, elements] and a row of R [elements, positions] for what each
 * element of each channel reads.
 */
interface Product {
  /** Index of the group's first weight, and of its first output element. */
  readonly weight: number;
  readonly output: number;
  readonly filters: number;
  readonly elements: number;
  /** Index of the channel's first element that an element reads. */
  plane(element: number): number;
  /** For each position, the element of the plane that an element reads; −1 where it lies on the padding. */
  sources(element: number): Int32Array;
}

/** The products that all three computations of a convolution share. */
export function* products(
  x: readonly number[],
  w: readonly number[],
  y: readonly number[],
  { strides: [sy, sx], pads: [top, left], dilations: [dy, dx], group }: ConvAttributes,
): Generator<Product> {
  const [n, channels, height, width] = x as [number, number, number, number];
  const [all, perGroup, kh, kw] = w as [number, number, number, number];
  const [, , oh, ow] = y as [number, number, number, number];
  const sources = Array.from({ length: kh * kw }, (_, element) => {
    const [ky, kx] = [Math.floor(element / kw) * dy - top, (element % kw) * dx - left];
    return Int32Array.from({ length: oh * ow }, (_, p) => {
      const [row, column] = [Math.floor(p / ow) * sy + ky, (p % ow) * sx + kx];
      return row < 0 || row >= height || column < 0 || column >= width ? -1 : row * width + column;
    });
  });
  const filters = all / group;
  const elements = perGroup * kh * kw;
  for (let image = 0; image < n; image++)
    for (let g = 0; g < group; g++)
      yield {
        weight: g * filters * elements,
        output: (image * all + g * filters) * oh * ow,
        filters,
        elements,
        plane: (element) => (image * channels + g * perGroup + Math.floor(element / (kh * kw))) * height * width,
        sources: (element) => sources[element % (kh * kw)]!,
      };
}

/** Rows that are read at once, and the most that an input gradient writes at once. */
export const [block, most] = [4, 16];

/** Writes rows `first`, … `first + block − 1` of R to `rows`, [block, positions]; zeros beyond the last. */
export function gather(x: Float64Array, product: Product, first: number, rows: Float64Array): void {
  const positions = rows.length / block;
  for (let i = 0; i < block; i++) {
    const at = i * positions;
    if (first + i >= product.elements) {
      rows.fill(0, at, at + positions);
      continue;
    }
    const [plane, sources] = [product.plane(first + i), product.sources(first + i)];
    for (let p = 0; p < positions; p++) rows[at + p] = sources[p]! < 0 ? 0 : x[plane + sources[p]!]!;
  }
}

/** Where a {@link block} of rows lies: in `data`, one after the other from `at`. */
interface Rows {
  readonly data: Float64Array;
  readonly at: number;
}

/**
 * Adds to each of `count` rows the sum of a block of rows, each times its factor: to[i] += Σ over k of factors[i, k] · rows[k]. Four rows are added to at
 * once, so that what is read is used four times.
 */
export function addProducts(to: Rows, count: number, positions: number, factors: Float64Array, rows: Rows): void {
  const [y, r, r0] = [to.data, rows.data, rows.at];
  const [r1, r2, r3] = [r0 + positions, r0 + 2 * positions, r0 + 3 * positions];
  let i = 0;
  for (; i + 3 < count; i += 4) {
    const [f0, f1, f2, f3, g0, g1, g2, g3] = eight(factors, block * i);
    const [h0, h1, h2, h3, k0, k1, k2, k3] = eight(factors, block * i + 8);
    const s = to.at + i * positions;
    const [t, u, v] = [s + positions, s + 2 * positions, s + 3 * positions];
    for (let p = 0; p < positions; p++) {
      const a = r[r0 + p]!;
      const b = r[r1 + p]!;
      const c = r[r2 + p]!;
      const d = r[r3 + p]!;
      y[s + p]! += f0 * a + f1 * b + f2 * c + f3 * d;
      y[t + p]! += g0 * a + g1 * b + g2 * c + g3 * d;
      y[u + p]! += h0 * a + h1 * b + h2 * c + h3 * d;
      y[v + p]! += k0 * a + k1 * b + k2 * c + k3 * d;
    }
  }
  for (; i < count; i++) {
    const [f0, f1, f2, f3] = eight(factors, block * i);
    const s = to.at + i * positions;
    for (let p = 0; p < positions; p++)
      y[s + p]! += f0 * r[r0 + p]! + f1 * r[r1 + p]! + f2 * r[r2 + p]! + f3 * r[r3 + p]!;
  }
}

type Eight = readonly [number, number, number, number, number, number, number, number];
const eight = (x: Float64Array, i: number): Eight => [
  x[i]!,
  x[i + 1]!,
  x[i + 2]!,
  x[i + 3]!,
  x[i + 4]!,
  x[i + 5]!,
  x[i + 6]!,
  x[i + 7]!,
];

/** Adds to `block` numbers from `at` the products of a block of rows with another row; those from `count` on are left out. */
export function addDots(to: Rows, count: number, positions: number, rows: Rows, other: Rows): void {
  const [r, r0, x, first] = [rows.data, rows.at, other.data, other.at];
  const [r1, r2, r3] = [r0 + positions, r0 + 2 * positions, r0 + 3 * positions];
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let p = 0; p < positions; p++) {
    const v = x[first + p]!;
    a += r[r0 + p]! * v;
    b += r[r1 + p]! * v;
    c += r[r2 + p]! * v;
    d += r[r3 + p]! * v;
  }
  const sums = [a, b, c, d];
  for (let i = 0; i < count; i++) to.data[to.at + i]! += sums[i]!;
}

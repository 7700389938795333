import { check, options as fields, fieldsOf, fraction, maybe, numberList, type Schema, whole } from "../core/schema.js";
import { nearest, requireDistances, squaredDistance } from "./distances.js";

/** Options of {@link rerank}. */
export interface RerankOptions {
  /** How many neighbors must name each other. Default 20. */
  readonly k1?: number;
  /** Over how many neighbors descriptions are averaged. Default 6. */
  readonly k2?: number;
  /** Weight λ of the distances themselves. Default 0.3. */
  readonly weight?: number;
}

export const rerankOptions: Schema<RerankOptions> = fields<RerankOptions>({
  k1: maybe(whole(1)),
  k2: maybe(whole(1)),
  weight: maybe(fraction),
});

/** Distances between two sets of images, and within each. */
export interface DistanceBlocks {
  /** [queries, gallery], row by row. */
  readonly between: ArrayLike<number>;
  /** [queries, queries] */
  readonly queries: ArrayLike<number>;
  /** [gallery, gallery] */
  readonly gallery: ArrayLike<number>;
}

const blocks: Schema<DistanceBlocks> = fieldsOf<DistanceBlocks>(
  { between: numberList, queries: numberList, gallery: numberList },
  "{ between, queries, gallery }",
);

/**
 * Re-ranks by k-reciprocal encoding (Zhong et al.: Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017), as their published code
 * does. With squares scaled to at most 1, d²: an image is described by weights exp(−d²) on its k-reciprocal neighbors, to which those of a
 * neighbor are added if more than two thirds are shared; descriptions are averaged over the k₂ nearest. The result is (1 − λ)·(Jaccard distance of the
 * descriptions) + λ·d². Takes memory for all distances among queries and gallery. Returns [queries, gallery], row by row.
 *
 * @throws ShapeError if sizes do not fit. @throws DataError if a distance is NaN.
 *
 * @example
 * const distances = rerank({ between, queries, gallery }, { k1: 20, k2: 6, weight: 0.3 });
 */
export function rerank(distances: DistanceBlocks, options: RerankOptions = {}): Float64Array {
  check("rerank", "distances", blocks, distances);
  check("rerank", "options", rerankOptions, options);
  const { between, queries, gallery } = distances;
  const [rows, columns] = [Math.round(Math.sqrt(queries.length)), Math.round(Math.sqrt(gallery.length))];
  requireDistances("rerank", "queries", queries, rows, rows);
  requireDistances("rerank", "gallery", gallery, columns, columns);
  requireDistances("rerank", "between", between, rows, columns);
  return rerankSquares(scaledSquares(distances, rows, columns), rows, options);
}

/** {@link rerank} by Euclidean distances between features. Takes 8 bytes for each pair of images. */
export function rerankFeatures(
  queries: readonly Float64Array[],
  gallery: readonly Float64Array[],
  options: RerankOptions = {},
): Float64Array {
  const features = [...queries, ...gallery];
  const squares = features.map(() => new Float64Array(features.length));
  features.forEach((own, i) => {
    for (let j = 0; j < i; j++) squares[i]![j] = squares[j]![i] = squaredDistance(own, features[j]!);
  });
  return rerankSquares(squares.map(scaled), queries.length, options);
}

/** Re-ranks by the squares of all distances, scaled. */
function rerankSquares(
  all: readonly Float64Array[],
  rows: number,
  { k1 = 20, k2 = 6, weight = 0.3 }: RerankOptions,
): Float64Array {
  const columns = all.length - rows;
  const neighbors = all.map((row) => nearest(row).slice(0, Math.max(k1 + 1, k2)));
  const near = reciprocal(neighbors, k1);
  const nearer = reciprocal(neighbors, halfToEven(k1));
  const encoded = all.map((row, i) => encode(row, near[i]!, nearer));
  const descriptions =
    k2 === 1 ? encoded : encoded.map((_, i) => meanOf(neighbors[i]!.slice(0, k2).map((j) => encoded[j]!)));
  const holders = inverted(descriptions);
  const result = new Float64Array(rows * columns);
  for (let q = 0; q < rows; q++) {
    const shared = new Float64Array(all.length);
    for (const [at, own] of descriptions[q]!)
      for (const j of holders[at]!) shared[j]! += Math.min(own, descriptions[j]!.get(at)!);
    for (let g = 0; g < columns; g++) {
      const common = shared[rows + g]!;
      result[q * columns + g] = (1 - common / (2 - common)) * (1 - weight) + all[q]![rows + g]! * weight;
    }
  }
  return result;
}

/** Weights on images. */
type Description = ReadonlyMap<number, number>;

/** Squares of all distances, those of each image divided by its largest. */
function scaledSquares({ between, queries, gallery }: DistanceBlocks, rows: number, columns: number): Float64Array[] {
  const n = rows + columns;
  const distance = (i: number, j: number): number => {
    if (i < rows) return j < rows ? queries[i * rows + j]! : between[i * columns + j - rows]!;
    return j < rows ? between[j * columns + i - rows]! : gallery[(i - rows) * columns + j - rows]!;
  };
  return Array.from({ length: n }, (_, i) => {
    // The published code divides columns, and then transposes.
    return scaled(Float64Array.from({ length: n }, (_, j) => distance(j, i) ** 2));
  });
}

/** Divides by the largest, in place. */
function scaled(squares: Float64Array): Float64Array {
  const largest = squares.reduce((a, b) => Math.max(a, b), 0) || 1;
  for (let i = 0; i < squares.length; i++) squares[i]! /= largest;
  return squares;
}

/** Of each image, the neighbors among the first k + 1 that have it among theirs; an image is its own nearest. */
function reciprocal(neighbors: readonly (readonly number[])[], k: number): readonly (readonly number[])[] {
  const first = neighbors.map((own) => new Set(own.slice(0, k + 1)));
  return first.map((own, i) => [...own].filter((j) => first[j]!.has(i)));
}

/** An image's description, from its distances, its reciprocal neighbors, and those among half as many of every image. */
function encode(row: Float64Array, near: readonly number[], nearer: readonly (readonly number[])[]): Description {
  const known = new Set(near);
  const expanded = new Set(near);
  for (const candidate of near) {
    const theirs = nearer[candidate]!;
    if (theirs.filter((j) => known.has(j)).length > (2 / 3) * theirs.length) for (const j of theirs) expanded.add(j);
  }
  const chosen = [...expanded].sort((a, b) => a - b);
  const weights = chosen.map((j) => Math.exp(-row[j]!));
  const total = weights.reduce((a, b) => a + b, 0);
  return new Map(chosen.map((j, at) => [j, weights[at]! / total]));
}

/** Half of a number, halves rounded to the even one, as NumPy rounds. */
function halfToEven(n: number): number {
  const down = Math.floor(n / 2);
  return n % 2 === 1 && down % 2 === 1 ? down + 1 : down;
}

function meanOf(descriptions: readonly Description[]): Description {
  const sums = new Map<number, number>();
  for (const description of descriptions)
    for (const [at, weight] of description) sums.set(at, (sums.get(at) ?? 0) + weight);
  return new Map([...sums].map(([at, sum]) => [at, sum / descriptions.length]));
}

/** For each image, the images that have a weight on it. */
function inverted(descriptions: readonly Description[]): readonly (readonly number[])[] {
  const holders = descriptions.map((): number[] => []);
  descriptions.forEach((description, i) => {
    for (const at of description.keys()) holders[at]!.push(i);
  });
  return holders;
}

import { DataError, ShapeError } from "../core/errors.js";
import { check, options as fields, fieldsOf, maybe, numberList, type Schema, whole } from "../core/schema.js";
import { nearest, requireDistances } from "./distances.js";

/** Who is on each image, and which camera took it. */
export interface Sightings {
  /** The identity on each image; −1 for junk, which never counts. */
  readonly identities: ArrayLike<number>;
  /** The camera of each image. */
  readonly cameras: ArrayLike<number>;
}

/** Options of {@link retrievalMetrics}. */
export interface RetrievalOptions {
  /** Length of the CMC curve. Default 50. */
  readonly ranks?: number;
}

/** How well images of the same identity are found. Shares are between 0 and 1. */
export interface RetrievalMetrics {
  /** Mean average precision. */
  readonly map: number;
  /** Cumulative matching characteristic: the share of queries whose first match is among the first 1, 2, … images. */
  readonly cmc: readonly number[];
  /** Queries that count: those with a match in the gallery. */
  readonly queries: number;
  /** Average precision of each query; null for those that do not count. */
  readonly averagePrecisions: readonly (number | null)[];
}

const sightings: Schema<Sightings> = fieldsOf<Sightings>(
  { identities: numberList, cameras: numberList },
  "{ identities, cameras }",
);
export const retrievalOptions: Schema<RetrievalOptions> = fields<RetrievalOptions>({ ranks: maybe(whole(1)) });

/**
 * Evaluates distances as on Market-1501 (Zheng et al.: Scalable Person Re-identification, ICCV 2015): of each query, gallery images of the same
 * identity by the same camera do not count, nor does junk, identity −1. The rest is ranked by distance, the first if tied. AP is the mean, over the
 * matches, of the share of matches up to there. Queries without a match do not count. Distractors have an identity of no query, 0 in Market-1501.
 *
 * @param distances [queries, gallery], row by row.
 * @throws ShapeError if sizes do not fit. @throws DataError if a distance is NaN, or no query has a match.
 *
 * @example
 * const { map, cmc } = retrievalMetrics([0.1, 0.9], { identities: [7], cameras: [1] }, { identities: [7, 3], cameras: [2, 1] });
 */
export function retrievalMetrics(
  distances: ArrayLike<number>,
  queries: Sightings,
  gallery: Sightings,
  options: RetrievalOptions = {},
): RetrievalMetrics {
  check("retrievalMetrics", "distances", numberList, distances);
  check("retrievalMetrics", "queries", sightings, queries);
  check("retrievalMetrics", "gallery", sightings, gallery);
  check("retrievalMetrics", "options", retrievalOptions, options);
  const [rows, columns] = [countOf("queries", queries), countOf("gallery", gallery)];
  requireDistances("retrievalMetrics", "distances", distances, rows, columns);
  const row = (q: number) => Float64Array.from({ length: columns }, (_, g) => distances[q * columns + g]!);
  return evaluateRows(row, queries, gallery, options);
}

/** {@link retrievalMetrics} of distances that are computed when they are needed: `row` gives those of a query to the gallery. */
export function evaluateRows(
  row: (query: number) => ArrayLike<number>,
  queries: Sightings,
  gallery: Sightings,
  { ranks = 50 }: RetrievalOptions = {},
): RetrievalMetrics {
  const hits = new Float64Array(Math.min(ranks, gallery.identities.length));
  const averagePrecisions = Array.from({ length: queries.identities.length }, (_, q) => {
    const matches = rankedMatches(q, row(q), queries, gallery);
    const first = matches.indexOf(true);
    if (first < 0) return null;
    if (first < hits.length) hits[first]!++;
    return averagePrecision(matches);
  });
  const counted = averagePrecisions.filter((ap) => ap !== null);
  if (counted.length === 0)
    throw new DataError("retrievalMetrics: no query has an image of its identity by another camera in the gallery");
  let found = 0;
  return {
    map: counted.reduce((sum, ap) => sum + ap, 0) / counted.length,
    cmc: Array.from(hits, (n) => {
      found += n;
      return found / counted.length;
    }),
    queries: counted.length,
    averagePrecisions,
  };
}

/** Whether the gallery images that count for a query match, nearest first. */
function rankedMatches(
  q: number,
  row: ArrayLike<number>,
  queries: Sightings,
  { identities, cameras }: Sightings,
): boolean[] {
  const [identity, camera] = [queries.identities[q]!, queries.cameras[q]!];
  if (identity === junk) return [];
  const counts = (g: number) => identities[g] !== junk && !(identities[g] === identity && cameras[g] === camera);
  return nearest(row)
    .filter(counts)
    .map((g) => identities[g] === identity);
}

const junk = -1;

function averagePrecision(matches: readonly boolean[]): number {
  let [found, sum] = [0, 0];
  matches.forEach((match, i) => {
    if (match) sum += ++found / (i + 1);
  });
  return sum / found;
}

function countOf(what: string, { identities, cameras }: Sightings): number {
  if (identities.length !== cameras.length || identities.length === 0)
    throw new ShapeError(
      `retrievalMetrics: ${what} must have a camera for each identity, got ${identities.length} identities and ${cameras.length} cameras`,
    );
  return identities.length;
}

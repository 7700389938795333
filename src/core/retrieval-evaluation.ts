import { figure } from "./evaluation.js";
import { fieldsOf, list, maybe, misfit, type Schema, whole } from "./schema.js";

/** How well identities are found. Shares are between 0 and 1. */
export interface RetrievalScores {
  /** Mean average precision. */
  readonly map: number;
  /** Share of the queries whose nearest image is of their identity. */
  readonly rank1: number;
  /** Share of the queries with an image of their identity among the five nearest. */
  readonly rank5: number;
  /** Share of the queries with an image of their identity among the ten nearest. */
  readonly rank10: number;
}

/** Metrics of re-identification on Market-1501's protocol. */
export interface ReidMetrics extends RetrievalScores {
  /** Number of images, of queries and gallery together. */
  readonly count: number;
  /** Queries that count: those with a match in the gallery. */
  readonly queries: number;
  /** Images of the gallery. */
  readonly gallery: number;
  /** Cumulative matching characteristic: the share of queries whose first match is among the first 1, 2, … images, up to 50. */
  readonly cmc: readonly number[];
  /** The same after k-reciprocal re-ranking, if it was asked for. */
  readonly reranked?: RetrievalScores;
}

const scores = { map: figure, rank1: figure, rank5: figure, rank10: figure };

export const reidSchema: Schema<ReidMetrics> = fieldsOf<ReidMetrics>(
  {
    ...scores,
    count: whole(0),
    queries: whole(0),
    gallery: whole(0),
    cmc: list(figure, "a list of shares", 1),
    reranked: maybe(fieldsOf<RetrievalScores>(scores, "{ map, rank1, rank5, rank10 }")),
  },
  "what evaluate() gives for re-identification, { count, queries, gallery, map, rank1, rank5, rank10, cmc }",
);

/** Whether figures are of re-identification. */
export const isReidEvaluation = (x: unknown): x is ReidMetrics => misfit(reidSchema, x) === undefined;

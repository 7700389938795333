import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Rng } from "../../src/core/rng.js";
import { type RerankOptions, rerank, rerankFeatures } from "../../src/train/rerank.js";
import { retrievalMetrics, type Sightings } from "../../src/train/retrieval.js";

interface Side extends Sightings {
  readonly features: readonly (readonly number[])[];
}
interface Case {
  readonly query: Side;
  readonly gallery: Side;
  readonly cmc: readonly number[];
  readonly map: number;
  readonly rerank: RerankOptions & { readonly distances: readonly (readonly number[])[]; readonly map: number };
}

/**
 * Of torchreid@f8cd150 (`eval_market1501`, `re_ranking` in float64) and of RGA's authors@cdc9965 (`cmc`, `mean_ap`), which agree. Junk was
 * taken from the gallery before, as both do when they read it.
 */
const { cases }: { readonly cases: readonly Case[] } = JSON.parse(readFileSync("test/golden/retrieval.json", "utf8"));

const distances = (a: Side["features"], b: Side["features"]) =>
  Float64Array.from(a.flatMap((x) => b.map((y) => Math.sqrt(x.reduce((sum, v, i) => sum + (v - y[i]!) ** 2, 0)))));
const near = (found: number, wanted: number, what: string, tolerance = 1e-10) =>
  assert.ok(Math.abs(found - wanted) <= tolerance, `${what}: ${found}, theirs ${wanted}`);

for (const [i, { query, gallery, cmc, map, rerank: theirs }] of cases.entries()) {
  const between = distances(query.features, gallery.features);

  test(`CMC and mAP are the authors' (case ${i})`, () => {
    const found = retrievalMetrics(between, query, gallery, { ranks: cmc.length });
    near(found.map, map, "mAP");
    assert.equal(found.cmc.length, cmc.length);
    found.cmc.forEach((share, k) => near(share, cmc[k]!, `rank ${k + 1}`));
    const counted = found.averagePrecisions.filter((ap) => ap !== null);
    assert.equal(found.queries, counted.length);
    near(counted.reduce((a, b) => a + b) / counted.length, map, "mean of APs");
  });

  test(`re-ranked distances are the published code's (case ${i})`, () => {
    const blocks = {
      between,
      queries: distances(query.features, query.features),
      gallery: distances(gallery.features, gallery.features),
    };
    const { distances: wanted, map: after, ...options } = theirs;
    const found = rerank(blocks, options);
    wanted.flat().forEach((value, k) => near(found[k]!, value, `distance ${k}`));
    near(retrievalMetrics(found, query, gallery).map, after, "mAP after re-ranking");
    const [looked, there] = [query, gallery].map(({ features }) => features.map((row) => Float64Array.from(row)));
    rerankFeatures(looked!, there!, options).forEach((value, k) =>
      near(value, found[k]!, `of features, distance ${k}`),
    );
  });
}

const who = (identities: readonly number[], cameras: readonly number[]): Sightings => ({ identities, cameras });

test("the same identity by the same camera, and junk, do not count; distractors do", () => {
  // By distance: same camera, junk, another person, the match.
  const gallery = who([7, -1, 3, 7], [1, 2, 2, 2]);
  const { map, cmc, queries } = retrievalMetrics([0, 1, 2, 3], who([7], [1]), gallery, { ranks: 3 });
  assert.deepEqual([map, cmc, queries], [0.5, [0, 1, 1], 1]);
  // The same camera's other persons count.
  assert.equal(retrievalMetrics([0, 1, 2, 3], who([7], [2]), gallery).map, 1);
});

test("queries without a match do not count, and it is an error if there is none", () => {
  const gallery = who([1, 2], [1, 1]);
  const found = retrievalMetrics([1, 2, 2, 1], who([1, 9], [2, 2]), gallery);
  assert.deepEqual([found.averagePrecisions, found.map, found.cmc], [[1, null], 1, [1, 1]]);
  for (const identities of [[9], [-1]])
    assert.throws(
      () => retrievalMetrics([1, 2], who(identities, [2]), gallery),
      /no query has an image of its identity/,
    );
});

test("sizes that do not fit and NaN are refused", () => {
  const one = who([1], [2]);
  const two = who([1, 2], [1, 1]);
  assert.throws(() => retrievalMetrics([1], one, two), /distances must be 1 × 2 numbers, got 1/);
  assert.throws(() => retrievalMetrics([1, Number.NaN], one, two), /distances\[1\] is NaN/);
  assert.throws(() => retrievalMetrics([1, 2], one, who([1, 2], [1])), /gallery must have a camera for each identity/);
  assert.throws(
    () => rerank({ between: [1, 2], queries: [0, 1], gallery: [0] }),
    /queries must be 1 × 1 numbers, got 2/,
  );
  assert.throws(() => rerank({ between: [1, 2], queries: [0], gallery: [0] }), /between must be 1 × 1 numbers, got 2/);
});

test("random distances give the mAP of chance, the right ones 1", () => {
  const rng = new Rng(3, "chance");
  const identities = Array.from({ length: 400 }, (_, i) => i % 40);
  const gallery = who(
    identities,
    identities.map(() => 2),
  );
  const queries = who(
    Array.from({ length: 40 }, (_, i) => i),
    Array.from({ length: 40 }, () => 1),
  );
  const random = Array.from({ length: 40 * 400 }, () => rng.uniform());
  const { map } = retrievalMetrics(random, queries, gallery);
  assert.ok(map > 0.02 && map < 0.06, `${map}`);
  const right = queries.identities as number[];
  const perfect = right.flatMap((q) => identities.map((g) => Number(q !== g)));
  assert.equal(retrievalMetrics(perfect, queries, gallery).map, 1);
});

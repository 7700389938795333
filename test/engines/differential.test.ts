import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Differential, describe, searchSeeds } from "../differential/differential.js";
import { runsLong } from "../support/long.js";

const differential = new Differential();
after(() => differential.release());

const count = runsLong ? 40 : 4;

test(`${count} random networks come out the same from every lowering`, async (t) => {
  const seeds = Array.from({ length: count }, (_, i) => 1 + i);
  const different: string[] = [];
  let arrays = 0;
  await searchSeeds(seeds, differential, (finding) => {
    arrays += finding.arrays;
    if (finding.verdict === "different") different.push(describe(finding));
  });
  assert.deepEqual(different, []);
  t.diagnostic(`${arrays} arrays compared; node dist/tools/differential.js compares more`);
  assert.ok(arrays > 25 * count);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { errorOfStates, randomStates } from "../differential/states.js";
import { ortPlain } from "../support/engines.js";

test("sixty random graphs read no state that has been written over", async (t) => {
  let largest = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const error = (await errorOfStates(randomStates(seed), ortPlain)) ?? 0;
    assert.ok(error < 1e-3, `seed ${seed}: ${error}`);
    largest = Math.max(largest, error);
  }
  t.diagnostic(`largest error ${largest.toExponential(1)}`);
});

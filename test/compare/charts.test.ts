import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze, type Row } from "../../src/compare/analysis.js";
import { accuracyPlot, paretoPlot } from "../../src/compare/charts.js";
import { parsePlan } from "../../src/compare/plan.js";
import type { UnitResult } from "../../src/compare/results.js";
import { unitsOf } from "../../src/compare/units.js";

/** The rows of two entrants over three seeds, the first of which does not fit. */
function rowsOf(miou?: number): Row[] {
  const plan = parsePlan({ data: "shapes", modules: ["none", "se", "eca"], seeds: 3 });
  const score = { top1: 0.9, ...(miou !== undefined && { miou }) };
  const last = {
    epoch: 1,
    validation: { ...score, loss: 1 },
    test: { ...score, count: 4, nll: 1, ...(miou === undefined && { right: "1101" }) },
  };
  const outcomes = unitsOf(plan).map((unit) =>
    unit.entrant.label === "none"
      ? { unit, misfit: "no place for it" }
      : {
          unit,
          result: {
            ...{ status: "done", numClasses: 3, parameters: 1e5, macs: 1e6, stepMacs: 1e8, steps: 5, epochs: 1 },
            ...{ last, chosen: last },
          } as UnitResult,
        },
  );
  return analyze(plan, outcomes);
}

test("drawings name what was measured, also where the first entrant does not fit", () => {
  for (const [miou, says, not] of [
    [undefined, /top-1 %/, /mIoU/],
    [0.5, /mIoU %/, /top-1/],
  ] as const)
    for (const svg of [accuracyPlot(rowsOf(miou)), paretoPlot(rowsOf(miou)).svg]) {
      assert.match(svg, says);
      assert.doesNotMatch(svg, not);
    }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { analyze, type Outcome, parsePlan, type UnitResult, unitsOf, verdict } from "../../src/compare/index.js";
import * as statistics from "../../src/compare/statistics/index.js";
import { rowsOf, type Unit } from "../../studio/logic/comparison.js";

const names = ["none", "se", "cbam", "eca"];
const [classes, images] = [4, 40];

/** What happened to each training: accuracy in images; diverged; not done. */
const outcome = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: images }) },
  fc.constant("diverged" as const),
  fc.constant("missing" as const),
);
const tables = fc.record({
  modules: fc.integer({ min: 2, max: names.length }),
  seeds: fc.integer({ min: 1, max: 8 }),
  outcomes: fc.array(outcome, { minLength: 8 * names.length, maxLength: 8 * names.length }),
  misfit: fc.boolean(),
});

const digits = (right: number) => "1".repeat(right).padEnd(images, "0");

function measured(right: number) {
  const top1 = right / images;
  const test = { count: images, top1, nll: 1, ece: 0, adaptiveEce: 0, brier: 0, right: digits(right) };
  return { epoch: 1, validation: { top1, loss: 1 }, test };
}

test("the studio's table says what fovea compare says: means, intervals, differences, p after Holm, words", () => {
  fc.assert(
    fc.property(tables, ({ modules: count, seeds, outcomes, misfit }) => {
      const modules = names.slice(0, count);
      const plan = parsePlan({ data: "shapes", modules, seeds });
      const unfit = misfit ? modules.at(-1)! : undefined;
      const units: Unit[] = [];
      const all = unitsOf(plan).map((unit, i): Outcome => {
        const module = unit.entrant.label;
        if (module === unfit) return { unit, misfit: "too small" };
        const one = outcomes[i]!;
        if (one === "missing") return { unit };
        const diverged = one === "diverged";
        const top1 = diverged ? 1 / classes : one / images;
        units.push({ module: module === "none" ? null : module, seed: unit.seed, top1, diverged });
        const last = diverged ? null : measured(one);
        const status = diverged ? "diverged" : "done";
        const result = { ...sizes, seed: unit.seed, setting: 0, status, last, chosen: last, numClasses: classes };
        return { unit, result: result as unknown as UnitResult };
      });
      const expected = analyze(plan, all);
      const given = { modules: modules.map((name) => (name === "none" ? null : name)), seeds };
      const rows = rowsOf(given, units, unfit === undefined ? {} : { [unfit]: "too small" }, statistics);
      rows.forEach((row, i) => {
        const other = expected[i]!;
        assert.equal(row.mean, other.mean);
        assert.deepEqual(row.interval, other.interval);
        const { difference: d } = other;
        if (d) {
          const { crossed: _, pSignFlip: __, correlation: ___, ...same } = d;
          assert.deepEqual(row.difference, same);
        } else assert.equal(row.difference, null);
        assert.equal(row.verdict, verdict(other, "none"));
      });
    }),
    { numRuns: 500 },
  );
});

const sizes = { parameters: 10, macs: 10, steps: 10, epochs: 1, stepMacs: 10 };

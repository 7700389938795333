import assert from "node:assert/strict";
import { test } from "node:test";
import { forecast } from "../../src/compare/node/forecast.js";
import type { Journal, JournaledUnit } from "../../src/compare/node/journal.js";
import { parsePlan } from "../../src/compare/plan.js";
import { rateKey } from "../../src/compare/resolve.js";

const plan = parsePlan({ data: "shapes", modules: ["none", "se"] });
const [backbone, entrant] = [plan.backbones[0]!, plan.entrants[0]!];
const speed = { start: 1, step: 0.1, epoch: 0, evaluation: 0, image: 0, looks: 2, look: 0.5 };
const trials = new Map([[rateKey(backbone, entrant, 0), { clock: speed, cpu: speed, peakBytes: 1 }]]);
const unit = {
  resolved: { backbone, entrant, setting: 0, steps: 10, epochs: 1, training: { batch: 8 }, cost: { stepMacs: 1 } },
} as JournaledUnit;
const seconds = (segments: boolean, looks: boolean) => {
  const test = { length: 4, ...(segments && { labelMap: () => undefined }) };
  const journal = { plan, data: { validation: { length: 4 }, test } } as unknown as Journal;
  return forecast(journal, [unit, unit], trials, { workers: 1, cost: false, looks }).seconds;
};

test("a forecast counts where the networks look only if that will be found", () => {
  const trainings = 2 * (1 + 10 * 0.1);
  for (const [segments, looks, expected] of [
    [false, true, trainings + 2 * (2 + 4 * 0.5)],
    [false, false, trainings],
    [true, true, trainings],
    [true, false, trainings],
  ] as const)
    assert.ok(Math.abs(seconds(segments, looks) - expected) < 1e-9, `segments ${segments}, looks ${looks}`);
});

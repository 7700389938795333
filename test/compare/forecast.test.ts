import assert from "node:assert/strict";
import { test } from "node:test";
import { forecast } from "../../src/compare/node/forecast.js";
import type { Journal, JournaledUnit } from "../../src/compare/node/journal.js";
import { type Plan, parsePlan, taskOfPlan } from "../../src/compare/plan.js";
import { rateKey } from "../../src/compare/resolve.js";
import type { TaskName } from "../../src/core/tasks.js";

const planFor = (backbone = "resnet20", task?: TaskName) =>
  parsePlan({ data: { source: "shapes", ...(task && { task }) }, backbones: [backbone], modules: ["none", "se"] });
const plan = planFor();
const [backbone, entrant] = [plan.backbones[0]!, plan.entrants[0]!];
const speed = { start: 1, step: 0.1, epoch: 0, evaluation: 0, image: 0, looks: 2, look: 0.5 };
const trials = new Map([[rateKey(backbone, entrant, 0), { clock: speed, cpu: speed, peakBytes: 1 }]]);
const unit = {
  resolved: { backbone, entrant, setting: 0, steps: 10, epochs: 1, training: { batch: 8 }, cost: { stepMacs: 1 } },
} as JournaledUnit;
const seconds = (plan: Plan, looks: boolean) => {
  const journal = { plan, data: { validation: { length: 4 }, test: { length: 4 } } } as unknown as Journal;
  return forecast(journal, [unit, unit], trials, { workers: 1, cost: false, looks }).seconds;
};

test("a forecast counts where the networks look only if that will be found", () => {
  const trainings = 2 * (1 + 10 * 0.1);
  const others = [planFor("unet_resnet18"), planFor("resnet20", "multi-label"), planFor("resnet20", "regression")];
  for (const [one, looks, expected] of [
    [plan, true, trainings + 2 * (2 + 4 * 0.5)],
    [plan, false, trainings],
    ...others.flatMap((other) => [[other, true, trainings] as const, [other, false, trainings] as const]),
  ] as const)
    assert.ok(Math.abs(seconds(one, looks) - expected) < 1e-9, `${taskOfPlan(one)}, looks ${looks}`);
});

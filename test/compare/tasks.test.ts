import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Journal } from "../../src/compare/node/journal.js";
import { runUnit } from "../../src/compare/node/run-unit.js";
import { compileStep } from "../../src/compare/node/steps.js";
import { writeTables } from "../../src/compare/node/write-tables.js";
import { parsePlan } from "../../src/compare/plan.js";
import { comparedTasks } from "../../src/compare/tasks.js";
import { evaluate, loadRun, openDataset, ortEngine } from "../../src/index.js";
import { RunFolder } from "../../src/train/run-folder.js";
import { temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();

for (const [task, field] of [
  ["multi-label", "map"],
  ["regression", "r2"],
] as const)
  test(`networks for ${task} are compared by what train chooses by, seed by seed; what is done is not repeated`, {
    skip: ifLong,
  }, async () => {
    const plan = parsePlan({
      data: { source: "shapes", task, images: 24, testImages: 12, imageSize: 16 },
      modules: ["none", "eca"],
      seeds: 2,
      epochs: 1,
      settings: [{ batch: 8, optimizer: "adamw" }],
    });
    const engine = ortEngine({ threads: 1 });
    try {
      const journal = await Journal.open(join(folder, task), plan);
      (await journal.claim()).release();
      const units = journal.units();
      for (const unit of units) assert.equal(await runUnit(journal, unit, { engine, version: "0" }), "done");
      const results = await journal.results(units);
      const written = () => readFileSync(join(journal.path, "table.json"), "utf8");
      const { comparison } = await writeTables(journal, units, results);
      const [none, eca] = comparison.rows;
      assert.equal(none!.measure, field);
      assert.deepEqual(
        none!.scores.map(({ score }) => score),
        results.filter((result) => result!.entrant === "none").map((result) => result!.last!.test[field]),
      );
      const gains = eca!.scores.map(({ score }, i) => score - none!.scores[i]!.score);
      assert.ok(Math.abs(eca!.difference!.mean - (gains[0]! + gains[1]!) / 2) < 1e-12);
      // The run of a unit records its task, and its weights have the figures of the result.
      const { folder: path } = units[1]!;
      assert.equal((await RunFolder.open(path!)).config.task!.name, task);
      const { model, preprocessing, task: recorded } = await loadRun(path!);
      const found = await evaluate(model, journal.data.test, { engine, task: recorded!, preprocessing });
      assert.ok(Math.abs(found[field]! - results[1]!.chosen!.test[field]!) < 1e-6);
      // A timed step is that of the task.
      const [{ resolved }] = units as [(typeof units)[0]];
      const step = await compileStep(model, resolved!, journal.data.train.classes.length, engine);
      await step.run();
      await step.release();
      // The same again, as after an interruption.
      const before = written();
      const again = await Journal.reopen(journal.path);
      const trained: number[] = [];
      for (const unit of again.units())
        assert.equal(await runUnit(again, unit, { engine, version: "0", onStep: () => trained.push(1) }), "done");
      await writeTables(again, again.units(), await again.results(again.units()));
      assert.equal(trained.length, 0);
      assert.equal(written(), before);
    } finally {
      await engine.release();
    }
  });

test("a training that diverged counts as a guess: labels in any order, or the targets' mean", async () => {
  const { validation } = await openDataset("shapes", { task: "multi-label", count: { train: 1, validation: 40 } });
  const guess = comparedTasks["multi-label"].guess!(validation);
  const counts = validation.classes.map(
    (_, k) => Array.from({ length: 40 }, (_, i) => validation.targets!(i)[k]!).filter((t) => t === 1).length,
  );
  const known = counts.filter((n) => n > 0);
  assert.ok(Math.abs(guess - known.reduce((sum, n) => sum + n / 40, 0) / known.length) < 1e-12);
  assert.equal(comparedTasks.regression.guess!(validation), 0);
});

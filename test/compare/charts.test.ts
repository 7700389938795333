import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze, type Row } from "../../src/compare/analysis.js";
import { differencePlot, paretoPlot, scorePlot } from "../../src/compare/charts.js";
import { parsePlan } from "../../src/compare/plan.js";
import { comparisonReport } from "../../src/compare/report.js";
import type { UnitResult } from "../../src/compare/results.js";
import { resultsCsv, tableMarkdown } from "../../src/compare/tables.js";
import { unitsOf } from "../../src/compare/units.js";
import { verdict } from "../../src/compare/verdict.js";
import { comparedTaskNames, mainScoreOf } from "../../src/core/tasks.js";

/** Two entrants over three seeds after one that does not fit. The second is better by 0.02 with every seed but a little. */
function comparisonFor(task: (typeof comparedTaskNames)[number]) {
  const backbones = [task === "segmentation" ? "unet_resnet18" : "resnet20"];
  const modules = ["none", "se", "eca", "cbam"];
  const plan = parsePlan({ data: { source: "shapes", task }, backbones, modules, seeds: 3 });
  const outcomes = unitsOf(plan).map((unit) => {
    const { label } = unit.entrant;
    if (label === "none") return { unit, misfit: "no place for it" };
    const value = 0.7 + unit.seed / 100 + (label === "eca" ? 0.02 + unit.seed / 1000 : 0);
    const score = { [mainScoreOf[task]]: value };
    const figures = task === "regression" ? { loss: 0.3, mae: 12.345678, rmse: 20 } : { nll: 1 };
    const last = {
      epoch: 1,
      validation: { ...score, loss: 1 },
      test: { ...score, ...figures, count: 4, ...(task === "classification" && { right: "1101" }) },
    };
    const diverged = label === "cbam";
    const result = {
      ...{ status: diverged ? "diverged" : "done", seed: unit.seed, setting: 0, numClasses: 3, guess: 0.25 },
      ...{ parameters: 1e5, macs: 1e6, stepMacs: 1e8, steps: 5, epochs: 1 },
      ...(diverged ? { last: null, chosen: null } : { last, chosen: last }),
    } as UnitResult;
    return { unit, result };
  });
  return { plan, outcomes, rows: analyze(plan, outcomes), images: { train: 8, validation: 8, test: 4 } };
}

const fits = (rows: readonly Row[]) => rows.filter(({ misfit }) => misfit === null);
const shown = {
  classification: { heading: "top-1 %", title: "Accuracy", mean: "71.00", difference: "+2.10", points: " points" },
  segmentation: { heading: "mIoU %", title: "Mean IoU", mean: "71.00", difference: "+2.10", points: " points" },
  "multi-label": {
    heading: "mAP %",
    title: "Mean average precision",
    mean: "71.00",
    difference: "+2.10",
    points: " points",
  },
  regression: { heading: "R²", title: "R²", mean: "0.710", difference: "+0.021", points: "" },
} as const;

for (const task of comparedTaskNames)
  test(`drawings, tables and verdicts of ${task} name what was measured, also where the first entrant does not fit`, () => {
    const comparison = comparisonFor(task);
    const { heading, title, mean, difference, points } = shown[task];
    const others = comparedTaskNames.filter((other) => other !== task).map((other) => shown[other].heading);
    const { rows } = comparison;
    const drawings = [scorePlot(rows), paretoPlot(rows).svg];
    for (const svg of drawings) {
      assert.ok(svg.includes(heading) && svg.includes(title));
      for (const other of others) assert.ok(!svg.includes(other), other);
    }
    const table = tableMarkdown(comparison);
    assert.ok(table.includes(`| ${heading} |`) && table.includes(`| ${mean} |`), table);
    assert.equal(/standard error of one accuracy/.test(table), task === "classification");
    assert.equal(/\| MAE \| RMSE \|/.test(table), task === "regression");
    assert.equal(/\| NLL \|/.test(table), task !== "regression");
    const report = comparisonReport(comparison);
    assert.ok(report.includes(`${title} on`));
    assert.match(resultsCsv(comparison).split("\n")[0]!, new RegExp(`last_test_${mainScoreOf[task]}`));

    const [se, eca, cbam] = fits(rows);
    const twoFit = { ...comparison.plan, entrants: comparison.plan.entrants.slice(1) };
    const judged = analyze(
      twoFit,
      comparison.outcomes.filter(({ unit }) => unit.entrant.label !== "none"),
    );
    const words = judged.map((row) => verdict(row, "se"));
    assert.equal(se!.entrant, "se");
    assert.match(words[1]!, new RegExp(`better than se by ${difference.slice(1).replace(".", "\\.")}${points} \\(`));
    assert.ok(points === "" ? !words.join().includes("points") : words.join().includes("points"));
    assert.ok(eca!.mean! > se!.mean!);
    assert.deepEqual(
      cbam!.scores.map(({ score }) => score),
      [0.25, 0.25, 0.25],
    );
    assert.match(words[2]!, task === "regression" ? /counted as the mean of the targets/ : /counted as random guesses/);
    assert.ok(differencePlot(judged).includes(points.trim() || "R²"));
  });

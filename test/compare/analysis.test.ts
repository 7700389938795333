import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze, type Outcome, type Row } from "../../src/compare/analysis.js";
import { type Plan, parsePlan } from "../../src/compare/plan.js";
import { comparisonReport } from "../../src/compare/report.js";
import { parseResult, type UnitResult } from "../../src/compare/results.js";
import { notes, resultsCsv, tableJson, tableMarkdown } from "../../src/compare/tables.js";
import { type Unit, unitsOf } from "../../src/compare/units.js";
import { verdict } from "../../src/compare/verdict.js";
import { FormatError } from "../../src/core/errors.js";
import { Rng } from "../../src/core/rng.js";

const images = 400;

/** A network that is right about image i where the image's and its own luck are good: pairs of a seed share both. */
function measuredBy(seed: number, entrant: string, shift: number) {
  const common = new Rng(seed, "images");
  const own = new Rng(seed, "luck", entrant);
  const luck = 0.15 * own.normal();
  const right = Array.from({ length: images }, () =>
    common.normal() + 0.4 * own.normal() + luck + shift > -0.8 ? "1" : "0",
  ).join("");
  const top1 = right.replaceAll("0", "").length / images;
  return {
    epoch: 2,
    validation: { top1, loss: 1 },
    test: { count: images, top1, nll: 1, ece: 0.1, adaptiveEce: 0.1, brier: 0.3, right },
  };
}

function resultOf(unit: Unit, shift = 0, changes: Partial<UnitResult> = {}): UnitResult {
  const measured = measuredBy(unit.seed, `${unit.entrant.label}/${unit.setting}`, shift);
  return {
    format: "fovea.result.1",
    hashes: { config: "c", data: "d", code: "e" },
    backbone: unit.backbone.label,
    entrant: unit.entrant.label,
    seed: unit.seed,
    setting: unit.setting,
    status: "done",
    parameters: 1000,
    macs: 5000,
    stepMacs: 600_000,
    steps: 10,
    epochs: 2,
    batch: 32,
    numClasses: 10,
    last: measured,
    chosen: measured,
    ...changes,
  };
}

const outcomesOf = (plan: Plan, make: (unit: Unit) => UnitResult | undefined): Outcome[] =>
  unitsOf(plan).map((unit) => ({ unit, result: make(unit) }));
const row = (rows: readonly Row[], entrant: string) => rows.find((one) => one.entrant === entrant)!;
const plan = parsePlan({ data: "shapes", modules: ["none", "placebo", "se", "cbam"], seeds: 8 });
const shifts: Record<string, number> = { cbam: 0.9 };
const planted = outcomesOf(plan, (unit) => resultOf(unit, shifts[unit.entrant.label]));

test("a planted effect is found, the placebo's interval covers 0, and equal ones are told by how large a difference may be", () => {
  const rows = analyze(plan, planted);
  const [none, placebo, se, cbam] = plan.entrants.map(({ label }) => row(rows, label));
  assert.equal(none!.difference, null);
  assert.match(
    verdict(cbam!, "none"),
    /^better than none by \d+\.\d\d points \(\+.* to \+.*\), p (= \.0|< \.001)\d* after Holm$/,
  );
  for (const same of [placebo!, se!]) {
    const [low, high] = same.difference!.interval!;
    assert.ok(low < 0 && high > 0);
    assert.match(
      verdict(same, "none"),
      /^no difference larger than \d+\.\d\d points \(−.* to \+.*\), p = .* after Holm\. 8 seeds had 80 % power to detect \d+\.\d\d$/,
    );
  }
  assert.ok(cbam!.difference!.pHolm! >= cbam!.difference!.p!);
  assert.equal(cbam!.difference!.pSignFlip, 2 / 2 ** 8);
  const [low, high] = cbam!.difference!.crossed!;
  assert.ok(low > 0 && low < cbam!.difference!.mean && cbam!.difference!.mean < high);
  const worse = analyze(parsePlan({ data: "shapes", modules: ["cbam", "none"], seeds: 8 }), planted);
  assert.match(verdict(row(worse, "none"), "cbam"), /^worse than cbam by/);
});

const comparison = (outcomes: readonly Outcome[], of = plan) => ({
  plan: of,
  outcomes,
  rows: analyze(of, outcomes),
  images: { train: 100, validation: 50, test: images },
});

test("tables are equal whatever order results came in, and hold in their formats what names hold", () => {
  const tables = (outcomes: readonly Outcome[]) =>
    [tableMarkdown, tableJson].map((write) => write(comparison(outcomes)));
  assert.deepEqual(tables(planted.toReversed()), tables(planted));
  const odd = parsePlan({ data: "a|b,<i>", modules: ["none", { name: "se", label: 'a,"b"|<script>' }], seeds: 3 });
  const shown = comparison(
    outcomesOf(odd, (unit) => resultOf(unit)),
    odd,
  );
  const [header, ...lines] = resultsCsv(shown).trimEnd().split("\n");
  assert.equal(lines.length, 6);
  assert.ok(lines[1]!.startsWith('resnet20,"a,""b""|<script>",0,default,done,1000,5000,10,2,6000000,2,'));
  assert.equal(header!.split(",").length, 30);
  assert.match(tableMarkdown(shown), /\| a,"b"\\\|<script> \| 3 \|/);
  const html = comparisonReport(shown);
  assert.ok(!html.includes("<script") && !html.includes("<i>"));
  assert.match(html, /Content-Security-Policy/);
  assert.doesNotMatch(html, /https?:\/\/(?!www\.w3\.org)/);
  assert.equal(JSON.parse(tableJson(shown)).rows[1].entrant, 'a,"b"|<script>');
});

test("units that diverged are counted, shown, and tell what they change", () => {
  const outcomes = outcomesOf(plan, (unit) =>
    unit.entrant.label === "se" && unit.seed < 2
      ? resultOf(unit, 0, { status: "diverged", message: "the loss is NaN", last: null, chosen: null })
      : resultOf(unit),
  );
  const rows = analyze(plan, outcomes);
  const se = row(rows, "se");
  assert.deepEqual([se.seeds, se.diverged], [8, 2]);
  assert.deepEqual(
    se.scores.filter(({ diverged }) => diverged).map(({ seed, score }) => [seed, score]),
    [
      [0, 0.1],
      [1, 0.1],
    ],
  );
  assert.ok(se.difference!.mean < -0.1 && Math.abs(se.difference!.withoutDiverged!) < 0.05);
  assert.match(
    verdict(se, "none"),
    /2 of 8 diverged, counted as random guesses; without them the difference is [+−]\d\.\d\d points$/,
  );
  assert.match(tableMarkdown(comparison(outcomes)), /\| se \| 8 \(2 diverged\) \|/);
  assert.match(resultsCsv(comparison(outcomes)), /resnet20,se,0,default,diverged,/);
});

test("few seeds get no interval, and all that is missing or does not fit is said", () => {
  const few = parsePlan({ data: "shapes", modules: ["none", "se", "rga"], seeds: 2 });
  const outcomes: Outcome[] = unitsOf(few).map((unit) => {
    if (unit.entrant.label === "rga") return { unit, misfit: "rga: needs a size" };
    return unit.entrant.label === "se" && unit.seed === 1 ? { unit } : { unit, result: resultOf(unit) };
  });
  const rows = analyze(few, outcomes);
  assert.equal(row(rows, "none").interval, null);
  assert.match(verdict(row(rows, "none"), "none"), /^2 seeds: no interval with fewer than 3$/);
  assert.match(
    verdict(row(rows, "se"), "none"),
    /points from none in 1 seed: no interval with fewer than 3\. 1 not done yet$/,
  );
  assert.equal(verdict(row(rows, "rga"), "none"), "does not fit: rga: needs a size");
  const said = notes({ plan: few, rows, outcomes, images: { train: 9, validation: 50, test: 9 } });
  assert.match(
    said[0]!,
    /2 seeds cannot reach p < \.05 with an exact test \(at best p = \.500\); 6 can\. An interval needs 3\./,
  );
  assert.match(said[1]!, /50 validation images: the standard error of one accuracy is at most ±7\.1 points/);
  assert.equal(
    row(
      analyze(
        few,
        unitsOf(few).map((unit) => ({ unit })),
      ),
      "se",
    ).mean,
    null,
  );
});

test("with several settings each seed is measured with the one that the other seeds' validation chooses", () => {
  const two = parsePlan({ data: "shapes", modules: ["none", "se"], seeds: 4, settings: [{ lr: 0.1 }, { lr: 0.01 }] });
  const outcomes = outcomesOf(two, (unit) => {
    // Seed 3 alone validates better with the first setting, whatever its test says.
    const top1 = unit.setting === (unit.seed === 3 ? 0 : 1) ? 0.9 : 0.5;
    const result = resultOf(unit);
    const measured = { ...result.last!, validation: { top1, loss: 1 } };
    return { ...result, last: measured, chosen: measured };
  });
  const none = row(analyze(two, outcomes), "none");
  assert.deepEqual(none.settings, [0, 4]);
  assert.deepEqual(
    none.scores.map(({ score }) => score),
    outcomes
      .filter(({ unit }) => unit.entrant.label === "none" && unit.setting === 1)
      .map(({ result }) => result!.last!.test.top1),
  );
  const partly = outcomes.map((one) => (one.unit.seed === 0 && one.unit.setting === 0 ? { unit: one.unit } : one));
  assert.deepEqual(
    row(analyze(two, partly), "none").scores.map(({ seed }) => seed),
    [1, 2, 3],
  );
});

test("a placebo that differs is a warning about the design", () => {
  const outcomes = outcomesOf(plan, (unit) => resultOf(unit, unit.entrant.label === "placebo" ? 0.9 : 0));
  assert.match(notes(comparison(outcomes)).join(" "), /A placebo differs from the baseline/);
  assert.doesNotMatch(notes(comparison(planted)).join(" "), /placebo/);
});

test("a result that is damaged is refused by field", () => {
  const result = resultOf(unitsOf(plan)[0]!);
  const read = (value: unknown) => parseResult(JSON.stringify(value), "result.json");
  assert.deepEqual(read(result), result);
  for (const [value, message] of [
    [{ ...result, seed: -1 }, /result\.json: seed must be/],
    [{ ...result, last: null }, /a unit that is done lacks measurements/],
    [{ ...result, status: "diverged" }, /a unit that is diverged has measurements/],
    [
      { ...result, last: { ...result.last!, test: { ...result.last!.test, count: 3 } } },
      /test\.right has 400 digits for 3 images/,
    ],
    [{ ...result, last: { ...result.last!, test: { ...result.last!.test, top1: 2 } } }, /last\.test\.top1 must be/],
    [
      { ...result, last: { ...result.last!, test: { ...result.last!.test, map: 0.5 } } },
      /validation and test must have one of miou, map, r2, top1 in common/,
    ],
    [
      { ...result, last: { ...result.last!, test: { ...result.last!.test, right: undefined } } },
      /test has neither right, as of classifiers, nor another score/,
    ],
    [{ ...result, guess: "half" }, /guess must be/],
    [[], /result\.json: must be/],
  ] as const)
    assert.throws(
      () => read(value),
      (error) => error instanceof FormatError && message.test(error.message),
    );
  assert.throws(() => parseResult("{", "result.json"), /result\.json is not JSON/);
});

import type { MainScore } from "../core/tasks.js";
import { type FoundObjects, type Look, lookOf, type UnitLooks } from "./looks.js";
import { correctedForTests, type SeedDifference, type SeedScore, seedDifference } from "./paired.js";
import { type Plan, scoreOfPlan } from "./plan.js";
import { lastScore, type Measured, scoreOf, type UnitResult } from "./results.js";
import { crossedTInterval, deviation, type Interval, mean, signFlipP, tInterval } from "./statistics/index.js";
import { fewestSeeds, type Unit } from "./units.js";

/** A unit, and its result if there is one. `misfit` says why its network cannot be built. */
export interface Outcome {
  readonly unit: Unit;
  readonly result?: UnitResult | undefined;
  readonly misfit?: string | undefined;
  /** Where its network looks, where that was measured. */
  readonly looks?: UnitLooks | undefined;
}

/** How an entrant differs from the baseline, seed by seed. */
export interface Difference extends SeedDifference {
  /** 95 % t interval over seeds × images. */
  readonly crossed: Interval | null;
  /** Exact sign-flip test. */
  readonly pSignFlip: number | null;
  /** Correlation of the scores over seeds: how much pairing helps. */
  readonly correlation: number | null;
}

/** A row of the table. */
export interface Row {
  readonly backbone: string;
  readonly entrant: string;
  /** What its scores are: the main score of the task, on the test images. */
  readonly measure: MainScore;
  /** Why its network cannot be built; the rest is then empty. */
  readonly misfit: string | null;
  readonly seeds: number;
  readonly diverged: number;
  /** Units that are not done yet. */
  readonly missing: number;
  /** By seed, after the last epoch; units that diverged count as guesses. */
  readonly scores: readonly SeedScore[];
  readonly mean: number | null;
  readonly sd: number | null;
  readonly interval: Interval | null;
  /** Mean score at the epochs chosen on validation. */
  readonly chosenMean: number | null;
  /** Means over the seeds, after the last epoch. */
  readonly nll: number | null;
  readonly ece: number | null;
  readonly adaptiveEce: number | null;
  readonly brier: number | null;
  readonly boundaryF: number | null;
  readonly f1Macro: number | null;
  readonly mae: number | null;
  readonly rmse: number | null;
  readonly parameters: number | null;
  readonly macs: number | null;
  readonly steps: number | null;
  readonly epochs: number | null;
  /** Multiply-accumulates of the whole training. */
  readonly trainedMacs: number | null;
  /** How often each setting was chosen; empty if there is only one. */
  readonly settings: readonly number[];
  /** Null for the baseline. */
  readonly difference: Difference | null;
  /** Null if the data does not say where the objects are. */
  readonly look: Look | null;
}

/** The table of a comparison. Equal results give an equal table, in whatever order they came. */
export function analyze(plan: Plan, outcomes: readonly Outcome[]): Row[] {
  const rows = plan.backbones.flatMap((backbone) => {
    const all = plan.entrants.map((entrant) => {
      const own = outcomesOf(outcomes, backbone.label, entrant.label);
      const chosen = chosenUnits(plan, own);
      return { entrant: entrant.label, own, chosen, found: foundBy(own, chosen) };
    });
    return all.map(({ entrant, own, chosen, found }, i) => ({
      ...rowOf(plan, backbone.label, entrant, own, chosen, i > 0 ? all[0]!.chosen : null),
      look: lookOf(found, i > 0 ? all[0]!.found : null),
    }));
  });
  return correctedForTests(rows, ({ backbone, scores }) => [
    scores,
    rows.find((other) => other.backbone === backbone)!.scores,
  ]);
}

const outcomesOf = (outcomes: readonly Outcome[], backbone: string, entrant: string): Outcome[] =>
  outcomes.filter(({ unit }) => unit.backbone.label === backbone && unit.entrant.label === entrant);

/**
 * The unit of each seed. With several settings, it is the one that validates best over the *other* seeds, so that no seed chooses the
 * setting it is evaluated with. Seeds without results for all settings are left out.
 */
function chosenUnits(plan: Plan, outcomes: readonly Outcome[]): Map<number, UnitResult> {
  const bySeed = new Map<number, (UnitResult | undefined)[]>();
  for (const { unit, result } of outcomes) {
    const row = bySeed.get(unit.seed) ?? [];
    row[unit.setting] = result;
    bySeed.set(unit.seed, row);
  }
  const whole = [...bySeed].flatMap(([seed, row]) => {
    const found = row.flatMap((result) => (result ? [result] : []));
    return found.length === plan.settings.length ? [[seed, found] as const] : [];
  });
  return new Map(
    whole.map(([seed, results]) => {
      const others = whole.length > 1 ? whole.filter(([other]) => other !== seed) : whole;
      const scores = results.map((_, setting) => mean(others.map(([, row]) => lastScore(row[setting]!, "validation"))));
      return [seed, results[scores.indexOf(Math.max(...scores))]!];
    }),
  );
}

/** What was found of the objects in the unit of each seed. */
function foundBy(outcomes: readonly Outcome[], chosen: ReadonlyMap<number, UnitResult>): Map<number, FoundObjects> {
  return new Map(
    outcomes.flatMap(({ unit: { seed }, result, looks }) =>
      looks?.found && result && chosen.get(seed) === result ? [[seed, looks.found] as const] : [],
    ),
  );
}

const seedScore = (result: UnitResult): SeedScore => ({
  seed: result.seed,
  score: lastScore(result, "test"),
  diverged: result.status === "diverged",
});

function rowOf(
  plan: Plan,
  backbone: string,
  entrant: string,
  outcomes: readonly Outcome[],
  chosen: ReadonlyMap<number, UnitResult>,
  base: ReadonlyMap<number, UnitResult> | null,
): Omit<Row, "look"> {
  const results = plan.seeds.flatMap((seed) => chosen.get(seed) ?? []);
  const scores = results.map(seedScore);
  const values = scores.map(({ score }) => score);
  const average = (of: (measured: Measured) => number | undefined, which: "last" | "chosen" = "last") => {
    const values = results.flatMap((result) => (result[which] && of(result[which])) ?? []);
    return values.length > 0 ? mean(values) : null;
  };
  const [first] = results;
  return {
    backbone,
    entrant,
    measure: scoreOfPlan(plan),
    misfit: outcomes.find(({ misfit }) => misfit !== undefined)?.misfit ?? null,
    seeds: results.length,
    diverged: results.filter(({ status }) => status === "diverged").length,
    missing: outcomes.filter(({ result, misfit }) => !result && misfit === undefined).length,
    scores,
    mean: values.length > 0 ? mean(values) : null,
    sd: values.length > 1 ? deviation(values) : null,
    interval: values.length >= fewestSeeds ? tInterval(values) : null,
    chosenMean: average(({ test }) => scoreOf(test), "chosen"),
    nll: average(({ test }) => test.nll),
    ece: average(({ test }) => test.ece),
    adaptiveEce: average(({ test }) => test.adaptiveEce),
    brier: average(({ test }) => test.brier),
    boundaryF: average(({ test }) => test.boundaryF),
    f1Macro: average(({ test }) => test.f1Macro),
    mae: average(({ test }) => test.mae),
    rmse: average(({ test }) => test.rmse),
    parameters: first?.parameters ?? null,
    macs: first?.macs ?? null,
    steps: first?.steps ?? null,
    epochs: first?.epochs ?? null,
    trainedMacs: first ? first.steps * first.stepMacs : null,
    settings:
      plan.settings.length > 1
        ? plan.settings.map((_, setting) => results.filter((result) => result.setting === setting).length)
        : [],
    difference: base && differenceOf(plan, chosen, base),
  };
}

function differenceOf(
  plan: Plan,
  own: ReadonlyMap<number, UnitResult>,
  base: ReadonlyMap<number, UnitResult>,
): Difference | null {
  const pairs = plan.seeds.flatMap((seed) => {
    const [a, b] = [own.get(seed), base.get(seed)];
    return a && b ? [[a, b] as const] : [];
  });
  const [ours, theirs] = [0, 1].map((side) => pairs.map((pair) => seedScore(pair[side]!))) as [
    SeedScore[],
    SeedScore[],
  ];
  const difference = seedDifference(ours, theirs);
  if (!difference) return null;
  const [a, b] = [ours.map(({ score }) => score), theirs.map(({ score }) => score)];
  const enough = pairs.length >= fewestSeeds;
  const finished = pairs.filter(([one, other]) => one.status === "done" && other.status === "done");
  return {
    ...difference,
    crossed:
      finished.length >= fewestSeeds && finished.flat().every(({ last }) => last!.test.right !== undefined)
        ? crossedTInterval(finished.map(([one, other]) => gains(one, other)))
        : null,
    pSignFlip: enough ? signFlipP(a, b) : null,
    correlation: enough ? correlation(a, b) : null,
  };
}

/** For each test image, 1 if only the first network is correct, −1 if only the second is. */
function gains(a: UnitResult, b: UnitResult): Int8Array {
  const [one, other] = [a.last!.test.right!, b.last!.test.right!];
  return Int8Array.from({ length: one.length }, (_, i) => Number(one[i]) - Number(other[i]));
}

function correlation(a: readonly number[], b: readonly number[]): number | null {
  const [ma, mb] = [mean(a), mean(b)];
  const together = a.reduce((sum, x, i) => sum + (x - ma) * (b[i]! - mb), 0);
  const spread = Math.sqrt(a.reduce((sum, x) => sum + (x - ma) ** 2, 0) * b.reduce((sum, x) => sum + (x - mb) ** 2, 0));
  return spread > 0 ? together / spread : null;
}

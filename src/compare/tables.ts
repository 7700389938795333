import { csv } from "../core/csv.js";
import type { Outcome, Row } from "./analysis.js";
import type { LookImages, LookMean } from "./looks.js";
import { canonical, type Plan, taskOfPlan, writtenPlan } from "./plan.js";
import type { Measured } from "./results.js";
import { leastP, mean } from "./statistics/index.js";
import { measuredColumns } from "./task-tables.js";
import { fewestSeeds, settingTitle } from "./units.js";
import { points, pText, scaleOf, verdict } from "./verdict.js";

/** A comparison as it is shown. */
export interface Comparison {
  readonly plan: Plan;
  readonly rows: readonly Row[];
  readonly outcomes: readonly Outcome[];
  /** Numbers of training, validation and test images. */
  readonly images: { readonly train: number; readonly validation: number; readonly test: number };
  /** The images on which it was measured where the networks look, if it was. */
  readonly looks?: LookImages | undefined;
  /** Other versions of the program that trained units, by the beginnings of their hashes. */
  readonly otherVersions?: readonly { readonly code: string; readonly units: number }[] | undefined;
}

/** The row that those of the same backbone are compared with. */
export const baseOf = (rows: readonly Row[], row: Row): Row => rows.find(({ backbone }) => backbone === row.backbone)!;

/** Warnings about the design. */
export function notes({ plan, rows, images, otherVersions = [] }: Comparison): string[] {
  const found: string[] = [];
  if (otherVersions.length > 0)
    found.push(
      `Trained by another version of Fovea than the one that wrote this table: ${otherVersions.map(({ code, units }) => `${units} ${units === 1 ? "unit" : "units"} by version ${code}`).join(", ")}.${otherVersions.length > 1 ? " Differences between units of different versions are not due to modules alone." : ""}`,
    );
  const { length } = plan.seeds;
  if (leastP(length) > 0.05)
    found.push(
      `${length} ${length === 1 ? "seed" : "seeds"} cannot reach p < .05 with an exact test (at best ${pText(leastP(length))}); 6 can.${length < fewestSeeds ? ` An interval needs ${fewestSeeds}.` : ""}`,
    );
  if (taskOfPlan(plan) === "classification" && images.validation < 100)
    found.push(
      `${images.validation} validation images: the standard error of one accuracy is at most ±${points(Math.sqrt(0.25 / images.validation), false, 1)} points.`,
    );
  const trained = rows.flatMap(({ trainedMacs }) => trainedMacs ?? []);
  if (plan.budget === "macs" && plan.backbones.length === 1 && Math.max(...trained) > 1.01 * Math.min(...trained))
    found.push(
      "The trained MACs differ by more than 1 %: with few steps, rounding to whole steps matters. Train for more epochs.",
    );
  const fooled = rows.filter(
    ({ entrant, difference }) =>
      plan.entrants.find(({ label }) => label === entrant)?.name === "placebo" && (difference?.pHolm ?? 1) < 0.05,
  );
  if (fooled.length > 0)
    found.push("A placebo differs from the baseline: these differences are not due to attention alone.");
  return found;
}

/** The units as a table: names of columns, and a line for each unit. Empty cells are `null`. */
export function unitTable({ plan, outcomes }: Comparison): {
  readonly names: readonly string[];
  readonly lines: readonly (readonly (string | number | null)[])[];
} {
  const columns = Object.entries(measuredColumns[taskOfPlan(plan)]);
  const header = [
    ...["backbone", "entrant", "seed", "setting", "status", "parameters", "macs", "steps", "epochs", "trained_macs"],
    ...["last", "chosen"].flatMap((which) => columns.map(([name]) => `${which}_${name}`)),
    ...["energy_over_area", "pointing"],
  ];
  const measured = (one: Measured | null | undefined): (number | null)[] =>
    columns.map(([, of]) => (one && of(one)) ?? null);
  const lines = outcomes.map(({ unit, result, misfit, looks }) => [
    ...[unit.backbone.label, unit.entrant.label, unit.seed, settingTitle(plan.settings[unit.setting]!)],
    result?.status ?? (misfit === undefined ? "missing" : "misfit"),
    ...(result
      ? [result.parameters, result.macs, result.steps, result.epochs, result.steps * result.stepMacs]
      : [null, null, null, null, null]),
    ...measured(result?.last),
    ...measured(result?.chosen),
    ...(looks?.found ? [mean(looks.found.energyOverShare), mean(looks.found.pointing)] : [null, null]),
  ]);
  return { names: header, lines };
}

/** `results.csv`: one line per unit. */
export function resultsCsv(comparison: Comparison): string {
  const { names, lines } = unitTable(comparison);
  return csv([names, ...lines]);
}

const dash = "–";
const or = <T>(value: T | null | undefined, show: (value: T) => string): string =>
  value === null || value === undefined ? dash : show(value);
const share = (x: number) => points(x);
const score = ({ measure }: Row, value: number | null | undefined, signed = false) =>
  or(value, (x) => scaleOf(measure).text(x, signed));
const range = ({ measure }: Row, ends: readonly [number, number] | null | undefined, signed = false) =>
  or(ends, (both) => both.map((end) => scaleOf(measure).text(end, signed)).join(" … "));
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });
export const big = (n: number): string => compact.format(n).replace("B", "G").replace("K", "k");

/** A column of a table, in words. */
export interface Columned {
  readonly name: string;
  readonly cell: (row: Row) => string;
}

/** The columns of the table of results. */
export const columnsFor = (rows: readonly Row[]): readonly Columned[] => [
  { name: "entrant", cell: ({ entrant }) => entrant },
  { name: "seeds", cell: ({ seeds, diverged }) => (diverged ? `${seeds} (${diverged} diverged)` : String(seeds)) },
  { name: scaleOf(rows[0]!.measure).heading, cell: (row) => score(row, row.mean) },
  { name: "95 % interval", cell: (row) => range(row, row.interval) },
  { name: "chosen epoch", cell: (row) => score(row, row.chosenMean) },
  { name: "difference", cell: (row) => score(row, row.difference?.mean, true) },
  { name: "95 % over seeds", cell: (row) => range(row, row.difference?.interval, true) },
  { name: "over seeds × images", cell: (row) => range(row, row.difference?.crossed, true) },
  { name: "correlation", cell: ({ difference }) => or(difference?.correlation, (r) => r.toFixed(2).replace("-", "−")) },
  { name: "p (Holm)", cell: ({ difference }) => or(difference?.pHolm, (p) => pText(p).replace(/^p (= )?/, "")) },
  { name: "exact p", cell: ({ difference }) => or(difference?.pSignFlip, (p) => pText(p).replace(/^p (= )?/, "")) },
];

export const costColumns: readonly Columned[] = [
  { name: "entrant", cell: ({ entrant }) => entrant },
  { name: "parameters", cell: ({ parameters }) => or(parameters, big) },
  { name: "MACs", cell: ({ macs }) => or(macs, big) },
  { name: "epochs", cell: ({ epochs }) => or(epochs, (x) => String(Number(x.toFixed(2)))) },
  { name: "steps", cell: ({ steps }) => or(steps, String) },
  { name: "trained MACs", cell: ({ trainedMacs }) => or(trainedMacs, big) },
  { name: "settings chosen", cell: ({ settings }) => settings.join(" / ") || dash },
];

const three = (x: number) => x.toFixed(3);
const significant = (x: number) => String(Number(x.toPrecision(4)));
/** Other figures of the test images, each of some tasks. */
const figureColumns: readonly (Columned & { readonly of: (row: Row) => number | null })[] = (
  [
    ["NLL", (row) => row.nll, three],
    ["ECE %", (row) => row.ece, share],
    ["adaptive ECE %", (row) => row.adaptiveEce, share],
    ["Brier", (row) => row.brier, three],
    ["boundary F %", (row) => row.boundaryF, share],
    ["F1 macro %", (row) => row.f1Macro, share],
    ["MAE", (row) => row.mae, significant],
    ["RMSE", (row) => row.rmse, significant],
  ] as const satisfies readonly (readonly [string, (row: Row) => number | null, (x: number) => string])[]
).map(([name, of, show]) => ({ name, of, cell: (row) => or(of(row), show) }));

/** What these rows cost, and their other figures, as far as any of them has them. */
export const costColumnsFor = (rows: readonly Row[]): readonly Columned[] => [
  ...costColumns,
  ...figureColumns.filter(({ of }) => rows.some((row) => of(row) !== null)),
];

const ratio = (x: number, signed = false) =>
  `${signed && x > 0 ? "+" : ""}${x.toFixed(2).replace("-", "−").replace("−0.00", "0.00")}`;
const inBrackets = ({ mean: center, interval }: LookMean, show: (x: number) => string) =>
  `${show(center)}${interval ? ` (${show(interval[0])} … ${show(interval[1])})` : ""}`;

/** Where the networks look: means over seeds × images with their intervals. */
export const lookColumns: readonly Columned[] = [
  { name: "entrant", cell: ({ entrant }) => entrant },
  { name: "energy ÷ area", cell: ({ look }) => or(look, (l) => inBrackets(l.energyOverShare, ratio)) },
  {
    name: "difference",
    cell: ({ look }) => or(look?.difference, (d) => inBrackets(d.energyOverShare, (x) => ratio(x, true))),
  },
  { name: "pointing %", cell: ({ look }) => or(look, (l) => inBrackets(l.pointing, share)) },
  {
    name: "difference, points",
    cell: ({ look }) => or(look?.difference, (d) => inBrackets(d.pointing, (x) => points(x, true))),
  },
];

/** What the columns of where the networks look mean; null where nothing says where the objects are. */
export function lookNote({ looks }: Comparison): string | null {
  if (!looks?.objects) return null;
  const { images, chance, center } = looks.objects;
  return `Grad-CAM after the last epoch, for the true class of ${images} test images whose object is known, with 95 % intervals over seeds × images. Energy ÷ area: the share of the map in the object, divided by the object's share of the image; chance is 1, and a blob at the center gets ${ratio(center.energyOverShare)}. Pointing: how often the largest value lies in the object; a random position hits in ${share(chance)} %, the blob in ${share(center.pointing)} %.`;
}

/** A table of Markdown. */
export const markdown = (names: readonly string[], lines: readonly (readonly string[])[]): string =>
  [names, names.map((_, i) => (i === 0 ? "---" : "---:")), ...lines]
    .map((line) => `| ${line.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`)
    .join("\n");

/** Rows with some columns as a table of Markdown. */
export const rowTable = (rows: readonly Row[], some: readonly Columned[]): string =>
  markdown(
    some.map(({ name }) => name),
    rows.map((row) => some.map(({ cell }) => cell(row))),
  );

/** The verdicts on the rows of one backbone as a list of Markdown. */
export const verdictList = (rows: readonly Row[]): string =>
  rows
    .slice(rows.length > 1 ? 1 : 0)
    .map((row) => `- **${row.entrant}**: ${verdict(row, rows[0]!.entrant)}.`)
    .join("\n");

/** The name of a data set without the folders above it, so that output does not depend on its location. */
export const sourceName = (source: string): string => source.split(/[\\/]/).filter(Boolean).at(-1) ?? source;

/** One line about the whole design. */
export function design({ plan, images }: Comparison): string {
  const { data, seeds, epochs, budget, settings } = plan;
  const equal = { epochs: "equal epochs", steps: "equal steps", macs: "equal training MACs", seconds: "equal seconds" };
  return `${sourceName(data.source)}: ${images.train} training, ${images.validation} validation and ${images.test} test images; ${seeds.length} paired ${seeds.length === 1 ? "seed" : "seeds"}; ${epochs} ${epochs === 1 ? "epoch" : "epochs"} of ${plan.entrants[0]!.label}, ${equal[budget]}${settings.length > 1 ? `; ${settings.length} settings, chosen on validation by the other seeds` : ""}.`;
}

/** `table.md`: for a paper. */
export function tableMarkdown(comparison: Comparison): string {
  const { plan, rows } = comparison;
  const parts = plan.backbones.flatMap(({ label }) => {
    const own = rows.filter(({ backbone }) => backbone === label);
    return [
      `## ${label}`,
      rowTable(own, columnsFor(own)),
      verdictList(own),
      rowTable(own, costColumnsFor(own)),
      ...(own.some(({ look }) => look) ? [rowTable(own, lookColumns)] : []),
    ];
  });
  const said = [lookNote(comparison), ...notes(comparison).map((note) => `> ${note}`)].filter((line) => line !== null);
  return `${["# Comparison", design(comparison), ...parts, ...said].join("\n\n")}\n`;
}

/** `table.json`: all numbers. */
export function tableJson(comparison: Comparison): string {
  const { plan, rows, images, looks } = comparison;
  const withVerdicts = rows.map((row) => ({ ...row, verdict: verdict(row, baseOf(rows, row).entrant) }));
  const { source, labelsFile } = plan.data;
  const located = {
    source: sourceName(source),
    ...(labelsFile !== undefined && { labelsFile: sourceName(labelsFile) }),
  };
  const named = { ...plan, data: { ...plan.data, ...located } };
  const value = {
    format: "fovea.comparison.1",
    plan: JSON.parse(canonical(writtenPlan(named))),
    images,
    ...(looks?.objects ? { looks: { method: "gradcam", ...looks.objects } } : {}),
    rows: withVerdicts,
    notes: notes(comparison),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

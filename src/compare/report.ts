import { dotPlot } from "../report/dot-plot.js";
import { type Column, page, table } from "../report/page.js";
import { paretoFront, scatter } from "../report/scatter.js";
import { element, type Markup, raw } from "../report/svg.js";
import type { Row } from "./analysis.js";
import type { Costs } from "./costs.js";
import { baseOf, type Comparison, columns, costColumns, design, notes, sourceName } from "./tables.js";
import { verdict } from "./verdict.js";

const panel = (...children: (Markup | readonly Markup[])[]) => element("div", { class: "panel" }, ...children);
const section = (title: string, note: string, ...children: Markup[]) =>
  element("section", {}, element("h2", {}, title), element("p", { class: "note" }, note), ...children);

const asColumns = (some: typeof columns): Column<Row>[] =>
  some.map(({ name, cell }, i) => ({ name, cell, ...(i > 0 && { kind: "number" as const }) }));

/** The page of a comparison. It stands alone: nothing is loaded and nothing runs. `costs` are measured apart, and may be left out. */
export function comparisonReport(comparison: Comparison, costs?: Costs): string {
  const { plan, rows } = comparison;
  const parts = plan.backbones.map(({ label }) =>
    backbonePart(
      label,
      rows.filter(({ backbone }) => backbone === label),
    ),
  );
  const warnings = notes(comparison);
  return page(
    "Comparison",
    element("p", { class: "eyebrow" }, "fovea compare"),
    element("h1", {}, `${plan.entrants.map(({ label }) => label).join(", ")} on ${sourceName(plan.data.source)}`),
    element("p", {}, design(comparison)),
    warnings.map((note) => element("p", { class: "note" }, note)),
    verdictPart(comparison),
    parts,
    costs ? costPart(costs) : null,
  );
}

function verdictPart({ rows, plan }: Comparison): Markup {
  const shown = rows.filter((row) => baseOf(rows, row) !== row || row.misfit !== null || rows.length === 1);
  const named: Column<Row>[] = [
    ...(plan.backbones.length > 1 ? [{ name: "backbone", cell: ({ backbone }: Row) => backbone }] : []),
    { name: "entrant", cell: ({ entrant }) => entrant },
    { name: "verdict", cell: (row) => `${verdict(row, baseOf(rows, row).entrant)}.` },
  ];
  return section(
    "Verdicts",
    "Of paired t tests over seeds, at 5 % after Holm's correction over all of them.",
    panel(table("Verdicts", named, shown)),
  );
}

function backbonePart(label: string, rows: readonly Row[]): Markup {
  const base = rows[0]!;
  const percent = (share: number) => 100 * share;
  const both = (range: readonly [number, number] | null | undefined): readonly [number, number] | null =>
    range ? [percent(range[0]), percent(range[1])] : null;
  const fitting = rows.filter(({ misfit }) => misfit === null);
  const accuracies = dotPlot({
    title: "Accuracy after the last epoch",
    xLabel: "top-1 %, a dot for each seed",
    band: both(base.interval),
    line: base.mean === null ? null : percent(base.mean),
    rows: fitting.map((row) => ({
      name: row.entrant,
      dots: row.accuracies.map(({ seed, top1, diverged }) => ({
        value: percent(top1),
        title: `seed ${seed}${diverged ? ", diverged" : ""}`,
        hollow: diverged,
      })),
      mean: row.mean === null ? null : percent(row.mean),
      interval: both(row.interval),
    })),
  });
  const differences = dotPlot({
    title: `Difference from ${base.entrant}`,
    xLabel: "points; thin: over seeds × images",
    line: 0,
    rows: fitting.slice(1).map((row) => ({
      name: row.entrant,
      dots: row.accuracies.flatMap(({ seed, top1 }) => {
        const other = base.accuracies.find((one) => one.seed === seed);
        return other ? [{ value: percent(top1 - other.top1), title: `seed ${seed}` }] : [];
      }),
      mean: row.difference ? percent(row.difference.mean) : null,
      interval: both(row.difference?.interval),
      wider: both(row.difference?.crossed),
    })),
  });
  const placed = fitting.flatMap(({ entrant, macs, mean }) =>
    macs !== null && mean !== null ? [{ name: entrant, x: macs / 1e6, y: percent(mean) }] : [],
  );
  const front = paretoFront(placed).map(({ name }) => name);
  const pareto = scatter({
    title: "Accuracy and work",
    xLabel: "million MACs for an image",
    yLabel: "top-1 %",
    points: placed,
  });
  return section(
    label,
    "Bars are 95 % intervals of the mean over seeds, ticks the means. The band is the interval of the first entrant.",
    element("div", { class: "grid" }, panel(raw(accuracies)), panel(raw(differences)), panel(raw(pareto))),
    panel(table(`Accuracy on ${label}`, asColumns(columns), rows)),
    panel(table(`Cost on ${label}`, asColumns(costColumns), rows)),
    element(
      "p",
      { class: "note" },
      front.length > 0 ? `On the Pareto front of accuracy and MACs: ${front.join(", ")}.` : "",
    ),
  );
}

function costPart({ rows, noisy, threads }: Costs): Markup {
  const ms = (seconds: number) => (1000 * seconds).toFixed(2);
  return section(
    "Speed",
    `Measured alone, with ${threads} ${threads === 1 ? "thread" : "threads"}, in alternating order (ABBA).${noisy ? " Noisy: the two halves differ by more than 5 % somewhere; the computer was busy." : ""}`,
    panel(
      table<Costs["rows"][number]>(
        "Speed",
        [
          { name: "backbone", cell: ({ backbone }) => backbone },
          { name: "entrant", cell: ({ entrant }) => entrant },
          { name: "ms an image", kind: "number", cell: ({ latency }) => ms(latency.median) },
          { name: "quartiles", kind: "number", cell: ({ latency }) => `${ms(latency.low)} … ${ms(latency.high)}` },
          { name: "training images/s", kind: "number", cell: ({ trainingRate }) => trainingRate.toFixed(0) },
          { name: "", cell: (row) => (row.noisy ? "noisy" : "") },
        ],
        rows,
      ),
    ),
  );
}

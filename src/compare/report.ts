import { type Column, page, panel, scrollable, section, table } from "../report/page.js";
import { element, type Markup, raw } from "../report/svg.js";
import type { Row } from "./analysis.js";
import { differencePlot, paretoPlot, scorePlot } from "./charts.js";
import { type CostRow, type Costs, costNote, measuredColumns } from "./costs.js";
import { mapStrips } from "./strips.js";
import {
  baseOf,
  type Columned,
  type Comparison,
  columnsFor,
  costColumnsFor,
  design,
  lookColumns,
  lookNote,
  notes,
  sourceName,
} from "./tables.js";
import { scoreTitles } from "./task-tables.js";
import { verdict } from "./verdict.js";

const asColumns = (some: readonly Columned[]): Column<Row>[] =>
  some.map(({ name, cell }, i) => ({ name, cell, ...(i > 0 && { kind: "number" as const }) }));

/** The report of a comparison: self-contained, without scripts. `costs` are measured separately, and optional. */
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
    plan.backbones.map(({ label }) => lookPart(comparison, label)),
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
    "Paired t tests over seeds, at 5 % after Holm's correction over all of them.",
    panel(table("Verdicts", named, shown)),
  );
}

function backbonePart(label: string, rows: readonly Row[]): Markup {
  const { svg, front } = paretoPlot(rows);
  const title = scoreTitles[rows[0]!.measure];
  return section(
    label,
    "Bars are 95 % intervals of the mean over seeds, ticks are means. The band is the interval of the baseline.",
    element("div", { class: "grid" }, panel(raw(scorePlot(rows))), panel(raw(differencePlot(rows))), panel(raw(svg))),
    panel(table(`${title} on ${label}`, asColumns(columnsFor(rows)), rows)),
    panel(table(`Cost on ${label}`, asColumns(costColumnsFor(rows)), rows)),
    front.length > 0 &&
      element(
        "p",
        { class: "note" },
        `On the Pareto front of ${title.replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase())} and MACs: ${front.join(", ")}.`,
      ),
  );
}

/** Where the networks look: in numbers if the objects are known, and on a few images side by side. */
function lookPart(comparison: Comparison, backbone: string): Markup | null {
  const own = comparison.rows.filter((row) => row.backbone === backbone);
  const strips = mapStrips(comparison, backbone);
  const note = lookNote(comparison);
  if (!strips && !note) return null;
  return section(
    `Where they look: ${backbone}`,
    note,
    note && panel(table(`Where they look: ${backbone}`, asColumns(lookColumns), own)),
    strips && panel(element("p", { class: "note" }, strips.note), scrollable(strips.title, raw(strips.svg))),
  );
}

function costPart(costs: Costs): Markup {
  const own: Column<CostRow>[] = measuredColumns.map(({ name, cell }, i) => ({
    name,
    cell,
    ...(i > 0 && { kind: "number" as const }),
  }));
  return section(
    "Speed and memory",
    costNote(costs),
    panel(table("Speed and memory", [{ name: "backbone", cell: ({ backbone }) => backbone }, ...own], costs.rows)),
  );
}

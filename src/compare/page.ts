import { differencePlot, paretoPlot, scorePlot } from "./charts.js";
import { type Costs, costNote, measuredColumns } from "./costs.js";
import { commandOf } from "./flags.js";
import { scoreOfPlan } from "./plan.js";
import { mapStrips } from "./strips.js";
import {
  type Comparison,
  columnsFor,
  costColumnsFor,
  design,
  lookColumns,
  lookNote,
  markdown,
  notes,
  rowTable,
  sourceName,
  verdictList,
} from "./tables.js";
import { scoreTitles } from "./task-tables.js";
import { scaleOf } from "./verdict.js";

/** A comparison, with what was measured of costs. */
export interface PageEntry {
  readonly comparison: Comparison;
  readonly costs?: Costs | undefined;
}

/**
 * Comparisons as one page of Markdown for documentation: findings, tables with intervals, costs, where the networks look, and the
 * commands. `folder` is the folder of the page's charts.
 */
export function comparisonPage(
  entries: readonly PageEntry[],
  folder: string,
): { readonly text: string; readonly drawings: ReadonlyMap<string, string> } {
  const drawings = new Map<string, string>();
  const draw = (name: string, alt: string, svg: string): string => {
    const file = `${name.replace(/[^\w.-]+/g, "-")}.svg`;
    drawings.set(file, svg);
    return `![${alt}](${folder}/${file})`;
  };
  const parts = entries.flatMap((entry, i) => entryPart(entry, (name, alt, svg) => draw(`${i + 1}-${name}`, alt, svg)));
  const intro =
    "Written by `fovea compare tables`. Differences are paired by seed, with 95 % intervals; p is that of the paired t test after Holm's correction over all modules of a comparison. For the methods, see [Comparing modules](comparing.md).";
  return { text: `${["# Results", intro, ...parts].join("\n\n")}\n`, drawings };
}

function entryPart(
  { comparison, costs }: PageEntry,
  draw: (name: string, alt: string, svg: string) => string,
): string[] {
  const { plan, rows } = comparison;
  const note = lookNote(comparison);
  return [
    `## ${plan.backbones.map(({ label }) => label).join(", ")} on ${sourceName(plan.data.source)}`,
    headline(comparison),
    design(comparison),
    ...plan.backbones.flatMap(({ label }) => {
      const own = rows.filter(({ backbone }) => backbone === label);
      const { entrant: base, measure } = own[0]!;
      const title = scoreTitles[measure];
      const strips = mapStrips(comparison, label);
      const timed = costs?.rows.filter(({ backbone }) => backbone === label) ?? [];
      return [
        ...(plan.backbones.length > 1 ? [`### ${label}`] : []),
        draw(`${label}-accuracy`, `${title} on ${label}, a dot per seed`, scorePlot(own)),
        draw(`${label}-differences`, `Difference from ${base} on ${label}`, differencePlot(own)),
        rowTable(own, columnsFor(own)),
        verdictList(own),
        "**Cost**",
        rowTable(own, costColumnsFor(own)),
        draw(`${label}-work`, `${title} and compute on ${label}`, paretoPlot(own).svg),
        ...(timed.length > 0
          ? [
              costNote(costs!),
              markdown(
                measuredColumns.map(({ name }) => name),
                timed.map((row) => measuredColumns.map(({ cell }) => cell(row))),
              ),
            ]
          : []),
        ...(note || strips ? ["**Where they look**"] : []),
        ...(note ? [note, rowTable(own, lookColumns)] : []),
        ...(strips ? [strips.note, draw(`${label}-maps`, strips.title, strips.svg)] : []),
      ];
    }),
    ...notes(comparison).map((said) => `> ${said}`),
    "Command:",
    commandOf(plan),
  ];
}

/** The findings, in a sentence or two. */
function headline({ plan, rows }: Comparison): string {
  const { text, points } = scaleOf(scoreOfPlan(plan));
  const tested = rows.filter(({ difference }) => typeof difference?.pHolm === "number");
  if (tested.length === 0) return "**No difference could be tested.**";
  const found = tested.filter(({ difference }) => difference!.pHolm! < 0.05);
  const several = new Set(rows.map(({ backbone }) => backbone)).size > 1;
  const names = found.map(
    ({ entrant, backbone, difference }) =>
      `${entrant}${several ? ` in ${backbone}` : ""} (${text(difference!.mean, true)}${points})`,
  );
  const detectable = tested.flatMap(({ difference }) => difference!.detectable ?? []).sort((a, b) => a - b);
  const middle = detectable[Math.floor(detectable.length / 2)];
  return `**${found.length} of ${tested.length} differences survive Holm's correction${found.length > 0 ? `: ${names.join(", ")}` : ""}.**${middle === undefined ? "" : ` Half of the comparisons had 80 % power to detect a difference of ${text(middle)}${points}.`}`;
}

import { csv } from "../core/csv.js";
import { type MainScore, mainScores } from "../core/tasks.js";
import { type Column, page, panel, section, table } from "../report/page.js";
import { scatter } from "../report/scatter.js";
import { element, raw } from "../report/svg.js";
import { scoreOfPlan } from "./plan.js";
import { scoreOf, type UnitResult } from "./results.js";
import { markdown, sourceName } from "./tables.js";
import { type Rung, type Search, type TrialSettings, usedOf } from "./tune.js";
import { type Scale, scaleOf } from "./verdict.js";

/** A trial with its results. */
export interface TrialRow {
  readonly trial: TrialSettings;
  /** By rung, as far as it advanced. */
  readonly results: readonly UnitResult[];
}

/** A search as it is shown. */
export interface SearchResult {
  readonly search: Search;
  readonly rungs: readonly Rung[];
  readonly rows: readonly TrialRow[];
  /** The best of the last rung, if any trial got there. */
  readonly winner: TrialRow | null;
  readonly images: { readonly train: number; readonly validation: number; readonly test: number };
}

/** `lr=0.1 reduction=8` */
export const trialTitle = ({ setting, options }: TrialSettings): string =>
  Object.entries({ ...setting, ...options })
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

const names = ({ search }: SearchResult) => search.space.map(({ name }) => name);
const settingOf = ({ trial }: TrialRow, name: string) =>
  (({ ...trial.setting, ...trial.options }) as Record<string, unknown>)[name];
/** By what the networks of a search are ranked. */
const measureOf = ({ search: { data, backbone } }: SearchResult): MainScore =>
  scoreOfPlan({ data, backbones: [backbone] });
const validation = (result: UnitResult | undefined, { text }: Scale): string =>
  result ? (result.last ? text(scoreOf(result.last.validation)) : "diverged") : "";

/** What was searched, in a sentence. */
export function searchText({ search, rungs, images }: SearchResult): string {
  const { data, backbone, module, grid, seed, eta } = search;
  return `${backbone.label} with ${module.label} on ${sourceName(data.source)}: ${images.train} training and ${images.validation} validation images. ${grid ? "A grid" : `Random draws of seed ${seed}`}, successive halving with η = ${eta}: ${rungs.map((rung) => `${rung.trials} for ${rung.epochs} ${rung.epochs === 1 ? "epoch" : "epochs"}`).join(", ")}.`;
}

/** The winner, in a sentence. It was chosen with one seed, on the validation images. */
export function winnerText(result: SearchResult): string {
  const { winner, search } = result;
  const measured = winner?.results.at(-1)?.last;
  if (!measured) return "No trial reached the last rung.";
  const worth = search.module.name === "none" ? "" : ": confirm it with fovea compare and several seeds";
  const measure = measureOf(result);
  const { text, unit } = scaleOf(measure);
  const [own, tested] = [measured.validation, measured.test].map((one) => `${text(scoreOf(one))}${unit}`);
  const validated =
    measure === "top1" ? `${own} of the validation images` : `${mainScores[measure]} ${own} on the validation images`;
  return `Best: ${trialTitle(winner.trial)}, ${validated}; on the test images, held out to the end, ${tested}. It is the best of many trials with one seed (${search.seed})${worth}.`;
}

/** The best settings as a plan for `compare`, with the network without a module as the baseline; null if the search was for that network. */
export function winnerPlan({ search, winner }: SearchResult): object | null {
  const { name, options } = search.module;
  if (!winner || name === "none") return null;
  return {
    data: search.data,
    backbones: [search.backbone],
    modules: ["none", { name, options: { ...options, ...winner.trial.options }, label: name }],
    seeds: 6,
    settings: [usedOf(winner.trial.setting)],
    epochs: search.epochs,
    threads: search.threads,
  };
}

/** Those that advanced furthest first, and of these the best. */
const ranked = ({ rows }: SearchResult): TrialRow[] =>
  [...rows].sort((a, b) => {
    const [x, y] = [a, b].map(({ results }) => results.at(-1)?.last?.validation);
    const score = (one: typeof x) => (one ? scoreOf(one) : Number.NEGATIVE_INFINITY);
    return (
      b.results.length - a.results.length ||
      (score(y) === score(x) ? 0 : score(y) - score(x)) ||
      a.trial.number - b.trial.number
    );
  });

/** `trials.csv`: one line per trial and rung. */
export function trialsCsv(result: SearchResult): string {
  const own = measureOf(result);
  const measured = [...(own === "r2" ? [] : (["top1"] as const)), "loss", ...(own === "top1" ? [] : [own])] as const;
  const header = [
    "trial",
    ...names(result),
    "rung",
    "epochs",
    "status",
    ...measured.map((name) => `validation_${name}`),
  ];
  const lines = result.rows.flatMap((row) =>
    row.results.map((one, rung) => [
      row.trial.number,
      ...names(result).map((name) => settingOf(row, name)),
      rung + 1,
      result.rungs[rung]!.epochs,
      one.status,
      ...measured.map((name) => one.last?.validation[name]),
    ]),
  );
  return csv([header, ...lines]);
}

const columnsOf = (result: SearchResult, scale = scaleOf(measureOf(result))): Column<TrialRow>[] => [
  { name: "trial", kind: "number", cell: ({ trial }) => String(trial.number) },
  ...names(result).map(
    (name): Column<TrialRow> => ({ name, kind: "number", cell: (row) => String(settingOf(row, name)) }),
  ),
  ...result.rungs.map(
    ({ epochs }, rung): Column<TrialRow> => ({
      name: `validation ${scale.heading}, ${epochs} ${epochs === 1 ? "epoch" : "epochs"}`,
      kind: "number",
      cell: ({ results }) => validation(results[rung], scale),
    }),
  ),
];

/** `table.md` of a search. */
export function searchMarkdown(result: SearchResult): string {
  const columns = columnsOf(result);
  const table = markdown(
    columns.map(({ name }) => name),
    ranked(result).map((row) => columns.map(({ cell }) => String(cell(row)))),
  );
  return `${["# Search", searchText(result), winnerText(result), table].join("\n\n")}\n`;
}

/** The report of a search: self-contained, without scripts. */
export function searchReport(result: SearchResult): string {
  const numbers = result.search.space.filter(
    (dimension) => "low" in dimension || dimension.choices.every((x) => typeof x === "number"),
  );
  const { heading, factor } = scaleOf(measureOf(result));
  const charts = numbers.map(({ name }) => {
    const log = Math.min(...result.rows.map((row) => Number(settingOf(row, name)))) > 0;
    return panel(
      raw(
        scatter({
          title: name,
          xLabel: log ? `log₁₀ ${name}` : name,
          yLabel: `validation ${heading}, furthest rung`,
          points: result.rows.flatMap((row) => {
            const measured = row.results.at(-1)?.last;
            const x = Number(settingOf(row, name));
            return measured
              ? [
                  {
                    name: String(row.trial.number),
                    x: log ? Math.log10(x) : x,
                    y: factor * scoreOf(measured.validation),
                  },
                ]
              : [];
          }),
        }),
      ),
    );
  });
  return page(
    "Search",
    element("p", { class: "eyebrow" }, "fovea tune"),
    element(
      "h1",
      {},
      `${result.search.module.label} in ${result.search.backbone.label} on ${sourceName(result.search.data.source)}`,
    ),
    element("p", {}, searchText(result)),
    element("p", {}, winnerText(result)),
    section(
      "Trials",
      "Those that advanced furthest come first.",
      panel(table("Trials", columnsOf(result), ranked(result), 40)),
    ),
    charts.length > 0 && section("By setting", null, element("div", { class: "grid" }, charts)),
  );
}

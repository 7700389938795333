import type { ReidMetrics, RetrievalScores } from "../core/retrieval-evaluation.js";
import { check, fieldsOf, isObject, maybe, orNull, settings, text, that, whole } from "../core/schema.js";
import {
  type LabelMetrics,
  type MultiLabelMetrics,
  type RegressionMetrics,
  type TargetMetrics,
  type TargetsMetrics,
  targetsEvaluationSchema,
} from "../core/target-evaluation.js";
import { bestOf, mainScore } from "../core/tasks.js";
import { drawLineChart } from "./line-chart.js";
import { type Column, meter, page, panel, section, table } from "./page.js";
import { configuration, nextSteps, type RunReport, skippedFiles } from "./run-report.js";
import { element, type Markup, raw } from "./svg.js";
import { formatNumber, formatScore, formatShare, plural } from "./text.js";
import { type Figure, figureList, type ReportEpoch, trainingSection } from "./training-curves.js";

/** Contents of the report of a run that learns labels, numbers or identities; `RunReport` says what is shared. */
export interface TargetsReport
  extends Pick<RunReport, "title" | "summary" | "validationOf" | "skipped" | "config" | "next"> {
  readonly history: readonly ReportEpoch[];
  /** Metrics on the validation data. */
  readonly validation: TargetsMetrics | null;
  /** Metrics of the same weights on test images. */
  readonly test?: TargetsMetrics | null;
  /** Number of all files that could not be used, if `skipped` lacks some. */
  readonly skippedCount?: number;
}

const rows = that<never>("a list of objects", (x) => Array.isArray(x) && x.every(isObject));
const reportSchema = fieldsOf<TargetsReport>(
  {
    title: text,
    summary: maybe(rows),
    history: rows,
    validation: orNull(targetsEvaluationSchema),
    validationOf: maybe(text),
    test: maybe(orNull(targetsEvaluationSchema)),
    skipped: maybe(rows),
    skippedCount: maybe(whole(0)),
    config: settings,
    next: maybe(rows),
  },
  "a run, { title, history, … }",
);

/** A run that learns labels, numbers or identities as one HTML page: self-contained, without scripts, printable. */
export function renderTargetsReport(run: TargetsReport): string {
  check("renderTargetsReport", "run", reportSchema, run);
  return page(
    run.title,
    element("p", { class: "eyebrow" }, "Fovea training report"),
    element("h1", {}, run.title),
    headline(run),
    curves(run.history),
    run.validation && measured("Validation", run.validation, run.validationOf),
    run.test ? measured("Test", run.test, "the same weights, on images held out to the end") : false,
    skippedFiles(run.skipped ?? [], run.skippedCount),
    configuration(run.config),
    nextSteps(run.next ?? []),
  );
}

function headline({ history, summary = [], validation, test }: TargetsReport): Markup {
  const [best, final] = [bestOf(history), history.at(-1)];
  const last = final?.epoch ?? 0;
  const score = best && mainScore(best);
  const figures: Figure[] = [];
  if (best && score)
    figures.push({
      label: `Best validation ${score.name}`,
      value: formatScore(score.field, score.value),
      note: `epoch ${formatNumber(best.epoch)} of ${formatNumber(last)}`,
    });
  else figures.push({ label: "Epochs", value: last ? formatNumber(last) : "none yet" });
  if (validation)
    for (const [label, value] of secondary(validation)) figures.push({ label, value, note: "best weights" });
  const tested = test && mainScore(test);
  if (tested)
    figures.push({
      label: `Test ${tested.name}`,
      value: formatScore(tested.field, tested.value),
      note: "best weights",
    });
  return figureList(figures, summary);
}

function secondary(metrics: TargetsMetrics): (readonly [string, string])[] {
  if ("labels" in metrics)
    return [
      ["F1 (macro)", formatShare(metrics.f1Macro)],
      ["F1 (micro)", formatShare(metrics.f1Micro)],
    ];
  if ("rank1" in metrics)
    return [
      ["Rank-1", formatShare(metrics.rank1)],
      ["Rank-5", formatShare(metrics.rank5)],
    ];
  return [
    ["Mean absolute error", formatNumber(metrics.mae)],
    ["RMSE", formatNumber(metrics.rmse)],
  ];
}

function curves(history: readonly ReportEpoch[]): Markup | false {
  if (history.some(({ rank1 }) => rank1 !== undefined)) return retrievalCurves(history);
  const ofLabels = history.some(({ trainTop1 }) => trainTop1 !== null);
  const shares = ofLabels
    ? [
        {
          title: "Mean average precision",
          yLabel: "average precision, mean over the labels",
          validation: ({ map }: ReportEpoch) => map,
        },
        {
          title: "Correct labels",
          yLabel: "share of answers, one per image and label",
          training: ({ trainTop1 }: ReportEpoch) => trainTop1,
          validation: ({ top1 }: ReportEpoch) => top1,
        },
      ]
    : [
        {
          title: "R²",
          yLabel: "explained share of the variance",
          validation: ({ r2 }: ReportEpoch) => r2,
          percent: false,
        },
      ];
  return trainingSection(
    history,
    bestOf(history),
    shares,
    `Training metrics are measured in training mode while the weights still change. The loss is ${ofLabels ? "binary cross entropy" : "the mean squared error of the normalized targets"}.`,
    { lossLabel: `${ofLabels ? "binary cross entropy in nats" : "mean squared error, normalized"}; lower is better` },
  );
}

const retrievalCurves = (history: readonly ReportEpoch[]): Markup | false =>
  trainingSection(
    history,
    bestOf(history),
    [
      {
        title: "Mean average precision",
        yLabel: "average precision, mean over the queries",
        validation: ({ map }) => map,
      },
      { title: "Rank-1", yLabel: "share of queries whose nearest image matches", validation: ({ rank1 }) => rank1 },
      {
        title: "Training identities",
        yLabel: "share of images that are classified correctly",
        training: ({ trainTop1 }) => trainTop1,
        validation: () => null,
      },
    ],
    "Training metrics are measured in training mode while the weights still change. The loss is cross entropy of the training identities plus the triplet loss.",
    { lossLabel: "cross entropy and triplet loss; lower is better" },
  );

function measured(title: string, metrics: TargetsMetrics, weights: string | undefined): Markup {
  const of = `${plural(metrics.count, "image")}${weights ? `, ${weights}` : ""}`;
  if ("rank1" in metrics) return identities(title, metrics, of);
  return "labels" in metrics ? labels(title, metrics, of) : targets(title, metrics, of);
}

function identities(title: string, metrics: ReidMetrics, of: string): Markup {
  const { queries, gallery, cmc, reranked } = metrics;
  const rows: [string, RetrievalScores][] = [
    ["by distance", metrics],
    ...(reranked ? [["re-ranked", reranked] as [string, RetrievalScores]] : []),
  ];
  const share = (name: string, field: keyof RetrievalScores): Column<[string, RetrievalScores]> => ({
    name,
    kind: "number",
    cell: ([, scores]) => formatShare(scores[field]),
  });
  const columns = [
    { name: "ranking", cell: ([name]: [string, RetrievalScores]) => name },
    share("mAP", "map"),
    share("rank-1", "rank1"),
    share("rank-5", "rank5"),
    share("rank-10", "rank10"),
  ];
  return section(
    title,
    `${of}: ${plural(queries, "query", "queries")} with a match, in a gallery of ${formatNumber(gallery)}.`,
    panel(table(`${title}: ranks`, columns, rows, 24)),
    panel(
      raw(
        drawLineChart({
          title: "Cumulative matching characteristic",
          xLabel: "rank",
          yLabel: "share of queries with a match among the first images",
          percent: true,
          series: [{ name: "", points: cmc.map((value, i) => [i + 1, value]) }],
        }),
      ),
    ),
  );
}

function labels(title: string, metrics: MultiLabelMetrics, of: string): Markup {
  const columns: Column<LabelMetrics>[] = [
    { name: "label", cell: ({ name }) => name },
    { name: "images", kind: "number", cell: ({ count }) => formatNumber(count) },
    { name: "average precision", kind: "number", cell: ({ ap }) => meter(ap, formatShare(ap)) },
    { name: "F1", kind: "number", cell: ({ f1 }) => formatShare(f1) },
    { name: "precision", kind: "number", cell: ({ precision }) => formatShare(precision) },
    { name: "recall", kind: "number", cell: ({ recall }) => formatShare(recall) },
  ];
  const weakest = [...metrics.labels].sort((a, b) => (a.ap ?? 2) - (b.ap ?? 2));
  return section(
    title,
    `${of}: mAP ${formatShare(metrics.map)}, F1 ${formatShare(metrics.f1Macro)} (macro) and ${formatShare(metrics.f1Micro)} (micro), loss ${formatNumber(metrics.loss)}.`,
    panel(
      element("h3", {}, "Labels, weakest first"),
      element("p", { class: "note" }, "F1, precision and recall are at a probability of 50 %."),
      table(`${title}: labels`, columns, weakest, 24),
    ),
  );
}

function targets(title: string, metrics: RegressionMetrics, of: string): Markup {
  const columns: Column<TargetMetrics>[] = [
    { name: "target", cell: ({ name }) => name },
    { name: "R²", kind: "number", cell: ({ r2 }) => formatNumber(r2) },
    { name: "mean absolute error", kind: "number", cell: ({ mae }) => formatNumber(mae) },
    { name: "RMSE", kind: "number", cell: ({ rmse }) => formatNumber(rmse) },
  ];
  return section(
    title,
    `${of}: R² ${formatNumber(metrics.r2)}, mean absolute error ${formatNumber(metrics.mae)}, RMSE ${formatNumber(metrics.rmse)}, loss ${formatNumber(metrics.loss)}. Errors are in the data's units.`,
    panel(table(`${title}: targets`, columns, [...metrics.targets], 24)),
  );
}

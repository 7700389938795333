import { type ClassificationMetrics, type ClassMetrics, evaluationSchema } from "../core/evaluation.js";
import { type EpochMaps, type Findings, reportParts, type SeenImage } from "../core/findings.js";
import { check, fieldsOf, isObject, maybe, orNull, settings, text, that } from "../core/schema.js";
import { bestOf } from "../core/tasks.js";
import { flattenConfig } from "./config-table.js";
import { confusionMatrix, mostConfused } from "./confusion-matrix.js";
import { findingsSections, followedMaps } from "./looks.js";
import { type Column, meter, page, panel, scrollable, section, table } from "./page.js";
import { element, type Markup, raw } from "./svg.js";
import { formatNumber, formatShare, plural } from "./text.js";
import { type Figure, figureList, type ReportEpoch, trainingSection } from "./training-curves.js";

/** Contents of a report. */
export interface RunReport {
  /** Heading of the page. */
  readonly title: string;
  /** Further headline numbers, for example parameters and speed. */
  readonly summary?: readonly { readonly label: string; readonly value: string | number }[];
  /** One record per epoch. */
  readonly history: readonly ReportEpoch[];
  /** Metrics on the validation data. */
  readonly validation: ClassificationMetrics | null;
  /** Which weights `validation` measured, for example "best weights, epoch 7". */
  readonly validationOf?: string;
  /** Metrics of the same weights on test images. */
  readonly test?: ClassificationMetrics | null;
  /** Images that are followed through the epochs, and their maps after each. */
  readonly followed?: readonly SeenImage[];
  /** Maps of the followed images, one entry per epoch. */
  readonly maps?: readonly EpochMaps[];
  /** Findings about the best weights on the validation images. */
  readonly findings?: Findings | null;
  /** Files of the data that could not be used. */
  readonly skipped?: readonly { readonly file: string; readonly reason: string }[];
  /** Plain data, nested to any depth. */
  readonly config: object;
  /** Commands to run next. */
  readonly next?: readonly { readonly purpose: string; readonly command: string }[];
}

const rows = that<never>("a list of objects", (x) => Array.isArray(x) && x.every(isObject));
const runSchema = fieldsOf<RunReport>(
  {
    title: text,
    summary: maybe(rows),
    history: rows,
    validation: orNull(evaluationSchema),
    validationOf: maybe(text),
    test: maybe(orNull(evaluationSchema)),
    ...reportParts,
    skipped: maybe(rows),
    config: settings,
    next: maybe(rows),
  },
  "a run, { title, history, … }",
);

/**
 * A training run as one HTML page: self-contained, without scripts, printable.
 *
 * @example
 * renderReport({ title: "resnet20 on shapes", config: { epochs: 1 }, validation: null,
 *   history: [{ epoch: 1, lr: 0.1, trainLoss: 1.9, trainTop1: 0.31, loss: null, top1: null, top5: null }] });
 */
export function renderReport(run: RunReport): string {
  check("renderReport", "run", runSchema, run);
  return page(
    run.title,
    element("p", { class: "eyebrow" }, "Fovea training report"),
    element("h1", {}, run.title),
    headline(run),
    curves(run.history),
    run.validation && mistakes("Validation", run.validation, run.validationOf),
    followedMaps(run.followed ?? [], run.maps ?? [], bestOf(run.history)?.epoch),
    run.findings ? findingsSections(run.findings) : false,
    run.test ? mistakes("Test", run.test, "the same weights, on images held out to the end") : false,
    skippedFiles(run.skipped ?? []),
    configuration(run.config),
    nextSteps(run.next ?? []),
  );
}

function headline({ history, summary = [], test }: RunReport): Markup {
  const best = bestOf(history);
  const final = history.at(-1);
  const last = final?.epoch ?? 0;
  const after = best && `epoch ${formatNumber(best.epoch)} of ${formatNumber(last)}`;
  const figures: Figure[] = [];
  if (best && Number.isFinite(best.top1))
    figures.push({ label: "Best validation top-1", value: formatShare(best.top1), note: after });
  else if (best) figures.push({ label: "Lowest training loss", value: formatNumber(best.trainLoss), note: after });
  else figures.push({ label: "Epochs", value: last ? formatNumber(last) : "none yet" });
  if (final && Number.isFinite(final.top1))
    figures.push({
      label: "Final validation top-1",
      value: formatShare(final.top1),
      note: `epoch ${formatNumber(last)}`,
    });
  if (test) figures.push({ label: "Test top-1", value: formatShare(test.top1), note: "best weights" });
  return figureList(figures, summary);
}

function curves(history: readonly ReportEpoch[]): Markup | false {
  const best = bestOf(history);
  return trainingSection(
    history,
    best,
    [
      {
        title: "Accuracy",
        yLabel: "share of images whose top prediction is correct",
        training: ({ trainTop1 }) => trainTop1,
        validation: ({ top1 }) => top1,
      },
    ],
    "Training metrics are measured on augmented images while the weights still change, so they may be worse than validation metrics.",
    {},
    panel(element("h3", {}, "In numbers"), milestones(history, best)),
  );
}

/** A few evenly spaced epochs, and the best. */
function milestones(history: readonly ReportEpoch[], best: ReportEpoch | undefined): Markup[] {
  const chosen = new Set([0, 0.2, 0.4, 0.6, 0.8, 1].map((part) => history[Math.round(part * (history.length - 1))]!));
  const rows = history.filter((record) => record === best || chosen.has(record));
  const columns: Column<ReportEpoch>[] = [
    { name: "epoch", cell: (r) => `${formatNumber(r.epoch)}${r === best && rows.length > 1 ? " (best)" : ""}` },
    { name: "train loss", kind: "number", cell: (r) => formatNumber(r.trainLoss) },
    { name: "train top-1", kind: "number", cell: (r) => formatShare(r.trainTop1) },
    { name: "loss", kind: "number", cell: (r) => formatNumber(r.loss) },
    { name: "top-1", kind: "number", cell: (r) => formatShare(r.top1) },
    { name: "top-5", kind: "number", cell: (r) => formatShare(r.top5) },
  ];
  return table("Some epochs in numbers", columns, rows);
}

function mistakes(title: string, metrics: ClassificationMetrics, weights: string | undefined): Markup {
  const { classes, confusion } = metrics;
  const names = classes.map(({ name }) => name);
  const pairs = mostConfused(confusion, 12);
  const weakest = [...classes].sort((a, b) => (a.recall ?? 2) - (b.recall ?? 2));
  const figures = `top-1 ${formatShare(metrics.top1)}, top-5 ${formatShare(metrics.top5)}, loss ${formatNumber(metrics.loss)}`;
  return section(
    title,
    `${plural(metrics.count, "image")}${weights ? `, ${weights}` : ""}: ${figures}.`,
    element(
      "div",
      { class: "grid" },
      panel(
        element("h3", {}, "Confusion matrix"),
        scrollable(`${title}: confusion matrix`, raw(confusionMatrix({ classes: names, counts: confusion, pairs: 0 }))),
      ),
      panel(
        element("h3", {}, "Most confused"),
        pairs.length
          ? table(`${title}: most confused`, pairColumns(names), pairs)
          : element("p", { class: "note" }, "None: every image is classified correctly."),
      ),
    ),
    element(
      "div",
      { class: "grid" },
      panel(
        element("h3", {}, "Classes, weakest first"),
        element("p", { class: "note" }, classNote),
        table(`${title}: classes`, classColumns, weakest, 20),
      ),
    ),
  );
}

function pairColumns(names: readonly string[]): Column<ReturnType<typeof mostConfused>[number]>[] {
  return [
    { name: "true class", cell: ({ label }) => names[label] },
    { name: "predicted as", cell: ({ prediction }) => names[prediction] },
    { name: "images", kind: "number", cell: ({ count }) => formatNumber(count) },
    { name: "of its class", kind: "number", cell: ({ share }) => formatShare(share) },
  ];
}

const classNote =
  "Recall: the share of the images of a class that were recognized. Precision: how often a prediction of the class was correct.";

const classColumns: Column<ClassMetrics>[] = [
  { name: "class", cell: ({ name }) => name },
  { name: "images", kind: "number", cell: ({ count }) => formatNumber(count) },
  { name: "right", kind: "number", cell: ({ correct }) => formatNumber(correct) },
  { name: "recall", kind: "number", cell: ({ recall }) => meter(recall, formatShare(recall)) },
  {
    name: "precision",
    kind: "number",
    cell: ({ precision }) => meter(precision, formatShare(precision)),
  },
];

/** Files that could not be used; `count` is their number if `skipped` lacks some. */
export function skippedFiles(
  skipped: readonly { readonly file: string; readonly reason: string }[],
  count = skipped.length,
): Markup | false {
  if (!skipped.length) return false;
  const columns: Column<(typeof skipped)[number]>[] = [
    { name: "file", kind: "code", cell: ({ file }) => file },
    { name: "reason", cell: ({ reason }) => reason },
  ];
  const most = 1000;
  return section(
    "Skipped files",
    `${plural(count, "file")} could not be used and ${count === 1 ? "was" : "were"} left out.`,
    panel(table("Skipped files", columns, skipped.slice(0, most), 8)),
    count > most && element("p", { class: "note" }, `Only the first ${formatNumber(most)} are listed.`),
  );
}

export function configuration(config: object): Markup | false {
  const settings = flattenConfig(config);
  if (!settings.length) return false;
  const columns: Column<(typeof settings)[number]>[] = [
    { name: "setting", kind: "code", cell: ([path]) => path },
    { name: "value", kind: "code", cell: ([, value]) => value },
  ];
  return section(
    "Configuration",
    "Everything needed to repeat this run.",
    panel(table("Configuration", columns, settings)),
  );
}

export function nextSteps(steps: readonly { readonly purpose: string; readonly command: string }[]): Markup | false {
  if (!steps.length) return false;
  const shown = steps.map(({ purpose, command }) =>
    element("div", { class: "step" }, element("p", {}, purpose), element("pre", {}, command)),
  );
  return section("What to do next", null, ...shown);
}

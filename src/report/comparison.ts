import type { EpochMaps, SeenImage } from "../core/findings.js";
import { check, fieldsOf, list, that } from "../core/schema.js";
import { bestOf, isShare, type MainScore, mainScore, mainScores } from "../core/tasks.js";
import { drawLineChart } from "./line-chart.js";
import { gridOf, planarOf, runMapCell } from "./looks.js";
import type { Cell } from "./maps/index.js";
import { type Column, page, panel, section, table } from "./page.js";
import { element, type Markup, raw } from "./svg.js";
import { formatNumber, formatScore, plural } from "./text.js";
import type { ReportEpoch } from "./training-curves.js";

/** One of the runs that are compared. */
export interface ComparedRun {
  readonly name: string;
  /** What was trained on what. */
  readonly title: string;
  readonly history: readonly ReportEpoch[];
  /** Null if it was not recorded. */
  readonly parameters: number | null;
  /** The main score of the test images. */
  readonly test: number | null;
  /** Images a second, and seconds of all epochs together. */
  readonly speed: number;
  readonly seconds: number;
  readonly followed: readonly SeenImage[];
  /** Of the best epoch, or of the last one that has any. */
  readonly maps: EpochMaps | null;
}

const runsSchema = list(
  fieldsOf<Pick<ComparedRun, "name" | "history">>({
    name: that("a string", (x) => typeof x === "string"),
    history: that("a list of epochs", Array.isArray),
  }),
  "a list of runs",
  1,
);

/** What the charts of each score are called, and the loss that belongs to it. */
const charts: Readonly<Record<MainScore, { readonly title: string; readonly yLabel: string; readonly loss: string }>> =
  {
    top1: {
      title: "Validation accuracy",
      yLabel: "share of images whose top prediction is correct",
      loss: "cross entropy in nats",
    },
    miou: {
      title: "Validation mean IoU",
      yLabel: "intersection over union, mean over the classes",
      loss: "cross entropy in nats",
    },
    map: {
      title: "Validation mean average precision",
      yLabel: "average precision, mean over the labels",
      loss: "binary cross entropy in nats",
    },
    r2: {
      title: "Validation R²",
      yLabel: "explained share of the variance",
      loss: "mean squared error, normalized",
    },
  };

/** The score by which the networks were chosen. */
const fieldOf = (runs: readonly ComparedRun[]): MainScore =>
  runs.flatMap(({ history }) => history.flatMap((record) => mainScore(record)?.field ?? []))[0] ?? "top1";

/** Several runs of one task side by side, as one page like that of a run: no other file, no script. */
export function renderComparison(runs: readonly ComparedRun[]): string {
  check("renderComparison", "runs", runsSchema, runs);
  const title = plural(runs.length, "run");
  return page(
    `${title} side by side`,
    element("p", { class: "eyebrow" }, "Fovea training report"),
    element("h1", {}, `${title} side by side`),
    figures(runs),
    curves(runs),
    maps(runs),
  );
}

function figures(runs: readonly ComparedRun[]): Markup {
  const field = fieldOf(runs);
  const name = mainScores[field];
  const cell = (record: ReportEpoch | undefined) => [
    formatScore(field, record?.[field]),
    record && element("small", {}, `epoch ${record.epoch}`),
  ];
  const tested = runs.some(({ test }) => test !== null);
  const columns: Column<ComparedRun>[] = [
    { name: "run", cell: ({ name, title }) => [name, element("small", {}, title)] },
    { name: `best ${name}`, kind: "number", cell: ({ history }) => cell(bestOf(history)) },
    { name: `final ${name}`, kind: "number", cell: ({ history }) => cell(history.at(-1)) },
    { name: "final loss", kind: "number", cell: ({ history }) => formatNumber(history.at(-1)?.loss) },
    ...(tested
      ? [{ name: `test ${name}`, kind: "number", cell: ({ test }: ComparedRun) => formatScore(field, test) } as const]
      : []),
    { name: "parameters", kind: "number", cell: ({ parameters }) => formatNumber(parameters) },
    { name: "images/s", kind: "number", cell: ({ speed }) => formatNumber(speed, 3) },
    { name: "minutes", kind: "number", cell: ({ seconds }) => formatNumber(seconds / 60, 3) },
  ];
  return section(
    "In numbers",
    `Best and final are ${name} on the validation images, on which the best epoch was chosen. One run per network cannot tell a better network from a luckier seed.`,
    panel(table("Runs in numbers", columns, runs)),
  );
}

function curves(runs: readonly ComparedRun[]): Markup {
  const field = fieldOf(runs);
  const { title, yLabel, loss } = charts[field];
  const lossLabel = `${loss}, lower is better`;
  const series = (value: (record: ReportEpoch) => number | null) =>
    runs.map(({ name, history }) => ({
      name,
      points: history.map((record) => [record.epoch, value(record)] as const),
    }));
  const chart = (options: Parameters<typeof drawLineChart>[0]) => panel(raw(drawLineChart(options)));
  return section(
    "Curves",
    null,
    element(
      "div",
      { class: "grid" },
      chart({
        title,
        yLabel,
        xLabel: "epoch",
        percent: isShare(field),
        series: series((record) => record[field] ?? null),
      }),
      chart({
        title: "Validation loss",
        yLabel: lossLabel,
        xLabel: "epoch",
        cutSpikes: true,
        series: series(({ loss }) => loss),
      }),
      chart({
        title: "Training loss",
        yLabel: lossLabel,
        xLabel: "epoch",
        cutSpikes: true,
        series: series(({ trainLoss }) => trainLoss),
      }),
    ),
  );
}

/** The images that are the same in all runs that follow any, and each run's maps of them. */
function maps(runs: readonly ComparedRun[]): Markup | false {
  const seeing = runs.filter(({ maps, followed }) => maps && maps.looks.length === followed.length);
  const [first] = seeing;
  if (!first) return false;
  const key = ({ index, label, image }: SeenImage) => JSON.stringify([index, label, image.rgb]);
  const shared = first.followed.filter((one) =>
    seeing.every(({ followed }) => followed.some((other) => key(other) === key(one))),
  );
  if (shared.length === 0)
    return section("Where they look", "The runs follow different images: their data or its split differs.");
  const images = shared.map(({ image }) => planarOf(image));
  const looks = (run: ComparedRun): Cell[] =>
    shared.map((one, i) =>
      runMapCell(run.maps!.looks[run.followed.findIndex((other) => key(other) === key(one))]!.cam, images[i]!),
    );
  const grid = gridOf(
    {
      title: "Grad-CAM of the same images by run",
      columns: shared.map(({ label }) => label),
      rows: ["images", ...seeing.map(({ name, maps }) => `${name}, epoch ${maps!.epoch}`)],
      cells: [images.map((image) => ({ image })), ...seeing.map(looks)],
    },
    { scale: "cell" },
  );
  return section(
    "Where they look",
    `Grad-CAM for the true class on ${plural(shared.length, "validation image")} that all these runs follow. Each map has its own scale: networks differ in their units.`,
    panel(grid),
  );
}

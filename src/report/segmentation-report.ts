import { type PixelClassMetrics, pixelEvaluationSchema, type SegmentationMetrics } from "../core/pixel-evaluation.js";
import { type MaskLook, masksSchema, type StoredLabels } from "../core/pixel-findings.js";
import { check, fieldsOf, isObject, maybe, orNull, settings, text, that } from "../core/schema.js";
import { bestOf } from "../core/tasks.js";
import { mostConfused } from "./confusion-matrix.js";
import { colored, type LabeledPixels } from "./label-colors.js";
import { gridOf, planarOf } from "./looks.js";
import { type Column, meter, page, panel, section, table } from "./page.js";
import { configuration, nextSteps, type RunReport, skippedFiles } from "./run-report.js";
import { element, type Markup } from "./svg.js";
import { formatNumber, formatShare, plural } from "./text.js";
import { type Figure, figureList, type ReportEpoch, trainingSection } from "./training-curves.js";

/** Contents of the report of a segmentation run; `RunReport` says what is shared. */
export interface SegmentationReport
  extends Pick<RunReport, "title" | "summary" | "validationOf" | "skipped" | "config" | "next"> {
  readonly history: readonly ReportEpoch[];
  /** Metrics on the validation data. */
  readonly validation: SegmentationMetrics | null;
  /** Metrics of the same weights on test images. */
  readonly test?: SegmentationMetrics | null;
  /** Predicted masks next to true ones. */
  readonly masks?: { readonly epoch: number; readonly looks: readonly MaskLook[] } | null;
}

const rows = that<never>("a list of objects", (x) => Array.isArray(x) && x.every(isObject));
const reportSchema = fieldsOf<SegmentationReport>(
  {
    title: text,
    summary: maybe(rows),
    history: rows,
    validation: orNull(pixelEvaluationSchema),
    validationOf: maybe(text),
    test: maybe(orNull(pixelEvaluationSchema)),
    masks: maybe(orNull(masksSchema)),
    skipped: maybe(rows),
    config: settings,
    next: maybe(rows),
  },
  "a run, { title, history, … }",
);

/** A segmentation run as one HTML page: self-contained, without scripts, printable. */
export function renderSegmentationReport(run: SegmentationReport): string {
  check("renderSegmentationReport", "run", reportSchema, run);
  const names = run.validation?.classes.map(({ name }) => name) ?? [];
  return page(
    run.title,
    element("p", { class: "eyebrow" }, "Fovea training report"),
    element("h1", {}, run.title),
    headline(run),
    curves(run.history),
    run.validation && classes("Validation", run.validation, run.validationOf),
    run.masks ? masks(run.masks, names) : false,
    run.test ? classes("Test", run.test, "the same weights, on images held out to the end") : false,
    skippedFiles(run.skipped ?? []),
    configuration(run.config),
    nextSteps(run.next ?? []),
  );
}

function headline({ history, summary = [], validation, test }: SegmentationReport): Markup {
  const [best, final] = [bestOf(history), history.at(-1)];
  const last = final?.epoch ?? 0;
  const figures: Figure[] = [];
  if (best?.miou !== undefined)
    figures.push({
      label: "Best validation mIoU",
      value: formatShare(best.miou),
      note: `epoch ${formatNumber(best.epoch)} of ${formatNumber(last)}`,
    });
  else figures.push({ label: "Epochs", value: last ? formatNumber(last) : "none yet" });
  if (validation) {
    figures.push({ label: "Pixel accuracy", value: formatShare(validation.top1), note: "best weights" });
    figures.push({ label: "Boundary F", value: formatShare(validation.boundaryF), note: "best weights" });
  }
  if (test) figures.push({ label: "Test mIoU", value: formatShare(test.miou), note: "best weights" });
  return figureList(figures, summary);
}

const curves = (history: readonly ReportEpoch[]): Markup | false =>
  trainingSection(
    history,
    bestOf(history),
    [
      {
        title: "Mean IoU",
        yLabel: "intersection over union, mean over the classes",
        validation: ({ miou }) => miou,
      },
      {
        title: "Pixel accuracy",
        yLabel: "share of labeled pixels whose prediction is correct",
        training: ({ trainTop1 }) => trainTop1,
        validation: ({ top1 }) => top1,
      },
    ],
    "Training metrics are measured on augmented crops while the weights still change, validation metrics on whole images. The loss is the cross entropy of the main output, whatever is minimized.",
  );

function classes(title: string, metrics: SegmentationMetrics, weights: string | undefined): Markup {
  const names = metrics.classes.map(({ name }) => name);
  const pairs = mostConfused(metrics.confusion, 12);
  const weakest = [...metrics.classes].sort((a, b) => (a.iou ?? 2) - (b.iou ?? 2));
  const figures = `mIoU ${formatShare(metrics.miou)}, pixel accuracy ${formatShare(metrics.top1)}, boundary F ${formatShare(metrics.boundaryF)}, loss ${formatNumber(metrics.loss)}`;
  const columns: Column<PixelClassMetrics>[] = [
    { name: "class", cell: ({ name }) => name },
    { name: "of all pixels", kind: "number", cell: ({ pixels }) => formatShare(pixels / Math.max(1, metrics.pixels)) },
    { name: "IoU", kind: "number", cell: ({ iou }) => meter(iou, formatShare(iou)) },
    { name: "recall", kind: "number", cell: ({ recall }) => formatShare(recall) },
    { name: "precision", kind: "number", cell: ({ precision }) => formatShare(precision) },
    { name: "boundary F", kind: "number", cell: ({ boundaryF }) => formatShare(boundaryF) },
  ];
  const confused: Column<(typeof pairs)[number]>[] = [
    { name: "true class", cell: ({ label }) => names[label] },
    { name: "predicted as", cell: ({ prediction }) => names[prediction] },
    { name: "pixels", kind: "number", cell: ({ count }) => formatNumber(count) },
    { name: "of its class", kind: "number", cell: ({ share }) => formatShare(share) },
  ];
  return section(
    title,
    `${plural(metrics.count, "image")}${weights ? `, ${weights}` : ""}: ${figures}.`,
    panel(
      element("h3", {}, "IoU per class, weakest first"),
      element(
        "p",
        { class: "note" },
        "IoU: intersection of the pixels of the class and those predicted as it, divided by their union. Boundary F: how well the outlines match, within 0.75 % of the image's diagonal.",
      ),
      table(`${title}: classes`, columns, weakest, 24),
    ),
    pairs.length > 0 && panel(element("h3", {}, "Most confused"), table(`${title}: most confused`, confused, pairs)),
  );
}

function masks({ epoch, looks }: NonNullable<SegmentationReport["masks"]>, names: readonly string[]): Markup | false {
  if (looks.length === 0) return false;
  const columns = looks.map(({ index, accuracy }) => `no. ${index}, ${formatShare(accuracy)}`);
  const image = (labels: StoredLabels) => ({ image: colored(labelsOf(labels)) });
  const grid = gridOf(
    {
      title: "Predicted masks next to the labels",
      columns,
      rows: ["images", "truth", "predicted", "wrong"],
      cells: [
        looks.map((look) => ({ image: planarOf(look.image) })),
        looks.map(({ truth }) => image(truth)),
        looks.map(({ prediction }) => image(prediction)),
        looks.map((look) => ({ image: mistakes(look) })),
      ],
    },
    { cellSize: 128 },
  );
  return section(
    "Predicted masks next to the labels",
    `The same ${plural(looks.length, "validation image")} in every report of this data, weights of epoch ${formatNumber(epoch)}, with the share of correct pixels. Ignored pixels are nearly white in the labels, and gray where errors are shown.`,
    panel(grid),
    names.length > 0 && panel(element("h3", {}, "Colors"), legend(names)),
  );
}

/** Wrong pixels white, right ones black, ignored ones gray. */
function mistakes({ truth, prediction }: MaskLook) {
  const [wanted, found] = [labelsOf(truth), labelsOf(prediction)];
  const shades = wanted.data.map((label, i) => (label === 255 ? 110 : label === found.data[i] ? 0 : 255));
  return { width: wanted.width, height: wanted.height, pixels: Uint8Array.from([...shades, ...shades, ...shades]) };
}

function legend(names: readonly string[]): Markup {
  const swatch = (label: number) => {
    const { pixels } = colored({ width: 1, height: 1, data: Uint8Array.of(label) });
    return element("i", {
      style: `display:inline-block;width:.8rem;height:.8rem;margin:0 .35rem 0 0;border:1px solid var(--rule);vertical-align:-.1rem;background:rgb(${[...pixels].join(",")})`,
    });
  };
  return element(
    "p",
    {},
    names.map((name, label) =>
      element("span", { style: "display:inline-block;margin-right:1.1rem" }, swatch(label), name),
    ),
  );
}

const labelsOf = ({ width, height, labels }: StoredLabels): LabeledPixels => ({
  width,
  height,
  data: Uint8Array.from(atob(labels), (c) => c.charCodeAt(0)),
});

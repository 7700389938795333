import { drawLineChart, type Point } from "./line-chart.js";
import { panel, section } from "./page.js";
import { element, type Markup, raw } from "./svg.js";
import { formatNumber } from "./text.js";

/** One finished epoch, as recorded by training. Shares are between 0 and 1; null without validation data. */
export interface ReportEpoch {
  readonly epoch: number;
  readonly lr: number;
  readonly trainLoss: number;
  readonly trainTop1: number | null;
  readonly loss: number | null;
  readonly top1: number | null;
  readonly top5: number | null;
  readonly miou?: number;
  readonly map?: number;
  readonly r2?: number;
  readonly rank1?: number;
}

/** A number of a page's head. */
export interface Figure {
  readonly label: string;
  readonly value: string;
  readonly note?: string | undefined;
}

/** The numbers of a page's head, and those that its caller adds. */
export function figureList(
  figures: readonly Figure[],
  summary: readonly { readonly label: string; readonly value: string | number }[],
): Markup {
  const added = summary.map(
    ({ label, value }): Figure => ({ label, value: typeof value === "number" ? formatNumber(value) : value }),
  );
  return element(
    "dl",
    { class: "figures" },
    [...figures, ...added].map(({ label, value, note }) =>
      element("div", {}, element("dt", {}, label), element("dd", {}, value, note && element("small", {}, note))),
    ),
  );
}

type Get<E> = (epoch: E) => number | null | undefined;

/** A chart of shares by epoch: of training, if that is measured, and of validation. */
export interface ShareChart<E> {
  readonly title: string;
  readonly yLabel: string;
  readonly training?: Get<E>;
  readonly validation: Get<E>;
  /** Whether values are shown in percent. Default true. */
  readonly percent?: boolean;
}

/** Charts of a training: the given ones, loss and learning rate. The best epoch is marked. */
export function trainingSection<E extends ReportEpoch>(
  history: readonly E[],
  best: E | undefined,
  shares: readonly ShareChart<E>[],
  note: string,
  { lossLabel = "cross entropy in nats, lower is better" }: { readonly lossLabel?: string } = {},
  ...more: Markup[]
): Markup | false {
  if (history.length === 0) return false;
  const mark = best && history.length > 1 ? { mark: { x: best.epoch, label: "best" } } : {};
  const points = (value: Get<E>): Point[] => history.map((epoch) => [epoch.epoch, value(epoch) ?? null]);
  const isValidated = history.some(({ loss }) => loss !== null);
  const both = (training: Get<E> | undefined, validation: Get<E>) => [
    ...(training ? [{ name: "training", points: points(training) }] : []),
    ...(isValidated || !training ? [{ name: "validation", points: points(validation) }] : []),
  ];
  const xLabel = "epoch";
  const charts = [
    ...shares.map(({ title, yLabel, training, validation, percent = true }) =>
      drawLineChart({ title, yLabel, xLabel, percent, series: both(training, validation), ...mark }),
    ),
    drawLineChart({
      title: "Loss",
      yLabel: lossLabel,
      xLabel,
      cutSpikes: true,
      series: both(
        ({ trainLoss }) => trainLoss,
        ({ loss }) => loss,
      ),
      ...mark,
    }),
    drawLineChart({
      title: "Learning rate",
      yLabel: "at the end of the epoch",
      xLabel,
      series: [{ name: "", points: points(({ lr }) => lr) }],
    }),
  ];
  return section(
    "Training",
    note,
    element(
      "div",
      { class: "grid" },
      charts.map((chart) => panel(raw(chart))),
      ...more,
    ),
  );
}

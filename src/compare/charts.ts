import { dotPlot } from "../report/dot-plot.js";
import { paretoFront, scatter } from "../report/scatter.js";
import type { Row } from "./analysis.js";
import { measureOf } from "./tables.js";

const percent = (share: number) => 100 * share;
const both = (range: readonly [number, number] | null | undefined): readonly [number, number] | null =>
  range ? [percent(range[0]), percent(range[1])] : null;
const fitting = (rows: readonly Row[]) => rows.filter(({ misfit }) => misfit === null);
const titleOf = (rows: readonly Row[]) => (measureOf(rows) === "mIoU" ? "Mean IoU" : "Accuracy");

/** The accuracies of the entrants of one backbone, a dot per seed; the band is the interval of the baseline. */
export function accuracyPlot(rows: readonly Row[]): string {
  const base = rows[0]!;
  return dotPlot({
    title: `${titleOf(rows)} after the last epoch`,
    xLabel: `${measureOf(rows)} %, a dot per seed`,
    band: both(base.interval),
    line: base.mean === null ? null : percent(base.mean),
    rows: fitting(rows).map((row) => ({
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
}

/** How the entrants of one backbone differ from the baseline. */
export function differencePlot(rows: readonly Row[]): string {
  const base = rows[0]!;
  return dotPlot({
    title: `Difference from ${base.entrant}`,
    xLabel: "points; thin: over seeds × images",
    line: 0,
    rows: fitting(rows)
      .filter((row) => row !== base)
      .map((row) => ({
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
}

/** Accuracy against multiply-accumulates, and the entrants on the Pareto front. */
export function paretoPlot(rows: readonly Row[]): { readonly svg: string; readonly front: readonly string[] } {
  const placed = fitting(rows).flatMap(({ entrant, macs, mean }) =>
    macs !== null && mean !== null ? [{ name: entrant, x: macs / 1e6, y: percent(mean) }] : [],
  );
  return {
    svg: scatter({
      title: `${titleOf(rows)} and compute`,
      xLabel: "million MACs per image",
      yLabel: `${measureOf(rows)} %`,
      points: placed,
    }),
    front: paretoFront(placed).map(({ name }) => name),
  };
}

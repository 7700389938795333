import { mainScores } from "../core/tasks.js";
import { dotPlot } from "../report/dot-plot.js";
import { paretoFront, scatter } from "../report/scatter.js";
import type { Row } from "./analysis.js";
import { scoreTitles } from "./task-tables.js";
import { scaleOf } from "./verdict.js";

const fitting = (rows: readonly Row[]) => rows.filter(({ misfit }) => misfit === null);

/** Scores of rows as they are drawn. */
function drawn(rows: readonly Row[]) {
  const { measure } = rows[0]!;
  const scale = scaleOf(measure);
  const value = (score: number) => scale.factor * score;
  return {
    ...scale,
    title: scoreTitles[measure],
    value,
    maybe: (score: number | null | undefined) => (typeof score === "number" ? value(score) : null),
    both: (range: readonly [number, number] | null | undefined): readonly [number, number] | null =>
      range ? [value(range[0]), value(range[1])] : null,
  };
}

/** The scores of the entrants of one backbone, a dot per seed; the band is the interval of the baseline. */
export function scorePlot(rows: readonly Row[]): string {
  const base = rows[0]!;
  const { title, heading, value, maybe, both } = drawn(rows);
  return dotPlot({
    title: `${title} after the last epoch`,
    xLabel: `${heading}, a dot per seed`,
    band: both(base.interval),
    line: maybe(base.mean),
    rows: fitting(rows).map((row) => ({
      name: row.entrant,
      dots: row.scores.map(({ seed, score, diverged }) => ({
        value: value(score),
        title: `seed ${seed}${diverged ? ", diverged" : ""}`,
        hollow: diverged,
      })),
      mean: maybe(row.mean),
      interval: both(row.interval),
    })),
  });
}

/** How the entrants of one backbone differ from the baseline. */
export function differencePlot(rows: readonly Row[]): string {
  const base = rows[0]!;
  const { points, value, maybe, both } = drawn(rows);
  const what = points.trim() || mainScores[base.measure];
  return dotPlot({
    title: `Difference from ${base.entrant}`,
    xLabel: rows.some(({ difference }) => difference?.crossed) ? `${what}; thin: over seeds × images` : what,
    line: 0,
    rows: fitting(rows)
      .filter((row) => row !== base)
      .map((row) => ({
        name: row.entrant,
        dots: row.scores.flatMap(({ seed, score }) => {
          const other = base.scores.find((one) => one.seed === seed);
          return other ? [{ value: value(score - other.score), title: `seed ${seed}` }] : [];
        }),
        mean: maybe(row.difference?.mean),
        interval: both(row.difference?.interval),
        wider: both(row.difference?.crossed),
      })),
  });
}

/** Scores against multiply-accumulates, and the entrants on the Pareto front. */
export function paretoPlot(rows: readonly Row[]): { readonly svg: string; readonly front: readonly string[] } {
  const { title, heading, value } = drawn(rows);
  const placed = fitting(rows).flatMap(({ entrant, macs, mean }) =>
    macs !== null && mean !== null ? [{ name: entrant, x: macs / 1e6, y: value(mean) }] : [],
  );
  return {
    svg: scatter({
      title: `${title} and compute`,
      xLabel: "million MACs per image",
      yLabel: heading,
      points: placed,
    }),
    front: paretoFront(placed).map(({ name }) => name),
  };
}

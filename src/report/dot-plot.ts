import { axisOf } from "./axis.js";
import { element, type Markup } from "./svg.js";
import { formatNumber, shorten, textWidth } from "./text.js";
import { drawing, fontSize } from "./theme.js";

/** A row of a dot plot. */
export interface DotRow {
  readonly name: string;
  /** Single values, with their names. */
  readonly dots: readonly { readonly value: number; readonly title: string; readonly hollow?: boolean }[];
  readonly mean: number | null;
  /** Drawn as a thick bar, the wider one as a thin line. */
  readonly interval: readonly [number, number] | null;
  readonly wider?: readonly [number, number] | null;
}

export interface DotPlotOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly rows: readonly DotRow[];
  /** A range behind all rows, such as the first row's interval. */
  readonly band?: readonly [number, number] | null;
  /** A value to compare with, drawn as a line. */
  readonly line?: number | null;
}

const width = 480;
const rowHeight = 30;
const top = 34;
const radius = 3;
/** Where dots are drawn, above and below the middle of their row, in order of preference. */
const lanes = [0, -6, 6, -12, 12];

/**
 * A row for each name: single values as dots, their mean as a tick, and its interval. Returns an SVG.
 *
 * @example
 * dotPlot({ title: "Accuracy", xLabel: "%", rows: [{ name: "se", dots: [{ value: 91, title: "seed 0" }], mean: 91, interval: null }] });
 */
export function dotPlot({ title, xLabel, rows, band, line }: DotPlotOptions): string {
  const bottom = top + rows.length * rowHeight;
  const height = bottom + 44;
  const values = [
    ...rows.flatMap(({ dots, mean, interval, wider }) => [
      ...dots.map(({ value }) => value),
      ...(mean === null ? [] : [mean]),
      ...(interval ?? []),
      ...(wider ?? []),
    ]),
    ...(band ?? []),
    ...(typeof line === "number" ? [line] : []),
  ].filter(Number.isFinite);
  const heading = element("text", { x: 0, y: 15, "font-size": 15, "font-weight": 600 }, title);
  if (values.length === 0)
    return drawing(
      title,
      width,
      height,
      heading,
      element("text", { x: 0, y: top + 16, class: "muted" }, "nothing yet"),
    );
  const axis = axisOf(values, { count: 5, round: true });
  const names = rows.map(({ name }) => shorten(name, 22));
  const left = 12 + Math.max(...names.map((name) => textWidth(name, fontSize)));
  const right = width - 16;
  const at = (value: number) => left + (right - left) * axis.at(value);
  return drawing(
    title,
    width,
    height,
    heading,
    band &&
      element("rect", {
        x: at(band[0]),
        y: top,
        width: Math.max(1, at(band[1]) - at(band[0])),
        height: bottom - top,
        class: "accent own",
        "fill-opacity": 0.12,
      }),
    axis.ticks.map(({ value, label }) => [
      element("line", { x1: at(value), x2: at(value), y1: top, y2: bottom, class: "rule" }),
      element("text", { x: at(value), y: bottom + 18, class: "muted", "text-anchor": "middle" }, label),
    ]),
    typeof line === "number" &&
      element("line", {
        x1: at(line),
        x2: at(line),
        y1: top - 4,
        y2: bottom,
        class: "pointer",
        "stroke-dasharray": "2 3",
      }),
    rows.map((row, i) => drawnRow(row, names[i]!, top + (i + 0.5) * rowHeight, at)),
    element("text", { x: right, y: bottom + 38, class: "muted", "text-anchor": "end" }, xLabel),
  );
}

/** How far up or down dots at these places are drawn, so that none covers another as long as there is room. */
function apart(places: readonly number[]): number[] {
  const taken = lanes.map(() => Number.NEGATIVE_INFINITY);
  const offsets = places.map(() => 0);
  const order = places.map((_, i) => i).sort((a, b) => places[a]! - places[b]!);
  for (const i of order) {
    const lane = Math.max(
      0,
      taken.findIndex((end) => end <= places[i]! - 2 * radius),
    );
    taken[lane] = places[i]!;
    offsets[i] = lanes[lane]!;
  }
  return offsets;
}

function drawnRow({ name, dots, mean, interval, wider }: DotRow, shown: string, y: number, at: (v: number) => number) {
  const bar = ([low, high]: readonly [number, number], thickness: number, opacity: number): Markup =>
    element("line", {
      x1: at(low),
      x2: at(high),
      y1: y,
      y2: y,
      stroke: "currentColor",
      "stroke-width": thickness,
      "stroke-opacity": opacity,
      "stroke-linecap": "round",
    });
  return element(
    "g",
    { class: "accent" },
    element("text", { x: 0, y: y + 4 }, element("title", {}, name), shown),
    wider && bar(wider, 2, 0.5),
    interval && bar(interval, 7, 0.35),
    apart(dots.map(({ value }) => at(value))).map((offset, i) => {
      const { value, title, hollow } = dots[i]!;
      const place = { cx: at(value), cy: y + offset, r: radius };
      return element(
        "g",
        {},
        element("title", {}, `${title}: ${formatNumber(value)}`),
        hollow
          ? element("circle", { ...place, fill: "none", stroke: "currentColor" })
          : element("circle", { ...place, class: "own" }),
      );
    }),
    mean !== null &&
      element("line", {
        x1: at(mean),
        x2: at(mean),
        y1: y - 9,
        y2: y + 9,
        stroke: "currentColor",
        "stroke-width": 2.5,
      }),
  );
}

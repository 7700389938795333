import { check, options as fields, finite, flag, list, maybe, text, that } from "../core/schema.js";
import { type Axis, axisOf } from "./axis.js";
import { element, type Markup, round } from "./svg.js";
import { formatNumber, formatShare, shorten, textWidth } from "./text.js";
import { drawing, fontSize, seriesColors } from "./theme.js";

/** `y` is null or NaN for a missing value, which leaves a gap in the line. */
export type Point = readonly [x: number, y: number | null];

export interface LineSeries {
  readonly name: string;
  readonly points: readonly Point[];
  /** Any CSS color. Default: one per series, for light and dark backgrounds. */
  readonly color?: string;
}

export interface LineChartOptions {
  /** Above the chart. */
  readonly title: string;
  /** Below the x axis. */
  readonly xLabel?: string;
  /** Beside the y axis. */
  readonly yLabel?: string;
  /** The lines: each { name, points, color }, points being [x, y]. */
  readonly series: readonly LineSeries[];
  /** The values are shares between 0 and 1. */
  readonly percent?: boolean;
  /**
   * Leave single spikes beyond the axis, marked with their value, so that the rest can be read: a value more than four times all before it (the
   * first: ten times all after it), as long as at most a fifth of a line is such. For values that are not negative, such as losses.
   */
  readonly cutSpikes?: boolean;
  /** Begin both axes at 0, so that a proportion looks like one. */
  readonly fromZero?: boolean;
  /** A place on the x axis to point out. */
  readonly mark?: { readonly x: number; readonly label: string };
}

export const chartOptions = fields<LineChartOptions>({
  title: text,
  xLabel: maybe(text),
  yLabel: maybe(text),
  series: list(
    fields<LineSeries>({
      name: text,
      points: list(that<Point>("[x, y]", Array.isArray), "a list of points"),
      color: maybe(text),
    }),
    "a list of series",
  ),
  percent: maybe(flag),
  cutSpikes: maybe(flag),
  fromZero: maybe(flag),
  mark: maybe(fields({ x: finite, label: text })),
});

const [width, height] = [480, 300];
const [top, bottom] = [64, 256];
/** From one label at the end of a line to the next. */
const labelGap = fontSize + 3;
/** Up to this many points of a series are drawn as dots with tooltips. */
const dotted = 40;

/**
 * Curves over a common x axis, each labeled with its last value. Returns an SVG.
 *
 * @example
 * drawLineChart({ title: "Loss", xLabel: "epoch", series: [{ name: "training", points: [[1, 2.3], [2, 1.1], [3, 0.7]] }] });
 */
export function drawLineChart(options: LineChartOptions): string {
  check("drawLineChart", "options", chartOptions, options);
  const { title, xLabel, yLabel, series, mark } = options;
  const heading = [
    element("text", { x: 0, y: 15, "font-size": 15, "font-weight": 600 }, title),
    yLabel && element("text", { x: 0, y: 34, class: "muted" }, yLabel),
  ];
  const drawn = series.flatMap((line) => line.points.filter(isDrawn));
  if (!drawn.length) {
    const nothing = element("text", { x: width / 2, y: 160, class: "muted", "text-anchor": "middle" }, "nothing yet");
    return drawing(title, width, height, heading, nothing);
  }
  const beyond = new Set(options.cutSpikes ? series.flatMap(({ points }) => spikesOf(points.filter(isDrawn))) : []);
  const within = drawn.filter((point) => !beyond.has(point));
  const show = options.percent ? (y: number) => formatShare(y) : (y: number) => formatNumber(y, 3);
  const percent = options.percent ?? false;
  const origin = options.fromZero ? [0] : [];
  const xAxis = axisOf([...origin, ...drawn.map(([x]) => x)], { count: 7 });
  const yAxis = axisOf([...origin, ...within.map(([, y]) => y)], { count: 5, round: true, percent });
  const ends = endLabels(series, show);
  // If there are more lines than labels fit next to the chart, they are named below it.
  const fits = ends.length <= Math.floor((bottom - top) / labelGap) + 1;
  const labels = fits ? ends : [];
  const legend = fits ? { markup: [], height: 0 } : legendOf(ends, series);
  const left = Math.max(44, 10 + Math.max(...yAxis.ticks.map(({ label }) => textWidth(label, fontSize))));
  const right = width - 14 - Math.max(0, ...labels.map(({ text }) => textWidth(text, fontSize)));
  const atX = (x: number) => left + (right - left) * xAxis.at(x);
  const atY = (y: number) => bottom - (bottom - top) * Math.min(1, yAxis.at(y));
  const style: CurveStyle = { atX, atY, show, beyond };
  const levels = spread(
    labels.map(({ y }) => atY(y)),
    labelGap,
    top,
    bottom,
  );

  return drawing(
    title,
    width,
    height + legend.height,
    heading,
    grid(xAxis, yAxis, atX, atY, left, right),
    xLabel && element("text", { x: right, y: 294, class: "muted", "text-anchor": "end" }, xLabel),
    mark && xAxis.at(mark.x) >= 0 && xAxis.at(mark.x) <= 1 && pointOut(mark.label, atX(mark.x)),
    series.map((line, i) => element("g", colorOf(line, i), curve(line, style))),
    arrowLabels(series, style, left),
    labels.map(({ index, text, name }, i) =>
      element(
        "g",
        colorOf(series[index]!, index),
        // A label that had to move is tied to the end of its line.
        Math.abs(levels[i]! - atY(labels[i]!.y)) > 3 &&
          element("line", {
            x1: atX(labels[i]!.x),
            x2: right + 8,
            y1: atY(labels[i]!.y),
            y2: levels[i]!,
            stroke: "currentColor",
            "stroke-opacity": 0.5,
          }),
        element("text", { class: "own", x: right + 10, y: levels[i]! + 4 }, element("title", {}, name), text),
      ),
    ),
    legend.markup,
  );
}

function isDrawn(point: Point): point is readonly [number, number] {
  return Number.isFinite(point[0]) && Number.isFinite(point[1]);
}

function colorOf(line: LineSeries, index: number) {
  return line.color ? { color: line.color } : { class: `s${index % seriesColors.length}` };
}

type Place = (value: number) => number;

function grid(x: Axis, y: Axis, atX: Place, atY: Place, left: number, right: number): Markup[] {
  return [
    ...y.ticks.flatMap(({ value, label }) => [
      element("line", { x1: left, x2: right, y1: atY(value), y2: atY(value), class: "rule" }),
      element("text", { x: left - 8, y: atY(value) + 4, class: "muted", "text-anchor": "end" }, label),
    ]),
    ...x.ticks.map(({ value, label }) =>
      element("text", { x: atX(value), y: bottom + 19, class: "muted", "text-anchor": "middle" }, label),
    ),
  ];
}

function pointOut(label: string, x: number): Markup[] {
  return [
    element("line", { x1: x, x2: x, y1: top - 3, y2: bottom, class: "pointer", "stroke-dasharray": "1 3" }),
    element("text", { x, y: top - 8, class: "muted", "font-size": 12, "text-anchor": "middle" }, label),
  ];
}

type Drawn = readonly [x: number, y: number];

/** Outliers so extreme that an axis that includes them shows nothing else. */
function spikesOf(points: readonly Drawn[]): Drawn[] {
  const most = points.length < 3 ? 0 : Math.max(1, Math.floor(points.length / 5));
  const after = points.slice(1).reduce((high, [, y]) => Math.max(high, y), 0);
  let high = 0;
  const spikes = points.filter(([, y], i) => {
    // Of the others, the first alone has nothing before it to be measured by: most curves begin high.
    const spike = i === 0 ? y > 10 * after : high > 0 && y > 4 * high;
    if (!spike) high = Math.max(high, y);
    return spike;
  });
  return spikes.length <= most ? spikes : [];
}

interface CurveStyle {
  readonly atX: Place;
  readonly atY: Place;
  readonly show: (y: number) => string;
  /** Points beyond the axis. */
  readonly beyond: ReadonlySet<Point>;
}

/** A value beyond the axis: an arrow at its top. */
function arrow([x, y]: Drawn, { atX, show }: CurveStyle): Markup {
  const at = round(atX(x));
  return element(
    "g",
    {},
    element("title", {}, `${formatNumber(x)}: ${show(y)}, beyond the axis`),
    element("path", { d: `M${at - 5} ${top + 8}L${at} ${top}L${at + 5} ${top + 8}Z`, class: "own" }),
  );
}

/** The values of arrows, above them, if there is room. */
function arrowLabels(series: readonly LineSeries[], { atX, show, beyond }: CurveStyle, left: number): Markup[] {
  const marked = series.flatMap((line, index) =>
    line.points.filter((point): point is Drawn => beyond.has(point)).map(([x, y]) => ({ x: atX(x), y, line, index })),
  );
  let free = Number.NEGATIVE_INFINITY;
  return marked
    .sort((a, b) => a.x - b.x || b.y - a.y)
    .flatMap(({ x: at, y, line, index }) => {
      const half = textWidth(show(y), 11) / 2;
      const x = Math.max(at, left + half - 4); // beside the labels of the axis
      if (x - half < free) return [];
      free = x + half + 4;
      const text = { class: "own", x, y: top - 4, "font-size": 11, "text-anchor": "middle" };
      return [element("g", colorOf(line, index), element("text", text, show(y)))];
    });
}

/** The path of a series, and dots: on every point if there are few, otherwise only on those without neighbors. */
function curve(line: LineSeries, style: CurveStyle): (Markup | false)[] {
  const { atX, atY, show, beyond } = style;
  const runs: (readonly [number, number])[][] = [[]];
  for (const point of line.points) isDrawn(point) ? runs.at(-1)!.push(point) : runs.push([]);
  const path = runs
    .filter((run) => run.length > 1)
    .map((run) => `M${run.map(([x, y]) => `${round(atX(x))} ${round(atY(y))}`).join("L")}`)
    .join("");
  const dots = line.points.length <= dotted ? runs.flat() : runs.filter((run) => run.length === 1).flat();
  return [
    path !== "" &&
      element("path", { d: path, fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linejoin": "round" }),
    ...line.points.filter((point): point is Drawn => beyond.has(point)).map((point) => arrow(point, style)),
    ...dots
      .filter((point) => !beyond.has(point))
      .map(([x, y]) =>
        element(
          "g",
          {},
          element("title", {}, `${formatNumber(x)}: ${show(y)}`),
          element("circle", { class: "own", cx: atX(x), cy: atY(y), r: 2.75 }),
        ),
      ),
  ];
}

/** Name and last value of each series, from top to bottom. */
function endLabels(series: readonly LineSeries[], show: (y: number) => string) {
  return series
    .flatMap(({ name, points }, index) => {
      const end = points.findLast(isDrawn);
      if (!end) return [];
      const [x, y] = end;
      return [{ index, name, x, y, text: `${shorten(name, 14)} ${show(y)}`.trim() }];
    })
    .sort((a, b) => b.y - a.y);
}

/** Names with last values in columns below the chart, from the best downward. */
function legendOf(ends: ReturnType<typeof endLabels>, series: readonly LineSeries[]) {
  const room = 16 + Math.max(...ends.map(({ text }) => textWidth(text, fontSize)));
  const columns = Math.max(1, Math.floor(width / (room + 12)));
  const rows = Math.ceil(ends.length / columns);
  const markup = ends.map(({ index, name, text }, i) => {
    const [x, y] = [Math.floor(i / rows) * (width / columns), height + 12 + (i % rows) * labelGap];
    return element(
      "g",
      colorOf(series[index]!, index),
      element("line", { x1: x, x2: x + 10, y1: y - 4, y2: y - 4, stroke: "currentColor", "stroke-width": 2 }),
      element("text", { class: "own", x: x + 16, y }, element("title", {}, name), text),
    );
  });
  return { markup, height: 8 + rows * labelGap };
}

/** Ascending positions, moved as little as possible to be `gap` apart and within the range, if they fit. */
function spread(positions: readonly number[], gap: number, low: number, high: number): number[] {
  const levels = [...positions];
  for (let i = 0; i < levels.length; i++) levels[i] = Math.max(levels[i]!, (levels[i - 1] ?? low - gap) + gap);
  for (let i = levels.length - 1; i >= 0; i--) levels[i] = Math.min(levels[i]!, (levels[i + 1] ?? high + gap) - gap);
  return levels;
}

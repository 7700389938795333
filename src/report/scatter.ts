import { axisOf } from "./axis.js";
import { element, round } from "./svg.js";
import { formatNumber, shorten } from "./text.js";
import { drawing } from "./theme.js";

export interface ScatterPoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

export interface ScatterOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly points: readonly ScatterPoint[];
}

const [width, height] = [480, 300];
const [left, right, top, bottom] = [56, 464, 50, 246];

/** The points that no other beats in both: less x and more y. In order of x. */
export function paretoFront<P extends Pick<ScatterPoint, "x" | "y">>(points: readonly P[]): P[] {
  let best = Number.NEGATIVE_INFINITY;
  return points
    .toSorted((a, b) => a.x - b.x || b.y - a.y)
    .filter(({ y }) => {
      if (y <= best) return false;
      best = y;
      return true;
    });
}

const labelHeight = 14;
const labelWidth = 110;

/** Heights of labels: those that would lie on each other move down. */
function labelLevels(places: readonly (readonly [x: number, y: number])[]): number[] {
  const levels = places.map(() => 0);
  const order = places.map((_, i) => i).sort((a, b) => places[a]![1] - places[b]![1]);
  order.forEach((i, rank) => {
    const [x, y] = places[i]!;
    const near = order.slice(0, rank).filter((j) => Math.abs(places[j]![0] - x) < labelWidth);
    levels[i] = near.reduce((level, j) => Math.max(level, levels[j]! + labelHeight), y - 6);
  });
  return levels;
}

/** Named points, and a line through those that no other beats: less x and more y. Returns an SVG. */
export function scatter({ title, xLabel, yLabel, points }: ScatterOptions): string {
  const heading = [
    element("text", { x: 0, y: 15, "font-size": 15, "font-weight": 600 }, title),
    element("text", { x: 0, y: 34, class: "muted" }, yLabel),
  ];
  if (points.length === 0)
    return drawing(title, width, height, heading, element("text", { x: 0, y: 80, class: "muted" }, "nothing yet"));
  const xAxis = axisOf(
    points.map(({ x }) => x),
    { count: 4, round: true },
  );
  const yAxis = axisOf(
    points.map(({ y }) => y),
    { count: 5, round: true },
  );
  const atX = (x: number) => left + (right - left) * xAxis.at(x);
  const atY = (y: number) => bottom - (bottom - top) * yAxis.at(y);
  const front = paretoFront(points);
  const levels = labelLevels(points.map(({ x, y }) => [atX(x), atY(y)]));
  return drawing(
    title,
    width,
    height,
    heading,
    yAxis.ticks.map(({ value, label }) => [
      element("line", { x1: left, x2: right, y1: atY(value), y2: atY(value), class: "rule" }),
      element("text", { x: left - 8, y: atY(value) + 4, class: "muted", "text-anchor": "end" }, label),
    ]),
    xAxis.ticks.map(({ value, label }) =>
      element("text", { x: atX(value), y: bottom + 19, class: "muted", "text-anchor": "middle" }, label),
    ),
    element("text", { x: right, y: 290, class: "muted", "text-anchor": "end" }, xLabel),
    front.length > 1 &&
      element("path", {
        d: `M${front.map(({ x, y }) => `${round(atX(x))} ${round(atY(y))}`).join("L")}`,
        class: "pointer",
        fill: "none",
        "stroke-dasharray": "2 3",
      }),
    points.map((point, i) => {
      const [x, y] = [atX(point.x), atY(point.y)];
      const end = x > (left + right) / 2;
      return element(
        "g",
        { class: front.includes(point) ? "warm" : "accent" },
        element("title", {}, `${point.name}: ${formatNumber(point.x)}, ${formatNumber(point.y)}`),
        element("circle", { class: "own", cx: x, cy: y, r: 4 }),
        element(
          "text",
          { x: end ? x - 8 : x + 8, y: levels[i]!, "text-anchor": end ? "end" : "start", "font-size": 12 },
          shorten(point.name, 20),
        ),
      );
    }),
  );
}

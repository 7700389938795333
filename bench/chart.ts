import { axisOf } from "../src/report/axis.js";
import { element } from "../src/report/svg.js";
import { formatNumber, formatShare, textWidth } from "../src/report/text.js";
import { drawing, fontSize, seriesColors } from "../src/report/theme.js";

export interface BarChartOptions {
  readonly title: string;
  /** Label of the values. */
  readonly label: string;
  /** Names of the bars in every group, with their colors in order. */
  readonly series: readonly string[];
  /** A value per series; missing ones get no bar. */
  readonly groups: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[];
  /** The values are shares. */
  readonly percent?: boolean;
  /** A value to draw a line at. */
  readonly mark?: number;
  /** Longer bars are cut here, with their value beside them. */
  readonly limit: number;
}

const width = 640;
const [barHeight, gap] = [8, 8];

/** Horizontal bars, in groups, as an SVG. */
export function barChart({ title, label, series, groups, percent = false, mark, limit }: BarChartOptions): string {
  const show = (value: number) => (percent ? formatShare(value, 0) : formatNumber(value, 3));
  const values = groups.flatMap((group) => group.values.flatMap((v) => (v === undefined ? [] : [Math.min(v, limit)])));
  const axis = axisOf([0, mark ?? 0, ...values], { count: 6, round: true, percent });
  const left = 18 + Math.max(...groups.map(({ name }) => textWidth(name, fontSize)));
  const right = width - 48;
  const at = (value: number) => left + (right - left) * axis.at(value);
  const top = 64;
  const step = series.length * barHeight + gap;
  const bottom = top + groups.length * step;

  let legendAt = 0;
  const legend = series.map((name, i) => {
    const x = legendAt;
    legendAt += 26 + textWidth(name, fontSize);
    return element(
      "g",
      { class: `s${i % seriesColors.length}` },
      element("rect", { class: "own", x, y: 43, width: 10, height: 10 }),
      element("text", { x: x + 15, y: 53 }, name),
    );
  });
  const rule = (value: number, kind: string) =>
    element("line", { class: kind, x1: at(value), x2: at(value), y1: top - 4, y2: bottom });

  return drawing(
    title,
    width,
    bottom + 28,
    element("text", { x: 0, y: 15, "font-size": 15, "font-weight": 600 }, title),
    element("text", { x: 0, y: 34, class: "muted" }, label),
    legend,
    axis.ticks.map(({ value, label: tick }) => [
      rule(value, "rule"),
      element("text", { x: at(value), y: bottom + 19, class: "muted", "text-anchor": "middle" }, tick),
    ]),
    groups.map(({ name, values: own }, g) => {
      const y = top + g * step;
      const middle = y + (series.length * barHeight) / 2 + 4;
      return [
        element("text", { x: left - 8, y: middle, "text-anchor": "end" }, name),
        own.map((value, i) => {
          if (value === undefined) return null;
          const end = at(Math.min(value, limit));
          const zero = at(0);
          const bar = {
            x: Math.min(zero, end),
            y: y + i * barHeight,
            width: Math.abs(end - zero),
            height: barHeight - 1,
          };
          return element(
            "g",
            { class: `s${i % seriesColors.length}` },
            element("title", {}, `${name}, ${series[i]!}: ${show(value)}`),
            element("rect", { class: "own", ...bar }),
            value > limit &&
              element("text", { x: end + 3, y: bar.y + barHeight - 1, "font-size": 9, class: "muted" }, show(value)),
          );
        }),
      ];
    }),
    mark !== undefined && rule(mark, "pointer"),
  );
}

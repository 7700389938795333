import { type Child, element, raw } from "./svg.js";

/** Every color of charts and pages, on light and dark backgrounds. Text colors keep a contrast of 4.5 on `paper` and `panel`. */
export const palette = {
  paper: ["#fbfbfa", "#15181c"],
  panel: ["#ffffff", "#1b1f24"],
  ink: ["#1d2125", "#e6e8eb"],
  muted: ["#5f6872", "#98a1ab"],
  rule: ["#e4e6e9", "#2e343b"],
  accent: ["#2563c9", "#7aa8f8"],
  warm: ["#b9500c", "#f0a263"],
} as const satisfies Record<string, readonly [light: string, dark: string]>;

/** Colors of series, in order. */
export const seriesColors = [
  palette.warm,
  palette.accent,
  ["#1f7a4d", "#63c795"],
  ["#7a45bd", "#b795f2"],
  ["#b32b47", "#f2869a"],
  ["#0d7480", "#58c3ce"],
] as const;

export const fontFamily = 'ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif';

/** Font size in charts, in chart units. */
export const fontSize = 13;

/** Colors of charts; in a page whose own rule must come before those of its charts, below `main`. */
export const chartColors = (shade: 0 | 1, within = "") =>
  [
    `.fovea text{fill:${palette.ink[shade]}}`,
    `.fovea .muted{fill:${palette.muted[shade]}}`,
    `.fovea .paper{fill:${palette.panel[shade]}}`,
    `.fovea .rule{stroke:${palette.rule[shade]}}`,
    `.fovea .pointer{stroke:${palette.muted[shade]}}`,
    `.fovea .accent{color:${palette.accent[shade]}}`,
    `.fovea .warm{color:${palette.warm[shade]}}`,
    ...seriesColors.map((colors, i) => `.fovea .s${i}{color:${colors[shade]}}`),
    ".fovea .own{fill:currentColor}",
  ]
    .map((rule) => within + rule)
    .join("");

/** The style sheet of charts. Plain declarations rather than variables, so that programs other than browsers render the chart too. */
export const style =
  `.fovea{color-scheme:light dark;font:${fontSize}px ${fontFamily};font-variant-numeric:tabular-nums}` +
  `${chartColors(0)}@media(prefers-color-scheme:dark){${chartColors(1)}}`;

/** A whole SVG, standalone or inline in a page; it follows the reader's light or dark theme. */
export function drawing(title: string, width: number, height: number, ...children: Child[]): string {
  const attributes = { xmlns: "http://www.w3.org/2000/svg", class: "fovea", viewBox: `0 0 ${width} ${height}` };
  return element(
    "svg",
    { ...attributes, width, height, role: "img", "aria-label": title },
    element("style", {}, raw(style)),
    ...children,
  ).text;
}

import { ShapeError } from "../core/errors.js";
import { element, type Markup } from "./svg.js";
import { formatCount, formatShare, plural, shorten, textWidth } from "./text.js";
import { drawing } from "./theme.js";

export interface ConfusionOptions {
  readonly title?: string;
  readonly classes: readonly string[];
  /** `counts[label][prediction]`: number of images. */
  readonly counts: readonly (readonly number[])[];
  /** Number of most confused pairs to list. Default: 10 if there are too many classes to label. */
  readonly pairs?: number;
}

/** Images of class `label` predicted as `prediction`; `share` is their share of all images of `label`. */
export interface ConfusedPair {
  readonly label: number;
  readonly prediction: number;
  readonly count: number;
  readonly share: number;
}

/** Up to this many classes are labeled and have counts in the cells. */
const named = 20;
/** With more classes, shades are rounded to this many steps, and equal ones drawn as one path. */
const shades = 12;

/**
 * A confusion matrix: a row per true class, a column per prediction, shaded by share of the row. Correct predictions
 * (the diagonal) have one color, mistakes another. Shades follow the square root, so rare mistakes are visible.
 * Returns an SVG.
 *
 * @example
 * confusionMatrix({ classes: ["cat", "dog"], counts: [[45, 5], [9, 41]] });
 *
 * @throws ShapeError if `counts` does not have a row and a column per class.
 */
export function confusionMatrix(options: ConfusionOptions): string {
  const { title = "Confusion matrix", classes, counts } = options;
  if (counts.length !== classes.length || counts.some((row) => row.length !== classes.length))
    throw new ShapeError(`confusionMatrix: ${classes.length} classes need as many rows and columns of counts`);
  const few = classes.length <= named;
  const size = few ? (classes.length <= 12 ? 40 : 32) : 440 / classes.length;
  const names = classes.map((name) => shorten(name, 18));
  const widest = few ? Math.max(0, ...names.map((name) => textWidth(name, 13))) : 0;
  const [left, top] = [widest + 34, 28 + widest * Math.SQRT1_2 + (few ? 10 : 4)];
  const side = size * classes.length;
  const pairs = mostConfused(counts, options.pairs ?? (few ? 0 : 10));
  const bottom = top + side + 68;
  const width = Math.ceil(Math.max(left + side + widest * Math.SQRT1_2 + 8, left + 370));
  return drawing(
    title,
    width,
    Math.ceil(bottom + (pairs.length ? 22 + 20 * pairs.length : 0)),
    element("text", { x: left, y: 14, class: "muted" }, "predicted →"),
    element("text", { transform: `translate(13 ${top + side}) rotate(-90)`, class: "muted" }, "true class →"),
    element(
      "g",
      { transform: `translate(${left} ${top})` },
      element("rect", { width: side, height: side, fill: "none", class: "rule" }),
      few ? [axisNames(names, classes, size), cells(classes, counts, size)] : shading(counts, size),
    ),
    key(left, top + side + 22),
    pairs.map(({ label, prediction, count, share }, i) => {
      const text = `${shorten(classes[label]!, 24)} → ${shorten(classes[prediction]!, 24)}`;
      return [
        element("text", { x: left, y: bottom + 20 + 20 * i }, text),
        element(
          "text",
          { x: width - 8, y: bottom + 20 + 20 * i, "text-anchor": "end", class: "muted" },
          `${formatCount(count)} · ${formatShare(share, 0)}`,
        ),
      ];
    }),
  );
}

/** The most frequent mistakes, by count, then by share of the class. */
export function mostConfused(counts: readonly (readonly number[])[], limit = 10): ConfusedPair[] {
  const pairs = counts.flatMap((row, label) => {
    const total = sum(row);
    return row.flatMap((count, prediction) =>
      count > 0 && prediction !== label ? [{ label, prediction, count, share: count / total }] : [],
    );
  });
  return pairs.sort((a, b) => b.count - a.count || b.share - a.share).slice(0, limit);
}

function axisNames(names: readonly string[], full: readonly string[], size: number): Markup[] {
  return names.flatMap((name, i) => {
    const [middle, title] = [(i + 0.5) * size, name === full[i] ? null : element("title", {}, full[i])];
    return [
      element("text", { x: -8, y: middle + 4, "text-anchor": "end" }, title, name),
      element("text", { transform: `translate(${(middle + 2).toFixed(1)} -7) rotate(-45)` }, title, name),
    ];
  });
}

function cells(classes: readonly string[], counts: ConfusionOptions["counts"], size: number): Markup[] {
  return counts.flatMap((row, label) => {
    const total = sum(row);
    return row.flatMap((count, prediction) => {
      if (!(count > 0)) return [];
      const shade = Math.sqrt(count / total);
      const [x, y] = [prediction * size, label * size];
      const verdict = label === prediction ? "recognized" : `predicted as ${classes[prediction]}`;
      const hint = `${classes[label]}: ${count} of ${plural(total, "image")} ${verdict} (${formatShare(count / total)})`;
      const text = { x: x + size / 2, y: y + size / 2 + 4, "text-anchor": "middle", "font-size": 12 };
      return element(
        "g",
        { class: color(label === prediction) },
        element("title", {}, hint),
        swatch({ x: x + 1, y: y + 1, width: size - 2, height: size - 2, rx: 2 }, shade),
        element("text", { ...text, class: shade > 0.62 ? "paper" : null }, formatCount(count)),
      );
    });
  });
}

/** Zeros are not drawn, so even a thousand classes stay small. */
function shading(counts: ConfusionOptions["counts"], size: number): Markup {
  const paths = new Map<string, string>();
  counts.forEach((row, label) => {
    const total = sum(row);
    row.forEach((count, prediction) => {
      if (!(count > 0)) return;
      const key = `${color(label === prediction)} ${Math.ceil(Math.sqrt(count / total) * shades)}`;
      paths.set(key, `${paths.get(key) ?? ""}M${prediction} ${label}h1v1h-1z`);
    });
  });
  return element(
    "g",
    { transform: `scale(${size})` },
    [...paths].sort().map(([key, d]) => {
      const [hue, level] = key.split(" ") as [string, string];
      return element("g", { class: hue }, element("path", { d, class: "own", "fill-opacity": Number(level) / shades }));
    }),
  );
}

/** Legend of the shades. */
function key(x: number, y: number): Markup[] {
  const swatches = (right: boolean, top: number) => [
    ...keyShares.map((share, i) => {
      const place = { x: x + 36 * i, y: top, width: 34, height: 12, rx: 2 };
      return element("g", { class: color(right) }, swatch(place, Math.sqrt(share)));
    }),
    small(x + 36 * keyShares.length + 6, top + 10, right ? "right" : "wrong, share of the true class"),
  ];
  const labels = keyShares.map((share, i) => small(x + 36 * i + 17, y + 42, formatShare(share, 0), "middle"));
  return [...swatches(true, y), ...swatches(false, y + 15), ...labels];
}

const keyShares = [0.01, 0.1, 0.25, 0.5, 1];

function small(x: number, y: number, text: string, anchor?: string): Markup {
  return element("text", { x, y, class: "muted", "font-size": 11.5, "text-anchor": anchor }, text);
}

function swatch(place: { x: number; y: number; width: number; height: number; rx: number }, shade: number): Markup {
  return element("rect", { ...place, class: "own", "fill-opacity": shade });
}

function color(right: boolean): string {
  return right ? "accent" : "warm";
}

function sum(row: readonly number[]): number {
  return row.reduce((a, b) => a + b, 0);
}

import { check, options as fields, list, maybe, text } from "../core/schema.js";
import { type Graph, graphSchema } from "../graph/graph.js";
import { type Line, layOut, type Place } from "./diagram/layout.js";
import { type Step, stepsOf } from "./diagram/steps.js";
import { element, type Markup, round } from "./svg.js";
import { textWidth } from "./text.js";
import { drawing } from "./theme.js";

export interface DiagramOptions {
  /** Kinds of modules to draw as one box, see `Module.kind`. Convolutions, linear layers and norms always are. */
  readonly collapse?: readonly string[];
  /** For screen readers. */
  readonly title?: string;
}

export const diagramOptions = fields<DiagramOptions>({
  collapse: maybe(list(text, "a list of kinds of modules")),
  title: maybe(text),
});

const large = 13;
const small = 11;
const margin = 14;
/** Width of a line of text in a box, in units. */
const lineWidth = 200;

/**
 * A traced graph as a flow chart, inputs at the top, outputs at the bottom. A box shows operations, parameters, the
 * size of the result, and published attention maps; a circle joins two branches. A symbolic batch is omitted from sizes.
 *
 * @example
 * drawDiagram(trace(createAttention("se", 64), ["N", 64, 56, 56]));
 *
 * @throws OptionError for an unknown option.
 */
export function drawDiagram(graph: Graph, options: DiagramOptions = {}): string {
  check("drawDiagram", "graph", graphSchema, graph);
  check("drawDiagram", "options", diagramOptions, options);
  const steps = stepsOf(graph, options.collapse ?? []);
  const looks = steps.map(lookOf);
  const { places, lines, width, height } = layOut(looks.map((look, i) => ({ ...look, from: steps[i]!.from })));
  const [outerWidth, outerHeight] = [Math.ceil(width + 2 * margin), Math.ceil(height + 2 * margin)];
  return drawing(
    options.title ?? "Flow chart",
    outerWidth,
    outerHeight,
    element("rect", { class: "paper", width: outerWidth, height: outerHeight, rx: 6 }),
    element(
      "g",
      { transform: `translate(${margin} ${margin})` },
      lines.map((line) => drawLine(line, lines, places, looks)),
      steps.map((_, i) => drawStep(looks[i]!, places[i]!)),
    ),
  );
}

interface Row {
  readonly text: string;
  readonly tone: "ink" | "muted" | "map";
}

/** How a step is drawn: its lines of text and size. */
interface Look {
  readonly kind: Step["kind"];
  readonly rows: readonly Row[];
  readonly width: number;
  readonly height: number;
}

const radius = 13;

function lookOf({ kind, words, parameters, maps, size }: Step): Look {
  const muted = (text: string): Row => ({ text, tone: "muted" });
  const named = maps.map((name): Row => ({ text: `map: ${name}`, tone: "map" }));
  if (kind === "sign") {
    const rows = [{ text: words[0]!, tone: "ink" } as const, muted(size), ...named];
    // The size is written to the right of the circle; equal space on the left keeps the circle centered.
    const aside = 6 + Math.max(...rows.slice(1).map(({ text }) => textWidth(text, small)));
    return { kind, rows, width: 2 * (radius + aside), height: 2 * radius };
  }
  const rows: Row[] = [
    ...wrap(words).map((text): Row => ({ text, tone: "ink" })),
    ...parameters.map(muted),
    muted(kind === "end" ? size : `→ ${size}`),
    ...named,
  ];
  const width = Math.max(...rows.map(({ text, tone }) => textWidth(text, tone === "ink" ? large : small)));
  return { kind, rows, width: width + 22, height: rows.reduce((sum, row) => sum + rowHeight(row), 10) };
}

const rowHeight = ({ tone }: Row) => (tone === "ink" ? 17 : 14);

/** Words in lines of roughly equal length, separated by dots. */
function wrap(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const longer = lines.length ? `${lines.at(-1)} · ${word}` : word;
    if (lines.length && textWidth(longer, large) <= lineWidth) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function drawStep({ kind, rows, width, height }: Look, { x, y }: Place): Markup {
  const tapped = rows.some(({ tone }) => tone === "map");
  const line = tapped ? { stroke: "currentColor", "stroke-width": 1.5 } : {};
  const shape = { ...line, class: tapped ? "paper" : "paper pointer" };
  const text = (row: Row, at: object, size: number) =>
    element(
      "text",
      { ...at, "font-size": size, class: row.tone === "map" ? "own" : row.tone === "muted" && "muted" },
      row.text,
    );
  if (kind === "sign") {
    const [sign, ...aside] = rows as [Row, ...Row[]];
    return element(
      "g",
      { class: tapped && "warm" },
      element("circle", { ...shape, cx: x, cy: y + height / 2, r: radius }),
      text(sign, { x, y: y + height / 2 + 5, "text-anchor": "middle" }, sign.text.length > 1 ? small : 16),
      aside.map((row, i) => text(row, { x: x + radius + 6, y: y + height / 2 + 4 + 14 * i }, small)),
    );
  }
  let baseline = y + 5;
  return element(
    "g",
    { class: tapped && "warm" },
    kind === "box"
      ? element("rect", { ...shape, x: x - width / 2, y, width, height, rx: 5 })
      : element("rect", { ...shape, x: x - width / 2, y, width, height, rx: height / 2 }),
    rows.map((row) => {
      baseline += rowHeight(row);
      return text(row, { x, y: baseline - 4, "text-anchor": "middle" }, row.tone === "ink" ? large : small);
    }),
  );
}

/** A line leaves a figure at the bottom and enters the next at the top, beside its other lines. */
function drawLine(line: Line, all: readonly Line[], places: readonly Place[], looks: readonly Look[]): Markup {
  const { through } = line;
  // A single or straight line stays in the middle.
  const port = (figure: number, others: readonly Line[], towards: (l: Line) => number): number => {
    const { x } = places[figure]!;
    const { kind, width } = looks[figure]!;
    if (others.length === 1) return x;
    const side = (l: Line) => (Math.abs(towards(l) - x) < 1 ? 0 : Math.sign(towards(l) - x));
    const mine = others
      .filter((l) => side(l) === side(line))
      .toSorted((a, b) => Math.abs(towards(b) - x) - Math.abs(towards(a) - x));
    const step = kind === "sign" ? Math.min(8, 11 / mine.length) : Math.min(16, (width - 20) / 2 / mine.length);
    return x + side(line) * step * (mine.length - mine.indexOf(line));
  };
  const startX = port(
    line.from,
    all.filter((l) => l.from === line.from),
    (l) => l.through[0]?.x ?? places[l.to]!.x,
  );
  const endX = port(
    line.to,
    all.filter((l) => l.to === line.to),
    (l) => l.through.at(-1)?.x ?? places[l.from]!.x,
  );
  const rim = (figure: number, x: number) =>
    looks[figure]!.kind === "sign" ? radius - Math.sqrt(Math.max(0, radius ** 2 - (x - places[figure]!.x) ** 2)) : 0;
  const start = places[line.from]!.y + looks[line.from]!.height - rim(line.from, startX);
  const end = places[line.to]!.y + rim(line.to, endX);
  const at = (x: number, y: number) => `${round(x)} ${round(y)}`;
  let [x, y, path] = [startX, start, `M${at(startX, start)}`];
  const bend = (toX: number, toY: number) => {
    const middle = (y + toY) / 2;
    path += Math.abs(toX - x) < 0.5 ? `L${at(toX, toY)}` : `C${at(x, middle)} ${at(toX, middle)} ${at(toX, toY)}`;
    [x, y] = [toX, toY];
  };
  // Lines bend only between rows, so none crosses a tall figure.
  bend(startX, places[line.from]!.rowBottom);
  for (const point of through) {
    bend(point.x, point.top);
    bend(point.x, point.bottom);
  }
  bend(endX, places[line.to]!.rowTop - 5);
  bend(endX, end - 5);
  return element(
    "g",
    { class: "pointer", fill: "none" },
    element("path", { d: path }),
    element("path", { d: `M${at(endX - 3.5, end - 6)}L${at(endX, end - 0.5)}L${at(endX + 3.5, end - 6)}` }),
  );
}

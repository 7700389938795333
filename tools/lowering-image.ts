import { writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { sizeOf, tensor } from "../src/core/tensor.js";
import { type LayoutKind, layoutOf, toLayout } from "../src/engines/ort/blocked/layout.js";
import { element, type Markup } from "../src/report/svg.js";
import { drawing } from "../src/report/theme.js";

// Draws docs/lowering.svg and docs/lowering-pipeline.svg: node dist/tools/lowering-image.js

const width = 1000;
const margin = 20;

const text = (x: number, y: number, content: string, attributes: object = {}): Markup =>
  element("text", { x, y, ...attributes }, content);
const heading = (y: number, content: string) => text(margin, y, content, { "font-size": 17, "font-weight": 600 });
const muted = { class: "muted", "font-size": 12 };

// The layouts: arrays of 32 elements, each element a cell, in the order of memory -----------------------------------------------

/** Channels in a drawn block. */
const block = 4;
const cell = { width: 29, height: 44 };

interface Strip {
  readonly title: string;
  readonly order: string;
  readonly shape: readonly number[];
  /** Undefined: row-major. */
  readonly kind?: LayoutKind;
  /** The letters of the axes that are shown, by axis; the last stands for positions or kernel elements. */
  readonly letters: readonly string[];
  /** The axis whose blocks have a color each. */
  readonly colored: number;
}

const strips: readonly Strip[] = [
  {
    title: "plain",
    order: "[N, C, H, W]: row-major",
    shape: [1, 8, 1, 4],
    letters: ["", "c", "", "p"],
    colored: 1,
  },
  {
    title: "NCHWc",
    order: "[N, C/b, H, W, b of C]: at each position, the channels of a block are adjacent",
    shape: [1, 8, 1, 4],
    kind: "NCHWc",
    letters: ["", "c", "", "p"],
    colored: 1,
  },
  {
    title: "OIHWBiBo",
    order: "[O/b, C/b, kh, kw, b of C, b of O]: a b × b matrix per kernel element, the filters as lanes",
    shape: [4, 4, 1, 2],
    kind: "OIHWBiBo",
    letters: ["o", "c", "", "k"],
    colored: 1,
  },
  {
    title: "OIHWBo",
    order: "[O/b, C, kh, kw, b of O]: the same for fewer input channels than a block, with a plain input",
    shape: [8, 2, 1, 2],
    kind: "OIHWBo",
    letters: ["o", "c", "", "k"],
    colored: 0,
  },
  {
    title: "OIHWBo",
    order: "[C/b, kh, kw, b of C]: the same for a depthwise convolution",
    shape: [8, 1, 1, 4],
    kind: "OIHWBo",
    letters: ["c", "", "", "k"],
    colored: 0,
  },
];

/** Where each element of the plain array lies in memory, asked of the code that packs weights. */
function inMemory({ shape, kind }: Strip): number[] {
  const places = Float32Array.from({ length: sizeOf(shape) }, (_, i) => i);
  return kind
    ? Array.from(toLayout(tensor("float32", shape, places), layoutOf(kind, shape, block)).data, Number)
    : [...places];
}

function drawStrip(strip: Strip, y: number): Markup {
  const { title, order, shape, letters, colored } = strip;
  const cells = inMemory(strip).map((place, i) => {
    const index = shape.map((d, axis) => Math.floor(place / sizeOf(shape.slice(axis + 1))) % d);
    const labels = letters.flatMap((letter, axis) => (letter ? [`${letter}${index[axis]}`] : []));
    // Colored by block, or in OIHWBiBo, where only one block is drawn, by its rows.
    const color = strip.kind === "OIHWBiBo" ? index[colored]! : Math.floor(index[colored]! / block);
    const x = margin + i * cell.width;
    return element(
      "g",
      { class: `s${color}` },
      element("rect", { class: "own", x, y, width: cell.width, height: cell.height, "fill-opacity": 0.22 }),
      element("rect", { class: "rule", fill: "none", x, y, width: cell.width, height: cell.height }),
      labels.map((label, row) =>
        text(x + cell.width / 2, y + cell.height / 2 + 4 + 13 * (row - (labels.length - 1) / 2), label, {
          "text-anchor": "middle",
          "font-size": 11,
        }),
      ),
    );
  });
  // One vector register: what the innermost loop processes at once.
  const lanes = Array.from({ length: strip.kind ? cells.length / block : 0 }, (_, i) => {
    const left = margin + i * block * cell.width;
    const line = y + cell.height + 4;
    return element("path", {
      class: "pointer",
      fill: "none",
      d: `M${left + 3} ${line}v4h${block * cell.width - 6}v-4`,
    });
  });
  return element(
    "g",
    {},
    text(margin, y - 8, title, { "font-weight": 600 }),
    text(margin + 84, y - 8, order, muted),
    cells,
    lanes,
  );
}

// The three computations ---------------------------------------------------------------------------------------------------------

type Lines = readonly [title: string, ...rest: string[]];

/** A computation to draw: two inputs are prepared and convolved, and the result is reordered. */
interface Computation {
  readonly title: string;
  readonly sources: readonly [Lines, Lines];
  readonly prepared: readonly [readonly Lines[], readonly Lines[]];
  readonly conv: Lines;
  readonly ordered: readonly Lines[];
  readonly result: Lines;
}

const computations: readonly Computation[] = [
  {
    title: "y, the output",
    sources: [
      ["x", "NCHWc [N, C, H, W]"],
      ["w", "OIHWBiBo [O, C, k, k]"],
    ],
    prepared: [[], []],
    conv: ["nchwc Conv", "stride s, padding p", "fused: + bias, + sum, ReLU"],
    ordered: [],
    result: ["y", "NCHWc [N, O, oh, ow]"],
  },
  {
    title: "dx, the input gradient (stride 1)",
    sources: [
      ["dy", "NCHWc [N, O, oh, ow]"],
      ["w", "OIHWBiBo [O, C, k, k]"],
    ],
    prepared: [
      [],
      [
        ["Gather rows of b·b", "kernel flipped,", "blocks (o, c) → (c, o)"],
        ["ReorderInput", "each b × b matrix", "transposed"],
      ],
    ],
    conv: ["nchwc Conv", "padding k − 1 − p", "fused: + the other path's gradient"],
    ordered: [],
    result: ["dx", "NCHWc [N, C, H, W]"],
  },
  {
    title: "dw, the weight gradient",
    sources: [
      ["x", "NCHWc [N, C, H, W]"],
      ["dy", "NCHWc [N, O, oh, ow]"],
    ],
    prepared: [
      [
        ["Conv with ones", "padded by p to H′ × W′"],
        ["ReorderInput", "images as channels:", "[C/b, N, H′, W′·b]"],
      ],
      [
        ["Gather", "by block of filters"],
        ["ReorderInput ×2", "dy becomes a weight:", "in OIHWBiBo"],
      ],
    ],
    conv: ["nchwc Conv", "kernel oh × ow,", "dilation [s, s·b], k × k outputs"],
    ordered: [["Gather rows of k·k·b·b", "blocks (c, o) → (o, c)"]],
    result: ["dw", "OIHWBiBo [O, C, k, k]"],
  },
];

const panel = { width: 310, gap: 15, column: 150 };
const rows = { source: 0, prepared: [62, 146], conv: 232, ordered: 318, result: 384 };

function box(x: number, y: number, wide: number, lines: Lines, tone: string, rounded = false): Markup {
  const height = boxHeight(lines);
  return element(
    "g",
    { class: tone },
    element("rect", { class: "own", x, y, width: wide, height, rx: rounded ? height / 2 : 5, "fill-opacity": 0.16 }),
    element("rect", { x, y, width: wide, height, rx: rounded ? height / 2 : 5, fill: "none", stroke: "currentColor" }),
    lines.map((line, i) =>
      text(x + wide / 2, y + 17 + 15 * i, line, {
        "text-anchor": "middle",
        "font-size": i === 0 ? 13 : 12,
        ...(i === 0 ? { "font-weight": 600 } : {}),
      }),
    ),
  );
}

const boxHeight = (lines: Lines) => 10 + 15 * lines.length;

function arrow(x: number, from: number, to: number): Markup {
  return element(
    "g",
    { class: "pointer", fill: "none" },
    element("path", { d: `M${x} ${from}V${to - 2}` }),
    element("path", { d: `M${x - 3.5} ${to - 6}L${x} ${to - 1}L${x + 3.5} ${to - 6}` }),
  );
}

function drawComputation(
  { title, sources, prepared, conv, ordered, result }: Computation,
  left: number,
  top: number,
): Markup {
  const parts: Markup[] = [text(left, top - 14, title, { "font-weight": 600 })];
  const center = left + panel.width / 2;
  /** Draws boxes in a column, with arrows in between, and returns the bottom of the last. */
  const column = (
    x: number,
    wide: number,
    boxes: readonly (readonly [y: number, Lines, tone: string, rounded?: boolean])[],
  ) => {
    let end: number | undefined;
    for (const [y, lines, tone, rounded] of boxes) {
      if (end !== undefined) parts.push(arrow(x + wide / 2, end, top + y));
      parts.push(box(x, top + y, wide, lines, tone, rounded));
      end = top + y + boxHeight(lines);
    }
    return end!;
  };
  sources.forEach((source, side) => {
    const x = left + side * (panel.width - panel.column);
    const steps = prepared[side]!.map((lines, i) => [rows.prepared[i]!, lines, "s0"] as const);
    const end = column(x, panel.column, [[rows.source, source, "s1", true], ...steps]);
    parts.push(arrow(x + panel.column / 2, end, top + rows.conv));
  });
  const after = ordered.map((lines) => [rows.ordered, lines, "s0"] as const);
  column(left, panel.width, [[rows.conv, conv, "s2"]]);
  const start = after.length ? rows.ordered : rows.result;
  parts.push(arrow(center, top + rows.conv + boxHeight(conv), top + start));
  column(center - panel.column / 2 - 10, panel.column + 20, [...after, [rows.result, result, "s1", true]]);
  return element("g", {}, parts);
}

// The pipeline -------------------------------------------------------------------------------------------------------------------

const stages: readonly (readonly [Lines, tone: string, rounded?: boolean])[] = [
  [["graph", "a training step,", "as operators"], "s1", true],
  [["fuse-small-updates", "small cells", "become vectors"], "s0"],
  [["emit", "blocked rule,", "or plain rule"], "s2"],
  [["schedule", "updates early,", "weights late"], "s0"],
  [["alias-state", "barriers,", "sentinel"], "s0"],
  [["encode", "bytes and", "initial state"], "s0"],
  [["session", "in ONNX", "Runtime"], "s1", true],
];

/** What the walk of `emit` uses, below it. */
const walk: readonly (readonly [Lines, tone: string])[] = [
  [["BlockedLowering", "Winograd, conv, planes, norm,", "elementwise, reduce, pool, …"], "s2"],
  [["LayoutTable", "NCHWc, packed weights, planes:", "conversions on first use"], "s2"],
  [["deferred results", "add, ReLU, sums over products", "fused into one node"], "s2"],
];

/** The image of the pipeline in docs/lowering.md. */
export function pipelineImage(): string {
  const [gap, top, below] = [18, 56, 172];
  const wide = (width - 2 * margin - gap * (stages.length - 1)) / stages.length;
  const middle = top + boxHeight(stages[0]![0]) / 2;
  const parts: Markup[] = [];
  stages.forEach(([lines, tone, rounded], i) => {
    const x = margin + i * (wide + gap);
    parts.push(box(x, top, wide, lines, tone, rounded));
    if (i > 0)
      parts.push(
        element(
          "g",
          { class: "pointer", fill: "none" },
          element("path", { d: `M${x - gap} ${middle}H${x - 2}` }),
          element("path", { d: `M${x - 6} ${middle - 3.5}L${x - 1} ${middle}L${x - 6} ${middle + 3.5}` }),
        ),
      );
  });
  const center = margin + 2 * (wide + gap) + wide / 2;
  const [part, space] = [250, 30];
  const left = margin;
  walk.forEach(([lines, tone], i) => {
    const x = left + i * (part + space);
    parts.push(
      element("path", {
        class: "pointer",
        fill: "none",
        d: `M${center} ${top + boxHeight(stages[2]![0])}V${below - 22}H${x + part / 2}V${below}`,
      }),
      box(x, below, part, lines, tone),
    );
  });
  const height = below + boxHeight(walk[0]![0]) + 24;
  return drawing(
    "The lowering pipeline: fuse small updates, emit, schedule, alias state, encode",
    width,
    height,
    element("rect", { class: "paper", width, height, rx: 6 }),
    heading(34, "From a graph to a model"),
    ...parts,
  );
}

/** The image of layouts and convolutions in docs/lowering.md. */
export function loweringImage(): string {
  const [first, step] = [92, 84];
  const below = first + strips.length * step;
  const height = below + 70 + rows.result + 60;
  return drawing(
    "Memory layouts, and the three computations of a convolution",
    width,
    height,
    element("rect", { class: "paper", width, height, rx: 6 }),
    heading(34, "Memory layouts"),
    text(
      margin,
      54,
      "Blocks of b = 4 channels here; actually 8 or 16. 32 elements in memory order; c: channel, o: filter, p: position, k: kernel element; a bracket: one vector.",
      muted,
    ),
    strips.map((strip, i) => drawStrip(strip, first + i * step)),
    heading(below + 10, "The three computations of a convolution"),
    computations.map((computation, i) =>
      drawComputation(computation, margin + i * (panel.width + panel.gap), below + 56),
    ),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const docs = new URL("../../docs/", import.meta.url);
  await writeFile(new URL("lowering.svg", docs), loweringImage());
  await writeFile(new URL("lowering-pipeline.svg", docs), pipelineImage());
}

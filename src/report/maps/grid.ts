import { OptionError, ShapeError } from "../../core/errors.js";
import {
  check,
  options as fields,
  fraction,
  list,
  maybe,
  oneOf,
  properShare,
  type Schema,
  settings,
  text,
  that,
  whole,
} from "../../core/schema.js";
import { checkHeatmap } from "../../explain/heatmap.js";
import type { ColormapName } from "../colormap.js";
import { formatNumber, plural, shorten, textWidth } from "../text.js";
import {
  type Cell,
  type CellStyle,
  cellCaption,
  drawCell,
  fitted,
  type ImageCache,
  isGateCell,
  mapsIn,
} from "./cells.js";
import { type ColorScale, paletteOf, paletteSteps, scaleOf } from "./scale.js";
import { type Item, type Scene, textSize } from "./scene.js";
import { sceneToPng } from "./to-png.js";
import { sceneToSvg } from "./to-svg.js";

/** Images and maps in rows and columns: methods × images × modules. */
export interface MapGrid {
  /** Title, which screen readers read first. */
  readonly title: string;
  /** Column titles, such as methods. */
  readonly columns: readonly string[];
  /** Row titles, such as images or modules; an empty one takes no space. */
  readonly rows: readonly string[];
  /** `rows` lists of `columns` cells; null leaves one empty. */
  readonly cells: readonly (readonly (Cell | null)[])[];
}

/** Options of {@link drawMapGrid}. */
export interface MapGridOptions {
  /**
   * Which maps share a scale: all (`shared`, the default), those of a column, or none; the drawing says which. On a shared scale a map
   * with little evidence then looks weak; methods in different units need their own scales.
   */
  readonly scale?: "shared" | "column" | "cell";
  /** Colors of maps without negative values. Default `inferno`. Others go from blue through 0 to red. */
  readonly colors?: Exclude<ColormapName, "diverging">;
  /** Opacity of the largest values over an image; smaller ones are proportionally more transparent. Default 0.75. */
  readonly opacity?: number;
  /** Contours at these shares of each map's largest value, such as [0.5]. Default: none. */
  readonly contours?: readonly number[];
  /** Longer side of a cell, in pixels. Default: what makes the drawing 560 wide, from 72 to 240. */
  readonly cellSize?: number;
  /** Description for screen readers, after the title. Default: how many maps there are, and of what. */
  readonly description?: string;
}

export const gridSchema: Schema<MapGrid> = fields<MapGrid>({
  title: text,
  columns: list(text, "a list of titles", 1),
  rows: list(text, "a list of titles", 1),
  cells: that("a list of rows of cells", (x) => Array.isArray(x) && x.every(Array.isArray)),
});
export const gridOptions: Schema<MapGridOptions> = fields<MapGridOptions>({
  scale: maybe(oneOf("shared", "column", "cell")),
  colors: maybe(oneOf("inferno", "viridis")),
  opacity: maybe(fraction),
  contours: maybe(list(properShare, "a list of shares between 0 and 1")),
  cellSize: maybe(whole(16, 2048)),
  description: maybe(text),
});

/** Most cells in a grid; nobody would look at more, and no program would open them. */
const mostCells = 10_000;
const gap = 8;

/**
 * Maps as one self-contained SVG without scripts: raw and signed, with their ranges, on scales that include 0. The same input gives the
 * same bytes. It fits the width of the page, down to a phone's.
 *
 * @example
 * drawMapGrid({ title: "Where it looks", columns: ["gradcam"], rows: ["cat.jpg"], cells: [[{ map, image }]] });
 *
 * @throws OptionError, ShapeError if the cells do not match the titles, or are invalid.
 */
export function drawMapGrid(grid: MapGrid, options: MapGridOptions = {}): string {
  return sceneToSvg(layout("drawMapGrid", grid, options));
}

/** The same as the bytes of a PNG file, on white, at `density` pixels per unit. */
export function drawMapGridPng(
  grid: MapGrid,
  options: MapGridOptions & { readonly density?: number } = {},
): Uint8Array {
  check("drawMapGridPng", "options", settings, options);
  const { density = 2, ...rest } = options;
  check("drawMapGridPng", "density", whole(1, 8), density);
  return sceneToPng(layout("drawMapGridPng", grid, rest), density);
}

function layout(where: string, grid: MapGrid, options: MapGridOptions): Scene {
  check(where, "grid", gridSchema, grid);
  check(where, "options", gridOptions, options);
  checkCells(where, grid);
  const { title, columns, rows, cells } = grid;
  const { scale: sharing = "shared", colors, opacity = 0.75, contours = [] } = options;
  const side = options.cellSize ?? Math.round(Math.min(240, Math.max(72, 560 / columns.length - gap)));
  const scales = scalesOf(cells, sharing, colors);
  const style: CellStyle = { opacity, contours };
  const cache: ImageCache = new Map();
  const items: Item[] = [];
  const left = (c: number) => c * (side + gap);
  const write = (x: number, y: number, content: string, ink: "ink" | "muted", room: number) =>
    items.push({ kind: "text", x, y, text: fit(content, room), ink, align: "start" });
  const titles = columns.map((name) => wrapped(name, side));
  titles.forEach((lines, c) => {
    lines.forEach((line, k) => write(left(c), textSize + k * (textSize + 1), line, "ink", side));
  });
  const tall = Math.max(...titles.map(({ length }) => length));
  let y = tall > 0 ? tall * (textSize + 1) + 5 : 0;
  const width = left(columns.length) - gap;
  rows.forEach((name, r) => {
    if (name !== "") write(0, (y += textSize + 2), name, "muted", width);
    if (name !== "") y += 5;
    const boxes = cells[r]!.map((cell) => (cell ? fitted(cell, side) : { width: 0, height: 0 }));
    const tallest = Math.max(...boxes.map(({ height }) => height));
    const captions = cells[r]!.map((cell) => (cell ? wrapped(cellCaption(cell), side) : []));
    cells[r]!.forEach((cell, c) => {
      if (!cell) return;
      const at = { left: left(c), top: y, ...boxes[c]! };
      items.push(...drawCell(cell, at, scales[r]![c]!, style, cache));
      captions[c]!.forEach((line, k) => write(at.left, y + tallest + (k + 1) * (textSize + 1), line, "muted", side));
    });
    y += tallest + Math.max(...captions.map(({ length }) => length)) * (textSize + 1) + gap + 4;
  });
  const legend = legendOf(cells, scales, sharing, width, y);
  const description = options.description ?? describe(grid, legend.text);
  return { title, description, width, height: Math.ceil(legend.bottom), items: [...items, ...legend.items] };
}

function checkCells(where: string, { columns, rows, cells }: MapGrid): void {
  if (rows.length * columns.length > mostCells)
    throw new OptionError(`${where}: ${rows.length * columns.length} cells; at most ${mostCells} are drawn`);
  if (cells.length !== rows.length)
    throw new ShapeError(`${where}: ${rows.length} row titles, but ${cells.length} rows of cells`);
  cells.forEach((row, r) => {
    if (row.length !== columns.length)
      throw new ShapeError(`${where}: row ${r} has ${row.length} cells for ${columns.length} column titles`);
    row.forEach((cell, c) => {
      if (cell !== null) checkCell(where, `cell ${r}, ${c}`, cell);
    });
  });
}

function checkCell(where: string, name: string, cell: Cell): void {
  const known = ["map", "image", "channels", "rows", "columns"];
  if (typeof cell !== "object" || !known.some((key) => key in cell))
    throw new OptionError(`${where}: ${name} must have a map, an image, channels, rows or columns`);
  if ("map" in cell) checkHeatmap(where, name, cell.map);
  if ("image" in cell && cell.image) {
    const { width, height, pixels } = cell.image;
    if (!(width > 0 && height > 0 && pixels?.length === 3 * width * height))
      throw new ShapeError(`${where}: ${name}: an image of ${width}x${height} must have ${3 * width * height} bytes`);
  }
  if ("region" in cell && cell.region) {
    const { left, top, width, height } = cell.region;
    if (![left, top, width, height].every(Number.isFinite) || !(width > 0 && height > 0))
      throw new OptionError(`${where}: ${name}: a region must have finite sides above 0`);
  }
  if ("channels" in cell && !(cell.channels.length > 0)) throw new ShapeError(`${where}: ${name} has no channels`);
}

/** The scale of each cell. */
function scalesOf(
  cells: MapGrid["cells"],
  sharing: NonNullable<MapGridOptions["scale"]>,
  colors?: ColormapName,
): ColorScale[][] {
  const of = (some: readonly (Cell | null)[]) =>
    scaleOf(
      some.flatMap((cell) => (cell ? mapsIn(cell) : [])),
      colors,
    );
  if (sharing === "cell") return cells.map((row) => row.map((cell) => of([cell])));
  const all = sharing === "shared" ? of(cells.flat()) : undefined;
  const columns = cells[0]!.map((_, c) => all ?? of(cells.map((row) => row[c]!)));
  return cells.map(() => columns);
}

/** Color bars with their values, and a sentence on which maps they apply to. */
function legendOf(
  cells: MapGrid["cells"],
  scales: readonly (readonly ColorScale[])[],
  sharing: NonNullable<MapGridOptions["scale"]>,
  width: number,
  top: number,
): { readonly items: Item[]; readonly text: string; readonly bottom: number } {
  const used = cells.flatMap((row, r) =>
    row.flatMap((cell, c) => (cell && mapsIn(cell).length ? [scales[r]![c]!] : [])),
  );
  if (used.length === 0) return { items: [], text: "", bottom: top };
  const bar = Math.min(220, width);
  const items: Item[] = [];
  let y = top + 2;
  const draw = ({ colors, low, high }: ColorScale, ends: readonly [string, string]) => {
    const image = {
      width: paletteSteps,
      height: 1,
      pixels: Uint8Array.from({ length: paletteSteps }, (_, i) => i + 1),
      palette: paletteOf(colors),
    };
    items.push({ kind: "image", at: { left: 0, top: y, width: bar, height: 8 }, image, smooth: true });
    const label = (x: number, content: string, align: "start" | "middle" | "end") =>
      items.push({ kind: "text", x, y: y + 10 + textSize, text: content, ink: "ink", align });
    label(0, ends[0], "start");
    if (low < 0 && high > 0) label(bar / 2, "0", "middle");
    label(bar, ends[1], "end");
    y += 16 + textSize;
  };
  const kinds = [...new Map(used.map((scale) => [scale.colors, scale])).values()];
  if (sharing === "shared") {
    const [scale] = used as [ColorScale];
    const flat = scale.high === scale.low;
    const nothing = cells.flat().some((cell) => cell && mapsIn(cell).length && !isGateCell(cell))
      ? "no positive evidence"
      : "";
    draw(scale, flat ? ["0", nothing] : [formatNumber(scale.low, 3), formatNumber(scale.high, 3)]);
  } else for (const scale of kinds) draw(scale, scale.low < 0 ? ["−largest", "+largest"] : ["0", "largest value"]);
  const words = {
    shared: "One scale for all maps; below each, its range.",
    column: "One scale for each column; below each map, its range.",
    cell: "Each map has its own scale; its range is below it.",
  }[sharing];
  for (const line of wrapped(words, width)) {
    y += textSize + 2;
    items.push({ kind: "text", x: 0, y, text: line, ink: "muted", align: "start" });
  }
  return { items, text: words, bottom: y + 5 };
}

/** Words in lines of a given width; a longer word gets its own line. */
function wrapped(words: string, room: number): string[] {
  if (words === "") return [];
  const lines = [""];
  for (const word of words.split(" ")) {
    const longer = `${lines.at(-1)!}${lines.at(-1) ? " " : ""}${word}`;
    if (lines.at(-1) && textWidth(longer, textSize) > room) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

function fit(content: string, room: number): string {
  const most = Math.max(3, Math.floor((room / textWidth(content || " ", textSize)) * Array.from(content).length));
  return shorten(content, most);
}

/** A text alternative: what is shown, and the range of each map. */
function describe({ columns, rows, cells }: MapGrid, scale: string): string {
  const parts = rows.flatMap((row, r) =>
    columns.flatMap((column, c) => {
      const cell = cells[r]![c];
      const caption = cell ? cellCaption(cell) : "";
      return caption === "" ? [] : [`${[row, column].filter((name) => name !== "").join(", ")}: ${caption}`];
    }),
  );
  const some = parts.slice(0, 60);
  const rest = parts.length > some.length ? [`and ${plural(parts.length - some.length, "more map")}`] : [];
  return `${plural(rows.length, "row")}, ${plural(columns.length, "column")}. ${scale} ${[...some, ...rest].join("; ")}`.trim();
}

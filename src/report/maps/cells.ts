import type { Heatmap } from "../../explain/heatmap.js";
import type { PlanarImage } from "../heatmap.js";
import type { PngImage } from "../png.js";
import { contours, imageLayer, mapLayer } from "./layers.js";
import { type ColorScale, captionOf } from "./scale.js";
import type { Item, Region } from "./scene.js";

/** A map, alone or over its image. */
export interface MapCell {
  readonly map: Heatmap;
  /** What the network saw or, with `region`, the whole photograph. */
  readonly image?: PlanarImage;
  /** The part of the photograph that the network saw and the map covers, from `inputRegion`. */
  readonly region?: Region;
  /** Whether it is a gate and not evidence: this changes the caption of a constant map. */
  readonly isGate?: boolean;
  /** The position, in the map, that a pairwise map belongs to. */
  readonly position?: { readonly row: number; readonly column: number };
}

/** An image alone; with `region` the crop is outlined. */
export interface ImageCell {
  readonly image: PlanarImage;
  readonly region?: Region;
}

/** Channel gates, one bar each. */
export interface ChannelCell {
  readonly channels: ArrayLike<number>;
}

/** Row and column gates, next to the image they act on. */
export interface StripCell {
  readonly rows?: ArrayLike<number>;
  readonly columns?: ArrayLike<number>;
  readonly image?: PlanarImage;
}

/** What a cell of a grid may show: a map, an image, channels as bars, or rows and columns as strips. */
export type Cell = MapCell | ImageCell | ChannelCell | StripCell;

const isStrips = (cell: Cell): cell is StripCell => "rows" in cell || "columns" in cell;

/** How cells are drawn. */
export interface CellStyle {
  readonly opacity: number;
  /** Contour levels, as shares of the largest value. */
  readonly contours: readonly number[];
}

/** Image pixels per unit of the cell: sharp on dense screens too. */
const density = 1.5;
/** The same for a map: viewers smooth it. */
const mapDensity = 0.75;
const strip = 10;

const vector = (values: ArrayLike<number>, height: number, width: number): Heatmap => ({
  height,
  width,
  data: Float64Array.from(values),
});
export const rowsOf = ({ rows }: StripCell): Heatmap | undefined => (rows ? vector(rows, rows.length, 1) : undefined);
export const columnsOf = ({ columns }: StripCell): Heatmap | undefined =>
  columns ? vector(columns, 1, columns.length) : undefined;

/** The maps in a cell, which the color scale must cover. */
export function mapsIn(cell: Cell): Heatmap[] {
  if ("map" in cell) return [cell.map];
  if (isStrips(cell)) return [rowsOf(cell), columnsOf(cell)].flatMap((map) => map ?? []);
  return [];
}

/** Channels and strips are always gates. */
export const isGateCell = (cell: Cell): boolean =>
  "map" in cell ? cell.isGate === true : !("image" in cell) || isStrips(cell);

/** The text below a cell. */
export function cellCaption(cell: Cell): string {
  const maps = mapsIn(cell);
  const isGate = isGateCell(cell);
  if (maps.length > 0) return captionOf({ data: Float64Array.from(maps.flatMap(({ data }) => [...data])) }, isGate);
  if (!("channels" in cell)) return "";
  return captionOf({ data: Float64Array.from(cell.channels) }, isGate);
}

/** The aspect of a cell's contents, in any unit. */
function shapeOf(cell: Cell): { readonly width: number; readonly height: number } {
  if ("channels" in cell) return { width: 1, height: 0.6 };
  if ("image" in cell && cell.image) return cell.image;
  if ("map" in cell) return cell.map;
  const { rows, columns } = cell as StripCell;
  const side = Math.max(rows?.length ?? 0, columns?.length ?? 0, 1);
  return { width: columns?.length ?? side, height: rows?.length ?? side };
}

/** The largest box of a cell's aspect in a square. */
export function fitted(cell: Cell, side: number): { readonly width: number; readonly height: number } {
  const { width, height } = shapeOf(cell);
  const scale = side / Math.max(width, height);
  return { width: Math.max(1, width * scale), height: Math.max(1, height * scale) };
}

/** Encoded images, so none is encoded twice. */
export type ImageCache = Map<PlanarImage, PngImage>;

/** Draws a cell into a box. */
export function drawCell(cell: Cell, at: Region, scale: ColorScale, style: CellStyle, cache: ImageCache): Item[] {
  if ("channels" in cell) return drawBars(cell.channels, at);
  if (isStrips(cell)) return drawStrips(cell, at, scale, cache);
  const items: Item[] = [];
  if (cell.image) items.push(drawImage(cell.image, at, cache));
  const seen = cell.image && cell.region ? within(cell.region, cell.image, at) : at;
  if ("map" in cell) {
    const image = mapLayer(
      cell.map,
      scale,
      cell.image ? style.opacity : null,
      mapDensity * Math.max(seen.width, seen.height),
    );
    items.push({ kind: "image", at: seen, image, smooth: Math.min(image.width, image.height) > 1 });
    for (const share of style.contours) items.push(...drawContours(cell.map, share, seen));
    if (cell.position) items.push(drawPosition(cell.map, cell.position, seen));
  }
  if (cell.image && cell.region) items.push(...drawCrop(seen, at));
  return items;
}

function drawImage(image: PlanarImage, at: Region, cache: ImageCache): Item {
  const layer = cache.get(image) ?? imageLayer(image, Math.ceil(density * Math.max(at.width, at.height)));
  cache.set(image, layer);
  return { kind: "image", at, image: layer, smooth: at.width < 3 * layer.width };
}

/** A part of an image, in the box that the image is drawn in. */
function within(region: Region, { width, height }: PlanarImage, at: Region): Region {
  const [x, y] = [at.width / width, at.height / height];
  return {
    left: at.left + region.left * x,
    top: at.top + region.top * y,
    width: region.width * x,
    height: region.height * y,
  };
}

function drawContours(map: Heatmap, share: number, at: Region): Item[] {
  const most = map.data.reduce((a, b) => Math.max(a, Number.isFinite(b) ? b : 0), 0);
  if (most <= 0) return [];
  const segments = contours(map, share * most).map(
    ([x1, y1, x2, y2]) =>
      [at.left + x1 * at.width, at.top + y1 * at.height, at.left + x2 * at.width, at.top + y2 * at.height] as const,
  );
  return segments.length > 0 ? [{ kind: "lines", segments }] : [];
}

function drawPosition({ height, width }: Heatmap, { row, column }: { row: number; column: number }, at: Region): Item {
  const [w, h] = [at.width / width, at.height / height];
  return { kind: "frame", at: { left: at.left + column * w, top: at.top + row * h, width: w, height: h } };
}

/** Outlines the crop where it lies inside the image, and veils the rest. */
function drawCrop(seen: Region, at: Region): Item[] {
  const clamp = (value: number, from: number, length: number) => Math.min(from + length, Math.max(from, value));
  const [left, right] = [seen.left, seen.left + seen.width].map((x) => clamp(x, at.left, at.width)) as [number, number];
  const [top, bottom] = [seen.top, seen.top + seen.height].map((y) => clamp(y, at.top, at.height)) as [number, number];
  const veils: Region[] = [
    { left: at.left, top: at.top, width: left - at.left, height: at.height },
    { left: right, top: at.top, width: at.left + at.width - right, height: at.height },
    { left, top: at.top, width: right - left, height: top - at.top },
    { left, top: bottom, width: right - left, height: at.top + at.height - bottom },
  ];
  return [
    ...veils.flatMap((veil): Item[] => (veil.width > 0.05 && veil.height > 0.05 ? [{ kind: "veil", at: veil }] : [])),
    { kind: "frame", at: { left, top, width: right - left, height: bottom - top } },
  ];
}

/** A bar per channel, from 0; with more channels than units, the bars overlap. */
function drawBars(values: ArrayLike<number>, at: Region): Item[] {
  const numbers = Array.from(values, (value) => (Number.isFinite(value) ? value : 0));
  const [low, high] = [Math.min(0, ...numbers), Math.max(0, ...numbers)];
  const y = (value: number) => at.top + (high > low ? ((high - value) / (high - low)) * at.height : at.height);
  const step = at.width / numbers.length;
  const gap = step > 3 ? 1 : 0;
  const bars = numbers.map((value, i): Item => {
    const [top, bottom] = [Math.min(y(value), y(0)), Math.max(y(value), y(0))];
    const bar = {
      left: at.left + i * step,
      top,
      width: Math.max(0.5, step - gap),
      height: Math.max(0.5, bottom - top),
    };
    return { kind: "rect", at: bar, ink: "accent" };
  });
  return [
    ...bars,
    { kind: "rect", at: { left: at.left, top: y(0) - 0.25, width: at.width, height: 0.5 }, ink: "muted" },
  ];
}

/** The image, with its row gates on the right and its column gates below. */
function drawStrips(cell: StripCell, at: Region, scale: ColorScale, cache: ImageCache): Item[] {
  const [rows, columns] = [rowsOf(cell), columnsOf(cell)];
  const gap = 3;
  const inner = {
    left: at.left,
    top: at.top,
    width: at.width - (rows ? strip + gap : 0),
    height: at.height - (columns ? strip + gap : 0),
  };
  const band = (map: Heatmap, where: Region): Item => ({
    kind: "image",
    at: where,
    image: mapLayer(map, scale, null, 1),
    smooth: false,
  });
  return [
    ...(cell.image ? [drawImage(cell.image, inner, cache)] : []),
    ...(rows ? [band(rows, { ...inner, left: at.left + at.width - strip, width: strip })] : []),
    ...(columns ? [band(columns, { ...inner, top: at.top + at.height - strip, height: strip })] : []),
  ];
}

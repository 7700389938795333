import { OptionError, ShapeError, unknownName } from "../core/errors.js";
import { bytes, check, fieldsOf, finite, maybe, numberList, settings, tuple, whole } from "../core/schema.js";
import { enlarge } from "../explain/enlarge.js";
import { extent } from "./axis.js";
import { type ColormapName, colormap, colormapNames } from "./colormap.js";
import { pngDataUri } from "./png.js";
import { element } from "./svg.js";
import { formatNumber, textWidth } from "./text.js";
import { drawing } from "./theme.js";

/** Numbers on a plane, row by row, such as a class activation map. Values that are not finite stay transparent. */
export interface HeatmapData {
  readonly height: number;
  readonly width: number;
  readonly data: ArrayLike<number>;
}

/** RGB bytes in three planes, as data sets give them. */
export interface PlanarImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

export interface HeatmapOptions {
  /** The image that the map belongs to; the map is stretched over it. */
  readonly over?: PlanarImage;
  /** Opacity of the map, 0 … 1. Default 0.5 over an image, 1 without. */
  readonly opacity?: number;
  /** Units per pixel of the image (or map). Default: the longer side becomes 320. */
  readonly scale?: number;
  /** Values at the ends of the color scale. Default: the map's smallest and largest. */
  readonly range?: readonly [low: number, high: number];
  /** Default "inferno". */
  readonly colors?: ColormapName;
  /** Show the color scale. Default true. */
  readonly bar?: boolean;
  /** For screen readers. */
  readonly title?: string;
}

const side = whole(1, 65_535);
const mapSchema = fieldsOf<HeatmapData>(
  { height: side, width: side, data: numberList },
  "a map, { height, width, data }",
);
const overSchema = fieldsOf<PlanarImage>({ height: side, width: side, pixels: bytes }, "{ width, height, pixels }");

const optionNames = [
  "over",
  "opacity",
  "scale",
  "range",
  "colors",
  "bar",
  "title",
] as const satisfies (keyof HeatmapOptions)[];
/** Palette index 0 is transparent. */
const steps = 255;
/** Pixels per side of the drawn map; beyond that the viewer interpolates. */
const finest = 320;

/**
 * A map in colors, over its image if given, with a color scale. The map is upsampled bilinearly
 * (half-pixel centers, as PyTorch's `align_corners=False`). Returns a self-contained SVG.
 *
 * @example
 * drawHeatmap({ height: 2, width: 2, data: [0, 0.2, 0.4, 1] }, { colors: "viridis" });
 *
 * @throws ShapeError if the number of values or bytes does not match the sizes. @throws OptionError for a bad option.
 */
export function drawHeatmap(map: HeatmapData, options: HeatmapOptions = {}): string {
  check("drawHeatmap", "map", mapSchema, map);
  check("drawHeatmap", "options", settings, options);
  check("drawHeatmap", "over", maybe(overSchema), options.over);
  check("drawHeatmap", "range", maybe(tuple("[low, high]", finite, finite)), options.range);
  const { over, opacity = over ? 0.5 : 1, colors = "inferno", bar = true, title = "Heat map" } = options;
  checkSizes(map, options);
  const whole = over ?? map;
  const scale = options.scale ?? finest / Math.max(whole.width, whole.height);
  const [width, height] = [whole.width * scale, whole.height * scale];
  const [low, high] = options.range ?? finiteRange(map.data);
  const detail = Math.min(scale, finest / Math.max(whole.width, whole.height));
  const [rows, columns] = [Math.ceil(whole.height * detail), Math.ceil(whole.width * detail)];
  const fine = enlarge(Float64Array.from(map.data), [map.height, map.width], [rows, columns]);
  const palette = Uint8Array.from([
    0,
    0,
    0,
    ...Array.from({ length: steps }, (_, i) => colormap(colors, i / (steps - 1))).flat(),
  ]);
  const labels = [high, (low + high) / 2, low].map((value) => formatNumber(roundTo(value, high - low), 3));
  const room = Math.max(...labels.map((label) => textWidth(label, 13)));
  const scaleBar = pngDataUri({
    width: 1,
    height: steps,
    pixels: Uint8Array.from({ length: steps }, (_, i) => steps - i),
    palette,
  });
  const stretched = { y: 0, height, preserveAspectRatio: "none" };
  return drawing(
    title,
    Math.ceil(bar ? width + 34 + room : width),
    Math.ceil(height),
    over &&
      element("image", {
        ...stretched,
        width,
        href: pngDataUri({ width: over.width, height: over.height, pixels: interleave(over) }),
        style: scale >= 3 ? "image-rendering:pixelated" : null,
      }),
    element("image", {
      ...stretched,
      width,
      opacity,
      href: pngDataUri({
        width: columns,
        height: rows,
        pixels: Uint8Array.from(fine, toIndex(low, high)),
        palette,
        alpha: Uint8Array.of(0),
      }),
    }),
    bar && element("image", { ...stretched, x: width + 12, width: 12, href: scaleBar }),
    bar && labels.map((label, i) => element("text", { x: width + 30, y: [11, height / 2 + 5, height - 1][i] }, label)),
  );
}

function checkSizes(map: HeatmapData, options: HeatmapOptions): void {
  const { over, opacity = 1, scale = 1, colors } = options;
  for (const name of Object.keys(options))
    if (!(optionNames as readonly string[]).includes(name))
      throw unknownName("option of drawHeatmap", name, optionNames);
  if (colors !== undefined && !colormapNames.includes(colors)) throw unknownName("colors", colors, colormapNames);
  if (!(opacity >= 0 && opacity <= 1))
    throw new OptionError(`drawHeatmap: opacity must be from 0 to 1, got ${opacity}`);
  if (!(scale > 0 && scale <= 1000)) throw new OptionError(`drawHeatmap: scale must be from 0 to 1000, got ${scale}`);
  const size = (what: string, given: number, wanted: number, of: { height: number; width: number }) => {
    if (!(of.height > 0 && of.width > 0) || given !== wanted)
      throw new ShapeError(`drawHeatmap: ${what} of ${of.height}x${of.width} needs ${wanted} values, got ${given}`);
  };
  size("a map", map.data.length, map.height * map.width, map);
  if (over) size("an image", over.pixels.length, 3 * over.height * over.width, over);
}

/** Smallest and largest finite value; 0 and 0 if there is none. */
function finiteRange(data: ArrayLike<number>): [low: number, high: number] {
  const finite = Array.from(data).filter(Number.isFinite);
  return finite.length ? extent(finite) : [0, 0];
}

/** The value, rounded to the digits that matter within the range. */
function roundTo(value: number, range: number): number {
  const decimals = 2 - Math.floor(Math.log10(range));
  return decimals >= 0 && decimals <= 100 ? Number(value.toFixed(decimals)) : value;
}

/** Palette index of a value. A constant map gets the middle color. */
function toIndex(low: number, high: number): (value: number) => number {
  return (value) => {
    if (!Number.isFinite(value)) return 0;
    const t = high > low ? (value - low) / (high - low) : 0.5;
    return 1 + Math.round(Math.min(1, Math.max(0, t)) * (steps - 1));
  };
}

function interleave({ width, height, pixels }: PlanarImage): Uint8Array {
  const plane = width * height;
  const rgb = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) rgb[3 * i + c] = pixels[c * plane + i]!;
  return rgb;
}

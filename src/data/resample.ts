import { check, whole as integer, options } from "../core/schema.js";
import { requireImage } from "./checks.js";
import type { RgbImage } from "./dataset.js";

/** A rectangle of pixels. */
export interface Box {
  /** Left edge, in pixels. */
  readonly left: number;
  /** Top edge, in pixels. */
  readonly top: number;
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
}

const side = integer(1);
export const part = options<Box>(
  { left: integer(0), top: integer(0), width: integer(0), height: integer(0) },
  "a box of pixels",
);

/**
 * Resizes a part of an image (by default all of it) to `width × height`: bilinear, antialiased when it shrinks.
 * Filter and rounding are Pillow's, hence torchvision's, and the same in Node and in browsers:
 * a triangle of half width max(1, in / out) around each output pixel's center, first along rows, then along columns.
 * Only `window`, a part of the result, is computed, so time and memory are bounded by the
 * window and the image even if the whole result would be huge, as for an image of 30000 × 1 pixels.
 */
export function resample(
  image: RgbImage,
  width: number,
  height: number,
  box: Box | undefined = undefined,
  window: Box = { left: 0, top: 0, width, height },
): RgbImage {
  requireImage("resample", "the image", image);
  check("resample", "width", side, width);
  check("resample", "height", side, height);
  const from = box === undefined ? whole(image) : box;
  check("resample", "box", part, from);
  check("resample", "window", part, window);
  const result = { width: window.width, height: window.height };
  if (result.width === 0 || result.height === 0) return { ...result, pixels: new Uint8Array(0) };
  const columns = triangleFilter(from.height, height, window.top, window.height);
  const last = window.height - 1;
  const top = columns.first[0]!;
  const rows = { top: from.top + top, height: columns.first[last]! + columns.count[last]! - top };
  const scaled = scaleRows(
    image,
    triangleFilter(from.width, width, window.left, window.width),
    { ...from, ...rows },
    window.width,
  );
  if (from.height === height && rows.height === window.height) return { ...result, pixels: scaled };
  return { ...result, pixels: scaleColumns(scaled, columns, window.width, rows.height, window.height, top) };
}

/** Resizes the shorter side to `side`, keeping the aspect ratio. Returns the image itself if nothing changes. */
export function resizeShorter(image: RgbImage, side: number): RgbImage {
  requireImage("resizeShorter", "the image", image);
  check("resizeShorter", "side", integer(1), side);
  const { width, height } = shorterSize(image.width, image.height, side);
  return width === image.width && height === image.height ? image : resample(image, width, height);
}

/** The size after `resizeShorter`. The longer side is rounded down, as in torchvision. */
export function shorterSize(width: number, height: number, side: number): { width: number; height: number } {
  check("shorterSize", "width", integer(1), width);
  check("shorterSize", "height", integer(1), height);
  check("shorterSize", "side", integer(1), side);
  const shorter = Math.min(width, height);
  const scaled = (length: number) => (length === shorter ? side : Math.floor((side * length) / shorter));
  return { width: scaled(width), height: scaled(height) };
}

function whole(image: RgbImage): Box {
  return { left: 0, top: 0, width: image.width, height: image.height };
}

/** For each output position: the first input it reads, and its weights (a row of `taps`, zero where unused). */
interface Filter {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Float64Array;
  readonly taps: number;
}

/** The filter of the output positions `from` … `from + length − 1` of `outputs`. */
function triangleFilter(inputs: number, outputs: number, from: number, length: number): Filter {
  const scale = inputs / outputs;
  const support = Math.max(1, scale);
  const taps = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const weights = new Float64Array(length * taps);
  for (let o = 0; o < length; o++) {
    const center = (from + o + 0.5) * scale;
    const start = Math.max(0, Math.floor(center - support + 0.5));
    const end = Math.min(inputs, Math.floor(center + support + 0.5));
    let sum = 0;
    for (let i = start; i < end; i++) {
      const weight = Math.max(0, 1 - Math.abs(i + 0.5 - center) / support);
      weights[o * taps + i - start] = weight;
      sum += weight;
    }
    for (let t = 0; t < end - start; t++) weights[o * taps + t]! /= sum;
    first[o] = start;
    count[o] = end - start;
  }
  return { first, count, weights, taps };
}

/** The box of `image` with its rows resized: [3, box.height, width]. */
function scaleRows(image: RgbImage, filter: Filter, box: Box, width: number): Uint8Array {
  const { pixels } = image;
  const { first, count, weights, taps } = filter;
  const out = new Uint8Array(3 * box.height * width);
  let o = 0;
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < box.height; y++) {
      const row = (c * image.height + box.top + y) * image.width + box.left;
      for (let x = 0; x < width; x++) {
        const start = row + first[x]!;
        const weight = x * taps;
        let sum = 0.5; // rounds; storing as a byte truncates
        for (let t = 0, n = count[x]!; t < n; t++) sum += weights[weight + t]! * pixels[start + t]!;
        out[o++] = sum;
      }
    }
  return out;
}

/** Planes of `rows × width` resized to `height × width`; row 0 of the planes is input `top` of the filter. */
function scaleColumns(
  pixels: Uint8Array,
  filter: Filter,
  width: number,
  rows: number,
  height: number,
  top: number,
): Uint8Array {
  const { first, count, weights, taps } = filter;
  const out = new Uint8Array(3 * height * width);
  const sums = new Float64Array(width);
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < height; y++) {
      sums.fill(0.5);
      for (let t = 0, n = count[y]!; t < n; t++) {
        const weight = weights[y * taps + t]!;
        const row = (c * rows + first[y]! - top + t) * width;
        for (let x = 0; x < width; x++) sums[x]! += weight * pixels[row + x]!;
      }
      out.set(sums, (c * height + y) * width);
    }
  return out;
}

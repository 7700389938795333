import { OptionError, ShapeError } from "../core/errors.js";
import { Rng } from "../core/rng.js";
import { check, fieldsOf, instance, orNull, whole } from "../core/schema.js";
import { type Erasing, erase } from "./augment/erase.js";
import type { Mixing } from "./augment/mix.js";
import { type AutoAugment, autoAugmented, type ColorJitter, colorJittered } from "./augment/policies.js";
import { positiveRange, shareRange } from "./augment/ranges.js";
import { augmentationSchema, preprocessingSchema, requireImage } from "./checks.js";
import type { Normalization, RgbImage } from "./dataset.js";
import { type Box, resample, shorterSize } from "./resample.js";

/** How an image becomes network input. Plain data, stored with a trained model. */
export interface Preprocessing extends Normalization {
  /** Side S of the square input, in pixels. */
  readonly imageSize: number;
  /** Shorter side before the S × S center crop; at least S. */
  readonly resize: number;
}

/** Random changes of training images. Plain data, like {@link Preprocessing}. Applied in the order crop, flip, autoAugment, colorJitter, erasing, mixing. */
export interface Augmentation extends Mixing {
  /**
   * `padding`: shift by up to this many pixels, black outside (CIFAR's recipe).
   * `scale`: a random crop with this share of the area and an aspect in `ratio`, by default 3/4 … 4/3, scaled to S × S.
   * `jitter`: the image at `resize` times a factor in this range, and a random S × S window of it, black outside (for segmentation).
   * null: the center, as in evaluation.
   */
  readonly crop:
    | { readonly padding: number }
    | { readonly scale: readonly [number, number]; readonly ratio?: readonly [number, number] }
    | { readonly jitter: readonly [number, number] }
    | null;
  /** Mirror left and right with probability 1/2. */
  readonly flip: boolean;
  /** A policy: `trivialaugment`, or `randaugment-nN-mM` with N changes of magnitude M of 30. Default: none. */
  readonly autoAugment?: AutoAugment;
  /** How far brightness, contrast and saturation move from 1, and hue from 0. Default: none. */
  readonly colorJitter?: ColorJitter;
  /** Random Erasing. Default: none. */
  readonly erasing?: Erasing;
  /** Mixup's α (Zhang et al., ICLR 2018). Only a `Loader` mixes, and only labels of whole images. Default: none. */
  readonly mixup?: number;
  /** CutMix's α (Yun et al., ICCV 2019). With both, each batch is of either kind. Default: none. */
  readonly cutmix?: number;
  /** Share of the batches that are mixed. Default 1. */
  readonly mixProbability?: number;
}

/** Writes `image` as normalized planes [3,S,S] into `out` from `offset` on. Needs `rng` if it augments. */
export type InputWriter = (image: RgbImage, out: Float32Array, offset: number, rng?: Rng) => void;

/**
 * The function that turns images into network input: (byte / 255 − mean) / std of an S × S crop.
 * Without `augmentation` that is the center crop.
 *
 * @example
 * const write = inputWriter({ imageSize: 32, resize: 32, ...normalizations.cifar10 });
 * write(await dataset.image(0), input, 0);
 *
 * @throws OptionError for a bad setting.
 */
export function inputWriter(preprocessing: Preprocessing, augmentation: Augmentation | null = null): InputWriter {
  check("inputWriter", "preprocessing", preprocessingSchema, preprocessing);
  check("inputWriter", "augmentation", orNull(augmentationSchema), augmentation);
  const { imageSize: size } = preprocessing;
  const write = augmentedWriter(preprocessing, augmentation);
  return (image, out, offset, rng) => {
    checkWrite(image, out, offset, size);
    write(image, chooseView(image, preprocessing, augmentation, rng), out, offset, rng);
  };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** What an input shows of an image: an S × S window of the image scaled to `scaled`, or a box of the image scaled to S × S. */
export type View = { readonly mirrored: boolean } & (
  | { readonly scaled: Size; readonly left: number; readonly top: number }
  | { readonly box: Box }
);

/** The center of an image: what evaluation shows. */
export function evaluationView(
  image: Size,
  { imageSize: size, resize }: Preprocessing,
): Extract<View, { readonly scaled: Size }> {
  const scaled = shorterSize(image.width, image.height, resize);
  return { scaled, left: center(scaled.width, size), top: center(scaled.height, size), mirrored: false };
}

/** What the input shows of an image: the center, or what `rng` chooses. Not checked: done for every image. */
export function chooseView(
  image: Size,
  preprocessing: Preprocessing,
  augmentation: Augmentation | null,
  rng: Rng | undefined,
): View {
  const { imageSize: size, resize } = preprocessing;
  const middle = evaluationView(image, preprocessing);
  if (!augmentation) return middle;
  if (!rng) throw new OptionError("inputWriter: augmentation needs a random number generator");
  const { crop, flip } = augmentation;
  const mirrored = flip && rng.uniform() < 0.5;
  if (crop && "scale" in crop) return { box: randomBox(image, crop.scale, rng, crop.ratio), mirrored };
  if (crop && "jitter" in crop) {
    const short = Math.max(1, Math.round(resize * rng.uniform(...crop.jitter)));
    const jittered = shorterSize(image.width, image.height, short);
    /** A window inside a longer side; a shorter one somewhere inside the window. */
    const start = (length: number) => (length >= size ? rng.int(length - size + 1) : -rng.int(size - length + 1));
    return { scaled: jittered, left: start(jittered.width), top: start(jittered.height), mirrored };
  }
  const shift = () => (crop ? rng.int(2 * crop.padding + 1) - crop.padding : 0);
  return { ...middle, left: middle.left + shift(), top: middle.top + shift(), mirrored };
}

/** Writes views of images as normalized planes. Not checked: done for every image. */
export function viewWriter(
  preprocessing: Preprocessing,
): (image: RgbImage, view: View, out: Float32Array, offset: number) => void {
  const { imageSize: size } = preprocessing;
  const table = normalizedBytes(preprocessing);
  return (image, view, out, offset) => {
    if ("box" in view)
      return writeWindow(resample(image, size, size, view.box), 0, 0, size, view.mirrored, table, out, offset);
    const { part, left, top } = partUnder(image, view, size);
    writeWindow(part, left, top, size, view.mirrored, table, out, offset);
  };
}

/** A {@link viewWriter} that changes colors, places and boxes too. The view's random numbers come first. */
export function augmentedWriter(
  preprocessing: Preprocessing,
  augmentation: Augmentation | null,
): (image: RgbImage, view: View, out: Float32Array, offset: number, rng: Rng | undefined) => void {
  const write = viewWriter(preprocessing);
  const { autoAugment, colorJitter, erasing } = augmentation ?? {};
  if (!autoAugment && !colorJitter && !erasing) return write;
  const { imageSize: size } = preprocessing;
  const whole: View = { scaled: { width: size, height: size }, left: 0, top: 0, mirrored: false };
  return (image, view, out, offset, given) => {
    const rng = given!;
    if (autoAugment || colorJitter) {
      const seen = viewImage(image, view, size);
      const changed = autoAugment ? autoAugmented(seen, autoAugment, rng) : seen;
      write(colorJitter ? colorJittered(changed, colorJitter, rng) : changed, whole, out, offset);
    } else write(image, view, out, offset);
    if (erasing) erase(erasing, size, out, offset, rng);
  };
}

/** A view as an image of S × S. */
export function viewImage(image: RgbImage, view: View, size: number): RgbImage {
  const bytes = new Float32Array(3 * size ** 2);
  viewWriter({ imageSize: size, resize: size, ...asBytes })(image, view, bytes, 0);
  return { width: size, height: size, pixels: rounded(bytes) };
}

function rounded(bytes: Float32Array): Uint8Array {
  const pixels = new Uint8Array(bytes.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = Math.round(bytes[i]!);
  return pixels;
}

/** The normalization that leaves bytes. */
const asBytes = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] } as const;

/** What a view shows, in the pixels of the image. */
export function viewRegion(image: Size, view: View, size: number): Region {
  if ("box" in view) return view.box;
  const [x, y] = [image.width / view.scaled.width, image.height / view.scaled.height];
  return { left: view.left * x, top: view.top * y, width: size * x, height: size * y };
}

/**
 * The part of the scaled image under a window, and where the window starts in it. The whole scaled image is never computed: for a long,
 * thin image it could be enormous.
 */
function partUnder(
  image: RgbImage,
  { scaled: { width, height }, left, top }: Extract<View, { readonly scaled: Size }>,
  size: number,
): { part: RgbImage; left: number; top: number } {
  if (width === image.width && height === image.height) return { part: image, left, top };
  const across = inside(left, size, width);
  const down = inside(top, size, height);
  const window = { left: across.start, top: down.start, width: across.length, height: down.length };
  const part = resample(image, width, height, undefined, window);
  return { part, left: left - window.left, top: top - window.top };
}

/** The part of a window that lies in 0 … length. */
function inside(start: number, window: number, length: number): { start: number; length: number } {
  const clamp = (position: number) => Math.min(Math.max(position, 0), length);
  return { start: clamp(start), length: clamp(start + window) - clamp(start) };
}

/** Must be cheap: done for every image. */
function checkWrite(image: RgbImage, out: Float32Array, offset: number, size: number): void {
  requireImage("inputWriter", "the image", image);
  if (!(out instanceof Float32Array && offset >= 0 && offset + 3 * size ** 2 <= out.length))
    throw new ShapeError(
      `inputWriter: out must be a Float32Array with space for [3,${size},${size}] from ${offset} on`,
    );
}

/** The network input [3,S,S] of an image, as in evaluation. */
export function toInput(image: RgbImage, preprocessing: Preprocessing): Float32Array {
  requireImage("toInput", "the image", image);
  check("toInput", "preprocessing", preprocessingSchema, preprocessing);
  const write = inputWriter(preprocessing);
  const input = new Float32Array(3 * preprocessing.imageSize ** 2);
  write(image, input, 0);
  return input;
}

/** A part of an image, in its pixels; it may extend beyond the border. */
export interface Region {
  /** Columns left of it. */
  readonly left: number;
  /** Rows above it. */
  readonly top: number;
  /** Columns that it has. */
  readonly width: number;
  /** Rows that it has. */
  readonly height: number;
}

/**
 * The part of an image that a network sees in evaluation: what a map of its input covers. It extends beyond the image where that is smaller
 * than the input; there the network sees black.
 *
 * @example
 * inputRegion({ width: 640, height: 480 }, { imageSize: 224, resize: 256, mean, std }); // { left: 108.9, top: 30, width: 420.4, height: 420 }
 */
export function inputRegion(
  image: { readonly width: number; readonly height: number },
  preprocessing: Preprocessing,
): Region {
  check("inputRegion", "image", fieldsOf({ width: whole(1), height: whole(1) }, "an image"), image);
  check("inputRegion", "preprocessing", preprocessingSchema, preprocessing);
  const { imageSize, resize } = preprocessing;
  const scaled = shorterSize(image.width, image.height, resize);
  const [x, y] = [image.width / scaled.width, image.height / scaled.height];
  return {
    left: center(scaled.width, imageSize) * x,
    top: center(scaled.height, imageSize) * y,
    width: imageSize * x,
    height: imageSize * y,
  };
}

/** What a network sees of an image in evaluation, as an image: the bytes before normalization. */
export function seenImage(image: RgbImage, preprocessing: Preprocessing): RgbImage {
  requireImage("seenImage", "the image", image);
  check("seenImage", "preprocessing", preprocessingSchema, preprocessing);
  const { imageSize, resize } = preprocessing;
  const bytes = toInput(image, { imageSize, resize, ...asBytes });
  return { width: imageSize, height: imageSize, pixels: rounded(bytes) };
}

/** How an image that has been {@link seenImage} becomes the same input again. */
export const ofSeen = (preprocessing: Preprocessing): Preprocessing => ({
  ...preprocessing,
  resize: preprocessing.imageSize,
});

/** torchvision's RandomResizedCrop: ten attempts, then the largest centered part with an allowed aspect ratio, width over height. */
export function randomBox(
  image: Size,
  scale: readonly [number, number],
  rng: Rng,
  ratio: readonly [number, number] = [3 / 4, 4 / 3],
): Box {
  check("randomBox", "image", fieldsOf({ width: whole(1), height: whole(1) }, "an image"), image);
  check("randomBox", "scale", shareRange, scale);
  check("randomBox", "rng", instance(Rng, "an Rng"), rng);
  check("randomBox", "ratio", positiveRange, ratio);
  const { width, height } = image;
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * rng.uniform(...scale);
    const aspect = Math.exp(rng.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const w = Math.round(Math.sqrt(area * aspect));
    const h = Math.round(Math.sqrt(area / aspect));
    if (w > 0 && w <= width && h > 0 && h <= height)
      return { left: rng.int(width - w + 1), top: rng.int(height - h + 1), width: w, height: h };
  }
  const w = Math.max(1, Math.min(width, Math.round(height * ratio[1])));
  const h = Math.max(1, Math.min(height, Math.round(width / ratio[0])));
  return { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h };
}

/** Where a centered window starts. Halves round to even, as in torchvision. */
function center(length: number, window: number): number {
  const half = (length - window) / 2;
  const down = Math.floor(half);
  return half === down || down % 2 === 0 ? down : down + 1;
}

/** Normalized value of each byte, per channel: a lookup is several times faster than the arithmetic. */
function normalizedBytes({ mean, std }: Normalization): Float32Array[] {
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - m) / std[c]!));
}

/** The `size × size` window at (left, top), optionally mirrored. Black outside the image. */
function writeWindow(
  { width, height, pixels }: RgbImage,
  left: number,
  top: number,
  size: number,
  mirrored: boolean,
  table: readonly Float32Array[],
  out: Float32Array,
  offset: number,
): void {
  const start = Math.max(0, -left); // columns [start, end) of the window lie inside the image
  const end = Math.min(size, width - left);
  const partial = start > 0 || end < size;
  for (let c = 0; c < 3; c++) {
    const values = table[c]!;
    for (let y = 0; y < size; y++) {
      const row = offset + (c * size + y) * size;
      const inside = top + y >= 0 && top + y < height;
      if (partial || !inside) out.fill(values[0]!, row, row + size);
      if (!inside) continue;
      const source = (c * height + top + y) * width + left;
      if (mirrored) for (let x = start; x < end; x++) out[row + size - 1 - x] = values[pixels[source + x]!]!;
      else for (let x = start; x < end; x++) out[row + x] = values[pixels[source + x]!]!;
    }
  }
}

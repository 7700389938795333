import { OptionError } from "../core/errors.js";
import { integer } from "../core/options.js";
import type { Rng } from "../core/rng.js";
import type { Normalization, Picture } from "./dataset.js";
import { type Box, resample, shorterSize } from "./resample.js";

/** How a picture becomes network input. Plain data: it is stored with a trained model. */
export interface Preprocessing extends Normalization {
  /** Side S of the square input, in pixels. */
  readonly imageSize: number;
  /** Length to which the shorter side is scaled before the S × S centre is cut out; at least S. */
  readonly resize: number;
}

/** What training varies at random. Plain data, like {@link Preprocessing}. */
export interface Augmentation {
  /**
   * `padding`: shift by up to so many pixels, black outside (the CIFAR recipe).
   * `scale`: a random part with this share of the area and an aspect of 3/4 … 4/3, scaled to S × S.
   * null: the centre, as in evaluation.
   */
  readonly crop: { readonly padding: number } | { readonly scale: readonly [number, number] } | null;
  /** Mirror left and right in half of the cases. */
  readonly flip: boolean;
}

/** An input of this side takes 805 MB. */
const largestInput = 8192;

/** Returns `side` if a network input can have it. @throws OptionError otherwise, before anything is allocated. */
export function inputSide(owner: string, side: number): number {
  if (side > largestInput) throw new OptionError(`${owner}: imageSize must be at most ${largestInput}, got ${side}`);
  return integer(owner, "imageSize", side);
}

/** Writes `picture` as normalised planes [3,S,S] into `out` from `offset` on. Needs `rng` if it augments. */
export type InputWriter = (picture: Picture, out: Float32Array, offset: number, rng?: Rng) => void;

/**
 * The function that turns pictures into network input: (byte / 255 − mean) / std of the chosen S × S part.
 * Without `augmentation` that is the centre.
 *
 * @example
 * const write = inputWriter({ imageSize: 32, resize: 32, ...normalizations.cifar10 });
 * write(await dataset.image(0), input, 0);
 *
 * @throws OptionError if a setting cannot be used.
 */
export function inputWriter(preprocessing: Preprocessing, augmentation: Augmentation | null = null): InputWriter {
  checkPreprocessing(preprocessing);
  if (augmentation) checkAugmentation(augmentation);
  const { imageSize: size, resize } = preprocessing;
  const table = normalizedBytes(preprocessing);
  if (!augmentation)
    return (picture, out, offset) => {
      const { part, left, top } = fittedWindow(picture, resize, size, () => 0);
      writeWindow(part, left, top, size, false, table, out, offset);
    };
  const { crop, flip } = augmentation;
  return (picture, out, offset, rng) => {
    if (!rng) throw new OptionError("inputWriter: augmentation needs a random number generator");
    const mirrored = flip && rng.uniform() < 0.5;
    if (crop && "scale" in crop) {
      const part = resample(picture, size, size, randomBox(picture, crop.scale, rng));
      return writeWindow(part, 0, 0, size, mirrored, table, out, offset);
    }
    const shift = () => (crop ? rng.int(2 * crop.padding + 1) - crop.padding : 0);
    const { part, left, top } = fittedWindow(picture, resize, size, shift);
    writeWindow(part, left, top, size, mirrored, table, out, offset);
  };
}

/**
 * What the centred `size × size` window, moved by `shift`, shows of a picture whose shorter side is scaled to `resize`, and where the window
 * starts in that part. The scaled picture is never made: it may be enormous for a long, thin one.
 */
function fittedWindow(
  picture: Picture,
  resize: number,
  size: number,
  shift: () => number,
): { part: Picture; left: number; top: number } {
  const { width, height } = shorterSize(picture.width, picture.height, resize);
  const left = center(width, size) + shift();
  const top = center(height, size) + shift();
  if (width === picture.width && height === picture.height) return { part: picture, left, top };
  const across = inside(left, size, width);
  const down = inside(top, size, height);
  const window = { left: across.start, top: down.start, width: across.length, height: down.length };
  const part = resample(picture, width, height, undefined, window);
  return { part, left: left - window.left, top: top - window.top };
}

/** The part of a window that lies in 0 … length. */
function inside(start: number, window: number, length: number): { start: number; length: number } {
  const clamp = (position: number) => Math.min(Math.max(position, 0), length);
  return { start: clamp(start), length: clamp(start + window) - clamp(start) };
}

/** The network input [3,S,S] of one picture, as in evaluation. */
export function toInput(picture: Picture, preprocessing: Preprocessing): Float32Array {
  const write = inputWriter(preprocessing);
  const input = new Float32Array(3 * preprocessing.imageSize ** 2);
  write(picture, input, 0);
  return input;
}

/** torchvision's RandomResizedCrop: ten attempts, then the largest centred part of an allowed aspect. */
export function randomBox(picture: Picture, [least, most]: readonly [number, number], rng: Rng): Box {
  const { width, height } = picture;
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * rng.uniform(least, most);
    const aspect = Math.exp(rng.uniform(Math.log(3 / 4), Math.log(4 / 3)));
    const w = Math.round(Math.sqrt(area * aspect));
    const h = Math.round(Math.sqrt(area / aspect));
    if (w > 0 && w <= width && h > 0 && h <= height)
      return { left: rng.int(width - w + 1), top: rng.int(height - h + 1), width: w, height: h };
  }
  const w = Math.min(width, Math.round((height * 4) / 3));
  const h = Math.min(height, Math.round((width * 4) / 3));
  return { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h };
}

/** Where a centred window starts. Halves go to the even neighbour, as in torchvision. */
function center(length: number, window: number): number {
  const half = (length - window) / 2;
  const down = Math.floor(half);
  return half === down || down % 2 === 0 ? down : down + 1;
}

/** Per channel, the normalised value of each byte: a look-up is several times faster than the arithmetic. */
function normalizedBytes({ mean, std }: Normalization): Float32Array[] {
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - m) / std[c]!));
}

/** The `size × size` window at (left, top), perhaps mirrored. What lies outside of the picture is black. */
function writeWindow(
  { width, height, pixels }: Picture,
  left: number,
  top: number,
  size: number,
  mirrored: boolean,
  table: readonly Float32Array[],
  out: Float32Array,
  offset: number,
): void {
  const start = Math.max(0, -left); // columns [start, end) of the window lie inside of the picture
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

function checkPreprocessing({ imageSize, resize, mean, std }: Preprocessing): void {
  inputSide("preprocessing", imageSize);
  integer("preprocessing", "resize", resize, imageSize);
  if (mean.length !== 3 || !mean.every(Number.isFinite))
    throw new OptionError(`preprocessing: mean must be three numbers, got ${JSON.stringify(mean)}`);
  if (std.length !== 3 || !std.every((s) => Number.isFinite(s) && s > 0))
    throw new OptionError(`preprocessing: std must be three positive numbers, got ${JSON.stringify(std)}`);
}

function checkAugmentation({ crop }: Augmentation): void {
  if (!crop) return;
  if ("padding" in crop) {
    integer("augmentation", "padding", crop.padding, 0);
    return;
  }
  const [least, most] = crop.scale;
  if (!(least > 0 && least <= most && most <= 1))
    throw new OptionError(`augmentation: scale must be 0 < least ≤ most ≤ 1, got ${JSON.stringify(crop.scale)}`);
}

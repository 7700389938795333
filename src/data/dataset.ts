import { DataError } from "../core/errors.js";
import {
  anything,
  callback,
  check,
  classList,
  fieldsOf,
  isObject,
  maybe,
  orNull,
  type Schema,
  shown,
  text,
  that,
  whole,
} from "../core/schema.js";

/** A picture as stored: RGB bytes in three planes, `pixels[(channel * height + row) * width + column]`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** A file that is not part of the data set, and why. */
export interface SkippedFile {
  readonly file: string;
  readonly reason: string;
}

/** Mean and standard deviation of each channel, for pixel values in 0 … 1. */
export interface Normalization {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** What the makers of a data set recommend; used where the user does not say otherwise. */
export interface DatasetDefaults {
  readonly normalization?: Normalization;
  /** Side of the square network input. */
  readonly imageSize?: number;
  /** Whether a mirrored picture keeps its class (not so for digits). */
  readonly flip?: boolean;
}

/** Labelled pictures. Implement this to train on a source of your own; `memoryDataset` covers pictures held in memory. */
export interface Dataset {
  /** For example `cifar10`, `shapes`, or the name of the folder. */
  readonly name: string;
  /** Class names; the position is the label. */
  readonly classes: readonly string[];
  readonly length: number;
  /** The label of each picture, without decoding it. */
  readonly labels: ArrayLike<number>;
  /** Files found so far that cannot be used, each once. */
  readonly skipped: readonly SkippedFile[];
  /** The size that all pictures have, or null if sizes vary. */
  readonly size: { readonly height: number; readonly width: number } | null;
  readonly defaults?: DatasetDefaults;
  /** The picture at `index`. It may share memory with the data set: do not write to it. Rejects with DataError if unreadable. */
  image(index: number): Promise<Picture>;
  /** `height · width` bytes, 1 where the labelled object is; only where the data set knows it. */
  mask?(index: number): Uint8Array;
}

export interface Splits {
  readonly train: Dataset;
  readonly validation: Dataset;
  /** Images that choose nothing, to be measured once; few data sets have them. */
  readonly test?: Dataset;
  /** How a folder was divided, for people: `by folders train, val`. */
  readonly division?: string;
}

/** Longest side of a picture, in pixels: as of JPEG. */
export const longestSide = 65_535;

/** The parts of a data set; {@link checkDataset} looks at the labels too. */
export const datasetSchema: Schema<Dataset> = fieldsOf<Dataset>(
  {
    name: text,
    classes: classList,
    length: whole(0),
    labels: that("an array of numbers", (x) => typeof x === "object" && x !== null && "length" in x),
    skipped: that("a list", Array.isArray),
    size: orNull(fieldsOf({ height: whole(1), width: whole(1) }, "null or { height, width }")),
    defaults: maybe(anything),
    image: callback,
    mask: maybe(callback),
  },
  "a data set, such as memoryDataset() makes",
);

const splitsSchema: Schema<Splits> = fieldsOf<Splits>(
  { train: datasetSchema, validation: datasetSchema, test: maybe(datasetSchema), division: maybe(text) },
  "splits, { train, validation }",
);

/**
 * Checks a data set where it comes in: its parts, and that every label is the number of a class. Another one would be written into the
 * target of another image, or nowhere.
 *
 * @throws OptionError if it is none. @throws DataError that names the first image whose label is wrong.
 */
export function checkDataset(where: string, name: string, value: unknown): void {
  check(where, name, datasetSchema, value);
  requireLabels(`${where}: ${(value as Dataset).name}`, value as Dataset);
}

/** @throws DataError that names the first image whose label is not the number of a class. */
export function requireLabels(
  where: string,
  { labels, length, classes }: Pick<Dataset, "labels" | "length" | "classes">,
): void {
  if (labels.length !== length) throw new DataError(`${where}: has ${length} images, but ${labels.length} labels`);
  const count = classes.length;
  for (let i = 0; i < length; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= count)
      throw new DataError(
        `${where}: image ${i} has label ${shown(label)}; there are ${count} classes, so labels are integers from 0 to ${count - 1}`,
      );
  }
}

/** @throws DataError that names a picture whose pixels are not RGB bytes in three planes of its size. */
export function requirePicture(where: string, name: string, picture: Picture): void {
  const fault = pictureFault(picture);
  if (fault) throw new DataError(`${where}: ${name} ${fault}`);
}

function pictureFault(picture: Picture): string | undefined {
  if (!isObject(picture)) return `must be { width, height, pixels }, got ${shown(picture)}`;
  const { width, height, pixels } = picture;
  for (const [side, length] of [["width", width] as const, ["height", height] as const])
    if (!(Number.isInteger(length) && length >= 1 && length <= longestSide))
      return `must have a ${side} from 1 to ${longestSide}, got ${shown(length)}`;
  if (!(pixels instanceof Uint8Array || (pixels as unknown) instanceof Uint8ClampedArray))
    return `must have bytes as pixels (a Uint8Array), got ${shown(pixels)}`;
  if (pixels.length !== 3 * width * height)
    return `of ${width} × ${height} must have ${3 * width * height} bytes of pixels, got ${pixels.length}`;
  return undefined;
}

/** What was understood of a data set: `2 classes, 244 + 153 images, split by folders train, val`. */
export function describeSplits(splits: Splits): string {
  check("describeSplits", "splits", splitsSchema, splits);
  const { train, validation, test, division } = splits;
  const images = [train, validation, test].flatMap((part) => (part ? [part.length.toLocaleString("en-US")] : []));
  const classes = train.classes.length;
  return `${classes} ${classes === 1 ? "class" : "classes"}, ${images.join(" + ")} images${division ? `, split ${division}` : ""}`;
}

/** Returns `index` if `dataset` has a picture there. @throws DataError otherwise. */
export function checkIndex(dataset: Dataset, index: number): number {
  if (!isObject(dataset)) check("checkIndex", "dataset", datasetSchema, dataset);
  if (!Number.isInteger(index) || index < 0 || index >= dataset.length)
    throw new DataError(`${dataset.name}: there is no picture ${index}; it has ${dataset.length}`);
  return index;
}

import { DataError } from "../core/errors.js";
import { check, isObject, shown } from "../core/schema.js";
import { datasetSchema, splitsSchema } from "./checks.js";

/** An image as stored: RGB bytes in three planes, `pixels[(channel * height + row) * width + column]`. */
export interface RgbImage {
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
  /** Subtracted from each channel, of values from 0 to 1. */
  readonly mean: readonly [number, number, number];
  /** What each channel is then divided by. */
  readonly std: readonly [number, number, number];
}

/** What the makers of a data set recommend; used where the user does not say otherwise. */
export interface DatasetDefaults {
  readonly normalization?: Normalization;
  /** Side of the square network input. */
  readonly imageSize?: number;
  /** Whether a mirrored image keeps its class (not so for digits). */
  readonly flip?: boolean;
}

/** Labelled images. Implement this to train on a source of your own; `createDataset` covers images held in memory. */
export interface Dataset {
  /** For example `cifar10`, `shapes`, or the name of the folder. */
  readonly name: string;
  /** Class names; the position is the label. */
  readonly classes: readonly string[];
  readonly length: number;
  /** The label of each image, without decoding it. */
  readonly labels: ArrayLike<number>;
  /** Files found so far that cannot be used, each once. */
  readonly skipped: readonly SkippedFile[];
  /** The size that all images have, or null if sizes vary. */
  readonly size: { readonly height: number; readonly width: number } | null;
  readonly defaults?: DatasetDefaults;
  /** The image at `index`. It may share memory with the data set: do not write to it. Rejects with DataError if unreadable. */
  image(index: number): Promise<RgbImage>;
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
  /** The shares that options had set aside, where neither folders nor the data itself say what is for what. */
  readonly setAside?: { readonly validation?: number; readonly test?: number };
}

/** What was understood of a data set: `2 classes, 244 + 153 images, split by folders train, val`. */
export function describeSplits(splits: Splits): string {
  check("describeSplits", "splits", splitsSchema, splits);
  const { train, validation, test, division } = splits;
  const images = [train, validation, test].flatMap((part) => (part ? [part.length.toLocaleString("en-US")] : []));
  const classes = train.classes.length;
  return `${classes} ${classes === 1 ? "class" : "classes"}, ${images.join(" + ")} images${division ? `, split ${division}` : ""}`;
}

/** Returns `index` if `dataset` has an image there. @throws DataError otherwise. */
export function checkIndex(dataset: Dataset, index: number): number {
  if (!isObject(dataset) || typeof dataset.length !== "number") check("checkIndex", "dataset", datasetSchema, dataset);
  if (!Number.isInteger(index) || index < 0 || index >= dataset.length)
    throw new DataError(`${dataset.name}: there is no image ${shown(index)}; it has ${dataset.length}`);
  return index;
}

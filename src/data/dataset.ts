import { DataError } from "../core/errors.js";
import { check, isObject, shown } from "../core/schema.js";
import { datasetSchema, splitsSchema } from "./checks.js";

/** An image as stored: RGB bytes in three planes, `pixels[(channel * height + row) * width + column]`. */
export interface RgbImage {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** RGB bytes: the red plane, then green, then blue. */
  readonly pixels: Uint8Array;
}

/** A file that is not part of the data set, and why. */
export interface SkippedFile {
  /** Path of the file. */
  readonly file: string;
  /** Why it was skipped, in words. */
  readonly reason: string;
}

/** Mean and standard deviation of each channel, for pixel values in 0 … 1. */
export interface Normalization {
  /** Subtracted from each channel, of values from 0 to 1. */
  readonly mean: readonly [number, number, number];
  /** The divisor of each channel afterwards. */
  readonly std: readonly [number, number, number];
}

/** The data set makers' recommendations, used by default. */
export interface DatasetDefaults {
  /** Mean and standard deviation of the channels. */
  readonly normalization?: Normalization;
  /** Side of the square network input. */
  readonly imageSize?: number;
  /** Shorter side that images are scaled to before cropping. */
  readonly resize?: number;
  /** Whether a mirrored image keeps its class (digits do not). */
  readonly flip?: boolean;
  /** Whether a part of an image keeps its class (a position in it does not). Default true. */
  readonly crop?: boolean;
}

/** Who is on each image, which camera took it, and what is looked for. */
export interface DatasetSightings {
  /** The identity on each image; −1 for junk, which never counts. */
  readonly identities: readonly number[];
  /** The camera of each image. */
  readonly cameras: readonly number[];
  /** That many images, the first ones, are looked for among the rest. */
  readonly queries: number;
}

/** Labeled images. Implement this to train on your own source; `createDataset` covers images held in memory. */
export interface Dataset {
  /** For example `cifar10`, `shapes`, or the name of the folder. */
  readonly name: string;
  /** Class names; the position is the label. */
  readonly classes: readonly string[];
  /** Number of images. */
  readonly length: number;
  /** The label of each image, without decoding it. */
  readonly labels: ArrayLike<number>;
  /** Unusable files found so far, each once. */
  readonly skipped: readonly SkippedFile[];
  /** The size of all images, or null if sizes vary. */
  readonly size: { readonly height: number; readonly width: number } | null;
  /** What the makers of the data set recommend. */
  readonly defaults?: DatasetDefaults;
  /** The image at `index`. It may share memory with the data set: do not modify it. @throws DataError if it cannot be read. */
  image(index: number): Promise<RgbImage>;
  /** `height · width` bytes, 1 where the labeled object is, if the data set knows. */
  mask?(index: number): Uint8Array;
  /** The file of the image at `index`; only where images are files. */
  file?(index: number): string;
  /** Size of the image at `index`, without decoding it. Needed for segmentation if `size` is null. */
  sizeOf?(index: number): { readonly width: number; readonly height: number };
  /**
   * The class of every pixel of the image at `index`, for segmentation: `classes` are then those of pixels, and `labels` are all 0. Its size may
   * differ from the image's if both show the same region.
   */
  labelMap?(index: number): Promise<LabelMap>;
  /**
   * A number for each of `classes`, of the image at `index`: 0 or 1 for multi-label classification, any for regression. `labels` are then all 0, and
   * `classes` name the labels or the targets.
   */
  targets?(index: number): ArrayLike<number>;
  /** For re-identification: queries and the gallery. The classes are identities, which need not be those of training. */
  readonly sightings?: DatasetSightings;
}

/** The class of every pixel: `height * width` positions in `classes`, row by row; 255 for ignored pixels. */
export interface LabelMap {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Classes, row by row. */
  readonly data: Uint8Array;
}

/** A data set, split. */
export interface Splits {
  /** Training images. */
  readonly train: Dataset;
  /** Validation images, which decide which epoch is best. */
  readonly validation: Dataset;
  /** Test images, measured once and used for nothing else, if there are any. */
  readonly test?: Dataset;
  /** How a folder was split, in words: `by folders train, val`. */
  readonly division?: string;
  /** The shares held out by options, if neither folders nor the data define the splits. */
  readonly setAside?: { readonly validation?: number; readonly test?: number };
}

/** A summary in words: `2 classes, 244 + 153 images, split by folders train, val`. */
export function describeSplits(splits: Splits): string {
  check("describeSplits", "splits", splitsSchema, splits);
  const { train, validation, test, division } = splits;
  const images = [train, validation, test].flatMap((part) => (part ? [part.length.toLocaleString("en-US")] : []));
  const count = train.classes.length;
  const [one, many] = wordsFor(splits);
  return `${count} ${count === 1 ? one : many}, ${images.join(" + ")} images${division ? `, split ${division}` : ""}`;
}

const wordsFor = ({ train, validation }: Splits) => {
  if (validation.sightings) return ["identity", "identities"];
  return train.targets ? ["target", "targets"] : ["class", "classes"];
};

/** Returns `index` if `dataset` has an image there. @throws DataError otherwise. */
export function checkIndex(dataset: Dataset, index: number): number {
  if (!isObject(dataset) || typeof dataset.length !== "number") check("checkIndex", "dataset", datasetSchema, dataset);
  if (!Number.isInteger(index) || index < 0 || index >= dataset.length)
    throw new DataError(`${dataset.name}: there is no image ${shown(index)}; it has ${dataset.length}`);
  return index;
}

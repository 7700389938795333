import { DataError } from "../../core/errors.js";
import { checkIndex, type Dataset, type RgbImage } from "../dataset.js";
import { resample, shorterSize } from "../resample.js";
import type { Preprocessing } from "../transforms.js";

/** Windows of the network's input size that cover an image, scaled so that its shorter side is `resize`. */
export interface WindowGrid {
  /** Size of the scaled image. */
  readonly width: number;
  readonly height: number;
  /** Left upper corners, row by row. */
  readonly starts: readonly { readonly left: number; readonly top: number }[];
}

type Size = { readonly width: number; readonly height: number };

/** Neighbors overlap by a third of a window or more, as in PSPNet's evaluation. */
const overlap = 1 / 3;
/** Per image. */
const mostWindows = 10_000;
/** Logits of an image: 2 GiB. */
const mostLogits = 2 ** 29;

/** @throws DataError for an image so long and thin that it needs more than 10,000 windows, or 2 GiB for the logits of its pixels. */
export function windowGrid(
  image: Size,
  { imageSize, resize }: Pick<Preprocessing, "imageSize" | "resize">,
  numClasses: number,
): WindowGrid {
  const { width, height } = shorterSize(image.width, image.height, resize);
  const count = (length: number) => Math.ceil((length - imageSize) / Math.ceil(imageSize * (1 - overlap))) + 1;
  const [across, down] = [count(width), count(height)];
  if (across * down > mostWindows)
    throw new DataError(
      `an image of ${image.width} × ${image.height}, scaled to ${width} × ${height}, needs ${across * down} windows of ${imageSize} pixels; at most ${mostWindows} are cut`,
    );
  if (numClasses * width * height > mostLogits)
    throw new DataError(
      `an image of ${image.width} × ${image.height}, scaled to ${width} × ${height}, has too many pixels for logits of ${numClasses} classes each`,
    );
  const starts = (length: number, windows: number) =>
    Array.from({ length: windows }, (_, i) =>
      windows === 1 ? 0 : Math.round((i * (length - imageSize)) / (windows - 1)),
    );
  const lefts = starts(width, across);
  return { width, height, starts: starts(height, down).flatMap((top) => lefts.map((left) => ({ left, top }))) };
}

/** One window of an image, as the bytes of an image. */
export function windowImage(image: RgbImage, grid: WindowGrid, window: number, imageSize: number): RgbImage {
  const { width, height, starts } = grid;
  return resample(image, width, height, undefined, { ...starts[window]!, width: imageSize, height: imageSize });
}

/** Where a window comes from. */
export interface WindowPlace {
  /** The image's position in the data set. */
  readonly image: number;
  /** Which of its windows it is. */
  readonly window: number;
  readonly grid: WindowGrid;
}

/** The windows of all images as a data set of their own, in order. */
export interface Windows {
  readonly dataset: Dataset;
  place(index: number): WindowPlace;
}

export function windowsOf(dataset: Dataset, preprocessing: Preprocessing): Windows {
  const { imageSize } = preprocessing;
  const places: WindowPlace[] = [];
  for (let image = 0; image < dataset.length; image++) {
    const grid = windowGrid(sizeAt(dataset, image), preprocessing, dataset.classes.length);
    grid.starts.forEach((_, window) => places.push({ image, window, grid }));
  }
  const cut: Dataset = {
    name: dataset.name,
    classes: dataset.classes,
    length: places.length,
    labels: new Uint8Array(places.length),
    get skipped() {
      return dataset.skipped;
    },
    size: { width: imageSize, height: imageSize },
    ...(dataset.defaults && { defaults: dataset.defaults }),
    async image(index) {
      const { image, grid, window } = places[checkIndex(cut, index)]!;
      return windowImage(await dataset.image(image), grid, window, imageSize);
    },
  };
  return { dataset: cut, place: (index) => places[index]! };
}

function sizeAt(dataset: Dataset, index: number): Size {
  const size = dataset.size ?? dataset.sizeOf?.(index);
  if (!size) throw new DataError(`${dataset.name}: segmentation needs the size of every image: size, or sizeOf(index)`);
  return size;
}

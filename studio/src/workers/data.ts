import { resizeShorter } from "fovea/engine";
import { DataError, type Dataset, type RgbImage } from "fovea/web";
import { decode, pixelsOf } from "./decode.js";
import { folder, read } from "./files.js";

/** An image to train on, or a held-out one. */
export interface Item {
  readonly id: string;
  readonly label: number;
}

/** The pixels of a stored image. @throws DataError if it is gone or damaged. */
export async function storedImage(id: string): Promise<RgbImage> {
  const file = await read(await folder("images"), id);
  if (!file) throw new DataError(`an image of this training is gone: ${id}`);
  const bitmap = await decode(file);
  try {
    return pixelsOf(bitmap);
  } finally {
    bitmap.close();
  }
}

/** Shorter side at which images are kept: what a network needs of a photograph, with its margin. */
export const keptSide = (imageSize: number): number => Math.round(1.143 * imageSize);

/** Scaled down as `fovea train` keeps the images of a folder. */
export const shrunk = (image: RgbImage, imageSize: number): RgbImage => {
  const side = keptSide(imageSize);
  return Math.min(image.width, image.height) > side ? resizeShorter(image, side) : image;
};

/** Images of the project as a data set, decoded and kept in memory; as a folder of the same images is to the command line. @throws the reason of `signal` */
export async function openItems(
  items: readonly Item[],
  classes: readonly string[],
  imageSize: number,
  signal: AbortSignal,
  onProgress: (done: number) => void = () => {},
): Promise<Dataset> {
  const kept: RgbImage[] = [];
  for (const [i, { id }] of items.entries()) {
    signal.throwIfAborted();
    kept.push(shrunk(await storedImage(id), imageSize));
    onProgress(i + 1);
  }
  const [first] = kept;
  const same = first && kept.every(({ width, height }) => width === first.width && height === first.height);
  return {
    name: "studio",
    classes,
    length: kept.length,
    labels: items.map(({ label }) => label),
    skipped: [],
    size: same ? { width: first.width, height: first.height } : null,
    defaults: { imageSize },
    async image(index) {
      const image = kept[index];
      if (!image) throw new DataError(`studio: there is no image ${index}; it has ${kept.length}`);
      return image;
    },
  };
}

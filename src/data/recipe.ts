import { check, maybe, imageSize as sideSchema } from "../core/schema.js";
import { datasetSchema, preprocessingSchema } from "./checks.js";
import type { Dataset, Normalization } from "./dataset.js";
import type { Augmentation, Preprocessing } from "./transforms.js";

/** Published channel statistics, by data set. */
export const normalizations = {
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  cifar10: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
  cifar100: { mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762] },
  mnist: { mean: [0.1307, 0.1307, 0.1307], std: [0.3081, 0.3081, 0.3081] },
} as const satisfies Record<string, Normalization>;

/** Photos are scaled to this multiple of the input size before the center crop: 256 for 224. */
const photoMargin = 1.143;

/** Shorter side to which photos are scaled for an input of `imageSize`. */
export function photoResize(imageSize: number): number {
  check("photoResize", "imageSize", sideSchema, imageSize);
  return Math.round(imageSize * photoMargin);
}

/**
 * The default preprocessing of a data set.
 * Images already cropped to the object (square, at most S) are used whole; photos are center-cropped.
 */
export function defaultPreprocessing(dataset: Dataset, imageSize?: number): Preprocessing {
  check("defaultPreprocessing", "dataset", datasetSchema, dataset);
  check("defaultPreprocessing", "imageSize", maybe(sideSchema), imageSize);
  const size = imageSize ?? dataset.defaults?.imageSize ?? dataset.size?.height ?? 224;
  const { resize = isIcon(dataset, size) ? size : photoResize(size) } = dataset.defaults ?? {};
  return {
    imageSize: size,
    resize: Math.max(size, resize),
    ...(dataset.defaults?.normalization ?? normalizations.imagenet),
  };
}

/** The default augmentation of a data set: CIFAR's recipe, or ImageNet's; for segmentation, scale jitter of up to 2 that keeps the input filled. */
export function defaultAugmentation(dataset: Dataset, preprocessing: Preprocessing): Augmentation {
  check("defaultAugmentation", "dataset", datasetSchema, dataset);
  check("defaultAugmentation", "preprocessing", preprocessingSchema, preprocessing);
  const { imageSize, resize } = preprocessing;
  const photo = dataset.labelMap
    ? { jitter: [Math.max(0.5, imageSize / resize), 2] as const }
    : { scale: [0.35, 1] as const };
  const crop = isIcon(dataset, imageSize) ? { padding: Math.max(1, Math.round(imageSize / 8)) } : photo;
  return {
    crop: (dataset.defaults?.crop ?? true) ? crop : null,
    flip: dataset.defaults?.flip ?? true,
  };
}

function isIcon({ size }: Dataset, imageSize: number): boolean {
  return size !== null && size.height === size.width && size.height <= imageSize;
}

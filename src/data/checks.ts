import { DataError } from "../core/errors.js";
import {
  also,
  anything,
  by,
  callback,
  check,
  classList,
  type Fields,
  fieldsOf,
  flag,
  fraction,
  imageSize,
  isObject,
  list,
  maybe,
  most,
  options,
  orNull,
  positive,
  type Schema,
  share,
  shown,
  text,
  that,
  whole,
} from "../core/schema.js";
import { erasingSchema } from "./augment/erase.js";
import { autoAugmentSchema, colorJitterSchema } from "./augment/policies.js";
import { positiveRange, shareRange } from "./augment/ranges.js";
import type { Dataset, DatasetSightings, Normalization, RgbImage, Splits } from "./dataset.js";
import type { Augmentation, Preprocessing } from "./transforms.js";

/** Longest side of an image, in pixels: that of JPEG. */
export const longestSide = 65_535;

const integers = list(that<number>("an integer", Number.isInteger), "a list of integers");
const sightingsSchema = also(
  fieldsOf<DatasetSightings>(
    { identities: integers, cameras: integers, queries: whole(1) },
    "{ identities, cameras, queries }",
  ),
  "an identity and a camera for each image, and fewer queries than images",
  ({ identities, cameras, queries }) => identities.length === cameras.length && queries < identities.length,
);

/** The parts of a data set; {@link checkDataset} checks the labels too. */
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
    file: maybe(callback),
    sizeOf: maybe(callback),
    labelMap: maybe(callback),
    targets: maybe(callback),
    sightings: maybe(sightingsSchema),
  },
  "a data set, such as createDataset() makes",
);

export const splitsSchema: Schema<Splits> = fieldsOf<Splits>(
  {
    train: datasetSchema,
    validation: datasetSchema,
    test: maybe(datasetSchema),
    division: maybe(text),
    setAside: maybe(options({ validation: maybe(share), test: maybe(share) })) as Schema<Splits["setAside"]>,
  },
  "splits, { train, validation }",
);

/**
 * Checks a data set where it comes in: its parts, and that every label is a class number. Other labels would be written into the
 * target of another image, or nowhere.
 *
 * @throws OptionError if it is not a data set. @throws DataError naming the first image with a bad label.
 */
export function checkDataset(where: string, name: string, value: unknown): void {
  check(where, name, datasetSchema, value);
  requireLabels(`${where}: ${(value as Dataset).name}`, value as Dataset);
}

/** @throws DataError naming the first image whose label is not a class number. */
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

/** @throws DataError if the pixels are not RGB bytes in three planes of the image's size. */
export function requireImage(where: string, name: string, image: RgbImage): void {
  const fault = imageFault(image);
  if (fault) throw new DataError(`${where}: ${name} ${fault}`);
}

function imageFault(image: RgbImage): string | undefined {
  if (!isObject(image)) return `must be { width, height, pixels }, got ${shown(image)}`;
  const { width, height, pixels } = image;
  for (const [side, length] of [["width", width] as const, ["height", height] as const])
    if (!(Number.isInteger(length) && length >= 1 && length <= longestSide))
      return `must have a ${side} from 1 to ${longestSide}, got ${shown(length)}`;
  if (!(pixels instanceof Uint8Array || (pixels as unknown) instanceof Uint8ClampedArray))
    return `must have bytes as pixels (a Uint8Array), got ${shown(pixels)}`;
  if (pixels.length !== 3 * width * height)
    return `of ${width} × ${height} must have ${3 * width * height} bytes of pixels, got ${pixels.length}`;
  return undefined;
}

const three = (what: string, test: (x: number) => boolean) =>
  that<readonly [number, number, number]>(
    what,
    (value) => Array.isArray(value) && value.length === 3 && value.every((x) => Number.isFinite(x) && test(x)),
  );

export const normalizationFields: Fields<Normalization> = {
  mean: three("three numbers", () => true),
  std: three("three positive numbers", (x) => x > 0),
};

export const preprocessingSchema: Schema<Preprocessing> = by((given) => {
  const least = isObject(given) && Number.isInteger(given.imageSize) ? (given.imageSize as number) : 1;
  const fields = { imageSize, resize: whole(least, longestSide), ...normalizationFields };
  return options<Preprocessing>(fields, "a preprocessing, { imageSize, resize, mean, std }");
});

const factorRange = that<readonly [number, number]>("[least, most] with 0 < least ≤ most ≤ 16", (value) => {
  const [low, high, ...rest] = Array.isArray(value) ? value : [];
  return low > 0 && low <= high && high <= 16 && rest.length === 0;
});

const crops = {
  padding: options({ padding: whole(0, most.imageSize) }),
  scale: options({ scale: shareRange, ratio: maybe(positiveRange) }),
  jitter: options({ jitter: factorRange }),
  none: that<never>("null, { padding }, { scale } or { jitter }", () => false),
};

export const augmentationSchema: Schema<Augmentation> = options<Augmentation>(
  {
    crop: orNull(
      by<NonNullable<Augmentation["crop"]>>((given) => {
        if (!isObject(given)) return crops.none;
        if ("jitter" in given) return crops.jitter;
        return "padding" in given ? crops.padding : crops.scale;
      }),
    ),
    flip: flag,
    autoAugment: maybe(autoAugmentSchema),
    colorJitter: maybe(colorJitterSchema),
    erasing: maybe(erasingSchema),
    mixup: maybe(positive),
    cutmix: maybe(positive),
    mixProbability: maybe(fraction),
  },
  "an augmentation, { crop, flip }",
);

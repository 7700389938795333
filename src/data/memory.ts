import { DataError } from "../core/errors.js";
import {
  bytes,
  check,
  classList,
  fieldsOf,
  flag,
  imageSize,
  maybe,
  oneOf,
  type Schema,
  options as schemaOf,
  text,
  that,
  whole,
} from "../core/schema.js";
import { longestSide, normalizationFields, requireLabels } from "./checks.js";
import { checkIndex, type Dataset, type DatasetDefaults, type RgbImage } from "./dataset.js";

/** Images held in memory. */
export interface DatasetOptions {
  /** Name of the data set, for messages and reports. */
  readonly name: string;
  /** Class names; the position is the label. */
  readonly classes: readonly string[];
  /** Height of every image, in pixels. */
  readonly height: number;
  /** Width of every image, in pixels. */
  readonly width: number;
  /** 3 for RGB planes; 1 for gray, which is repeated to RGB. Default 3. */
  readonly channels?: 1 | 3;
  /** `[count, channels, height, width]` */
  readonly pixels: Uint8Array;
  /** `[count]` */
  readonly labels: ArrayLike<number>;
  /** Defaults for these images. */
  readonly defaults?: DatasetDefaults;
}

const side = whole(1, longestSide);
const memoryOptions: Schema<DatasetOptions> = schemaOf<DatasetOptions>({
  name: text,
  classes: classList,
  height: side,
  width: side,
  channels: maybe(oneOf(1, 3)),
  pixels: bytes,
  labels: that("an array of numbers", (x) => Array.isArray(x) || ArrayBuffer.isView(x)),
  defaults: maybe(
    fieldsOf<DatasetDefaults>({
      normalization: maybe(schemaOf(normalizationFields)),
      imageSize: maybe(imageSize),
      resize: maybe(side),
      flip: maybe(flag),
      crop: maybe(flag),
    }),
  ),
});

/**
 * A data set of equally sized images in memory.
 *
 * @example
 * const data = createDataset({ name: "dots", classes: ["dark", "light"], height: 1, width: 1,
 *   channels: 1, pixels: Uint8Array.of(10, 240), labels: [0, 1] });
 * (await data.image(1)).pixels; // 240, 240, 240
 *
 * @throws DataError if pixels and labels do not match, or a label is not a class.
 */
export function createDataset(options: DatasetOptions): Dataset {
  check("createDataset", "options", memoryOptions, options);
  const { name, classes, height, width, channels = 3, pixels, labels, defaults } = options;
  const bytes = channels * height * width;
  if (pixels.length !== labels.length * bytes)
    throw new DataError(
      `${name}: ${labels.length} images of ${channels}x${height}x${width} need ${labels.length * bytes} bytes, got ${pixels.length}`,
    );
  requireLabels(`createDataset: ${name}`, { labels, length: labels.length, classes });
  const dataset: Dataset = {
    name,
    classes,
    length: labels.length,
    labels,
    skipped: [],
    size: { height, width },
    ...(defaults && { defaults }),
    async image(index): Promise<RgbImage> {
      const start = checkIndex(dataset, index) * bytes;
      const stored = pixels.subarray(start, start + bytes);
      return { width, height, pixels: channels === 3 ? stored : repeatGray(stored) };
    },
  };
  return dataset;
}

function repeatGray(plane: Uint8Array): Uint8Array {
  const planes = new Uint8Array(3 * plane.length);
  for (let c = 0; c < 3; c++) planes.set(plane, c * plane.length);
  return planes;
}

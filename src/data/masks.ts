import { DataError } from "../core/errors.js";
import { check, fieldsOf, instance, list, that, whole } from "../core/schema.js";
import { datasetSchema, longestSide, preprocessingSchema } from "./checks.js";
import { checkIndex, type Dataset } from "./dataset.js";
import { inputRegion, type Preprocessing, type Region } from "./transforms.js";

/** Where an object is: `height * width` bytes, row by row, 0 outside. */
export interface Mask {
  /** Rows, in pixels. */
  readonly height: number;
  /** Columns, in pixels. */
  readonly width: number;
  /** `height * width` bytes, row by row: 0 outside the object. */
  readonly data: Uint8Array;
}

const side = whole(1, longestSide);
const sizeSchema = fieldsOf<{ height: number; width: number }>({ height: side, width: side }, "{ width, height }");
const maskSchema = fieldsOf<Mask>(
  { height: side, width: side, data: instance(Uint8Array, "a Uint8Array") },
  "a mask, { height, width, data }",
);

/** @throws OptionError if it is not a mask. @throws DataError if its bytes do not fill it. */
export function checkMask(where: string, name: string, value: unknown): void {
  check(where, name, maskSchema, value);
  const { height, width, data } = value as Mask;
  if (data.length !== height * width)
    throw new DataError(`${where}: ${name} of ${height}x${width} needs ${height * width} bytes, got ${data.length}`);
}

/** Data with masks, for messages. */
const whatHasMasks =
  "of the built-in data sets, only shapes and shapes-free do; pass your own masks: a folder, COCO JSON or a CSV file of boxes";

/**
 * Where the labeled object of an image is.
 *
 * @throws DataError if the data set has no masks, naming those that do.
 */
export function datasetMask(dataset: Dataset, index: number): Mask {
  check("datasetMask", "dataset", datasetSchema, dataset);
  if (!dataset.mask || !dataset.size) throw new DataError(`${dataset.name} has no masks; ${whatHasMasks}`);
  const { height, width } = dataset.size;
  return { height, width, data: dataset.mask(checkIndex(dataset, index)) };
}

const boxSchema = list(
  that<Region>("a box, { left, top, width, height }", (box) => {
    const { left, top, width, height } = (box ?? {}) as Region;
    return [left, top, width, height].every(Number.isFinite) && width > 0 && height > 0;
  }),
  "a list of boxes",
);

/**
 * The pixels whose centers lie in any of the boxes, clipped to the image.
 *
 * @throws DataError for a box outside the image: it belongs to another image, or is in other units.
 */
export function boxMask(size: { readonly height: number; readonly width: number }, boxes: readonly Region[]): Mask {
  check("boxMask", "size", sizeSchema, size);
  check("boxMask", "boxes", boxSchema, boxes);
  const { height, width } = size;
  const data = new Uint8Array(height * width);
  for (const box of boxes) {
    if (box.left >= width || box.top >= height || box.left + box.width <= 0 || box.top + box.height <= 0)
      throw new DataError(
        `boxMask: the box at ${box.left}, ${box.top} of ${box.width} × ${box.height} lies outside the image of ${width} × ${height} pixels`,
      );
    const [left, right] = centersIn(box.left, box.width, width);
    const [top, bottom] = centersIn(box.top, box.height, height);
    for (let y = top; y < bottom; y++) data.fill(1, y * width + left, y * width + right);
  }
  return { height, width, data };
}

/** The first pixel whose center lies in [from, from + length), and the one after the last; if there is none, the pixel that contains the middle. */
function centersIn(from: number, length: number, pixels: number): readonly [number, number] {
  const first = Math.max(0, Math.ceil(from - 0.5));
  const end = Math.min(pixels, Math.ceil(from + length - 0.5));
  if (first < end) return [first, end];
  const middle = Math.min(pixels - 1, Math.max(0, Math.floor(from + length / 2)));
  return [middle, middle + 1];
}

/** A photo's mask as the network sees it, at the size of its input: nearest neighbor; 0 outside the photo. */
export function seenMask(mask: Mask, preprocessing: Preprocessing): Mask {
  checkMask("seenMask", "mask", mask);
  check("seenMask", "preprocessing", preprocessingSchema, preprocessing);
  const { imageSize } = preprocessing;
  const region = inputRegion(mask, preprocessing);
  const data = new Uint8Array(imageSize ** 2);
  for (let y = 0; y < imageSize; y++) {
    const row = Math.floor(region.top + ((y + 0.5) * region.height) / imageSize);
    if (row < 0 || row >= mask.height) continue;
    for (let x = 0; x < imageSize; x++) {
      const column = Math.floor(region.left + ((x + 0.5) * region.width) / imageSize);
      if (column >= 0 && column < mask.width && mask.data[row * mask.width + column]) data[y * imageSize + x] = 1;
    }
  }
  return { height: imageSize, width: imageSize, data };
}

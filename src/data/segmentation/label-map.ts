import { DataError } from "../../core/errors.js";
import { check, fieldsOf, instance, whole } from "../../core/schema.js";
import { datasetSchema, longestSide } from "../checks.js";
import { checkIndex, type Dataset, type LabelMap } from "../dataset.js";
import type { Region } from "../transforms.js";

/** The label of pixels that do not count. */
export const ignored = 255;
/** Labels are bytes, and one of them means ignored. */
export const mostPixelClasses = 255;

const side = whole(1, longestSide);
const labelMapSchema = fieldsOf<LabelMap>(
  { width: side, height: side, data: instance(Uint8Array, "a Uint8Array") },
  "a label map, { width, height, data }",
);

/**
 * The label map of an image, checked.
 *
 * @throws DataError if the data set has none, or it holds labels that are no classes: with the file if there is one, and the value.
 */
export async function pixelLabels(dataset: Dataset, index: number): Promise<LabelMap> {
  check("pixelLabels", "dataset", datasetSchema, dataset);
  if (!dataset.labelMap) throw new DataError(`${dataset.name} has no label maps; ${whatHasMaps}`);
  const map = await dataset.labelMap(checkIndex(dataset, index));
  const what = `${dataset.name}: the label map of image ${index}${dataset.file ? ` (${dataset.file(index)})` : ""}`;
  check(what, "", labelMapSchema, map, DataError);
  const { width, height, data } = map;
  if (data.length !== width * height)
    throw new DataError(`${what} of ${width}x${height} needs ${width * height} bytes, got ${data.length}`);
  const wrong = data.findIndex((label) => label >= dataset.classes.length && label !== ignored);
  if (wrong >= 0)
    throw new DataError(
      `${what} has label ${data[wrong]} at column ${wrong % width}, row ${Math.floor(wrong / width)}; there are ${dataset.classes.length} classes, and 255 is ignored`,
    );
  return map;
}

const whatHasMaps = "images with masks do, and segmentationOf() makes them for shapes and shapes-free";

/**
 * Cuts a region of an image out of its label map and scales it to `size × size`: nearest neighbor, ignored outside. The map may have another
 * size than the image, in whose pixels the region is given.
 */
export function writeLabels(
  map: LabelMap,
  image: { readonly width: number; readonly height: number },
  { left, top, width, height }: Region,
  { size, mirrored }: { readonly size: number; readonly mirrored: boolean },
  out: Uint8Array,
  offset: number,
): void {
  const columns = sources(left, width, size, map.width, image.width);
  if (mirrored) columns.reverse();
  const rows = sources(top, height, size, map.height, image.height);
  for (let y = 0; y < size; y++) {
    const to = offset + y * size;
    const row = rows[y]!;
    if (row < 0) out.fill(ignored, to, to + size);
    else
      for (let x = 0; x < size; x++) {
        const column = columns[x]!;
        out[to + x] = column < 0 ? ignored : map.data[row * map.width + column]!;
      }
  }
}

/** A label map at another size: nearest neighbor. */
export function resampleLabels(map: LabelMap, width: number, height: number): LabelMap {
  const [columns, rows] = [
    sources(0, map.width, width, map.width, map.width),
    sources(0, map.height, height, map.height, map.height),
  ];
  const data = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) data[i] = map.data[rows[y]! * map.width + columns[x]!]!;
  return { width, height, data };
}

/** For each of `size` positions, the pixel of the map under its center; -1 outside. */
function sources(start: number, length: number, size: number, pixels: number, imagePixels: number): Int32Array {
  return Int32Array.from({ length: size }, (_, i) => {
    const at = Math.floor(((start + ((i + 0.5) * length) / size) * pixels) / imagePixels);
    return at >= 0 && at < pixels ? at : -1;
  });
}

/**
 * A segmentation data set from one whose objects have masks: class 0 is the background, class 1 the object, whatever its class.
 *
 * @throws DataError if it has no masks.
 *
 * @example
 * const { train: images } = await openDataset("shapes");
 * await train(unet(18, { numClasses: 2 }), segmentationOf(images), { engine, task: segmentation() });
 */
export function segmentationOf(dataset: Dataset): Dataset {
  check("segmentationOf", "dataset", datasetSchema, dataset);
  if (dataset.labelMap) return dataset;
  const { mask, size } = dataset;
  if (!mask || !size)
    throw new DataError(`${dataset.name} has no masks; of the built-in data sets only shapes and shapes-free do`);
  return {
    name: dataset.name,
    classes: ["background", "object"],
    length: dataset.length,
    labels: new Uint8Array(dataset.length),
    get skipped() {
      return dataset.skipped; // grows while images are read
    },
    size,
    ...(dataset.defaults && { defaults: dataset.defaults }),
    image: (index) => dataset.image(index),
    labelMap: async (index) => ({ ...size, data: mask.call(dataset, index) }),
  };
}

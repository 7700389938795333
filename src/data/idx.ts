import { createReadStream, type ReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import { DataError, messageOf } from "../core/errors.js";
import { check, list, text } from "../core/schema.js";
import type { Dataset, Splits } from "./dataset.js";
import { fileNames } from "./files.js";
import { createDataset } from "./memory.js";
import { normalizations } from "./recipe.js";
import { summary } from "./summary.js";

/** More than any published IDX file, compressed or not. */
const mostBytes = 2 ** 30;
/** Pixels per image, as for other images. */
const mostPixels = 1e8;
/** Bytes read or decompressed at a time. */
const chunkSize = 2 ** 20;

/** An IDX file of bytes: big-endian dimensions, then the elements. */
interface Idx {
  readonly path: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * MNIST and its relatives (Fashion-MNIST, EMNIST, KMNIST): `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
 * and `t10k-…` (or `test-…`) for validation, plain or `.gz`. Gray is repeated to RGB; classes are named by their number.
 *
 * @example
 * const { train, validation } = await idx("./mnist");
 *
 * @throws DataError if files are missing, truncated, or inconsistent.
 */
export async function idx(folder: string): Promise<Splits> {
  check("idx", "folder", text, folder);
  const names = await fileNames(folder);
  const read = async (split: keyof typeof prefixes, what: keyof typeof ranks) => {
    const file = names.find((name) => pattern(split, what).test(name));
    if (!file) throw new DataError(`${folder}: there is no IDX file of ${split} ${what}. Found: ${summary(names)}`);
    return parse(join(folder, file), ranks[what]);
  };
  const [images, labels] = [await read("training", "images"), await read("training", "labels")];
  const [testImages, testLabels] = [await read("validation", "images"), await read("validation", "labels")];
  const classCount = 1 + Math.max(greatest(labels.data), greatest(testLabels.data));
  const classes = Array.from({ length: classCount }, (_, i) => `${i}`);
  return { train: labelled(images, labels, classes), validation: labelled(testImages, testLabels, classes) };
}

const prefixes = { training: "train", validation: "t10k|test" };
const ranks = { images: 3, labels: 1 };

/** Whether these names include IDX image files. */
export function isIdx(names: readonly string[]): boolean {
  check("isIdx", "names", list(text, "a list of file names"), names);
  return names.some((name) => pattern("training", "images").test(name));
}

/** Matches `train-images-idx3-ubyte`, `emnist-letters-test-labels.idx1-ubyte.gz` and the like. */
function pattern(split: keyof typeof prefixes, what: keyof typeof ranks): RegExp {
  return new RegExp(`(^|[-_])(${prefixes[split]})-${what}[-.]idx${ranks[what]}-ubyte(\\.gz)?$`);
}

async function parse(path: string, rank: number): Promise<Idx> {
  const size = 4 + 4 * rank;
  const header = new Uint8Array(size);
  let shape: readonly number[] | undefined;
  let data = new Uint8Array(0);
  let read = 0;
  // The header says how much to expect before the rest is decompressed.
  for await (const chunk of contents(path)) {
    header.set(chunk.subarray(0, Math.max(0, size - read)), Math.min(read, size));
    const from = Math.max(0, size - read);
    if (!shape && read + chunk.length >= size) {
      shape = shapeOf(header, path, rank);
      data = new Uint8Array(elements(shape));
    }
    const at = read + from - size;
    if (shape && chunk.length > from) {
      if (at + chunk.length - from > data.length) throw wrongLength(path, shape, "more");
      data.set(chunk.subarray(from), at);
    }
    read += chunk.length;
  }
  if (!shape) throw new DataError(`${path}: ${read} bytes cannot hold an IDX header of ${size}`);
  if (read - size < data.length) throw wrongLength(path, shape, `${read - size}`);
  return { path, shape, data };
}

const elements = (shape: readonly number[]) => shape.reduce((product, d) => product * d, 1);

const wrongLength = (path: string, shape: readonly number[], found: string) =>
  new DataError(`${path}: its header says [${shape}], which is ${elements(shape)} bytes, but ${found} follow`);

/** @throws DataError if the header does not describe bytes of that rank, or is empty or too large. */
function shapeOf(header: Uint8Array, path: string, rank: number): readonly number[] {
  const view = new DataView(header.buffer);
  const magic = view.getUint32(0);
  if (magic !== 0x800 + rank)
    throw new DataError(
      `${path}: starts with 0x${magic.toString(16)}, not with 0x${(0x800 + rank).toString(16)} (IDX bytes of rank ${rank})`,
    );
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = elements(shape);
  if (size === 0) throw new DataError(`${path}: is empty: its header says [${shape}]`);
  const [, height = 1, width = 1] = shape;
  if (height * width > mostPixels)
    throw new DataError(`${path}: its images are ${width} × ${height}; at most ${mostPixels} pixels are accepted`);
  if (size > mostBytes)
    throw new DataError(`${path}: its header says [${shape}], which is ${size} bytes; at most ${mostBytes} are read`);
  return shape;
}

/** The bytes of a file, decompressed if it ends in `.gz`. @throws DataError if that fails. */
async function* contents(path: string): AsyncGenerator<Uint8Array, void> {
  const packed = path.endsWith(".gz");
  let file: ReadStream | undefined;
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new DataError("not a regular file");
    if (found.size === 0) return;
    file = createReadStream(path, { highWaterMark: chunkSize });
    if (!packed) return yield* file;
    const unpacked = createGunzip({ chunkSize });
    file.on("error", (error) => unpacked.destroy(error));
    yield* file.pipe(unpacked);
  } catch (error) {
    throw new DataError(`${path}: cannot be ${packed ? "decompressed" : "read"} (${messageOf(error)})`);
  } finally {
    file?.destroy();
  }
}

function labelled(images: Idx, labels: Idx, classes: readonly string[]): Dataset {
  const [count, height, width] = images.shape as [number, number, number];
  if (count !== labels.data.length)
    throw new DataError(`${images.path} has ${count} images, but ${labels.path} has ${labels.data.length} labels`);
  return createDataset({
    name: "idx",
    classes,
    height,
    width,
    channels: 1,
    pixels: images.data,
    labels: labels.data,
    defaults: { normalization: normalizations.mnist, flip: false },
  });
}

function greatest(values: Uint8Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { DataError, messageOf } from "../core/errors.js";
import type { Dataset, Splits } from "./dataset.js";
import { fileNames } from "./files.js";
import { memoryDataset } from "./memory.js";
import { normalizations } from "./recipe.js";
import { summary } from "./summary.js";

/** More than any published IDX file unpacks to; a file that claims more is refused. */
const mostBytes = 2 ** 30;

/** An IDX file of bytes: big-endian dimensions, then the elements. */
interface Idx {
  readonly path: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * MNIST and its relatives (Fashion-MNIST, EMNIST, KMNIST): `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
 * and `t10k-…` (or `test-…`) for validation, plain or `.gz`. Grey is repeated to RGB; classes are named by their number.
 *
 * @example
 * const { train, validation } = await idx("./mnist");
 *
 * @throws DataError if files are missing, cut short, or do not fit together.
 */
export async function idx(folder: string): Promise<Splits> {
  const names = await fileNames(folder);
  const read = async (split: keyof typeof prefixes, what: keyof typeof ranks) => {
    const file = names.find((name) => pattern(split, what).test(name));
    if (!file) throw new DataError(`${folder}: no IDX file of ${split} ${what} is here. Found: ${summary(names)}`);
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

/** Whether these are the names of IDX files of pictures. */
export function isIdx(names: readonly string[]): boolean {
  return names.some((name) => pattern("training", "images").test(name));
}

/** Matches `train-images-idx3-ubyte`, `emnist-letters-test-labels.idx1-ubyte.gz` and the like. */
function pattern(split: keyof typeof prefixes, what: keyof typeof ranks): RegExp {
  return new RegExp(`(^|[-_])(${prefixes[split]})-${what}[-.]idx${ranks[what]}-ubyte(\\.gz)?$`);
}

async function parse(path: string, rank: number): Promise<Idx> {
  const bytes = await unpack(path);
  const header = 4 + 4 * rank;
  if (bytes.length < header)
    throw new DataError(`${path}: ${bytes.length} bytes cannot hold an IDX header of ${header}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = view.getUint32(0);
  if (magic !== 0x800 + rank)
    throw new DataError(
      `${path}: starts with 0x${magic.toString(16)}, not with 0x${(0x800 + rank).toString(16)} (IDX bytes of rank ${rank})`,
    );
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape.reduce((product, d) => product * d, 1);
  if (size === 0) throw new DataError(`${path}: holds nothing, its header says [${shape}]`);
  if (size !== bytes.length - header)
    throw new DataError(
      `${path}: its header says [${shape}], which is ${size} bytes, but ${bytes.length - header} follow`,
    );
  return { path, shape, data: bytes.subarray(header) };
}

async function unpack(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path);
  if (!path.endsWith(".gz")) return bytes;
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: mostBytes });
  } catch (error) {
    throw new DataError(`${path}: cannot be unpacked (${messageOf(error)})`);
  }
}

function labelled(images: Idx, labels: Idx, classes: readonly string[]): Dataset {
  const [count, height, width] = images.shape as [number, number, number];
  if (count !== labels.data.length)
    throw new DataError(`${images.path} has ${count} pictures, but ${labels.path} has ${labels.data.length} labels`);
  return memoryDataset({
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

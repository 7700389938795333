import { join } from "node:path";
import { DataError } from "../core/errors.js";
import { check, options as fields, list, maybe, oneOf, text } from "../core/schema.js";
import { cifar10Classes } from "./cifar-classes.js";
import type { Dataset, Normalization, Splits } from "./dataset.js";
import { directoryWith, fileNames, readBounded } from "./files.js";
import { createDataset } from "./memory.js";
import { normalizations } from "./recipe.js";

const side = 32;
const imageBytes = 3 * side * side;
/** Five times all of CIFAR. */
const mostBytes = 2 ** 30;
/** Labels are bytes. */
const mostClasses = 256;

/** The beginning of each record of a CIFAR file. */
interface Layout {
  readonly name: string;
  readonly classes: readonly string[];
  readonly labelBytes: number;
  /** Which of the label bytes counts. */
  readonly labelByte: number;
  readonly normalization: Normalization;
}

/**
 * CIFAR-10, binary version: any number of `data_batch_*.bin` for training, `test_batch.bin` for validation.
 * `folder` contains them, or the folder `cifar-10-batches-bin`.
 *
 * @example
 * const { train, validation } = await cifar10("./data");
 *
 * @throws DataError if files are missing or truncated, or labels are not classes.
 */
export async function cifar10(folder: string): Promise<Splits> {
  check("cifar10", "folder", text, folder);
  const home = await directoryWith(folder, "cifar-10-batches-bin", isCifar10);
  const names = await fileNames(home);
  const layout = {
    name: "cifar10",
    classes: await classNames(home, "batches.meta.txt", cifar10Classes),
    labelBytes: 1,
    labelByte: 0,
    normalization: normalizations.cifar10,
  };
  const batches = names.filter((name) => /^data_batch_\d+\.bin$/.test(name)).sort(byNumber);
  return { train: await load(home, batches, layout), validation: await load(home, ["test_batch.bin"], layout) };
}

/** Options of {@link cifar100}. */
export interface Cifar100Options {
  /** The 100 fine or the 20 coarse classes. Default fine. */
  readonly labels?: "fine" | "coarse";
}

export const cifar100Options = fields({ labels: maybe(oneOf("fine", "coarse")) });
const fileNameList = list(text, "a list of file names");

/** CIFAR-100, binary version: `train.bin` and `test.bin`, with 100 fine or 20 coarse classes. See `cifar10`. */
export async function cifar100(folder: string, options: Cifar100Options = {}): Promise<Splits> {
  check("cifar100", "folder", text, folder);
  check("cifar100", "options", cifar100Options, options);
  const { labels = "fine" } = options;
  const home = await directoryWith(folder, "cifar-100-binary", isCifar100);
  const numbers = Array.from({ length: labels === "fine" ? 100 : 20 }, (_, i) => `${i}`);
  const layout = {
    name: "cifar100",
    classes: await classNames(home, `${labels}_label_names.txt`, numbers),
    labelBytes: 2,
    labelByte: labels === "fine" ? 1 : 0,
    normalization: normalizations.cifar100,
  };
  return { train: await load(home, ["train.bin"], layout), validation: await load(home, ["test.bin"], layout) };
}

/** Whether these are file names of CIFAR-10. */
export function isCifar10(names: readonly string[]): boolean {
  check("isCifar10", "names", fileNameList, names);
  return names.includes("test_batch.bin") && names.some((name) => /^data_batch_\d+\.bin$/.test(name));
}

/** Whether these are file names of CIFAR-100. */
export function isCifar100(names: readonly string[]): boolean {
  check("isCifar100", "names", fileNameList, names);
  return names.includes("train.bin") && names.includes("test.bin");
}

async function load(folder: string, names: readonly string[], layout: Layout): Promise<Dataset> {
  const { name, classes, labelBytes, labelByte, normalization } = layout;
  const record = labelBytes + imageBytes;
  const files: { path: string; bytes: Uint8Array }[] = [];
  for (const file of names) {
    const path = join(folder, file);
    const bytes = await readBounded(path, mostBytes);
    if (bytes.length === 0 || bytes.length % record !== 0)
      throw new DataError(
        `${path}: ${bytes.length} bytes are not a whole number of ${name} records of ${record} bytes`,
      );
    files.push({ path, bytes });
  }
  const count = files.reduce((sum, { bytes }) => sum + bytes.length / record, 0);
  const pixels = new Uint8Array(count * imageBytes);
  const labels = new Uint8Array(count);
  let i = 0;
  for (const { path, bytes } of files)
    for (let start = 0; start < bytes.length; start += record, i++) {
      const label = bytes[start + labelByte]!;
      if (label >= classes.length)
        throw new DataError(
          `${path}: record ${start / record} has label ${label}; there are ${classes.length} classes`,
        );
      labels[i] = label;
      pixels.set(bytes.subarray(start + labelBytes, start + record), i * imageBytes);
    }
  return createDataset({ name, classes, height: side, width: side, pixels, labels, defaults: { normalization } });
}

/** One class name per line, or the given names if the file is missing or blank. */
async function classNames(folder: string, file: string, otherwise: readonly string[]): Promise<readonly string[]> {
  if (!(await fileNames(folder)).includes(file)) return otherwise;
  const path = join(folder, file);
  const content = new TextDecoder().decode(await readBounded(path, 2 ** 20));
  const names = content.split("\n").flatMap((line) => line.trim() || []);
  if (names.length > mostClasses)
    throw new DataError(
      `${path}: names ${names.length} classes; labels are bytes, so at most ${mostClasses} are possible`,
    );
  return names.length ? names : otherwise;
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

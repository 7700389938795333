import { stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { messageOf } from "../core/errors.js";
import { drawMapGrid, drawMapGridPng, type MapGrid, type MapGridOptions } from "../explain.js";
import { FoveaError, OptionError, writeFileAtomic } from "../index.js";
import { type Cell, encodeNpy, makeFolder } from "../internal.js";

/** A row of a figure: an image, or one of its modules. */
export interface PictureRow {
  readonly title: string;
  readonly cells: readonly (Cell | null)[];
}

/** Where figures are written. */
export interface Pictures {
  /** Adds the rows of an image. */
  add(image: string, columns: readonly string[], rows: readonly PictureRow[]): Promise<void>;
  /** The files that were written, those that were waiting for the last image included. */
  finish(): Promise<readonly string[]>;
}

/** Cells of one figure; nobody would look at more. */
const mostCells = 2000;

const isFolder = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** @throws FoveaError unless the folder of a file exists. */
export async function requireParent(flag: string, file: string): Promise<void> {
  if (!(await isFolder(dirname(file)))) throw new FoveaError(`${flag} ${file}: no folder ${dirname(file)}`);
}

/** One figure for all images if `out` ends in .svg or .png; otherwise `out` is a folder, for one SVG file per image. */
export async function openPictures(
  out: string,
  title: string,
  images: number,
  options: MapGridOptions,
): Promise<Pictures> {
  const kind = extname(out).toLowerCase();
  if ((kind === ".svg" || kind === ".png") && !(await isFolder(out))) {
    await requireParent("--out", out);
    return onePicture(out, title, images, options);
  }
  if (kind !== "" && !(await isFolder(out)))
    throw new OptionError(`--out ${out} must end in .svg or .png, or be a folder, for one file per image`);
  await makeFolder(out).catch((error) => {
    throw new FoveaError(`--out ${out}: ${messageOf(error)}`);
  });
  return folderOfPictures(out, title, options);
}

function onePicture(out: string, title: string, images: number, options: MapGridOptions): Pictures {
  const names: string[] = [];
  const rows: PictureRow[] = [];
  return {
    async add(_image, columns, added) {
      const cells = images * added.length * columns.length;
      if (cells > mostCells)
        throw new OptionError(
          `--out ${out}: ${images} images give a figure of ${cells} maps, more than ${mostCells}; name a folder, for one file per image`,
        );
      for (const name of columns) if (!names.includes(name)) names.push(name);
      rows.push(...added.map((row) => ({ title: row.title, cells: ordered(names, columns, row.cells) })));
    },
    async finish() {
      if (rows.length === 0) return [];
      const cells = rows.map((row) => [...row.cells, ...Array<null>(names.length - row.cells.length).fill(null)]);
      const grid = { title, columns: names, rows: rows.map((row) => row.title), cells };
      await writeFileAtomic(out, /png$/i.test(out) ? drawMapGridPng(grid, options) : drawMapGrid(grid, options));
      return [out];
    },
  };
}

/** Cells under the names of columns that all images share. */
const ordered = (names: readonly string[], columns: readonly string[], cells: PictureRow["cells"]) =>
  names.map((name) => cells[columns.indexOf(name)] ?? null);

function folderOfPictures(folder: string, title: string, options: MapGridOptions): Pictures {
  const files: string[] = [];
  return {
    async add(image, columns, rows) {
      const file = freeName(files, folder, image);
      files.push(file);
      const grid: MapGrid = {
        title: `${title}: ${basename(image)}`,
        columns,
        rows: rows.map((row) => row.title),
        cells: rows.map((row) => row.cells),
      };
      await writeFileAtomic(file, drawMapGrid(grid, options));
    },
    finish: async () => files,
  };
}

/** The name of an image with another ending; images of one name in several folders are numbered. */
function freeName(taken: readonly string[], folder: string, image: string): string {
  const stem = basename(image, extname(image));
  for (let i = 1; ; i++) {
    const file = join(folder, `${stem}${i === 1 ? "" : `-${i}`}.svg`);
    if (!taken.includes(file)) return file;
  }
}

/** Values to write, and what they belong to. */
export interface RawMap {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Where maps are written as they are. */
export interface RawFiles {
  /**
   * Writes the maps of an image: to the file itself if it is the only one of `all`, else beside it, numbered by the image: `m-1-gradcam.npy`.
   * Returns the files.
   */
  write(image: number, maps: readonly RawMap[], all: number): Promise<string[]>;
}

/** @throws OptionError for a name that is not one of a NumPy file. @throws FoveaError if there is no such folder. */
export async function openRaw(file: string): Promise<RawFiles> {
  if (extname(file).toLowerCase() !== ".npy") throw new OptionError(`--raw ${file} must end in .npy`);
  await requireParent("--raw", file);
  const stem = file.slice(0, -extname(file).length);
  return {
    async write(image, maps, all) {
      const files: string[] = [];
      for (const { name, shape, data } of maps) {
        const own = `${stem}-${image + 1}-${name.replace(/[^\p{L}\p{N}+._-]+/gu, "-")}.npy`;
        files.push(all === 1 ? file : own);
        await writeFileAtomic(files.at(-1)!, encodeNpy({ dtype: "float64", shape, data }));
      }
      return files;
    },
  };
}

/** Files by what they are called in a table: without their folders, if all have names of their own. */
export function shortNames(files: readonly string[]): Map<string, string> {
  const unique = new Set(files);
  const isClear = new Set([...unique].map((file) => basename(file))).size === unique.size;
  return new Map([...unique].map((file) => [file, isClear ? basename(file) : file]));
}

/** The files that were written, in words; the first of many. */
export const written = (files: readonly string[]): string[] =>
  files.length === 0
    ? []
    : [`written: ${files.slice(0, 4).join(", ")}${files.length > 4 ? ` and ${files.length - 4} more` : ""}`];

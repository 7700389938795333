import type { Dirent } from "node:fs";
import { opendir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError, systemReason } from "../core/errors.js";
import { summary } from "./summary.js";

/** Names in a folder, sorted. */
export interface Found {
  readonly folders: string[];
  readonly files: string[];
}

export const nothing: Found = { folders: [], files: [] };

/** Per folder and per class. ImageNet has 1.3 million images, iNaturalist 2.7 million. */
export const mostEntries = 4_000_000;

/** The error for a folder with more. */
export const tooManyEntries = (folder: string, most: number) =>
  new DataError(`${folder}: has more than ${most.toLocaleString("en-US")} files and folders`);

/**
 * Contents of a folder. Links count as their targets; a dead link is a file.
 *
 * @throws DataError if it cannot be read, or has too many entries.
 */
export async function list(folder: string, most = mostEntries): Promise<Found> {
  const folders: string[] = [];
  const files: string[] = [];
  try {
    for await (const entry of await opendir(folder, { bufferSize: 1000 })) {
      ((await isFolder(folder, entry)) ? folders : files).push(entry.name);
      if (folders.length + files.length > most) throw tooManyEntries(folder, most);
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`${folder}: cannot be read as a folder (${systemReason(error)})`);
  }
  return { folders: folders.sort(), files: files.sort() };
}

async function isFolder(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return stat(join(parent, entry.name)).then(
    (target) => target.isDirectory(),
    () => false,
  );
}

/** All bytes of a file. @throws DataError if it cannot be read, is not a regular file (a pipe might never answer), or exceeds `most`. */
export async function readBounded(path: string, most: number): Promise<Uint8Array> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new DataError("not a regular file");
    if (found.size > most) throw new DataError(`${found.size} bytes; at most ${most} are read`);
    // System files without a size may never end.
    return found.size === 0 ? new Uint8Array() : await readFile(path);
  } catch (error) {
    throw new DataError(`${path}: cannot be read (${systemReason(error)})`);
  }
}

/** Sorted names of the files in a folder. @throws DataError if it cannot be read. */
export async function fileNames(folder: string): Promise<string[]> {
  return (await list(folder)).files;
}

/**
 * `folder`, or the folder `usual` in it, whichever has the files that `accepts` requires.
 *
 * @throws DataError naming what was found if neither does.
 */
export async function directoryWith(
  folder: string,
  usual: string,
  accepts: (names: readonly string[]) => boolean,
): Promise<string> {
  const { folders, files } = await list(folder);
  if (accepts(files)) return folder;
  const inner = join(folder, usual);
  if (folders.includes(usual) && accepts(await fileNames(inner))) return inner;
  throw new DataError(`${folder}: the files of ${usual} are not here. Found: ${summary([...folders, ...files])}`);
}

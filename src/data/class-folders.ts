import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../core/errors.js";
import { list, nothing } from "./files.js";

/** Accepted layouts, for messages. */
export const folderLayouts = "train/<class>/*.jpg with val/<class>/*.jpg, or <class>/*.jpg";

/** Folders that operating systems and tools leave behind. */
export const junk =
  /^(\..*|__MACOSX|__pycache__|node_modules|venv|lost\+found|#recycle|@eaDir|\$RECYCLE\.BIN|System Volume Information)$/i;
/** Files they leave behind. */
export const junkFiles = /^(\..*|Thumbs\.db|desktop\.ini)$/i;

/** Bytes; a run's configuration has a few thousand. */
const mostConfig = 10_000_000;

/** ImageNet-21k has a third of this. */
const mostClasses = 65_536;

/**
 * Names of subfolders that may be classes: not left behind by tools, not written by training.
 *
 * @throws DataError if the folder cannot be read, or holds too many.
 */
export async function classFolders(folder: string, most = mostClasses): Promise<string[]> {
  const names = (await list(folder)).folders.filter((name) => !junk.test(name));
  if (names.length > most)
    throw new DataError(`${folder}: has ${names.length} folders; at most ${most} classes are read`);
  const classes: string[] = [];
  for (const name of names) if (!(await holdsRuns(join(folder, name)))) classes.push(name);
  return classes;
}

/** Whether a folder is a run folder, or contains nothing else, as `runs` does. */
async function holdsRuns(folder: string): Promise<boolean> {
  if (await isRun(folder)) return true;
  const { folders, files } = await list(folder).catch(() => nothing);
  if (folders.length === 0 || !files.every((name) => junkFiles.test(name))) return false;
  for (const name of folders) if (!(await isRun(join(folder, name)))) return false;
  return true;
}

async function isRun(folder: string): Promise<boolean> {
  const file = join(folder, "config.json");
  const found = await stat(file).catch(() => undefined);
  // A pipe might never answer.
  if (!found?.isFile() || found.size === 0 || found.size > mostConfig) return false;
  const text = await readFile(file, "utf8").catch(() => "");
  return /"format":\s*"fovea\.run\.1"/.test(text);
}

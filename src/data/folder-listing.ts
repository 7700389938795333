import { readFile, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { DataError } from "../core/errors.js";
import { Rng } from "../core/rng.js";
import { className } from "./align.js";
import type { SkippedFile } from "./dataset.js";
import { list } from "./files.js";
import { summary } from "./summary.js";

/** A file that looks like a picture, and its class. */
export interface PictureFile {
  readonly file: string;
  readonly label: number;
}

/** A folder of classes. */
export interface Listing {
  readonly folder: string;
  readonly classes: readonly string[];
  /** The classes that have a folder here. */
  readonly present: readonly string[];
  readonly files: readonly PictureFile[];
  readonly skipped: readonly SkippedFile[];
}

/** What a folder of pictures must look like, for messages. */
export const folderLayouts = "train/<class>/*.jpg with val/<class>/*.jpg, or <class>/*.jpg";

const accepted = /\.(jpe?g|png|webp|tiff?|avif)$/i;
/** Names of split folders, in any case; the earlier come first. */
const trainNames = ["train", "training"];
const validationNames = ["val", "validation", "valid", "dev"];
const testNames = ["test", "testing", "eval"];
/** Folders that operating systems and tools leave behind. */
const junk = /^(\..*|__MACOSX|@eaDir|\$RECYCLE\.BIN|System Volume Information)$/i;

/** Bytes; the configuration of a run has a few thousand. */
const mostConfig = 10_000_000;

/** Where the images of a data set are. */
interface SplitFolders {
  readonly train: string;
  readonly validation: string | null;
  readonly test: string | null;
}

/**
 * The folders of training, validation and test, as far as there are any. A class that is named "train" is not mistaken for a split, and a
 * test folder without one for validation is the latter.
 */
export async function findSplits(folder: string): Promise<SplitFolders> {
  const { folders } = await list(folder);
  const named = (names: readonly string[]) =>
    names.flatMap((name) => folders.filter((candidate) => candidate.toLowerCase() === name))[0];
  const inner = named(trainNames);
  if (!inner || (await classFolders(join(folder, inner))).length === 0)
    return { train: folder, validation: null, test: null };
  const [validation, test] = [named(validationNames), named(testNames)];
  const path = (name: string | undefined) => (name === undefined ? null : join(folder, name));
  return { train: join(folder, inner), validation: path(validation ?? test), test: path(validation && test) };
}

/** Names of the folders in `folder` that may be classes: neither left behind by tools nor written by a training. */
async function classFolders(folder: string): Promise<string[]> {
  const names = (await list(folder)).folders.filter((name) => !junk.test(name));
  const written = await Promise.all(names.map((name) => holdsRuns(join(folder, name))));
  return names.filter((_, i) => !written[i]);
}

/** Whether a folder is that of a training run, or holds nothing but such folders, as `runs` does. */
async function holdsRuns(folder: string): Promise<boolean> {
  if (await isRun(folder)) return true;
  const { folders, files } = await list(folder);
  if (folders.length === 0 || files.length > 0) return false;
  return (await Promise.all(folders.map((name) => isRun(join(folder, name))))).every(Boolean);
}

async function isRun(folder: string): Promise<boolean> {
  const file = join(folder, "config.json");
  const found = await stat(file).catch(() => undefined);
  // A pipe would be waited for without end.
  if (!found?.isFile() || found.size > mostConfig) return false;
  const text = await readFile(file, "utf8").catch(() => "");
  return /"format":\s*"fovea\.run\.1"/.test(text);
}

/**
 * The files of a folder of classes, sorted by class and name; folders within a class are searched too. Classes are named in Unicode NFC.
 * With `known` classes, the folder must keep to them.
 *
 * @throws DataError if there are no classes, or others than the known ones.
 */
export async function listClasses(folder: string, known?: readonly string[]): Promise<Listing> {
  const { files: strays } = await list(folder);
  const names = await classFolders(folder);
  if (names.length === 0)
    throw new DataError(`${folder}: holds no class folders. Accepted: ${folderLayouts}. Found: ${summary(strays)}`);
  const folderOf = foldersByClass(folder, names);
  const present = [...folderOf.keys()].sort();
  const classes = known ?? present;
  const strangers = present.filter((name) => !classes.includes(name));
  if (strangers.length)
    throw new DataError(`${folder}: ${summary(strangers)}: no such class in training, which has ${summary(classes)}`);

  const files: PictureFile[] = [];
  const skipped = strays.map((name) => ({ file: join(folder, name), reason: "not in the folder of a class" }));
  for (const name of present) {
    const label = classes.indexOf(name);
    const home = join(folder, folderOf.get(name)!);
    for (const path of await filesBelow(home)) {
      const file = join(home, path);
      const reason = whyNot(path);
      if (reason) skipped.push({ file, reason });
      else files.push({ file, label });
    }
  }
  return { folder, classes, present, files, skipped };
}

/** The folder of each class, by the class's name in NFC. @throws DataError if two folders have the same name but for Unicode's form. */
function foldersByClass(folder: string, names: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of names) {
    if (found.has(className(name)))
      throw new DataError(
        `${folder}: two folders are named ${className(name)}, in different Unicode forms (NFC and NFD). Merge them`,
      );
    found.set(className(name), name);
  }
  return found;
}

/**
 * Sets aside a share of the items of each class, at random but the same for the same seed and files.
 * A class of one item keeps it; of two or more, at least one goes to each side.
 */
export function stratify<T extends { readonly label: number }>(
  items: readonly T[],
  share: number,
  seed: number,
): { readonly kept: T[]; readonly aside: T[] } {
  const chosen = new Set<T>();
  const classes = new Map<number, T[]>();
  for (const item of items) {
    const members = classes.get(item.label);
    if (members) members.push(item);
    else classes.set(item.label, [item]);
  }
  for (const [label, members] of classes) {
    const count = Math.min(members.length - 1, Math.max(1, Math.round(share * members.length)));
    for (const i of new Rng(seed, "split", label).permutation(members.length).subarray(0, count))
      chosen.add(members[i]!);
  }
  return { kept: items.filter((item) => !chosen.has(item)), aside: items.filter((item) => chosen.has(item)) };
}

/** Paths of all files in a folder, relative to it. A link to a folder that it is itself in is not followed. */
async function filesBelow(folder: string, above: readonly string[] = []): Promise<string[]> {
  const here = await realpath(folder);
  if (above.includes(here)) return [];
  const { folders, files } = await list(folder);
  for (const name of folders)
    for (const file of await filesBelow(join(folder, name), [...above, here])) files.push(join(name, file));
  return files;
}

/** The images in a folder and in those below it, as training takes them for images; sorted. @throws DataError if it cannot be read. */
export async function imagesBelow(folder: string): Promise<string[]> {
  const files = await filesBelow(folder);
  return files
    .filter((path) => whyNot(path) === null)
    .sort()
    .map((path) => join(folder, path));
}

/** Why a file is not read, or null if it should be. */
function whyNot(path: string): string | null {
  if (path.split(sep).some((part) => junk.test(part))) return "hidden file, or left behind by a system";
  if (accepted.test(path)) return null;
  if (/\.gif$/i.test(path)) return "GIF files (animations and placeholders) are not training pictures";
  return "not a picture of an accepted format (jpg, png, webp, tiff, avif)";
}

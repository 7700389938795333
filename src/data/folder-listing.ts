import { realpath, statfs } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { DataError, messageOf } from "../core/errors.js";
import { Rng } from "../core/rng.js";
import { check, text } from "../core/schema.js";
import { className } from "./align.js";
import { classFolders, folderLayouts, junk } from "./class-folders.js";
import type { SkippedFile } from "./dataset.js";
import { list, mostEntries, tooManyEntries } from "./files.js";
import { requirePlausible } from "./plausible.js";
import { summary } from "./summary.js";

/** A file that looks like an image, and its class. */
export interface ImageFile {
  readonly file: string;
  readonly label: number;
  /** Numbers in place of a class. */
  readonly targets?: ArrayLike<number>;
}

/** A folder of classes. */
export interface Listing {
  readonly folder: string;
  readonly classes: readonly string[];
  /** Classes with a folder here. */
  readonly present: readonly string[];
  readonly files: readonly ImageFile[];
  readonly skipped: readonly SkippedFile[];
}

const accepted = /\.(jpe?g|png|webp|tiff?|avif)$/i;

/**
 * The files of a folder of classes, sorted by class and name; folders within a class are searched too. Class names are in Unicode NFC.
 * With `known` classes, the folder may have no others.
 *
 * @throws DataError if there are no classes, unknown ones, or implausible ones.
 */
export async function listClasses(folder: string, known?: readonly string[]): Promise<Listing> {
  const { files: strays } = await list(folder);
  const names = await classFolders(folder);
  if (names.length === 0)
    throw new DataError(`${folder}: has no class folders. Accepted: ${folderLayouts}. Found: ${summary(strays)}`);
  await requirePlausible(folder, names);
  const folderOf = foldersByClass(folder, names);
  const present = [...folderOf.keys()].sort();
  const classes = known ?? present;
  const labels = new Map(classes.map((name, label) => [name, label]));
  const strangers = present.filter((name) => !labels.has(name));
  if (strangers.length)
    throw new DataError(`${folder}: ${summary(strangers)}: no such class in training, which has ${summary(classes)}`);

  const files: ImageFile[] = [];
  const skipped = strays.map((name) => ({ file: join(folder, name), reason: "not in a class folder" }));
  for (const name of present) {
    const label = labels.get(name)!;
    const home = join(folder, folderOf.get(name)!);
    const below = await filesBelow(home);
    for (const skip of below.skipped) skipped.push(skip);
    for (const file of below.files) {
      const reason = whyNot(relative(home, file));
      if (reason) skipped.push({ file, reason });
      else files.push({ file, label });
    }
  }
  return { folder, classes, present, files, skipped };
}

/** The folder of each class, by class name in NFC. @throws DataError if two folders differ only in Unicode form. */
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
 * A class of one item keeps it; with two or more, each side gets at least one. `position` identifies the class, so that its
 * selection does not depend on other classes.
 */
export function stratify<T extends { readonly label: number }>(
  items: readonly T[],
  share: number,
  seed: number,
  position = (label: number) => label,
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
    for (const i of new Rng(seed, "split", position(label)).permutation(members.length).subarray(0, count))
      chosen.add(members[i]!);
  }
  return { kept: items.filter((item) => !chosen.has(item)), aside: items.filter((item) => chosen.has(item)) };
}

/** Everything below a folder: files, and folders that cannot be read. */
interface Below {
  readonly files: string[];
  readonly skipped: SkippedFile[];
}

/** File systems on Linux that expose the system instead of files: procfs, sysfs, cgroups, devpts, debugfs, tracefs. */
const viewsOfSystem: readonly number[] = [0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x1cd1, 0x64626720, 0x74726163];

async function isViewOfSystem(folder: string): Promise<boolean> {
  if (process.platform !== "linux") return false;
  return statfs(folder).then(
    ({ type }) => viewsOfSystem.includes(type),
    () => false,
  );
}

/** Maximum depth of folders. Links can form more paths than there are folders. */
const deepest = 64;

/**
 * All files below a folder. A folder is searched once, however many links lead to it; one that contains `folder` is not.
 *
 * @throws DataError if there are more than `most`.
 */
export async function filesBelow(folder: string, most = mostEntries): Promise<Below> {
  const files: string[] = [];
  const skipped: SkippedFile[] = [];
  const seen = new Set<string>();
  const home = await realpath(folder).catch(() => folder);
  await visit(folder, 0);
  return { files, skipped };

  async function visit(path: string, depth: number): Promise<void> {
    const skip = (reason: string) => void skipped.push({ file: path, reason });
    const here = await realpath(path).catch(() => path);
    if (seen.has(here)) return;
    seen.add(here);
    // Such as the root of the disk.
    if (home.startsWith(here.endsWith(sep) ? here : here + sep)) return skip("a link to a folder that contains it");
    if (await isViewOfSystem(here)) return skip("a system folder, such as /proc");
    if (depth > deepest) return skip(`more than ${deepest} folders deep`);
    const found = await list(path, most).catch((error: unknown) => skip(messageOf(error).replace(`${path}: `, "")));
    for (const name of found?.files ?? []) files.push(join(path, name));
    if (files.length + seen.size > most) throw tooManyEntries(folder, most);
    for (const name of found?.folders ?? []) await visit(join(path, name), depth + 1);
  }
}

/** The images in a folder and below it, by the same rules as in training; sorted. All other files are in `skipped`. */
export async function imagesBelow(folder: string): Promise<Below> {
  check("imagesBelow", "folder", text, folder);
  const below = await filesBelow(folder);
  const reasons = below.files.sort().map((file) => ({ file, reason: whyNot(relative(folder, file)) }));
  return {
    files: reasons.flatMap(({ file, reason }) => (reason === null ? [file] : [])),
    skipped: [...below.skipped, ...reasons.flatMap(({ file, reason }) => (reason === null ? [] : [{ file, reason }]))],
  };
}

/** Why a file is skipped, or null. */
function whyNot(path: string): string | null {
  if (path.split(sep).some((part) => junk.test(part))) return "hidden, or left behind by the system";
  if (accepted.test(path)) return null;
  if (/\.gif$/i.test(path)) return "GIF files (animations and placeholders) are not training images";
  return "not an image of an accepted format (jpg, png, webp, tiff, avif)";
}

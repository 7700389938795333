import { join } from "node:path";
import { DataError } from "../core/errors.js";
import { folderLayouts } from "./class-folders.js";
import { list, nothing } from "./files.js";
import { findSplits, isSplitName } from "./splits.js";
import { summary } from "./summary.js";

/**
 * Whether folders can be classes. They hardly are if named like splits, or if all have the same subfolders, which are then
 * the classes or the splits.
 *
 * @throws DataError that says what they seem to be.
 */
export async function requirePlausible(folder: string, names: readonly string[]): Promise<void> {
  const unreadable = names.find((name) => name.includes("\uFFFD"));
  if (unreadable !== undefined)
    throw new DataError(`${folder}: the name of the folder ${unreadable} is not UTF-8. Rename it`);
  if (names.every(isSplitName))
    throw new DataError(
      `${folder}: ${names.join(", ")}: these look like splits of a data set, not classes. Give each class a folder: ${folderLayouts}`,
    );
  if (names.length < 2) return;
  let inner: readonly string[] | undefined;
  for (const name of names) {
    const { folders, files } = await list(join(folder, name)).catch(() => nothing);
    if (files.length > 0 || String(folders) !== String(inner ?? folders)) return;
    inner = folders;
  }
  if (!inner) return;
  const splits = inner.length > 0 && inner.every(isSplitName);
  if (splits)
    throw new DataError(
      `${folder}: every class has the folders ${inner.join(", ")}. Put them above the classes: ${folderLayouts}`,
    );
  if (inner.length > 1)
    throw new DataError(
      `${folder}: ${summary(names)} all have the same folders (${summary(inner)}), so it is unclear which are the classes. Name one of them, or move the images of each class together`,
    );
}

/**
 * Whether a network can learn from these classes.
 *
 * @throws DataError if there is only one class, or a class has a single image.
 */
export async function requireLearnable(
  folder: string,
  classes: readonly string[],
  labels: readonly number[],
): Promise<void> {
  if (classes.length === 1) {
    const only = join(folder, classes[0]!);
    const deeper = (await findSplits(only)).names.length > 0 || (await list(only)).folders.length > 1;
    throw new DataError(
      `${folder}: has only one class, ${classes[0]}; training needs at least two.${deeper ? ` Did you mean ${only}?` : ""}`,
    );
  }
  const counts = new Uint32Array(classes.length);
  for (const label of labels) counts[label]!++;
  const single = classes.filter((_, label) => counts[label] === 1);
  if (single.length)
    throw new DataError(
      `${folder}: ${summary(single)}: a class needs at least two images. Add some, or move the folder away`,
    );
}

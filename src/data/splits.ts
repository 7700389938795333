import { join } from "node:path";
import { DataError } from "../core/errors.js";
import { classFolders } from "./class-folders.js";
import { list } from "./files.js";

/** Names of split folders, in any case, optionally with a suffix: `train_images`, `Test Set`. */
const suffix = "([-_ ]?(set|data|images|split))?$";
const kinds = {
  train: new RegExp(`^(train|training)${suffix}`, "i"),
  validation: new RegExp(`^(val|validation|validate|valid|dev)${suffix}`, "i"),
  test: new RegExp(`^(test|testing|eval)${suffix}`, "i"),
} as const;

/** Where the images of a data set are. */
export interface SplitFolders {
  readonly train: string;
  readonly validation: string | null;
  readonly test: string | null;
  /** Names of the split folders in use; none if the folder contains classes. */
  readonly names: readonly string[];
  /** Other folders next to them. */
  readonly others: readonly string[];
}

/** Which part of a data set. */
export type SplitName = keyof typeof kinds;

/** The split that a folder of this name usually is. */
export const splitOfName = (name: string): SplitName | undefined =>
  (Object.keys(kinds) as SplitName[]).find((kind) => kinds[kind].test(name));

/** Whether a folder of this name is usually a split, not a class. */
export const isSplitName = (name: string): boolean => splitOfName(name) !== undefined;

/**
 * The training, validation and test folders, if there are any. A class named "train" is not mistaken for a split, and a
 * test folder without a validation folder is the validation folder.
 *
 * @throws DataError if two folders are for the same split.
 */
export async function findSplits(folder: string): Promise<SplitFolders> {
  const { folders } = await list(folder);
  const named = (kind: RegExp) => folders.filter((name) => kind.test(name));
  const inner = named(kinds.train);
  const holdClasses = await Promise.all(inner.map(async (name) => (await classFolders(join(folder, name))).length > 0));
  if (!holdClasses.includes(true)) return { train: folder, validation: null, test: null, names: [], others: [] };
  const one = (names: readonly string[], what: string) => {
    if (names.length > 1)
      throw new DataError(`${folder}: ${names.join(" and ")} are both ${what} folders. Keep one of them`);
    return names[0] ?? null;
  };
  const train = one(inner, "training")!;
  const tested = one(named(kinds.test), "testing");
  const validated = one(named(kinds.validation), "validation");
  const path = (name: string | null) => name && join(folder, name);
  const names = [train, validated, tested].filter((name) => name !== null);
  const others = (await classFolders(folder)).filter((name) => !names.includes(name));
  return {
    train: join(folder, train),
    validation: path(validated ?? tested),
    test: path(validated && tested),
    names,
    others: others.map((name) => join(folder, name)),
  };
}

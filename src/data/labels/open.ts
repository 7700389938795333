import { basename, join, resolve } from "node:path";
import { DataError } from "../../core/errors.js";
import { type Fields, list as listOf, maybe, text } from "../../core/schema.js";
import type { Splits } from "../dataset.js";
import { list } from "../files.js";
import { type ImageFile, stratify } from "../folder-listing.js";
import { checkAll, folderDataset, type ImageFolderOptions, percent } from "../image-folder.js";
import type { SplitName } from "../splits.js";
import { summary } from "../summary.js";
import { imageFinder } from "./images.js";
import { readLabels } from "./table.js";

/** Options of images with a CSV file of labels or numbers. */
export interface LabelOptions {
  /** The CSV file. Default: `labels.csv` in the folder, or its only CSV file. */
  readonly labelsFile?: string;
  /** The columns to learn. Default: the names in the column `labels`, or else all columns but those of image and split. */
  readonly targets?: readonly string[];
}

export const labelFields: Fields<LabelOptions> = {
  labelsFile: maybe(text),
  targets: maybe(listOf(text, "a list of columns", 1)),
};

/** A kept row's file; `split` is null without a column that splits. */
interface Labeled extends ImageFile {
  readonly split: SplitName | null;
}

/**
 * Images below a folder with a CSV file that has labels (multi-label) or numbers (regression) for each; docs/labels.md says how it is read.
 *
 * @throws DataError for a file that is missing or malformed, or if none of its rows has an image.
 */
export async function openLabels(
  folder: string,
  task: "multi-label" | "regression",
  options: ImageFolderOptions & LabelOptions,
): Promise<Splits> {
  const { labelsFile, targets, measure, onNote, imageSize } = options;
  const file = labelsFile ?? (await onlyTable(folder));
  const table = await readLabels(file, { task, columns: targets, known: measure });
  if (table.missing.length > 0) onNote?.(`the model knows labels that no image has: ${summary(table.missing)}`);
  const finder = await imageFinder(folder);
  const skipped = [...table.skipped];
  const lines = new Map<string, number>();
  const files: Labeled[] = [];
  for (const { line, image, split, targets: values } of table.rows) {
    const found = finder.find(image);
    if ("reason" in found) {
      skipped.push({ file: `${file}, line ${line}`, reason: `${image} ${found.reason}` });
      continue;
    }
    const before = lines.get(found.file);
    if (before !== undefined)
      throw new DataError(`${file}: lines ${before} and ${line} are of the same image, ${found.file}`);
    lines.set(found.file, line);
    files.push({ file: found.file, label: 0, targets: values, split });
  }
  if (files.length === 0)
    throw new DataError(`${file}: no row has an image below ${folder} (${skipped[0]!.file}: ${skipped[0]!.reason})`);
  // The order of rows must not change which images are held out.
  files.sort((a, b) => (a.file < b.file ? -1 : 1));
  const named = new Set(files.map((one) => one.file));
  for (const name of table.unusable) {
    const found = finder.find(name);
    if ("file" in found) named.add(found.file);
  }
  const unused = finder.files.length - named.size;
  if (unused > 0) onNote?.(`${unused.toLocaleString("en-US")} of the images have no row in ${file}`);
  const [checked] = await checkAll([{ folder, classes: table.names, present: [], files, skipped }], options);
  const make = (items: typeof kept, also: typeof skipped = []) =>
    folderDataset(basename(resolve(folder)), table.names, items, also, imageSize, {
      // Crops and mirroring could change what numbers say of an image.
      ...(task === "regression" ? { flip: false, crop: false } : {}),
    });
  const kept = checked!.items as ((typeof checked)["items"][number] & Labeled)[];
  if (kept.length === 0)
    throw new DataError(`${folder}: none of the images can be read (${checked!.skipped.at(-1)!.reason})`);
  const parts = divide(file, kept, table.splitBy, options);
  return {
    train: make(parts.train, checked!.skipped),
    validation: make(parts.validation),
    ...(parts.test ? { test: make(parts.test) } : {}),
    division: parts.division,
    setAside: parts.setAside,
  };
}

async function onlyTable(folder: string): Promise<string> {
  const tables = (await list(folder)).files.filter((name) => /\.csv$/i.test(name));
  const chosen = tables.includes("labels.csv") ? "labels.csv" : tables.length === 1 ? tables[0] : undefined;
  if (chosen === undefined)
    throw new DataError(
      tables.length === 0
        ? `${folder}: has no CSV file of labels; name one that is elsewhere`
        : `${folder}: has several CSV files, ${summary(tables)}; name the one that has the labels`,
    );
  return join(folder, chosen);
}

/** The parts of the data: by the column that splits, or by chance. Test rows without validation rows are the validation data, as in folders. */
function divide<T extends Labeled>(
  file: string,
  items: readonly T[],
  splitBy: string | null,
  { validationSplit = 0.2, testSplit = 0, seed = 0, measure }: ImageFolderOptions,
) {
  const of = (part: SplitName) => items.filter(({ split }) => split === part);
  const setAside = (from: readonly T[], share: number, what: string) => {
    const { kept, aside } = stratify(from, (share * items.length) / from.length, seed);
    if (aside.length === 0 && !measure)
      throw new DataError(`${file}: has too few images to hold some out for ${what}; it has ${items.length}`);
    return { kept, aside };
  };
  const [tested, validated] = [of("test"), of("validation")];
  if (validated.length > 0 || tested.length > 0) {
    const train = of("train");
    if (train.length === 0 && !measure) throw new DataError(`${file}: ${splitBy} puts no usable image into training`);
    const both = validated.length > 0 && tested.length > 0;
    return {
      train,
      validation: validated.length > 0 ? validated : tested,
      ...(both ? { test: tested } : {}),
      division: `by the column ${splitBy}`,
      setAside: {},
    };
  }
  const test = testSplit > 0 ? setAside(items, testSplit, "testing") : undefined;
  const { kept, aside } = setAside(test?.kept ?? items, validationSplit, "validation");
  return {
    train: kept,
    validation: aside,
    ...(test ? { test: test.aside } : {}),
    division: [`${percent(validationSplit)} held out`, ...(test ? [`${percent(testSplit)} for testing`] : [])].join(
      ", ",
    ),
    setAside: { validation: validationSplit, ...(test ? { test: testSplit } : {}) },
  };
}

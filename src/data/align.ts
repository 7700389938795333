import { DataError } from "../core/errors.js";
import { check, classList, fieldsOf, list, type Schema, text, whole } from "../core/schema.js";
import { checkDataset, datasetSchema } from "./checks.js";
import { checkIndex, type Dataset, type LabelMap } from "./dataset.js";
import { ignored } from "./segmentation/label-map.js";
import { summary } from "./summary.js";

/** A data set relabeled with a model's classes, and what does not match. */
export interface Alignment {
  /** Images of classes the model knows. `classes` are the model's. */
  readonly dataset: Dataset;
  /** Classes of the data that the model does not know. */
  readonly unknown: readonly string[];
  /** Classes of the model that the data set lacks. */
  readonly missing: readonly string[];
  /** Number of images of unknown classes, which are not in `dataset`. */
  readonly leftOut: number;
}

/**
 * A class name for comparison, in Unicode form NFC. Some file systems and archives decompose names (NFD): the same letters,
 * different code points.
 */
export function className(name: string): string {
  check("className", "name", text, name);
  return name.normalize("NFC");
}

const names = list(text, "a list of class names");

/** Whether two lists hold the same class names in the same order. */
export const sameClasses = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => className(name) === className(b[i]!));

/** How two lists of names differ, with suggestions; null if they are equal. */
export function classDifference(known: readonly string[], given: readonly string[]): string | null {
  check("classDifference", "known", names, known);
  check("classDifference", "given", names, given);
  if (sameClasses(known, given)) return null;
  const { unknown, missing } = compareClasses(known, given);
  if (unknown.length === 0 && missing.length === 0)
    return `the order differs: ${summary(known)}, now ${summary(given)}`;
  return [
    ...(unknown.length ? [`new: ${summary(unknown.map((name) => withSuggestion(name, known)))}`] : []),
    ...(missing.length ? [`gone: ${summary(missing)}`] : []),
  ].join("; ");
}

function compareClasses(known: readonly string[], given: readonly string[]) {
  const [ours, theirs] = [known, given].map((names) => new Set(names.map(className)));
  return {
    unknown: given.filter((name) => !ours!.has(className(name))),
    missing: known.filter((name) => !theirs!.has(className(name))),
  };
}

/** `Lime (the model has "lime")`, if a class differs only in case, spaces, dashes or underscores. */
export function withSuggestion(name: string, known: readonly string[]): string {
  const folded = (text: string) =>
    text
      .normalize("NFKC")
      .toLowerCase()
      .replace(/[\s_-]/g, "");
  const close = known.find((candidate) => folded(candidate) === folded(name));
  return close === undefined ? name : `${name} (did you mean "${close}"? Case and spelling count)`;
}

/** Position of each name. @throws DataError for duplicates. */
function positions(names: readonly string[], whose: string): Map<string, number> {
  const found = new Map<string, number>();
  names.forEach((name, i) => {
    if (found.has(className(name)))
      throw new DataError(`${whose} has two classes named ${name}, so classes cannot be matched by name`);
    found.set(className(name), i);
  });
  return found;
}

/**
 * Matches the classes of a data set to a model's by name, never by position. Names must be equal, including case, but not in Unicode
 * form (NFC). Images of classes that the model does not know are left out and counted; in label maps, pixels of such classes do not count. Identities to
 * find are not matched: they need not be those of training.
 *
 * @param classes names of the model's classes, in order
 *
 * @throws DataError if the model knows none of the classes, or names are ambiguous.
 *
 * @example
 * const { dataset, unknown } = alignClasses(data.validation, ["cat", "dog"]);
 * const { top1 } = await evaluate(model, dataset, { engine });
 */
export function alignClasses(dataset: Dataset, classes: readonly string[]): Alignment {
  checkDataset("alignClasses", "dataset", dataset);
  check("alignClasses", "classes", classList, classes);
  if (dataset.sightings || sameClasses(dataset.classes, classes))
    return { dataset, unknown: [], missing: [], leftOut: 0 };
  const ours = positions(classes, "the model");
  positions(dataset.classes, dataset.name);
  const labelOf = dataset.classes.map((name) => ours.get(className(name)));
  const { labelMap, targets } = dataset;
  const kept = Array.from(dataset.labels, (_, i) => i).filter(
    (i) => labelMap || targets || labelOf[dataset.labels[i]!] !== undefined,
  );
  const { unknown, missing } = compareClasses(classes, dataset.classes);
  if (unknown.length > 0 && (kept.length === 0 || unknown.length === dataset.classes.length))
    throw new DataError(
      `${dataset.name}: the model knows none of the classes: the data has ${summary(unknown.map((name) => withSuggestion(name, classes)))}; the model has ${summary(classes)}`,
    );
  if (targets && missing.length > 0)
    throw new DataError(`${dataset.name}: lacks ${summary(missing)}, which the model predicts`);
  const { mask, file, sizeOf } = dataset;
  const aligned: Dataset = {
    name: dataset.name,
    classes,
    length: kept.length,
    labels: kept.map((i) => (labelMap || targets ? 0 : labelOf[dataset.labels[i]!]!)),
    size: dataset.size,
    get skipped() {
      return dataset.skipped; // grows while images are read
    },
    ...(dataset.defaults && { defaults: dataset.defaults }),
    image: async (index) => dataset.image(kept[checkIndex(aligned, index)]!),
    ...(mask && { mask: (index: number) => mask.call(dataset, kept[checkIndex(aligned, index)]!) }),
    ...(file && { file: (index: number) => file.call(dataset, kept[checkIndex(aligned, index)]!) }),
    ...(sizeOf && { sizeOf: (index: number) => sizeOf.call(dataset, kept[checkIndex(aligned, index)]!) }),
    ...(targets && { targets: (index: number) => inOrder(targets.call(dataset, checkIndex(aligned, index)), labelOf) }),
    ...(labelMap && {
      labelMap: async (index: number) => relabeled(await labelMap.call(dataset, checkIndex(aligned, index)), labelOf),
    }),
  };
  return { dataset: aligned, unknown, missing, leftOut: dataset.length - kept.length };
}

/** Targets in the order of the model, without those that it does not know. */
function inOrder(given: ArrayLike<number>, placeOf: readonly (number | undefined)[]): Float64Array {
  const own = new Float64Array(placeOf.filter((place) => place !== undefined).length);
  placeOf.forEach((place, i) => {
    if (place !== undefined) own[place] = given[i]!;
  });
  return own;
}

/** A label map with other class numbers; pixels of classes without one do not count. */
function relabeled(map: LabelMap, labelOf: readonly (number | undefined)[]): LabelMap {
  return { ...map, data: map.data.map((label) => labelOf[label] ?? ignored) };
}

const alignmentSchema: Schema<Alignment> = fieldsOf<Alignment>(
  { dataset: datasetSchema, unknown: names, missing: names, leftOut: whole(0) },
  "what alignClasses() gives",
);

/** What an alignment leaves out or lacks, in lines for people. */
export function alignmentNotes(alignment: Alignment): string[] {
  check("alignmentNotes", "alignment", alignmentSchema, alignment);
  const { dataset, unknown, missing, leftOut } = alignment;
  const images = (n: number) => `${n.toLocaleString("en-US")} image${n === 1 ? "" : "s"}`;
  const notes: string[] = [];
  if (unknown.length) {
    const names = summary(unknown.map((name) => withSuggestion(name, dataset.classes)));
    notes.push(
      dataset.targets
        ? `not measured, since the model does not predict them: ${names}`
        : dataset.labelMap
          ? `pixels of classes that the model does not know do not count: ${names}`
          : `left out ${images(leftOut)} of classes that the model does not know: ${names}`,
    );
  }
  if (missing.length) notes.push(`classes of the model that the data lacks: ${summary(missing)}`);
  return notes;
}

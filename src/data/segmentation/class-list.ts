import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../../core/errors.js";
import { isObject } from "../../core/schema.js";
import { readBounded } from "../files.js";
import { ignored, mostPixelClasses } from "./label-map.js";

/** Files that name the classes of a data set, in the order they are looked for. */
export const classFiles = ["classes.txt", "classes.json", "codes.txt", "labels.txt"] as const;
/** A few hundred names. */
const mostBytes = 2 ** 20;

/** Names of classes that do not count, in any case. */
const voidNames = /^(void|ignore|ignored|unlabell?ed|dontcare|don't care)$/i;

/** Names in the folder's own file, or undefined without one. @throws DataError if it cannot be used. */
export async function classesIn(folder: string): Promise<readonly string[] | undefined> {
  for (const name of classFiles) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) return parseClasses(new TextDecoder().decode(await readBounded(path, mostBytes)), path);
  }
  return undefined;
}

/** Names, one per line or as JSON: a list of strings, or an object of names by number. @throws DataError */
export function parseClasses(text: string, file: string): readonly string[] {
  let names: unknown = text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .map((line) => line.trim());
  if (/^\s*[[{]/.test(text))
    try {
      const json: unknown = JSON.parse(text);
      names = isObject(json) ? Object.keys(json).map((_, i) => json[i]) : json;
    } catch {
      throw new DataError(`${file} begins like JSON, but is not valid`);
    }
  if (!Array.isArray(names) || !names.every((name): name is string => typeof name === "string"))
    throw new DataError(`${file} must be one class per line, a JSON list of strings, or an object of them by number`);
  while (names.at(-1) === "") names.pop();
  requireNames(names, file);
  return names;
}

function requireNames(names: readonly string[], where: string): void {
  if (names.length === 0 || names.length > mostPixelClasses)
    throw new DataError(`${where} names ${names.length} classes; 1 to ${mostPixelClasses} are accepted`);
  const twice = names.find((name, i) => name === "" || names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new DataError(`${where} ${twice === "" ? "has an empty name" : `names ${twice} twice`}`);
}

/** Which class the values in masks stand for. */
export interface ClassTable {
  readonly classes: readonly string[];
  /** The label of each value: a class, {@link ignored}, or undefined for an unknown value. */
  labelOf(value: number): number | undefined;
}

/**
 * The table for masks with these values.
 *
 * @param names of values from 0 on, if they are known; those called void, ignore or unlabeled do not count
 * @param ignore the value of pixels that do not count, or null for none
 * @param greatest the greatest value in the masks besides `ignore`, for names that are not known
 * @throws DataError where nothing is left
 */
export function classTable(names: readonly string[] | undefined, ignore: number | null, greatest: number): ClassTable {
  if (!names && greatest >= mostPixelClasses)
    throw new DataError(
      `a mask has the value ${greatest}; without class names, values are at most ${mostPixelClasses - 1}. To ignore it: --ignore-label ${greatest}`,
    );
  const all = names ?? Array.from({ length: greatest + 1 }, (_, value) => `class ${value}`);
  const labels: number[] = [];
  const classes: string[] = [];
  all.forEach((name, value) => {
    if (value === ignore || (names && voidNames.test(name))) labels.push(ignored);
    else labels.push(classes.push(name) - 1);
  });
  if (classes.length < 2)
    throw new DataError(
      `there ${classes.length === 1 ? `is only one class, ${classes[0]}` : "are no classes"}, and pixels that are ignored; segmentation needs two classes`,
    );
  return { classes, labelOf: (value) => (value === ignore ? ignored : labels[value]) };
}

/** PASCAL VOC's classes, by value. */
export const vocClasses: readonly string[] =
  "background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person pottedplant sheep sofa train tvmonitor".split(
    " ",
  );

/** Cityscapes' classes that count, in the order of their trainIds. */
export const cityscapesClasses: readonly string[] = [
  "road",
  "sidewalk",
  "building",
  "wall",
  "fence",
  "pole",
  "traffic light",
  "traffic sign",
  "vegetation",
  "terrain",
  "sky",
  "person",
  "rider",
  "car",
  "truck",
  "bus",
  "train",
  "motorcycle",
  "bicycle",
];

/** The labelIds of these classes. */
const cityscapesIds = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33];

/** Cityscapes' masks: trainIds, or labelIds, of which all others are ignored. */
export function cityscapesTable(ids: "labelIds" | "labelTrainIds"): ClassTable {
  const position = (value: number) => (ids === "labelTrainIds" ? value : cityscapesIds.indexOf(value));
  return {
    classes: cityscapesClasses,
    labelOf: (value) => {
      const label = position(value);
      if (label >= 0 && label < cityscapesClasses.length) return label;
      return value === 255 || (ids === "labelIds" && value <= 33) ? ignored : undefined;
    },
  };
}

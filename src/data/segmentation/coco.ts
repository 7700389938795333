import { DataError, messageOf } from "../../core/errors.js";
import { isObject, shown } from "../../core/schema.js";
import { readBounded } from "../files.js";
import { ignored, mostPixelClasses } from "./label-map.js";
import type { CocoObject } from "./polygons.js";

/** COCO's own largest file takes 470 MB. */
const mostBytes = 2 ** 29;
const mostObjects = 10_000_000;

/** The objects of COCO's JSON, by image. */
export interface CocoAnnotations {
  /** `background`, then the categories in the order of their ids. */
  readonly classes: readonly string[];
  /** Label of each category id. */
  readonly categories: ReadonlyMap<unknown, number>;
  /** Objects of each image, by file name, in the file's order: later ones cover earlier ones. Crowds are ignored. */
  readonly images: ReadonlyMap<string, readonly CocoObject[]>;
}

type Entry = Readonly<Record<string, unknown>>;

/**
 * Reads COCO's JSON for segmentation: `images`, `annotations` with `segmentation`, and `categories`.
 *
 * @param known the categories of the training part, which all parts must have
 * @throws DataError that says where the file is wrong.
 */
export async function cocoAnnotations(path: string, known?: ReadonlyMap<unknown, number>): Promise<CocoAnnotations> {
  const json = parsed(path, new TextDecoder().decode(await readBounded(path, mostBytes)));
  const lists = ["images", "annotations", "categories"].map((name) => {
    const value = json[name];
    if (!Array.isArray(value) || !value.every(isObject))
      throw new DataError(`${path}: is not COCO JSON: "${name}" must be a list of objects`);
    if (value.length > mostObjects)
      throw new DataError(`${path}: ${value.length} ${name}; at most ${mostObjects} are read`);
    return value as Entry[];
  });
  const [images, annotations, categories] = lists as [Entry[], Entry[], Entry[]];
  const sorted = [...categories].sort((a, b) => Number(a.id) - Number(b.id));
  const classes = ["background", ...sorted.map(({ name }) => String(name))];
  if (sorted.length === 0 || classes.length > mostPixelClasses)
    throw new DataError(`${path}: ${sorted.length} categories; 1 to ${mostPixelClasses - 1} are accepted`);
  const twice = classes.find((name, i) => classes.indexOf(name) !== i);
  if (twice !== undefined) throw new DataError(`${path}: two classes are called ${twice}`);
  const labels = new Map(sorted.map(({ id }, i) => [id, i + 1]));
  if (known && String([...known]) !== String([...labels]))
    throw new DataError(`${path}: its categories are not those of the training part`);
  const objects = new Map<string, CocoObject[]>();
  const names = new Map<unknown, string>();
  for (const { id, file_name } of images) {
    if (typeof file_name !== "string" || typeof id === "object")
      throw new DataError(`${path}: image ${shown(id)} has no file_name`);
    names.set(id, file_name);
    objects.set(file_name, []);
  }
  annotations.forEach(({ image_id, category_id, segmentation, iscrowd }, i) => {
    const at = `${path}: annotation ${i}`;
    const own = objects.get(names.get(image_id) ?? "");
    if (!own) throw new DataError(`${at}: there is no image ${shown(image_id)}`);
    const label = labels.get(category_id);
    if (label === undefined) throw new DataError(`${at}: there is no category ${shown(category_id)}`);
    // Crowds are of many objects, roughly outlined.
    own.push({ segmentation, label: iscrowd === 1 ? ignored : label, at });
  });
  return { classes, categories: labels, images: objects };
}

function parsed(path: string, content: string): Entry {
  try {
    const value: unknown = JSON.parse(content.replace(/^\ufeff/, ""));
    if (isObject(value)) return value;
  } catch (error) {
    throw new DataError(`${path}: is not JSON (${messageOf(error).split("\n")[0]})`);
  }
  throw new DataError(`${path}: is not COCO JSON: it must have "images", "annotations" and "categories"`);
}

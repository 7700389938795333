import { join, relative, sep } from "node:path";
import { DataError } from "../../core/errors.js";
import type { SkippedFile } from "../dataset.js";
import { list, nothing, readBounded } from "../files.js";
import { filesBelow, imagesBelow } from "../folder-listing.js";
import { type SplitName, splitOfName } from "../splits.js";
import { type ClassTable, cityscapesTable, classesIn, vocClasses } from "./class-list.js";
import { type CocoAnnotations, cocoAnnotations } from "./coco.js";
import type { CocoObject } from "./polygons.js";

/** Accepted layouts, for messages. */
export const segmentationLayouts =
  "images/<split> next to masks/<split>, VOC (JPEGImages, SegmentationClass), Cityscapes (leftImg8bit, gtFine), COCO (annotations/instances_<split>.json)";

/** An image and the source of its labels: a mask file, or objects to draw. */
export interface Pair {
  readonly image: string;
  readonly mask: string | readonly CocoObject[];
}

/** The images of a split that have labels, and the files that have not. */
export interface Part {
  readonly pairs: readonly Pair[];
  readonly skipped: readonly SkippedFile[];
}

/** The segmentation data of a folder. */
export interface SegmentationFiles {
  /** In words: `images and masks`. */
  readonly layout: string;
  /** By name; `all` if they are not split. */
  readonly parts: Partial<Record<SplitName | "all", Part>>;
  /** The split folders' names. */
  readonly names: readonly string[];
  /** Names of the values, where the layout or a file says them. */
  readonly classes: readonly string[] | undefined;
  /** The table, where the layout defines it. */
  readonly table?: ClassTable;
}

const maskFolders = ["masks", "labels", "annotations", "mask"] as const;
/** What may follow an image's name in the name of its mask. */
const maskSuffix = /[_-](mask|masks|label|labels|seg|segmentation|L)$/i;
const stem = (path: string) => path.replace(/\.[^./\\]+$/, "");

/** The segmentation data of a folder; undefined if it has another layout. @throws DataError if it is incomplete. */
export async function findSegmentation(folder: string): Promise<SegmentationFiles | undefined> {
  const { folders, files } = await list(folder);
  const has = (name: string) => folders.includes(name);
  if (has("JPEGImages") && has("SegmentationClass")) return voc(folder);
  if (has("leftImg8bit") && has("gtFine")) return cityscapes(folder);
  if (has("annotations")) {
    const coco = await cocoFolder(folder, folders);
    if (coco) return coco;
  }
  const beside = maskFolders.find(has);
  if (has("images") && beside) return imagesAndMasks(folder, beside);
  return (await splitFirst(folder, folders)) ?? (await roboflow(folder, folders, files));
}

/** Pairs images and masks below two folders by their paths there, without extension. */
async function paired(images: string, masks: string, own: (key: string) => string = (key) => key): Promise<Part> {
  const found = await imagesBelow(images);
  const files = (await filesBelow(masks)).files.filter((file) => /\.[^./\\]+$/.test(file));
  const byKey = new Map<string, string>();
  for (const file of files.sort()) {
    const key = stem(relative(masks, file));
    byKey.set(key, file);
    const bare = key.replace(maskSuffix, "");
    if (bare !== key && !byKey.has(bare)) byKey.set(bare, file);
  }
  const pairs: Pair[] = [];
  const skipped: SkippedFile[] = [...found.skipped];
  for (const image of found.files) {
    const mask = byKey.get(own(stem(relative(images, image))));
    if (mask) pairs.push({ image, mask });
    else skipped.push({ file: image, reason: `no mask of its name in ${masks}` });
  }
  return { pairs, skipped };
}

/** The splits in folders of `images`, with masks in folders of the same names; or all images, if there are no split folders. */
async function splitParts(
  images: string,
  partOf: (split: string) => Promise<Part>,
  all: () => Promise<Part>,
): Promise<Pick<SegmentationFiles, "parts" | "names">> {
  const splits = namedSplits((await list(images)).folders, images);
  if (!splits.has("train")) return { parts: { all: await all() }, names: [] };
  const parts: Partial<Record<SplitName, Part>> = {};
  for (const [kind, name] of splits) parts[kind] = await partOf(name);
  return { parts, names: [...splits.values()] };
}

/** The folder of each split. @throws DataError if two are for the same. */
function namedSplits(folders: readonly string[], where: string): Map<SplitName, string> {
  const found = new Map<SplitName, string>();
  for (const name of folders) {
    const kind = splitOfName(name.replace(/[-_ ]?\d+$/, ""));
    if (!kind) continue;
    const other = found.get(kind);
    if (other) throw new DataError(`${where}: ${other} and ${name} are both ${kind} folders. Keep one of them`);
    found.set(kind, name);
  }
  const order: readonly SplitName[] = ["train", "validation", "test"];
  return new Map(order.flatMap((kind) => (found.has(kind) ? [[kind, found.get(kind)!] as const] : [])));
}

async function imagesAndMasks(folder: string, beside: string): Promise<SegmentationFiles> {
  const [images, masks] = [join(folder, "images"), join(folder, beside)];
  const found = await splitParts(
    images,
    (split) => paired(join(images, split), join(masks, split)),
    () => paired(images, masks),
  );
  return { layout: `images and ${beside}`, ...found, classes: await classesIn(folder) };
}

/** `train/images` and `train/masks`. */
async function splitFirst(folder: string, folders: readonly string[]): Promise<SegmentationFiles | undefined> {
  const splits = namedSplits(folders, folder);
  const train = splits.get("train");
  if (!train) return undefined;
  const inside = (await list(join(folder, train)).catch(() => nothing)).folders;
  const beside = maskFolders.find((name) => inside.includes(name));
  if (!inside.includes("images") || !beside) return undefined;
  const parts: Partial<Record<SplitName, Part>> = {};
  for (const [kind, name] of splits)
    parts[kind] = await paired(join(folder, name, "images"), join(folder, name, beside));
  return { layout: `images and ${beside}`, parts, names: [...splits.values()], classes: await classesIn(folder) };
}

async function voc(folder: string): Promise<SegmentationFiles> {
  const all = await paired(join(folder, "JPEGImages"), join(folder, "SegmentationClass"));
  const byId = new Map(all.pairs.map((pair) => [stem(relative(join(folder, "JPEGImages"), pair.image)), pair]));
  const lists = join(folder, "ImageSets", "Segmentation");
  const names = (await list(lists).catch(() => nothing)).files.filter((name) => /^(train|val|test)\.txt$/.test(name));
  const classes = (await classesIn(folder)) ?? vocClasses;
  // Photographs without a mask are most of VOC.
  if (!names.includes("train.txt"))
    return { layout: "VOC", parts: { all: { pairs: all.pairs, skipped: [] } }, names: [], classes };
  const parts: Partial<Record<SplitName, Part>> = {};
  for (const name of names) {
    const text = new TextDecoder().decode(await readBounded(join(lists, name), 2 ** 26));
    const lines = text.split(/\r?\n/).map((line) => line.trim());
    const ids = [...new Set(lines.filter(Boolean))];
    const missing = ids.filter((id) => !byId.has(id));
    parts[splitOfName(stem(name))!] = {
      pairs: ids.flatMap((id) => byId.get(id) ?? []),
      skipped: missing.map((id) => ({ file: join(lists, name), reason: `${id} has no image, or no mask` })),
    };
  }
  return { layout: "VOC", parts, names, classes };
}

async function cityscapes(folder: string): Promise<SegmentationFiles> {
  const [images, masks] = [join(folder, "leftImg8bit"), join(folder, "gtFine")];
  const { files } = await filesBelow(masks);
  const ids = files.some((file) => file.endsWith("_labelTrainIds.png")) ? "labelTrainIds" : "labelIds";
  const own = (key: string) => key.replace(/_leftImg8bit$/, `_gtFine_${ids}`);
  const found = await splitParts(
    images,
    (split) => paired(join(images, split), join(masks, split), own),
    () => paired(images, masks, own),
  );
  return { layout: "Cityscapes", ...found, classes: undefined, table: cityscapesTable(ids) };
}

/** `annotations/instances_<split>.json` with the images in `<split>/` or `images/<split>/`. */
async function cocoFolder(folder: string, folders: readonly string[]): Promise<SegmentationFiles | undefined> {
  const { files } = await list(join(folder, "annotations"));
  const named = files.flatMap((file) => {
    const [, split] = /^(?:instances_)?(.+)\.json$/.exec(file) ?? [];
    return split ? [[split, file] as const] : [];
  });
  const inner = folders.includes("images") ? (await list(join(folder, "images"))).folders : [];
  const homes = new Map([
    ...inner.map((name) => [name, join(folder, "images", name)] as const),
    ...folders.map((name) => [name, join(folder, name)] as const),
  ]);
  const splits = named.filter(([split]) => homes.has(split) && splitOfName(split.replace(/[-_ ]?\d+$/, "")));
  if (splits.length === 0) return undefined;
  return cocoParts(
    folder,
    splits.map(([split, file]) => [split, homes.get(split)!, join(folder, "annotations", file)]),
  );
}

/** `<split>/_annotations.coco.json` next to the images, as Roboflow exports. */
async function roboflow(
  folder: string,
  folders: readonly string[],
  files: readonly string[],
): Promise<SegmentationFiles | undefined> {
  const name = "_annotations.coco.json";
  if (files.includes(name)) return cocoParts(folder, [["all", folder, join(folder, name)]]);
  const found: [string, string, string][] = [];
  for (const split of namedSplits(folders, folder).values())
    if ((await list(join(folder, split)).catch(() => nothing)).files.includes(name))
      found.push([split, join(folder, split), join(folder, split, name)]);
  return found.length > 0 ? cocoParts(folder, found) : undefined;
}

async function cocoParts(
  folder: string,
  files: readonly (readonly [split: string, images: string, json: string])[],
): Promise<SegmentationFiles> {
  const parts: Partial<Record<SplitName | "all", Part>> = {};
  let first: CocoAnnotations | undefined;
  for (const [split, images, json] of files) {
    const own = await cocoAnnotations(json, first?.categories);
    first ??= own;
    const known = (await imagesBelow(images)).files;
    const byName = new Map(known.map((file) => [relative(images, file).split(sep).join("/"), file]));
    const pairs: Pair[] = [];
    const skipped: SkippedFile[] = [];
    for (const [name, objects] of own.images) {
      const image = byName.get(name) ?? byName.get(name.split("/").at(-1)!);
      if (image) pairs.push({ image, mask: objects });
      else skipped.push({ file: join(images, name), reason: `named in ${json}, but there is no such image` });
    }
    const kind = split === "all" ? "all" : splitOfName(split.replace(/[-_ ]?\d+$/, ""))!;
    if (parts[kind]) throw new DataError(`${folder}: there are two ${kind} splits. Keep one of them`);
    parts[kind] = { pairs, skipped };
  }
  const { classes } = first!;
  const table: ClassTable = { classes, labelOf: (value) => value };
  return {
    layout: "COCO",
    parts,
    names: files.map(([split]) => split).filter((split) => split !== "all"),
    classes,
    table,
  };
}

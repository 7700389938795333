import { stat } from "node:fs/promises";
import { basename, extname, relative, resolve, sep } from "node:path";
import { DataError, messageOf, systemReason } from "../core/errors.js";
import { check, isObject, list, shown, text } from "../core/schema.js";
import type { RgbImage } from "./dataset.js";
import { decodeImage } from "./decode.js";
import { readBounded } from "./files.js";
import { imagesBelow } from "./folder-listing.js";
import { boxMask, type Mask } from "./masks.js";
import type { Region } from "./transforms.js";

/** Masks or boxes in files, for images in files. */
export interface MaskFiles {
  /** What the files are: images of masks, or boxes in COCO JSON or a CSV file. */
  readonly kind: "folder" | "coco" | "csv";
  /** Number of images with masks or boxes. */
  readonly length: number;
  /**
   * Where the object of an image is, or undefined if the files do not say. A mask belongs to an image if its whole name, folders included, is the
   * end of the image's path: `ants/1.jpg` is for `photos/ants/1.jpg`, never for `photos/bees/1.jpg`. In a folder of masks, extensions are ignored.
   * If several names match, the longest wins.
   *
   * @param name the class: if boxes have classes, only its boxes count
   *
   * @throws DataError for a mask that fits two images, a box outside the image, or a mask of another size.
   */
  maskOf(file: string, size: Pick<RgbImage, "width" | "height">, name?: string): Promise<Mask | undefined>;
}

/** COCO's own largest file of boxes takes 470 MB. */
const mostBytes = 2 ** 29;
const mostBoxes = 10_000_000;

interface Box extends Region {
  readonly name?: string;
  /** Where it was read, for messages. */
  readonly at: string;
  /** The size of the image that its numbers refer to, if given. */
  readonly of?: { readonly width: number; readonly height: number };
}

/**
 * Opens masks or boxes: a folder of mask images named like their images, COCO JSON (boxes), or a CSV file of boxes
 * whose first line names its columns: `file,left,top,width,height` or `file,xmin,ymin,xmax,ymax`, and optionally `class`. In a mask, values of
 * at least half the maximum are the object.
 *
 * @param images paths of all images, so that a mask that fits two of them is refused at once rather than when `maskOf` reaches the second
 *
 * @throws DataError that says what was looked for, and where the file is wrong.
 *
 * @example
 * const masks = await openMasks("boxes.csv");
 * await masks.maskOf("photos/ants/1.jpg", { width: 640, height: 480 }, "ants");
 */
export async function openMasks(path: string, images: readonly string[] = []): Promise<MaskFiles> {
  check("openMasks", "path", text, path);
  check("openMasks", "images", list(text, "a list of paths"), images);
  const found = await stat(path).catch((error) => {
    throw new DataError(`${path}: cannot be read (${systemReason(error)})`);
  });
  if (found.isDirectory()) return folderOf(path, images);
  const content = new TextDecoder().decode(await readBounded(path, mostBytes));
  const kind = /^\ufeff?\s*[{[]/.test(content) ? "coco" : "csv";
  const boxes = kind === "coco" ? cocoBoxes(path, content) : csvBoxes(path, content);
  const entryOf = matching(new Map([...boxes.keys()].map((name) => [name, [name]])), images);
  return {
    kind,
    length: boxes.size,
    async maskOf(file, size, name) {
      const known = entryOf(file);
      const own = known === undefined ? undefined : boxes.get(known)!;
      const chosen = own?.filter((box) => name === undefined || box.name === undefined || box.name === name);
      if (!chosen?.length) return undefined;
      return boxMask(
        size,
        chosen.map((box) => scaled(box, file, size)),
      );
    },
  };
}

async function folderOf(folder: string, images: readonly string[]): Promise<MaskFiles> {
  const { files } = await imagesBelow(folder);
  if (files.length === 0) throw new DataError(`${folder}: has no images, so no masks`);
  const byName = new Map<string, string[]>();
  for (const file of files) {
    const name = nameIn(withoutExtension(relative(folder, file)));
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  const entryOf = matching(byName, images, withoutExtension);
  return {
    kind: "folder",
    length: files.length,
    async maskOf(file, size) {
      const known = entryOf(file);
      if (known === undefined) return undefined;
      const { width, height, pixels } = await decodeImage(known);
      if (width !== size.width || height !== size.height)
        throw new DataError(
          `${known}: the mask has ${width} × ${height} pixels, ${basename(file)} has ${size.width} × ${size.height}`,
        );
      const plane = width * height;
      const values = pixels
        .subarray(0, plane)
        .map((red, i) => Math.max(red, pixels[plane + i]!, pixels[2 * plane + i]!));
      const brightest = values.reduce((a, b) => Math.max(a, b), 0);
      return { width, height, data: values.map((value) => Number(brightest > 0 && 2 * value >= brightest)) };
    },
  };
}

/** A box in the pixels of an image that may have been scaled since. @throws DataError if it lies outside. */
function scaled(box: Box, file: string, size: { readonly width: number; readonly height: number }): Region {
  const [x, y] = [size.width / (box.of?.width ?? size.width), size.height / (box.of?.height ?? size.height)];
  const own = { left: box.left * x, top: box.top * y, width: box.width * x, height: box.height * y };
  if (own.left >= size.width || own.top >= size.height || own.left + own.width <= 0 || own.top + own.height <= 0)
    throw new DataError(
      `${box.at}: the box at ${box.left}, ${box.top} of ${box.width} × ${box.height} lies outside ${basename(file)}, ${size.width} × ${size.height} pixels`,
    );
  return own;
}

const withoutExtension = (file: string) => file.slice(0, file.length - extname(file).length);
const parts = (file: string) => file.split(sep === "\\" ? /[\\/]/ : "/").filter((part) => part !== "" && part !== ".");
const nameIn = (file: string) => parts(file).join("/");

/**
 * Finds the entry of an image: the one of the longest name that is the end of the image's path.
 *
 * @param byName entries by name, several where it is not clear which is meant
 * @param plain what of an image's path counts
 *
 * @throws DataError if there are several, or it is another image's already.
 */
function matching(
  byName: ReadonlyMap<string, readonly string[]>,
  images: readonly string[],
  plain: (file: string) => string = (file) => file,
): (file: string) => string | undefined {
  const owners = new Map<string, string>();
  const entryOf = (file: string) => {
    const path = resolve(file);
    const names = parts(plain(path));
    const found = names.map((_, start) => byName.get(names.slice(start).join("/"))).find((entries) => entries);
    if (!found) return undefined;
    if (found.length > 1)
      throw new DataError(`${file}: several masks may belong to it: ${found.slice(0, 3).join(", ")}`);
    const [entry] = found as [string];
    const owner = owners.get(entry) ?? path;
    if (owner !== path)
      throw new DataError(
        `${entry}: may belong to several images: ${owner}, ${path}. Put the folder into the name too, as ${ownEnd(path, owner)}`,
      );
    owners.set(entry, path);
    return entry;
  };
  for (const file of images) entryOf(file);
  return entryOf;
}

/** The shortest end of a path that is not also that of another. */
function ownEnd(path: string, other: string): string {
  const [own, others] = [parts(path), parts(other)];
  const same = own.findIndex((_, i) => own.at(-1 - i) !== others.at(-1 - i));
  return own.slice(-1 - same).join("/");
}

/** Adds a box to its image. @throws DataError with the position of an invalid one. */
function add(boxes: Map<string, Box[]>, image: string, box: Box): void {
  const { left, top, width, height } = box;
  if (![left, top, width, height].every(Number.isFinite) || !(width > 0 && height > 0))
    throw new DataError(
      `${box.at}: a box needs four numbers, with a width and height above 0; got ${shown([left, top, width, height])}`,
    );
  const name = nameIn(image);
  const own = boxes.get(name);
  if (own) own.push(box);
  else boxes.set(name, [box]);
}

function cocoBoxes(path: string, content: string): Map<string, Box[]> {
  const { images, annotations, categories = [] } = parsed(path, content);
  const lists = { images, annotations, categories };
  for (const [name, value] of Object.entries(lists))
    if (!Array.isArray(value) || !value.every(isObject))
      throw new DataError(`${path}: is not COCO JSON: "${name}" must be a list of objects`);
  const many = (annotations as unknown[]).length;
  if (many > mostBoxes) throw new DataError(`${path}: ${many} annotations; at most ${mostBoxes} are read`);
  type Entry = Readonly<Record<string, unknown>>;
  const byId = new Map((images as Entry[]).map((image) => [image.id, image]));
  const ids = new Map<string, unknown>();
  for (const { id, file_name } of images as Entry[]) {
    const name = nameIn(String(file_name));
    if (ids.has(name) && ids.get(name) !== id)
      throw new DataError(`${path}: the images ${shown(ids.get(name))} and ${shown(id)} are both ${shown(name)}`);
    ids.set(name, id);
  }
  const names = new Map((categories as Entry[]).map(({ id, name }) => [id, String(name)]));
  const boxes = new Map<string, Box[]>();
  (annotations as Entry[]).forEach(({ image_id, bbox, category_id }, i) => {
    const at = `${path}: annotation ${i}`;
    const image = byId.get(image_id);
    if (typeof image?.file_name !== "string")
      throw new DataError(`${at}: there is no image ${shown(image_id)} with a file_name`);
    const [left, top, width, height] = (Array.isArray(bbox) ? bbox : []) as number[];
    const of =
      Number(image.width) > 0 && Number(image.height) > 0
        ? { width: Number(image.width), height: Number(image.height) }
        : undefined;
    add(boxes, image.file_name, {
      left: left!,
      top: top!,
      width: width!,
      height: height!,
      name: names.get(category_id),
      at,
      of,
    });
  });
  return boxes;
}

function parsed(path: string, content: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(content.replace(/^\ufeff/, ""));
    if (isObject(value)) return value;
  } catch (error) {
    throw new DataError(`${path}: is not JSON (${messageOf(error).split("\n")[0]})`);
  }
  throw new DataError(`${path}: is not COCO JSON: it must have "images" and "annotations"`);
}

const corners = ["xmin", "ymin", "xmax", "ymax"];
const sides = ["left", "top", "width", "height"];

function csvBoxes(path: string, content: string): Map<string, Box[]> {
  const lines = content.replace(/^\ufeff/, "").split(/\r?\n/);
  if (lines.length > mostBoxes) throw new DataError(`${path}: ${lines.length} lines; at most ${mostBoxes} are read`);
  const header = fieldsOf(lines[0] ?? "").map((name) => name.trim().toLowerCase());
  const columns = [sides, corners].find((names) => names.every((name) => header.includes(name)));
  if (!columns || !header.includes("file"))
    throw new DataError(
      `${path}: the first line must name the columns file,${sides.join(",")} or file,${corners.join(",")}, and optionally class; got ${shown(lines[0]?.slice(0, 60) ?? "")}`,
    );
  const boxes = new Map<string, Box[]>();
  lines.forEach((line, i) => {
    if (i === 0 || line.trim() === "") return;
    const values = fieldsOf(line);
    const value = (name: string) => values[header.indexOf(name)]?.trim() ?? "";
    const [a, b, c, d] = columns.map((name) => (value(name) === "" ? Number.NaN : Number(value(name)))) as [
      number,
      number,
      number,
      number,
    ];
    const size = columns === corners ? { width: c - a, height: d - b } : { width: c, height: d };
    const name = header.includes("class") ? value("class") : undefined;
    add(boxes, value("file"), { left: a, top: b, ...size, name, at: `${path}:${i + 1}` });
  });
  return boxes;
}

/** The fields of a line; quoted ones may contain commas, and doubled quotes. */
function fieldsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain! : quoted.replaceAll('""', '"'),
  );
}

import { availableParallelism } from "node:os";
import { basename, resolve } from "node:path";
import { DataError, messageOf } from "../../core/errors.js";
import { Rng } from "../../core/rng.js";
import { check, type Fields, options as fields, list, maybe, orNull, text, whole } from "../../core/schema.js";
import { longestSide } from "../checks.js";
import { checkIndex, type Dataset, type LabelMap, type RgbImage, type SkippedFile, type Splits } from "../dataset.js";
import { decodeImage, decoder, imageSizeOf } from "../decode.js";
import { readBounded } from "../files.js";
import { folderFields, type ImageFolderOptions } from "../image-folder.js";
import { summary } from "../summary.js";
import { type ClassTable, classTable } from "./class-list.js";
import { ignored } from "./label-map.js";
import { findSegmentation, type Pair, type Part, type SegmentationFiles, segmentationLayouts } from "./layouts.js";
import { pngIndices } from "./png-indices.js";
import { Budget, paintObject } from "./polygons.js";

/** Options of a folder of images with masks, besides those of {@link ImageFolderOptions}. */
export interface MaskOptions {
  /** Class names, from value 0 on. Those called void, ignore or unlabeled are ignored. Default: those of the data. */
  readonly classNames?: readonly string[];
  /** The value of ignored pixels; null for none. Default 255. */
  readonly ignoreLabel?: number | null;
  /** Shorter side that images are scaled to before cropping. Default: their own, up to twice the input. */
  readonly resize?: number;
}

/** Options of {@link openSegmentationFolder}. */
export interface SegmentationFolderOptions extends ImageFolderOptions, MaskOptions {}

/** Schemas of {@link MaskOptions}. */
export const maskFields: Fields<MaskOptions> = {
  classNames: maybe(list(text, "a list of class names", 1)),
  ignoreLabel: maybe(orNull(whole(0, 65_535))),
  resize: maybe(whole(1, longestSide)),
};
export const segmentationFolderOptions = fields<SegmentationFolderOptions>({ ...folderFields, ...maskFields });

/** The default side of the input. */
const usualSide = 256;
/** Masks take at most as many bytes as a PNG of 100 megapixels. */
const mostBytes = 2 ** 30;

/**
 * Images with a class for every pixel (Node only): `images/<split>` next to `masks/<split>`, VOC's, Cityscapes' or COCO's folders. Masks are gray or
 * palette PNG with the number of a class in every pixel. Every file is decoded once, so that unreadable ones are in `skipped` before training starts.
 *
 * @throws DataError for other layouts, and for a value in a mask that is no class, with the file and the value.
 *
 * @example
 * const { train, validation } = await openSegmentationFolder("./camvid", { ignoreLabel: 11 });
 */
export async function openSegmentationFolder(folder: string, options: SegmentationFolderOptions = {}): Promise<Splits> {
  check("openSegmentationFolder", "folder", text, folder);
  check("openSegmentationFolder", "options", segmentationFolderOptions, options);
  const found = await findSegmentation(folder);
  if (!found) throw new DataError(`${folder}: has no images with masks. Accepted: ${segmentationLayouts}`);
  return openFound(folder, found, options);
}

/** {@link openSegmentationFolder}, for files that were found. */
export async function openFound(
  folder: string,
  found: SegmentationFiles,
  options: SegmentationFolderOptions,
): Promise<Splits> {
  const { validationSplit = 0.2, testSplit = 0, seed = 0 } = options;
  const { parts, names } = found;
  const all = parts.all ?? parts.train;
  if (!all) throw new DataError(`${folder}: there is no training split. Found: ${summary(Object.keys(parts))}`);
  const validated = parts.validation ?? parts.test;
  const tested = parts.validation ? parts.test : undefined;
  const checked = await checkAll([all, validated, tested], options);
  requireUsable(folder, [all, validated, tested], checked);
  const table = tableFor(found, checked, options);
  const [first, second, third] = checked.map((own) => own && labeled(own, table)) as [Labeled, Labeled?, Labeled?];
  const share = (items: readonly Item[], part: number, what: string) => {
    const count = Math.min(items.length - 1, Math.max(1, Math.round(part * first.items.length)));
    if (count < 1) throw new DataError(`${folder}: too few images to hold some out for ${what}`);
    const chosen = new Set(new Rng(seed, "split", what).permutation(items.length).subarray(0, count));
    return { kept: items.filter((_, i) => !chosen.has(i)), aside: items.filter((_, i) => chosen.has(i)) };
  };
  const forTest = third || testSplit === 0 ? undefined : share(first.items, testSplit, "testing");
  const left = forTest?.kept ?? first.items;
  const forValidation = second ? undefined : share(left, validationSplit, "validation");
  const make = (items: readonly Item[], skipped: readonly SkippedFile[]) =>
    dataset(basename(resolve(folder)), table.classes, items, skipped, options);
  const percent = (part: number) => `${Number((100 * part).toPrecision(3))} %`;
  const division = [
    ...(names.length > 0 ? [`by ${found.layout === "VOC" ? "lists" : "folders"} ${names.join(", ")}`] : []),
    ...(forValidation ? [`${percent(validationSplit)} held out`] : []),
    ...(forTest ? [`${percent(testSplit)} for testing`] : []),
  ];
  const test = third ?? (forTest && { items: forTest.aside, skipped: [] });
  return {
    train: make(forValidation?.kept ?? left, first.skipped),
    validation: second ? make(second.items, second.skipped) : make(forValidation!.aside, []),
    ...(test ? { test: make(test.items, test.skipped) } : {}),
    division: division.join(", "),
    setAside: {
      ...(forValidation ? { validation: validationSplit } : {}),
      ...(forTest ? { test: testSplit } : {}),
    },
  };
}

/** The values of a mask, by pixel. */
interface Values {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint16Array;
}

/** A decoded pair: its pixels and values, as far as there was room. */
interface Checked {
  readonly pair: Pair;
  readonly size: { readonly width: number; readonly height: number };
  readonly image: RgbImage | null;
  readonly values: Values | null;
  /** Which values its mask has, and the first place of each. */
  readonly present: ReadonlyMap<number, number>;
}

interface CheckedPart {
  readonly items: readonly Checked[];
  readonly skipped: readonly SkippedFile[];
}

const readImage = (file: string, { resize, imageSize = usualSide }: SegmentationFolderOptions) =>
  decodeImage(file, { shorterSide: Math.max(imageSize, resize ?? 2 * imageSize) });

/** Decodes every image and mask, several at a time. */
async function checkAll(
  parts: readonly (Part | undefined)[],
  options: SegmentationFolderOptions,
): Promise<(CheckedPart | undefined)[]> {
  const { memory = 2 ** 30, onProgress, signal } = options;
  const jobs = parts.flatMap((part) => part?.pairs ?? []);
  const outcomes: (Checked | SkippedFile)[] = new Array(jobs.length);
  let [next, done, room] = [0, 0, memory];
  // Otherwise every file would be skipped because it is missing.
  await decoder("openSegmentationFolder");
  const examine = async (pair: Pair): Promise<Checked | SkippedFile> => {
    const named = (file: string) => (error: unknown) => {
      throw new Unusable(file, messageOf(error).replace(`${file}: `, ""));
    };
    try {
      const original = await imageSizeOf(pair.image).catch(named(pair.image));
      const image = await readImage(pair.image, options).catch(named(pair.image));
      const values = await valuesOf(pair, original);
      const bytes = image.pixels.length + values.data.byteLength;
      const keep = bytes <= room;
      if (keep) room -= bytes;
      const { width, height } = image;
      const kept = { image: keep ? image : null, values: keep ? values : null };
      return { pair, size: { width, height }, ...kept, present: presentIn(values.data) };
    } catch (error) {
      if (error instanceof Unusable) return { file: error.file, reason: error.message };
      throw error;
    }
  };
  const worker = async () => {
    while (next < jobs.length) {
      signal?.throwIfAborted();
      const job = next++;
      outcomes[job] = await examine(jobs[job]!);
      onProgress?.(++done, jobs.length);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  let start = 0;
  return parts.map((part) => {
    if (!part) return undefined;
    const own = outcomes.slice(start, (start += part.pairs.length));
    return {
      items: own.filter((one) => "pair" in one),
      skipped: [...part.skipped, ...own.filter((one) => "reason" in one)],
    };
  });
}

/** A file that is left out. */
class Unusable extends Error {
  constructor(
    readonly file: string,
    reason: string,
  ) {
    super(reason);
  }
}

/** @throws DataError for a mask of another size than its image: they belong to different ones. */
async function valuesOf({ image, mask }: Pair, size: { width: number; height: number }): Promise<Values> {
  if (typeof mask !== "string") {
    const data = new Uint8Array(size.width * size.height);
    const budget = new Budget();
    for (const object of mask) paintObject(object, size.width, size.height, data, budget);
    return { ...size, data };
  }
  let values: Values;
  try {
    values = pngIndices(await readBounded(mask, mostBytes));
  } catch (error) {
    throw new Unusable(mask, messageOf(error).replace(`${mask}: `, ""));
  }
  if (values.width !== size.width || values.height !== size.height)
    throw new DataError(
      `${mask}: the mask has ${values.width} × ${values.height} pixels, ${basename(image)} has ${size.width} × ${size.height}`,
    );
  return values;
}

function presentIn(data: Values["data"]): Map<number, number> {
  const first = new Int32Array(65_536).fill(-1);
  for (let i = 0; i < data.length; i++) if (first[data[i]!]! < 0) first[data[i]!] = i;
  const found = new Map<number, number>();
  first.forEach((at, value) => {
    if (at >= 0) found.set(value, at);
  });
  return found;
}

/** Which class every value is. */
function tableFor(
  { table, classes }: SegmentationFiles,
  parts: readonly (CheckedPart | undefined)[],
  { classNames, ignoreLabel, onNote }: SegmentationFolderOptions,
): ClassTable {
  if (table) {
    if (classNames && classNames.length !== table.classes.length)
      throw new DataError(
        `${classNames.length} class names for ${table.classes.length} classes: ${summary(table.classes)}`,
      );
    const named = classNames ? { ...table, classes: classNames } : table;
    return ignoreLabel == null
      ? named
      : { ...named, labelOf: (value) => (value === ignoreLabel ? ignored : table.labelOf(value)) };
  }
  const names = classNames ?? classes;
  const values = new Set(parts.flatMap((part) => part?.items.flatMap(({ present }) => [...present.keys()]) ?? []));
  const isStencil = values.size === 2 && values.has(0) && values.has(255);
  if (isStencil && ignoreLabel === undefined && (names === undefined || names.length === 2)) {
    onNote?.("masks have only the values 0 and 255: read as background and object");
    return {
      classes: names ?? ["background", "object"],
      labelOf: (value) => (value === 255 ? 1 : value === 0 ? 0 : undefined),
    };
  }
  const ignore = ignoreLabel === undefined ? 255 : ignoreLabel;
  const counted = [...values].filter((value) => value !== ignore);
  return classTable(
    names,
    ignore,
    counted.reduce((a, b) => Math.max(a, b), 0),
  );
}

interface Item extends Pick<Checked, "pair" | "size" | "image"> {
  readonly map: LabelMap | null;
  readMap(): Promise<LabelMap>;
}

interface Labeled {
  readonly items: readonly Item[];
  readonly skipped: readonly SkippedFile[];
}

/** Turns values into labels. @throws DataError for a value that is not a class, with the first file that has it. */
function labeled({ items, skipped }: CheckedPart, table: ClassTable): Labeled {
  const labels = Uint8Array.from({ length: 65_536 }, (_, value) => table.labelOf(value) ?? ignored);
  const mapOf = ({ width, height, data }: Values): LabelMap => ({
    width,
    height,
    data: Uint8Array.from(data, (value) => labels[value]!),
  });
  return {
    items: items.map(({ pair, size, image, values, present }) => {
      for (const [value, at] of present)
        if (table.labelOf(value) === undefined)
          throw new DataError(
            `${pair.mask}: the value ${value}${values ? ` at column ${at % values.width}, row ${Math.floor(at / values.width)}` : ""} is not a class: there are ${table.classes.length}, ${summary(table.classes)}. To ignore such pixels: --ignore-label ${value} (ignoreLabel)`,
          );
      const map = values && mapOf(values);
      const readMap = async () => mapOf(await valuesOf(pair, await imageSizeOf(pair.image)));
      return { pair, size, image, map, readMap };
    }),
    skipped,
  };
}

/** @throws DataError for a part without a usable image, with a reason. */
function requireUsable(
  folder: string,
  parts: readonly (Part | undefined)[],
  checked: readonly (CheckedPart | undefined)[],
): void {
  checked.forEach((own, i) => {
    if (!own || own.items.length > 0) return;
    const [example] = own.skipped;
    const because = example ? ` (${basename(example.file)}: ${example.reason})` : "";
    const what = ["to train on", "for validation", "for testing"][i];
    const files = parts[i]!.pairs.length + parts[i]!.skipped.length;
    throw new DataError(`${folder}: none of ${files} files is an image with a mask ${what}${because}`);
  });
}

function dataset(
  name: string,
  classes: readonly string[],
  items: readonly Item[],
  found: readonly SkippedFile[],
  options: SegmentationFolderOptions,
): Dataset {
  const skipped = [...found];
  const first = items[0]!.size;
  const same = items.every(({ size }) => size.width === first.width && size.height === first.height);
  const sides = items.map(({ size }) => Math.min(size.width, size.height)).sort((a, b) => a - b);
  const usual = sides[Math.floor(sides.length / 2)]!;
  // Networks halve their maps up to five times.
  const imageSize = options.imageSize ?? Math.min(usualSide, Math.max(32, Math.floor(usual / 32) * 32));
  const resize = Math.max(imageSize, options.resize ?? Math.min(usual, 2 * imageSize));
  const own: Dataset = {
    name,
    classes,
    length: items.length,
    labels: new Uint8Array(items.length),
    skipped,
    size: same ? first : null,
    sizeOf: (index) => items[checkIndex(own, index)]!.size,
    defaults: { imageSize, resize },
    file: (index) => items[checkIndex(own, index)]!.pair.image,
    async image(index) {
      const { pair, image } = items[checkIndex(own, index)]!;
      if (image) return image;
      try {
        return await readImage(pair.image, options);
      } catch (error) {
        const reason = messageOf(error).replace(`${pair.image}: `, "");
        if (!skipped.some(({ file }) => file === pair.image)) skipped.push({ file: pair.image, reason });
        throw error;
      }
    },
    async labelMap(index) {
      const { map, readMap } = items[checkIndex(own, index)]!;
      return map ?? readMap();
    },
  };
  return own;
}

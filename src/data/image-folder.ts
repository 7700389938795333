import { availableParallelism } from "node:os";
import { basename, join, resolve, sep } from "node:path";
import { DataError, messageOf } from "../core/errors.js";
import {
  signal as abortSignal,
  seed as anySeed,
  callback,
  check,
  type Fields,
  options as fields,
  list,
  maybe,
  memory as memorySchema,
  properShare,
  share,
  imageSize as sideSchema,
  text,
} from "../core/schema.js";
import { className } from "./align.js";
import {
  checkIndex,
  type Dataset,
  type DatasetDefaults,
  type RgbImage,
  type SkippedFile,
  type Splits,
} from "./dataset.js";
import { decodeImage, decoder, decodeWithBits } from "./decode.js";
import { type ImageFile, type Listing, listClasses, stratify } from "./folder-listing.js";
import { requireLearnable } from "./plausible.js";
import { photoResize } from "./recipe.js";
import { dimNote } from "./significant-bits.js";
import { findSplits } from "./splits.js";
import { summary } from "./summary.js";

/** Options of a folder of images. */
export interface ImageFolderOptions {
  /** Side of the network input. Default 224, or the size of the images if all are square and smaller. */
  readonly imageSize?: number;
  /** Share of each class for validation, if there is no validation folder. Default 0.2. */
  readonly validationSplit?: number;
  /** Share of each class for testing, if there is no test folder. Default 0. */
  readonly testSplit?: number;
  /** Seed of the splits. Default 0. */
  readonly seed?: number;
  /**
   * Class names of a network to evaluate, in its order. Folders of other classes then do not change which images are held
   * out, and a single class or image is enough. An empty list if the names are unknown.
   */
  readonly measure?: readonly string[];
  /** Bytes of decoded images to keep in memory; others are decoded again when needed. Default 1 GiB. */
  readonly memory?: number;
  /** Called after each file is checked, with the number done and in total. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Called with a sentence if the images look wrong as a whole, such as all nearly black. */
  readonly onNote?: (note: string) => void;
  /** Aborts the reading. */
  readonly signal?: AbortSignal;
}

/** Schemas of {@link ImageFolderOptions}. */
export const folderFields: Fields<ImageFolderOptions> = {
  imageSize: maybe(sideSchema),
  validationSplit: maybe(properShare),
  testSplit: maybe(share),
  seed: maybe(anySeed),
  measure: maybe(list(text, "a list of class names")),
  memory: maybe(memorySchema),
  onProgress: maybe(callback),
  onNote: maybe(callback),
  signal: maybe(abortSignal),
};
export const folderOptions = fields<ImageFolderOptions>(folderFields);

/**
 * Images in folders named by class: `train/<class>/*` with `val/<class>/*` (or `validation`, `valid`, `dev`) and optionally
 * `test/<class>/*`, or one folder of classes, from each of which a share is set aside for validation (Node only). With
 * only `train` and `test`, `test` is the validation set.
 *
 * Every file is decoded once, so that unreadable ones are in `skipped` before training starts.
 * Images are kept with a shorter side of 1.143 · imageSize, never upscaled, as memory allows.
 *
 * @example
 * const { train, validation } = await openImageFolder("./ants-and-bees", { imageSize: 128 });
 * for (const { file, reason } of train.skipped) console.warn(`${file}: ${reason}`);
 *
 * @throws DataError for other layouts, and implausible ones: the same subfolders in all classes, only one class, a class
 * with fewer than two usable images.
 */
export async function openImageFolder(folder: string, options: ImageFolderOptions = {}): Promise<Splits> {
  check("openImageFolder", "folder", text, folder);
  check("openImageFolder", "options", folderOptions, options);
  const { validationSplit = 0.2, testSplit = 0, seed = 0, measure } = options;
  const folders = await findSplits(folder);
  const train = await listClasses(folders.train);
  const { classes } = train;
  const others = [folders.validation, folders.test].filter((found) => found !== null);
  const listings = [train, ...(await Promise.all(others.map((found) => listClasses(found, classes))))];
  const [all, ...checked] = (await checkAll(listings, options)) as [Checked, ...Checked[]];
  const validationFolder = folders.validation ? checked[0] : undefined;
  const testFolder = folders.test ? checked.at(-1) : undefined;
  const labels = all.items.map(({ label }) => label);
  if (!measure) await requireLearnable(folders.train, classes, labels);
  const make = ({ items, skipped }: Pick<Checked, "items" | "skipped">) =>
    folderDataset(basename(resolve(folder)), classes, items, skipped, options.imageSize);
  const known = measure && new Map(measure.map((name, i) => [className(name), i]));
  const position = (label: number) => (known ? (known.get(classes[label]!) ?? known.size + label) : label);
  /** Sets aside a share of the remaining images. */
  const setAside = (items: readonly Kept[], share: number, what: string) => {
    const { kept, aside } = stratify(items, (share * all.items.length) / items.length, seed, position);
    if (aside.length === 0 && !measure) throw new DataError(`${folder}: too few images to hold some out for ${what}`);
    return { kept, aside: { items: aside, skipped: [] } };
  };
  const tested = testFolder || testSplit === 0 ? undefined : setAside(all.items, testSplit, "testing");
  const left = tested?.kept ?? all.items;
  const validated = validationFolder ? undefined : setAside(left, validationSplit, "validation");
  const test = testFolder ?? tested?.aside;
  const shares = [
    ...(validated ? [`${percent(validationSplit)} of each class held out`] : []),
    ...(tested ? [`${percent(testSplit)} for testing`] : []),
  ];
  const by = folders.names.length ? [`by folders ${folders.names.join(", ")}`] : [];
  const strays = folders.others.map((file) => ({ file, reason: "neither a class folder nor a split" }));
  return {
    train: make({ items: validated?.kept ?? left, skipped: [...strays, ...all.skipped] }),
    validation: make(validationFolder ?? validated!.aside),
    ...(test ? { test: make(test) } : {}),
    division: [...by, ...shares].join(", "),
    setAside: {
      ...(validated ? { validation: validationSplit } : {}),
      ...(tested ? { test: testSplit } : {}),
    },
  };
}

export const percent = (share: number) => `${Number((100 * share).toPrecision(3))} %`;

/** A decoded file: its size after scaling, its pixels if there was room, and how to get them again. */
interface Kept extends ImageFile {
  readonly width: number;
  readonly height: number;
  readonly image: RgbImage | null;
  readonly read: () => Promise<RgbImage>;
}

interface Checked {
  readonly items: Kept[];
  readonly skipped: SkippedFile[];
}

/** Decodes every file of the listings, several at a time. */
export async function checkAll(listings: readonly Listing[], options: ImageFolderOptions): Promise<Checked[]> {
  const { imageSize = 224, memory = 2 ** 30, onProgress, onNote, signal } = options;
  const shorterSide = photoResize(imageSize);
  const jobs = listings.flatMap((listing) => listing.files);
  const outcomes: (Kept | SkippedFile)[] = new Array(jobs.length);
  let [next, done, room] = [0, 0, memory];
  const depths: number[] = [];

  // Otherwise every file would be skipped because it is missing.
  await decoder("openImageFolder");
  const check = async (job: ImageFile): Promise<Kept | SkippedFile> => {
    const read = () => decodeImage(job.file, { shorterSide });
    try {
      const { image, bits } = await decodeWithBits(job.file, { shorterSide });
      if (bits) depths.push(bits);
      const { width, height, pixels } = image;
      const keep = pixels.length <= room;
      if (keep) room -= pixels.length;
      return { ...job, width, height, image: keep ? image : null, read };
    } catch (error) {
      return { file: job.file, reason: reasonOf(error, job.file) };
    }
  };
  const worker = async () => {
    while (next < jobs.length) {
      signal?.throwIfAborted();
      const job = next++;
      outcomes[job] = await check(jobs[job]!);
      onProgress?.(++done, jobs.length);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));

  let start = 0;
  const note = dimNote(depths);
  if (note) onNote?.(note);
  return listings.map((listing) => {
    const own = outcomes.slice(start, (start += listing.files.length));
    const items = own.filter((outcome) => "label" in outcome);
    const skipped = [...listing.skipped, ...own.filter((outcome) => "reason" in outcome)];
    requireEveryClass(listing, items, skipped);
    return { items, skipped };
  });
}

/** Every class with a folder must have an image. @throws DataError with those that have none, and a reason. */
function requireEveryClass(
  { folder, present, classes }: Listing,
  items: readonly Kept[],
  skipped: readonly SkippedFile[],
): void {
  const used = new Set(items.map((item) => classes[item.label]!));
  const empty = present.filter((name) => !used.has(name));
  if (empty.length === 0) return;
  const home = className(join(folder, empty[0]!) + sep);
  const example = skipped.find(({ file }) => className(file).startsWith(home));
  const because = example ? ` (${basename(example.file)}: ${example.reason})` : "";
  throw new DataError(`${folder}: no usable images in class ${summary(empty)}${because}`);
}

function reasonOf(error: unknown, file: string): string {
  return messageOf(error).replace(`${file}: `, "");
}

export function folderDataset(
  name: string,
  classes: readonly string[],
  items: readonly Kept[],
  found: readonly SkippedFile[],
  imageSize: number | undefined,
  more: DatasetDefaults = {},
): Dataset {
  const skipped = [...found];
  const [first] = items;
  const same = first && items.every(({ width, height }) => width === first.width && height === first.height);
  const size = same ? { height: first.height, width: first.width } : null;
  const icon = size && size.width === size.height && size.width < 224 ? size.width : 224;
  const dataset: Dataset = {
    name,
    classes,
    length: items.length,
    labels: items.map((item) => item.label),
    skipped,
    size,
    defaults: { imageSize: imageSize ?? icon, ...more },
    file: (index) => items[checkIndex(dataset, index)]!.file,
    ...(first?.targets && { targets: (index: number) => items[checkIndex(dataset, index)]!.targets! }),
    async image(index) {
      const { file, image, read } = items[checkIndex(dataset, index)]!;
      if (image) return image;
      try {
        return await read();
      } catch (error) {
        if (!skipped.some((known) => known.file === file)) skipped.push({ file, reason: reasonOf(error, file) });
        throw error;
      }
    },
  };
  return dataset;
}

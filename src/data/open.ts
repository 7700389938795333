import { join } from "node:path";
import { DataError, OptionError } from "../core/errors.js";
import { check, options as fields, maybe, oneOf, type Schema, text, whole } from "../core/schema.js";
import { hasTargets, type TaskName, taskNames } from "../core/tasks.js";
import { cifar10, cifar100, isCifar10, isCifar100 } from "./cifar.js";
import { folderLayouts } from "./class-folders.js";
import type { Splits } from "./dataset.js";
import { type Found, list } from "./files.js";
import { marketSplits, peopleSplits } from "./identities.js";
import { idx, isIdx } from "./idx.js";
import { folderFields, type ImageFolderOptions, openImageFolder } from "./image-folder.js";
import { type LabelOptions, labelFields, openLabels } from "./labels/open.js";
import { isMarket } from "./market.js";
import { type MaskOptions, maskFields, openFound } from "./segmentation/folder.js";
import { segmentationOf } from "./segmentation/label-map.js";
import { findSegmentation, segmentationLayouts } from "./segmentation/layouts.js";
import { measuredShapesSplits, severalShapesSplits } from "./shapes/targets.js";
import { generateShapesSplits, isGenerated } from "./shapes.js";
import { summary } from "./summary.js";

/** Kinds of data that are recognized. */
export type DatasetKind = "cifar10" | "cifar100" | "idx" | "folder" | "shapes" | "masks" | "labels" | "market1501";

/** A data set and the layout it was recognized by. */
export interface OpenedDataset extends Splits {
  /** The recognized layout. */
  readonly kind: DatasetKind;
}

/** Options of {@link openDataset}. */
export interface OpenOptions extends ImageFolderOptions, MaskOptions, LabelOptions {
  /**
   * What the data is for: one class per image or per pixel, with a CSV file any number of labels (`multi-label`) or numbers (`regression`) per image, or
   * identities to find (`reid`).
   * Default: segmentation for a folder of images with masks, otherwise classification.
   */
  readonly task?: TaskName;
  /** For `shapes` and `shapes-free`: number of generated images. Default 6000 and 1000. */
  readonly count?: { readonly train: number; readonly validation: number };
  /** For CIFAR-100: its 100 fine classes, or its 20 coarse ones. Default "fine". */
  readonly labels?: "fine" | "coarse";
}

const shapeCount = maybe(whole(1));
export const openOptions: Schema<OpenOptions> = fields<OpenOptions>({
  ...folderFields,
  ...maskFields,
  ...labelFields,
  task: maybe(oneOf(...taskNames)),
  count: maybe(fields({ train: shapeCount, validation: shapeCount })) as Schema<OpenOptions["count"]>,
  labels: maybe(oneOf("fine", "coarse")),
});

/** A layout: how to recognize and open its folder. The first match is used. */
interface Layout {
  readonly kind: DatasetKind;
  readonly wanted: string;
  readonly matches: (found: Found) => boolean;
  readonly open: (folder: string, options: OpenOptions) => Promise<Splits>;
  /** The folder's usual name in its archive, if any. Its parent is then accepted, too. */
  readonly usual?: string;
}

const layouts: readonly Layout[] = [
  {
    kind: "cifar10",
    wanted: "CIFAR-10 (data_batch_*.bin, test_batch.bin)",
    matches: ({ files }) => isCifar10(files),
    open: cifar10,
    usual: "cifar-10-batches-bin",
  },
  {
    kind: "cifar100",
    wanted: "CIFAR-100 (train.bin, test.bin)",
    matches: ({ files }) => isCifar100(files),
    open: (folder, { labels = "fine" }) => cifar100(folder, { labels }),
    usual: "cifar-100-binary",
  },
  { kind: "idx", wanted: "IDX (train-images-idx3-ubyte[.gz], …)", matches: ({ files }) => isIdx(files), open: idx },
  {
    kind: "folder",
    wanted: `images in class folders (${folderLayouts})`,
    matches: ({ folders }) => folders.some((name) => !name.startsWith(".")),
    open: (folder, options) => openImageFolder(folder, withoutOthers(options)),
  },
];

/** The options of folders with classes. */
const withoutOthers = (options: OpenOptions): ImageFolderOptions =>
  Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(folderFields, name)));

/** A folder of images with masks, unless classification is requested. */
async function openMasked(source: string, options: OpenOptions): Promise<OpenedDataset | undefined> {
  if (options.task === "classification") return undefined;
  const found = await findSegmentation(source);
  const { count: _, labels: __, task, ...own } = options;
  if (found) return { kind: "masks", ...(await openFound(source, found, own)) };
  if (task === "segmentation")
    throw new DataError(
      `${source}: not a data set for segmentation. Looked for ${segmentationLayouts}; or the word "shapes" or "shapes-free"`,
    );
  return undefined;
}

/** Generated images for a task. @throws OptionError for options about files. */
function shapesFor(source: "shapes" | "shapes-free", options: OpenOptions): Splits {
  const { imageSize: size, seed, count, task } = options;
  const placement = source === "shapes" ? "centered" : "free";
  if (options.labelsFile !== undefined || options.targets !== undefined)
    throw new OptionError(`openDataset: labelsFile and targets are for files; ${source} is generated`);
  const how = { ...count, size, placement, seed } as const;
  if (task === "multi-label") {
    if (source === "shapes-free") throw new DataError("shapes-free has one figure per image; multi-label needs shapes");
    return severalShapesSplits(how);
  }
  if (task === "regression") return measuredShapesSplits(how);
  if (task === "reid") {
    if (source === "shapes-free") throw new DataError("shapes-free has no identities; reid needs shapes");
    return peopleSplits(how);
  }
  const splits = generateShapesSplits(how);
  return task === "segmentation" ? asSegmentation(splits) : splits;
}

/** A split for segmentation: the objects' masks as label maps. */
function asSegmentation({ train, validation, test, ...rest }: Splits): Splits {
  const [first, second] = [segmentationOf(train), segmentationOf(validation)];
  return { ...rest, train: first, validation: second, ...(test ? { test: segmentationOf(test) } : {}) };
}

/**
 * Opens a data set: a folder, whose layout is recognized by its files, or the generated `shapes` or `shapes-free`. A folder of images with masks
 * is for segmentation (`kind: "masks"`), unless `task` says otherwise. With the task `multi-label` or `regression`, it is images with a CSV file
 * (`kind: "labels"`), and `shapes` is images of several figures, or of one to locate and measure. With `reid`, it is Market-1501's layout
 * (`kind: "market1501"`), and `shapes` is generated people; the validation part has the queries and the gallery.
 *
 * @example
 * const { kind, train, validation } = await openDataset("./flowers", { imageSize: 128, validationSplit: 0.1 });
 *
 * @throws DataError with what was expected and what was found.
 */
export async function openDataset(source: string, options: OpenOptions = {}): Promise<OpenedDataset> {
  check("openDataset", "source", text, source);
  check("openDataset", "options", openOptions, options);
  const { task } = options;
  if (!hasTargets(task) && (options.labelsFile !== undefined || options.targets !== undefined))
    throw new OptionError("openDataset: labelsFile and targets are for the tasks multi-label and regression");
  if (isGenerated(source)) return { kind: "shapes", ...shapesFor(source, options) };
  if (task === "reid") return { kind: "market1501", ...(await marketSplits(source, options.imageSize)) };
  if (hasTargets(task)) return { kind: "labels", ...(await openLabels(source, task, options)) };
  const masked = await openMasked(source, options);
  if (masked) return masked;
  const found = await list(source);
  if (task === undefined && isMarket(found))
    throw new DataError(`${source}: has the folders of Market-1501, which are for the task reid; name the task`);
  for (const { kind, matches, open, usual } of layouts)
    if (matches(found) || (usual && found.folders.includes(usual) && matches(await list(join(source, usual)))))
      return { kind, ...(await open(source, options)) };
  const wanted = layouts.map((layout) => layout.wanted).join("; ");
  throw new DataError(
    `${source}: not a data set. Looked for ${wanted}; or the word "shapes" or "shapes-free". Found: ${summary(found.files)}`,
  );
}

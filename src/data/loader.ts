import { DataError, OptionError } from "../core/errors.js";
import { Rng } from "../core/rng.js";
import { batchSize, check, flag, maybe, options, orNull, type Schema, seed, that, whole } from "../core/schema.js";
import { type MixedLabels, mixBatch } from "./augment/mix.js";
import { augmentationSchema, checkDataset, preprocessingSchema, requireImage } from "./checks.js";
import type { Dataset, RgbImage } from "./dataset.js";
import { pixelLabels, writeLabels } from "./segmentation/label-map.js";
import { type Augmentation, augmentedWriter, chooseView, type Preprocessing, viewRegion } from "./transforms.js";

/** Bytes per batch: the largest array on Node 20. Two batches are in memory at a time. */
const mostBytes = 2 ** 32;

/** Options of {@link Loader}. */
export interface LoaderOptions {
  /** Images per batch. */
  readonly batch: number;
  /** How images become inputs. */
  readonly preprocessing: Preprocessing;
  /** Random changes of each image. Default: none. */
  readonly augment?: Augmentation | null;
  /** Reshuffle in every epoch. Default false. */
  readonly shuffle?: boolean;
  /**
   * For retrieval: of every class this many images per epoch, one after the other, in a random order of classes; images repeat where a class
   * has fewer. Needs `shuffle`, and a multiple of it as `batch`. Default null: every image once.
   */
  readonly instances?: number | null;
  /** Draw the images of an epoch so that all classes come equally often, with repetitions. Needs `shuffle`. Default false. */
  readonly balanced?: boolean;
  /** Repeated augmentation (Hoffer et al., CVPR 2020): each image this often in a row, and so fewer of them in an epoch. Needs `shuffle`. Default 1. */
  readonly repeats?: number;
  /** Drop the last batch if it is not full. Default false. */
  readonly dropLast?: boolean;
  /** Seed of order and augmentation. Default 0. */
  readonly seed?: number;
  /** Write the label maps too, transformed like their images. Default false. */
  readonly maps?: boolean;
}

export const loaderOptions: Schema<LoaderOptions> = options<LoaderOptions>({
  batch: batchSize,
  preprocessing: preprocessingSchema,
  augment: maybe(orNull(augmentationSchema)),
  shuffle: maybe(flag),
  instances: maybe(orNull(whole(2))),
  balanced: maybe(flag),
  repeats: maybe(whole(1)),
  dropLast: maybe(flag),
  seed: maybe(seed),
  maps: maybe(flag),
});
const positionsSchema = that("positions in the data set", (x) =>
  Array.isArray(x) ? x.every(Number.isInteger) : ArrayBuffer.isView(x),
);
/** Options of {@link Loader.epoch}. */
export interface EpochOptions {
  /** The first batch to yield. Default 0. */
  readonly fromBatch?: number;
}

export const epochOptions = options<EpochOptions>({ fromBatch: maybe(whole(0)) });

/** Images ready for a network. The arrays belong to the caller. */
export interface Batch {
  /** `[batch, 3, S, S]` */
  readonly images: Float32Array;
  /** `[batch]` */
  readonly labels: Int32Array;
  /** `[batch]`: positions in the data set. */
  readonly indices: Int32Array;
  /** What `mixup` and `cutmix` mixed in. */
  readonly mixed?: MixedLabels;
  /** `[batch, S, S]`, if `maps` is set: the class of every pixel, 255 for ignored ones. */
  readonly maps?: Uint8Array;
  /** Number of images. A partial last batch is padded with its first ones. */
  readonly count: number;
}

/**
 * Batches of a data set, prepared one ahead of their use.
 * Order and augmentation depend only on the seed, the epoch and the image's position in the data set,
 * so a resumed run, even from the middle of an epoch, sees the same batches.
 *
 * @example
 * const loader = new Loader(train, { batch: 128, shuffle: true, preprocessing, augment, dropLast: true });
 * for await (const { images, labels } of loader.epoch(0)) step(images, labels);
 */
export class Loader {
  /** The data set it reads from. */
  readonly dataset: Dataset;
  /** Number of batches in an epoch. */
  readonly batches: number;
  readonly #options: Required<LoaderOptions>;
  readonly #write: ReturnType<typeof augmentedWriter>;
  /** Where images come more than once in an epoch, positions in it make their random numbers differ. */
  readonly #repeating: boolean;

  /** @throws OptionError for a bad setting, or if dropping the last batch leaves none. */
  constructor(dataset: Dataset, options: LoaderOptions) {
    checkDataset("Loader", "dataset", dataset);
    check("Loader", "options", loaderOptions, options);
    this.dataset = dataset;
    const { batch, preprocessing, augment = null, shuffle = false, dropLast = false, seed = 0, maps = false } = options;
    const { instances = null, balanced = false, repeats = 1 } = options;
    this.#options = { batch, preprocessing, augment, shuffle, instances, balanced, repeats, dropLast, seed, maps };
    const orders = [instances !== null, balanced, repeats > 1].filter(Boolean).length;
    this.#repeating = orders > 0;
    if ((balanced || repeats > 1) && !shuffle) throw new OptionError("Loader: balanced and repeats need shuffle");
    if (orders > 1) throw new OptionError("Loader: set only one of instances, balanced and repeats");
    if (maps) requireFollowed(augment);
    if (instances !== null && (!shuffle || batch % instances !== 0))
      throw new OptionError(
        `Loader: instances needs shuffle, and a batch that is a multiple of it; got instances ${instances}, shuffle ${shuffle}, batch ${batch}`,
      );
    const images = instances === null ? dataset.length : instances * new Set(Array.from(dataset.labels)).size;
    this.batches = dropLast ? Math.floor(images / batch) : Math.ceil(images / batch);
    if (this.batches === 0)
      throw new OptionError(
        dataset.length === 0
          ? `Loader: ${dataset.name} has no images`
          : `Loader: batch ${batch} is larger than ${dataset.name} (${dataset.length} images). Choose a smaller batch`,
      );
    this.#write = augmentedWriter(preprocessing, augment);
    const bytes = 12 * batch * preprocessing.imageSize ** 2;
    if (bytes > mostBytes)
      throw new OptionError(
        `Loader: batch ${batch} of ${preprocessing.imageSize} × ${preprocessing.imageSize} pixels takes ${bytes} bytes, more than ${mostBytes}. Choose a smaller batch or imageSize`,
      );
  }

  /** The batches of an epoch, from `fromBatch` on. */
  async *epoch(epoch = 0, options: EpochOptions = {}): AsyncGenerator<Batch, void> {
    check("Loader", "options", epochOptions, options);
    const { fromBatch = 0 } = options;
    const order = this.order(epoch);
    let upcoming = fromBatch < this.batches ? this.#prepare(order, epoch, fromBatch) : null;
    for (let b = fromBatch + 1; upcoming; b++) {
      const batch: Batch = await upcoming;
      upcoming = b < this.batches ? this.#prepare(order, epoch, b) : null;
      upcoming?.catch(() => {}); // reported when its turn comes, if it does
      yield batch;
    }
  }

  /** Shape of a batch's images, [batch, 3, S, S]. */
  get inputShape(): readonly [number, number, number, number] {
    const { batch, preprocessing } = this.#options;
    return [batch, 3, preprocessing.imageSize, preprocessing.imageSize];
  }

  /** Positions in the data set, in an epoch's order. */
  order(epoch: number): ArrayLike<number> {
    check("Loader", "epoch", whole(0), epoch);
    const { shuffle, seed, instances, balanced, repeats } = this.#options;
    const { labels, length } = this.dataset;
    if (!shuffle) return Uint32Array.from({ length }, (_, i) => i);
    const rng = new Rng(seed, "order", epoch);
    if (instances !== null) return identityOrder(labels, instances, rng);
    if (balanced) return balancedOrder(labels, rng);
    const order = rng.permutation(length);
    return repeats === 1 ? order : Uint32Array.from({ length }, (_, i) => order[Math.floor(i / repeats)]!);
  }

  /** The positions in batch `b` of an order, padded with its first ones, and how many are real. */
  slots(order: ArrayLike<number>, b: number): { readonly positions: Int32Array; readonly count: number } {
    check("Loader", "order", positionsSchema, order);
    check("Loader", "batch", whole(0, Math.max(0, this.batches - 1)), b);
    const { batch } = this.#options;
    const count = Math.min(batch, order.length - b * batch);
    const positions = Int32Array.from({ length: batch }, (_, slot) => order[b * batch + (slot % count)]!);
    return { positions, count };
  }

  async #prepare(order: ArrayLike<number>, epoch: number, b: number): Promise<Batch> {
    const { batch, preprocessing, augment, seed, maps: wanted } = this.#options;
    const { positions, count } = this.slots(order, b);
    const { imageSize } = preprocessing;
    const area = imageSize ** 2;
    const images = new Float32Array(batch * 3 * area);
    const labels = new Int32Array(batch);
    const indices = new Int32Array(batch);
    const maps = wanted ? new Uint8Array(batch * area) : undefined;
    const fill = async (slot: number) => {
      const { image, index } = await this.#readable(positions[slot]!);
      const place = this.#repeating ? [b * batch + slot] : [];
      const rng = augment ? new Rng(seed, "augment", epoch, index, ...place) : undefined;
      const view = chooseView(image, preprocessing, augment, rng);
      this.#write(image, view, images, slot * 3 * area, rng);
      labels[slot] = this.dataset.labels[index]!;
      indices[slot] = index;
      if (!maps) return;
      const seen = { size: imageSize, mirrored: view.mirrored };
      const map = await pixelLabels(this.dataset, index);
      writeLabels(map, image, viewRegion(image, view, imageSize), seen, maps, slot * area);
    };
    await Promise.all(Array.from({ length: count }, (_, slot) => fill(slot)));
    for (let slot = count; slot < batch; slot++) {
      const from = slot % count;
      images.copyWithin(slot * 3 * area, from * 3 * area, (from + 1) * 3 * area);
      maps?.copyWithin(slot * area, from * area, (from + 1) * area);
      labels[slot] = labels[from]!;
      indices[slot] = indices[from]!;
    }
    const mixed = augment && mixBatch(augment, images, labels, imageSize, [seed, "mix", epoch, b]);
    return { images, labels, indices, count, ...(mixed && { mixed }), ...(maps && { maps }) };
  }

  /** The image at `index`, or the next readable one: losing a file does not end a long run. */
  async #readable(index: number): Promise<{ image: RgbImage; index: number }> {
    const { dataset } = this;
    for (let tried = 0; tried < dataset.length; tried++) {
      const candidate = (index + tried) % dataset.length;
      let image: RgbImage;
      try {
        image = await dataset.image(candidate);
      } catch (error) {
        if (error instanceof DataError) continue;
        throw error;
      }
      requireImage(dataset.name, `image ${candidate}`, image);
      return { image, index: candidate };
    }
    throw new DataError(`${dataset.name}: none of its ${dataset.length} images can be read anymore`);
  }
}

/** The positions of each class's images, in the order in which the classes first occur. */
function positionsByClass(labels: ArrayLike<number>): Map<number, number[]> {
  const positions = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const own = positions.get(labels[i]!);
    if (own) own.push(i);
    else positions.set(labels[i]!, [i]);
  }
  return positions;
}

/** `instances` images of each class in a row, classes in random order, as RGA's authors sample identities. */
function identityOrder(labels: ArrayLike<number>, instances: number, rng: Rng): Int32Array {
  const classes = [...positionsByClass(labels).values()];
  return Int32Array.from(
    Array.from(rng.permutation(classes.length)).flatMap((at) => {
      const own = classes[at]!;
      if (own.length < instances) return Array.from({ length: instances }, () => own[rng.int(own.length)]!);
      return Array.from(rng.permutation(own.length).slice(0, instances), (i) => own[i]!);
    }),
  );
}

/** As many images as there are: a random class, then one of its images. PyTorch's WeightedRandomSampler with weights 1 / count. */
function balancedOrder(labels: ArrayLike<number>, rng: Rng): Uint32Array {
  const classes = [...positionsByClass(labels)].sort(([a], [b]) => a - b).map(([, positions]) => positions);
  return Uint32Array.from({ length: labels.length }, () => {
    const own = classes[rng.int(classes.length)]!;
    return own[rng.int(own.length)]!;
  });
}

/** @throws OptionError for changes that label maps do not follow. */
function requireFollowed(augment: Augmentation | null): void {
  for (const name of ["autoAugment", "mixup", "cutmix"] as const)
    if (augment?.[name] !== undefined)
      throw new OptionError(`Loader: ${name} is for labels of whole images; label maps do not follow it`);
}

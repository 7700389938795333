import { messageOf, OptionError } from "../core/errors.js";
import type { Augmentation, Preprocessing } from "../data/index.js";
import { type Module, trace } from "../nn/index.js";

/** A part of a training with one image size. */
export interface SizePhase {
  readonly imageSize: number;
  /** Its first epoch, counted from 0. */
  readonly from: number;
}

type Called = (name: "progressiveResizing") => string;

/**
 * Progressive resizing: the smaller sizes, then the full one, each for an equal share of the epochs; what does not divide goes to the later ones.
 *
 * @throws OptionError for sizes that are not below the full one, or more sizes than epochs. `called` gives the names that messages use.
 */
export function sizePhases(
  smaller: readonly number[] | null,
  imageSize: number,
  epochs: number,
  called: Called = (name) => name,
): readonly SizePhase[] {
  const sizes = [...(smaller ?? []), imageSize];
  const large = smaller?.find((size) => size >= imageSize);
  if (large !== undefined)
    throw new OptionError(`${called("progressiveResizing")} ${large} must be below the full image size, ${imageSize}`);
  if (sizes.length > epochs)
    throw new OptionError(
      `${called("progressiveResizing")}: ${sizes.length} sizes, the full one included, need at least ${sizes.length} epochs, got ${epochs}`,
    );
  return sizes.map((size, i) => ({ imageSize: size, from: Math.floor((i * epochs) / sizes.length) }));
}

/** @throws OptionError if a network does not take images of these sizes, as where the shape of a weight depends on the size. */
export function requireSizes(model: Module, sizes: readonly number[], called: Called = (name) => name): void {
  for (const size of sizes)
    try {
      trace(model, [1, 3, size, size]);
    } catch (error) {
      throw new OptionError(
        `${called("progressiveResizing")} ${size}: the network does not take images of ${size} × ${size} pixels (${messageOf(error)})`,
      );
    }
}

/** How images become smaller inputs that show the same of them. */
export function resized(preprocessing: Preprocessing, augment: Augmentation | null, imageSize: number) {
  const scaled = (length: number) => Math.round((length * imageSize) / preprocessing.imageSize);
  const crop = augment?.crop && "padding" in augment.crop ? { padding: scaled(augment.crop.padding) } : augment?.crop;
  return {
    preprocessing: { ...preprocessing, imageSize, resize: scaled(preprocessing.resize) },
    augment: augment && { ...augment, crop: crop ?? null },
  };
}

import { Rng } from "../core/rng.js";
import { seed as anySeed, check, options as fields, maybe, oneOf, type Schema, whole } from "../core/schema.js";
import { checkIndex, type Dataset, type Splits } from "./dataset.js";
import { drawnImages } from "./shapes/drawn.js";
import { figures } from "./shapes/figures.js";
import { type Placement, type PlacementName, place, placementNames, view } from "./shapes/scene.js";

/** Whether data is generated rather than read from disk. */
export const isGenerated = (source: string): source is "shapes" | "shapes-free" =>
  source === "shapes" || source === "shapes-free";

/** Options of generated images. */
export interface ShapesOptions {
  /** Number of images. */
  readonly count: number;
  /** Side in pixels, 16 … 256; default 32, or 64 for `free`. */
  readonly size?: number;
  /**
   * `centered`: objects lie inside the image, mostly over its center. `free`: they are half as large and may be anywhere, even cut off
   * at the border; a map that always points to the center then finds no more of them than a random map does, as measuring maps
   * requires. Default `centered`.
   */
  readonly placement?: PlacementName;
  /** Default 0. */
  readonly seed?: number;
  /** The splits share no image. Default `train`. */
  readonly split?: "train" | "validation";
}

export const shapeClasses = Object.keys(figures) as (keyof typeof figures)[];
/** Free objects are as large in pixels as centered ones. */
export const defaultSize: Readonly<Record<PlacementName, number>> = { centered: 32, free: 64 };

/** Images stay in memory, 3 · 32 · 32 bytes each. */
const shapeCount = whole(1, 1_000_000);
const side = whole(16, 256);
export const shapesOptions: Schema<ShapesOptions> = fields<ShapesOptions>({
  count: shapeCount,
  size: maybe(side),
  placement: maybe(oneOf(...placementNames)),
  seed: maybe(anySeed),
  split: maybe(oneOf("train", "validation")),
});
/** Options of {@link generateShapesSplits}. */
export interface ShapesSplitsOptions extends Pick<ShapesOptions, "size" | "placement" | "seed"> {
  /** Number of training images. Default 6000. */
  readonly train?: number;
  /** Number of validation images. Default 1000. */
  readonly validation?: number;
}

export const splitOptions = fields<ShapesSplitsOptions>({
  train: maybe(shapeCount),
  validation: maybe(shapeCount),
  size: maybe(side),
  placement: maybe(oneOf(...placementNames)),
  seed: maybe(anySeed),
});

/**
 * Generated images: one of ten figures with random position, size, rotation, color and texture, on a cluttered background.
 * Both what and where must be found; `mask` says where. Image i depends only on seed, split and i;
 * its label is i mod 10. Images are drawn on first use and kept.
 *
 * @example
 * const data = generateShapes({ count: 6000, seed: 1 });
 * data.classes[data.labels[7]]; // "heart"
 *
 * @throws OptionError for a bad option.
 */
export function generateShapes(options: ShapesOptions): Dataset {
  check("generateShapes", "options", shapesOptions, options);
  const { count, placement = "centered", size = defaultSize[placement], seed = 0, split = "train" } = options;
  const labels = Uint8Array.from({ length: count }, (_, i) => i % shapeClasses.length);
  const start = (index: number) => startShape({ placement, size, seed, split }, index);
  const name = placement === "free" ? "shapes-free" : "shapes";
  const dataset: Dataset = {
    ...drawnImages({ name, classes: shapeClasses, labels }, size, (index) => {
      const { object, rng } = start(index);
      return { objects: [object], rng };
    }),
    mask(index) {
      const { cover } = view(start(checkIndex(dataset, index)).object);
      return Uint8Array.from({ length: size * size }, (_, i) =>
        cover((i % size) + 0.5, Math.floor(i / size) + 0.5) > 0.5 ? 1 : 0,
      );
    },
  };
  return dataset;
}

/** Where the object of image `index` is. Placement comes first in the random stream, so a mask needs no painting. */
export function startShape(
  { placement, size, seed, split }: Required<Omit<ShapesOptions, "count">>,
  index: number,
): { readonly object: Placement; readonly rng: Rng } {
  const rng = new Rng(seed, "shapes", split, index);
  return { object: place(figures[shapeClasses[index % shapeClasses.length]!], size, placement, rng), rng };
}

/** Both splits of `shapes`. */
export function generateShapesSplits(options: ShapesSplitsOptions = {}): Splits {
  check("generateShapesSplits", "options", splitOptions, options);
  const { train = 6000, validation = 1000, ...rest } = options;
  return {
    train: generateShapes({ count: train, ...rest, split: "train" }),
    validation: generateShapes({ count: validation, ...rest, split: "validation" }),
  };
}

import { Rng } from "../../core/rng.js";
import { checkIndex, type Dataset, type Splits } from "../dataset.js";
import {
  defaultSize,
  generateShapes,
  type ShapesOptions,
  type ShapesSplitsOptions,
  shapeClasses,
  startShape,
} from "../shapes.js";
import { drawnImages } from "./drawn.js";
import { figures } from "./figures.js";
import { placeAll, view } from "./scene.js";

/** Most figures in an image. */
const most = 3;
const usualSize = 48;

/**
 * Generated images of up to three different figures, or none, for multi-label classification: `targets` says which. Image i depends only on seed, split
 * and i. 48×48 pixels.
 */
function severalShapes({
  count,
  size = usualSize,
  seed = 0,
  split = "train",
}: Omit<ShapesOptions, "placement">): Dataset {
  /** The figures come first in the random stream, so targets need no painting. */
  const start = (index: number) => {
    const rng = new Rng(seed, "several shapes", split, index);
    const chosen = [...rng.permutation(shapeClasses.length).subarray(0, rng.int(most + 1))];
    return { chosen, rng };
  };
  const dataset: Dataset = {
    ...drawnImages({ name: "shapes", classes: shapeClasses, labels: new Uint8Array(count) }, size, (index) => {
      const { chosen, rng } = start(index);
      const drawn = chosen.map((label) => figures[shapeClasses[label]!]);
      return { objects: placeAll(drawn, size, rng), rng };
    }),
    targets(index) {
      const { chosen } = start(checkIndex(dataset, index));
      return Float64Array.from(shapeClasses, (_, label) => (chosen.includes(label) ? 1 : 0));
    },
  };
  return dataset;
}

/** Both splits of {@link severalShapes}. */
export function severalShapesSplits({ train = 6000, validation = 1000, size, seed }: ShapesSplitsOptions): Splits {
  return {
    train: severalShapes({ count: train, size, seed, split: "train" }),
    validation: severalShapes({ count: validation, size, seed, split: "validation" }),
  };
}

/**
 * The images of `generateShapes` for regression: `x` and `y` of the object's center, in pixels from the top left, and the `area` that it covers, in percent
 * of the image. Random crops and mirroring, which would change them, are off by default.
 */
function measuredShapes(options: ShapesOptions): Dataset {
  const { placement = "centered", size = defaultSize[placement], seed = 0, split = "train" } = options;
  const shapes = generateShapes(options);
  const known = new Map<number, Float64Array>();
  const measure = (index: number): Float64Array => {
    const { object } = startShape({ placement, size, seed, split }, index);
    const { cover } = view(object);
    let area = 0;
    for (let i = 0; i < size * size; i++) area += cover((i % size) + 0.5, Math.floor(i / size) + 0.5);
    return Float64Array.of(object.x, object.y, (100 * area) / size ** 2);
  };
  const dataset: Dataset = {
    ...shapes,
    classes: ["x", "y", "area"],
    labels: new Uint8Array(shapes.length),
    defaults: { ...shapes.defaults, flip: false, crop: false },
    targets(index) {
      const found = known.get(checkIndex(dataset, index)) ?? measure(index);
      known.set(index, found);
      return found;
    },
  };
  return dataset;
}

/** Both splits of {@link measuredShapes}. */
export function measuredShapesSplits({ train = 6000, validation = 1000, ...rest }: ShapesSplitsOptions): Splits {
  return {
    train: measuredShapes({ count: train, ...rest, split: "train" }),
    validation: measuredShapes({ count: validation, ...rest, split: "validation" }),
  };
}

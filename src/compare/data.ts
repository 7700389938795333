import { DataError } from "../core/errors.js";
import { Rng } from "../core/rng.js";
import { alignClasses, type Dataset, type Splits } from "../data/index.js";
import type { PlanData } from "./plan.js";

/** The three splits of a comparison's data. */
export interface Division {
  readonly train: Dataset;
  /** Chooses the epoch and the setting. */
  readonly validation: Dataset;
  /** Measured once per unit, after every choice is made. */
  readonly test: Dataset;
}

/** Some images of a data set, in the given order. */
export function subset(dataset: Dataset, indices: readonly number[]): Dataset {
  const at = (i: number) => {
    const index = indices[i];
    if (index === undefined)
      throw new DataError(`${dataset.name}: there is no image ${i}; this split has ${indices.length}`);
    return index;
  };
  return {
    name: dataset.name,
    classes: dataset.classes,
    length: indices.length,
    labels: indices.map((i) => dataset.labels[i]!),
    get skipped() {
      return dataset.skipped;
    },
    size: dataset.size,
    ...(dataset.defaults && { defaults: dataset.defaults }),
    image: async (i) => dataset.image(at(i)),
    ...(dataset.mask && { mask: (i: number) => dataset.mask!(at(i)) }),
    ...(dataset.sizeOf && { sizeOf: (i: number) => dataset.sizeOf!(at(i)) }),
    ...(dataset.labelMap && { labelMap: async (i: number) => dataset.labelMap!(at(i)) }),
    ...(dataset.targets && { targets: (i: number) => dataset.targets!(at(i)) }),
    ...(dataset.file && { file: (i: number) => dataset.file!(at(i)) }),
  };
}

/** A split with the labels of the training data. @throws DataError if it has classes without training images. */
function byName(part: Dataset, { name, classes }: Dataset): Dataset {
  const { dataset, unknown } = alignClasses(part, classes);
  if (unknown.length > 0)
    throw new DataError(
      `${name}: the test images have classes without training images: ${unknown.slice(0, 6).join(", ")}`,
    );
  return dataset;
}

/**
 * Splits data in three. A test split stays one. If there are two splits, the second becomes the test set, and a share of the
 * first validation. The division does not depend on the seed of a unit.
 *
 * @throws DataError if a split would be empty, or there are fewer images than requested.
 */
export function divide({ train, validation, test }: Splits, plan: PlanData): Division {
  const tested = byName(test ?? validation, train);
  const order = [...new Rng(0, "compare", "division").permutation(train.length)];
  const { validation: share = 0.2 } = plan;
  const most = test ? train.length : Math.floor(train.length * (1 - share));
  const { images = most, testImages = tested.length } = plan;
  if (images > most)
    throw new DataError(
      `${train.name}: ${images} training images requested, but there are ${most}${test ? "" : `, with ${100 * share} % held out for validation`}`,
    );
  if (testImages > tested.length)
    throw new DataError(`${train.name}: ${testImages} test images requested, but there are ${tested.length}`);
  const chosen = order.slice(0, images);
  const heldOut = test ? [] : order.slice(images, images + Math.round((images * share) / (1 - share)));
  if (!test && heldOut.length === 0) throw new DataError(`${train.name}: no image is left for validation`);
  const testOrder = [...new Rng(0, "compare", "test").permutation(tested.length)].slice(0, testImages);
  return {
    train: subset(train, chosen),
    validation: test ? byName(validation, train) : subset(train, heldOut),
    test: subset(
      tested,
      testOrder.sort((a, b) => a - b),
    ),
  };
}

import { ShapeError } from "../core/errors.js";
import type { PixelClassMetrics, SegmentationMetrics } from "../core/pixel-evaluation.js";
import { check, classList } from "../core/schema.js";
import { ignored, type LabelMap } from "../data/index.js";
import { boundaryF } from "./boundary.js";

/** Counts predicted pixels, image by image. */
export class PixelTally {
  readonly #classes: readonly string[];
  readonly #confusion: number[][];
  readonly #boundaries: { sum: number; images: number }[];
  #loss = 0;
  #images = 0;

  constructor(classes: readonly string[]) {
    check("PixelTally", "classes", classList, classes);
    this.#classes = classes;
    this.#confusion = classes.map(() => classes.map(() => 0));
    this.#boundaries = classes.map(() => ({ sum: 0, images: 0 }));
  }

  /**
   * Adds an image.
   *
   * @param loss sum of the cross entropy of its labeled pixels
   * @throws ShapeError if the maps differ in size.
   */
  add(truth: LabelMap, prediction: LabelMap, loss = 0): void {
    if (truth.width !== prediction.width || truth.height !== prediction.height)
      throw new ShapeError(
        `PixelTally: labels of ${truth.width}x${truth.height}, predictions of ${prediction.width}x${prediction.height}`,
      );
    for (let i = 0; i < truth.data.length; i++) {
      const label = truth.data[i]!;
      if (label !== ignored) this.#confusion[label]![prediction.data[i]!]!++;
    }
    boundaryF(truth, prediction, this.#classes.length).forEach((f, c) => {
      if (f === undefined) return;
      const own = this.#boundaries[c]!;
      own.sum += f;
      own.images++;
    });
    this.#loss += loss;
    this.#images++;
  }

  /** The metrics so far. */
  metrics(): SegmentationMetrics {
    const confusion = this.#confusion;
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    const share = (part: number, whole: number) => (whole > 0 ? part / whole : null);
    const classes = this.#classes.map((name, c): PixelClassMetrics => {
      const right = confusion[c]![c]!;
      const pixels = sum(confusion[c]!);
      const predicted = sum(confusion.map((row) => row[c]!));
      const { sum: total, images } = this.#boundaries[c]!;
      return {
        name,
        pixels,
        iou: share(right, pixels + predicted - right),
        recall: share(right, pixels),
        precision: share(right, predicted),
        boundaryF: share(total, images),
      };
    });
    const pixels = sum(classes.map((c) => c.pixels));
    return {
      count: this.#images,
      pixels,
      loss: pixels > 0 ? this.#loss / pixels : 0,
      top1: share(sum(confusion.map((row, c) => row[c]!)), pixels) ?? 0,
      miou: meanOf(classes.map(({ iou }) => iou)),
      boundaryF: meanOf(classes.map((c) => c.boundaryF)),
      classes,
      confusion,
    };
  }
}

/** The mean of the values that are not null; 0 if there are none. */
function meanOf(values: readonly (number | null)[]): number {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? known.reduce((a, b) => a + b, 0) / known.length : 0;
}

import { fieldsOf, list, misfit, nonNegative, orNull, type Schema, text, that } from "./schema.js";

/** Metrics of one class. `precision` is null if the class was never predicted, `recall` if it has no images. */
export interface ClassMetrics {
  /** Name of the class. */
  readonly name: string;
  /** Images of the class. */
  readonly count: number;
  /** Correctly classified images of the class. */
  readonly correct: number;
  /** Share of the predictions of the class that were correct; null without any. */
  readonly precision: number | null;
  /** Share of the class's images that were recognized. */
  readonly recall: number | null;
}

/** Metrics of a classifier. Shares are between 0 and 1; the loss is the mean cross entropy in nats. */
export interface ClassificationMetrics {
  /** Number of images. */
  readonly count: number;
  /** Share of images whose top prediction is correct. */
  readonly top1: number;
  /** Share of images whose label is among the five largest logits (all, if there are fewer classes). */
  readonly top5: number;
  /** Mean cross entropy, in nats. */
  readonly loss: number;
  /** Metrics per class. */
  readonly classes: readonly ClassMetrics[];
  /** `confusion[label][prediction]`: number of images. */
  readonly confusion: readonly (readonly number[])[];
}

/** A share or loss, NaN included. */
export const figure = that<number>("a number", (x) => typeof x === "number");
/** A confusion matrix. */
export const counts = that<readonly (readonly number[])[]>(
  "rows of counts",
  (x) =>
    Array.isArray(x) && x.every((row) => Array.isArray(row) && row.every((n) => Number.isSafeInteger(n) && n >= 0)),
);
const parts = fieldsOf<ClassificationMetrics>(
  {
    count: nonNegative,
    top1: figure,
    top5: figure,
    loss: figure,
    classes: list(
      fieldsOf<ClassMetrics>(
        { name: text, count: nonNegative, correct: nonNegative, precision: orNull(figure), recall: orNull(figure) },
        "the figures of a class",
      ),
      "a list of classes' figures",
    ),
    confusion: counts,
  },
  "what evaluate() gives",
);

/** A schema of metrics with as many rows and columns of `confusion` as classes. */
export const squareMetrics = <
  T extends Pick<ClassificationMetrics, "confusion"> & { readonly classes: readonly unknown[] },
>(
  wanted: string,
  parts: Schema<T>,
): Schema<T> =>
  that<T>(wanted, (x) => {
    if (misfit(parts, x) !== undefined) return false;
    const { classes, confusion } = x as T;
    return confusion.length === classes.length && confusion.every((row) => row.length === classes.length);
  });

/** Metrics of a classifier from an untrusted source: a file, or a program in plain JavaScript. */
export const evaluationSchema = squareMetrics(
  "what evaluate() gives, { count, top1, top5, loss, classes, confusion }, with as many rows and columns of confusion as classes",
  parts,
);

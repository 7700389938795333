import { fieldsOf, isObject, list, misfit, nonNegative, orNull, type Schema, text, that } from "./schema.js";

/** Figures of a class: a share that was not measured is null. */
export interface ClassFigures {
  readonly name: string;
  readonly count: number;
  readonly correct: number;
  readonly precision: number | null;
  readonly recall: number | null;
}

/** What the evaluation of a classifier gives. */
export interface Evaluation {
  readonly count: number;
  readonly top1: number;
  readonly top5: number;
  readonly loss: number;
  readonly classes: readonly ClassFigures[];
  /** `confusion[label][prediction]` */
  readonly confusion: readonly (readonly number[])[];
}

const figure = that<number>("a number", (x) => typeof x === "number");
const counts = that<readonly (readonly number[])[]>(
  "rows of counts",
  (x) =>
    Array.isArray(x) && x.every((row) => Array.isArray(row) && row.every((n) => Number.isSafeInteger(n) && n >= 0)),
);
const parts = fieldsOf<Evaluation>(
  {
    count: nonNegative,
    top1: figure,
    top5: figure,
    loss: figure,
    classes: list(
      fieldsOf<ClassFigures>(
        { name: text, count: nonNegative, correct: nonNegative, precision: orNull(figure), recall: orNull(figure) },
        "the figures of a class",
      ),
      "a list of classes' figures",
    ),
    confusion: counts,
  },
  "what evaluate() gives",
);

/** Figures of a classifier, as they come from a file, or from a program in plain JavaScript. */
export const evaluationSchema: Schema<Evaluation> = that(
  "what evaluate() gives, { count, top1, top5, loss, classes, confusion }, with as many rows and columns of confusion as classes",
  (x) => {
    if (!isObject(x) || misfit(parts, x) !== undefined) return false;
    const { classes, confusion } = x as unknown as Evaluation;
    return confusion.length === classes.length && confusion.every((row) => row.length === classes.length);
  },
);

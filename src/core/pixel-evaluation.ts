import { fieldsOf, isObject, list, misfit, nonNegative, orNull, type Schema, text, that } from "./schema.js";

/** Figures of a class of pixels: a share that was not measured is null. */
export interface PixelClassFigures {
  readonly name: string;
  readonly pixels: number;
  readonly iou: number | null;
  readonly recall: number | null;
  readonly precision: number | null;
  readonly boundaryF: number | null;
}

/** What the evaluation of a segmentation network gives. */
export interface PixelEvaluation {
  readonly count: number;
  readonly pixels: number;
  readonly loss: number;
  /** Pixel accuracy. */
  readonly top1: number;
  readonly miou: number;
  readonly boundaryF: number;
  readonly classes: readonly PixelClassFigures[];
  /** `confusion[label][prediction]` */
  readonly confusion: readonly (readonly number[])[];
}

const figure = that<number>("a number", (x) => typeof x === "number");
const share = orNull(figure);
const parts = fieldsOf<PixelEvaluation>({
  count: nonNegative,
  pixels: nonNegative,
  loss: figure,
  top1: figure,
  miou: figure,
  boundaryF: figure,
  classes: list(
    fieldsOf<PixelClassFigures>(
      { name: text, pixels: nonNegative, iou: share, recall: share, precision: share, boundaryF: share },
      "the figures of a class",
    ),
    "a list of classes' figures",
  ),
  confusion: that<readonly (readonly number[])[]>(
    "rows of counts",
    (x) =>
      Array.isArray(x) && x.every((row) => Array.isArray(row) && row.every((n) => Number.isSafeInteger(n) && n >= 0)),
  ),
});

/** Figures of a segmentation network, as they come from a file, or from a program in plain JavaScript. */
export const pixelEvaluationSchema: Schema<PixelEvaluation> = that(
  "what evaluate() gives for segmentation, { count, pixels, loss, top1, miou, boundaryF, classes, confusion }",
  (x) => {
    if (!isObject(x) || misfit(parts, x) !== undefined) return false;
    const { classes, confusion } = x as unknown as PixelEvaluation;
    return confusion.length === classes.length && confusion.every((row) => row.length === classes.length);
  },
);

/** Whether figures are of pixels. */
export const isPixelEvaluation = (x: unknown): x is PixelEvaluation => misfit(pixelEvaluationSchema, x) === undefined;

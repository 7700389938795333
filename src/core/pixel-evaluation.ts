import { counts, figure, squareMetrics } from "./evaluation.js";
import { fieldsOf, list, misfit, nonNegative, orNull, text } from "./schema.js";

/** Metrics of one class of pixels. Null if the class is in no image. */
export interface PixelClassMetrics {
  /** Name of the class. */
  readonly name: string;
  /** Labeled pixels of the class. */
  readonly pixels: number;
  /** Intersection over union: TP / (TP + FP + FN); null if no pixel is of the class or predicted as it. */
  readonly iou: number | null;
  /** Share of the class's pixels that were found, TP / (TP + FN). */
  readonly recall: number | null;
  /** Share of the pixels predicted as the class that belong to it, TP / (TP + FP). */
  readonly precision: number | null;
  /** Mean over images of the F-measure of the class's boundaries. */
  readonly boundaryF: number | null;
}

/** Metrics of a segmentation. Ignored pixels count nowhere. Shares are between 0 and 1. */
export interface SegmentationMetrics {
  /** Number of images. */
  readonly count: number;
  /** Number of labeled pixels. */
  readonly pixels: number;
  /** Mean cross entropy of the labeled pixels, in nats. */
  readonly loss: number;
  /** Pixel accuracy: the share of labeled pixels whose prediction is correct. */
  readonly top1: number;
  /**
   * Mean intersection over union: over the classes that are in the labels or the predictions of all images together, as torchmetrics'
   * `MulticlassJaccardIndex`.
   */
  readonly miou: number;
  /** Mean over the classes of their boundary F-measures. */
  readonly boundaryF: number;
  /** Metrics per class. */
  readonly classes: readonly PixelClassMetrics[];
  /** `confusion[label][prediction]`: number of pixels. */
  readonly confusion: readonly (readonly number[])[];
}

const share = orNull(figure);
const parts = fieldsOf<SegmentationMetrics>({
  count: nonNegative,
  pixels: nonNegative,
  loss: figure,
  top1: figure,
  miou: figure,
  boundaryF: figure,
  classes: list(
    fieldsOf<PixelClassMetrics>(
      { name: text, pixels: nonNegative, iou: share, recall: share, precision: share, boundaryF: share },
      "the figures of a class",
    ),
    "a list of classes' figures",
  ),
  confusion: counts,
});

/** Metrics of a segmentation network from an untrusted source: a file, or a program in plain JavaScript. */
export const pixelEvaluationSchema = squareMetrics(
  "what evaluate() gives for segmentation, { count, pixels, loss, top1, miou, boundaryF, classes, confusion }",
  parts,
);

/** Whether figures are of pixels. */
export const isPixelEvaluation = (x: unknown): x is SegmentationMetrics =>
  misfit(pixelEvaluationSchema, x) === undefined;

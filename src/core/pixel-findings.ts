import { type Thumbnail, thumbnailOf } from "./findings.js";
import { pixelEvaluationSchema, type SegmentationMetrics } from "./pixel-evaluation.js";
import { fieldsOf, list, misfit, orNull, type Schema, text, that, whole } from "./schema.js";

/** Labels of a downscaled image: a byte per pixel as base64, 255 for ignored ones. */
export interface StoredLabels {
  readonly height: number;
  readonly width: number;
  readonly labels: string;
}

/** An image of the validation data with its labels and what was predicted. */
export interface MaskLook {
  /** Its position there. */
  readonly index: number;
  readonly image: Thumbnail;
  readonly truth: StoredLabels;
  readonly prediction: StoredLabels;
  /** Share of the labeled pixels that are right. */
  readonly accuracy: number;
}

/** `report.json` of a segmentation run. */
export interface PixelFacts {
  readonly format: "fovea.report.segmentation.1";
  readonly parameters: number;
  readonly images: { readonly training: number; readonly validation: number } | null;
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
  /** The best weights on images that chose nothing. */
  readonly test: SegmentationMetrics | null;
  /** Predicted masks next to true ones, of an epoch's weights; null without validation images. */
  readonly masks: { readonly epoch: number; readonly looks: readonly MaskLook[] } | null;
}

/** Longest side that is stored. */
export const maskSide = 128;
const mostLooks = 100;

const labelParts = fieldsOf<StoredLabels>({ height: whole(1, maskSide), width: whole(1, maskSide), labels: text });
const labelsSchema = that<StoredLabels>(
  `labels { height, width, labels }, at most ${maskSide} a side, with a byte a pixel as base64`,
  (x) => {
    if (misfit(labelParts, x) !== undefined) return false;
    const { height, width, labels } = x as StoredLabels;
    return /^[A-Za-z0-9+/]*={0,2}$/.test(labels) && labels.length === 4 * Math.ceil((height * width) / 3);
  },
);
const lookSchema = fieldsOf<MaskLook>({
  index: whole(0),
  image: thumbnailOf(maskSide),
  truth: labelsSchema,
  prediction: labelsSchema,
  accuracy: that("from 0 to 1", (x) => typeof x === "number" && x >= 0 && x <= 1),
});
export const looksSchema = that<readonly MaskLook[]>(
  `a list of images with labels and predictions, at most ${mostLooks}`,
  (x) => Array.isArray(x) && x.length <= mostLooks && x.every((one) => misfit(lookSchema, one) === undefined),
);
export const masksSchema = fieldsOf<NonNullable<PixelFacts["masks"]>>({ epoch: whole(1), looks: looksSchema });

export const pixelFactsSchema: Schema<PixelFacts> = fieldsOf<PixelFacts>({
  format: that('"fovea.report.segmentation.1"', (x) => x === "fovea.report.segmentation.1"),
  parameters: whole(0),
  images: orNull(fieldsOf({ training: whole(0), validation: whole(0) })),
  skipped: list(fieldsOf({ file: text, reason: text }), "a list of { file, reason }"),
  test: orNull(pixelEvaluationSchema),
  masks: orNull(masksSchema),
});

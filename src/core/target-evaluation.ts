import { figure } from "./evaluation.js";
import { type ReidMetrics, reidSchema } from "./retrieval-evaluation.js";
import {
  by,
  fieldsOf,
  isObject,
  list,
  maybe,
  misfit,
  nonNegative,
  oneOf,
  orNull,
  type Schema,
  text,
  whole,
} from "./schema.js";

/** Metrics of one label. */
export interface LabelMetrics {
  /** Name of the label. */
  readonly name: string;
  /** Images that have it. */
  readonly count: number;
  /** Average precision: Σₙ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores, from the highest on; null if no image has the label. */
  readonly ap: number | null;
  /** F1 at a probability of 0.5: 2 TP / (2 TP + FP + FN), 0 if there are none of them. */
  readonly f1: number;
  /** TP / (TP + FP) at a probability of 0.5; null if it was never predicted. */
  readonly precision: number | null;
  /** TP / (TP + FN) at a probability of 0.5; null if no image has the label. */
  readonly recall: number | null;
}

/** Metrics of a multi-label classifier. Shares are between 0 and 1. */
export interface MultiLabelMetrics {
  /** Number of images. */
  readonly count: number;
  /** Mean binary cross entropy over images and labels, in nats. */
  readonly loss: number;
  /** Share of the answers, one per image and label, that are correct at a probability of 0.5. */
  readonly top1: number;
  /** Mean average precision, over the labels that occur: torchmetrics' `MultilabelAveragePrecision`, macro. 0 if none occurs. */
  readonly map: number;
  /** F1 of the answers of all labels together. */
  readonly f1Micro: number;
  /** Mean of the labels' F1. */
  readonly f1Macro: number;
  /** Metrics per label. */
  readonly labels: readonly LabelMetrics[];
}

/** Metrics of one target, in the data's units. */
export interface TargetMetrics {
  /** Name of the target. */
  readonly name: string;
  /** Mean absolute error. */
  readonly mae: number;
  /** Root of the mean squared error. */
  readonly rmse: number;
  /** 1 − Σ (t − y)² / Σ (t − t̄)². If all t are equal: 1 if all y are right, otherwise 0, as in scikit-learn. */
  readonly r2: number;
}

/** Metrics of a regression. With several targets, each figure is the mean of theirs. */
export interface RegressionMetrics {
  /** Number of images. */
  readonly count: number;
  /** Mean squared error of the normalized targets. */
  readonly loss: number;
  /** Mean absolute error, in the data's units. */
  readonly mae: number;
  /** Root of the mean squared error, in the data's units. */
  readonly rmse: number;
  /** Coefficient of determination R²: 1 is perfect, 0 no better than the mean of the measured targets. */
  readonly r2: number;
  /** Metrics per target. */
  readonly targets: readonly TargetMetrics[];
}

const multiLabelSchema = fieldsOf<MultiLabelMetrics>(
  {
    count: nonNegative,
    loss: figure,
    top1: figure,
    map: figure,
    f1Micro: figure,
    f1Macro: figure,
    labels: list(
      fieldsOf<LabelMetrics>({
        name: text,
        count: nonNegative,
        ap: orNull(figure),
        f1: figure,
        precision: orNull(figure),
        recall: orNull(figure),
      }),
      "a list of labels' figures",
      1,
    ),
  },
  "what evaluate() gives for multi-label classification, { count, loss, top1, map, f1Micro, f1Macro, labels }",
);

const regressionSchema = fieldsOf<RegressionMetrics>(
  {
    count: nonNegative,
    loss: figure,
    mae: figure,
    rmse: figure,
    r2: figure,
    targets: list(
      fieldsOf<TargetMetrics>({ name: text, mae: figure, rmse: figure, r2: figure }),
      "a list of targets' figures",
      1,
    ),
  },
  "what evaluate() gives for regression, { count, loss, mae, rmse, r2, targets }",
);

/** Whether figures are of labels. */
export const isMultiLabelEvaluation = (x: unknown): x is MultiLabelMetrics => misfit(multiLabelSchema, x) === undefined;
/** Whether figures are of numbers. */
export const isRegressionEvaluation = (x: unknown): x is RegressionMetrics => misfit(regressionSchema, x) === undefined;

/** Metrics of a task with a report of figures alone. */
export type TargetsMetrics = MultiLabelMetrics | RegressionMetrics | ReidMetrics;

/** `report.json` of a run that learns labels, numbers or identities. */
export interface TargetFacts {
  readonly format: "fovea.report.targets.1";
  readonly parameters: number;
  readonly images: { readonly training: number; readonly validation: number } | null;
  /** The first of the files and rows that were not used. */
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
  /** Number of all that were not used, if `skipped` lacks some. */
  readonly skippedCount?: number;
  /** The best weights on images that chose nothing. */
  readonly test: TargetsMetrics | null;
}

/** Metrics of such a task, from an untrusted source. */
export const targetsEvaluationSchema: Schema<TargetsMetrics> = by<TargetsMetrics>((given) => {
  if (isObject(given) && "labels" in given) return multiLabelSchema;
  return isObject(given) && "rank1" in given ? reidSchema : regressionSchema;
});

export const targetFactsSchema: Schema<TargetFacts> = fieldsOf<TargetFacts>({
  format: oneOf("fovea.report.targets.1"),
  parameters: whole(0),
  images: orNull(fieldsOf({ training: whole(0), validation: whole(0) })),
  skipped: list(fieldsOf({ file: text, reason: text }), "a list of { file, reason }"),
  skippedCount: maybe(whole(0)),
  test: orNull(targetsEvaluationSchema),
});

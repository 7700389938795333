import { csv } from "../core/csv.js";
import { check, fieldsOf, finite, list, type Schema, whole } from "../core/schema.js";
import { bestOf, taskScores } from "../core/tasks.js";
/** One finished epoch. Shares are between 0 and 1. All values are the same when a training is repeated. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  /** Steps done so far. */
  readonly step: number;
  /** Learning rate of the epoch's last step. */
  readonly lr: number;
  /** Over the epoch's batches, in training mode, while the weights changed. */
  readonly trainLoss: number;
  /** Top-1 of the training images, as seen in training; null for regression. */
  readonly trainTop1: number | null;
  /** After the epoch; null without validation data. */
  readonly loss: number | null;
  /** Top-1 of the validation images. */
  readonly top1: number | null;
  /** Top-5 of the validation images. */
  readonly top5: number | null;
  /** Segmentation only. */
  readonly miou?: number;
  /** Multi-label classification and re-identification only. */
  readonly map?: number;
  /** Regression only. */
  readonly r2?: number;
  /** Re-identification only: share of the queries whose nearest image is of their identity. */
  readonly rank1?: number;
}

/** Fields that decisions depend on; the others are only shown. */
export const recordSchema = fieldsOf<Pick<EpochRecord, "epoch" | "trainLoss">>(
  { epoch: whole(1), trainLoss: finite },
  "an epoch record",
) as unknown as Schema<EpochRecord>;
export const recordsSchema = list(recordSchema, "a list of epoch records");

const columns = [
  "epoch",
  "step",
  "lr",
  "trainLoss",
  "trainTop1",
  "loss",
  "top1",
  "top5",
  ...taskScores,
] as const satisfies readonly (keyof EpochRecord)[];

/** The records as comma-separated values with a header. */
export function historyCsv(history: readonly EpochRecord[]): string {
  check("historyCsv", "history", recordsSchema, history);
  const shown = columns.filter(
    (column) =>
      !(taskScores as readonly string[]).includes(column) || history.some((record) => record[column] !== undefined),
  );
  return csv([shown, ...history.map((record) => shown.map((column) => record[column]))]);
}

/** The record with the best validation score: mean IoU, mAP, R² or top-1 (without validation: the lowest training loss); the first if tied. */
export function bestRecord(history: readonly EpochRecord[]): EpochRecord | undefined {
  check("bestRecord", "history", recordsSchema, history);
  return bestOf(history);
}

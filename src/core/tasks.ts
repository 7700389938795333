/** What networks learn: a class per image, a class per pixel, any number of labels per image, numbers per image. */
export const taskNames = ["classification", "segmentation", "multi-label", "regression"] as const;
/** The name of a task. */
export type TaskName = (typeof taskNames)[number];

/** The score by which networks of a task are chosen, by the field that has it; the larger, the better. Of several, the first counts. */
export const mainScores = { miou: "mIoU", map: "mAP", r2: "R²", top1: "top-1" } as const;
/** A field with such a score. */
export type MainScore = keyof typeof mainScores;
/** Whether a score is a share of 1, which is shown in percent; R² is not: it may be negative. */
export const isShare = (field: MainScore): boolean => field !== "r2";
export const mainScoreFields = Object.keys(mainScores) as readonly MainScore[];

/** A score and what it is called. */
export interface NamedScore {
  readonly field: MainScore;
  readonly name: string;
  readonly value: number;
}

/** The score of metrics, or of an epoch, by which its network is chosen; null if it was not measured. */
export function mainScore(of: Readonly<Partial<Record<MainScore, number | null>>>): NamedScore | null {
  for (const field of mainScoreFields) {
    const value = of[field];
    if (typeof value === "number") return { field, name: mainScores[field], value };
  }
  return null;
}

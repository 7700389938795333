/** What networks learn: a class per image, a class per pixel, any number of labels per image, numbers per image, features to find identities by. */
export const taskNames = ["classification", "segmentation", "multi-label", "regression", "reid"] as const;
/** The name of a task. */
export type TaskName = (typeof taskNames)[number];

/** A task whose networks can be compared: each on test images of its own, not on a gallery. */
export type ComparedTaskName = Exclude<TaskName, "reid">;
/** The same, as a list. */
export const comparedTaskNames = taskNames.filter((name): name is ComparedTaskName => name !== "reid");

/** Whether a task's data has targets from a CSV file, not classes. */
export const hasTargets = (task: TaskName | undefined): task is "multi-label" | "regression" =>
  task === "multi-label" || task === "regression";

/** What a task's networks give: outputs for whole images, or for every pixel. */
export const networksFor = (task: TaskName): "classification" | "segmentation" =>
  task === "segmentation" ? "segmentation" : "classification";

const ofClasses = ["mixup", "cutmix", "balancedSampling", "bceLoss"] as const;
const ofTargets = {
  names: [...ofClasses, "classWeights", "labelSmoothing"],
  why: "is for one class per image",
} as const;
/** Settings of a training that a task has no use for, and why. */
export const unfitSettings = {
  classification: { names: [], why: "" },
  segmentation: { names: ["autoAugment", ...ofClasses], why: "is for networks that classify whole images" },
  "multi-label": ofTargets,
  regression: ofTargets,
  reid: { names: [...ofClasses, "classWeights"], why: "is for one class per image" },
} as const satisfies Readonly<Record<TaskName, { readonly names: readonly string[]; readonly why: string }>>;

/** The score by which networks of a task are chosen, by the field that has it; the larger, the better. Of several, the first counts. */
export const mainScores = { miou: "mIoU", map: "mAP", r2: "R²", top1: "top-1" } as const;
/** A field with such a score. */
export type MainScore = keyof typeof mainScores;
/** The main score of each task. */
export const mainScoreOf = {
  classification: "top1",
  segmentation: "miou",
  "multi-label": "map",
  regression: "r2",
  reid: "map",
} as const satisfies Readonly<Record<TaskName, keyof typeof mainScores>>;
/** Whether a score is a share of 1, which is shown in percent; R² is not: it may be negative. */
export const isShare = (field: MainScore): boolean => field !== "r2";
const mainScoreFields = Object.keys(mainScores) as readonly MainScore[];

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

/** What the scores are called that epochs record, by the field that has them. */
export const scoreNames = { ...mainScores, rank1: "rank-1" } as const;
/** A field with such a score. */
export type ScoreField = keyof typeof scoreNames;
/** Scores that only some tasks have. */
export const taskScores = (Object.keys(scoreNames) as readonly ScoreField[]).filter(
  (field): field is Exclude<ScoreField, "top1"> => field !== "top1",
);

interface Scored extends Readonly<Partial<Record<MainScore, number | null>>> {
  readonly trainLoss: number;
}

/** The epoch with the best validation score, or if none has one the lowest training loss; of equal ones the first. */
export function bestOf<R extends Scored>(history: readonly R[]): R | undefined {
  const top = (score: (record: R) => number | undefined) =>
    history
      .filter((record) => Number.isFinite(score(record)))
      .reduce<R | undefined>((best, record) => (best && score(best)! >= score(record)! ? best : record), undefined);
  return top((record) => mainScore(record)?.value) ?? top(({ trainLoss }) => -trainLoss);
}

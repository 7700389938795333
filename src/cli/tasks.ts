import { classification } from "../engine.js";
import {
  type ClassificationMetrics,
  type Engine,
  type EpochRecord,
  type Module,
  modelInfo,
  type OpenedDataset,
  type Scores,
  type SegmentationMetrics,
  type Task,
  type Tensor,
} from "../index.js";
import type { RunFolder } from "../internal.js";
import type { EngineFlags } from "./arguments.js";
import { metricsText } from "./metrics-text.js";
import { evaluationTask, pixelMetricsText } from "./segmentation/eval.js";
import { isPixelMetrics, SegmentationPage, segmentationSteps } from "./segmentation/page.js";
import { percent } from "./terminal.js";
import { LiveReport, nextSteps, type ReportFlags } from "./train-report.js";

export type TaskName = Task["name"];

/** The state of a run. */
export interface Standing<M> {
  readonly history: readonly EpochRecord[];
  /** Metrics of the weights in best.safetensors. */
  readonly validation: M | null;
  /** Images a second in the last epoch. */
  readonly speed: number;
}

/** The report of a run during training. */
export interface RunPage<M extends Scores> {
  /** The epochs that a resumed run has completed. */
  takeUp(history: readonly EpochRecord[], validation: M | null): Promise<void>;
  /** Stores predictions for a few images after an epoch. To be called before the run records the epoch. */
  addMaps(epoch: number, weights: ReadonlyMap<string, Tensor>, engine: Engine): Promise<void>;
  /** An epoch that the run has recorded. */
  add(
    record: EpochRecord,
    timing: { readonly seconds: number; readonly imagesPerSecond: number },
    standing: Standing<M>,
  ): Promise<void>;
  /** Measures the best weights on the test images, and on those that are shown. */
  conclude(network: Module, data: OpenedDataset, flags: EngineFlags): Promise<M | null>;
}

/** What commands do differently for each task. */
export interface TaskFace<M extends Scores> {
  /** The default network. */
  readonly network: string;
  /** How networks are measured. */
  readonly task: Task<M>;
  openPage(run: RunFolder, data: OpenedDataset, network: Module, flags: ReportFlags): Promise<RunPage<M>>;
  /** Whether recorded metrics are of this task. */
  isMetrics(scores: Scores | undefined): scores is M;
  /** The share of correct predictions during training, with its name. */
  trainingText(share: number): string;
  /** The score that decides which epoch is best, with its name; null without validation. */
  scoreOf(record: Pick<EpochRecord, "top1" | "miou">): { readonly name: string; readonly value: number } | null;
  /** The same of metrics. */
  scoreOfMetrics(metrics: M): { readonly name: string; readonly value: number };
  metricsText(metrics: M): string[];
  nextSteps(path: string): readonly { readonly purpose: string; readonly command: string }[];
}

const faces = {
  classification: {
    network: "resnet20",
    task: classification,
    openPage: LiveReport.open,
    isMetrics: (scores): scores is ClassificationMetrics =>
      scores !== undefined && "top5" in scores && "classes" in scores,
    trainingText: (share) => `top-1 ${percent(share)}`,
    scoreOf: ({ top1 }) => (top1 === null ? null : { name: "top-1", value: top1 }),
    scoreOfMetrics: ({ top1 }) => ({ name: "top-1", value: top1 }),
    metricsText,
    nextSteps,
  } satisfies TaskFace<ClassificationMetrics>,
  segmentation: {
    network: "unet_resnet18",
    task: evaluationTask,
    openPage: SegmentationPage.open,
    isMetrics: isPixelMetrics,
    trainingText: (share) => `pixels ${percent(share)}`,
    scoreOf: ({ miou }) => (miou === undefined ? null : { name: "mIoU", value: miou }),
    scoreOfMetrics: ({ miou }) => ({ name: "mIoU", value: miou }),
    metricsText: pixelMetricsText,
    nextSteps: segmentationSteps,
  } satisfies TaskFace<SegmentationMetrics>,
} as const;

/** The face of a task. Its metrics are only passed back to it, so their type does not matter. */
export const faceOf = (name: TaskName): TaskFace<Scores> => faces[name] as unknown as TaskFace<Scores>;

/** The task of a network in the catalogue. */
export const taskOfModel = (name: string): TaskName => modelInfo(name).task;

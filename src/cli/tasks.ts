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

/** How a run stands. */
export interface Standing<M> {
  readonly history: readonly EpochRecord[];
  /** What the weights in best.safetensors reach. */
  readonly validation: M | null;
  /** Images a second in the last epoch. */
  readonly speed: number;
}

/** The report of a run that is being trained. */
export interface RunPage<M extends Scores> {
  /** The epochs that a resumed run has done already. */
  takeUp(history: readonly EpochRecord[], validation: M | null): Promise<void>;
  /** Keeps what an epoch's weights make of a few images. To be called before the run records it. */
  addMaps(epoch: number, weights: ReadonlyMap<string, Tensor>, engine: Engine): Promise<void>;
  /** An epoch that the run has recorded. */
  add(
    record: EpochRecord,
    timing: { readonly seconds: number; readonly imagesPerSecond: number },
    standing: Standing<M>,
  ): Promise<void>;
  /** What the best weights make of the test images, and of those that are shown. */
  conclude(network: Module, data: OpenedDataset, flags: EngineFlags): Promise<M | null>;
}

/** What the commands do in their own way for each task. */
export interface TaskFace<M extends Scores> {
  /** The network where none is named. */
  readonly network: string;
  /** How networks are measured. */
  readonly task: Task<M>;
  openPage(run: RunFolder, data: OpenedDataset, network: Module, flags: ReportFlags): Promise<RunPage<M>>;
  /** Whether recorded metrics are of this task. */
  isMetrics(scores: Scores | undefined): scores is M;
  /** The share of right answers while training, named. */
  trainingText(share: number): string;
  /** What decides which epoch is best, named; null without validation. */
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

/** The commands' way with a task. Metrics go where they come from, so their type does not matter. */
export const faceOf = (name: TaskName): TaskFace<Scores> => faces[name] as unknown as TaskFace<Scores>;

/** The task of a network in the catalogue. */
export const taskOfModel = (name: string): TaskName => modelInfo(name).task;

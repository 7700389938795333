import { isPixelEvaluation } from "../core/pixel-evaluation.js";
import { isReidEvaluation } from "../core/retrieval-evaluation.js";
import { isMultiLabelEvaluation, isRegressionEvaluation } from "../core/target-evaluation.js";
import { isShare, type NamedScore, type TaskName } from "../core/tasks.js";
import { classification } from "../engine.js";
import {
  type ClassificationMetrics,
  type Dataset,
  type Engine,
  type EpochRecord,
  type Module,
  type MultiLabelMetrics,
  multiLabel,
  type OpenedDataset,
  type RegressionMetrics,
  type ReidMetrics,
  type RunConfig,
  regression,
  reidentification,
  type Scores,
  type SegmentationMetrics,
  segmentation,
  type Task,
  type Tensor,
} from "../index.js";
import { type RecordedEpoch, type RunFolder, reidDefaults, taskOf } from "../internal.js";
import type { EngineFlags } from "./arguments.js";
import { metricsText } from "./metrics-text.js";
import { reidConfig } from "./reid/flags.js";
import { reidMetricsText, reidSteps } from "./reid/text.js";
import type { LoadedModel } from "./run.js";
import { pixelMetricsText } from "./segmentation/eval.js";
import { type RecordFlags, taskConfig } from "./segmentation/flags.js";
import { reportAgain, SegmentationPage, segmentationSteps } from "./segmentation/page.js";
import { regressionConfig } from "./targets/flags.js";
import { TargetsPage, targetsReportAgain, targetsSteps } from "./targets/page.js";
import { labelMetricsText, valueMetricsText } from "./targets/text.js";
import { percent } from "./terminal.js";
import { LiveReport, nextSteps, type ReportFlags } from "./train-report.js";

export type { TaskName };

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
  /** How networks are measured, if there is no record of how they were trained. */
  readonly task: Task<M>;
  /** Settings whose defaults are other ones than usual. */
  readonly usual?: { readonly labelSmoothing: number };
  /** The task for `config.json`. @throws OptionError for a flag without effect. */
  record(flags: RecordFlags, data: Dataset): Promise<RunConfig["task"]>;
  /** The report of a run from what it has recorded; undefined where `report` does it itself. */
  readonly reportAgain?: (run: RunFolder, epochs: readonly RecordedEpoch[]) => Promise<string>;
  openPage(run: RunFolder, data: OpenedDataset, network: Module, flags: ReportFlags): Promise<RunPage<M>>;
  /** Whether recorded metrics are of this task. */
  isMetrics(scores: Scores | undefined): scores is M;
  /** What shares of correct predictions during training are called. */
  readonly share: string;
  metricsText(metrics: M): string[];
  nextSteps(path: string): readonly { readonly purpose: string; readonly command: string }[];
}

const faces = {
  classification: {
    network: "resnet20",
    task: classification,
    record: async () => undefined,
    openPage: LiveReport.open,
    isMetrics: (scores): scores is ClassificationMetrics =>
      scores !== undefined && "top5" in scores && "classes" in scores,
    share: "top-1",
    metricsText,
    nextSteps,
  } satisfies TaskFace<ClassificationMetrics>,
  segmentation: {
    network: "unet_resnet18",
    task: segmentation(),
    record: taskConfig,
    openPage: SegmentationPage.open,
    reportAgain,
    isMetrics: isPixelEvaluation,
    share: "pixels",
    metricsText: pixelMetricsText,
    nextSteps: segmentationSteps,
  } satisfies TaskFace<SegmentationMetrics>,
  "multi-label": {
    network: "resnet20",
    task: multiLabel(),
    record: async () => ({ name: "multi-label" }),
    openPage: TargetsPage.open<MultiLabelMetrics>,
    reportAgain: (run, epochs) => targetsReportAgain(run, epochs, isMultiLabelEvaluation),
    isMetrics: isMultiLabelEvaluation,
    share: "labels",
    metricsText: labelMetricsText,
    nextSteps: targetsSteps,
  } satisfies TaskFace<MultiLabelMetrics>,
  regression: {
    network: "resnet20",
    task: regression(),
    record: regressionConfig,
    openPage: TargetsPage.open<RegressionMetrics>,
    reportAgain: (run, epochs) => targetsReportAgain(run, epochs, isRegressionEvaluation),
    isMetrics: isRegressionEvaluation,
    share: "",
    metricsText: valueMetricsText,
    nextSteps: targetsSteps,
  } satisfies TaskFace<RegressionMetrics>,
  reid: {
    network: "resnet20",
    task: reidentification(),
    usual: { labelSmoothing: reidDefaults.labelSmoothing },
    record: reidConfig,
    openPage: (run, data, network, flags) => TargetsPage.open<ReidMetrics>(run, data, network, flags, reidSteps),
    reportAgain: (run, epochs) => targetsReportAgain(run, epochs, isReidEvaluation, reidSteps),
    isMetrics: isReidEvaluation,
    share: "identities",
    metricsText: reidMetricsText,
    nextSteps: reidSteps,
  } satisfies TaskFace<ReidMetrics>,
} as const;

/** The face of a task. Its metrics are only passed back to it, so their type does not matter. */
export const faceOf = (name: TaskName): TaskFace<Scores> => faces[name] as unknown as TaskFace<Scores>;

/** The task of a run. */
export const taskOfRun = ({ task }: Pick<RunConfig, "task">): TaskName => task?.name ?? "classification";

/** How a network is measured: as in its training, or as is usual for its task. */
export const taskFor = ({ task, taskRecord }: Pick<LoadedModel, "task" | "taskRecord">): Task =>
  taskRecord ? taskOf({ task: taskRecord }) : faceOf(task).task;

/** A score, without and with its name. */
export const scoreValue = ({ field, value }: NamedScore): string =>
  isShare(field) ? percent(value) : value.toFixed(3);
export const scoreText = (score: NamedScore): string => `${score.name} ${scoreValue(score)}`;

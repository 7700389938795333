import type { ClassificationMetrics } from "../core/evaluation.js";
import type { SettingsOf } from "../core/settings.js";
import type { Tensor } from "../core/tensor.js";
import type { Augmentation, Dataset, Preprocessing } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import type { ByteSource } from "../formats/byte-source.js";
import type { SafetensorsFile } from "../formats/safetensors.js";
import type { Module } from "../nn/index.js";
import type { Progress } from "./checkpoint.js";
import { checkTraining } from "./checks.js";
import type { FeatureReport } from "./features.js";
import type { EpochRecord } from "./history.js";
import type { Optimizer } from "./optimizers.js";
import type { Schedule } from "./schedules.js";
import type { loopSettings, StepSettings } from "./settings.js";
import type { Scores, Task } from "./task.js";
import { Training } from "./training.js";

/** How to train. All but the engine and callbacks is plain data. */
export interface TrainOptions<M extends Scores = ClassificationMetrics>
  extends StepSettings,
    Partial<SettingsOf<typeof loopSettings>> {
  /** What computes. */
  readonly engine: Engine;
  /** `classification` (the default), `segmentation()`, `multiLabel()`, `regression()` or `reidentification()`. */
  readonly task?: Task<M>;
  /** How many steps to train, instead of `epochs`; the last epoch may end early. */
  readonly steps?: number;
  /** Default: `sgd()`. */
  readonly optimizer?: Optimizer;
  /** The learning rate schedule. Default: `cosineSchedule()`. */
  readonly schedule?: Schedule;
  /** Evaluated after each epoch; decides which weights are best. Its classes are matched to the training data's by name. */
  readonly validate?: Dataset;
  /** How images become inputs. Default: what suits the data set. */
  readonly preprocessing?: Preprocessing;
  /** Random augmentation. Default: what suits the data set; null is none. */
  readonly augment?: Augmentation | null;
  /**
   * The features that frozen parts compute before anything trained are the same in every epoch: compute them once, then run only the
   * rest. Default: if it pays, that is, without augmentation (for validation always), for more than one epoch, and within
   * `featureLimit`. True: throw if those of training cannot be kept. False: never.
   */
  readonly cacheFeatures?: boolean;
  /** Memory for features, in bytes. Default: {@link featureLimit}, 1 GiB. If a data set's features do not fit, none of them are kept. */
  readonly featureLimit?: number;
  /** What the network is, written into the checkpoints. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** A checkpoint to resume from: bytes, or a source that reads ranges, such as a file. */
  readonly resume?: Uint8Array | ByteSource;
  /** Stops the training after the current step; the state is passed to `onStop`. */
  readonly signal?: AbortSignal;
  /** Called before the first step, with the progress of a resumed training. */
  onStart?(progress: Progress): Promise<void> | void;
  /** Called once it is known whether features are computed once, and then after each batch of them. */
  onFeatures?(report: FeatureReport): void;
  /** Called after each step. */
  onStep?(step: StepReport): void;
  /** Called after each epoch, with functions that return the files of the current state. */
  onEpoch?(record: EpochRecord, report: EpochReport<M>): Promise<void> | void;
  /** Called when `signal` stopped the training, with the state to resume from. */
  onStop?(checkpoint: SafetensorsFile): Promise<void> | void;
}

/** Progress after a step. */
export interface StepReport {
  /** The epoch, counted from 1. */ readonly epoch: number;
  /** Number of epochs. */ readonly epochs: number;
  /** Batches done in this epoch. */
  readonly batch: number;
  /** Batches per epoch. */ readonly batches: number;
  /** Means over the epoch so far. */
  readonly loss: number;
  /** Top-1 over the epoch so far; null for regression. */ readonly top1: number | null;
  /** Speed in this epoch. */ readonly imagesPerSecond: number;
}

/** Results of an epoch. */
export interface EpochReport<M extends Scores = ClassificationMetrics> {
  /** Metrics on the validation data. */ readonly validation: M | null;
  /** Whether this epoch is the best so far. */ readonly isBest: boolean;
  /** Time it took, without validation. */ readonly seconds: number;
  /** Speed of the training. */ readonly imagesPerSecond: number;
  /** The state to resume from, as a file to write: `checkpoint.bytes()`, or piece by piece if it is large. */
  readonly checkpoint: SafetensorsFile;
  /** The weights that were validated: the averaged ones if there are any. */
  readonly weights: ReadonlyMap<string, Tensor>;
}

/** A finished or stopped training. */
export interface TrainResult {
  /** One record per epoch. */ readonly history: readonly EpochRecord[];
  /** The record of the best epoch. */ readonly best: EpochRecord | undefined;
  /** Whether `signal` ended it early. */
  readonly stopped: boolean;
}

/**
 * Trains a classifier: each epoch goes once through the shuffled, augmented data, then measures the validation data.
 * The model holds the trained weights at the end. Training is repeatable: equal options and seed give equal weights.
 *
 * @throws TrainingError if the loss, the weights or the validation logits become NaN or infinite, with the step
 * or epoch. The model keeps the weights of the last completed epoch.
 *
 * @example
 * const { train: data, validation } = await openDataset("shapes");
 * await train(resnet(20, { numClasses: 10, attention: "cbam" }), data, { engine: ortEngine(), epochs: 8, validate: validation });
 */
export function train(
  model: Module,
  dataset: Dataset,
  options: TrainOptions & { readonly task?: undefined },
): Promise<TrainResult>;
export function train<M extends Scores>(
  model: Module,
  dataset: Dataset,
  options: TrainOptions<M> & { readonly task: Task<M> },
): Promise<TrainResult>;
export async function train(model: Module, dataset: Dataset, options: TrainOptions<Scores>): Promise<TrainResult> {
  checkTraining(model, dataset, options);
  const training = await Training.begin(model, dataset, options);
  try {
    return await training.run();
  } finally {
    await training.release();
  }
}

import {
  batchSize,
  callback,
  either,
  epochCount,
  type Fields,
  options as fields,
  flag,
  imageSize,
  list,
  maybe,
  misfit,
  most,
  nonNegative,
  oneOf,
  orNull,
  positive,
  properShare,
  seed,
  share,
  text,
  that,
  whole,
} from "../core/schema.js";
import {
  commaSeparated,
  defineSettings,
  optionFields,
  type RecordedOf,
  recordedIn,
  type SettingsOf,
} from "../core/settings.js";
import type { Augmentation } from "../data/index.js";
import { classWeightList } from "../nn/loss.js";
import { type Optimizer, optimizers } from "./optimizers.js";
import type { Schedule } from "./schedules.js";

/**
 * The settings of a training that are numbers, words or switches, each in one entry. From these tables follow {@link TrainOptions},
 * {@link StepOptions} and their checks, `training` in `config.json`, the flags of `fovea train`, and docs/options.md.
 */

/** Settings of every step. */
export const stepSettings = defineSettings({
  /** Share of each target spread over all classes. Default: 0. */
  labelSmoothing: {
    schema: share,
    default: 0,
    flag: "--label-smoothing <share>",
    help: "share of each target spread over all classes; for reid 0.1 unless given",
  },
  /** Binary cross entropy of each class in place of cross entropy over all. Classification only. */
  bceLoss: {
    schema: flag,
    default: false,
    flag: "--bce-loss",
    help: "binary cross entropy for each class, instead of cross entropy over all classes",
    later: true,
  },
  /** With {@link bceLoss}: targets above this are 1, others 0. Default: null, as they are. */
  bceTargetThreshold: {
    schema: orNull(share),
    default: null,
    flag: "--bce-target-threshold <share>",
    help: "with --bce-loss, targets above this become 1 and others 0, such as 0.2 for mixed labels",
    later: true,
  },
  /** Scale gradients down so that their joint Euclidean norm is at most this. Default: null, never. */
  clipNorm: {
    schema: orNull(positive),
    default: null,
    flag: "--clip <norm>",
    help: "clip the global gradient norm to this",
  },
  /**
   * Decay of an exponential moving average of the weights and of batch-norm statistics, for example 0.999. Step t, counted from 1, uses
   * min(ema, (1 + t) / (10 + t)), so that the average soon forgets the start, as TensorFlow's does. Default: null, no average.
   */
  ema: {
    schema: orNull(properShare),
    default: null,
    flag: "--ema <decay>",
    help: "keep and validate a moving average of the weights, such as 0.999",
  },
  /** Gradient checkpointing: recompute the network's blocks in the backward pass instead of storing them. Less memory, more time. */
  recompute: {
    schema: flag,
    default: false,
    flag: "--recompute",
    help: "less memory, more time: recompute the blocks in the backward pass instead of storing them",
    unrecorded: true,
  },
  /**
   * Batches whose gradients are averaged for one step of the optimizer, as if they were one larger batch (batch norms aside). The last step of an
   * epoch may have fewer. Default: 1.
   */
  gradAccumSteps: {
    schema: whole(1, most.batch),
    default: 1,
    flag: "--grad-accum-steps <n>",
    help: "average the gradients of this many batches for each step",
    later: true,
  },
});

const risingSizes = that<readonly number[]>(
  "image sizes from small to large, such as [128, 160]",
  (x) =>
    Array.isArray(x) &&
    x.length > 0 &&
    x.every((size, i) => misfit(imageSize, size) === undefined && (i === 0 || size > x[i - 1])),
);

/** Settings of the loop over the data. */
export const loopSettings = defineSettings({
  /** Passes over the training images. Default 10. */
  epochs: { schema: epochCount, default: 10, flag: "--epochs <n>", help: "passes over the data" },
  /** Images per step. Default: 128, less for small data sets. */
  batch: {
    schema: batchSize,
    flag: "--batch <n>",
    help: "images per step (default: 128, less for small data sets)",
  },
  /** For the order of images, augmentation and dropout. Default 0. */
  seed: { schema: seed, default: 0, flag: "--seed <n>", help: "seed of weights, order and augmentation" },
  /** Early stopping: end after this many epochs without a better one. Default: null, never. */
  patience: {
    schema: orNull(whole(1)),
    default: null,
    flag: "--patience <epochs>",
    help: "stop after this many epochs without a better one",
    later: true,
  },
  /** Draw images so that all classes come equally often, with repetitions. */
  balancedSampling: {
    schema: flag,
    default: false,
    flag: "--balanced-sampling",
    help: "sample images so that all classes occur equally often",
    later: true,
  },
  /** Repeated augmentation: each image this often in a row, and so fewer of them in an epoch. Default: 1. */
  augRepeats: {
    schema: whole(1, most.batch),
    default: 1,
    flag: "--aug-repeats <n>",
    help: "repeated augmentation: show each image this many times in a row, and fewer images per epoch",
    later: true,
  },
  /**
   * Progressive resizing: image sizes to begin with, from small to large. They and the full size each take an equal share of the epochs; validation
   * always sees the full size. Default: null, the full size throughout.
   */
  progressiveResizing: {
    schema: orNull(risingSizes),
    default: null,
    flag: "--progressive-resizing <sizes>",
    help: "train on smaller images first, such as 128,160: each size, and the full one, for an equal share of the epochs",
    parse: commaSeparated,
    later: true,
  },
  /** Weights of classes in the loss: numbers, or `balanced`, by the inverse of how often each occurs. Default: null, all 1. */
  classWeights: {
    schema: orNull(
      either<"balanced" | readonly number[]>(
        "balanced, or a list of weights, one per class",
        oneOf("balanced") as never,
        classWeightList as never,
      ),
    ),
    default: null,
    flag: "--class-weights <weights>",
    help: "balanced (by how often classes occur; for segmentation by median frequency), or a number per class, separated by commas (default: all 1)",
    parse: (text: string) => (text === "balanced" ? text : commaSeparated(text)),
    later: true,
  },
});

/** What a training on the command line starts from, and what of it learns. */
export const startSettings = defineSettings({
  /** The checkpoint that it started from. */
  weights: {
    schema: orNull(text),
    default: null,
    flag: "--weights <file>",
    help: "start from a checkpoint, safetensors or PyTorch: a file, the folder of a sharded one, https://…, hf:OWNER/NAME[@REV][/FILE], or published weights by name",
  },
  /** What was frozen of it. */
  freeze: {
    schema: orNull(oneOf("backbone")),
    default: null,
    flag: "--freeze <part>",
    help: "train only the classifier and what --weights did not provide",
    later: true,
  },
  /** The first part that learns. */
  freezeUntil: {
    schema: orNull(text),
    default: null,
    flag: "--freeze-until <path>",
    help: "train only this part of the network and later ones, such as layer3",
    later: true,
  },
  /** Learning rate of the classifier. */
  headLr: {
    schema: orNull(positive),
    default: null,
    flag: "--head-lr <rate>",
    help: "learning rate of the classifier",
    later: true,
  },
  /** Layer-wise decay of the learning rate: the last block's times this for each block before it. */
  layerDecay: {
    schema: orNull(properShare),
    default: null,
    flag: "--layer-decay <factor>",
    help: "learning rate of each block, as a fraction of the next block's, such as 0.75",
    later: true,
  },
});

/** All of them. */
export const trainingSettings = { ...loopSettings, ...stepSettings, ...startSettings } as const;

/** How a run was trained, as in `config.json`. */
export interface RecordedTraining extends RecordedOf<typeof loopSettings & typeof stepSettings & typeof startSettings> {
  /** The optimizer with all its settings. */
  readonly optimizer: {
    readonly name: Optimizer["name"];
    readonly settings: Readonly<Record<string, number | boolean | string>>;
  };
  /** The learning rate schedule. */
  readonly schedule: Schedule;
  /** Random augmentation, or null. */
  readonly augment: Augmentation | null;
}

/** The options of `train` by which a recorded training is repeated. */
export function repeating({ optimizer, schedule, augment, ...values }: RecordedTraining) {
  return {
    ...recordedIn(loopSettings, values),
    ...recordedIn(stepSettings, values),
    optimizer: optimizers[optimizer.name](optimizer.settings),
    schedule,
    augment,
  };
}

/** Parameters with their own learning rate. */
export interface ParameterGroup {
  /** For messages and logs. */
  readonly name: string;
  /** Factor on the learning rate. */
  readonly lrFactor: number;
  /** Whether the parameter at a path belongs to the group. */
  has(path: string): boolean;
}

/** Settings of both a step and a training. */
export interface StepSettings extends Partial<SettingsOf<typeof stepSettings>> {
  /** Parameters that learn faster or slower than the rest; the first group that has a parameter counts. */
  readonly groups?: readonly ParameterGroup[];
}

export const stepFields: Fields<StepSettings> = {
  ...optionFields(stepSettings),
  groups: maybe(
    list(fields<ParameterGroup>({ name: text, lrFactor: nonNegative, has: callback }), "a list of parameter groups"),
  ),
};

import { DataError } from "../core/errors.js";
import type { ClassificationMetrics } from "../core/evaluation.js";
import type { Shape } from "../core/shape.js";
import type { TaskName } from "../core/tasks.js";
import type { Dataset, Preprocessing } from "../data/index.js";
import type { Graph } from "../graph/graph.js";
import { binaryCrossEntropy, crossEntropy, type Module } from "../nn/index.js";
import type { StepBatch } from "./batches.js";
import { Tally } from "./metrics.js";
import type { Objective } from "./objective.js";

/** Metrics of every task. `top1` is the share of correct predictions: of images, of pixels, or of labels. */
export interface Scores {
  /** Mean cross entropy, in nats; of regression, the mean squared error of the normalized targets; re-identification has none. */
  readonly loss?: number;
  /** Share of correct top predictions, if the task measures it. */
  readonly top1?: number;
  /** Share with the true class among the top five, if the task measures it. */
  readonly top5?: number;
  /** Mean intersection over union of the classes, if the task measures it. */
  readonly miou?: number;
  /** Mean average precision of the labels, or of the queries, if the task measures it. */
  readonly map?: number;
  /** R² of the targets, if the task measures it. */
  readonly r2?: number;
  /** Share of the queries whose nearest image is of their identity, if the task measures it. */
  readonly rank1?: number;
}

/** Scores a network's outputs one input at a time. */
export interface Counter<M extends Scores> {
  /** Adds the output for one input. */
  add(logits: ArrayLike<number>, label: number, index: number): void | Promise<void>;
  /** The metrics so far. */
  metrics(): M;
}

/** How a data set is evaluated. */
export interface Evaluation<M extends Scores> {
  /** What the network runs on: the images, or windows of them. */
  readonly dataset: Dataset;
  /** How these become inputs. */
  readonly preprocessing: Preprocessing;
  /** A counter for one evaluation. */
  count(): Counter<M>;
}

/** What a network learns from a data set: the targets of its logits, the loss, and how the network is measured. */
export interface Task<M extends Scores = Scores> {
  /** `classification`, `segmentation`, `multi-label`, `regression` or `reid`; of a task of one's own, the one that is most like it. */
  readonly name: TaskName;
  /** The data set as the task sees it. @throws DataError if it lacks what the task needs. */
  data(dataset: Dataset): Dataset;
  /** Sizes after [batch, classes]: none for one label per image, [height, width] for a label at every position. */
  positions(imageSize: number): readonly number[];
  /** Writes the targets of a batch of the data set, [batch, classes, …positions], into `out`, which is zero. */
  writeTargets(batch: StepBatch, dataset: Pick<Dataset, "classes" | "targets">, out: Float32Array): void;
  /** What a network's outputs for an image mean, one number per label or target, if that is not a choice of one class. */
  read?(outputs: ArrayLike<number>): Float64Array;
  /** The loss. */
  readonly objective: Objective;
  /** Images of each class in a batch, if batches are made by class. */
  readonly instances?: number;
  /** The graph that is measured, `input` to `output`, if its output is not the network's own. */
  trace?(model: Module, shape: Shape): Graph;
  /** How the network is measured. */
  evaluation(dataset: Dataset, preprocessing: Preprocessing): Evaluation<M>;
}

/** One label per image. */
export const classification: Task<ClassificationMetrics> = {
  name: "classification",
  data: (dataset) => {
    if (dataset.sightings)
      throw new DataError(`${dataset.name} has identities to find, not classes; use task: reidentification()`);
    if (dataset.labelMap)
      throw new DataError(`${dataset.name} has a class for every pixel, not for every image; use task: segmentation()`);
    if (dataset.targets)
      throw new DataError(
        `${dataset.name} has targets, not one class per image; use task: multiLabel() or regression()`,
      );
    return dataset;
  },
  positions: () => [],
  writeTargets: ({ labels, mixed }, { classes: { length: classes } }, out) => {
    const own = mixed?.share ?? 1;
    labels.forEach((label, i) => {
      out[i * classes + label] = own;
    });
    mixed?.labels.forEach((label, i) => {
      out[i * classes + label]! += 1 - own;
    });
  },
  objective: ({ model, images, targets, labelSmoothing, classWeights, binary }) => {
    const logits = model.call(images);
    if (binary)
      return {
        logits,
        loss: binaryCrossEntropy(logits, targets, { labelSmoothing, ...binary }),
        crossEntropy: () => crossEntropy(logits, targets),
      };
    const weights = classWeights && { classWeights };
    return {
      logits,
      loss: crossEntropy(logits, targets, { labelSmoothing, ...weights }),
      ...((labelSmoothing > 0 || weights) && { crossEntropy: () => crossEntropy(logits, targets) }),
    };
  },
  evaluation: (dataset, preprocessing) => ({
    dataset,
    preprocessing,
    count: () => new Tally(dataset.classes),
  }),
};

import type { Value } from "../graph/graph.js";
import type { Module } from "../nn/index.js";

/** What an objective is made from. */
export interface ObjectiveInputs {
  /** The network. */
  readonly model: Module;
  /** [batch, 3, height, width] */
  readonly images: Value;
  /** [batch, classes, …positions] */
  readonly targets: Value;
  /** Share of each target that is spread over all classes. */
  readonly labelSmoothing: number;
  /** Binary cross entropy, with the threshold of its targets; for tasks that have one label per image. */
  readonly binary?: { readonly targetThreshold: number | null } | undefined;
  /** A weight per class, for tasks that have one label per image. */
  readonly classWeights?: readonly number[] | undefined;
}

/** What a training step minimizes, in the graph of its images. */
export type Objective = (inputs: ObjectiveInputs) => {
  readonly logits: Value;
  readonly loss: Value;
  /** The loss of evaluations, such as the mean cross entropy, to compare with evaluations, if the loss is something else. */
  readonly crossEntropy?: () => Value;
  /**
   * In how many images of the batch the answer is right, or the sum of such shares; null if no answer is right or wrong. Default: where the largest
   * logit is that of the target.
   */
  readonly correct?: (() => Value) | null;
};

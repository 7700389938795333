import { ShapeError } from "../core/errors.js";
import {
  check,
  options as fields,
  flag,
  list,
  maybe,
  nonNegative,
  orNull,
  type Schema,
  share,
  that,
} from "../core/schema.js";
import { countElements, formatShape, sameShape, staticDim } from "../core/shape.js";
import { tensor } from "../core/tensor.js";
import { type Value, valueSchema } from "../graph/graph.js";
import {
  add,
  cast,
  div,
  exp,
  greater,
  logSoftmax,
  maximum,
  mul,
  pow,
  reduceSum,
  softmax,
  softplus,
  sub,
} from "../ops/index.js";
import { total } from "../ops/total.js";

/** Options of {@link crossEntropy}. */
export interface LossOptions {
  /** Share ε of each target that is spread over all classes. Default 0. */
  readonly labelSmoothing?: number;
  /** A weight per class. The mean is then weighted: divided by the sum of the targets' weights, as in PyTorch. Default: all 1. */
  readonly classWeights?: readonly number[];
  /** Leave positions whose target is all zeros out of the mean: PyTorch's `ignore_index`. Default false. */
  readonly ignoreUnlabeled?: boolean;
}

/** Options of {@link focalLoss}. */
export interface FocalLossOptions {
  /** The exponent γ: 0 gives cross entropy. At least 1 otherwise. Default 2. */
  readonly gamma?: number;
  /** A weight per class; as in {@link LossOptions}. */
  readonly classWeights?: readonly number[];
}

/** Options of {@link binaryCrossEntropy}. */
export interface BinaryLossOptions {
  /** Share ε of each target that is spread over all classes. Default 0. */
  readonly labelSmoothing?: number;
  /** Targets above this are 1, others 0: timm's `bce_target_thresh`, for mixed labels. Default: null, as they are. */
  readonly targetThreshold?: number | null;
}

export const classWeightList = list(nonNegative, "a list of weights, one per class", 1);
export const lossOptions: Schema<LossOptions> = fields<LossOptions>({
  labelSmoothing: maybe(share),
  classWeights: maybe(classWeightList),
  ignoreUnlabeled: maybe(flag),
});
export const binaryLossOptions: Schema<BinaryLossOptions> = fields<BinaryLossOptions>({
  labelSmoothing: maybe(share),
  targetThreshold: maybe(orNull(share)),
});
const focusing = that<number>("0 or at least 1", (x) => x === 0 || (Number.isFinite(x) && (x as number) >= 1));
export const focalOptions: Schema<FocalLossOptions> = fields<FocalLossOptions>({
  gamma: maybe(focusing),
  classWeights: maybe(classWeightList),
});

/** Below every weight that counts; keeps 0 / 0 away where nothing is labeled. */
const tiny = 1e-12;

/**
 * Cross entropy, the mean over the batch (and over positions) of −Σₖ tₖ log softmax(z)ₖ, the classes on axis 1.
 * Targets are distributions of the logits' shape (one-hot for plain labels), which covers smoothed and mixed labels too.
 * Label smoothing ε replaces t by (1 − ε)·t + ε/K (Szegedy et al., 2016). With weights w the terms are wₖ tₖ log softmax(z)ₖ, and the mean is their
 * sum over Σ wₖ tₖ. Without any labeled position the loss is 0. logits [N,K,…], targets the same → [].
 */
export function crossEntropy(logits: Value, targets: Value, options: LossOptions = {}): Value {
  check("crossEntropy", "options", lossOptions, options);
  const classes = classesOf("crossEntropy", logits, targets);
  const { labelSmoothing = 0, classWeights, ignoreUnlabeled = false } = options;
  const weights = classWeights && weightsOf("crossEntropy", logits, classWeights);
  const share = ignoreUnlabeled ? mul(reduceSum(targets, [1]), labelSmoothing / classes) : labelSmoothing / classes;
  const smoothed = labelSmoothing ? add(mul(targets, 1 - labelSmoothing), share) : targets;
  const terms = mul(logSoftmax(logits, 1), weights ? mul(smoothed, weights) : smoothed);
  if (weights || ignoreUnlabeled) return weightedMean(terms, targets, weights);
  const positions = countElements(logits.shape).size / classes;
  return mul(total(terms), -1 / positions);
}

/**
 * Binary cross entropy of each class by itself: the mean over batch, classes (and positions) of −t log σ(z) − (1 − t) log(1 − σ(z)), as PyTorch's
 * `binary_cross_entropy_with_logits`. Mixed labels are then several labels at once (Wightman et al.: ResNet strikes back, 2021). Label smoothing as in
 * {@link crossEntropy}. logits [N,K,…], targets the same → [].
 */
export function binaryCrossEntropy(logits: Value, targets: Value, options: BinaryLossOptions = {}): Value {
  check("binaryCrossEntropy", "options", binaryLossOptions, options);
  const classes = classesOf("binaryCrossEntropy", logits, targets);
  const { labelSmoothing = 0, targetThreshold = null } = options;
  const smoothed = labelSmoothing ? add(mul(targets, 1 - labelSmoothing), labelSmoothing / classes) : targets;
  const wanted = targetThreshold === null ? smoothed : cast(greater(smoothed, targetThreshold));
  return mul(total(sub(softplus(logits), mul(logits, wanted))), 1 / countElements(logits.shape).size);
}

/**
 * Focal loss (Lin et al.: Focal Loss for Dense Object Detection, ICCV 2017) over a softmax: the mean of −Σₖ tₖ (1 − pₖ)^γ log pₖ with p = softmax(z),
 * which focuses on positions that are not yet correct. Targets and the mean as in {@link crossEntropy}; positions whose target is all zeros do not
 * count. logits [N,K,…], targets the same → [].
 */
export function focalLoss(logits: Value, targets: Value, options: FocalLossOptions = {}): Value {
  check("focalLoss", "options", focalOptions, options);
  classesOf("focalLoss", logits, targets);
  const { gamma = 2, classWeights } = options;
  const weights = classWeights && weightsOf("focalLoss", logits, classWeights);
  const logs = logSoftmax(logits, 1);
  const weighted = weights ? mul(targets, weights) : targets;
  // Rounding may make p a little more than 1.
  const focus = gamma === 0 ? weighted : mul(pow(maximum(sub(1, exp(logs)), 0), gamma), weighted);
  return weightedMean(mul(logs, focus), targets, weights);
}

/**
 * Dice loss (Milletarì et al.: V-Net, 3DV 2016), as segmentation_models.pytorch has it: the mean over the classes of 1 − 2 Σ p t / Σ (p + t), with
 * p = softmax(z) and sums over the batch and all positions. Classes without a target in the batch contribute 0; positions whose target is all zeros do
 * not count. logits [N,K,…], targets the same → [].
 */
export function diceLoss(logits: Value, targets: Value): Value {
  const classes = classesOf("diceLoss", logits, targets);
  const axes = logits.shape.map((_, i) => i).filter((i) => i !== 1);
  const counted = mul(softmax(logits, 1), reduceSum(targets, [1]));
  const present = reduceSum(targets, axes);
  const sums = add(reduceSum(counted, axes), present);
  const dice = div(mul(reduceSum(mul(counted, targets), axes), 2), maximum(sums, 1e-7));
  return mul(total(mul(sub(1, dice), cast(greater(present, 0)))), 1 / classes);
}

/** Number of classes of logits and targets. @throws ShapeError if they differ in shape. */
function classesOf(owner: string, logits: Value, targets: Value): number {
  check(owner, "logits", valueSchema, logits);
  check(owner, "targets", valueSchema, targets);
  if (!sameShape(logits.shape, targets.shape))
    throw new ShapeError(
      `${owner}: logits ${formatShape(logits.shape)} and targets ${formatShape(targets.shape)} must have the same shape`,
    );
  return staticDim(logits.shape[1]);
}

/** The weights along axis 1. */
function weightsOf(owner: string, logits: Value, weights: readonly number[]): Value {
  const classes = staticDim(logits.shape[1]);
  if (weights.length !== classes)
    throw new ShapeError(`${owner}: ${weights.length} classWeights for ${classes} classes`);
  const shape = logits.shape.map((_, i) => (i === 1 ? classes : 1));
  return logits.graph.constant(tensor("float64", shape, Float64Array.from(weights)));
}

/** −Σ terms / Σ w t */
function weightedMean(terms: Value, targets: Value, weights: Value | undefined): Value {
  return div(mul(total(terms), -1), maximum(total(weights ? mul(targets, weights) : targets), tiny));
}

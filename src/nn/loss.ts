import { ShapeError } from "../core/errors.js";
import { check, options as fields, maybe, share } from "../core/schema.js";
import { countElements, formatShape, sameShape, staticDim } from "../core/shape.js";
import { type Value, valueSchema } from "../graph/graph.js";
import { add, logSoftmax, mul, reduceSum } from "../ops/index.js";

/** Options of {@link crossEntropy}. */
export interface LossOptions {
  /** Share ε of each target that is spread over all classes. Default 0. */
  readonly labelSmoothing?: number;
}

export const lossOptions = fields({ labelSmoothing: maybe(share) });

/**
 * Cross entropy, the mean over the batch (and over positions) of −Σₖ tₖ log softmax(z)ₖ, the classes on axis 1.
 * Targets are distributions of the logits' shape (one-hot for plain labels), which covers smoothed and mixed labels too.
 * Label smoothing ε replaces t by (1 − ε)·t + ε/K (Szegedy et al., 2016). logits [N,K,…], targets the same → [].
 */
export function crossEntropy(logits: Value, targets: Value, options: LossOptions = {}): Value {
  check("crossEntropy", "logits", valueSchema, logits);
  check("crossEntropy", "targets", valueSchema, targets);
  check("crossEntropy", "options", lossOptions, options);
  const { labelSmoothing = 0 } = options;
  if (!sameShape(logits.shape, targets.shape))
    throw new ShapeError(
      `crossEntropy: logits ${formatShape(logits.shape)} and targets ${formatShape(targets.shape)} must have the same shape`,
    );
  const classes = staticDim(logits.shape[1]);
  const smoothed = labelSmoothing ? add(mul(targets, 1 - labelSmoothing), labelSmoothing / classes) : targets;
  const terms = mul(logSoftmax(logits, 1), smoothed);
  const positions = countElements(logits.shape).size / classes;
  return mul(
    reduceSum(
      terms,
      logits.shape.map((_, i) => i),
      { keepdims: false },
    ),
    -1 / positions,
  );
}

import { OptionError, ShapeError } from "../core/errors.js";
import { countElements, formatShape, sameShape, staticDim } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import { add, logSoftmax, mul, reduceSum } from "../ops/index.js";

/**
 * Cross entropy, the mean over the batch (and over positions) of −Σₖ tₖ log softmax(z)ₖ, the classes on axis 1.
 * Targets are distributions of the logits' shape (one-hot for plain labels), so that smoothed and mixed labels need nothing else.
 * Label smoothing ε replaces t by (1 − ε)·t + ε/K (Szegedy et al., 2016). logits [N,K,…], targets the same → [].
 */
export function crossEntropy(
  logits: Value,
  targets: Value,
  { labelSmoothing = 0 }: { readonly labelSmoothing?: number } = {},
): Value {
  if (!sameShape(logits.shape, targets.shape))
    throw new ShapeError(
      `crossEntropy: logits ${formatShape(logits.shape)} and targets ${formatShape(targets.shape)} must have one shape`,
    );
  if (!(labelSmoothing >= 0 && labelSmoothing < 1))
    throw new OptionError(`crossEntropy: labelSmoothing must be in [0, 1), got ${labelSmoothing}`);
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

import { ShapeError } from "../core/errors.js";
import { check, options as fields, maybe, positive, type Schema } from "../core/schema.js";
import { countElements, formatShape, sameShape } from "../core/shape.js";
import { type Value, valueSchema } from "../graph/graph.js";
import { abs, minimum, mul, square, sub } from "../ops/index.js";
import { total } from "../ops/total.js";

/** Options of {@link smoothL1Loss}. */
export interface SmoothL1Options {
  /** Up to this difference the loss is quadratic, and linear beyond. Default 1. */
  readonly beta?: number;
}

export const smoothL1Options: Schema<SmoothL1Options> = fields<SmoothL1Options>({ beta: maybe(positive) });

/**
 * Mean squared error, the mean over all elements of (y − t)²: PyTorch's `mse_loss`. outputs [N,…], targets the same → [].
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * const loss = meanSquaredError(model.call(images), targets);
 */
export function meanSquaredError(outputs: Value, targets: Value): Value {
  requireSame("meanSquaredError", outputs, targets);
  return mean(square(sub(outputs, targets)));
}

/**
 * Smooth L1 loss (Girshick: Fast R-CNN, ICCV 2015), the mean over all elements of d²/2β where d = |y − t| < β, and d − β/2 elsewhere: PyTorch's
 * `smooth_l1_loss`. Large differences count less than in the squared error. outputs [N,…], targets the same → [].
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * const loss = smoothL1Loss(model.call(images), targets, { beta: 0.5 });
 */
export function smoothL1Loss(outputs: Value, targets: Value, options: SmoothL1Options = {}): Value {
  check("smoothL1Loss", "options", smoothL1Options, options);
  requireSame("smoothL1Loss", outputs, targets);
  const { beta = 1 } = options;
  const distance = abs(sub(outputs, targets));
  const least = minimum(distance, outputs.graph.scalar(beta));
  return mean(mul(mul(least, sub(distance, mul(least, 0.5))), 1 / beta));
}

function requireSame(owner: string, outputs: Value, targets: Value): void {
  check(owner, "outputs", valueSchema, outputs);
  check(owner, "targets", valueSchema, targets);
  if (!sameShape(outputs.shape, targets.shape))
    throw new ShapeError(
      `${owner}: outputs ${formatShape(outputs.shape)} and targets ${formatShape(targets.shape)} must have the same shape`,
    );
}

const mean = (x: Value): Value => mul(total(x), 1 / countElements(x.shape).size);

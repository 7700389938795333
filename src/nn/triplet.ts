import { ShapeError } from "../core/errors.js";
import { check, options as fields, flag, maybe, nonNegative, orNull, type Schema } from "../core/schema.js";
import { formatShape } from "../core/shape.js";
import { type Value, valueSchema } from "../graph/graph.js";
import {
  add,
  div,
  equal,
  matMul,
  maximum,
  mul,
  neg,
  reduceMax,
  reduceSum,
  relu,
  softplus,
  sqrt,
  square,
  sub,
  transpose,
  where,
} from "../ops/index.js";

/** Options of {@link tripletLoss}. */
export interface TripletOptions {
  /** By how much the hardest negative must be farther away than the hardest positive; null: the soft margin log(1 + exp(…)). Default 0.3. */
  readonly margin?: number | null;
  /** Scale features to length 1 first. Default false. */
  readonly normalize?: boolean;
}

export const tripletOptions: Schema<TripletOptions> = fields<TripletOptions>({
  margin: maybe(orNull(nonNegative)),
  normalize: maybe(flag),
});

/** Keeps the gradient of the square root finite, as in the authors' code. */
const least = 1e-12;
/** Farther than any two features. */
const far = 1e9;

/**
 * Triplet loss with hard mining within the batch (Hermans et al.: In Defense of the Triplet Loss for Person Re-Identification, 2017), as RGA's authors
 * have it: the mean over the images of max(0, m + max dₚ − min dₙ), where dₚ are the Euclidean distances to images of the same identity in the
 * batch (the image itself included) and dₙ those to others. Without a margin: the mean of log(1 + exp(max dₚ − min dₙ)). Every
 * identity needs several images in a batch: `instances` of a `Loader`. features [N,F], targets [N,K] one-hot identities → [].
 *
 * @example
 * const loss = add(crossEntropy(logits, targets, { labelSmoothing: 0.1 }), tripletLoss(features, targets));
 */
export function tripletLoss(features: Value, targets: Value, options: TripletOptions = {}): Value {
  check("tripletLoss", "features", valueSchema, features);
  check("tripletLoss", "targets", valueSchema, targets);
  check("tripletLoss", "options", tripletOptions, options);
  if (features.shape.length !== 2 || targets.shape.length !== 2 || features.shape[0] !== targets.shape[0])
    throw new ShapeError(
      `tripletLoss: features must be [N,F] and targets [N,K], got ${formatShape(features.shape)} and ${formatShape(targets.shape)}`,
    );
  const { margin = 0.3, normalize = false } = options;
  const x = normalize ? div(features, add(sqrt(reduceSum(square(features), [1])), least)) : features;
  const distances = distancesWithin(x);
  // Products of one-hot rows: 1 for equal identities.
  const same = matMul(targets, targets, { transB: true });
  const positive = reduceMax(mul(distances, same), [1]);
  const negative = neg(reduceMax(neg(where(equal(same, 0), distances, far)), [1]));
  const gap = sub(positive, negative);
  const terms = margin === null ? softplus(gap) : relu(add(gap, margin));
  return mul(reduceSum(terms, [0, 1], { keepdims: false }), 1 / Number(features.shape[0]));
}

/** Euclidean distances between all rows. [N,F] → [N,N] */
function distancesWithin(x: Value): Value {
  const squares = reduceSum(square(x), [1]);
  const products = matMul(x, x, { transB: true });
  return sqrt(maximum(sub(add(squares, transpose(squares, [1, 0])), mul(products, 2)), least));
}

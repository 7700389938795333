import type { Value } from "../graph/graph.js";
import { BatchNorm, constant, Module, Param } from "../nn/index.js";
import { add, mul, reduceMean, reduceSum, reshape, sigmoid, slice, sqrt, square, sub } from "../ops/index.js";
import { applyGate, severalPositions } from "./parts.js";
import { defineAttention } from "./spec.js";

/**
 * Style-based Recalibration Module: y = x · σ(BN(w₁ · μ + w₂ · s)), μ the mean and s = √(variance + 1e-5) of each channel's map, its style,
 * w₁ and w₂ one number per channel.
 * [N,C,H,W] → the same, of at least two positions; the map `channel` is [N,C,1,1].
 *
 * Lee et al.: SRM, ICCV 2019. The variance has H·W − 1 in its denominator, as in the authors' code; the paper divides by
 * H·W. w starts at 0: the gate is ½ at first. 4 learned numbers per channel.
 * Keys: `cfc` [C,2], `bn`.
 *
 * @example
 * const gate = createAttention("srm", 64);
 */
export class StyleRecalibration extends Module {
  static override readonly kind: string = "StyleRecalibration";

  readonly cfc: Param;
  readonly bn: BatchNorm;

  constructor(channels: number) {
    super();
    this.cfc = new Param([channels, 2], constant(0));
    this.bn = new BatchNorm(channels);
  }

  override forward(x: Value): Value {
    const count = severalPositions("StyleRecalibration", x);
    const mean = reduceMean(x, [2, 3]);
    const variance = mul(reduceSum(square(sub(x, mean)), [2, 3]), 1 / (count - 1));
    const weights = x.graph.state(this.cfc);
    const column = (i: number) => reshape(slice(weights, 1, i, i + 1), [1, this.cfc.shape[0]!, 1, 1]);
    const style = add(mul(mean, column(0)), mul(sqrt(add(variance, 1e-5)), column(1)));
    return applyGate(x, sigmoid(this.bn.call(style)), "channel");
  }
}

export const srm = defineAttention({
  name: "srm",
  title: "Style-based Recalibration",
  paper: {
    title: "SRM: A Style-based Recalibration Module for Convolutional Neural Networks",
    venue: "ICCV 2019",
    url: "https://arxiv.org/abs/1903.10829",
  },
  formula: [
    "μ = mean over H, W of x, s = √(variance over H, W of x + 1e-5)",
    "y = x · σ(BN(w₁ · μ + w₂ · s)), w per channel",
  ],
  notes: [
    "The paper divides the variance by H·W, the authors' code by H·W − 1. A map of a single position is refused.",
    "w starts at 0, so that every gate is ½ at first. The authors give w and the norm's parameters no weight decay.",
    "Copies take w as a grouped one-dimensional convolution: `cfc.weight` [C,1,2].",
  ],
  kind: "gate",
  attends: "channel",
  placement: "residual",
  field: "rclb",
  options: {},
  create: (channels) => new StyleRecalibration(channels),
});

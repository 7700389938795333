import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { constant, Module, Param } from "../nn/index.js";
import { add, div, mapSize, mul, reduceMean, reduceSum, reshape, sigmoid, square, sub } from "../ops/index.js";
import { divisorOf, safeSqrt, severalPositions } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  groups: { default: 8, doc: "groups of channels, each with a gate of its own (64 in the authors' networks)" },
});

/**
 * Spatial Group-wise Enhance: in each group of channels every position is weighted by its likeness to the group's mean:
 * y = x · σ(γ · t + β), s = Σ over the group's channels of x · mean over H, W of x, t = (s − mean of s) / (standard deviation of s + 1e-5)
 * over positions, γ and β one number per group.
 * [N,C,H,W] → the same, of at least two positions; the map `attention` [N,groups,H,W] is the gate.
 *
 * Li et al.: Spatial Group-wise Enhance, arXiv 2019. The standard deviation has H·W − 1 in its denominator, and ε is added to
 * it, not to the variance, as in the authors' code. γ starts at 0 and β at 1: the gate is σ(1) everywhere at first. 2 parameters per group.
 * Keys: `weight`, `bias`, both [1,groups,1,1].
 *
 * @example
 * const gate = createAttention("sge", 256, { groups: 64 });
 */
export class SpatialGroupEnhance extends Module {
  static override readonly kind: string = "SpatialGroupEnhance";

  readonly weight: Param;
  readonly bias: Param;
  readonly #groups: number;

  constructor(channels: number, { groups }: OptionsOf<typeof options>) {
    super();
    this.#groups = divisorOf("SpatialGroupEnhance", "groups", channels, groups);
    this.weight = new Param([1, groups, 1, 1], constant(0));
    this.bias = new Param([1, groups, 1, 1], constant(1));
  }

  override forward(x: Value): Value {
    const [height, width] = mapSize(x, "SpatialGroupEnhance");
    const count = severalPositions("SpatialGroupEnhance", x);
    const [n, channels] = x.shape as [number, number];
    const groups = this.#groups;
    const grouped = reshape(x, [n, groups, channels / groups, height, width]);
    const likeness = reduceSum(mul(grouped, reduceMean(grouped, [3, 4])), [2]);
    const centered = sub(likeness, reduceMean(likeness, [3, 4]));
    const variance = mul(reduceSum(square(centered), [3, 4]), 1 / (count - 1));
    const t = reshape(div(centered, add(safeSqrt(variance), 1e-5)), [n, groups, height, width]);
    const gate = sigmoid(add(mul(t, this.weight), this.bias));
    x.graph.tap("attention", gate, groups > 1 ? "3-D" : "spatial");
    return reshape(mul(grouped, reshape(gate, [n, groups, 1, height, width])), x.shape);
  }
}

export const sge = defineAttention({
  name: "sge",
  title: "Spatial Group-wise Enhance",
  paper: {
    title: "Spatial Group-wise Enhance: Improving Semantic Feature Learning in Convolutional Networks",
    venue: "arXiv 2019",
    url: "https://arxiv.org/abs/1905.09646",
  },
  formula: [
    "s = Σ over a group's channels of x · mean over H, W of x",
    "t = (s − mean of s) / (standard deviation of s + 1e-5), over positions",
    "y = x · σ(γ · t + β), one γ and β per group",
  ],
  notes: [
    "The authors use 64 groups on maps of 64 to 2048 channels; 8, the default, divides the channels of small networks too.",
    "γ starts at 0 and β at 1, so that the gate is σ(1) = 0.73 everywhere at first.",
    "The code's standard deviation divides by H·W − 1, and ε is added to it; the paper's by H·W, and adds ε too.",
  ],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "sge",
  options,
  create: (channels, resolved) => new SpatialGroupEnhance(channels, resolved),
});

import { OptionError } from "../core/errors.js";
import { defineOptions, integer, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { constant, Module, Param } from "../nn/index.js";
import { groupNorm, reduceMean, sigmoid } from "../ops/index.js";
import { applyGate } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  groups: { default: 8, doc: "groups of channels in which the means are normalized, of two channels or more" },
});

/**
 * Linear Context Transform: y = x · σ(w · ẑ + b), ẑ = (z − mean) / √(variance + 1e-5) over each group of the channel means z.
 * [N,C,H,W] → the same; the map `channel` is [N,C,1,1].
 *
 * Ruan et al.: Linear Context Transform Block, AAAI 2020. The authors published no code; this is the widely used port of
 * External-Attention-pytorch and pytorch-attention, w starting at 1 and b at 0. 2 learned numbers per channel.
 * Keys: `w`, `b`, both [C].
 *
 * @example
 * const gate = createAttention("lct", 64, { groups: 16 });
 */
export class LinearContextTransform extends Module {
  static override readonly kind: string = "LinearContextTransform";

  readonly w: Param;
  readonly b: Param;
  readonly #groups: number;

  constructor(channels: number, { groups }: OptionsOf<typeof options>) {
    super();
    integer("LinearContextTransform", "groups", groups);
    if (channels % groups || channels === groups)
      throw new OptionError(
        `LinearContextTransform: groups must divide ${channels} channels into groups of two or more, got ${groups}`,
      );
    this.w = new Param([channels], constant(1));
    this.b = new Param([channels], constant(0));
    this.#groups = groups;
  }

  override forward(x: Value): Value {
    const z = reduceMean(x, [2, 3]);
    return applyGate(x, sigmoid(groupNorm(z, this.#groups, this.w, this.b, 1e-5)), "channel");
  }
}

export const lct = defineAttention({
  name: "lct",
  title: "Linear Context Transform",
  paper: {
    title: "Linear Context Transform Block",
    venue: "AAAI 2020",
    url: "https://arxiv.org/abs/1909.03834",
  },
  formula: [
    "z = mean over H, W of x",
    "ẑ = (z − mean) / √(variance + 1e-5), over each group of channels",
    "y = x · σ(w · ẑ + b)",
  ],
  notes: [
    "No code of the authors is public. This is the port of External-Attention-pytorch and pytorch-attention.",
    "A group of one channel would normalize to 0 whatever the input, and is refused.",
    "z is averaged over the map first, so that the norm is over C / groups numbers of one image.",
  ],
  kind: "gate",
  attends: "channel",
  placement: "residual",
  field: "lct",
  options,
  create: (channels, resolved) => new LinearContextTransform(channels, resolved),
});

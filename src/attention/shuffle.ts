import { OptionError } from "../core/errors.js";
import { defineOptions, integer, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { constant, Module, Param } from "../nn/index.js";
import { add, concat, layerNorm, mapSize, mul, reduceMean, reshape, sigmoid, slice } from "../ops/index.js";
import { channelShuffle, divisorUpTo } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  groups: {
    default: null as number | null,
    kind: "number",
    doc: "groups of channels, all with the same weights (null: 64, or the largest divisor of half the channels below)",
  },
});

/** Gain and bias of one gate and of the norm, each shared by all groups. */
const perChannel = (channels: number, value: number) => new Param([1, channels, 1, 1], constant(value));

/** Per-channel gain and offset of one normalized half. Keys: weight, bias [C]. */
class SharedNorm extends Module {
  static override readonly kind: string = "SharedNorm";

  readonly weight: Param;
  readonly bias: Param;

  constructor(channels: number) {
    super();
    this.weight = new Param([channels], constant(1));
    this.bias = new Param([channels], constant(0));
  }

  /** Normalizes each map of [N,G,C,H,W] on its own. */
  override forward(x: Value): Value {
    const [gain, offset] = [this.weight, this.bias].map((p) => reshape(x.graph.state(p), [p.shape[0]!, 1, 1]));
    return layerNorm(x, [3, 4], gain!, offset!, 1e-5);
  }
}

/**
 * Shuffle Attention: the channels are cut into groups, each group into two halves a and b; y = shuffle([a · σ(w₁ · mean(a) + b₁);
 * b · σ(w₂ · norm(b) + b₂)]), norm over each map on its own, and shuffle interleaves the first and the second half of all channels.
 * [N,C,H,W] → the same; the maps are `channel` [N,C/2,1,1], the first gate, and `attention` [N,C/2,H,W], the second.
 *
 * Zhang and Yang: SA-Net, ICASSP 2021. All groups share w₁, b₁, w₂, b₂ and the norm's gain and offset: 3 · C/groups
 * parameters. They start at 0, 1, 0, 1, so that both gates are σ(1) at first.
 * Keys: `cweight`, `cbias`, `sweight`, `sbias` [1,C/2G,1,1], `gn.weight`, `gn.bias` [C/2G].
 *
 * @example
 * const gate = createAttention("shuffle", 256, { groups: 32 });
 */
export class ShuffleAttention extends Module {
  static override readonly kind: string = "ShuffleAttention";

  readonly cweight: Param;
  readonly cbias: Param;
  readonly sweight: Param;
  readonly sbias: Param;
  readonly gn: SharedNorm;
  readonly #groups: number;

  constructor(channels: number, given: OptionsOf<typeof options>) {
    super();
    if (channels % 2) throw new OptionError(`ShuffleAttention: needs an even number of channels, got ${channels}`);
    const groups = integer("ShuffleAttention", "groups", given.groups ?? divisorUpTo(channels / 2, 64));
    if ((channels / 2) % groups)
      throw new OptionError(`ShuffleAttention: groups must divide half of ${channels} channels, got ${groups}`);
    const half = channels / 2 / groups;
    this.cweight = perChannel(half, 0);
    this.cbias = perChannel(half, 1);
    this.sweight = perChannel(half, 0);
    this.sbias = perChannel(half, 1);
    this.gn = new SharedNorm(half);
    this.#groups = groups;
  }

  override forward(x: Value): Value {
    const [n, channels] = x.shape as [number, number];
    const [height, width] = mapSize(x, "ShuffleAttention");
    const half = channels / 2 / this.#groups;
    const grouped = reshape(x, [n, this.#groups, 2 * half, height, width]);
    const [a, b] = [slice(grouped, 2, 0, half), slice(grouped, 2, half)];
    const channel = sigmoid(add(mul(reduceMean(a, [3, 4]), this.cweight), this.cbias)); // [N,G,C/2G,1,1]
    const spatial = sigmoid(add(mul(this.gn.call(b), this.sweight), this.sbias));
    x.graph.tap("channel", reshape(channel, [n, channels / 2, 1, 1]), "channel");
    x.graph.tap("attention", reshape(spatial, [n, channels / 2, height, width]), "3-D");
    return channelShuffle(concat([mul(a, channel), mul(b, spatial)], 2), 2, x.shape);
  }
}

export const shuffle = defineAttention({
  name: "shuffle",
  title: "Shuffle Attention",
  paper: {
    title: "SA-Net: Shuffle Attention for Deep Convolutional Neural Networks",
    venue: "ICASSP 2021",
    url: "https://arxiv.org/abs/2102.00240",
  },
  formula: [
    "a, b = the halves of each group of channels",
    "a′ = a · σ(w₁ · mean over H, W of a + b₁), b′ = b · σ(w₂ · norm(b) + b₂), norm over each map",
    "y = the halves of [a′; b′] interleaved channel by channel",
  ],
  notes: [
    "The code divides C by 2 · groups and drops the rest, so the default of 64 groups needs a multiple of 128 channels. Narrower maps have fewer groups here: half as many as channels.",
    "The paper says group norm; with as many groups as channels, as in the code, it is a norm of each map.",
    "The output's channels are in another order than the input's; those of a shortcut that it is added to are not.",
  ],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "sa",
  options,
  create: (channels, resolved) => new ShuffleAttention(channels, resolved),
});

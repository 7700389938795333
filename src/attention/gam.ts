import { OptionError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, Lambda, Linear, Module, Sequential } from "../nn/index.js";
import { conv, relu, replicatePad, reshape, sigmoid } from "../ops/index.js";
import { applyGate, channelShuffle, linearBottleneck, reducedWidth } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  rate: { default: 4, doc: "channels ÷ hidden channels, or a fraction: hidden ÷ channels" },
  padding: {
    default: "zeros",
    choices: ["zeros", "replicate"],
    doc: "padding of the 7×7 convolutions: zeros (the common code) or replicate (another, with different keys)",
  },
  groups: {
    default: false,
    when: { padding: ["zeros"] },
    doc: "7×7 convolutions in `rate` groups, then a shuffle of channels in 4 groups",
  },
});
type Options = OptionsOf<typeof options>;

/** A fully connected layer over the channels of a map: a 1×1 convolution. */
function overChannels({ weight, bias }: Linear, x: Value): Value {
  return conv(x, reshape(x.graph.state(weight), [...weight.shape, 1, 1]), bias ?? undefined);
}

/** The layers of a variant of GAM, and the fields that hold them. */
interface Parts {
  readonly fields: Readonly<Record<string, Module>>;
  readonly first: Linear;
  readonly second: Linear;
  /** The logits of the spatial gate, [N,C,H,W] → the same. */
  readonly spatial: (x: Value) => Value;
}

function zeros(channels: number, hidden: number, groups: number): Parts {
  const channel_attention = linearBottleneck(channels, hidden, true);
  const [first, , second] = Object.values(channel_attention) as [Linear, Lambda, Linear];
  const spatial_attention = new Sequential([
    new Conv2d(channels, hidden, { kernelSize: 7, padding: 3, groups }),
    new BatchNorm(hidden),
    new Lambda(relu),
    new Conv2d(hidden, channels, { kernelSize: 7, padding: 3, groups }),
    new BatchNorm(channels),
  ]);
  const spatial = (x: Value) => spatial_attention.call(x);
  return { fields: { channel_attention, spatial_attention }, first, second, spatial };
}

function replicate(channels: number, hidden: number): Parts {
  const [linear1, linear2] = [new Linear(channels, hidden), new Linear(hidden, channels)];
  const [conv1, conv2] = [
    new Conv2d(channels, hidden, { kernelSize: 7 }),
    new Conv2d(hidden, channels, { kernelSize: 7 }),
  ];
  const [norm1, norm2] = [new BatchNorm(hidden), new BatchNorm(channels)];
  return {
    fields: { linear1, linear2, conv1, conv2, norm1, norm2 },
    first: linear1,
    second: linear2,
    spatial(x) {
      const t = relu(norm1.call(conv1.call(replicatePad(x, 3))));
      return norm2.call(conv2.call(replicatePad(t, 3)));
    },
  };
}

/**
 * Global Attention Mechanism: x′ = x · c, c = W₂ · ReLU(W₁ · x) at every position separately, then y = x′ · s,
 * s = σ(BN(conv7×7(ReLU(BN(conv7×7(x′)))))).
 * [N,C,H,W] → the same; the maps `channel` and `spatial` are both [N,C,H,W].
 *
 * Liu, Shao, Hoffmann: Global Attention Mechanism, 2021, equations 1 and 2. No repository of the authors is known; no code in use puts a
 * sigmoid on the channel attention, so c is unbounded. `groups` is the paper's cheaper variant, with 4 groups in the shuffle.
 * Keys: `channel_attention.{0,2}`, `spatial_attention.{0,1,3,4}` (zeros); `linear1`, `linear2`, `conv1`, `conv2`, `norm1`, `norm2` (replicate).
 *
 * @example
 * const gate = createAttention("gam", 64, { groups: true });
 */
export class GlobalAttentionMechanism extends Module {
  static override readonly kind: string = "GlobalAttentionMechanism";

  readonly #parts: Parts;
  readonly #shuffles: boolean;

  constructor(channels: number, { rate, padding, groups }: Options) {
    super();
    const owner = "GlobalAttentionMechanism";
    const hidden = reducedWidth(owner, channels, rate, "rate");
    if (groups && (!Number.isInteger(rate) || channels % rate || hidden % rate || channels % 4))
      throw new OptionError(
        `${owner}: with groups, rate ${rate} must divide ${channels} channels and ${hidden} hidden ones, and 4 must divide the channels`,
      );
    this.#parts = padding === "zeros" ? zeros(channels, hidden, groups ? rate : 1) : replicate(channels, hidden);
    this.addParts(this.#parts.fields);
    this.#shuffles = groups;
  }

  override forward(x: Value): Value {
    const { first, second, spatial } = this.#parts;
    const refined = applyGate(x, overChannels(second, relu(overChannels(first, x))), "channel", "3-D");
    const gate = sigmoid(spatial(refined));
    return applyGate(refined, this.#shuffles ? channelShuffle(gate, 4) : gate, "spatial", "3-D");
  }
}

export const gam = defineAttention({
  name: "gam",
  title: "Global Attention Mechanism",
  paper: {
    title: "Global Attention Mechanism: Retain Information to Enhance Channel-Spatial Interactions",
    venue: "arXiv 2021",
    url: "https://arxiv.org/abs/2112.05561",
  },
  formula: [
    "c = W₂ · ReLU(W₁ · x + b₁) + b₂ at every position",
    "x′ = x · c",
    "y = x′ · σ(BN(conv7×7(ReLU(BN(conv7×7(x′))))))",
  ],
  notes: [
    "No repository of the authors is known. No implementation found has a sigmoid on the channel attention.",
    "Implementations differ in the padding of the 7×7 convolutions: zeros (common) or replicated (`padding`).",
    "With `groups` the shuffle has 4 groups, whatever `rate` is.",
  ],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "gam",
  options,
  copies: /\b(\w*(gam|att|channel|spatial)\w*)\./i,
  create: (channels, resolved) => new GlobalAttentionMechanism(channels, resolved),
});

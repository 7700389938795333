import type { OptionsOf } from "../core/options.js";
import { integer } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import {
  BatchNorm,
  Conv2d,
  constant,
  flatten,
  kaimingNormal,
  Lambda,
  Linear,
  Module,
  Sequential,
} from "../nn/index.js";
import { add, mul, reduceMean, relu, reshape, sigmoid } from "../ops/index.js";
import { reducedWidth } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = {
  reduction: { default: 16, doc: "channels ÷ hidden channels of both branches" },
  dilation: { default: 4, doc: "dilation of the spatial branch's 3×3 convolutions" },
  fusion: {
    default: "mul" as "mul" | "add",
    choices: ["mul", "add"] as const,
    doc: "how the two maps meet: multiplied (the authors' code) or added (the paper, equation 2)",
  },
};

/** Logits of the channels, [N,C,H,W] → [N,C,1,1]: a two-layer perceptron of the channel means, with batch norm inside. */
class ChannelGate extends Module {
  readonly gate_c: Sequential;

  constructor(channels: number, hidden: number) {
    super();
    this.gate_c = new Sequential({
      gate_c_fc_0: new Linear(channels, hidden, { biasInit: constant(0) }),
      gate_c_bn_1: new BatchNorm(hidden),
      gate_c_relu_1: new Lambda(relu),
      gate_c_fc_final: new Linear(hidden, channels, { biasInit: constant(0) }),
    });
  }

  override forward(x: Value): Value {
    const z = reduceMean(x, [2, 3]);
    return reshape(this.gate_c.call(flatten(z)), z.shape);
  }
}

/** Logits of the positions, [N,C,H,W] → [N,1,H,W]: two dilated convolutions on few channels. */
class SpatialGate extends Module {
  readonly gate_s: Sequential;

  constructor(channels: number, hidden: number, dilation: number) {
    super();
    const init = { weightInit: kaimingNormal("out"), biasInit: constant(0) };
    const dilated = () => new Conv2d(hidden, hidden, { kernel: 3, padding: dilation, dilation, ...init });
    this.gate_s = new Sequential({
      gate_s_conv_reduce0: new Conv2d(channels, hidden, { kernel: 1, ...init }),
      gate_s_bn_reduce0: new BatchNorm(hidden),
      gate_s_relu_reduce0: new Lambda(relu),
      gate_s_conv_di_0: dilated(),
      gate_s_bn_di_0: new BatchNorm(hidden),
      gate_s_relu_di_0: new Lambda(relu),
      gate_s_conv_di_1: dilated(),
      gate_s_bn_di_1: new BatchNorm(hidden),
      gate_s_relu_di_1: new Lambda(relu),
      gate_s_conv_final: new Conv2d(hidden, 1, { kernel: 1, ...init }),
    });
  }

  override forward(x: Value): Value {
    return this.gate_s.call(x);
  }
}

/**
 * Bottleneck Attention Module, for the places between the stages of a network: y = x · (1 + σ(g · t)),
 * g = W₁ · ReLU(BN(W₀ · mean(x))) for the channels, t = conv1×1(conv3×3(conv3×3(conv1×1(x)))), dilated, for the positions.
 * [N,C,H,W] → the same; the maps are `attention` [N,C,H,W] in (0, 1), and the logits `channel` [N,C,1,1] and `spatial` [N,1,H,W].
 *
 * Park et al.: BAM, BMVC 2018, equations 1 to 5. The paper adds the two maps and norms each branch's output; the authors' code,
 * which is the default here, multiplies them and norms the hidden layers only (`fusion: "add"` adds them).
 * Their code averages the channels over an H×H window; here it is the whole map, the same for square maps and right for others.
 * Training needs batches of at least 2, as the channel branch norms one value per image.
 * Keys: `channel_att.gate_c.gate_c_{fc_0,bn_1,fc_final}`, `spatial_att.gate_s.gate_s_{conv,bn}_{reduce0,di_0,di_1}`, `…gate_s_conv_final`.
 *
 * @example
 * const module = attention("bam", 64, { fusion: "add" });
 */
export class BAM extends Module {
  readonly channel_att: ChannelGate;
  readonly spatial_att: SpatialGate;
  readonly #fuse: typeof mul;

  constructor(channels: number, { reduction, dilation, fusion }: OptionsOf<typeof options>) {
    super();
    const hidden = reducedWidth("BAM", channels, reduction);
    this.channel_att = new ChannelGate(channels, hidden);
    this.spatial_att = new SpatialGate(channels, hidden, integer("BAM", "dilation", dilation));
    this.#fuse = fusion === "mul" ? mul : add;
  }

  override forward(x: Value): Value {
    const [channel, spatial] = [this.channel_att.call(x), this.spatial_att.call(x)];
    const attention = sigmoid(this.#fuse(channel, spatial));
    x.graph.tap("channel", channel);
    x.graph.tap("spatial", spatial);
    x.graph.tap("attention", attention);
    return mul(x, add(1, attention));
  }
}

export const bam = defineAttention({
  name: "bam",
  title: "BAM",
  paper: { title: "BAM: Bottleneck Attention Module", venue: "BMVC 2018", url: "https://arxiv.org/abs/1807.06514" },
  formula: [
    "g = W₁ · ReLU(BN(W₀ · mean over H, W of x))",
    "t = conv1×1(conv3×3(conv3×3(conv1×1(x)))), each but the last with BN and ReLU, 3×3 dilated by 4",
    "y = x · (1 + σ(g · t))",
  ],
  notes: [
    "The paper adds g and t, and norms each branch's output; the authors' code multiplies them, and norms hidden layers only. Multiplication is the default, `fusion: \"add\"` adds.",
    "The authors' code averages over an H×H window: on maps wider than high it ignores the rest, on others it fails. Here the mean is over the whole map.",
    "The authors' file does not run as committed (an unused line refers to an undefined name).",
    "Copies: batch norm after each branch; three dilated convolutions; padding 1 with dilation 2, which shrinks the map and fails.",
  ],
  kind: "gate",
  attends: "both",
  placement: "stage",
  field: "bam",
  options,
  create: (channels, resolved) => new BAM(channels, resolved),
});

import { defineOptions, integer, type OptionsOf } from "../core/options.js";
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

const options = defineOptions({
  reduction: { default: 16, doc: "channels ÷ hidden channels of both branches, or a fraction: hidden ÷ channels" },
  dilation: { default: 4, doc: "dilation of the spatial branch's 3×3 convolutions" },
  fusion: {
    default: null,
    kind: "string",
    choices: [null, "mul", "add"],
    doc: "how the two maps are combined: mul (the authors' code) or add (equation 2) (null: mul; add in variant paper)",
  },
  variant: {
    default: "authors",
    choices: ["authors", "paper"],
    doc: "batch norm after each hidden layer (authors) or at the end of each branch (paper)",
  },
});

type Variant = OptionsOf<typeof options>["variant"];

/** Channel logits, [N,C,H,W] → [N,C,1,1]: a two-layer perceptron on the channel means, with batch norm inside or at its end. */
class ChannelGate extends Module {
  static override readonly kind: string = "ChannelGate";

  readonly gate_c: Sequential;

  constructor(channels: number, hidden: number, variant: Variant) {
    super();
    const inside = variant === "authors";
    this.gate_c = new Sequential({
      gate_c_fc_0: new Linear(channels, hidden, { biasInit: constant(0) }),
      ...(inside ? { gate_c_bn_1: new BatchNorm(hidden) } : {}),
      gate_c_relu_1: new Lambda(relu),
      gate_c_fc_final: new Linear(hidden, channels, { biasInit: constant(0) }),
      ...(inside ? {} : { gate_c_bn_final: new BatchNorm(channels) }),
    });
  }

  override forward(x: Value): Value {
    const z = reduceMean(x, [2, 3]);
    return reshape(this.gate_c.call(flatten(z)), z.shape);
  }
}

/** Position logits, [N,C,H,W] → [N,1,H,W]: two dilated convolutions on few channels, with batch norm inside or at the end. */
class SpatialGate extends Module {
  static override readonly kind: string = "SpatialGate";

  readonly gate_s: Sequential;

  constructor(channels: number, hidden: number, dilation: number, variant: Variant) {
    super();
    const init = { weightInit: kaimingNormal("out"), biasInit: constant(0) };
    const inside = variant === "authors";
    const layer = (name: string, conv: Conv2d) => ({
      [`gate_s_conv_${name}`]: conv,
      ...(inside ? { [`gate_s_bn_${name}`]: new BatchNorm(hidden) } : {}),
      [`gate_s_relu_${name}`]: new Lambda(relu),
    });
    const dilated = () => new Conv2d(hidden, hidden, { kernelSize: 3, padding: dilation, dilation, ...init });
    this.gate_s = new Sequential({
      ...layer("reduce0", new Conv2d(channels, hidden, { kernelSize: 1, ...init })),
      ...layer("di_0", dilated()),
      ...layer("di_1", dilated()),
      gate_s_conv_final: new Conv2d(hidden, 1, { kernelSize: 1, ...init }),
      ...(inside ? {} : { gate_s_bn_final: new BatchNorm(1) }),
    });
  }

  override forward(x: Value): Value {
    return this.gate_s.call(x);
  }
}

/**
 * Bottleneck Attention Module, for use between the stages of a network: y = x · (1 + σ(g · t)),
 * g = W₁ · ReLU(BN(W₀ · mean(x))) for the channels, t = conv1×1(conv3×3(conv3×3(conv1×1(x)))), dilated, for the positions.
 * [N,C,H,W] → the same; the maps are `attention` [N,C,H,W] in (0, 1), and the logits `channel` [N,C,1,1] and `spatial` [N,1,H,W].
 *
 * Park et al.: BAM, BMVC 2018, equations 1 to 5. The paper adds the two maps and norms each branch's output: g = BN(W₁ · ReLU(W₀ · mean(x))),
 * t = BN(conv1×1(…)), y = x · (1 + σ(g + t)), the variant `paper`, with a ReLU after each hidden layer, which its equations omit. The
 * authors' code, which is the default here, multiplies them and norms the hidden layers only.
 * Their code averages over an H×H window, this one over the whole map: the same for square maps, and right for others.
 * Training needs batches of at least 2, as batch norm in the channel branch sees one value per image.
 * Keys: `channel_att.gate_c.gate_c_{fc_0,bn_1,fc_final}`, `spatial_att.gate_s.gate_s_{conv,bn}_{reduce0,di_0,di_1}`, `…gate_s_conv_final`;
 * in the variant `paper` the norms are `…gate_c_bn_final` and `…gate_s_bn_final`.
 *
 * @example
 * const module = createAttention("bam", 64, { variant: "paper" });
 */
export class BAM extends Module {
  static override readonly kind: string = "BAM";

  readonly channel_att: ChannelGate;
  readonly spatial_att: SpatialGate;
  readonly #fuse: typeof mul;

  constructor(channels: number, { reduction, dilation, fusion, variant }: OptionsOf<typeof options>) {
    super();
    const hidden = reducedWidth("BAM", channels, reduction);
    this.channel_att = new ChannelGate(channels, hidden, variant);
    this.spatial_att = new SpatialGate(channels, hidden, integer("BAM", "dilation", dilation), variant);
    this.#fuse = (fusion ?? (variant === "paper" ? "add" : "mul")) === "mul" ? mul : add;
  }

  override forward(x: Value): Value {
    const [channel, spatial] = [this.channel_att.call(x), this.spatial_att.call(x)];
    const attention = sigmoid(this.#fuse(channel, spatial));
    x.graph.tap("channel", channel, "channel");
    x.graph.tap("spatial", spatial, "spatial");
    x.graph.tap("attention", attention, "3-D");
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
    "The paper adds g and t, and norms each branch's output; the authors' code multiplies them, and norms hidden layers only. The code is the default, `variant: \"paper\"` the paper's form: g = BN(W₁ · ReLU(W₀ · mean)), t = BN(conv1×1(…)), y = x · (1 + σ(g + t)).",
    "The paper's equations show no activation between layers, not even in the perceptron. In variant `paper` a ReLU follows each hidden layer, as in the authors' code.",
    "The authors' code averages over an H×H window, which ignores part of a wide map and fails on a tall one. Here the mean is over the whole map.",
    "The authors' file does not run as committed (an unused line refers to an undefined name).",
    "Copies: batch norm after each branch, and inside as well; three dilated convolutions; padding 1 with dilation 2, which shrinks the map and fails.",
  ],
  kind: "gate",
  attends: "both",
  placement: "stage",
  field: "bam",
  options,
  create: (channels, resolved) => new BAM(channels, resolved),
});

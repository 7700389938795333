import { defineOptions, integer, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { ChannelDropout, Conv2d, constant, Module, Param, Sequential } from "../nn/index.js";
import { add, matMul, mul, neg, reshape, softmax } from "../ops/index.js";
import { convNormRelu, dividedWidth, positions } from "./parts.js";
import { defineAttention } from "./spec.js";

const paper = {
  title: "Dual Attention Network for Scene Segmentation",
  venue: "CVPR 2019",
  url: "https://arxiv.org/abs/1809.02983",
};

/**
 * Position Attention Module: every position attends to all others: y = γ · Σⱼ Aᵢⱼ · vⱼ + x, A = softmax over j of (qᵢ · kⱼ), with 1×1
 * projections q and k to ⌊C/8⌋ channels and v to C; not divided by √d.
 * [N,C,H,W] → the same, C ≥ 8; the map `affinity` [N,HW,HW] is A: row i is what position i attends to.
 *
 * Fu et al.: Dual Attention Network, CVPR 2019, equations 1 and 2. γ starts at 0, so the module is the identity at first.
 * The bias of k shifts whole rows of the softmax, so it has no gradient. Memory grows with (HW)².
 * Keys: `gamma` [1], `query_conv`, `key_conv`, `value_conv`.
 *
 * @example
 * const gate = new PositionAttention(64);
 */
export class PositionAttention extends Module {
  static override readonly kind: string = "PositionAttention";

  readonly gamma: Param;
  readonly query_conv: Conv2d;
  readonly key_conv: Conv2d;
  readonly value_conv: Conv2d;

  constructor(channels: number) {
    super();
    const hidden = dividedWidth("PositionAttention", channels, 8);
    this.gamma = new Param([1], constant(0));
    this.query_conv = new Conv2d(channels, hidden, { kernelSize: 1 });
    this.key_conv = new Conv2d(channels, hidden, { kernelSize: 1 });
    this.value_conv = new Conv2d(channels, channels, { kernelSize: 1 });
  }

  override forward(x: Value): Value {
    const [query, key] = [positions(this.query_conv.call(x)), positions(this.key_conv.call(x))]; // [N,C/8,HW]
    const affinity = softmax(matMul(query, key, { transA: true }), 2);
    x.graph.tap("affinity", affinity, "pairwise");
    const seen = matMul(positions(this.value_conv.call(x)), affinity, { transB: true }); // [N,C,HW]
    return add(mul(reshape(seen, x.shape), this.gamma), x);
  }
}

const channelOptions = defineOptions({
  variant: {
    default: "authors",
    choices: ["authors", "paper"],
    doc: "channel affinity: softmax of (max − E) as in the code (authors), or softmax of E (paper)",
  },
});

/**
 * Channel Attention Module: every channel attends to all others: y = γ · A · x + x, A = softmax of each row of (max of the row − E), E = x · xᵀ
 * over positions: the *least* similar channels weigh most. In variant `paper` A = softmax(E): the most similar do.
 * [N,C,H,W] → the same; the map `affinity` [N,C,C] is A.
 *
 * Fu et al.: Dual Attention Network, CVPR 2019, equations 3 and 4, the default as in the authors' code. γ starts at 0.
 * Key: `gamma` [1].
 *
 * @example
 * const gate = new ChannelAttention({ variant: "paper" });
 */
export class ChannelAttention extends Module {
  static override readonly kind: string = "ChannelAttention";

  readonly gamma = new Param([1], constant(0));
  readonly #inverted: boolean;

  constructor({ variant }: OptionsOf<typeof channelOptions>) {
    super();
    this.#inverted = variant === "authors";
  }

  override forward(x: Value): Value {
    const features = positions(x); // [N,C,HW]
    const products = matMul(features, features, { transB: true });
    // A softmax is unchanged when its row is shifted by the maximum.
    const affinity = softmax(this.#inverted ? neg(products) : products, 2);
    x.graph.tap("affinity", affinity, "pairwise");
    return add(mul(reshape(matMul(affinity, features), x.shape), this.gamma), x);
  }
}

const headOptions = defineOptions({
  numClasses: { default: 19, doc: "number of classes (19: Cityscapes)" },
  dropout: {
    default: 0,
    doc: "channel dropout rate before each classifier (0.1 in the authors' runs)",
  },
  ...channelOptions,
});

/**
 * Segmentation head of DANet: a position-attention and a channel-attention branch on C/4 channels, each between two 3×3
 * convolutions, and 1×1 classifiers for their sum and for each alone.
 * [N,C,H,W] → three logits [N,classes,H,W]: fused, position, channel; C ≥ 32. The maps `affinity` are under `sa` and `sc`.
 *
 * Fu et al.: Dual Attention Network, CVPR 2019, figure 2.
 * Keys: `conv5a`, `conv5c`, `sa`, `sc`, `conv51`, `conv52` (`.0`, `.1`), `conv6.1`, `conv7.1`, `conv8.1`.
 *
 * @example
 * const head = new DANetHead(512, { numClasses: 19, dropout: 0.1, variant: "authors" });
 */
export class DANetHead extends Module<[x: Value], readonly [fused: Value, position: Value, channel: Value]> {
  static override readonly kind: string = "DANetHead";

  readonly conv5a: Sequential;
  readonly conv5c: Sequential;
  readonly sa: PositionAttention;
  readonly sc: ChannelAttention;
  readonly conv51: Sequential;
  readonly conv52: Sequential;
  readonly conv6: Sequential;
  readonly conv7: Sequential;
  readonly conv8: Sequential;

  constructor(channels: number, { numClasses, dropout, variant }: OptionsOf<typeof headOptions>) {
    super();
    integer("DANetHead", "numClasses", numClasses);
    dividedWidth("DANetHead", channels, 32);
    const hidden = Math.floor(channels / 4);
    const classifier = () =>
      new Sequential([new ChannelDropout(dropout), new Conv2d(hidden, numClasses, { kernelSize: 1 })]);
    const kernel = { kernelSize: 3, padding: 1 };
    this.conv5a = convNormRelu(channels, hidden, kernel);
    this.conv5c = convNormRelu(channels, hidden, kernel);
    this.sa = new PositionAttention(hidden);
    this.sc = new ChannelAttention({ variant });
    this.conv51 = convNormRelu(hidden, hidden, kernel);
    this.conv52 = convNormRelu(hidden, hidden, kernel);
    this.conv6 = classifier();
    this.conv7 = classifier();
    this.conv8 = classifier();
  }

  override forward(x: Value): readonly [Value, Value, Value] {
    const position = this.conv51.call(this.sa.call(this.conv5a.call(x)));
    const channel = this.conv52.call(this.sc.call(this.conv5c.call(x)));
    return [this.conv8.call(add(position, channel)), this.conv6.call(position), this.conv7.call(channel)];
  }
}

export const pam = defineAttention({
  name: "pam",
  title: "Position Attention Module",
  paper,
  formula: [
    "q, k = 1×1 projections of x to C/8 channels, v to C",
    "Aᵢⱼ = softmax over j of (qᵢ · kⱼ)",
    "yᵢ = γ · Σⱼ Aᵢⱼ · vⱼ + xᵢ",
  ],
  notes: [
    "The product is not divided by √d. γ starts at 0, so the module is the identity at first. The bias of k has no effect.",
    "Memory grows with (H·W)².",
    "Copies: one does not reduce q and k; another has scaled attention with 3×3 convolutions and a fixed map size under the name DANet.",
  ],
  kind: "gate",
  attends: "spatial",
  placement: "residual",
  field: "pam",
  options: {},
  create: (channels) => new PositionAttention(channels),
});

export const cam = defineAttention({
  name: "cam",
  title: "Channel Attention Module",
  paper,
  formula: [
    "E = x · xᵀ over positions, [C, C]",
    "A = softmax of each row of (max of the row − E)",
    "y = γ · A · x + x",
  ],
  notes: [
    "The paper has softmax(E); the authors' code subtracts E from the row's maximum, so that the least similar channels weigh most. The code is what was trained, and the default; `variant: \"paper\"` is softmax(E).",
    "Many copies have plain softmax(E). The weights do not show which it is; Fovea's files record it in their metadata.",
    "γ starts at 0.",
  ],
  kind: "gate",
  attends: "channel",
  placement: "residual",
  field: "cam",
  options: channelOptions,
  create: (_channels, resolved) => new ChannelAttention(resolved),
});

export const danetHead = defineAttention({
  name: "danet-head",
  title: "DANet head",
  paper,
  formula: [
    "p = conv3×3(PAM(conv3×3(x))), c = conv3×3(CAM(conv3×3(x))), each conv with BN and ReLU, on C/4 channels",
    "logits = [conv1×1(p + c), conv1×1(p), conv1×1(c)]",
  ],
  notes: [
    "The authors apply channel dropout of 0.1 before the classifiers; the default here is 0.",
    "The logits have the size of the input map; the authors upsample them to the image afterwards.",
  ],
  kind: "head",
  attends: "both",
  placement: "stage",
  field: "head",
  options: headOptions,
  create: (channels, resolved) => new DANetHead(channels, resolved),
});

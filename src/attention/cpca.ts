import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { Conv2d, Module } from "../nn/index.js";
import { add, gelu, mul, reduceMax, reduceMean, relu, sigmoid } from "../ops/index.js";
import { applyGate, reducedWidth } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  reduction: { default: 4, doc: "channels ÷ hidden channels of the channel gate, or a fraction: hidden ÷ channels" },
});

/** σ(MLP(mean)) + σ(MLP(max)), [N,C,1,1]. Keys `fc1`, `fc2`. */
class ChannelPrior extends Module {
  static override readonly kind: string = "ChannelPrior";

  readonly fc1: Conv2d;
  readonly fc2: Conv2d;

  constructor(channels: number, hidden: number) {
    super();
    this.fc1 = new Conv2d(channels, hidden, { kernelSize: 1 });
    this.fc2 = new Conv2d(hidden, channels, { kernelSize: 1 });
  }

  override forward(x: Value): Value {
    const gate = (z: Value) => sigmoid(this.fc2.call(relu(this.fc1.call(z))));
    return add(gate(reduceMean(x, [2, 3])), gate(reduceMax(x, [2, 3])));
  }
}

/** A depthwise convolution of h×w taps that keeps the size. */
const depthwise = (channels: number, height: number, width: number) =>
  new Conv2d(channels, channels, {
    kernelSize: [height, width],
    padding: [(height - 1) / 2, (width - 1) / 2],
    groups: channels,
  });

/**
 * Channel Prior Convolutional Attention: x₁ = GELU(conv(x)) is weighted by channel, x₂ = x₁ · (σ(MLP(mean)) + σ(MLP(max))), then at every
 * position of every channel: y = conv(x₂ · conv(b₅ + b₇ + b₁₁ + b₂₁)), b₅ = dw5×5(x₂), b_k = dw k×1(dw 1×k(b₅)). No sigmoid: the
 * second gate is unbounded. conv is one 1×1 convolution, the same at all three places.
 * [N,C,H,W] → the same; the maps are `channel` [N,C,1,1], from 0 to 2, and `attention` [N,C,H,W].
 *
 * Huang et al.: Channel prior convolutional attention for medical image segmentation, Computers in Biology and Medicine 2024.
 * Keys: `ca.fc1`, `ca.fc2`, `dconv5_5`, `dconv1_7`, `dconv7_1`, `dconv1_11`, `dconv11_1`, `dconv1_21`, `dconv21_1`, `conv`.
 *
 * @example
 * const gate = createAttention("cpca", 64, { reduction: 8 });
 */
export class ChannelPriorConvolutionalAttention extends Module {
  static override readonly kind: string = "ChannelPriorConvolutionalAttention";

  readonly ca: ChannelPrior;
  readonly dconv5_5: Conv2d;
  readonly dconv1_7: Conv2d;
  readonly dconv7_1: Conv2d;
  readonly dconv1_11: Conv2d;
  readonly dconv11_1: Conv2d;
  readonly dconv1_21: Conv2d;
  readonly dconv21_1: Conv2d;
  readonly conv: Conv2d;

  constructor(channels: number, { reduction }: OptionsOf<typeof options>) {
    super();
    this.ca = new ChannelPrior(channels, reducedWidth("ChannelPriorConvolutionalAttention", channels, reduction));
    this.dconv5_5 = depthwise(channels, 5, 5);
    this.dconv1_7 = depthwise(channels, 1, 7);
    this.dconv7_1 = depthwise(channels, 7, 1);
    this.dconv1_11 = depthwise(channels, 1, 11);
    this.dconv11_1 = depthwise(channels, 11, 1);
    this.dconv1_21 = depthwise(channels, 1, 21);
    this.dconv21_1 = depthwise(channels, 21, 1);
    this.conv = new Conv2d(channels, channels, { kernelSize: 1 });
  }

  override forward(x: Value): Value {
    const projected = gelu(this.conv.call(x));
    const weighed = applyGate(projected, this.ca.call(projected), "channel");
    const local = this.dconv5_5.call(weighed);
    const strips = [
      this.dconv7_1.call(this.dconv1_7.call(local)),
      this.dconv11_1.call(this.dconv1_11.call(local)),
      this.dconv21_1.call(this.dconv1_21.call(local)),
    ];
    const spatial = this.conv.call([...strips, local].reduce((a, b) => add(a, b)));
    x.graph.tap("attention", spatial, "3-D");
    return this.conv.call(mul(spatial, weighed));
  }
}

export const cpca = defineAttention({
  name: "cpca",
  title: "Channel Prior Convolutional Attention",
  paper: {
    title: "Channel prior convolutional attention for medical image segmentation",
    venue: "Computers in Biology and Medicine 2024",
    url: "https://arxiv.org/abs/2306.05196",
  },
  formula: [
    "x₁ = GELU(conv1×1(x)), x₂ = x₁ · (σ(MLP(mean over H, W of x₁)) + σ(MLP(max over H, W of x₁)))",
    "b₅ = dw5×5(x₂), b_k = dw k×1(dw 1×k(b₅)) for k = 7, 11, 21",
    "y = conv1×1(x₂ · conv1×1(b₅ + b₇ + b₁₁ + b₂₁)), all three conv1×1 the same",
  ],
  notes: [
    "Each of the two MLPs has a sigmoid of its own in the code, so the channel gate goes from 0 to 2, other than CBAM's.",
    "The three 1×1 convolutions are one and the same layer, so its gradient is the sum of three.",
    "The authors call the class `RepBlock`; most copies call it `CPCA` or `CPCABlock`.",
  ],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "cpca",
  options,
  create: (channels, resolved) => new ChannelPriorConvolutionalAttention(channels, resolved),
});

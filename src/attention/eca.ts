import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { defaultWeight, Module, Param } from "../nn/index.js";
import {
  concat,
  conv,
  mul,
  pad,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  sigmoid,
  slice,
  transpose,
} from "../ops/index.js";
import { applyGate, divisibleWidth, LineConv, oddKernel, oddKernelFor } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  kernelSize: {
    default: 3,
    when: { variant: ["plain", "ns"] },
    doc: "neighboring channels that a channel's weight depends on (odd)",
  },
  variant: {
    default: "plain",
    choices: ["plain", "ns", "timm", "timm-circular", "timm-mlp"],
    doc: "ns: a separate kernel for each channel; timm: kernel size from the number of channels; timm-circular: the same, wrapping around; timm-mlp: the same after a hidden layer of each channel",
  },
});

/**
 * Efficient Channel Attention: y = x · σ(w ∗ z), a convolution over neighboring channels of the channel means z.
 * [N,C,H,W] → [N,C,H,W]; the map `channel` is [N,C,1,1].
 *
 * Wang et al.: ECA-Net, CVPR 2020, equation 7. The kernel size is an option, as in the authors' code, whose published networks
 * set it stage by stage; the paper's adaptive rule is the variant `timm`.
 * Key: `conv.weight` [1,1,k], or [C,1,k] for `ns`; `timm-mlp`, an experiment of timm's, has `conv` (1 → C/8 numbers, of each channel by
 * itself, and a ReLU) and `conv2` (C/8 → 1, k taps), both with biases.
 *
 * @example
 * const gate = createAttention("eca", 64, { kernelSize: 5 });
 */
export class EfficientChannelAttention extends Module {
  static override readonly kind: string = "EfficientChannelAttention";

  readonly conv: ChannelConv | LineConv;
  readonly conv2: LineConv | null;

  constructor(channels: number, { kernelSize, variant }: OptionsOf<typeof options>) {
    super();
    const k = variant.startsWith("timm")
      ? Math.max(3, oddKernelFor(channels))
      : oddKernel("EfficientChannelAttention", kernelSize);
    const hidden = variant === "timm-mlp" ? divisibleWidth(channels / 8) : undefined;
    if (variant === "ns") this.conv = new ChannelConv(channels, k, false);
    else if (variant === "timm-circular") this.conv = new ChannelConv(1, k, true);
    else this.conv = hidden ? new LineConv(1, hidden, 1, { bias: true }) : new LineConv(1, 1, k);
    this.conv2 = hidden ? new LineConv(hidden, 1, k, { bias: true }) : null;
  }

  override forward(x: Value): Value {
    const z = reduceMean(x, [2, 3]);
    const [n, c] = z.shape as [number, number];
    const mixed = this.conv.call(reshape(z, [n, 1, 1, c]));
    const logits = this.conv2 ? this.conv2.call(relu(mixed)) : mixed;
    return applyGate(x, sigmoid(reshape(logits, z.shape)), "channel");
  }
}

/** A convolution along the channels [N,1,1,C] that wraps around, or with a kernel for each. Key: `weight` [1,1,k] or [C,1,k]. */
class ChannelConv extends Module {
  static override readonly kind: string = "ChannelConv";

  readonly weight: Param;
  readonly #circular: boolean;

  constructor(kernels: number, size: number, circular: boolean) {
    super();
    this.weight = new Param([kernels, 1, size], defaultWeight);
    this.#circular = circular;
  }

  override forward(row: Value): Value {
    const [kernels, , size] = this.weight.shape as [number, number, number];
    const half = (size - 1) / 2;
    const weight = row.graph.state(this.weight);
    if (this.#circular) {
      const wrapped = concat([slice(row, 3, -half), row, slice(row, 3, 0, half)], 3);
      return conv(wrapped, reshape(weight, [1, 1, 1, size]));
    }
    // Each channel's neighbors stacked, [N,1,k,C], weighted by its own kernel and summed.
    const padded = pad(row, { axis: 3, before: half, after: half });
    const neighbors = concat(
      Array.from({ length: size }, (_, i) => slice(padded, 3, i, i + kernels)),
      2,
    );
    return reduceSum(mul(neighbors, transpose(reshape(weight, [kernels, size]), [1, 0])), [2]);
  }
}

export const eca = defineAttention({
  name: "eca",
  title: "Efficient Channel Attention",
  paper: {
    title: "ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks",
    venue: "CVPR 2020",
    url: "https://arxiv.org/abs/1910.03151",
  },
  formula: ["z = mean over H, W of x", "y = x · σ(w ∗ z), a convolution of k taps along the channels"],
  notes: [
    'The paper computes k from the number of channels. The authors\' code takes it as an argument, and their released networks set it by hand, stage by stage (ResNet-50: 3, 5, 5, 7), not as the rule says. The rule is `variant: "timm"`.',
    "Copies: one gives the convolution a bias; one allows k = 1, which makes the channels independent.",
  ],
  kind: "gate",
  attends: "channel",
  placement: "residual",
  field: "eca",
  options,
  copies: /\b(\w*(eca|att)\w*)\./i,
  create: (channels, resolved) => new EfficientChannelAttention(channels, resolved),
});

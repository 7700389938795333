import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { defaultWeight, Module, Param, uniform } from "../nn/index.js";
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
import { applyGate, divisibleWidth, oddKernel } from "./parts.js";
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

/** timm's version of the paper's kernel size for a number of channels: the odd number at or above (log₂ C + 1)/2, at least 3. */
export function adaptiveKernelSize(channels: number): number {
  const t = Math.floor(Math.abs(Math.log2(channels) + 1) / 2);
  return Math.max(3, t % 2 ? t : t + 1);
}

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

  readonly conv: ChannelConv | RowConv;
  readonly conv2: RowConv | null;

  constructor(channels: number, { kernelSize, variant }: OptionsOf<typeof options>) {
    super();
    const k = variant.startsWith("timm")
      ? adaptiveKernelSize(channels)
      : oddKernel("EfficientChannelAttention", kernelSize);
    const hidden = variant === "timm-mlp" ? divisibleWidth(channels / 8, 8) : undefined;
    this.conv = hidden
      ? new RowConv(1, hidden, 1)
      : new ChannelConv(variant === "ns" ? channels : 1, k, variant === "timm-circular");
    this.conv2 = hidden ? new RowConv(hidden, 1, k) : null;
  }

  override forward(x: Value): Value {
    const z = reduceMean(x, [2, 3]);
    const [n, c] = z.shape as [number, number];
    const mixed = this.conv.call(reshape(z, [n, 1, 1, c]));
    const logits = this.conv2 ? this.conv2.call(relu(mixed)) : mixed;
    return applyGate(x, sigmoid(reshape(logits, z.shape)), "channel");
  }
}

/** A 1-D convolution along the last axis of [N,1,1,C]: one kernel for all positions, or one each. */
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
    if (this.#circular && half > 0) {
      const wrapped = concat([slice(row, 3, -half), row, slice(row, 3, 0, half)], 3);
      return conv(wrapped, reshape(weight, [1, 1, 1, size]));
    }
    if (kernels === 1) return conv(row, reshape(weight, [1, 1, 1, size]), undefined, { padding: [0, half] });
    // Each channel's neighbors stacked, [N,1,k,C], weighted by its own kernel and summed.
    const padded = pad(row, { axis: 3, before: half, after: half });
    const neighbors = concat(
      Array.from({ length: size }, (_, i) => slice(padded, 3, i, i + kernels)),
      2,
    );
    return reduceSum(mul(neighbors, transpose(reshape(weight, [kernels, size]), [1, 0])), [2]);
  }
}

/** A 1-D convolution along the last axis of [N,I,1,C] that keeps its length, with a bias. */
class RowConv extends Module {
  static override readonly kind: string = "RowConv";

  readonly weight: Param;
  readonly bias: Param;

  constructor(inputs: number, outputs: number, size: number) {
    super();
    this.weight = new Param([outputs, inputs, size], defaultWeight);
    this.bias = new Param([outputs], uniform(1 / Math.sqrt(inputs * size)));
  }

  override forward(rows: Value): Value {
    const [outputs, inputs, size] = this.weight.shape as [number, number, number];
    const weight = reshape(rows.graph.state(this.weight), [outputs, inputs, 1, size]);
    return conv(rows, weight, this.bias, { padding: [0, (size - 1) / 2] });
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

import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { Conv2d, flatten, Module, type Sequential } from "../nn/index.js";
import { hardSigmoid, reduceMean, relu, reshape, sigmoid } from "../ops/index.js";
import { applyGate, linearBottleneck, reducedWidth, roundedWidth } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  reduction: {
    default: 16,
    when: { variant: ["plain"] },
    doc: "channels ÷ hidden channels, or a fraction: hidden ÷ channels",
  },
  bias: {
    default: false,
    when: { variant: ["plain"] },
    doc: "biases in both layers (in the authors' Caffe network, but not in the common PyTorch code)",
  },
  variant: {
    default: "plain",
    choices: ["plain", "timm", "timm-effective"],
    doc: "timm: 1×1 convolutions with bias, hidden width ⌊C/16⌉ to a multiple of 8; timm-effective: one C→C layer, hard sigmoid",
  },
});

/**
 * Squeeze-and-Excitation: y = x · σ(W₂ · ReLU(W₁ · z)), z the mean of each channel over its map.
 * [N,C,H,W] → [N,C,H,W]; the map `channel` is [N,C,1,1].
 *
 * Hu, Shen, Sun: Squeeze-and-Excitation Networks, CVPR 2018, equations 2 to 4.
 * Keys: `fc.0`, `fc.2` (plain), `fc1`, `fc2` (timm), `fc` (timm-effective).
 *
 * @example
 * const module = new SqueezeExcite(64, { reduction: 16, bias: false, variant: "plain" });
 */
export class SqueezeExcite extends Module {
  static override readonly kind: string = "SqueezeExcite";

  readonly fc: Sequential | Conv2d | undefined;
  readonly fc1: Conv2d | undefined;
  readonly fc2: Conv2d | undefined;
  readonly #gate: (z: Value) => Value;

  constructor(channels: number, { reduction, bias, variant }: OptionsOf<typeof options>) {
    super();
    if (variant === "timm-effective") {
      const fc = new Conv2d(channels, channels, { kernelSize: 1 });
      this.fc = fc;
      this.#gate = (z) => hardSigmoid(fc.call(z));
    } else if (variant === "timm") {
      const hidden = roundedWidth(channels / 16, 8);
      const [fc1, fc2] = [
        new Conv2d(channels, hidden, { kernelSize: 1 }),
        new Conv2d(hidden, channels, { kernelSize: 1 }),
      ];
      this.fc1 = fc1;
      this.fc2 = fc2;
      this.#gate = (z) => sigmoid(fc2.call(relu(fc1.call(z))));
    } else {
      const fc = linearBottleneck(channels, reducedWidth("SqueezeExcite", channels, reduction), bias);
      this.fc = fc;
      this.#gate = (z) => sigmoid(reshape(fc.call(flatten(z)), z.shape));
    }
  }

  override forward(x: Value): Value {
    return applyGate(x, this.#gate(reduceMean(x, [2, 3])), "channel");
  }
}

export const se = defineAttention({
  name: "se",
  title: "Squeeze-and-Excitation",
  paper: { title: "Squeeze-and-Excitation Networks", venue: "CVPR 2018", url: "https://arxiv.org/abs/1709.01507" },
  formula: ["z = mean over H, W of x", "y = x · σ(W₂ · ReLU(W₁ · z))"],
  notes: [
    "The authors' Caffe network has biases in both layers; the widely used PyTorch code, and so the default here, has none (`bias: true` adds them).",
    "timm's differs: biases, a hidden width rounded to a multiple of 8, 1×1 convolutions. With 64 channels it has twice the hidden width of the paper's.",
    "Several copies define an initialization and never call it; PyTorch's default is what was trained.",
  ],
  kind: "gate",
  attends: "channel",
  placement: "residual",
  field: "se",
  options,
  copies: /\b(se\w*|\w*(squeeze|excit|att)\w*|fc\d*)\./i,
  create: (channels, resolved) => new SqueezeExcite(channels, resolved),
});

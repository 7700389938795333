import { OptionError } from "../core/errors.js";
import { defineOptions, integer, type OptionsOf } from "../core/options.js";
import { shown } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { Conv2d, kaimingNormal, Module } from "../nn/index.js";
import { concat, mul, reduceMean, relu, reshape, sigmoid, slice, softmax } from "../ops/index.js";
import { divisorUpTo, reduced } from "./parts.js";
import { defineAttention } from "./spec.js";

/** Groups of the four convolutions in the authors' EPSANet (small). */
const usual = [1, 4, 8, 16] as const;

const options = defineOptions({
  kernelSizes: {
    default: [3, 5, 7, 9] as readonly number[],
    traces: (sizes: readonly number[]) => {
      const odd = sizes.filter((n) => n % 2 && n < 16).toSorted((a, b) => a - b);
      return odd.length === 4 ? [odd] : odd.map((n) => [n, n, n, n]);
    },
    doc: "kernel sizes of the four convolutions (odd)",
  },
  groups: {
    default: null as readonly number[] | null,
    kind: "list",
    traces: () => [[32, 32, 32, 32]],
    doc: "groups of the four convolutions (null: 1, 4, 8, 16, or the largest divisors of a quarter of the channels below)",
  },
  reduction: {
    default: 16,
    doc: "channels of a branch ÷ hidden channels of its gate, or a fraction; at least one is left",
  },
});

/** σ(W₂ · ReLU(W₁ · mean)), [N,C,1,1]. Keys `fc1`, `fc2`. */
class BranchGate extends Module {
  static override readonly kind: string = "BranchGate";

  readonly fc1: Conv2d;
  readonly fc2: Conv2d;

  constructor(channels: number, hidden: number) {
    super();
    const weightInit = kaimingNormal("out");
    this.fc1 = new Conv2d(channels, hidden, { kernelSize: 1, weightInit });
    this.fc2 = new Conv2d(hidden, channels, { kernelSize: 1, weightInit });
  }

  override forward(x: Value): Value {
    return sigmoid(this.fc2.call(relu(this.fc1.call(reduceMean(x, [2, 3])))));
  }
}

/** Four numbers, one per branch. @throws OptionError */
function four(option: string, values: readonly number[], mayBe: (value: number) => boolean, what: string) {
  if (values.length !== 4 || !values.every((value) => Number.isInteger(value) && value >= 1 && mayBe(value)))
    throw new OptionError(`PyramidSqueezeAttention: ${option} must be four ${what}, got ${shown(values)}`);
  return values;
}

/**
 * Pyramid squeeze attention, PSA in EPSANet: four convolutions of different kernel sizes make a quarter of the channels each, and compete:
 * y = [f₄ · w₄; f₃ · w₃; f₂ · w₂; f₁ · w₁], fᵢ = convᵢ(x), w = softmax over the branches of σ(W₂ · ReLU(W₁ · mean(fᵢ))), W₁ and W₂ shared.
 * [N,C,H,W] → the same, C a multiple of 4; the map `channel` [N,C,1,1] is w in the order of y.
 *
 * Zhang et al.: EPSANet, ACCV 2022; it takes the place of a 3×3 convolution. Polarized Self-Attention (`psa-parallel`) shares the abbreviation.
 * Keys: `conv_1` … `conv_4`, `se.fc1`, `se.fc2`.
 *
 * @example
 * const gate = createAttention("epsa", 128, { groups: [32, 32, 32, 32] }); // EPSANet (large)
 */
export class PyramidSqueezeAttention extends Module {
  static override readonly kind: string = "PyramidSqueezeAttention";

  readonly conv_1: Conv2d;
  readonly conv_2: Conv2d;
  readonly conv_3: Conv2d;
  readonly conv_4: Conv2d;
  readonly se: BranchGate;

  constructor(channels: number, { kernelSizes, groups, reduction }: OptionsOf<typeof options>) {
    super();
    const owner = "PyramidSqueezeAttention";
    if (integer(owner, "channels", channels) % 4)
      throw new OptionError(`${owner}: needs a multiple of 4 channels, got ${channels}`);
    const quarter = channels / 4;
    const sizes = four("kernelSizes", kernelSizes, (k) => k % 2 === 1, "odd numbers");
    const parts = groups ?? usual.map((most) => divisorUpTo(quarter, most));
    four("groups", parts, (g) => quarter % g === 0, `divisors of ${quarter}, a quarter of the channels`);
    const branch = (i: 0 | 1 | 2 | 3) =>
      new Conv2d(channels, quarter, {
        kernelSize: sizes[i]!,
        padding: (sizes[i]! - 1) / 2,
        groups: parts[i]!,
        bias: false,
        weightInit: kaimingNormal("out"),
      });
    this.conv_1 = branch(0);
    this.conv_2 = branch(1);
    this.conv_3 = branch(2);
    this.conv_4 = branch(3);
    this.se = new BranchGate(quarter, Math.max(1, reduced(owner, quarter, reduction)));
  }

  override forward(x: Value): Value {
    const [n, channels] = x.shape as [number, number];
    const features = [this.conv_1, this.conv_2, this.conv_3, this.conv_4].map((conv) => conv.call(x));
    const gates = concat(
      features.map((f) => this.se.call(f)),
      1,
    );
    const weights = softmax(reshape(gates, [n, 4, channels / 4, 1]), 1);
    // The authors' code puts each branch before the others.
    const last = [3, 2, 1, 0];
    const of = last.map((i) => reshape(slice(weights, 1, i, i + 1), [n, channels / 4, 1, 1]));
    x.graph.tap("channel", concat(of, 1), "channel");
    return concat(
      last.map((i, k) => mul(features[i]!, of[k]!)),
      1,
    );
  }
}

export const epsa = defineAttention({
  name: "epsa",
  title: "Pyramid Squeeze Attention (EPSANet)",
  paper: {
    title: "EPSANet: An Efficient Pyramid Squeeze Attention Block on Convolutional Neural Network",
    venue: "ACCV 2022",
    url: "https://arxiv.org/abs/2105.14447",
  },
  formula: [
    "fᵢ = convᵢ(x), i = 1 … 4, a quarter of the channels each",
    "w = softmax over i of σ(W₂ · ReLU(W₁ · mean over H, W of fᵢ)), W₁ and W₂ the same for all i",
    "y = [f₄ · w₄; f₃ · w₃; f₂ · w₂; f₁ · w₁]",
  ],
  notes: [
    "The paper stacks the branches from the first to the last; the code, by prepending, from the last to the first.",
    "The softmax is of numbers between 0 and 1, so no branch weighs more than e times another.",
    "The code needs 64 channels or more (16 hidden ones for each of the gate); with fewer there are fewer groups, and one hidden channel, here.",
    "External-Attention-pytorch's module of the name has one gate per branch, with other keys.",
  ],
  kind: "gate",
  attends: "channel",
  placement: "convolution",
  field: "epsa",
  options,
  create: (channels, resolved) => new PyramidSqueezeAttention(channels, resolved),
});

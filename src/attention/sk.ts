import { OptionError } from "../core/errors.js";
import { defineOptions, integer, type OptionsOf } from "../core/options.js";
import { shown } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, kaimingNormal, Module, normal, Sequential } from "../nn/index.js";
import { add, mul, reduceMean, relu, reshape, slice, softmax } from "../ops/index.js";
import { divisorOf, reduced, reducedWidth } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  kernelSizes: {
    default: [3, 5] as readonly number[],
    traces: () => [
      [3, 5, 7],
      [3, 5, 7, 9],
    ],
    when: { variant: ["authors"] },
    doc: "kernel of each path (odd, from 3)",
  },
  keep3x3: {
    default: true,
    when: { variant: ["authors"] },
    doc: "3×3 kernels, dilated, in place of larger ones",
  },
  groups: {
    default: null as number | null,
    kind: "number",
    doc: "groups of the convolutions (null: 1; in the variant insight 32, of the second path alone)",
  },
  reduction: { default: 16, doc: "channels ÷ hidden channels, or a fraction: hidden ÷ channels" },
  minWidth: {
    default: 32,
    when: { variant: ["authors"] },
    doc: "fewest hidden channels, L in the paper",
  },
  variant: {
    default: "authors",
    choices: ["authors", "insight"],
    doc: "insight: the first author's PyTorch code: a dense and a grouped 3×3 convolution, no least width, different keys",
  },
});
type Options = OptionsOf<typeof options>;

/** One path: a convolution that keeps the size, its norm and a ReLU. */
interface Path {
  readonly conv: Conv2d;
  readonly bn: BatchNorm;
}

/** From the sum of the paths to the logits of the selection: two 1×1 convolutions, a norm between. */
interface Selection {
  readonly reduce: Conv2d;
  readonly bn: BatchNorm;
  readonly select: Conv2d;
}

function path(channels: number, kernelSize: number, dilation: number, groups: number): Path {
  const padding = (dilation * (kernelSize - 1)) / 2;
  const geometry = { kernelSize, padding, dilation, groups, bias: false, weightInit: kaimingNormal("in") };
  return { conv: new Conv2d(channels, channels, geometry), bn: new BatchNorm(channels) };
}

function selection(channels: number, hidden: number, paths: number): Selection {
  const layer = (inputs: number, outputs: number) =>
    new Conv2d(inputs, outputs, { kernelSize: 1, bias: false, weightInit: normal(0.01) });
  return { reduce: layer(channels, hidden), bn: new BatchNorm(hidden), select: layer(hidden, paths * channels) };
}

/**
 * Selective Kernel convolution: paths with kernels of different sizes, and for each channel a choice among them:
 * y = Σₖ aₖ · uₖ, uₖ = ReLU(BN(convₖ(x))), a = softmax over k of W₂ · ReLU(BN(W₁ · mean over H, W of Σₖ uₖ)).
 * [N,C,H,W] → the same; the maps `path-1`, `path-2`, … [N,C,1,1] are the aₖ, which sum to 1.
 *
 * Li et al.: Selective Kernel Networks, CVPR 2019, equations 1 to 6. As in the authors' Caffe networks the 5×5 kernel is a dilated 3×3 one,
 * and W₁ has a norm and no bias. They have 32 groups; the default is 1, as in timm, since 32 do not divide every width. Costs a
 * convolution of the map per path.
 * Keys, as timm's: `paths.0.conv`, `paths.0.bn`, …, `attn.fc_reduce`, `attn.bn`, `attn.fc_select`; insight: `conv2`, `bn2`, `conv2g`,
 * `bn2g`, `conv_fc1`, `bn_fc1`, `conv_fc2`.
 *
 * @example
 * const conv = createAttention("sk", 128, { groups: 32 });
 */
export class SelectiveKernel extends Module {
  static override readonly kind: string = "SelectiveKernel";

  readonly #paths: readonly Path[];
  readonly #selection: Selection;

  constructor(channels: number, given: Options) {
    super();
    const { reduction, variant } = given;
    const groups = divisorOf("SelectiveKernel", "groups", channels, given.groups ?? (variant === "insight" ? 32 : 1));
    if (variant === "insight") {
      const hidden = reducedWidth("SelectiveKernel", channels, reduction);
      const [dense, grouped] = [path(channels, 3, 1, 1), path(channels, 3, 1, groups)];
      this.#paths = [dense, grouped];
      this.#selection = selection(channels, hidden, 2);
      this.addParts({ conv2: dense.conv, bn2: dense.bn, conv2g: grouped.conv, bn2g: grouped.bn });
      const { reduce, bn, select } = this.#selection;
      this.addParts({ conv_fc1: reduce, bn_fc1: bn, conv_fc2: select });
      return;
    }
    const hidden = Math.max(reduced("SelectiveKernel", channels, reduction), minWidthOf(given));
    this.#paths = kernelsOf(given).map((size) =>
      given.keep3x3 ? path(channels, 3, (size - 1) / 2, groups) : path(channels, size, 1, groups),
    );
    this.#selection = selection(channels, hidden, this.#paths.length);
    this.addPart("paths", new Sequential(this.#paths.map(({ conv, bn }) => new Sequential({ conv, bn }))));
    const { reduce, bn, select } = this.#selection;
    this.addPart("attn", new Sequential({ fc_reduce: reduce, bn, fc_select: select }));
  }

  override forward(x: Value): Value {
    const outputs = this.#paths.map(({ conv, bn }) => relu(bn.call(conv.call(x))));
    const sum = outputs.reduce((a, b) => add(a, b));
    const { reduce, bn, select } = this.#selection;
    const logits = select.call(relu(bn.call(reduce.call(reduceMean(sum, [2, 3])))));
    const [n, channels] = x.shape;
    const weights = softmax(reshape(logits, [n!, outputs.length, channels!, 1]), 1);
    return outputs
      .map((output, i) => {
        const weight = reshape(slice(weights, 1, i, i + 1), [n!, channels!, 1, 1]);
        x.graph.tap(`path-${i + 1}`, weight, "channel");
        return mul(output, weight);
      })
      .reduce((a, b) => add(a, b));
  }
}

/** @throws OptionError if a kernel has no center, or there is nothing to choose from. */
function kernelsOf({ kernelSizes }: Options): readonly number[] {
  if (kernelSizes.length < 2 || kernelSizes.some((size) => !Number.isInteger(size) || size < 3 || size % 2 === 0))
    throw new OptionError(
      `SelectiveKernel: kernelSizes must be at least two odd numbers from 3, got ${shown(kernelSizes)}`,
    );
  return kernelSizes;
}

const minWidthOf = ({ minWidth }: Options) => integer("SelectiveKernel", "minWidth", minWidth);

export const sk = defineAttention({
  name: "sk",
  title: "Selective Kernel",
  paper: {
    title: "Selective Kernel Networks",
    venue: "CVPR 2019",
    url: "https://arxiv.org/abs/1903.06586",
  },
  formula: [
    "uₖ = ReLU(BN(convₖ(x))), kernels 3×3 and 3×3 dilated by 2",
    "a = softmax over k of W₂ · ReLU(BN(W₁ · mean over H, W of Σₖ uₖ))",
    "y = Σₖ aₖ · uₖ",
  ],
  notes: [
    "In SKNet it replaces the 3×3 convolution of a bottleneck. Inserted into a network it is one more convolution, before the last; it has no stride.",
    "The authors' networks have `groups: 32`, of maps of 128 channels and more.",
    'The first author\'s PyTorch code (`variant: "insight"`) has other paths: a dense 3×3 convolution and one in 32 groups, both undilated; its pooled maps are summed, and the hidden width is C/16, without a least one.',
    "timm rounds the hidden width to a multiple of 8, 16 or 32, and its ResNets give each path half of the input channels. Its keys are used here.",
  ],
  kind: "gate",
  attends: "channel",
  placement: "activation",
  field: "sk",
  options,
  create: (channels, resolved) => new SelectiveKernel(channels, resolved),
});

import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { Conv2d, GroupNorm, Module } from "../nn/index.js";
import {
  add,
  concat,
  conv,
  expand,
  layerNorm,
  mapSize,
  matMul,
  mul,
  reduceMean,
  reshape,
  sigmoid,
  slice,
  softmax,
  transpose,
} from "../ops/index.js";
import { divisorOf, divisorUpTo } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  groups: {
    default: null as number | null,
    kind: "number",
    doc: "groups of channels, all with the same weights (null: 32, or the largest divisor of the channels that leaves two in a group)",
  },
});

/**
 * Efficient Multi-Scale Attention: every group of channels has a gate over positions, from a branch with gates along the height and
 * the width, u = norm(x · σ(f_h) · σ(f_w)), [f_h; f_w] = conv1×1 of the means over W and H, and a branch v = conv3×3(x):
 * y = x · σ(softmax(mean(u)) · v + softmax(mean(v)) · u), means over positions, softmax and products over the group's channels.
 * [N,C,H,W] → the same; the map `attention` [N,groups,H,W] has one gate per group.
 *
 * Ouyang et al.: Efficient Multi-Scale Attention Module with Cross-Spatial Learning, ICASSP 2023. All groups share the weights:
 * 10 · (C/groups)² + 4 · C/groups parameters. The norm is over each map on its own, so mean(u) is its offset β, for any image.
 * Keys: `gn`, `conv1x1`, `conv3x3`.
 *
 * @example
 * const gate = createAttention("ema", 64, { groups: 8 });
 */
export class EfficientMultiScaleAttention extends Module {
  static override readonly kind: string = "EfficientMultiScaleAttention";

  readonly gn: GroupNorm;
  readonly conv1x1: Conv2d;
  readonly conv3x3: Conv2d;
  readonly #groups: number;

  constructor(channels: number, given: OptionsOf<typeof options>) {
    super();
    const owner = "EfficientMultiScaleAttention";
    const usual = divisorUpTo(channels, Math.min(32, channels / 2));
    this.#groups = divisorOf(owner, "groups", channels, given.groups ?? usual);
    const each = channels / this.#groups;
    this.gn = new GroupNorm(each, each);
    this.conv1x1 = new Conv2d(each, each, { kernelSize: 1 });
    this.conv3x3 = new Conv2d(each, each, { kernelSize: 3, padding: 1 });
  }

  override forward(x: Value): Value {
    const [n, channels] = x.shape as [number, number];
    const [height, width] = mapSize(x, "EfficientMultiScaleAttention");
    const each = channels / this.#groups;
    const grouped = reshape(x, [n, this.#groups, each, height, width]);
    const asRows = (v: Value) => reshape(v, [n, this.#groups, each, height * width]);
    const { rows, columns } = this.strips(grouped);
    const [gain, offset] = [this.gn.weight!, this.gn.bias!].map((p) => reshape(x.graph.state(p), [each, 1, 1]));
    const u = layerNorm(mul(mul(grouped, rows), columns), [3, 4], gain!, offset!, 1e-5);
    const v = asRows(this.convolved(x));
    // The mean of each map of u is the norm's offset.
    const ofU = softmax(reshape(x.graph.state(this.gn.bias!), [1, each]), 1);
    const ofV = softmax(transpose(reduceMean(v, [3]), [0, 1, 3, 2]), 3); // [N,G,1,C/G]
    const logits = add(matMul(ofU, v), matMul(ofV, asRows(u))); // [N,G,1,HW]
    const gate = sigmoid(reshape(logits, [n, this.#groups, 1, height, width]));
    x.graph.tap("attention", reshape(gate, [n, this.#groups, height, width]), "3-D");
    return reshape(mul(grouped, gate), x.shape);
  }

  /** The gates of [N,G,C/G,H,W] along the height, [N,G,C/G,H,1], and the width, [N,G,C/G,1,W]. */
  private strips(grouped: Value): { readonly rows: Value; readonly columns: Value } {
    const [n, groups, each, height, width] = grouped.shape as [number, number, number, number, number];
    const means = [reduceMean(grouped, [4], { keepdims: false }), reduceMean(grouped, [3], { keepdims: false })];
    const weight = reshape(grouped.graph.state(this.conv1x1.weight), [each, each]);
    const bias = reshape(grouped.graph.state(this.conv1x1.bias!), [each, 1]);
    const gates = sigmoid(add(matMul(weight, concat(means, 3)), bias)); // [N,G,C/G,H+W]
    return {
      rows: reshape(slice(gates, 3, 0, height), [n, groups, each, height, 1]),
      columns: reshape(slice(gates, 3, height), [n, groups, each, 1, width]),
    };
  }

  /** conv3×3 of every group, with the same weights: a grouped convolution. */
  private convolved(x: Value): Value {
    const groups = this.#groups;
    const repeated = (p: { readonly shape: readonly number[] } & Conv2d["weight"]) => {
      const [first, ...rest] = p.shape as [number, ...number[]];
      const all = expand(reshape(x.graph.state(p), [1, first, ...rest]), [groups, first, ...rest]);
      return reshape(all, [groups * first, ...rest]);
    };
    return conv(x, repeated(this.conv3x3.weight), repeated(this.conv3x3.bias!), { padding: 1, groups });
  }
}

export const ema = defineAttention({
  name: "ema",
  title: "Efficient Multi-Scale Attention",
  paper: {
    title: "Efficient Multi-Scale Attention Module with Cross-Spatial Learning",
    venue: "ICASSP 2023",
    url: "https://arxiv.org/abs/2305.13563",
  },
  formula: [
    "for each group of channels, with the same weights:",
    "[f_h; f_w] = conv1×1([mean over W of x; mean over H of x]), stacked along the positions",
    "u = norm(x · σ(f_h) · σ(f_w)), norm over each map; v = conv3×3(x)",
    "y = x · σ(softmax(mean over H, W of u) · v + softmax(mean over H, W of v) · u)",
  ],
  notes: [
    "The norm is of each map on its own, so the mean of u is the norm's offset: its softmax weighs the channels alike for every image, while the paper means a descriptor of the image.",
    "Two channels to a group are the least that softmax can weigh. Where 32 groups would leave fewer, there are fewer groups here; the code needs at least 32 channels.",
    "Copies have 8 groups by default.",
    "The moving average of weights shares the abbreviation.",
  ],
  kind: "gate",
  attends: "spatial",
  placement: "residual",
  field: "ema",
  options,
  create: (channels, resolved) => new EfficientMultiScaleAttention(channels, resolved),
});

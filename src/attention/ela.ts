import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { GroupNorm, Module } from "../nn/index.js";
import { mul, sigmoid } from "../ops/index.js";
import { divisorOf, divisorUpTo, LineConv, oddKernel, stripMeans } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  kernelSize: { default: 7, doc: "neighboring rows, or columns, that a gate depends on (odd); 7 and 5 were published" },
  groups: {
    default: null as number | null,
    kind: "number",
    doc: "groups of the convolution (null: one per channel); ⌊C/8⌋ in ELA-S and ELA-L",
  },
  normGroups: {
    default: null as number | null,
    kind: "number",
    doc: "groups of the norm (null: 16, or the largest divisor of the channels below); 32 in ELA-T",
  },
});

/**
 * Efficient Local Attention: y = x · g_h · g_w, g = σ(GN(w ∗ z)), z the means over W and over H, w ∗ a convolution of k taps along
 * the height and the width, and a group norm, the same for both.
 * [N,C,H,W] → the same; the maps are `row` [N,C,H,1], g_h, and `column` [N,C,1,W], g_w.
 *
 * Xu and Wan: ELA, 2024. The authors published no repository; keys and defaults are those of the usual copy, as in
 * AIFengheshu/Plug-play-modules. Defaults are ELA-B; ELA-T has kernelSize 5 and normGroups 32, ELA-S kernelSize 5 and groups ⌊C/8⌋, ELA-L groups ⌊C/8⌋.
 * Keys: `conv.weight` [C,C/groups,k], `gn.weight`, `gn.bias` [C].
 *
 * @example
 * const gate = createAttention("ela", 64, { kernelSize: 5, groups: 8 }); // ELA-S
 */
export class EfficientLocalAttention extends Module {
  static override readonly kind: string = "EfficientLocalAttention";

  readonly conv: LineConv;
  readonly gn: GroupNorm;

  constructor(channels: number, { kernelSize, groups, normGroups }: OptionsOf<typeof options>) {
    super();
    const owner = "EfficientLocalAttention";
    const k = oddKernel(owner, kernelSize);
    const convGroups = divisorOf(owner, "groups", channels, groups ?? channels);
    this.conv = new LineConv(channels, channels, k, { groups: convGroups });
    const ofNorm = divisorOf(owner, "normGroups", channels, normGroups ?? divisorUpTo(channels, 16));
    this.gn = new GroupNorm(ofNorm, channels);
  }

  override forward(x: Value): Value {
    const { rows, columns } = stripMeans(x);
    const [row, column] = [rows, columns].map((z) => sigmoid(this.gn.call(this.conv.call(z)))) as [Value, Value];
    x.graph.tap("row", row, "strip");
    x.graph.tap("column", column, "strip");
    return mul(mul(x, row), column);
  }
}

export const ela = defineAttention({
  name: "ela",
  title: "Efficient Local Attention",
  paper: {
    title: "ELA: Efficient Local Attention for Deep Convolutional Neural Networks",
    venue: "arXiv 2024",
    url: "https://arxiv.org/abs/2403.01123",
  },
  formula: [
    "g_h = σ(GN(w ∗ mean over W of x)), g_w = σ(GN(w ∗ mean over H of x)), w of k taps along the positions",
    "y = x · g_h · g_w",
  ],
  notes: [
    "The authors published no repository. Some copies call the layers `con1` and `GN`; one (zhxqaq/yolov8pose-ela) has 32 groups for any width and lays the column gate along the rows, so that it works on square maps only, and there differently.",
    "The paper's four sizes, ELA-T, B, S and L, differ in `kernelSize`, `groups` and `normGroups`.",
    "Height and width share the convolution and the norm.",
  ],
  kind: "gate",
  attends: "both",
  placement: "activation",
  field: "ela",
  options,
  copies: /\b(\w*(ela|att)\w*)\./i,
  create: (channels, resolved) => new EfficientLocalAttention(channels, resolved),
});

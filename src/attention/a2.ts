import { defineOptions, integer, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { Conv2d, Module } from "../nn/index.js";
import { add, matMul, reshape, softmax } from "../ops/index.js";
import { dividedWidth, positions } from "./parts.js";
import { defineAttention } from "./spec.js";

const quarter = (what: string) => ({
  default: null as number | null,
  kind: "number" as const,
  doc: `${what} (null: a quarter of the channels)`,
});

const options = defineOptions({
  cm: quarter("channels of the gathered features"),
  cn: quarter("number of features that are gathered, and handed out again"),
  residual: { default: false, doc: "add x, as the paper does; networks set it" },
});

/**
 * Double attention: features are gathered from the whole map, G = A · softmax(B)ᵀ, softmax over positions, and handed out to every
 * position, Z = G · softmax(V), softmax over the features; y = W · Z, with `residual` x + W · Z. A, B, V: 1×1 convolutions of x.
 * [N,C,H,W] → the same; the maps are `gather` and `distribute` [N,cn,H,W].
 *
 * Chen et al.: A²-Nets, NeurIPS 2018. The authors published no code; keys and form are those of
 * nguyenvo09/Double-Attention-Network, which has no addition of x. The bias of B shifts whole softmaxes, so it has no gradient. Cost grows
 * with cm · cn · H · W, not with (HW)².
 * Keys: `convA`, `convB`, `convV`, `conv_reconstruct`.
 *
 * @example
 * const gate = createAttention("a2", 64, { cm: 32, cn: 16, residual: true });
 */
export class DoubleAttention extends Module {
  static override readonly kind: string = "DoubleAttention";

  readonly convA: Conv2d;
  readonly convB: Conv2d;
  readonly convV: Conv2d;
  readonly conv_reconstruct: Conv2d;
  readonly #residual: boolean;

  constructor(channels: number, given: OptionsOf<typeof options>) {
    super();
    const cm = integer("DoubleAttention", "cm", given.cm ?? dividedWidth("DoubleAttention", channels, 4));
    const cn = integer("DoubleAttention", "cn", given.cn ?? dividedWidth("DoubleAttention", channels, 4));
    this.convA = new Conv2d(channels, cm, { kernelSize: 1 });
    this.convB = new Conv2d(channels, cn, { kernelSize: 1 });
    this.convV = new Conv2d(channels, cn, { kernelSize: 1 });
    this.conv_reconstruct = new Conv2d(cm, channels, { kernelSize: 1 });
    this.#residual = given.residual;
  }

  override forward(x: Value): Value {
    const a = this.convA.call(x);
    const [b, v] = [this.convB.call(x), this.convV.call(x)];
    const gather = softmax(positions(b), 2); // [N,cn,HW]
    const distribute = softmax(positions(v), 1);
    x.graph.tap("gather", reshape(gather, b.shape), "3-D");
    x.graph.tap("distribute", reshape(distribute, v.shape), "3-D");
    const features = matMul(positions(a), gather, { transB: true }); // [N,cm,cn]
    const y = this.conv_reconstruct.call(reshape(matMul(features, distribute), a.shape));
    return this.#residual ? add(x, y) : y;
  }
}

export const a2 = defineAttention({
  name: "a2",
  title: "Double Attention (A²-Net)",
  paper: {
    title: "A²-Nets: Double Attention Networks",
    venue: "NeurIPS 2018",
    url: "https://arxiv.org/abs/1810.11579",
  },
  formula: [
    "A, B, V = conv1×1(x)",
    "G = A · softmax over positions of Bᵀ, [cm, cn]",
    "y = conv1×1(G · softmax over features of V); with `residual` x + that",
  ],
  notes: [
    "The paper adds the result to the input; the copies that people use return it alone. Networks add it (`residual`).",
    "The copy in External-Attention-pytorch calls softmax without an axis, which for three axes means over the images of the batch. Its checkpoints have the same keys but were trained with that.",
    "The authors published no code.",
  ],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "a2",
  options,
  inserted: { residual: true },
  create: (channels, resolved) => new DoubleAttention(channels, resolved),
});

import { OptionError, ShapeError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import { formatShape } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import { Conv2d, Module, normal } from "../nn/index.js";
import { add, mapSize, matMul, mul, reduceMean, reshape, slice, softmax, transpose } from "../ops/index.js";
import { integerPair } from "./parts.js";
import { headWidth, RelativePositions } from "./relative.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  size: {
    default: [] as readonly number[],
    // There are vectors for the distances −(side − 1) … side − 1.
    traces: (sizes: readonly number[]) => {
      const sides = sizes.filter((n) => n % 2).map((n) => (n + 1) / 2);
      return sides.flatMap((height) => sides.map((width) => [height, width]));
    },
    doc: "[height, width] of the maps; the weights depend on both",
  },
  heads: { default: 4, doc: "attention heads; they divide the channels" },
  variant: {
    default: "authors",
    choices: ["authors", "timm"],
    doc: "timm: key names; relative positions are not scaled by 1/√d, and queries have a multiple of 8 channels",
  },
});

/** Names of layers in the two repositories. */
const names = {
  authors: { projection: "to_qkv", positions: "pos_emb", vectors: ["rel_height", "rel_width"] },
  timm: { projection: "qkv", positions: "pos_embed", vectors: ["height_rel", "width_rel"] },
} as const;

/**
 * Multi-head self-attention of BoTNet: every position attends to all others by content and by relative position:
 * y = Σⱼ Aᵢⱼ · vⱼ, A = softmax over j of qᵢ · (kⱼ + a[row of j − row of i] + b[column of j − column of i]) / √d, in each head.
 * [N,C,H,W] → the same; the map `affinity` [N,HW,HW] is A, the mean of the heads.
 *
 * Srinivas et al.: Bottleneck Transformers, CVPR 2021, which takes the place of a 3×3 convolution. The weights' shapes depend on H and W, so
 * `size` is required and maps of another size are refused. Memory grows with (HW)². The authors' TensorFlow code is in PyTorch as
 * lucidrains/bottleneck-transformer-pytorch.
 * Keys: `to_qkv.weight` [3C,C,1,1], `pos_emb.rel_height` [2H−1,d], `pos_emb.rel_width` [2W−1,d]; `qkv`, `pos_embed.height_rel`,
 * `pos_embed.width_rel` in timm.
 *
 * @example
 * const gate = createAttention("bot", 64, { size: [14, 14] });
 */
export class BoTAttention extends Module {
  static override readonly kind: string = "BoTAttention";

  readonly #size: readonly [number, number];
  readonly #heads: number;
  readonly #width: number;
  readonly #scaled: boolean;
  readonly #projection: Conv2d;
  readonly #positions: RelativePositions;

  constructor(channels: number, { size, heads, variant }: OptionsOf<typeof options>) {
    super();
    if (size.length === 0)
      throw new OptionError("BoTAttention: size, [height, width] of the maps, is required: the weights depend on it");
    this.#size = integerPair("BoTAttention", "size", size);
    this.#heads = heads;
    this.#width = headWidth("BoTAttention", channels, heads, variant === "timm");
    this.#scaled = variant === "authors";
    const { projection, positions, vectors } = names[variant];
    const outputs = 2 * this.#width * heads + channels;
    const init = variant === "timm" ? { weightInit: normal(1 / Math.sqrt(channels)) } : {};
    this.#projection = new Conv2d(channels, outputs, { kernelSize: 1, bias: false, ...init });
    this.#positions = new RelativePositions(vectors, this.#size, this.#width);
    this.addParts({ [projection]: this.#projection, [positions]: this.#positions });
  }

  override forward(x: Value): Value {
    const [n] = x.shape as [number];
    const [height, width] = mapSize(x, "BoTAttention");
    if (height !== this.#size[0] || width !== this.#size[1])
      throw new ShapeError(
        `BoTAttention: built for maps of ${this.#size.join("×")}, got ${formatShape(x.shape)}; set size to [${height},${width}]`,
      );
    const all = this.#projection.call(x);
    const queried = this.#heads * this.#width;
    const perHead = (v: Value) => reshape(v, [n, this.#heads, -1, height * width]); // [N,heads,d,HW]
    const [q, k, v] = [slice(all, 1, 0, queried), slice(all, 1, queried, 2 * queried), slice(all, 1, 2 * queried)].map(
      perHead,
    ) as [Value, Value, Value];
    const scaled = mul(q, 1 / Math.sqrt(this.#width));
    const placed = transpose(this.#scaled ? scaled : q, [0, 1, 3, 2]);
    const relative = this.#positions.call(reshape(placed, [n, this.#heads, height, width, this.#width]), this.#size);
    const affinity = softmax(add(matMul(scaled, k, { transA: true }), relative), 3);
    x.graph.tap("affinity", reduceMean(affinity, [1], { keepdims: false }), "pairwise");
    return reshape(matMul(v, affinity, { transB: true }), x.shape);
  }
}

export const bot = defineAttention({
  name: "bot",
  title: "Bottleneck Transformer attention",
  paper: {
    title: "Bottleneck Transformers for Visual Recognition",
    venue: "CVPR 2021",
    url: "https://arxiv.org/abs/2101.11605",
  },
  formula: [
    "q, k, v = conv1×1(x), cut into heads of d channels",
    "A = softmax over j of qᵢ · (kⱼ + a[row of j − row of i] + b[column of j − column of i]) / √d",
    "y = A · v",
  ],
  notes: [
    "The weights' shapes depend on height and width: `size` is required, and another image size needs new weights.",
    'timm divides qᵢ · kⱼ by √d but not the relative positions; its published weights (botnet26t_256) need `variant: "timm"`.',
    "BoTNet puts it in the last stage alone, in place of the 3×3 convolution, with a batch norm and a ReLU after it.",
    "BAM is short for Bottleneck Attention Module, which is something else.",
  ],
  kind: "gate",
  attends: "spatial",
  placement: "convolution",
  field: "mhsa",
  sized: true,
  options,
  create: (channels, resolved) => new BoTAttention(channels, resolved),
});

import { OptionError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, GroupNorm, kaimingNormal, Lambda, Module, Sequential } from "../nn/index.js";
import { add, concat, mapSize, mul, pad, reduceMean, relu, reshape, silu, slice, softmax } from "../ops/index.js";
import { oddKernel } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  kernelSize: { default: 3, doc: "side of the neighborhood that keys describe and values are summed over (odd)" },
});

/** Channels that share the weights of a neighborhood. */
const sharing = 8;
const weightInit = kaimingNormal("out");

/** A convolution that keeps the size, without bias. */
const plainConv = (inputs: number, outputs: number, kernelSize = 1, groups = 1) =>
  new Conv2d(inputs, outputs, { kernelSize, padding: (kernelSize - 1) / 2, groups, bias: false, weightInit });

/**
 * A convolution whose weights differ at every position: y[c] = Σ over t of w[c mod G, t] · x[c] at the t-th of k×k neighbors, zeros beyond the border.
 * x [N,C,H,W], w [N,G·k²,H,W] → [N,C,H,W].
 */
function localConv(x: Value, w: Value, k: number): Value {
  const [n, channels] = x.shape as [number, number];
  const [height, width] = mapSize(x, "ContextualTransformer");
  const groups = (w.shape[1] as number) / k ** 2;
  const half = (k - 1) / 2;
  const wide = [2, 3].reduce((v, axis) => (half ? pad(v, { axis, before: half, after: half }) : v), x);
  const weights = reshape(w, [n, 1, groups, k ** 2, height * width]);
  const terms = Array.from({ length: k ** 2 }, (_, t) => {
    const [dy, dx] = [Math.floor(t / k), t % k];
    const shifted = slice(slice(wide, 2, dy, dy + height), 3, dx, dx + width);
    const weight = reshape(slice(weights, 3, t, t + 1), [n, 1, groups, height * width]);
    return mul(reshape(shifted, [n, channels / groups, groups, height * width]), weight);
  });
  return reshape(
    terms.reduce((a, b) => add(a, b)),
    x.shape,
  );
}

/**
 * Contextual Transformer: keys are a context of each neighborhood, s = ReLU(BN(conv k×k(x))); from them and the queries, x itself, come the
 * weights by which values are summed over the neighborhood, t = SiLU(BN(Σ w · BN(conv1×1(x)))), w = GN(conv1×1(ReLU(BN(conv1×1([x; s]))))).
 * y = a · t + (1 − a) · s, a a softmax for each channel from the mean of s + t.
 * [N,C,H,W] → the same, C a multiple of 8; the map `channel` [N,C,1,1] is a, the share of the dynamic context.
 *
 * Li et al.: Contextual Transformer Networks for Visual Recognition, TPAMI 2022; it takes the place of a 3×3 convolution. Eight channels share w:
 * those whose numbers are alike modulo C/8. w has a group norm in place of a softmax.
 * Keys: `key_embed.{0,1}`, `embed.{0,1,3,4}`, `conv1x1.{0,1}`, `bn`, `se.{0,1,3}`.
 *
 * @example
 * const gate = createAttention("cot", 64, { kernelSize: 5 });
 */
export class ContextualTransformer extends Module {
  static override readonly kind: string = "ContextualTransformer";

  readonly key_embed: Sequential;
  readonly embed: Sequential;
  readonly conv1x1: Sequential;
  readonly bn: BatchNorm;
  readonly se: Sequential;
  readonly #kernelSize: number;

  constructor(channels: number, { kernelSize }: OptionsOf<typeof options>) {
    super();
    if (channels % sharing)
      throw new OptionError(`ContextualTransformer: needs a multiple of ${sharing} channels, got ${channels}`);
    const k = oddKernel("ContextualTransformer", kernelSize);
    const [shared, half, hidden] = [channels / sharing, channels / 2, Math.max(channels / 2, 32)];
    const activation = () => new Lambda(relu);
    this.key_embed = new Sequential([plainConv(channels, channels, k, 4), new BatchNorm(channels), activation()]);
    this.embed = new Sequential([
      plainConv(2 * channels, half),
      new BatchNorm(half),
      activation(),
      new Conv2d(half, k ** 2 * shared, { kernelSize: 1, weightInit }),
      new GroupNorm(shared, k ** 2 * shared),
    ]);
    this.conv1x1 = new Sequential([plainConv(channels, channels), new BatchNorm(channels)]);
    this.bn = new BatchNorm(channels);
    this.se = new Sequential([
      new Conv2d(channels, hidden, { kernelSize: 1, weightInit }),
      new BatchNorm(hidden),
      activation(),
      new Conv2d(hidden, 2 * channels, { kernelSize: 1, weightInit }),
    ]);
    this.#kernelSize = k;
  }

  override forward(x: Value): Value {
    const [n, channels] = x.shape as [number, number];
    const fixed = this.key_embed.call(x);
    const weights = this.embed.call(concat([x, fixed], 1));
    const dynamic = silu(this.bn.call(localConv(this.conv1x1.call(x), weights, this.#kernelSize)));
    const logits = reshape(this.se.call(reduceMean(add(dynamic, fixed), [2, 3])), [n, channels, 2, 1]);
    const shares = softmax(logits, 2);
    const [a, rest] = [slice(shares, 2, 0, 1), slice(shares, 2, 1)] as const;
    x.graph.tap("channel", a, "channel");
    return add(mul(dynamic, a), mul(fixed, rest));
  }
}

export const cot = defineAttention({
  name: "cot",
  title: "Contextual Transformer",
  paper: {
    title: "Contextual Transformer Networks for Visual Recognition",
    venue: "TPAMI 2022",
    url: "https://arxiv.org/abs/2107.12292",
  },
  formula: [
    "s = ReLU(BN(conv k×k(x))), 4 groups; w = GN(conv1×1(ReLU(BN(conv1×1([x; s]))))), k² numbers for each eighth of the channels",
    "t = SiLU(BN(Σ over the k×k neighbors of w · BN(conv1×1(x))))",
    "y = a · t + (1 − a) · s, [a; 1 − a] = softmax of W₂ · ReLU(BN(W₁ · mean over H, W of s + t))",
  ],
  notes: [
    "The paper adds the static and the dynamic context; the code weighs them by channel. In the place of the attention's softmax it has a group norm.",
    "External-Attention-pytorch's module of the name is another: it averages the weights over the neighborhood, and takes a softmax over the whole map.",
    "In training the norm inside the last gate needs more than one image.",
  ],
  kind: "gate",
  attends: "both",
  placement: "convolution",
  field: "cot",
  options,
  create: (channels, resolved) => new ContextualTransformer(channels, resolved),
});

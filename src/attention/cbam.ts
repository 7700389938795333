import { OptionError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { Conv2d, constant, flatten, Lambda, Linear, Module, Sequential } from "../nn/index.js";
import { add, relu, reshape, sigmoid } from "../ops/index.js";
import {
  applyGate,
  type ChannelPool,
  channelPools,
  convBottleneck,
  oddKernel,
  planeConvNorm,
  reducedWidth,
  scaledWidth,
  spatialDescriptor,
} from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  reduction: {
    default: 16,
    when: { channel: [true], variant: ["authors", "plain"] },
    doc: "channels ÷ hidden channels of the channel gate, or a fraction: hidden ÷ channels",
  },
  pools: {
    default: ["avg", "max"] as readonly ChannelPool[],
    when: { channel: [true] },
    doc: "what the channel gate sums up each map by: avg, max, lp, lse",
  },
  channel: { default: true, doc: "use the channel gate" },
  spatial: { default: true, doc: "use the spatial gate" },
  kernelSize: { default: 7, when: { spatial: [true] }, doc: "kernel of the spatial gate (odd)" },
  order: {
    default: "channel-spatial",
    choices: ["channel-spatial", "spatial-channel", "parallel"],
    when: { channel: [true], spatial: [true] },
    doc: "which gate comes first, or both from the same input",
  },
  descriptor: {
    default: "pool",
    choices: ["pool", "conv"],
    when: { spatial: [true], variant: ["authors"] },
    doc: "what the spatial gate sees: maximum and mean over channels, or a learned 1×1 convolution to two maps",
  },
  variant: {
    default: "authors",
    choices: ["authors", "plain", "dense", "timm"],
    doc: "plain: no biases, no batch norm; dense: spatial maps from the module's input; timm: batch-norm momentum 0.1",
  },
  reductionRatio: {
    default: 0.5,
    when: { channel: [true], variant: ["dense"] },
    doc: "hidden ÷ channels of the variant dense",
  },
  rdRatio: {
    default: 1 / 16,
    when: { channel: [true], variant: ["timm"] },
    doc: "hidden ÷ channels of the variant timm",
  },
});
type Options = OptionsOf<typeof options>;

/** From the pooled channels of one kind, [N,C,1,1], the logits of the channel gate. */
type ChannelScore = (pooled: Value) => Value;

/** g = σ(Σ over pools of score(pool(x))), [N,C,1,1]. */
class ChannelGate extends Module {
  readonly #score: ChannelScore;
  readonly #pools: readonly ChannelPool[];

  constructor(fields: object, score: ChannelScore, pools: readonly ChannelPool[]) {
    super();
    Object.assign(this, fields);
    this.#score = score;
    this.#pools = pools;
  }

  override forward(x: Value): Value {
    return sigmoid(this.#pools.map((pool) => this.#score(channelPools[pool](x))).reduce((a, b) => add(a, b)));
  }
}

/** g = σ(score(descriptor(x))), [N,1,H,W]. */
class SpatialGate extends Module {
  readonly #describe: (x: Value) => Value;
  readonly #score: (maps: Value) => Value;

  constructor(fields: object, describe: (x: Value) => Value, score: (maps: Value) => Value) {
    super();
    Object.assign(this, fields);
    this.#describe = describe;
    this.#score = score;
  }

  override forward(x: Value): Value {
    return sigmoid(this.#score(this.#describe(x)));
  }
}

/**
 * Convolutional Block Attention Module: a channel gate, then a spatial gate.
 * Mc = σ(Σ over pools of MLP(pool(x))), x′ = x · Mc; Ms = σ(BN(conv7×7([max over channels; mean over channels] of x′))), y = x′ · Ms.
 * [N,C,H,W] → [N,C,H,W]; the maps are `channel` [N,C,1,1] and `spatial` [N,1,H,W].
 *
 * Woo et al.: CBAM, ECCV 2018, equations 1 to 3. The default is the authors' code: biases in the MLP, [max; mean] in that order,
 * a batch norm with momentum 0.01 whose gain starts at 0, so that the spatial gate is ½ everywhere at first.
 * Copies differ: `plain`, `dense` and `timm` are the most frequent.
 *
 * @example
 * const gate = createAttention("cbam", 64, { reduction: 8 });
 */
export class CBAM extends Module {
  readonly #channel: Module;
  readonly #spatial: Module;
  readonly #options: Options;

  constructor(channels: number, given: Options) {
    super();
    const { pools, kernelSize, variant } = given;
    const known = Object.keys(channelPools);
    if (pools.length === 0 || pools.some((pool) => !known.includes(pool)))
      throw new OptionError(`CBAM: pools must be some of ${known.join(", ")}, got ${JSON.stringify(pools)}`);
    oddKernel("CBAM", kernelSize);
    if (!given.channel && !given.spatial)
      throw new OptionError("CBAM: channel and spatial are both off; nothing would be left");
    if (given.order === "parallel" && variant === "dense")
      throw new OptionError(
        "CBAM: order parallel has no effect with variant dense, whose gates are parallel; leave it out",
      );
    this.#options = given;
    const parts = variants[variant](channels, given);
    this.#channel = parts.channel;
    this.#spatial = parts.spatial;
    const { channel, spatial } = given;
    Object.assign(this, channel ? parts.fields.channel : {}, spatial ? parts.fields.spatial : {});
  }

  override forward(x: Value): Value {
    const { channel, spatial, order, variant } = this.#options;
    const byChannel = (from: Value, to: Value) => (channel ? applyGate(to, this.#channel.call(from), "channel") : to);
    const bySpace = (from: Value, to: Value) => (spatial ? applyGate(to, this.#spatial.call(from), "spatial") : to);
    if (order === "spatial-channel") {
      const refined = bySpace(x, x);
      return byChannel(refined, refined);
    }
    const refined = byChannel(x, x);
    return bySpace(order === "parallel" || variant === "dense" ? x : refined, refined);
  }
}

/** The gates of one form of CBAM, and the fields of the module that hold what they learn. */
interface Parts {
  readonly channel: Module;
  readonly spatial: Module;
  readonly fields: { readonly channel: object; readonly spatial: object };
}

/** Gates that are fields themselves. */
const held = (channel: Module, spatial: Module, [a, b]: readonly [string, string]): Parts => ({
  channel,
  spatial,
  fields: { channel: { [a]: channel }, spatial: { [b]: spatial } },
});

const variants: Record<Options["variant"], (channels: number, options: Options) => Parts> = {
  authors(channels, { reduction, pools, kernelSize, descriptor }) {
    const hidden = reducedWidth("CBAM", channels, reduction);
    const mlp = new Sequential([
      new Lambda(flatten),
      new Linear(channels, hidden),
      new Lambda(relu),
      new Linear(hidden, channels),
    ]);
    // The authors' networks draw this kernel from N(0, 2/(k·k)) and start the norm's gain at 0.
    const spatial = planeConvNorm(kernelSize, { momentum: 0.01, weightInit: constant(0) });
    const compress = descriptor === "conv" ? new Conv2d(channels, 2, { kernelSize: 1, bias: false }) : undefined;
    return held(
      new ChannelGate({ mlp }, (z) => reshape(mlp.call(z), z.shape), pools),
      new SpatialGate(
        compress ? { compress, spatial } : { spatial },
        (x) => (compress ? compress.call(x) : spatialDescriptor(x, ["max", "mean"])),
        (maps) => spatial.call(maps),
      ),
      ["ChannelGate", "SpatialGate"],
    );
  },
  plain(channels, { reduction, pools, kernelSize }) {
    const shared_MLP = convBottleneck(channels, reducedWidth("CBAM", channels, reduction), false);
    const conv2d = new Conv2d(2, 1, { kernelSize: kernelSize, padding: (kernelSize - 1) / 2, bias: false });
    return held(
      new ChannelGate({ shared_MLP }, (z) => shared_MLP.call(z), pools),
      new SpatialGate(
        { conv2d },
        (x) => spatialDescriptor(x, ["mean", "max"]),
        (maps) => conv2d.call(maps),
      ),
      ["channel_attention", "spatial_attention"],
    );
  },
  dense(channels, { reductionRatio, kernelSize, pools }) {
    const hidden = scaledWidth("CBAM", channels, reductionRatio, "reductionRatio");
    const [mlp_1, mlp_2] = [new Linear(channels, hidden), new Linear(hidden, channels)];
    const conv = new Conv2d(2, 1, { kernelSize: kernelSize, padding: (kernelSize - 1) / 2 });
    const score = (z: Value) => reshape(mlp_2.call(relu(mlp_1.call(flatten(z)))), z.shape);
    return {
      fields: { channel: { mlp_1, mlp_2 }, spatial: { conv } },
      channel: new ChannelGate({}, score, pools),
      spatial: new SpatialGate(
        {},
        (x) => spatialDescriptor(x, ["max", "mean"]),
        (maps) => conv.call(maps),
      ),
    };
  },
  timm(channels, { rdRatio, kernelSize, pools }) {
    const hidden = Math.max(1, Math.floor(channels * rdRatio + 0.5));
    const [fc1, fc2] = [
      new Conv2d(channels, hidden, { kernelSize: 1, bias: false }),
      new Conv2d(hidden, channels, { kernelSize: 1, bias: false }),
    ];
    const conv = planeConvNorm(kernelSize, { momentum: 0.1 });
    return held(
      new ChannelGate({ fc1, fc2 }, (z) => fc2.call(relu(fc1.call(z))), pools),
      new SpatialGate(
        { conv },
        (x) => spatialDescriptor(x, ["mean", "max"]),
        (maps) => conv.call(maps),
      ),
      ["channel", "spatial"],
    );
  },
};

export const cbam = defineAttention({
  name: "cbam",
  title: "CBAM",
  paper: {
    title: "CBAM: Convolutional Block Attention Module",
    venue: "ECCV 2018",
    url: "https://arxiv.org/abs/1807.06521",
  },
  formula: [
    "Mc = σ(Σ over pools of MLP(pool(x))), pools: mean and max over H, W",
    "x′ = x · Mc",
    "Ms = σ(BN(conv7×7([max over C of x′; mean over C of x′])))",
    "y = x′ · Ms",
  ],
  notes: [
    "The paper has no batch norm in the spatial gate; the authors' code has one, with momentum 0.01, and their networks start its gain at 0, so that Ms is ½ everywhere at first.",
    "In the authors' code the order of the stacked maps is max, mean; in the paper, and in most copies, it is the reverse. With trained weights this matters.",
    "Pools `lp` and `lse` are sums over the map, not means.",
    "Copies: 1×1 convolutions without bias and no batch norm (`plain`); spatial maps taken from the module's input instead of x′ (`dense`); momentum 0.1 and other rounding (`timm`); a 49×49 kernel and an added skip (not offered).",
  ],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "cbam",
  options,
  copies: /\b(\w*(cbam|att|gate|channel|spatial)\w*|ca|sa)\d*\./i,
  create: (channels, resolved) => new CBAM(channels, resolved),
});

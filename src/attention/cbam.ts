import { OptionError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import { shown } from "../core/schema.js";
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
    doc: "poolings of the channel gate: avg, max, lp, lse",
  },
  channel: { default: true, doc: "use the channel gate" },
  spatial: { default: true, doc: "use the spatial gate" },
  kernelSize: { default: 7, when: { spatial: [true] }, doc: "kernel of the spatial gate (odd)" },
  order: {
    default: "channel-spatial",
    choices: ["channel-spatial", "spatial-channel", "parallel"],
    when: { channel: [true], spatial: [true] },
    doc: "which gate comes first; parallel: both take the same input",
  },
  descriptor: {
    default: "pool",
    choices: ["pool", "conv"],
    when: { spatial: [true], variant: ["authors"] },
    doc: "input of the spatial gate: maximum and mean over channels, or a learned 1×1 convolution to two maps",
  },
  variant: {
    default: "authors",
    choices: ["authors", "plain", "dense", "timm"],
    doc: "plain: no biases, no batch norm; dense: spatial maps from the module's input; timm: batch-norm momentum 0.1",
  },
  reductionRatio: {
    default: 0.5,
    when: { channel: [true], variant: ["dense"] },
    doc: "hidden ÷ channels in variant dense",
  },
  rdRatio: {
    default: 1 / 16,
    when: { channel: [true], variant: ["timm"] },
    doc: "hidden ÷ channels in variant timm",
  },
});
type Options = OptionsOf<typeof options>;

/** Layers of a gate, or of the module itself, by their names in the authors' keys. */
type Layers = Readonly<Record<string, Module>>;

/** g = σ(Σ over pools of score(pool(x))), [N,C,1,1]: `score` maps one pooling's result to logits, [N,C,1,1]. */
class ChannelGate extends Module {
  static override readonly kind: string = "ChannelGate";

  readonly #score: (pooled: Value) => Value;
  readonly #pools: readonly ChannelPool[];

  constructor(layers: Layers, pools: readonly ChannelPool[], score: (pooled: Value) => Value) {
    super();
    this.addParts(layers);
    this.#score = score;
    this.#pools = pools;
  }

  override forward(x: Value): Value {
    return sigmoid(this.#pools.map((pool) => this.#score(channelPools[pool](x))).reduce((a, b) => add(a, b)));
  }
}

/** g = σ(score(descriptor(x))), [N,1,H,W]. */
class SpatialGate extends Module {
  static override readonly kind: string = "SpatialGate";

  readonly #describe: (x: Value) => Value;
  readonly #score: (maps: Value) => Value;

  constructor(layers: Layers, describe: (x: Value) => Value, score: (maps: Value) => Value) {
    super();
    this.addParts(layers);
    this.#describe = describe;
    this.#score = score;
  }

  override forward(x: Value): Value {
    return sigmoid(this.#score(this.#describe(x)));
  }
}

/** One gate of a variant, and what the module registers for it: the gate under its name, or its layers. */
interface Part<G extends Module> {
  readonly gate: G;
  readonly held: Layers;
}

/** A gate registered under its name. */
const named = <G extends Module>(name: string, gate: G): Part<G> => ({ gate, held: { [name]: gate } });

/** A variant of CBAM: how to make each gate that is used. */
interface Form {
  channel(channels: number, options: Options): Part<ChannelGate>;
  spatial(channels: number, options: Options): Part<SpatialGate>;
  /** The spatial gate takes the module's input, not the channel gate's output. */
  readonly seesInput?: true;
}

const maxThenMean = (x: Value) => spatialDescriptor(x, ["max", "mean"]);
const meanThenMax = (x: Value) => spatialDescriptor(x, ["mean", "max"]);

/** The authors' code. Their networks draw the 7×7 kernel from N(0, 2/(k·k)) and start the norm's gain at 0. */
const authors: Form = {
  channel(channels, { reduction, pools }) {
    const hidden = reducedWidth("CBAM", channels, reduction);
    const mlp = new Sequential([
      new Lambda(flatten),
      new Linear(channels, hidden),
      new Lambda(relu),
      new Linear(hidden, channels),
    ]);
    return named("ChannelGate", new ChannelGate({ mlp }, pools, (z) => reshape(mlp.call(z), z.shape)));
  },
  spatial(channels, { kernelSize, descriptor }) {
    const spatial = planeConvNorm(kernelSize, { momentum: 0.01, weightInit: constant(0) });
    const score = (maps: Value) => spatial.call(maps);
    if (descriptor === "pool") return named("SpatialGate", new SpatialGate({ spatial }, maxThenMean, score));
    const compress = new Conv2d(channels, 2, { kernelSize: 1, bias: false });
    return named("SpatialGate", new SpatialGate({ compress, spatial }, (x) => compress.call(x), score));
  },
};

/** Copies without biases or batch norm. */
const plain: Form = {
  channel(channels, { reduction, pools }) {
    const shared_MLP = convBottleneck(channels, reducedWidth("CBAM", channels, reduction), false);
    return named("channel_attention", new ChannelGate({ shared_MLP }, pools, (z) => shared_MLP.call(z)));
  },
  spatial(_, { kernelSize }) {
    const conv2d = new Conv2d(2, 1, { kernelSize, padding: (kernelSize - 1) / 2, bias: false });
    return named("spatial_attention", new SpatialGate({ conv2d }, meanThenMax, (maps) => conv2d.call(maps)));
  },
};

/** Copies that take the spatial maps from the module's input. */
const dense: Form = {
  seesInput: true,
  channel(channels, { reductionRatio, pools }) {
    const hidden = scaledWidth("CBAM", channels, reductionRatio, "reductionRatio");
    const [mlp_1, mlp_2] = [new Linear(channels, hidden), new Linear(hidden, channels)];
    const score = (z: Value) => reshape(mlp_2.call(relu(mlp_1.call(flatten(z)))), z.shape);
    return { gate: new ChannelGate({}, pools, score), held: { mlp_1, mlp_2 } };
  },
  spatial(_, { kernelSize }) {
    const conv = new Conv2d(2, 1, { kernelSize, padding: (kernelSize - 1) / 2 });
    return { gate: new SpatialGate({}, maxThenMean, (maps) => conv.call(maps)), held: { conv } };
  },
};

/** timm's: different rounding, momentum 0.1. */
const timm: Form = {
  channel(channels, { rdRatio, pools }) {
    const hidden = Math.max(1, Math.floor(channels * rdRatio + 0.5));
    const fc1 = new Conv2d(channels, hidden, { kernelSize: 1, bias: false });
    const fc2 = new Conv2d(hidden, channels, { kernelSize: 1, bias: false });
    return named("channel", new ChannelGate({ fc1, fc2 }, pools, (z) => fc2.call(relu(fc1.call(z)))));
  },
  spatial(_, { kernelSize }) {
    const conv = planeConvNorm(kernelSize, { momentum: 0.1 });
    return named("spatial", new SpatialGate({ conv }, meanThenMax, (maps) => conv.call(maps)));
  },
};

const forms: Readonly<Record<Options["variant"], Form>> = { authors, plain, dense, timm };

/**
 * Convolutional Block Attention Module: a channel gate, then a spatial gate.
 * Mc = σ(Σ over pools of MLP(pool(x))), x′ = x · Mc; Ms = σ(BN(conv7×7([max over channels; mean over channels] of x′))), y = x′ · Ms.
 * [N,C,H,W] → [N,C,H,W]; the maps are `channel` [N,C,1,1] and `spatial` [N,1,H,W].
 *
 * Woo et al.: CBAM, ECCV 2018, equations 1 to 3. The default is the authors' code: biases in the MLP, [max; mean] in that order,
 * a batch norm with momentum 0.01 whose gain starts at 0, so that the spatial gate is ½ everywhere at first.
 * Copies differ: `plain`, `dense` and `timm` are the most common.
 *
 * @example
 * const gate = createAttention("cbam", 64, { reduction: 8 });
 */
export class CBAM extends Module {
  static override readonly kind: string = "CBAM";

  readonly #channel: ChannelGate | undefined;
  readonly #spatial: SpatialGate | undefined;
  readonly #order: Options["order"];

  constructor(channels: number, options: Options) {
    super();
    const { pools, kernelSize, variant, channel, spatial, order } = options;
    const known = Object.keys(channelPools);
    if (pools.length === 0 || pools.some((pool) => !known.includes(pool)))
      throw new OptionError(`CBAM: pools must be some of ${known.join(", ")}, got ${shown(pools)}`);
    oddKernel("CBAM", kernelSize);
    if (!channel && !spatial) throw new OptionError("CBAM: channel and spatial are both off; nothing would be left");
    const form = forms[variant];
    if (order === "parallel" && form.seesInput)
      throw new OptionError(
        "CBAM: order parallel has no effect with variant dense, whose gates are always parallel; leave it out",
      );
    this.#order = order === "channel-spatial" && form.seesInput ? "parallel" : order;
    if (channel) this.#channel = this.#hold(form.channel(channels, options));
    if (spatial) this.#spatial = this.#hold(form.spatial(channels, options));
  }

  #hold<G extends Module>({ gate, held }: Part<G>): G {
    this.addParts(held);
    return gate;
  }

  override forward(x: Value): Value {
    const byChannel = (y: Value) => (this.#channel ? applyGate(y, this.#channel.call(y), "channel") : y);
    const bySpace = (from: Value, y: Value) => (this.#spatial ? applyGate(y, this.#spatial.call(from), "spatial") : y);
    if (this.#order === "spatial-channel") return byChannel(bySpace(x, x));
    const refined = byChannel(x);
    return bySpace(this.#order === "parallel" ? x : refined, refined);
  }
}

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
    "Copies: 1×1 convolutions without bias and no batch norm (`plain`); spatial maps taken from the module's input instead of x′ (`dense`); momentum 0.1 and different rounding (`timm`); a 49×49 kernel and an added skip (not offered).",
  ],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "cbam",
  options,
  copies: /\b(\w*(cbam|att|gate|channel|spatial)\w*|ca|sa)\d*\./i,
  create: (channels, resolved) => new CBAM(channels, resolved),
});

import { convNorm, convNormRelu, divisibleWidth } from "../attention/parts.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, Dropout, flatten, initialize, Lambda, Linear, Module, Sequential } from "../nn/index.js";
import { add, concat, hardSigmoid, reduceMean, relu } from "../ops/index.js";
import type { Attachable, AttachPoints } from "./attach.js";
import { ChannelGate } from "./inverted.js";
import { classCount, mapValues, partsOf, probability, refuseAttention } from "./parts.js";
import { type ClassifierOptions, defineModel } from "./spec.js";

/** A block: kernel, wide map, channels out, whether it has squeeze-and-excitation, stride. */
type Row = readonly [kernel: number, hidden: number, outChannels: number, se: boolean, stride: number];

/** Table 7 of the paper, in timm's stages. */
const stages: readonly (readonly Row[])[] = [
  [[3, 16, 16, false, 1]],
  [[3, 48, 24, false, 2]],
  [[3, 72, 24, false, 1]],
  [[5, 72, 40, true, 2]],
  [[5, 120, 40, true, 1]],
  [[3, 240, 80, false, 2]],
  [
    [3, 200, 80, false, 1],
    [3, 184, 80, false, 1],
    [3, 184, 80, false, 1],
    [3, 480, 112, true, 1],
    [3, 672, 112, true, 1],
  ],
  [[5, 672, 160, true, 2]],
  [
    [5, 960, 160, false, 1],
    [5, 960, 160, true, 1],
    [5, 960, 160, false, 1],
    [5, 960, 160, true, 1],
  ],
];
const [wide, last] = [960, 1280];

/** A convolution without bias that keeps the size at stride 1, with PyTorch's initialization. */
const conv = (channels: number, outChannels: number, kernelSize: number, { stride = 1, groups = 1 } = {}) =>
  new Conv2d(channels, outChannels, { kernelSize, stride, groups, padding: (kernelSize - 1) / 2, bias: false });

/** Half of the channels by a 1×1 convolution, the other half from those by a depthwise 3×3. Keys `primary_conv.{0,1}`, `cheap_operation.{0,1}`. */
class GhostModule extends Module {
  static override readonly kind: string = "GhostModule";

  readonly primary_conv: Sequential;
  readonly cheap_operation: Sequential;

  constructor(channels: number, outChannels: number, activates: boolean) {
    super();
    const half = outChannels / 2;
    const layer = activates ? convNormRelu : convNorm;
    this.primary_conv = layer(channels, half, { kernelSize: 1 });
    this.cheap_operation = layer(half, half, { kernelSize: 3, padding: 1, groups: half });
  }

  override forward(x: Value): Value {
    const primary = this.primary_conv.call(x);
    return concat([primary, this.cheap_operation.call(primary)], 1);
  }
}

/**
 * Two ghost modules, wide and back, with a strided depthwise convolution and squeeze-and-excitation between where the table says so, plus
 * the input. Keys `ghost1`, `conv_dw`, `bn_dw`, `se.{conv_reduce,conv_expand}`, `ghost2`, `shortcut.{0,1,2,3}`.
 */
class GhostBottleneck extends Module {
  static override readonly kind: string = "GhostBottleneck";

  readonly ghost1: GhostModule;
  readonly conv_dw: Conv2d | null;
  readonly bn_dw: BatchNorm | null;
  readonly se: ChannelGate | null;
  readonly ghost2: GhostModule;
  readonly shortcut: Sequential | null;

  constructor(channels: number, [kernel, hidden, outChannels, se, stride]: Row) {
    super();
    const strided = stride > 1;
    this.ghost1 = new GhostModule(channels, hidden, true);
    this.conv_dw = strided ? conv(hidden, hidden, kernel, { stride, groups: hidden }) : null;
    this.bn_dw = strided ? new BatchNorm(hidden) : null;
    const gate = {
      hidden: divisibleWidth(hidden / 4, 4),
      names: ["conv_reduce", "conv_expand"],
      gate: hardSigmoid,
    } as const;
    this.se = se ? new ChannelGate(hidden, gate) : null;
    this.ghost2 = new GhostModule(hidden, outChannels, false);
    this.shortcut =
      strided || channels !== outChannels
        ? new Sequential([
            conv(channels, channels, kernel, { stride, groups: channels }),
            new BatchNorm(channels),
            conv(channels, outChannels, 1),
            new BatchNorm(outChannels),
          ])
        : null;
  }

  override forward(x: Value): Value {
    const inner = [this.conv_dw, this.bn_dw, this.se].filter((part) => part !== null);
    const y = this.ghost2.call(inner.reduce((map, part) => part.call(map), this.ghost1.call(x)));
    return add(y, this.shortcut ? this.shortcut.call(x) : x);
  }
}

interface GhostNetOptions extends ClassifierOptions {
  readonly dropout: number;
}

/**
 * Han et al.: GhostNet, CVPR 2020: a strided 3×3 convolution, {@link GhostBottleneck}s, a 1×1 convolution, mean over positions, a linear
 * layer with ReLU, dropout and a linear classifier. [N,3,H,W] → [N,classes].
 * Keys: timm's `conv_stem`, `bn1`, `blocks.<stage>.<i>`, `blocks.9.0.{conv,bn1}`, `conv_head`, `classifier`.
 */
class GhostNet extends Module implements Attachable {
  static override readonly kind: string = "GhostNet";

  readonly conv_stem: Conv2d;
  readonly bn1: BatchNorm;
  readonly blocks: Sequential;
  readonly conv_head: Conv2d;
  readonly classifier: Linear;
  readonly #dropout: Dropout;

  constructor({ numClasses, attention, dropout }: GhostNetOptions) {
    super();
    const owner = "ghostnet_100";
    refuseAttention(owner, attention);
    let channels = 16;
    this.conv_stem = conv(3, channels, 3, { stride: 2 });
    this.bn1 = new BatchNorm(channels);
    const made = stages.map((rows) => {
      const blocks = rows.map((row) => {
        const block = new GhostBottleneck(channels, row);
        channels = row[2];
        return block;
      });
      return new Sequential(blocks);
    });
    const end = new Sequential({ conv: conv(channels, wide, 1), bn1: new BatchNorm(wide), act: new Lambda(relu) });
    this.blocks = new Sequential([...made, new Sequential([end])]);
    this.conv_head = new Conv2d(wide, last, { kernelSize: 1 });
    this.classifier = new Linear(last, classCount(owner, numClasses, 1000));
    this.#dropout = new Dropout(probability(owner, "dropout", dropout));
  }

  override forward(x: Value): Value {
    const features = this.blocks.call(relu(this.bn1.call(this.conv_stem.call(x))));
    const hidden = flatten(relu(this.conv_head.call(reduceMean(features, [2, 3]))));
    return this.classifier.call(this.#dropout.call(hidden));
  }

  attachPoints(): AttachPoints {
    const between = stages.slice(0, -1).map((_, i) => [`blocks.${i}`, this.blocks[String(i)] as Module] as const);
    return {
      residual: mapValues(partsOf(this, GhostBottleneck), (block) => block.ghost2),
      stage: new Map(between),
    };
  }
}

/** The catalogue entry. */
export const ghostnets = [
  defineModel({
    name: "ghostnet_100",
    paper: { title: "GhostNet: More Features from Cheap Operations", url: "https://arxiv.org/abs/1911.11907" },
    task: "classification",
    optimizer: "adamw",
    numClasses: 1000,
    input: [3, 224, 224],
    options: { dropout: { default: 0.2, doc: "dropout rate before the classifier" } },
    create: (options) => initialize(new GhostNet(options), { seed: options.seed ?? 0 }),
  }),
];

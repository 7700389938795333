import type { Value } from "../graph/graph.js";
import {
  Conv2d,
  constant,
  DropPath,
  flatten,
  initialize,
  Lambda,
  Linear,
  Module,
  normal,
  Param,
  Sequential,
} from "../nn/index.js";
import { add, gelu, mul, reduceMean, reshape } from "../ops/index.js";
import { type Attachable, type AttachPoints, modulePlaces } from "./attach.js";
import { ChannelNorm, classCount, growingRates, mapValues, partsOf, probability, refuseAttention } from "./parts.js";
import { type ClassifierOptions, defineModel } from "./spec.js";

const [depths, widths] = [
  [2, 2, 6, 2],
  [40, 80, 160, 320],
] as const;

/** A convolution with bias, N(0, 0.02²) and zeros. */
const conv = (channels: number, outChannels: number, kernelSize: number, geometry = {}) =>
  new Conv2d(channels, outChannels, { kernelSize, ...geometry, weightInit: normal(0.02), biasInit: constant(0) });

/** y = x + γ · W₂ · GELU(W₁ · LN(dw7×7(x))), W₁ to four times the channels. Keys `gamma`, `conv_dw`, `norm`, `mlp.fc1`, `mlp.fc2`. */
class ConvNeXtBlock extends Module {
  static override readonly kind: string = "ConvNeXtBlock";

  readonly gamma: Param;
  readonly conv_dw: Conv2d;
  readonly norm: ChannelNorm;
  readonly mlp: Sequential;
  readonly #drop: DropPath;

  constructor(channels: number, dropPath: number) {
    super();
    this.gamma = new Param([channels], constant(1e-6));
    this.conv_dw = conv(channels, channels, 7, { padding: 3, groups: channels });
    this.norm = new ChannelNorm(channels);
    this.mlp = new Sequential({
      fc1: conv(channels, 4 * channels, 1),
      act: new Lambda(gelu),
      fc2: conv(4 * channels, channels, 1),
    });
    this.#drop = new DropPath(dropPath);
  }

  override forward(x: Value): Value {
    const gain = reshape(x.graph.state(this.gamma), [this.gamma.shape[0]!, 1, 1]);
    return add(x, this.#drop.call(mul(this.mlp.call(this.norm.call(this.conv_dw.call(x))), gain)));
  }
}

/** A norm and a strided 2×2 convolution, except in the first stage, then blocks. Keys `downsample.{0,1}`, `blocks.<i>`. */
class Stage extends Module {
  static override readonly kind: string = "Stage";

  readonly downsample: Sequential | null;
  readonly blocks: Sequential;

  constructor(channels: number, outChannels: number, dropPaths: readonly number[]) {
    super();
    const halve = () => new Sequential([new ChannelNorm(channels), conv(channels, outChannels, 2, { stride: 2 })]);
    this.downsample = channels === outChannels ? null : halve();
    this.blocks = new Sequential(dropPaths.map((rate) => new ConvNeXtBlock(outChannels, rate)));
  }

  override forward(x: Value): Value {
    return this.blocks.call(this.downsample ? this.downsample.call(x) : x);
  }
}

interface ConvNeXtOptions extends ClassifierOptions {
  readonly dropPath: number;
}

/**
 * Liu et al.: A ConvNet for the 2020s, CVPR 2022, in timm's smallest size, Atto: a strided 4×4 convolution and norm, four stages of
 * {@link ConvNeXtBlock}s, mean over positions, layer norm, linear classifier. [N,3,H,W] → [N,classes].
 * Keys: timm's `stem.{0,1}`, `stages.<i>.downsample.{0,1}`, `stages.<i>.blocks.<j>`, `head.norm`, `head.fc`.
 */
class ConvNeXt extends Module implements Attachable {
  static override readonly kind: string = "ConvNeXt";

  readonly stem: Sequential;
  readonly stages: Sequential;
  readonly head: Sequential;

  constructor({ numClasses, attention, dropPath }: ConvNeXtOptions) {
    super();
    const owner = "convnext_atto";
    refuseAttention(owner, attention);
    const rates = growingRates(probability(owner, "dropPath", dropPath), depths);
    const stages = rates.map((ofStage, i) => new Stage(widths[Math.max(0, i - 1)]!, widths[i]!, ofStage));
    this.stem = new Sequential([conv(3, widths[0], 4, { stride: 4 }), new ChannelNorm(widths[0])]);
    this.stages = new Sequential(stages);
    const init = { weightInit: normal(0.02), biasInit: constant(0) };
    this.head = new Sequential({
      norm: new ChannelNorm(widths[3]),
      flatten: new Lambda(flatten),
      fc: new Linear(widths[3], classCount(owner, numClasses, 1000), init),
    });
  }

  override forward(x: Value): Value {
    return this.head.call(reduceMean(this.stages.call(this.stem.call(x)), [2, 3]));
  }

  attachPoints(): AttachPoints {
    const stages = [...partsOf(this, Stage).values()];
    return {
      residual: mapValues(partsOf(this, ConvNeXtBlock), (block) => block.mlp),
      stage: modulePlaces(this, stages.slice(0, -1)),
    };
  }
}

/** The catalogue entry. */
export const convnexts = [
  defineModel({
    name: "convnext_atto",
    paper: { title: "A ConvNet for the 2020s", url: "https://arxiv.org/abs/2201.03545" },
    task: "classification",
    optimizer: "adamw",
    numClasses: 1000,
    input: [3, 224, 224],
    options: {
      dropPath: { default: 0, doc: "drop path rate of the last block; it grows linearly from 0 at the first" },
    },
    create: (options) => initialize(new ConvNeXt(options), { seed: options.seed ?? 0 }),
  }),
];

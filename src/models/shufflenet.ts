import { channelShuffle } from "../attention/parts.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, globalAveragePool, initialize, Lambda, Linear, Module, Sequential } from "../nn/index.js";
import { concat, maxPool, relu, slice } from "../ops/index.js";
import type { Attachable, AttachPoints } from "./attach.js";
import { classCount, mapValues, partsOf, refuseAttention } from "./parts.js";
import { type ClassifierOptions, defineModel } from "./spec.js";

/** Channels of the three stages and of the last convolution: table 5 of the paper. */
const architectures = { x0_5: [48, 96, 192, 1024], x1_0: [116, 232, 464, 1024] } as const;
type Width = keyof typeof architectures;
const first = 24;
const repeats = [4, 8, 4] as const;

/** A convolution without bias and its norm, with PyTorch's initialization. */
function layer(channels: number, outChannels: number, kernelSize: number, stride = 1, groups = 1): Module[] {
  const geometry = { kernelSize, stride, groups, padding: (kernelSize - 1) / 2, bias: false };
  return [new Conv2d(channels, outChannels, geometry), new BatchNorm(outChannels)];
}

const activation = () => new Lambda(relu);

/**
 * Half of the channels pass, the others go through 1×1, depthwise 3×3 and 1×1 convolutions; then all are interleaved. With stride 2 both
 * halves come from all channels, one by a depthwise and a 1×1 convolution. Keys `branch1.<i>`, `branch2.<i>`.
 */
class ShuffleUnit extends Module {
  static override readonly kind: string = "ShuffleUnit";

  readonly branch1: Sequential | null;
  readonly branch2: Sequential;

  constructor(channels: number, outChannels: number, stride: number) {
    super();
    const half = outChannels / 2;
    const skip = [...layer(channels, channels, 3, stride, channels), ...layer(channels, half, 1), activation()];
    this.branch1 = stride > 1 ? new Sequential(skip) : null;
    this.branch2 = new Sequential([
      ...layer(stride > 1 ? channels : half, half, 1),
      activation(),
      ...layer(half, half, 3, stride, half),
      ...layer(half, half, 1),
      activation(),
    ]);
  }

  override forward(x: Value): Value {
    const half = (x.shape[1] as number) / 2;
    const halves = this.branch1
      ? [this.branch1.call(x), this.branch2.call(x)]
      : [slice(x, 1, 0, half), this.branch2.call(slice(x, 1, half))];
    return channelShuffle(concat(halves, 1), 2);
  }
}

/**
 * Ma et al.: ShuffleNet V2, ECCV 2018: a strided 3×3 convolution and max pooling, three stages of {@link ShuffleUnit}s, a 1×1 convolution, mean
 * over positions, linear classifier. [N,3,H,W] → [N,classes]. Keys: torchvision's `conv1`, `stage2.<i>` … `stage4.<i>`, `conv5`, `fc`.
 */
class ShuffleNetV2 extends Module implements Attachable {
  static override readonly kind: string = "ShuffleNetV2";

  readonly conv1: Sequential;
  readonly stage2: Sequential;
  readonly stage3: Sequential;
  readonly stage4: Sequential;
  readonly conv5: Sequential;
  readonly fc: Linear;

  constructor(width: Width, { numClasses, attention }: ClassifierOptions) {
    super();
    const owner = `shufflenet_v2_${width}`;
    refuseAttention(owner, attention);
    const [second, third, fourth, last] = architectures[width];
    const stage = (channels: number, outChannels: number, count: number) =>
      new Sequential(
        Array.from({ length: count }, (_, i) =>
          i === 0 ? new ShuffleUnit(channels, outChannels, 2) : new ShuffleUnit(outChannels, outChannels, 1),
        ),
      );
    this.conv1 = new Sequential([...layer(3, first, 3, 2), activation()]);
    this.stage2 = stage(first, second, repeats[0]);
    this.stage3 = stage(second, third, repeats[1]);
    this.stage4 = stage(third, fourth, repeats[2]);
    this.conv5 = new Sequential([...layer(fourth, last, 1), activation()]);
    this.fc = new Linear(last, classCount(owner, numClasses, 1000));
  }

  override forward(x: Value): Value {
    const stem = maxPool(this.conv1.call(x), { kernelSize: 3, stride: 2, padding: 1 });
    const features = [this.stage2, this.stage3, this.stage4, this.conv5].reduce((y, part) => part.call(y), stem);
    return this.fc.call(globalAveragePool(features));
  }

  attachPoints(): AttachPoints {
    return {
      residual: mapValues(partsOf(this, ShuffleUnit), (unit) => unit.branch2),
      stage: new Map([
        ["stage2", this.stage2],
        ["stage3", this.stage3],
      ]),
    };
  }
}

/** Catalogue entries of the published widths. */
export const shufflenets = (["x0_5", "x1_0"] as const).map((width) =>
  defineModel({
    name: `shufflenet_v2_${width}` as const,
    paper: {
      title: "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
      url: "https://arxiv.org/abs/1807.11164",
    },
    task: "classification",
    numClasses: 1000,
    input: [3, 224, 224],
    options: {},
    create: (options) => initialize(new ShuffleNetV2(width, options), { seed: options.seed ?? 0 }),
  }),
);

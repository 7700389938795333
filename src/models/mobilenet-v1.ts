import { check, options as fields } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, globalAveragePool, initialize, Lambda, Linear, Module, Sequential } from "../nn/index.js";
import { leakyRelu } from "../ops/index.js";
import type { Attachable, AttachPoints } from "./attach.js";
import { classCount, conv, refuseAttention } from "./parts.js";
import { type ClassifierOptions, classifierFields, defineModel } from "./spec.js";

const slope = 0.1;
const activation = () => new Lambda((x) => leakyRelu(x, slope));

/** Channels and stride of each block after the first convolution, at a quarter of the paper's width. */
const stages = {
  stage1: [
    [16, 1],
    [32, 2],
    [32, 1],
    [64, 2],
    [64, 1],
  ],
  stage2: [
    [128, 2],
    [128, 1],
    [128, 1],
    [128, 1],
    [128, 1],
    [128, 1],
  ],
  stage3: [
    [256, 2],
    [256, 1],
  ],
} as const;

/** A depthwise 3×3 and a pointwise convolution, each with norm and activation. Keys `0`, `1`, `3`, `4`. */
function separable(channels: number, outChannels: number, stride: number): Sequential {
  const [depthwise, pointwise] = [
    conv(channels, channels, 3, { stride, groups: channels }),
    conv(channels, outChannels, 1),
  ];
  return new Sequential([
    depthwise,
    new BatchNorm(channels),
    activation(),
    pointwise,
    new BatchNorm(outChannels),
    activation(),
  ]);
}

/**
 * MobileNetV1 at a quarter of the width with leaky ReLUs (slope 0.1): the small ImageNet backbone of face detectors.
 * [N,3,H,W] → [N,classes]. Keys `stage1.<i>`, `stage2.<i>`, `stage3.<i>`, `fc`.
 *
 * Howard et al.: MobileNets, 2017, table 1.
 *
 * @example
 * const model = mobilenetV1({ numClasses: 2 });
 */
export class MobileNetV1 extends Module implements Attachable {
  static override readonly kind: string = "MobileNetV1";

  readonly stage1: Sequential;
  readonly stage2: Sequential;
  readonly stage3: Sequential;
  readonly fc: Linear;
  /** The last norm of each block. */
  readonly #ends = new Map<string, Module>();

  constructor({ numClasses, attention }: ClassifierOptions) {
    super();
    refuseAttention("mobilenetv1_025", attention);
    let channels = 8;
    const stage = (name: keyof typeof stages, first: readonly Module[] = []) => {
      const blocks = stages[name].map(([outChannels, stride]) => {
        const block = separable(channels, outChannels, stride);
        channels = outChannels;
        return block;
      });
      blocks.forEach((block, i) => this.#ends.set(`${name}.${i + first.length}.4`, block["4"] as Module));
      return new Sequential([...first, ...blocks]);
    };
    const stem = new Sequential([conv(3, 8, 3, { stride: 2 }), new BatchNorm(8), activation()]);
    this.stage1 = stage("stage1", [stem]);
    this.stage2 = stage("stage2");
    this.stage3 = stage("stage3");
    this.fc = new Linear(channels, classCount("mobilenetv1_025", numClasses, 1000));
  }

  attachPoints(): AttachPoints {
    return {
      residual: this.#ends,
      stage: new Map([
        ["stage1", this.stage1],
        ["stage2", this.stage2],
      ]),
    };
  }

  override forward(x: Value): Value {
    return this.fc.call(globalAveragePool(this.stage3.call(this.stage2.call(this.stage1.call(x)))));
  }
}

export const mobilenetV1Options = fields<ClassifierOptions>({ ...classifierFields });

/** A `MobileNetV1` with initial weights. */
export function mobilenetV1(options: ClassifierOptions = {}): MobileNetV1 {
  check("mobilenetV1", "options", mobilenetV1Options, options);
  return initialize(new MobileNetV1(options), { seed: options.seed ?? 0 });
}

export const mobilenetV1s = [
  defineModel({
    name: "mobilenetv1_025",
    task: "classification",
    optimizer: "adamw",
    paper: {
      title: "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
      url: "https://arxiv.org/abs/1704.04861",
    },
    numClasses: 1000,
    input: [3, 224, 224],
    options: {},
    create: (options) => mobilenetV1(options),
  }),
];

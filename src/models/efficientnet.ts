import type { Value } from "../graph/graph.js";
import { constant, Dropout, globalAveragePool, initialize, Linear, Module, Sequential, uniform } from "../nn/index.js";
import { sigmoid, silu } from "../ops/index.js";
import type { Attachable, AttachPoints } from "./attach.js";
import { InvertedBlock } from "./inverted.js";
import { classCount, convNormAct, probability, refuseAttention } from "./parts.js";
import { type ClassifierOptions, defineModel } from "./spec.js";

/** Expansion, kernel, first stride, channels and blocks of each stage: table 1 of the paper. */
const stages = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;
const [first, last] = [32, 1280];

interface EfficientNetOptions extends ClassifierOptions {
  readonly dropout: number;
  readonly dropPath: number;
}

/**
 * Tan and Le: EfficientNet, ICML 2019, B0: inverted residual blocks with squeeze-and-excitation and SiLU, a 1×1 convolution, mean over
 * positions, dropout, and a linear classifier. [N,3,H,W] → [N,classes]. The hidden width of the gates is a quarter of the block's input.
 * Keys: torchvision's `features.0`, `features.<stage>.<i>.block.<j>`, `features.8`, `classifier.1`.
 */
class EfficientNet extends Module implements Attachable {
  static override readonly kind: string = "EfficientNet";

  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly #stages: readonly Sequential[];

  constructor({ numClasses, attention, dropout, dropPath }: EfficientNetOptions) {
    super();
    const owner = "efficientnet_b0";
    refuseAttention(owner, attention);
    const rate = probability(owner, "dropPath", dropPath);
    const total = stages.reduce((sum, [, , , , count]) => sum + count, 0);
    let [channels, done] = [first, 0];
    this.#stages = stages.map(([expansion, kernel, stride, outChannels, count]) => {
      const blocks = Array.from({ length: count }, (_, i) => {
        const block = new InvertedBlock({
          channels,
          hidden: channels * expansion,
          outChannels,
          kernel,
          stride: i === 0 ? stride : 1,
          activation: silu,
          gate: {
            hidden: Math.max(1, Math.floor(channels / 4)),
            names: ["fc1", "fc2"],
            activation: silu,
            gate: sigmoid,
          },
          dropPath: (rate * done++) / total,
        });
        channels = outChannels;
        return block;
      });
      return new Sequential(blocks);
    });
    const stem = convNormAct(3, first, 3, { stride: 2, activation: silu });
    this.features = new Sequential([stem, ...this.#stages, convNormAct(channels, last, 1, { activation: silu })]);
    const classes = classCount(owner, numClasses, 1000);
    const init = { weightInit: uniform(1 / Math.sqrt(classes)), biasInit: constant(0) };
    this.classifier = new Sequential([
      new Dropout(probability(owner, "dropout", dropout)),
      new Linear(last, classes, init),
    ]);
  }

  override forward(x: Value): Value {
    return this.classifier.call(globalAveragePool(this.features.call(x)));
  }

  attachPoints(): AttachPoints {
    const between = this.#stages.slice(0, -1).map((stage, i) => [`features.${i + 1}`, stage] as const);
    return { ...InvertedBlock.placesIn(this), stage: new Map(between) };
  }
}

/** The catalogue entry. */
export const efficientnets = [
  defineModel({
    name: "efficientnet_b0",
    paper: {
      title: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
      url: "https://arxiv.org/abs/1905.11946",
    },
    task: "classification",
    optimizer: "adamw",
    numClasses: 1000,
    input: [3, 224, 224],
    options: {
      dropout: { default: 0.2, doc: "dropout rate before the classifier" },
      dropPath: { default: 0.2, doc: "drop path rate that the blocks' rates grow towards, from 0 at the first" },
    },
    create: (options) => initialize(new EfficientNet(options), { seed: options.seed ?? 0 }),
  }),
];

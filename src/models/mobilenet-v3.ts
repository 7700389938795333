import { divisibleWidth } from "../attention/parts.js";
import type { Value } from "../graph/graph.js";
import { Dropout, globalAveragePool, initialize, Lambda, Linear, Module, Sequential } from "../nn/index.js";
import { hardSigmoid, hardSwish, relu } from "../ops/index.js";
import type { Attachable, AttachPoints } from "./attach.js";
import { InvertedBlock } from "./inverted.js";
import { classCount, convNormAct, probability, refuseAttention, smallClassifier } from "./parts.js";
import { type ClassifierOptions, defineModel } from "./spec.js";

/** A block: kernel, wide map, channels out, whether it has squeeze-and-excitation, activation, stride. */
type Row = readonly [
  kernel: number,
  hidden: number,
  outChannels: number,
  se: boolean,
  act: "re" | "hs",
  stride: number,
];

/** Tables 1 and 2 of the paper. */
const architectures: Readonly<Record<"large" | "small", { readonly rows: readonly Row[]; readonly wide: number }>> = {
  large: {
    rows: [
      [3, 16, 16, false, "re", 1],
      [3, 64, 24, false, "re", 2],
      [3, 72, 24, false, "re", 1],
      [5, 72, 40, true, "re", 2],
      [5, 120, 40, true, "re", 1],
      [5, 120, 40, true, "re", 1],
      [3, 240, 80, false, "hs", 2],
      [3, 200, 80, false, "hs", 1],
      [3, 184, 80, false, "hs", 1],
      [3, 184, 80, false, "hs", 1],
      [3, 480, 112, true, "hs", 1],
      [3, 672, 112, true, "hs", 1],
      [5, 672, 160, true, "hs", 2],
      [5, 960, 160, true, "hs", 1],
      [5, 960, 160, true, "hs", 1],
    ],
    wide: 1280,
  },
  small: {
    rows: [
      [3, 16, 16, true, "re", 2],
      [3, 72, 24, false, "re", 2],
      [3, 88, 24, false, "re", 1],
      [5, 96, 40, true, "hs", 2],
      [5, 240, 40, true, "hs", 1],
      [5, 240, 40, true, "hs", 1],
      [5, 120, 48, true, "hs", 1],
      [5, 144, 48, true, "hs", 1],
      [5, 288, 96, true, "hs", 2],
      [5, 576, 96, true, "hs", 1],
      [5, 576, 96, true, "hs", 1],
    ],
    wide: 1024,
  },
};
type Size = keyof typeof architectures;

const norm = { epsilon: 1e-3, momentum: 0.01 };

interface MobileNetV3Options extends ClassifierOptions {
  /** Dropout rate before the classifier. */
  readonly dropout: number;
}

/**
 * Howard et al.: Searching for MobileNetV3, ICCV 2019: inverted residual blocks, some with squeeze-and-excitation and h-swish, a 1×1
 * convolution, mean over positions, and two linear layers with h-swish and dropout between. [N,3,H,W] → [N,classes].
 * Keys: torchvision's `features.0`, `features.<i>.block.<j>`, `classifier.0`, `classifier.3`.
 */
class MobileNetV3 extends Module implements Attachable {
  static override readonly kind: string = "MobileNetV3";

  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor(size: Size, { numClasses, attention, dropout }: MobileNetV3Options) {
    super();
    const owner = `mobilenetv3_${size}_100`;
    refuseAttention(owner, attention);
    const { rows, wide } = architectures[size];
    let channels = 16;
    const blocks = rows.map(([kernel, hidden, outChannels, se, act, stride]) => {
      const gate = { hidden: divisibleWidth(hidden / 4), names: ["fc1", "fc2"] as const, gate: hardSigmoid };
      const activation = act === "hs" ? hardSwish : relu;
      const shape = { channels, hidden, outChannels, kernel, stride };
      channels = outChannels;
      return new InvertedBlock({ ...shape, activation, norm, gate: se ? gate : undefined });
    });
    const stem = convNormAct(3, 16, 3, { stride: 2, activation: hardSwish, norm });
    const last = convNormAct(channels, 6 * channels, 1, { activation: hardSwish, norm });
    this.features = new Sequential([stem, ...blocks, last]);
    this.classifier = new Sequential([
      new Linear(6 * channels, wide, smallClassifier),
      new Lambda(hardSwish),
      new Dropout(probability(owner, "dropout", dropout)),
      new Linear(wide, classCount(owner, numClasses, 1000), smallClassifier),
    ]);
  }

  override forward(x: Value): Value {
    return this.classifier.call(globalAveragePool(this.features.call(x)));
  }

  attachPoints(): AttachPoints {
    return InvertedBlock.placesIn(this);
  }
}

/** Catalogue entries of both sizes. */
export const mobilenetV3s = (["large", "small"] as const).map((size) =>
  defineModel({
    name: `mobilenetv3_${size}_100` as const,
    paper: { title: "Searching for MobileNetV3", url: "https://arxiv.org/abs/1905.02244" },
    task: "classification",
    optimizer: "adamw",
    numClasses: 1000,
    input: [3, 224, 224],
    options: { dropout: { default: 0.2, doc: "dropout rate before the last linear layer" } },
    create: (options) => initialize(new MobileNetV3(size, options), { seed: options.seed ?? 0 }),
  }),
);

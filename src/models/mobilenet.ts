import { type AttentionPlan, attentionPlan, type Place, type Placement } from "../attention/index.js";
import { divisibleWidth } from "../attention/parts.js";
import { OptionError } from "../core/errors.js";
import { check, options as fields } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import {
  BatchNorm,
  Conv2d,
  Dropout,
  globalAveragePool,
  initialize,
  kaimingNormal,
  Lambda,
  Linear,
  Module,
  Sequential,
} from "../nn/index.js";
import { add, relu6 } from "../ops/index.js";
import type { Attachable, AttachPoints } from "./attach.js";
import { classCount, mapValues, partsOf, probability, smallClassifier } from "./parts.js";
import { type ClassifierOptions, classifierFields, defineModel, own } from "./spec.js";

/** How a block's layers are numbered: in torchvision's groups of convolution, norm and activation, or flat. */
type Layout = "grouped" | "flat";

/** Expansion, channels, blocks and first stride of each stage: table 2 of the paper. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

interface BlockOptions {
  readonly channels: number;
  readonly outChannels: number;
  readonly stride: number;
  readonly expansion: number;
  readonly layout: Layout;
  readonly attention: AttentionPlan | undefined;
  readonly place: Place;
}

/** Convolution without bias, norm and ReLU6. With `groups` equal to the channels it is depthwise. */
function layer(
  channels: number,
  outChannels: number,
  kernelSize: number,
  stride = 1,
  groups = 1,
): readonly [Module, Module, Module] {
  const geometry = { kernelSize, stride, groups, padding: (kernelSize - 1) / 2, bias: false };
  const conv = new Conv2d(channels, outChannels, { ...geometry, weightInit: kaimingNormal("out") });
  return [conv, new BatchNorm(outChannels), new Lambda(relu6)];
}

/**
 * Inverted residual block: 1×1 convolution to a wide map, depthwise 3×3, 1×1 back without activation, plus the input where the
 * shape is kept. Keys `conv.<i>`.
 */
class InvertedResidual extends Module {
  static override readonly kind: string = "InvertedResidual";

  readonly conv: Sequential;
  /** The last norm. */
  readonly #end: Module;
  readonly #depthwise: Module;
  readonly #activation: Module | undefined;
  readonly #skips: boolean;

  constructor({ channels, outChannels, stride, expansion, layout, attention, place }: BlockOptions) {
    super();
    const hidden = channels * expansion;
    const at = (placement: Placement, width: number): Module[] => {
      // Authors who put a module on the wide map skip the block that has none.
      if (attention?.placement !== placement || (placement === "activation" && expansion === 1)) return [];
      const module = attention.create(width, place);
      return module ? [module] : [];
    };
    const expand = expansion === 1 ? [] : layer(channels, hidden, 1);
    const [depthwise, norm, activation] = layer(hidden, hidden, 3, stride, hidden);
    const spatial = [depthwise, ...at("convolution", hidden), norm, activation];
    const [project, end] = layer(hidden, outChannels, 1);
    const tail = [...at("activation", hidden), project, end, ...at("residual", outChannels)];
    const groups = [expand, spatial].filter((group) => group.length > 0);
    this.conv = new Sequential([
      ...(layout === "flat" ? groups.flat() : groups.map((group) => new Sequential(group))),
      ...tail,
    ]);
    this.#end = end;
    this.#depthwise = depthwise;
    this.#activation = expansion === 1 ? undefined : activation;
    this.#skips = stride === 1 && channels === outChannels;
  }

  get branchEnd(): Module {
    return this.#end;
  }

  get lastConvolution(): Module {
    return this.#depthwise;
  }

  /** The activation of the wide map, in blocks that have one. */
  get lastActivation(): Module | undefined {
    return this.#activation;
  }

  override forward(x: Value): Value {
    const y = this.conv.call(x);
    return this.#skips ? add(x, y) : y;
  }
}

/** Options of {@link mobilenetV2}. */
export interface MobileNetOptions extends ClassifierOptions {
  /** Multiplier of all widths, rounded to multiples of 8. */
  readonly widthMultiplier?: number;
  /** Dropout rate before the classifier. */
  readonly dropout?: number;
  /** `grouped`: torchvision's keys; `flat`: those of the Coordinate Attention repository. Default `grouped`. */
  readonly layout?: Layout;
}

/**
 * Sandler et al.: MobileNetV2, CVPR 2018: inverted residual blocks, a 1×1 convolution, mean over positions, and a linear classifier.
 * [N,3,H,W] → [N,classes]. Keys: torchvision's `features.0`, …, `features.18`, `classifier.1`, or in the flat layout of the Coordinate
 * Attention code `features.<i>.conv.<j>` without groups, and `conv` for the last convolution. Attention modules are layers of their block:
 * `features.<i>.conv.<j>`, as in the code of ECA-Net, Triplet Attention and Coordinate Attention.
 */
export class MobileNetV2 extends Module implements Attachable {
  static override readonly kind: string = "MobileNetV2";

  readonly features: Sequential;
  readonly conv: Sequential | null;
  readonly classifier: Sequential;

  constructor(options: MobileNetOptions) {
    super();
    const { numClasses, attention, widthMultiplier = 1, dropout = 0.2, layout = "grouped" } = options;
    if (!(widthMultiplier > 0))
      throw new OptionError(`mobilenetV2: widthMultiplier must be positive, got ${widthMultiplier}`);
    const plan = attentionPlan(attention);
    if (plan?.placement === "stage")
      throw new OptionError(`mobilenetV2: has no place between stages for ${plan.field}; use another placement`);
    const width = (channels: number) => divisibleWidth(channels * widthMultiplier);
    let channels = width(32);
    const blocks: Module[] = [new Sequential(layer(3, channels, 3, 2))];
    stages.forEach(([expansion, base, count, first], stage) => {
      for (let block = 0; block < count; block++) {
        const outChannels = width(base);
        const stride = block === 0 ? first : 1;
        const place = { stage, block, blocks: count };
        blocks.push(new InvertedResidual({ channels, outChannels, stride, expansion, layout, attention: plan, place }));
        channels = outChannels;
      }
    });
    const last = widthMultiplier > 1 ? width(1280) : 1280;
    const head = new Sequential(layer(channels, last, 1));
    this.features = new Sequential(layout === "flat" ? blocks : [...blocks, head]);
    this.conv = layout === "flat" ? head : null;
    this.classifier = new Sequential([
      new Dropout(probability("mobilenetV2", "dropout", dropout)),
      new Linear(last, classCount("mobilenetV2", numClasses, 1000), smallClassifier),
    ]);
  }

  override forward(x: Value): Value {
    const features = this.features.call(x);
    return this.classifier.call(globalAveragePool(this.conv ? this.conv.call(features) : features));
  }

  attachPoints(): AttachPoints {
    const blocks = partsOf(this, InvertedResidual);
    const wide = [...blocks].flatMap(([path, { lastActivation: end }]) => (end ? [[path, end] as const] : []));
    return {
      activation: new Map(wide),
      residual: mapValues(blocks, (block) => block.branchEnd),
      convolution: mapValues(blocks, (block) => block.lastConvolution),
    };
  }
}

export const mobilenetV2Options = fields<MobileNetOptions>({
  ...classifierFields,
  widthMultiplier: own,
  dropout: own,
  layout: own,
});

/**
 * MobileNetV2 with torchvision's parameter names.
 *
 * @example
 * const model = mobilenetV2({ numClasses: 10, attention: ["triplet", { variant: "models" }] });
 */
export function mobilenetV2(options: MobileNetOptions = {}): MobileNetV2 {
  check("mobilenetV2", "options", mobilenetV2Options, options);
  return initialize(new MobileNetV2(options), { seed: options.seed ?? 0 });
}

const paper = {
  title: "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
  url: "https://arxiv.org/abs/1801.04381",
};

/** A catalogue entry; `dropout` and `own` are those of the published network. */
function entry<const N extends string>(name: N, dropout: number, own: MobileNetOptions, source = paper) {
  const { attention = null, layout = "grouped" } = own;
  return defineModel({
    name,
    paper: source,
    task: "classification",
    optimizer: "adamw",
    numClasses: 1000,
    input: [3, 224, 224],
    attention,
    options: {
      widthMultiplier: { default: 1, doc: "multiplier of all widths, rounded to multiples of 8" },
      dropout: { default: dropout, doc: "dropout rate before the classifier" },
    },
    create: (options) => mobilenetV2({ ...options, layout }),
  });
}

/** Catalogue entries: the plain network, and those of ECA-Net and Coordinate Attention. */
export const mobilenets = [
  entry("mobilenetv2_100", 0.2, {}),
  entry(
    "eca_mobilenetv2",
    0.2,
    { attention: ["eca", stages.map(([, channels]) => ({ kernelSize: channels < 96 ? 1 : 3 }))] },
    { title: "ECA-Net: Efficient Channel Attention", url: "https://arxiv.org/abs/1910.03151" },
  ),
  entry(
    "mbv2_ca",
    0.1,
    { attention: ["coord", { variant: "mbv2" }], layout: "flat" },
    { title: "Coordinate Attention for Efficient Mobile Network Design", url: "https://arxiv.org/abs/2103.02907" },
  ),
];

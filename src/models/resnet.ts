import { type AttentionPlan, attentionPlan } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import { integer } from "../core/options.js";
import { staticDim } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import {
  BatchNorm,
  Conv2d,
  globalAveragePool,
  initialize,
  kaimingNormal,
  Linear,
  Module,
  Sequential,
} from "../nn/index.js";
import { add, maxPool, pad, relu } from "../ops/index.js";
import { subsample } from "../ops/resample.js";
import { type ClassifierOptions, defineModel, type ModelSpec } from "./spec.js";

const conv = (channels: number, filters: number, kernel: number, stride = 1): Conv2d =>
  new Conv2d(channels, filters, {
    kernel,
    stride,
    padding: (kernel - 1) / 2,
    bias: false,
    weightInit: kaimingNormal("out"),
  });

/** How a block's input reaches the addition where its shape changes: a strided 1×1 convolution with batch norm, or no parameters at all. */
export type Shortcut = "projection" | "identity";

interface BlockOptions {
  readonly channels: number;
  readonly width: number;
  readonly stride: number;
  readonly shortcut: Shortcut;
  readonly attention: AttentionPlan | undefined;
}

/** A residual block: ReLU(branch(x) + shortcut(x)), with room for an attention module in the branch. */
abstract class ResidualBlock extends Module {
  readonly #shortcut: (x: Value) => Value;
  readonly #attention: Module | undefined;
  readonly #placement: AttentionPlan["placement"] | undefined;

  /** `layers` are the fields of the branch in order; `at` is the width that the attention module works at for each placement. */
  protected constructor(
    layers: object,
    outputs: number,
    { channels, width, stride, shortcut, attention }: BlockOptions,
  ) {
    super();
    Object.assign(this, layers);
    this.#placement = attention?.placement;
    if (attention && attention.placement !== "stage") {
      this.#attention = attention.create(attention.placement === "convolution" ? width : outputs);
      Object.assign(this, { [attention.field]: this.#attention });
    }
    this.#shortcut = (x) => x;
    if (stride !== 1 || channels !== outputs) {
      if (shortcut === "identity") this.#shortcut = (x) => padChannels(subsample(x, stride), outputs);
      else {
        const downsample = new Sequential([conv(channels, outputs, 1, stride), new BatchNorm(outputs)]);
        Object.assign(this, { downsample });
        this.#shortcut = (x) => downsample.call(x);
      }
    }
  }

  abstract branch(x: Value): Value;

  /** Applies the attention module if `placement` is where it belongs. */
  protected attend(placement: AttentionPlan["placement"], y: Value): Value {
    return this.#attention && placement === this.#placement ? this.#attention.call(y) : y;
  }

  override forward(x: Value): Value {
    return relu(add(this.attend("residual", this.branch(x)), this.#shortcut(x)));
  }
}

/** Zero channels added in equal parts before and after: the shortcut "A" of He et al., 2016, as its CIFAR networks have it. */
function padChannels(x: Value, channels: number): Value {
  const missing = channels - staticDim(x.shape[1]);
  const before = Math.floor(missing / 2);
  return pad(x, { axis: 1, before, after: missing - before });
}

/** Two 3×3 convolutions. */
class BasicBlock extends ResidualBlock {
  static readonly expansion = 1;
  declare readonly conv1: Conv2d;
  declare readonly bn1: BatchNorm;
  declare readonly conv2: Conv2d;
  declare readonly bn2: BatchNorm;

  constructor(options: BlockOptions) {
    const { channels, width, stride } = options;
    const layers = {
      conv1: conv(channels, width, 3, stride),
      bn1: new BatchNorm(width),
      conv2: conv(width, width, 3),
      bn2: new BatchNorm(width),
    };
    super(layers, width, options);
  }

  override branch(x: Value): Value {
    const y = relu(this.bn1.call(this.conv1.call(x)));
    return this.bn2.call(this.attend("convolution", this.conv2.call(y)));
  }
}

/** 1×1 convolution to a narrow width, 3×3 there, and 1×1 back to four times that width. The stride is in the 3×3. */
class Bottleneck extends ResidualBlock {
  static readonly expansion = 4;
  declare readonly conv1: Conv2d;
  declare readonly bn1: BatchNorm;
  declare readonly conv2: Conv2d;
  declare readonly bn2: BatchNorm;
  declare readonly conv3: Conv2d;
  declare readonly bn3: BatchNorm;

  constructor(options: BlockOptions) {
    const { channels, width, stride } = options;
    const layers = {
      conv1: conv(channels, width, 1),
      bn1: new BatchNorm(width),
      conv2: conv(width, width, 3, stride),
      bn2: new BatchNorm(width),
      conv3: conv(width, 4 * width, 1),
      bn3: new BatchNorm(4 * width),
    };
    super(layers, 4 * width, options);
  }

  override branch(x: Value): Value {
    const y = relu(this.bn1.call(this.conv1.call(x)));
    const z = relu(this.bn2.call(this.attend("convolution", this.conv2.call(y))));
    return this.bn3.call(this.conv3.call(z));
  }
}

interface Architecture {
  readonly block: typeof BasicBlock | typeof Bottleneck;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Width of each stage. */
  readonly widths: readonly number[];
  readonly stem: Stem;
  readonly shortcut: Shortcut;
}

/** `imagenet`: 7×7 convolution of stride 2 and max pooling; `cifar`: one 3×3 convolution. */
export type Stem = "imagenet" | "cifar";

const wide = { widths: [64, 128, 256, 512], stem: "imagenet", shortcut: "projection" } as const;
const small = (blocks: number): Architecture => ({
  block: BasicBlock,
  depths: [blocks, blocks, blocks],
  widths: [16, 32, 64],
  stem: "cifar",
  shortcut: "projection",
});

const architectures: ReadonlyMap<number, Architecture> = new Map<number, Architecture>([
  [18, { block: BasicBlock, depths: [2, 2, 2, 2], ...wide }],
  [34, { block: BasicBlock, depths: [3, 4, 6, 3], ...wide }],
  [50, { block: Bottleneck, depths: [3, 4, 6, 3], ...wide }],
  [101, { block: Bottleneck, depths: [3, 4, 23, 3], ...wide }],
  [152, { block: Bottleneck, depths: [3, 8, 36, 3], ...wide }],
  ...[20, 32, 44, 56, 110].map((depth) => [depth, small((depth - 2) / 6)] as const),
]);

/** Options of {@link resnet}. The defaults of `stem` and `shortcut` are those of the depth's own paper. */
export interface ResNetOptions extends ClassifierOptions {
  readonly stem?: Stem | "auto";
  readonly shortcut?: Shortcut;
}

/** A residual network: stem, stages `layer1`, `layer2`, …, mean over positions, linear classifier `fc`. [N,3,H,W] → [N,classes] */
export class ResNet extends Module {
  readonly #stem: Stem;
  readonly #stages: readonly Module[];
  declare readonly conv1: Conv2d;
  declare readonly bn1: BatchNorm;
  declare readonly fc: Linear;

  constructor(
    { block, depths, widths, stem, shortcut }: Architecture,
    { classes = 1000, attention }: ClassifierOptions,
  ) {
    super();
    const plan = attentionPlan(attention);
    this.#stem = stem;
    let channels = widths[0]!;
    const fields: Record<string, Module> = {
      conv1: stem === "imagenet" ? conv(3, channels, 7, 2) : conv(3, channels, 3),
      bn1: new BatchNorm(channels),
    };
    const stages: Module[] = [];
    depths.forEach((depth, stage) => {
      const blocks = Array.from({ length: depth }, (_, i) => {
        const stride = stage > 0 && i === 0 ? 2 : 1;
        const made = new block({ channels, width: widths[stage]!, stride, shortcut, attention: plan });
        channels = widths[stage]! * block.expansion;
        return made;
      });
      stages.push((fields[`layer${stage + 1}`] = new Sequential(blocks)));
      const between = plan?.placement === "stage" && stage < depths.length - 1;
      if (between) stages.push((fields[`${plan.field}${stage + 1}`] = plan.create(channels)));
    });
    fields.fc = new Linear(channels, integer("resnet", "classes", classes));
    Object.assign(this, fields);
    this.#stages = stages;
  }

  override forward(x: Value): Value {
    const stem = relu(this.bn1.call(this.conv1.call(x)));
    const pooled = this.#stem === "imagenet" ? maxPool(stem, { kernel: 3, stride: 2, padding: 1 }) : stem;
    const features = this.#stages.reduce((value, stage) => stage.call(value), pooled);
    return this.fc.call(globalAveragePool(features));
  }
}

/**
 * The residual networks of He et al. (CVPR 2016), with torchvision's parameter names.
 * Depths 18, 34, 50, 101, 152 are the ImageNet networks, 20, 32, 44, 56, 110 those for CIFAR (widths 16, 32, 64).
 *
 * @throws OptionError for another depth.
 *
 * @example
 * const model = resnet(18, { classes: 10, stem: "cifar", attention: ["cbam", { reduction: 8 }] });
 */
export function resnet(depth: number, { stem = "auto", shortcut, ...options }: ResNetOptions = {}): ResNet {
  const architecture = architectures.get(depth);
  if (!architecture)
    throw new OptionError(
      `resnet: depth must be one of ${[...architectures.keys()].sort((a, b) => a - b).join(", ")}, got ${depth}`,
    );
  const chosen = { ...architecture, ...(stem === "auto" ? {} : { stem }), ...(shortcut ? { shortcut } : {}) };
  return initialize(new ResNet(chosen, options), { seed: options.seed ?? 0 });
}

const paper = { title: "Deep Residual Learning for Image Recognition", url: "https://arxiv.org/abs/1512.03385" };
const stems = ["auto", "imagenet", "cifar"] as const;

/** Catalogue entries of all depths. */
export const resnets: readonly ModelSpec[] = [...architectures].map(([depth, { stem }]) =>
  defineModel({
    name: `resnet${depth}`,
    paper,
    classes: stem === "cifar" ? 10 : 1000,
    input: stem === "cifar" ? [3, 32, 32] : [3, 224, 224],
    options: {
      stem: {
        default: "auto" as Stem | "auto",
        choices: stems,
        doc: "imagenet: 7×7 stride 2 and max pooling; cifar: 3×3 stride 1",
      },
      shortcut: {
        default: "projection" as Shortcut,
        choices: ["projection", "identity"] as const,
        doc: "where the shape changes: 1×1 convolution, or subsampling and zero channels (option A)",
      },
    },
    create: (options) => resnet(depth, options),
  }),
);

import { type AttentionChoice, attentionPlan, type Place } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import { integer } from "../core/options.js";
import { check, options as fields, shown } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { globalAveragePool, initialize, Linear } from "../nn/index.js";
import { cbamRule, setByName } from "./init.js";
import { classCount, growingRates, probability } from "./parts.js";
import { BasicBlock, Bottleneck, type Shortcut } from "./residual.js";
import { type ClassifierOptions, classifierFields, defineModel, own } from "./spec.js";
import { type Stem, Trunk, type TrunkOptions } from "./trunk.js";

interface Architecture extends Pick<TrunkOptions, "depths" | "widths" | "stem"> {
  readonly block: typeof BasicBlock | typeof Bottleneck;
  /** Factor of the inner width of bottlenecks. */
  readonly wide?: number;
}

const large = { widths: [64, 128, 256, 512], stem: "imagenet" } as const;
const small = (blocks: number): Architecture => ({
  block: BasicBlock,
  depths: [blocks, blocks, blocks],
  widths: [16, 32, 64],
  stem: "cifar",
});

const architectures: ReadonlyMap<number, Architecture> = new Map<number, Architecture>([
  [18, { block: BasicBlock, depths: [2, 2, 2, 2], ...large }],
  [34, { block: BasicBlock, depths: [3, 4, 6, 3], ...large }],
  [50, { block: Bottleneck, depths: [3, 4, 6, 3], ...large }],
  [101, { block: Bottleneck, depths: [3, 4, 23, 3], ...large }],
  [152, { block: Bottleneck, depths: [3, 8, 36, 3], ...large }],
  ...[20, 32, 44, 56, 110].map((depth) => [depth, small((depth - 2) / 6)] as const),
]);

/** Options of {@link resnet}. `stem` defaults to that of the depth's own paper. */
export interface ResNetOptions extends ClassifierOptions {
  /** First layers: `imagenet` (7×7, stride 2, pooling), `cifar` (3×3) or `deep` (three 3×3). */
  readonly stem?: Stem | "auto";
  /** Where the shape changes: `projection` (1×1 convolution) or `identity` (option A: subsampling and zero channels). */
  readonly shortcut?: Shortcut;
  /** Width inside the bottlenecks, as a multiple: 2 for the wide networks of torchvision. */
  readonly wide?: number;
  /** Channels added inside the blocks, to wider ones more: a plain network with as many parameters as one with modules. Default 0. */
  readonly extraChannels?: number;
  /** Stochastic depth (Huang et al., ECCV 2016): probability that an image skips the last block's branch in training; it grows linearly from 0 at the first. Default 0. */
  readonly dropPath?: number;
  /** Initial weights as in torchvision, or by the rule of the CBAM, BAM and Triplet Attention code. */
  readonly init?: "torchvision" | "cbam";
  /** Input pixels per pixel of the last map; below 32 the last stages are dilated. */
  readonly outputStride?: 8 | 16 | 32;
}

/** A residual network: {@link Trunk}, mean over positions, linear classifier `fc`. [N,3,H,W] → [N,classes] */
export class ResNet extends Trunk {
  static override readonly kind: string = "ResNet";

  readonly fc: Linear;

  constructor(options: TrunkOptions, numClasses: number) {
    super(options);
    this.fc = new Linear(this.widths.at(-1)!, numClasses);
  }

  override forward(x: Value): Value {
    return this.fc.call(globalAveragePool(super.forward(x)));
  }
}

/** The trunk for a depth. @throws OptionError for an unknown depth. */
export function resnetTrunk(depth: number, options: ResNetOptions = {}): TrunkOptions {
  const {
    stem = "auto",
    shortcut = "projection",
    attention: choice,
    wide,
    extraChannels = 0,
    outputStride = 32,
    dropPath = 0,
  } = options;
  probability("resnet", "dropPath", dropPath);
  const architecture = architectures.get(depth);
  if (!architecture)
    throw new OptionError(
      `resnet: depth must be one of ${[...architectures.keys()].sort((a, b) => a - b).join(", ")}, got ${shown(depth)}`,
    );
  const attention = attentionPlan(choice);
  integer("resnet", "extraChannels", extraChannels, 0);
  if (extraChannels > 0 && attention)
    throw new OptionError("resnet: extraChannels is for a plain network; leave attention out");
  const factor = wide ?? architecture.wide ?? 1;
  if (factor !== 1 && architecture.block === BasicBlock)
    throw new OptionError(`resnet: wide needs bottlenecks (depth 50, 101, 152), got depth ${depth}`);
  const rates = growingRates(dropPath, architecture.depths);
  return {
    ...architecture,
    stem: stem === "auto" ? architecture.stem : stem,
    block: architecture.block.factory({
      shortcut,
      attention,
      wide: factor,
      extra: spread(extraChannels, architecture),
      dropPath: ({ stage, block }) => rates[stage]![block]!,
    }),
    between: attention?.placement === "stage" ? attention : undefined,
    outputStride,
  };
}

/** `count` channels for all blocks, in proportion to their widths. */
function spread(
  count: number,
  { depths, widths }: Pick<TrunkOptions, "depths" | "widths">,
): ((place: Place) => number) | undefined {
  if (count === 0) return undefined;
  const total = depths.reduce((sum, depth, stage) => sum + depth * widths[stage]!, 0);
  /** Channels of the blocks before one, rounded, so that all together are as many as asked for. */
  const before = (stage: number, block: number) =>
    Math.round(
      (count * depths.slice(0, stage).reduce((sum, depth, i) => sum + depth * widths[i]!, block * widths[stage]!)) /
        total,
    );
  return ({ stage, block }) => before(stage, block + 1) - before(stage, block);
}

export const resnetOptions = fields<ResNetOptions>({
  ...classifierFields,
  stem: own,
  shortcut: own,
  wide: own,
  extraChannels: own,
  dropPath: own,
  init: own,
  outputStride: own,
});

/**
 * The residual networks of He et al. (CVPR 2016), with torchvision's parameter names.
 * Depths 18, 34, 50, 101, 152 are the ImageNet networks, 20, 32, 44, 56, 110 those for CIFAR (widths 16, 32, 64).
 * With attention they are SE-ResNet (`se`), CBAM- and BAM-ResNet, GCNet, ECA-Net and others, with their authors' names:
 * a module is under its catalogue field in each block (`layer1.0.cbam`), or between stages (`bam1`, `bam2`, `bam3`).
 *
 * @throws OptionError for another depth.
 *
 * @example
 * const model = resnet(18, { numClasses: 10, stem: "cifar", attention: ["cbam", { reduction: 8 }] });
 */
export function resnet(depth: number, options: ResNetOptions = {}): ResNet {
  check("resnet", "options", resnetOptions, options);
  const trunk = resnetTrunk(depth, options);
  const { numClasses, seed = 0, init = "torchvision" } = options;
  const model = new ResNet(trunk, classCount("resnet", numClasses, trunk.stem === "cifar" ? 10 : 1000));
  if (init === "cbam") setByName(model, cbamRule, seed);
  return initialize(model, { seed });
}

const paper = { title: "Deep Residual Learning for Image Recognition", url: "https://arxiv.org/abs/1512.03385" };
const depths = [18, 34, 50, 101, 152, 20, 32, 44, 56, 110] as const;
const stems = ["auto", "imagenet", "cifar", "deep"] as const;

interface Entry<N extends string> {
  readonly name: N;
  readonly depth: number;
  readonly paper: { readonly title: string; readonly url: string };
  readonly attention?: AttentionChoice | null;
  readonly wide?: number;
}

/** A catalogue entry. */
function entry<const N extends string>({ name, depth, attention = null, paper: source, wide = 1 }: Entry<N>) {
  const cifar = architectures.get(depth)!.stem === "cifar";
  return defineModel({
    name,
    paper: source,
    task: "classification",
    numClasses: cifar ? 10 : 1000,
    input: cifar ? [3, 32, 32] : [3, 224, 224],
    attention,
    options: {
      stem: {
        default: "auto" as Stem | "auto",
        choices: stems,
        doc: "imagenet: 7×7 stride 2 and max pooling; cifar: 3×3 stride 1; deep: three 3×3 and max pooling",
      },
      shortcut: {
        default: "projection" as Shortcut,
        choices: ["projection", "identity"] as const,
        doc: "where the shape changes: 1×1 convolution, or subsampling and zero channels (option A)",
      },
      extraChannels: {
        default: 0,
        doc: "channels added inside the blocks, to wider ones more: a plain network of as many parameters as one with modules",
      },
      dropPath: {
        default: 0,
        doc: "stochastic depth: drop path rate of the last block; it grows linearly from 0 at the first",
      },
      init: {
        default: "torchvision" as "torchvision" | "cbam",
        choices: ["torchvision", "cbam"] as const,
        doc: "initial weights: torchvision's, or the rule of the CBAM, BAM and Triplet Attention code",
      },
    },
    create: (options) => resnet(depth, { ...options, wide }),
  });
}

const eca = { title: "ECA-Net: Efficient Channel Attention", url: "https://arxiv.org/abs/1910.03151" };
const gc = {
  title: "GCNet: Non-local Networks Meet Squeeze-Excitation Networks and Beyond",
  url: "https://arxiv.org/abs/1904.11492",
};
const wideResnet = { title: "Wide Residual Networks", url: "https://arxiv.org/abs/1605.07146" };

/** Kernel sizes of the released ECA-Nets, stage by stage; they do not follow the paper's rule. */
const ecaKernels = [
  [18, [3, 5, 7, 7]],
  [34, [3, 3, 5, 7]],
  [50, [3, 5, 5, 7]],
  [101, [3, 3, 5, 7]],
  [152, [3, 3, 5, 7]],
] as const;

/** Catalogue entries of all depths, and of those published with an attention module. */
export const resnets = [
  ...depths.map((depth) => entry({ name: `resnet${depth}` as const, depth, paper })),
  ...([50, 101] as const).map((depth) =>
    entry({ name: `wide_resnet${depth}_2` as const, depth, paper: wideResnet, wide: 2 }),
  ),
  ...ecaKernels.map(([depth, sizes]) =>
    entry({
      name: `ecaresnet${depth}` as const,
      depth,
      paper: eca,
      attention: ["eca", sizes.map((kernelSize) => ({ kernelSize }))],
    }),
  ),
  // Context blocks in stages c3 to c5.
  ...([50, 101] as const).map((depth) =>
    entry({ name: `gcresnet${depth}` as const, depth, paper: gc, attention: ["gc", [null, {}, {}, {}]] }),
  ),
];

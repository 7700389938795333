import { createAttention as createModule, DANetHead, MixedPooling } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import { check, options as fields, shown } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import {
  BatchNorm,
  ChannelDropout,
  Conv2d,
  initialize,
  kindOf,
  Lambda,
  Module,
  SegmentationModel,
  Sequential,
} from "../nn/index.js";
import { mapSize, relu, resize } from "../ops/index.js";
import { type Attachable, type AttachPoints, prefixed } from "./attach.js";
import { classCount, probability, refuseAttention } from "./parts.js";
import { Bottleneck } from "./residual.js";
import { resnetTrunk } from "./resnet.js";
import { type ClassifierOptions, classifierFields, defineModel, own } from "./spec.js";
import { narrowed, stageWidth, Trunk, type TrunkOptions } from "./trunk.js";

/** Options of {@link danet} and {@link spnet}. */
export interface DilatedOptions extends ClassifierOptions {
  /** Dropout rate before each classifier. */
  readonly dropout?: number;
  /** Dilations 4, 8, 16 in the last stage instead of one for all its blocks. */
  readonly multiGrid?: boolean;
  /** Width of the first stage, 64 as published; the other widths scale with it. */
  readonly width?: number;
}

/** Options of {@link danet}. */
export interface DANetOptions extends DilatedOptions {
  /** Channel affinity: as in the authors' code, or as in the paper. */
  readonly variant?: "authors" | "paper";
}

/** What both networks are built from. */
interface DilatedSettings {
  readonly depth: 50 | 101;
  readonly numClasses: number;
  readonly dropout: number;
  readonly multiGrid: boolean;
  readonly width: number;
  readonly variant: "authors" | "paper";
}

/** The trunk of both: a deep stem, output stride 8. */
function dilatedTrunk({ depth, width }: DilatedSettings): TrunkOptions {
  return { ...narrowed(resnetTrunk(depth, { stem: "deep", outputStride: 8 }), width), stemWidth: 2 * width };
}

/** A network on a dilated ResNet with a deep stem, `pretrained`, of output stride 8. */
abstract class DilatedNetwork extends SegmentationModel implements Attachable {
  abstract readonly pretrained: Trunk;

  /** Outputs of the heads, upsampled to the input. */
  protected enlarge(x: Value, outputs: readonly Value[]): readonly Value[] {
    const size = mapSize(x, kindOf(this));
    return outputs.map((y) => resize(y, size, { mode: "bilinear", alignCorners: true }));
  }

  attachPoints(): AttachPoints {
    return prefixed("pretrained", this.pretrained.attachPoints());
  }
}

/** Dual Attention Network; its logits: fused, position, channel. */
export class DANet extends DilatedNetwork {
  static override readonly kind: string = "DANet";

  readonly pretrained: Trunk;
  readonly head: DANetHead;

  constructor(settings: DilatedSettings) {
    super();
    const { numClasses, dropout, multiGrid, width, variant } = settings;
    this.pretrained = new Trunk({ ...dilatedTrunk(settings), multiGrid: multiGrid ? [4, 8, 16] : undefined });
    this.head = new DANetHead(32 * width, { numClasses, dropout, variant });
  }

  /** Their losses are added up. */
  override get auxiliaryWeights(): readonly number[] {
    return [1, 1];
  }

  override logits(x: Value): readonly Value[] {
    return this.enlarge(x, this.head.call(this.pretrained.call(x)));
  }
}

/** A 3×3 convolution to a quarter or half of the channels, norm, ReLU, dropout and a 1×1 classifier. Keys `0`, `1`, `4`. */
function scoreLayer(channels: number, hidden: number, numClasses: number, dropout: number): Sequential {
  return new Sequential([
    new Conv2d(channels, hidden, { kernelSize: 3, padding: 1, bias: false }),
    new BatchNorm(hidden),
    new Lambda(relu),
    new ChannelDropout(dropout),
    new Conv2d(hidden, numClasses, { kernelSize: 1 }),
  ]);
}

/** Two mixed pooling modules between a projection and the classifier. */
class SPHead extends Module {
  static override readonly kind: string = "SPHead";

  readonly trans_layer: Sequential;
  readonly strip_pool1: MixedPooling;
  readonly strip_pool2: MixedPooling;
  readonly score_layer: Sequential;

  constructor(channels: number, numClasses: number, dropout: number) {
    super();
    const hidden = channels / 2;
    const project = new Conv2d(channels, hidden, { kernelSize: 1, bias: false });
    this.trans_layer = new Sequential([project, new BatchNorm(hidden), new Lambda(relu)]);
    const pooling = { poolSize: [20, 12], alignCorners: true };
    this.strip_pool1 = new MixedPooling(hidden, pooling);
    this.strip_pool2 = new MixedPooling(hidden, pooling);
    this.score_layer = scoreLayer(hidden, hidden / 2, numClasses, dropout);
  }

  override forward(x: Value): Value {
    const y = this.strip_pool2.call(this.strip_pool1.call(this.trans_layer.call(x)));
    return this.score_layer.call(y);
  }
}

/** The classifier of the auxiliary loss. */
class AuxiliaryHead extends Module {
  static override readonly kind: string = "AuxiliaryHead";

  readonly conv5: Sequential;

  constructor(channels: number, numClasses: number, dropout: number) {
    super();
    this.conv5 = scoreLayer(channels, channels / 4, numClasses, dropout);
  }

  override forward(x: Value): Value {
    return this.conv5.call(x);
  }
}

/** Strip Pooling Network; its logits: those of the head, and of an auxiliary classifier on the third stage. */
export class SPNet extends DilatedNetwork {
  static override readonly kind: string = "SPNet";

  readonly pretrained: Trunk;
  readonly head: SPHead;
  readonly auxlayer: AuxiliaryHead;

  constructor(settings: DilatedSettings) {
    super();
    const { numClasses, dropout, multiGrid, width } = settings;
    const block = Bottleneck.factory({
      shortcut: "projection",
      // In every block of the last stage, and in the last block of the others.
      attention: {
        placement: "activation",
        field: "spm",
        create: (channels, { stage, block: index, blocks }) =>
          stage === 3 || index === blocks - 1 ? createModule("spm", channels, { multiply: true }) : null,
      },
    });
    const grid = multiGrid ? [4, 8, 16] : [4];
    this.pretrained = new Trunk({ ...dilatedTrunk(settings), block, multiGrid: grid });
    this.head = new SPHead(32 * width, numClasses, dropout);
    this.auxlayer = new AuxiliaryHead(16 * width, numClasses, dropout);
  }

  override get auxiliaryWeights(): readonly number[] {
    return [0.4];
  }

  override logits(x: Value): readonly Value[] {
    const maps = this.pretrained.features(x);
    return this.enlarge(x, [this.head.call(maps.at(-1)!), this.auxlayer.call(maps.at(-2)!)]);
  }
}

export const danetOptions = fields<DANetOptions>({
  ...classifierFields,
  dropout: own,
  multiGrid: own,
  width: own,
  variant: own,
});

/** Checks the common options of these networks, and builds one. */
function make<M extends Module>(
  owner: string,
  kind: new (settings: DilatedSettings) => M,
  depth: 50 | 101,
  options: DANetOptions,
): M {
  check(owner, "options", danetOptions, options);
  const { numClasses, attention, seed = 0, dropout = 0.1, multiGrid = true, width = 64, variant = "authors" } = options;
  refuseAttention(owner, attention);
  if (depth !== 50 && depth !== 101) throw new OptionError(`${owner}: depth must be 50 or 101, got ${shown(depth)}`);
  const made = {
    depth,
    numClasses: classCount(owner, numClasses, 19),
    dropout: probability(owner, "dropout", dropout),
    multiGrid,
    width: stageWidth(owner, width),
    variant,
  };
  return initialize(new kind(made), { seed });
}

/**
 * Fu et al.: Dual Attention Network for Scene Segmentation, CVPR 2019: a dilated ResNet with a deep stem, and `DANetHead`.
 * [N,3,H,W] → [N,classes,H,W]. The authors train on three outputs, `logits`; from the first alone `conv6` and `conv7` get no gradient.
 * Keys: `pretrained`, `head`.
 *
 * @example
 * const model = danet(50, { numClasses: 21 });
 */
export const danet = (depth: 50 | 101, options: DANetOptions = {}): DANet => make("danet", DANet, depth, options);

/**
 * Hou et al.: Strip Pooling, CVPR 2020: a dilated ResNet with a deep stem, strip pooling modules in its blocks, and a head of two mixed
 * pooling modules. [N,3,H,W] → [N,classes,H,W]. The second of `logits` is the authors' auxiliary output, from `auxlayer`.
 * Keys: `pretrained` (modules `layer<i>.<j>.spm`), `head`, `auxlayer.conv5`.
 *
 * @example
 * const model = spnet(50, { numClasses: 150 });
 */
export const spnet = (depth: 50 | 101, options: DilatedOptions = {}): SPNet => make("spnet", SPNet, depth, options);

/** Catalogue entries of both networks and depths. */
export const dilatedNetworks = ([50, 101] as const).flatMap((depth) => {
  const common = {
    task: "segmentation",
    options: {
      dropout: { default: 0.1, doc: "dropout rate before each classifier" },
      multiGrid: { default: true, doc: "dilations 4, 8, 16 in the last stage instead of one for all its blocks" },
      width: { default: 64, doc: "width of the first stage; the others scale with it" },
    },
  } as const;
  return [
    defineModel({
      ...common,
      name: `danet_resnet${depth}` as const,
      paper: { title: "Dual Attention Network for Scene Segmentation", url: "https://arxiv.org/abs/1809.02983" },
      numClasses: 19,
      input: [3, 768, 768],
      options: {
        ...common.options,
        variant: {
          default: "authors" as "authors" | "paper",
          choices: ["authors", "paper"] as const,
          doc: "channel affinity: softmax of (max − E) as in the code (authors), or softmax of E (paper)",
        },
      },
      create: (options) => danet(depth, options),
    }),
    defineModel({
      ...common,
      name: `spnet_resnet${depth}` as const,
      paper: {
        title: "Strip Pooling: Rethinking Spatial Pooling for Scene Parsing",
        url: "https://arxiv.org/abs/2003.13328",
      },
      numClasses: 19,
      input: [3, 768, 768],
      create: (options) => spnet(depth, options),
    }),
  ];
});

import { SCBottleneck } from "../attention/index.js";
import { check, options as fields, oneOf } from "../core/schema.js";
import { BatchNorm, initialize, Lambda, type Module, Sequential } from "../nn/index.js";
import type { AttachPoints } from "./attach.js";
import { classCount, conv, halveByAverage, mapValues, partsOf, refuseAttention } from "./parts.js";
import type { BlockKind, BlockOptions } from "./residual.js";
import { ResNet } from "./resnet.js";
import { type ClassifierOptions, classifierFields, defineModel, own } from "./spec.js";

/** A bottleneck whose shortcut pools before its 1×1 convolution instead of striding. Keys `downsample.1`, `downsample.2`. */
class AveragingBottleneck extends SCBottleneck {
  static override readonly kind: string = "AveragingBottleneck";

  override readonly downsample: Sequential | null;

  constructor(channels: number, planes: number, stride: number) {
    super(channels, { planes, stride, avd: true, isFirst: false });
    const outputs = 4 * planes;
    const pool = new Lambda(stride === 1 ? (x) => x : halveByAverage);
    this.downsample =
      stride === 1 && channels === outputs
        ? null
        : new Sequential([pool, conv(channels, outputs, 1), new BatchNorm(outputs)]);
  }
}

/** A ResNet whose bottlenecks are self-calibrated. */
class SCNet extends ResNet {
  static override readonly kind: string = "SCNet";

  override attachPoints(): AttachPoints {
    const blocks = partsOf(this, SCBottleneck);
    const residual = mapValues(blocks, (block): Module => block.bn3);
    return { ...super.attachPoints(), convolution: undefined, activation: undefined, residual };
  }
}

const depths = { 50: [3, 4, 6, 3], 101: [3, 4, 23, 3] } as const;

/** Options of {@link scnet}. */
export interface SCNetOptions extends ClassifierOptions {
  /** The variant with a deep stem and pooling in place of strides (ResNet-D). */
  readonly v1d?: boolean;
}

export const scnetOptions = fields<SCNetOptions>({ ...classifierFields, v1d: own });

/**
 * Liu et al.: Improving Convolutional Networks with Self-Calibrated Convolutions, CVPR 2020: a ResNet of `SCBottleneck`s.
 * [N,3,H,W] → [N,classes]; H and W at least 97, as the calibrating branch pools over 4×4 squares of every map.
 * Keys: `conv1`, `bn1`, `layer<i>.<j>`, `fc`.
 *
 * @example
 * const model = scnet(50, { numClasses: 10, v1d: true });
 */
export function scnet(depth: keyof typeof depths, options: SCNetOptions = {}): ResNet {
  check("scnet", "depth", oneOf(...(Object.keys(depths).map(Number) as (keyof typeof depths)[])), depth);
  check("scnet", "options", scnetOptions, options);
  const { numClasses, attention, seed = 0, v1d = false } = options;
  refuseAttention("scnet", attention);
  const create = ({ channels, width, stride }: BlockOptions) =>
    v1d
      ? new AveragingBottleneck(channels, width, stride)
      : new SCBottleneck(channels, { planes: width, stride, avd: false, isFirst: false });
  const block: BlockKind = { expansion: 4, create };
  const stem = v1d ? "deep" : "imagenet";
  // The authors doubled the stem width of the deeper network.
  const stemWidth = v1d && depth === 101 ? 128 : 64;
  const trunk = { block, depths: depths[depth], widths: [64, 128, 256, 512], stem, stemWidth } as const;
  return initialize(new SCNet(trunk, classCount("scnet", numClasses, 1000)), { seed });
}

const forms = [
  [50, false],
  [50, true],
  [101, false],
  [101, true],
] as const;

/** Catalogue entries of both depths and variants. */
export const scnets = forms.map(([depth, v1d]) =>
  defineModel({
    name: `scnet${depth}${v1d ? "_v1d" : ""}` as const,
    paper: {
      title: "Improving Convolutional Networks with Self-Calibrated Convolutions",
      url: "https://mmcheng.net/scconv/",
    },
    task: "classification",
    numClasses: 1000,
    input: [3, 224, 224],
    options: {},
    create: (options) => scnet(depth, { ...options, v1d }),
  }),
);

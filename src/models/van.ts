import { VANBlock } from "../attention/index.js";
import { check, options as fields, oneOf } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import {
  BatchNorm,
  Conv2d,
  constant,
  DropPath,
  globalAveragePool,
  initialize,
  kaimingNormal,
  Linear,
  Module,
  normal,
  Sequential,
} from "../nn/index.js";
import { add } from "../ops/index.js";
import { type Attachable, type AttachPoints, modulePlaces } from "./attach.js";
import { ChannelNorm, classCount, growingRates, mapValues, partsOf, probability, refuseAttention } from "./parts.js";
import { type ClassifierOptions, classifierFields, defineModel, own } from "./spec.js";

interface Architecture {
  readonly widths: readonly number[];
  readonly depths: readonly number[];
  readonly dropPath: number;
}

const wide = [64, 128, 320, 512];
const architectures = {
  b0: { widths: [32, 64, 160, 256], depths: [3, 3, 5, 2], dropPath: 0.1 },
  b1: { widths: wide, depths: [2, 2, 4, 2], dropPath: 0.1 },
  b2: { widths: wide, depths: [3, 3, 12, 3], dropPath: 0.1 },
  b3: { widths: wide, depths: [3, 5, 27, 3], dropPath: 0.2 },
} as const satisfies Record<string, Architecture>;
/** Names of the published sizes. */
export type VANSize = keyof typeof architectures;

/** Hidden ÷ channels of the blocks' MLPs, stage by stage. */
const mlpRatios = [8, 8, 4, 4] as const;

/** Overlapping patches: a strided convolution and a norm. Keys `proj`, `norm`. */
class PatchEmbedding extends Module {
  static override readonly kind: string = "PatchEmbedding";

  readonly proj: Conv2d;
  readonly norm: BatchNorm;

  constructor(channels: number, width: number, kernel: number, stride: number) {
    super();
    const init = { weightInit: kaimingNormal("out"), biasInit: constant(0) };
    this.proj = new Conv2d(channels, width, { kernelSize: kernel, stride, padding: (kernel - 1) / 2, ...init });
    this.norm = new BatchNorm(width);
  }

  override forward(x: Value): Value {
    return this.norm.call(this.proj.call(x));
  }
}

/** A block with drop path: in training, either half is skipped for some of the images. */
class Block extends VANBlock {
  static override readonly kind: string = "Block";

  readonly drop_path: DropPath;

  constructor(channels: number, mlpRatio: number, dropPath: number) {
    super(channels, { mlpRatio });
    this.drop_path = new DropPath(dropPath);
  }

  override forward(x: Value): Value {
    return this.branches().reduce((value, branch) => add(value, this.drop_path.call(branch(value))), x);
  }
}

/** Options of {@link van}. */
export interface VANOptions extends ClassifierOptions {
  /** Drop path rate of the last block; it grows linearly from 0 at the first. Default: the paper's. */
  readonly dropPath?: number | null;
}

/**
 * Guo et al.: Visual Attention Network, CVMJ 2023: four stages of {@link VANBlock}s (large kernel attention and an MLP), each after
 * overlapping patches and before a layer norm; mean over positions, linear classifier. [N,3,H,W] → [N,classes].
 * Keys: `patch_embed<i>.{proj,norm}`, `block<i>.<j>`, `norm<i>`, `head`.
 */
export class VAN extends Module implements Attachable {
  static override readonly kind: string = "VAN";

  readonly #stages: readonly { readonly embed: Module; readonly blocks: Sequential; readonly norm: Module }[];
  declare readonly head: Linear;

  constructor({ widths, depths, dropPath }: Architecture, numClasses: number) {
    super();
    const rates = growingRates(dropPath, depths);
    let channels = 3;
    this.#stages = widths.map((width, i) => {
      const embed = new PatchEmbedding(channels, width, i === 0 ? 7 : 3, i === 0 ? 4 : 2);
      const made = rates[i]!.map((rate) => new Block(width, mlpRatios[i]!, rate));
      channels = width;
      return {
        embed: this.addPart(`patch_embed${i + 1}`, embed),
        blocks: this.addPart(`block${i + 1}`, new Sequential(made)),
        norm: this.addPart(`norm${i + 1}`, new ChannelNorm(width)),
      };
    });
    // The authors truncate N(0, 0.02²) at ±2, a hundred deviations away.
    const init = { weightInit: normal(0.02), biasInit: constant(0) };
    this.head = this.addPart("head", new Linear(channels, numClasses, init));
  }

  override forward(x: Value): Value {
    const features = this.#stages.reduce((y, { embed, blocks, norm }) => norm.call(blocks.call(embed.call(y))), x);
    return this.head.call(globalAveragePool(features));
  }

  attachPoints(): AttachPoints {
    return {
      residual: mapValues(partsOf(this, Block), (block) => block.attn),
      stage: modulePlaces(
        this,
        this.#stages.slice(0, -1).map(({ norm }) => norm),
      ),
    };
  }
}

export const vanOptions = fields<VANOptions>({ ...classifierFields, dropPath: own });

/**
 * A Visual Attention Network of one of the published sizes.
 *
 * @example
 * const model = van("b0", { numClasses: 10 });
 */
export function van(size: VANSize, options: VANOptions = {}): VAN {
  check("van", "size", oneOf(...(Object.keys(architectures) as VANSize[])), size);
  check("van", "options", vanOptions, options);
  const { numClasses, attention, seed = 0, dropPath } = options;
  const owner = `van_${size}`;
  refuseAttention(owner, attention);
  const architecture = architectures[size];
  const rate = probability(owner, "dropPath", dropPath ?? architecture.dropPath);
  return initialize(new VAN({ ...architecture, dropPath: rate }, classCount(owner, numClasses, 1000)), { seed });
}

/** Catalogue entries of all sizes. */
export const vans = (Object.keys(architectures) as VANSize[]).map((size) =>
  defineModel({
    name: `van_${size}` as const,
    paper: { title: "Visual Attention Network", url: "https://arxiv.org/abs/2202.09741" },
    task: "classification",
    optimizer: "adamw",
    numClasses: 1000,
    input: [3, 224, 224],
    options: {
      dropPath: {
        default: architectures[size].dropPath as number,
        doc: "drop path rate of the last block; it grows linearly from 0 at the first",
      },
    },
    create: (options) => van(size, options),
  }),
);

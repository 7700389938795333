import { createAttention as createModule } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import { check, options as fields, shown } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import {
  BatchNorm,
  Conv2d,
  constant,
  fanIn,
  type Initializer,
  initialize,
  Lambda,
  Module,
  SegmentationModel,
  Sequential,
  uniform,
} from "../nn/index.js";
import { concat, mapSize, relu, resize } from "../ops/index.js";
import { type Attachable, type AttachPoints, prefixed } from "./attach.js";
import { classCount, refuseAttention } from "./parts.js";
import { resnetTrunk } from "./resnet.js";
import { type ClassifierOptions, classifierFields, defineModel, own } from "./spec.js";
import { Trunk } from "./trunk.js";

/** U(±√(6/fan-in)): He's, uniform. */
const heUniform: Initializer = (shape, rng) => uniform(Math.sqrt(6 / fanIn(shape)))(shape, rng);

/** 3×3 convolution, norm, ReLU. Keys `0`, `1`. */
function convolution(channels: number, outChannels: number): Sequential {
  const conv = new Conv2d(channels, outChannels, { kernelSize: 3, padding: 1, bias: false, weightInit: heUniform });
  return new Sequential([conv, new BatchNorm(outChannels), new Lambda(relu)]);
}

type DecoderAttention = "scse" | "none";

/** Holds a decoder's module, for the reference's keys `attention.…`. Without one, the identity. */
class Attention extends Module {
  static override readonly kind: string = "Attention";

  readonly attention: Module;

  constructor(channels: number, name: DecoderAttention) {
    super();
    this.attention = name === "scse" ? createModule(name, channels) : new Lambda((x) => x);
  }

  override forward(x: Value): Value {
    return this.attention.call(x);
  }
}

/** Upsampling by two (nearest), concatenation with the encoder's map, attention, two convolutions, attention. */
class DecoderBlock extends Module<[x: Value, skip: Value | undefined], Value> {
  static override readonly kind: string = "DecoderBlock";

  readonly conv1: Sequential;
  readonly attention1: Attention;
  readonly conv2: Sequential;
  readonly attention2: Attention;

  constructor(channels: number, skip: number, outChannels: number, attention: DecoderAttention) {
    super();
    this.conv1 = convolution(channels + skip, outChannels);
    this.attention1 = new Attention(channels + skip, attention);
    this.conv2 = convolution(outChannels, outChannels);
    this.attention2 = new Attention(outChannels, attention);
  }

  override forward(x: Value, skip: Value | undefined): Value {
    const [height, width] = mapSize(x, "DecoderBlock");
    const large = resize(x, [2 * height, 2 * width], { mode: "nearest" });
    const joined = skip ? this.attention1.call(concat([large, skip], 1)) : large;
    return this.attention2.call(this.conv2.call(this.conv1.call(joined)));
  }
}

/** The decoder's blocks, from the smallest map up. Keys `blocks.<i>`. */
class Decoder extends Module<[x: Value, skips: readonly Value[]], Value> {
  static override readonly kind: string = "Decoder";

  readonly blocks: readonly DecoderBlock[];

  constructor(widths: readonly number[], outChannels: readonly number[], attention: DecoderAttention) {
    super();
    this.blocks = outChannels.map(
      (count, i) => new DecoderBlock(i === 0 ? widths[0]! : outChannels[i - 1]!, widths[i + 1] ?? 0, count, attention),
    );
  }

  override forward(x: Value, skips: readonly Value[]): Value {
    return this.blocks.reduce((y, block, i) => block.call(y, skips[i]), x);
  }
}

const outChannels = [256, 128, 64, 32, 16] as const;

/** Options of {@link unet}. `decoderAttention`: the modules in the decoder. */
export interface UNetOptions extends ClassifierOptions {
  /** Attention in the decoder's blocks: `scse` or `none`. Default `scse`. */
  readonly decoderAttention?: DecoderAttention;
}

/** A U-Net: ResNet encoder, decoder with a block per map, and a 3×3 convolution to the classes. */
export class UNet extends SegmentationModel implements Attachable {
  static override readonly kind: string = "UNet";

  readonly encoder: Trunk;
  readonly decoder: Decoder;
  readonly segmentation_head: Sequential;

  constructor(depth: 18 | 34, numClasses: number, attention: DecoderAttention) {
    super();
    this.encoder = new Trunk(resnetTrunk(depth));
    this.decoder = new Decoder(this.encoder.widths.toReversed(), outChannels, attention);
    const init = { weightInit: glorotUniform, biasInit: constant(0) };
    this.segmentation_head = new Sequential([
      new Conv2d(outChannels.at(-1)!, numClasses, { kernelSize: 3, padding: 1, ...init }),
    ]);
  }

  override logits(x: Value): readonly Value[] {
    const size = mapSize(x, "UNet");
    if (size.some((n) => n % 32 !== 0))
      throw new OptionError(`UNet: height and width must be multiples of 32, got ${size.join("×")}`);
    const [last, ...skips] = this.encoder.features(x).toReversed() as [Value, ...Value[]];
    return [this.segmentation_head.call(this.decoder.call(last, skips))];
  }

  attachPoints(): AttachPoints {
    return prefixed("encoder", this.encoder.attachPoints());
  }
}

/** U(±√(6/(fan-in + fan-out))): Glorot and Bengio, 2010. */
function glorotUniform(shape: readonly number[], rng: Parameters<Initializer>[1]): Float32Array {
  const area = shape[2]! * shape[3]!;
  return uniform(Math.sqrt(6 / ((shape[0]! + shape[1]!) * area)))(shape, rng);
}

export const unetOptions = fields<UNetOptions>({ ...classifierFields, decoderAttention: own });

/**
 * Ronneberger et al.: U-Net, MICCAI 2015, as in segmentation_models.pytorch: a ResNet-18 or -34 encoder, and scSE modules in
 * the decoder before the first and after the second convolution of each block. [N,3,H,W] → [N,classes,H,W], H and W multiples of 32.
 * The last block has no encoder map, so its `attention1` is in the state but unused, as in the reference.
 * Keys: `encoder`, `decoder.blocks.<i>.{conv1,conv2}.{0,1}`, `decoder.blocks.<i>.attention{1,2}.attention`, `segmentation_head.0`.
 *
 * @example
 * const model = unet(34, { numClasses: 2 });
 */
export function unet(depth: 18 | 34, options: UNetOptions = {}): UNet {
  check("unet", "options", unetOptions, options);
  const { numClasses, attention, seed = 0, decoderAttention = "scse" } = options;
  refuseAttention("unet", attention);
  if (depth !== 18 && depth !== 34) throw new OptionError(`unet: depth must be 18 or 34, got ${shown(depth)}`);
  return initialize(new UNet(depth, classCount("unet", numClasses, 21), decoderAttention), { seed });
}

/** Catalogue entries of both encoders. */
export const unets = ([18, 34] as const).map((depth) =>
  defineModel({
    name: `unet_resnet${depth}` as const,
    paper: {
      title: "U-Net: Convolutional Networks for Biomedical Image Segmentation",
      url: "https://arxiv.org/abs/1505.04597",
    },
    task: "segmentation",
    numClasses: 21,
    input: [3, 256, 256],
    options: {
      decoderAttention: {
        default: "scse" as DecoderAttention,
        choices: ["scse", "none"] as const,
        doc: "modules in the decoder's blocks",
      },
    },
    create: (options) => unet(depth, options),
  }),
);

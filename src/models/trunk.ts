import type { AttentionPlan } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import { integer } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, type Conv2d, Lambda, Module, Sequential } from "../nn/index.js";
import { maxPool, relu } from "../ops/index.js";
import { type Attachable, type AttachPoints, modulePlaces } from "./attach.js";
import { conv, mapValues, partsOf } from "./parts.js";
import { type BlockKind, ResidualBlock } from "./residual.js";

/**
 * First layers: `imagenet`, a 7×7 convolution of stride 2 and max pooling; `cifar`, one 3×3 convolution; `deep`, three 3×3
 * convolutions, the first of stride 2, and max pooling (He et al.: Bag of Tricks, CVPR 2019, ResNet-C).
 */
export type Stem = "imagenet" | "cifar" | "deep";

/** What a {@link Trunk} is made of. */
export interface TrunkOptions {
  readonly block: BlockKind;
  /** Blocks per stage. */
  readonly depths: readonly number[];
  /** Width of each stage, before its blocks' expansion. */
  readonly widths: readonly number[];
  readonly stem: Stem;
  /** Channels of the stem; by default the first width. */
  readonly stemWidth?: number;
  /** Input pixels per pixel of the last map. Below 32 the last stages are dilated instead of strided. */
  readonly outputStride?: 8 | 16 | 32;
  /** Dilations of the last stage's blocks, in place of those that follow from the output stride. */
  readonly multiGrid?: readonly number[] | undefined;
  /** Stride of the last stage. */
  readonly lastStride?: 1 | 2;
  /** Modules between the stages, and after the last if `everywhere`. */
  readonly between?: AttentionPlan | undefined;
  readonly everywhere?: boolean;
}

/** The trunk with `width` channels in its first stage instead of 64, the other widths scaled alike. */
export const narrowed = (trunk: TrunkOptions, width: number): TrunkOptions => ({
  ...trunk,
  widths: trunk.widths.map((channels) => (channels * width) / 64),
});

/** Checks the option `width`. @throws OptionError if it is not a multiple of 8. */
export function stageWidth(owner: string, width: number): number {
  if (integer(owner, "width", width) % 8)
    throw new OptionError(`${owner}: width must be a multiple of 8, got ${width}`);
  return width;
}

/** Three convolutions: 3 → half → half → width. Keys `0`, `1`, `3`, `4`, `6`. */
function deepStem(width: number): Sequential {
  const half = width / 2;
  return new Sequential([
    conv(3, half, 3, { stride: 2 }),
    new BatchNorm(half),
    new Lambda(relu),
    conv(half, half, 3),
    new BatchNorm(half),
    new Lambda(relu),
    conv(half, width, 3),
  ]);
}

/** A residual network without its classifier: stem `conv1`, `bn1`, and stages `layer1`, `layer2`, … */
export class Trunk extends Module implements Attachable {
  static override readonly kind: string = "Trunk";

  /** Channels of the stem and of every stage. */
  readonly #channels: readonly number[];
  readonly #stem: Stem;
  /** Per stage: its blocks, and what follows them. */
  readonly #stages: readonly (readonly Module[])[];
  readonly conv1: Conv2d | Sequential;
  readonly bn1: BatchNorm;

  constructor(options: TrunkOptions) {
    super();
    const { block, depths, widths, stem, stemWidth = widths[0]!, between, everywhere = false } = options;
    const first = { imagenet: () => conv(3, stemWidth, 7, { stride: 2 }), cifar: () => conv(3, stemWidth, 3) };
    this.conv1 = stem === "deep" ? deepStem(stemWidth) : first[stem]();
    this.bn1 = new BatchNorm(stemWidth);
    const widthsOfMaps = [stemWidth];
    const geometry = strideAndDilation(options);
    this.#stages = depths.map((blocks, stage) => {
      const { stride, dilations } = geometry[stage]!;
      const width = widths[stage]!;
      const outputs = block.expansion * width;
      const made = Array.from({ length: blocks }, (_, i) => {
        const place = { stage, block: i, blocks };
        const channels = i === 0 ? widthsOfMaps.at(-1)! : outputs;
        return block.create({ channels, width, stride: i === 0 ? stride : 1, dilation: dilations(i), place });
      });
      widthsOfMaps.push(outputs);
      const parts: Module[] = [this.addPart(`layer${stage + 1}`, new Sequential(made))];
      const last = stage === depths.length - 1;
      const module = between && (!last || everywhere) && between.create(outputs, { stage, block: blocks - 1, blocks });
      if (module) parts.push(this.addPart(`${between.field}${stage + 1}`, module));
      return parts;
    });
    this.#stem = stem;
    this.#channels = widthsOfMaps;
  }

  /** Channels of each map of {@link features}. */
  get widths(): readonly number[] {
    return this.#channels;
  }

  /** The stem's map before pooling, and the map of every stage. */
  features(x: Value): readonly Value[] {
    const stem = relu(this.bn1.call(this.conv1.call(x)));
    const maps = [stem];
    let y = this.#stem === "cifar" ? stem : maxPool(stem, { kernelSize: 3, stride: 2, padding: 1 });
    for (const stage of this.#stages) maps.push((y = stage.reduce((value, part) => part.call(value), y)));
    return maps;
  }

  /** The map of the last stage. */
  override forward(x: Value): Value {
    return this.features(x).at(-1)!;
  }

  attachPoints(): AttachPoints {
    const blocks = partsOf(this, ResidualBlock);
    return {
      residual: mapValues(blocks, (block) => block.branchEnd),
      convolution: mapValues(blocks, (block) => block.lastConvolution),
      activation: mapValues(blocks, (block) => block.lastActivation),
      stage: modulePlaces(
        this,
        this.#stages.slice(0, -1).map(([layer]) => layer!),
      ),
    };
  }
}

/** Per stage: the stride of its first block, and the dilation of each. The first block keeps the dilation of the stage before it. */
function strideAndDilation({ depths, outputStride = 32, multiGrid, lastStride = 2 }: TrunkOptions) {
  if (![8, 16, 32].includes(outputStride))
    throw new OptionError(`outputStride must be one of 8, 16, 32, got ${outputStride}`);
  let [reached, dilation] = [4, 1];
  return depths.map((_, stage) => {
    const last = stage === depths.length - 1;
    const wanted = stage === 0 ? 1 : last ? lastStride : 2;
    const before = dilation;
    const stride = wanted === 2 && reached * 2 > outputStride ? 1 : wanted;
    if (stride === 2) reached *= 2;
    else if (wanted === 2) dilation *= 2;
    const grid = last ? multiGrid : undefined;
    const after = dilation;
    return { stride, dilations: (i: number) => grid?.[i % grid.length] ?? (i === 0 ? before : after) };
  });
}

import { OptionError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { flatten, type Initializer, Module, Param, type Sequential } from "../nn/index.js";
import { adaptiveAveragePool, mapSize, mul, reduceSum, reshape, sigmoid } from "../ops/index.js";
import { applyGate, integerPair, linearBottleneck, reducedWidth, squaresOf } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  size: {
    default: [7, 7] as readonly number[],
    traces: (sizes: readonly number[]) => squaresOf(sizes.filter((n) => n > 7)),
    doc: "[height, width] of the cosines, from 7; maps of another size are averaged to it (the authors': 56, 28, 14, 7 by stage)",
  },
  frequencies: { default: 16, doc: "number of frequencies, which share the channels: 1, 2, 4, 8, 16 or 32" },
  selection: {
    default: "top",
    choices: ["top", "low", "bot"],
    doc: "which frequencies: those that were best alone, the lowest, or the worst",
  },
  reduction: { default: 16, doc: "channels ÷ hidden channels, or a fraction: hidden ÷ channels" },
});
type Options = OptionsOf<typeof options>;

/** Frequencies [vertical, horizontal] of a 7×7 map as two digits each, in the authors' order. */
const ranked: Readonly<Record<Options["selection"], string>> = {
  top: "00 01 60 05 02 10 12 40 50 16 30 04 06 03 35 22 46 63 33 53 55 21 61 52 54 32 31 41 23 20 65 13",
  low: "00 01 10 11 02 20 21 12 22 03 30 40 04 13 31 05 14 23 32 41 50 06 15 24 33 42 51 60 16 25 34 43",
  bot: "66 14 34 36 26 43 11 24 44 45 56 15 42 62 25 51 64 13 65 20 23 41 31 32 54 52 61 21 55 53 33 63",
};

/** cos(π · k · (i + ½) / n), normed: the k-th cosine of n positions at i. */
function cosine(k: number, i: number, n: number): number {
  return (Math.cos((Math.PI * k * (i + 0.5)) / n) / Math.sqrt(n)) * (k === 0 ? 1 : Math.SQRT2);
}

/** The product of a vertical and a horizontal cosine for each channel, [C,h,w]. Frequencies are those of a 7×7 map. */
function cosines(frequencies: readonly (readonly [number, number])[]): Initializer {
  return ([channels, height, width]) => {
    const each = channels! / frequencies.length;
    return Float32Array.from({ length: channels! * height! * width! }, (_, at) => {
      const [vertical, horizontal] = frequencies[Math.floor(at / (height! * width!) / each)]!;
      const [row, column] = [Math.floor(at / width!) % height!, at % width!];
      const [v, h] = [vertical * Math.floor(height! / 7), horizontal * Math.floor(width! / 7)];
      return cosine(v, row, height!) * cosine(h, column, width!);
    });
  };
}

/** Each channel's sum weighted by its cosines: one coefficient of its discrete cosine transform, [N,C,h,w] → [N,C,1,1]. */
class CosineTransform extends Module {
  static override readonly kind: string = "CosineTransform";

  /** [C,h,w]; not learned. */ readonly weight: Param;

  constructor(shape: readonly [channels: number, height: number, width: number], init: Initializer) {
    super();
    this.weight = new Param(shape, init, "buffer");
  }

  override forward(x: Value): Value {
    return reduceSum(mul(x, this.weight), [2, 3]);
  }
}

/**
 * Multi-spectral channel attention: SE with a frequency for each channel in place of the mean, which is frequency 0:
 * y = x · σ(W₂ · ReLU(W₁ · z)), z = Σ over H, W of x · cos(π·u·(i + ½)/H) · cos(π·v·(j + ½)/W), (u, v) one of 16 for each 16th of the channels.
 * [N,C,H,W] → the same; the map `channel` is [N,C,1,1].
 *
 * Qin et al.: FcaNet, ICCV 2021, equations 5 to 10. The cosines are a fixed buffer of `size`; maps of another size are averaged to it in
 * adaptive bins, as in the authors' code. 2·C²/16 learned weights, as SE, and a pass over the map.
 * Keys: `dct_layer.weight` [C,h,w], `fc.0`, `fc.2`.
 *
 * @example
 * const gate = createAttention("fca", 256, { size: [56, 56] });
 */
export class MultiSpectralAttention extends Module {
  static override readonly kind: string = "MultiSpectralAttention";

  readonly dct_layer: CosineTransform;
  readonly fc: Sequential;
  readonly #size: readonly [number, number];

  constructor(channels: number, { size, frequencies, selection, reduction }: Options) {
    super();
    const owner = "MultiSpectralAttention";
    this.#size = integerPair(owner, "size", size);
    if (Math.min(...this.#size) < 7)
      throw new OptionError(`${owner}: size must be at least 7×7, whose frequencies are used, got ${size.join("×")}`);
    if (![1, 2, 4, 8, 16, 32].includes(frequencies))
      throw new OptionError(`${owner}: frequencies must be one of 1, 2, 4, 8, 16, 32, got ${frequencies}`);
    if (channels % frequencies)
      throw new OptionError(`${owner}: ${frequencies} frequencies do not divide ${channels} channels; set frequencies`);
    const chosen = ranked[selection].split(" ", frequencies).map((pair) => [Number(pair[0]), Number(pair[1])] as const);
    this.dct_layer = new CosineTransform([channels, ...this.#size], cosines(chosen));
    this.fc = linearBottleneck(channels, reducedWidth(owner, channels, reduction), false);
  }

  override forward(x: Value): Value {
    const isWhole = String(mapSize(x, "MultiSpectralAttention")) === String(this.#size);
    const z = this.dct_layer.call(isWhole ? x : adaptiveAveragePool(x, this.#size));
    return applyGate(x, sigmoid(reshape(this.fc.call(flatten(z)), z.shape)), "channel");
  }
}

export const fca = defineAttention({
  name: "fca",
  title: "Multi-spectral channel attention (FcaNet)",
  paper: {
    title: "FcaNet: Frequency Channel Attention Networks",
    venue: "ICCV 2021",
    url: "https://arxiv.org/abs/2012.11879",
  },
  formula: [
    "z = Σ over H, W of x · cos(π·u·(i + ½)/H) · cos(π·v·(j + ½)/W), (u, v) by channel",
    "y = x · σ(W₂ · ReLU(W₁ · z))",
  ],
  notes: [
    "The cosines are normed, so that frequency (0, 0) is √(H·W) times the mean. They are a buffer: saved, not learned.",
    "Frequencies are counted on a 7×7 map; on larger ones they are multiplied by ⌊size / 7⌋. In the authors' code a size below 7 makes all of them 0, the mean; it is refused here.",
    "`selection` leaves no trace in the shapes of a checkpoint, but the cosines are loaded with the rest.",
    'The authors fix the size by stage, 56, 28, 14 and 7 for images of 224×224: `attention: ["fca", [{ size: [56, 56] }, { size: [28, 28] }, { size: [14, 14] }, {}]]`.',
  ],
  kind: "gate",
  attends: "channel",
  placement: "residual",
  field: "att",
  options,
  create: (channels, resolved) => new MultiSpectralAttention(channels, resolved),
});

import { OptionError } from "../core/errors.js";
import { defineOptions, integer, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { Module } from "../nn/index.js";
import { adaptiveAveragePool, add, mapSize, mul, reduceMean, reshape, sigmoid, transpose } from "../ops/index.js";
import { applyGate, LineConv, oddKernel, oddKernelFor } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  localSize: { default: 5, doc: "the map is pooled to localSize × localSize cells" },
  localWeight: { default: 0.5, doc: "share of the cells' gate, the rest is the whole map's: 0 to 1" },
  kernelSize: {
    default: null as number | null,
    kind: "number",
    doc: "neighboring channels that a weight depends on (odd; null: (log₂ C + 1)/2, rounded to an odd number)",
  },
});

/**
 * Mixed Local Channel Attention: the map is pooled to s×s cells z, and those to their mean; y = x · (λ · up(σ(w ∗ z)) +
 * (1 − λ) · σ(v ∗ mean(z))), convolutions over neighboring channels, up the pooling back to H×W.
 * [N,C,H,W] → the same; the map `attention` [N,C,H,W] is the sum.
 *
 * Wan et al.: Mixed Local Channel Attention for Object Detection, EAAI 2023. 2k parameters.
 * Keys: `conv.weight` (whole map) and `conv_local.weight` (cells), [1,1,k].
 *
 * @example
 * const gate = createAttention("mlca", 64, { localSize: 3 });
 */
export class MixedLocalChannelAttention extends Module {
  static override readonly kind: string = "MixedLocalChannelAttention";

  readonly conv: LineConv;
  readonly conv_local: LineConv;
  readonly #size: number;
  readonly #share: number;

  constructor(channels: number, { localSize, localWeight, kernelSize }: OptionsOf<typeof options>) {
    super();
    const owner = "MixedLocalChannelAttention";
    this.#size = integer(owner, "localSize", localSize);
    if (!(localWeight >= 0 && localWeight <= 1))
      throw new OptionError(`${owner}: localWeight must be from 0 to 1, got ${localWeight}`);
    this.#share = localWeight;
    const k = oddKernel(owner, kernelSize ?? oddKernelFor(channels));
    this.conv = new LineConv(1, 1, k);
    this.conv_local = new LineConv(1, 1, k);
  }

  override forward(x: Value): Value {
    const [n, channels] = x.shape as [number, number];
    const size = mapSize(x, "MixedLocalChannelAttention");
    const s = this.#size;
    const cells = adaptiveAveragePool(x, s);
    const line = transpose(reshape(cells, [n, channels, s * s]), [0, 2, 1]); // cell by cell
    const local = reshape(this.conv_local.call(reshape(line, [n, 1, 1, s * s * channels])), [n, s * s, channels]);
    const whole = this.conv.call(reshape(reduceMean(cells, [2, 3]), [n, 1, 1, channels]));
    const spread = adaptiveAveragePool(reshape(sigmoid(transpose(local, [0, 2, 1])), [n, channels, s, s]), size);
    const shared = mul(sigmoid(reshape(whole, [n, channels, 1, 1])), 1 - this.#share);
    return applyGate(x, add(mul(spread, this.#share), shared), "attention");
  }
}

export const mlca = defineAttention({
  name: "mlca",
  title: "Mixed Local Channel Attention",
  paper: {
    title: "Mixed Local Channel Attention for Object Detection",
    venue: "EAAI 2023",
    url: "https://doi.org/10.1016/j.engappai.2023.106442",
  },
  formula: [
    "z = x pooled to s×s cells, m = mean of z over the cells",
    "y = x · (λ · up(σ(w ∗ z)) + (1 − λ) · σ(v ∗ m)), convolutions of k taps along the channels, up to H×W",
  ],
  notes: [
    "The cells stand one after the other in one line of s² · C numbers, and w runs along all of it: the first channels of a cell see the last of the one before.",
    "Unpooling is adaptive average pooling to a larger size: where H or W is not a multiple of s, positions on a border have the mean of two cells.",
    "The kernel size may be 1 with very few channels, other than in ECA.",
  ],
  kind: "gate",
  attends: "both",
  placement: "activation",
  field: "mlca",
  options,
  create: (channels, resolved) => new MixedLocalChannelAttention(channels, resolved),
});

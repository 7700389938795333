import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { constant, Module, type Sequential } from "../nn/index.js";
import { add, mul, sigmoid } from "../ops/index.js";
import { exchangeAxes, oddKernel, planeConvNorm, spatialDescriptor } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  spatial: { default: true, doc: "use the third gate, over rows and columns" },
  kernelSize: { default: 7, doc: "kernel size of the gates (odd); 7 and 3 were published" },
  variant: {
    default: "root",
    choices: ["root", "models"],
    doc: "key names: of the authors' latest file, or of the one their networks use",
  },
});

/**
 * A gate over the plane of two axes: σ(BN(conv([max; mean] over the third axis))).
 * axis 1: [N,1,H,W]; 2: over channels and columns, [N,C,1,W]; 3: over rows and channels, [N,C,H,1].
 */
class PlaneGate extends Module {
  static override readonly kind: string = "PlaneGate";

  readonly #axis: 1 | 2 | 3;
  readonly #conv: Sequential;

  constructor(axis: 1 | 2 | 3, field: string, conv: Sequential) {
    super();
    this.#axis = axis;
    this.#conv = this.addPart(field, conv);
  }

  override forward(x: Value): Value {
    // Transposing the two reduced maps instead of x itself, as the authors do, gives the same and moves less data.
    const logits = this.#conv.call(spatialDescriptor(x, ["max", "mean"], this.#axis));
    return sigmoid(exchangeAxes(logits, this.#axis));
  }
}

/** The gates in order: their names in the two files, the axis each reduces, and the name of its map. */
const gates = [
  { root: "cw", models: "ChannelGateH", axis: 2, map: "channel-column" },
  { root: "hc", models: "ChannelGateW", axis: 3, map: "channel-row" },
  { root: "hw", models: "SpatialGate", axis: 1, map: "spatial" },
] as const;

/**
 * Triplet Attention: y = x · (g₁ + g₂ + g₃) / 3, three gates over the planes (C,W), (H,C) and (H,W), each
 * g = σ(BN(conv7×7([max; mean] over the remaining axis))); without `spatial`, the mean of the first two.
 * [N,C,H,W] → the same; the maps are `channel-column` [N,C,1,W], `channel-row` [N,C,H,1] and `spatial` [N,1,H,W].
 *
 * Misra et al.: Rotate to Attend, WACV 2021, equations 1 to 3. The norms have momentum 0.01; in variant `models` the spatial gate's
 * gain starts at 0 (the authors' networks inherit CBAM's rule, which matches names), all others at 1.
 * Keys: `{cw,hc,hw}.conv.{conv,bn}`, or `{ChannelGateH,ChannelGateW,SpatialGate}.spatial.{conv,bn}`. 300 parameters for any C.
 *
 * @example
 * const gate = createAttention("triplet", 64, { spatial: false });
 */
export class TripletAttention extends Module {
  static override readonly kind: string = "TripletAttention";

  readonly #gates: readonly { readonly gate: PlaneGate; readonly map: string }[];

  constructor(_channels: number, { spatial, kernelSize, variant }: OptionsOf<typeof options>) {
    super();
    oddKernel("TripletAttention", kernelSize);
    this.#gates = gates.slice(0, spatial ? 3 : 2).map(({ [variant]: name, axis, map }) => {
      const gain = constant(name === "SpatialGate" ? 0 : 1);
      const conv = planeConvNorm(kernelSize, { momentum: 0.01, weightInit: gain });
      return { gate: this.addPart(name, new PlaneGate(axis, variant === "root" ? "conv" : "spatial", conv)), map };
    });
  }

  override forward(x: Value): Value {
    const shares = this.#gates.map(({ gate, map }) => {
      const g = gate.call(x);
      x.graph.tap(map, g, map === "spatial" ? "spatial" : "strip");
      return mul(g, 1 / this.#gates.length);
    });
    const mean = shares.reduce((a, b) => add(a, b));
    return mul(x, mean);
  }
}

export const triplet = defineAttention({
  name: "triplet",
  title: "Triplet Attention",
  paper: {
    title: "Rotate to Attend: Convolutional Triplet Attention Module",
    venue: "WACV 2021",
    url: "https://arxiv.org/abs/2010.03045",
  },
  formula: ["g(z) = σ(BN(conv7×7([max; mean] over one axis of z)))", "y = x · (g over H + g over W + g over C) / 3"],
  notes: [
    "The authors publish two files with different key names (`variant`); the norms' momentum is 0.01 in both. In their networks only the gate named SpatialGate starts with gain 0, by a rule that matches names.",
    "One copy has biases, a ReLU before the sigmoid, momentum 0.1 and the order mean, max.",
  ],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "triplet_attention",
  options,
  create: (channels, resolved) => new TripletAttention(channels, resolved),
});

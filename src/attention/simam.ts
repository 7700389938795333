import { OptionError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { Module } from "../nn/index.js";
import { add, div, mul, reduceMean, reduceSum, sigmoid, square, sub } from "../ops/index.js";
import { applyGate, severalPositions } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  lambda: {
    default: 1e-4,
    doc: "λ, added to the variance (1e-4 in the authors' CIFAR runs, 0.1 on ImageNet)",
  },
});

/**
 * SimAM, a parameter-free gate for every single neuron: y = x · σ(d / (4 (v + λ)) + ½),
 * d = (x − mean)² and v = Σ d / (H·W − 1) over each map. [N,C,H,W] → [N,C,H,W]; the map `attention` is [N,C,H,W].
 *
 * Yang et al.: SimAM, ICML 2021, equation 5 (the inverse of the minimal energy).
 *
 * @example
 * const gate = createAttention("simam", 64, { lambda: 0.1 });
 */
export class SimAM extends Module {
  static override readonly kind: string = "SimAM";

  readonly #lambda: number;

  constructor(_channels: number, { lambda }: OptionsOf<typeof options>) {
    super();
    if (!(lambda > 0)) throw new OptionError(`SimAM: lambda must be positive, got ${lambda}`);
    this.#lambda = lambda;
  }

  override forward(x: Value): Value {
    const count = severalPositions("SimAM", x);
    const d = square(sub(x, reduceMean(x, [2, 3])));
    const variance = mul(reduceSum(d, [2, 3]), 1 / (count - 1));
    return applyGate(x, sigmoid(add(div(d, mul(4, add(variance, this.#lambda))), 0.5)), "attention");
  }
}

export const simam = defineAttention({
  name: "simam",
  title: "SimAM",
  paper: {
    title: "SimAM: A Simple, Parameter-Free Attention Module for Convolutional Neural Networks",
    venue: "ICML 2021",
    url: "https://proceedings.mlr.press/v139/yang21o.html",
  },
  formula: ["d = (x − mean over H, W)²", "v = Σ over H, W of d / (H·W − 1)", "y = x · σ(d / (4 (v + λ)) + ½)"],
  notes: [
    "The authors' code gives NaN on 1×1 maps (division by H·W − 1 = 0); here such maps are refused.",
    "The module's default λ is 1e-4, which the CIFAR runs use; the ImageNet runs use 0.1.",
    "Unlike most gates, the authors put it between the 3×3 convolution and its norm.",
  ],
  kind: "gate",
  attends: "both",
  placement: "convolution",
  field: "simam",
  options,
  create: (channels, resolved) => new SimAM(channels, resolved),
});

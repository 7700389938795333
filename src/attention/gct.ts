import { OptionError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { constant, Module, Param } from "../nn/index.js";
import { abs, add, div, mul, reduceMean, reduceSum, sqrt, square, tanh } from "../ops/index.js";
import { applyGate } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  mode: {
    default: "l2",
    choices: ["l2", "l1"],
    doc: "norm that pools each map and normalizes over channels",
  },
  epsilon: { default: 1e-5, doc: "ε, keeps roots and divisions finite" },
});

/**
 * Gated Channel Transformation: y = x · (1 + tanh(γ · ŝ + β)), s = α · ‖x‖₂ of each channel's map and ŝ = s / √(mean over channels of s²).
 * With `mode: "l1"` both norms are sums and means of magnitudes. α, β and γ are per channel.
 * [N,C,H,W] → the same; the map `channel` [N,C,1,1] is the gate, in (0, 2): channels compete where γ < 0 and support each other where γ > 0.
 *
 * Yang et al.: Gated Channel Transformation for Visual Recognition, CVPR 2020. β and γ start at 0, so the module is the identity at first.
 * Keys: `alpha`, `gamma`, `beta`, each [1,C,1,1].
 *
 * @example
 * const gate = createAttention("gct", 64, { mode: "l1" });
 */
export class GatedChannelTransformation extends Module {
  static override readonly kind: string = "GatedChannelTransformation";

  readonly alpha: Param;
  readonly gamma: Param;
  readonly beta: Param;
  readonly #mode: "l2" | "l1";
  readonly #epsilon: number;

  constructor(channels: number, { mode, epsilon }: OptionsOf<typeof options>) {
    super();
    if (!(epsilon > 0 && Number.isFinite(epsilon)))
      throw new OptionError(`GatedChannelTransformation: epsilon must be positive, got ${epsilon}`);
    const perChannel = (value: number) => new Param([1, channels, 1, 1], constant(value));
    this.alpha = perChannel(1);
    this.gamma = perChannel(0);
    this.beta = perChannel(0);
    this.#mode = mode;
    this.#epsilon = epsilon;
  }

  override forward(x: Value): Value {
    const [size, mean] = this.#mode === "l2" ? [this.l2(x), quadraticMean] : [reduceSum(abs(x), [2, 3]), absoluteMean];
    const s = mul(size, this.alpha); // [N,C,1,1]
    const competition = mul(this.gamma, div(s, mean(s, this.#epsilon)));
    return applyGate(x, add(1, tanh(add(competition, this.beta))), "channel");
  }

  private l2(x: Value): Value {
    return sqrt(add(reduceSum(square(x), [2, 3]), this.#epsilon));
  }
}

const quadraticMean = (s: Value, epsilon: number) => sqrt(add(reduceMean(square(s), [1]), epsilon));
const absoluteMean = (s: Value, epsilon: number) => add(reduceMean(abs(s), [1]), epsilon);

export const gct = defineAttention({
  name: "gct",
  title: "Gated Channel Transformation",
  paper: {
    title: "Gated Channel Transformation for Visual Recognition",
    venue: "CVPR 2020",
    url: "https://arxiv.org/abs/1909.11519",
  },
  formula: ["s = α · √(Σ over H, W of x² + ε)", "ŝ = s / √(mean over C of s² + ε)", "y = x · (1 + tanh(γ · ŝ + β))"],
  notes: [
    "The paper puts one before every convolution. The authors' README says that one per block, before the last 1×1 convolution, is nearly as good; that is the default here.",
    "The authors recommend no weight decay on β.",
    "The Gaussian Context Transformer (CVPR 2021) shares the abbreviation but is a different module.",
  ],
  kind: "gate",
  attends: "channel",
  placement: "activation",
  field: "gct",
  options,
  create: (channels, resolved) => new GatedChannelTransformation(channels, resolved),
});

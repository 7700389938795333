import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { Conv2d, flatten, Lambda, Linear, Module, Sequential } from "../nn/index.js";
import { add, concat, maximum, mul, reduceMean, relu, reshape, sigmoid } from "../ops/index.js";
import { applyGate, reducedWidth } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  reduction: {
    default: null as number | null,
    kind: "number",
    doc: "channels ÷ hidden channels of the channel branch, or a fraction: hidden ÷ channels (null: 16; 2 in variant authors)",
  },
  fusion: {
    default: null,
    kind: "string",
    choices: [null, "add", "max", "mul", "concat"],
    doc: "how the two branches are combined (null: add; max in variant authors); concat doubles the channels",
  },
  variant: {
    default: "smp",
    choices: ["smp", "authors"],
    doc: "smp: segmentation_models.pytorch, widely used; authors: their own code",
  },
});
type Options = OptionsOf<typeof options>;

const fusions = {
  add,
  max: maximum,
  mul,
  concat: (a: Value, b: Value) => concat([a, b], 1),
} as const;

/** The authors' channel branch: σ(W₂ · ReLU(W₁ · mean(x))), [N,C,1,1]. */
class ChannelGate extends Module {
  static override readonly kind: string = "ChannelGate";

  readonly fc1: Linear;
  readonly fc2: Linear;

  constructor(channels: number, hidden: number) {
    super();
    this.fc1 = new Linear(channels, hidden);
    this.fc2 = new Linear(hidden, channels);
  }

  override forward(x: Value): Value {
    const z = reduceMean(x, [2, 3]);
    return sigmoid(reshape(this.fc2.call(relu(this.fc1.call(flatten(z)))), z.shape));
  }
}

/**
 * Concurrent Spatial and Channel Squeeze & Excitation: y = fuse(x · c, x · s), c = σ(W₂ · ReLU(W₁ · mean(x) + b₁) + b₂) for the
 * channels, s = σ(w · x + b) for the positions.
 * [N,C,H,W] → the same, or [N,2C,H,W] with `fusion: "concat"`; the maps are `channel` [N,C,1,1] and `spatial` [N,1,H,W].
 *
 * Roy, Navab, Wachinger: Concurrent Spatial and Channel Squeeze & Excitation, MICCAI 2018 (fusion by maximum, reduction 2), and
 * Recalibrating Fully Convolutional Networks, TMI 2019 (all four fusions). The widely used code adds, with reduction 16.
 * Keys: `cSE.1`, `cSE.3`, `sSE.0` (smp), `cSE.fc1`, `cSE.fc2`, `sSE.conv` (authors).
 *
 * @example
 * const module = createAttention("scse", 64, { variant: "authors" });
 */
export class ScSE extends Module {
  static override readonly kind: string = "ScSE";

  readonly cSE: Module;
  readonly sSE: Module;
  readonly #fuse: (a: Value, b: Value) => Value;

  constructor(channels: number, { reduction, fusion, variant }: Options) {
    super();
    const authors = variant === "authors";
    const hidden = reducedWidth("ScSE", channels, reduction ?? (authors ? 2 : 16));
    const conv = new Conv2d(channels, 1, { kernelSize: 1 });
    this.cSE = authors
      ? new ChannelGate(channels, hidden)
      : new Sequential([
          new Lambda((x) => reduceMean(x, [2, 3])),
          new Conv2d(channels, hidden, { kernelSize: 1 }),
          new Lambda(relu),
          new Conv2d(hidden, channels, { kernelSize: 1 }),
          new Lambda(sigmoid),
        ]);
    this.sSE = new Sequential({ [authors ? "conv" : "0"]: conv, gate: new Lambda(sigmoid) });
    this.#fuse = fusions[fusion ?? (authors ? "max" : "add")];
  }

  override forward(x: Value): Value {
    return this.#fuse(applyGate(x, this.cSE.call(x), "channel"), applyGate(x, this.sSE.call(x), "spatial"));
  }
}

export const scse = defineAttention({
  name: "scse",
  title: "scSE",
  paper: {
    title: "Concurrent Spatial and Channel Squeeze & Excitation in Fully Convolutional Networks",
    venue: "MICCAI 2018",
    url: "https://arxiv.org/abs/1803.02579",
  },
  formula: [
    "c = σ(W₂ · ReLU(W₁ · mean over H, W of x + b₁) + b₂)",
    "s = σ(w · x + b) at every position",
    "y = x · c + x · s",
  ],
  notes: [
    'The authors take the element-wise maximum of the two branches and reduction 2 (`variant: "authors"`). The code in wide use, segmentation_models.pytorch, adds them, with reduction 16; this is the default.',
    "Fusion `concat` doubles the channels, so networks cannot use it in their blocks.",
  ],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "scse",
  options,
  copies: /\b(\w*(se|att|channel|spatial)\w*)\./i,
  outputs: (channels, { fusion }) => (fusion === "concat" ? 2 * channels : channels),
  create: (channels, resolved) => new ScSE(channels, resolved),
});

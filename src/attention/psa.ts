import type { Value } from "../graph/graph.js";
import { Conv2d, kaimingNormal, Lambda, LayerNorm, Module, Sequential } from "../nn/index.js";
import { add, matMul, reduceMean, relu, reshape, sigmoid, softmax } from "../ops/index.js";
import { applyGate, attentionPool, dividedWidth, positions } from "./parts.js";
import { defineAttention } from "./spec.js";

const paper = {
  title: "Polarized Self-Attention: Towards High-quality Pixel-wise Regression",
  venue: "Neurocomputing 2022",
  url: "https://arxiv.org/abs/2107.00782",
};

/** A 1×1 projection without bias. */
function projection(channels: number, outChannels: number): Conv2d {
  return new Conv2d(channels, outChannels, { kernelSize: 1, bias: false, weightInit: kaimingNormal("in") });
}

/** Shared by both variants: the four projections, the channel gate, and the factors of the spatial one. C′ = ⌊C/2⌋. */
abstract class PolarizedSelfAttention extends Module {
  readonly conv_q_right: Conv2d;
  readonly conv_v_right: Conv2d;
  readonly conv_up: Module;
  readonly conv_q_left: Conv2d;
  readonly conv_v_left: Conv2d;

  protected constructor(channels: number, hidden: number, up: Module) {
    super();
    this.conv_q_right = projection(channels, 1);
    this.conv_v_right = projection(channels, hidden);
    this.conv_up = up;
    this.conv_q_left = projection(channels, hidden);
    this.conv_v_left = projection(channels, hidden);
  }

  /** σ(up(Σ over positions of v · softmax(q))), [N,C,1,1]. */
  protected channelGate(x: Value): Value {
    const { pooled, weights } = attentionPool(this.conv_v_right.call(x), this.conv_q_right.call(x));
    x.graph.tap("context", weights, "spatial");
    return sigmoid(this.conv_up.call(pooled));
  }

  /** The query, one number per hidden channel, [N,1,C′], and the values, [N,C′,HW]. */
  protected spatialFactors(x: Value): { readonly query: Value; readonly values: Value } {
    const query = reduceMean(this.conv_q_left.call(x), [2, 3]); // [N,C′,1,1]
    return { query: reshape(query, [x.shape[0]!, 1, query.shape[1]!]), values: positions(this.conv_v_left.call(x)) };
  }
}

/** A gate over positions, [N,1,HW] → [N,1,H,W]. */
const asMap = (gate: Value, x: Value) => reshape(gate, [x.shape[0]!, 1, x.shape[2]!, x.shape[3]!]);

/**
 * Polarized Self-Attention, parallel: y = x · s + x · c, the channel gate c = σ(W · Σ v · softmax(q)) and the spatial gate
 * s = σ(softmax over positions of (mean(q′) · v′)), q, v, q′, v′ being 1×1 projections of x (q to one channel, the others to C/2).
 * [N,C,H,W] → the same; the maps are `channel` [N,C,1,1], `spatial` [N,1,H,W] and `context` [N,1,H,W], the softmax(q), which sums to 1.
 *
 * Liu et al.: Polarized Self-Attention, equations 4 to 6. This follows the authors' code, which differs from the paper: the spatial softmax
 * is over positions of the product, not over channels of the query (so s is barely above ½), and there is no layer norm before
 * the channel gate's σ. The authors put it after the first norm and ReLU of a residual block.
 * Keys: `conv_q_right`, `conv_v_right`, `conv_up`, `conv_q_left`, `conv_v_left`, all 1×1 without bias.
 *
 * @example
 * const gate = new PSAParallel(64);
 */
export class PSAParallel extends PolarizedSelfAttention {
  static override readonly kind: string = "PSAParallel";

  constructor(channels: number) {
    const hidden = dividedWidth("PSAParallel", channels, 2);
    super(channels, hidden, new Conv2d(hidden, channels, { kernelSize: 1, bias: false }));
  }

  override forward(x: Value): Value {
    const { query, values } = this.spatialFactors(x);
    const spatial = asMap(sigmoid(softmax(matMul(query, values), 2)), x);
    return add(applyGate(x, spatial, "spatial"), applyGate(x, this.channelGate(x), "channel"));
  }
}

/**
 * Polarized Self-Attention, sequential: the channel gate as in {@link PSAParallel}, but with a bottleneck (conv–layer norm–ReLU–conv) for
 * W; then, on the result z, the spatial gate y = z · σ(mean(q′) · softmax over positions of v′).
 * [N,C,H,W] → the same, C ≥ 8; the maps are `channel` [N,C,1,1], `spatial` [N,1,H,W] and `context` [N,1,H,W].
 *
 * Liu et al.: Polarized Self-Attention, equations 4, 5 and 7; here the softmax acts on the values, as in the authors' code.
 * Keys: as in {@link PSAParallel}, with `conv_up.0`, `conv_up.1` (norm, [C/8,1,1]), `conv_up.3`.
 *
 * @example
 * const gate = new PSASequential(64);
 */
export class PSASequential extends PolarizedSelfAttention {
  static override readonly kind: string = "PSASequential";

  constructor(channels: number) {
    dividedWidth("PSASequential", channels, 8);
    const hidden = Math.floor(channels / 2);
    const narrow = Math.floor(hidden / 4);
    const up = new Sequential([
      new Conv2d(hidden, narrow, { kernelSize: 1 }),
      new LayerNorm([narrow, 1, 1]),
      new Lambda(relu),
      new Conv2d(narrow, channels, { kernelSize: 1 }),
    ]);
    super(channels, hidden, up);
  }

  override forward(x: Value): Value {
    const z = applyGate(x, this.channelGate(x), "channel");
    const { query, values } = this.spatialFactors(z);
    return applyGate(z, asMap(sigmoid(matMul(query, softmax(values, 2))), x), "spatial");
  }
}

export const psaParallel = defineAttention({
  name: "psa-parallel",
  title: "Polarized Self-Attention (parallel)",
  paper,
  formula: [
    "c = σ(W · Σ over positions of v · softmax over positions of q)",
    "s = σ(softmax over positions of (mean(q′) · v′))",
    "y = x · c + x · s; q, v, q′, v′ are 1×1 projections of x, q to 1 channel, the others to C/2",
  ],
  notes: [
    "The paper takes the softmax of the pooled query over channels; the authors' code, that of the product over positions. Over thousands of positions it is nearly 0, so s is barely above ½.",
    "The paper's layer norm before the channel gate is not in the authors' parallel code.",
    "A widely used copy follows the paper, with biases; its weights do not fit.",
  ],
  kind: "gate",
  attends: "both",
  placement: "activation",
  field: "deattn",
  options: {},
  create: (channels) => new PSAParallel(channels),
});

export const psaSequential = defineAttention({
  name: "psa-sequential",
  title: "Polarized Self-Attention (sequential)",
  paper,
  formula: [
    "c = σ(W₂ · ReLU(LN(W₁ · Σ over positions of v · softmax over positions of q)))",
    "z = x · c",
    "y = z · σ(mean(q′) · softmax over positions of v′), q′ and v′ of z",
  ],
  notes: [
    "The softmax acts on the values here, and on the product in the parallel variant; in the paper it acts on the query over channels.",
    "A widely used copy follows the paper, with biases; its weights do not fit.",
  ],
  kind: "gate",
  attends: "both",
  placement: "activation",
  field: "deattn",
  options: {},
  create: (channels) => new PSASequential(channels),
});

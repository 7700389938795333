import { OptionError } from "../core/errors.js";
import { defineOptions, type OptionsOf } from "../core/options.js";
import { shown } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { Conv2d, constant, flatten, kaimingNormal, Lambda, LayerNorm, Module, Sequential } from "../nn/index.js";
import { add, reduceMean, relu, reshape, sigmoid } from "../ops/index.js";
import { applyGate, attentionPool, roundedWidth, scaledWidth } from "./parts.js";
import { defineAttention } from "./spec.js";

type Fusion = "add" | "mul";

const options = defineOptions({
  ratio: {
    default: null as number | null,
    kind: "number",
    doc: "hidden ÷ channels, a fraction (null: 1/16; 1/8 in the variant timm)",
  },
  pooling: {
    default: "att",
    choices: ["att", "avg"],
    doc: "how the context is pooled: attention over positions, or their mean",
  },
  fusion: {
    default: null as readonly Fusion[] | null,
    kind: "list",
    traces: () => [["add"], ["mul"], ["add", "mul"]],
    doc: "how the context is applied: add, mul (a gate), or both (null: add; mul in variant timm)",
  },
  variant: {
    default: "authors",
    choices: ["authors", "timm"],
    doc: "timm: norm with ε 1e-6 and one-dimensional parameters, hidden width rounded, different keys",
  },
});
type Options = OptionsOf<typeof options>;

/** timm's layer norm over the channels of [N,C,1,1], its parameters [C]. */
class ChannelNorm extends LayerNorm {
  static override readonly kind: string = "ChannelNorm";

  override forward(z: Value): Value {
    return reshape(super.forward(flatten(z)), z.shape);
  }
}

/** The transform of the context, [N,C,1,1] → the same: conv–layer norm–ReLU–conv, the last starting at zero. */
function transform(channels: number, { ratio, variant }: Options): Sequential {
  const zero = constant(0);
  if (variant === "timm") {
    const hidden = roundedWidth(channels * (ratio ?? 1 / 8), 1);
    return new Sequential({
      fc1: new Conv2d(channels, hidden, { kernelSize: 1 }),
      norm: new ChannelNorm([hidden], { epsilon: 1e-6 }),
      act: new Lambda(relu),
      fc2: new Conv2d(hidden, channels, { kernelSize: 1, weightInit: zero }),
    });
  }
  const hidden = scaledWidth("GlobalContext", channels, ratio ?? 1 / 16, "ratio");
  return new Sequential([
    new Conv2d(channels, hidden, { kernelSize: 1 }),
    new LayerNorm([hidden, 1, 1]),
    new Lambda(relu),
    new Conv2d(hidden, channels, { kernelSize: 1, weightInit: zero, biasInit: zero }),
  ]);
}

const fields = {
  authors: { mask: "conv_mask", mul: "channel_mul_conv", add: "channel_add_conv" },
  timm: { mask: "conv_attn", mul: "mlp_scale", add: "mlp_add" },
} as const;

/**
 * Global Context block: y = x · σ(T₁(c)) + T₂(c), or either part alone, with one context for the whole map,
 * c = Σ over positions of x · softmax(w · x + b), and T(c) = W₂ · ReLU(LN(W₁ · c)).
 * [N,C,H,W] → the same; the maps are `context` [N,1,H,W], the softmax, which sums to 1, and, where used, `channel` [N,C,1,1], the gate
 * σ(T₁(c)), and `offset` [N,C,1,1], T₂(c).
 *
 * Cao et al.: GCNet, ICCV Workshops 2019, equation 6 (addition). The last layers start at zero, so that with `add` the block is the
 * identity at first; timm does not zero their bias, so there it is not. timm's default is the gate. Both parts use the same context,
 * that of the input. The softmax's bias has no effect, and so no gradient.
 * Keys: `conv_mask`, `channel_{mul,add}_conv.{0,1,3}` (norm [hidden,1,1]); timm: `conv_attn`, `mlp_{scale,add}.{fc1,norm,fc2}`.
 *
 * @example
 * const block = createAttention("gc", 256, { ratio: 0.25, fusion: ["add", "mul"] });
 */
export class GlobalContext extends Module {
  static override readonly kind: string = "GlobalContext";

  readonly #mask: Conv2d | undefined;
  readonly #mul: Sequential | undefined;
  readonly #add: Sequential | undefined;

  constructor(channels: number, given: Options) {
    super();
    const { pooling, variant, ratio } = given;
    const fusion = given.fusion ?? (variant === "timm" ? ["mul"] : ["add"]);
    if (fusion.length === 0 || fusion.some((kind) => kind !== "add" && kind !== "mul"))
      throw new OptionError(`GlobalContext: fusion must be some of add, mul, got ${shown(fusion)}`);
    if (ratio !== null && !(ratio > 0)) throw new OptionError(`GlobalContext: ratio must be positive, got ${ratio}`);
    const names = fields[variant];
    const weightInit = kaimingNormal("in");
    if (pooling === "att")
      this.#mask = this.addPart(
        names.mask,
        new Conv2d(channels, 1, { kernelSize: 1, weightInit, biasInit: constant(0) }),
      );
    if (fusion.includes("add")) this.#add = this.addPart(names.add, transform(channels, given));
    if (fusion.includes("mul")) this.#mul = this.addPart(names.mul, transform(channels, given));
  }

  override forward(x: Value): Value {
    const context = this.context(x);
    let y = x;
    if (this.#mul) y = applyGate(y, sigmoid(this.#mul.call(context)), "channel");
    if (this.#add) {
      const offset = this.#add.call(context);
      x.graph.tap("offset", offset, "channel");
      y = add(y, offset);
    }
    return y;
  }

  /** [N,C,H,W] → [N,C,1,1] */
  private context(x: Value): Value {
    if (!this.#mask) return reduceMean(x, [2, 3]);
    const { pooled, weights } = attentionPool(x, this.#mask.call(x));
    x.graph.tap("context", weights, "spatial");
    return pooled;
  }
}

export const gc = defineAttention({
  name: "gc",
  title: "Global Context",
  paper: {
    title: "GCNet: Non-local Networks Meet Squeeze-Excitation Networks and Beyond",
    venue: "ICCV Workshops 2019",
    url: "https://arxiv.org/abs/1904.11492",
  },
  formula: [
    "c = Σ over positions of x · softmax over positions of (w · x + b)",
    "T(c) = W₂ · ReLU(LN(W₁ · c))",
    "y = x + T(c), or x · σ(T(c)), or both",
  ],
  notes: [
    'The paper adds. timm\'s default multiplies, with ratio 1/8, LN ε 1e-6 and other keys (`variant: "timm"`).',
    "The last layer starts at 0, so the block is the identity at first. timm zeroes only its weight, so there it is not; and in the authors' detector a later initialization undoes the zeros unless weights are loaded.",
    "`ratio` is a fraction, not a divisor. The bias b shifts the whole softmax and has no effect.",
    "One copy creates the softmax and never applies it.",
  ],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "context_block",
  options,
  create: (channels, resolved) => new GlobalContext(channels, resolved),
});

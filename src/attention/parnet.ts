import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, Module, Sequential } from "../nn/index.js";
import { add, reduceMean, sigmoid, silu } from "../ops/index.js";
import { applyGate } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  variant: {
    default: "authors",
    choices: ["authors", "plain"],
    doc: "plain: as in External-Attention-pytorch: the gate weighs x itself, convolutions have biases, other key names",
  },
});

/** A k×k convolution that keeps the size, and its batch norm. Keys `conv`, `bn`, or `0`, `1`. */
function convBatchNorm(channels: number, kernelSize: number, plain: boolean): Sequential {
  const conv = new Conv2d(channels, channels, { kernelSize, padding: (kernelSize - 1) / 2, bias: plain });
  const bn = new BatchNorm(channels);
  return new Sequential(plain ? [conv, bn] : { conv, bn });
}

/** σ(W · mean), [N,C,1,1]. */
class SkipGate extends Module {
  static override readonly kind: string = "SkipGate";

  readonly #conv: Conv2d;

  constructor(channels: number, plain: boolean) {
    super();
    this.#conv = new Conv2d(channels, channels, { kernelSize: 1, bias: plain });
    if (plain) this.addPart("1", this.#conv);
    else this.addPart("cvsig", new Sequential({ conv: this.#conv }));
  }

  override forward(x: Value): Value {
    return sigmoid(this.#conv.call(reduceMean(x, [2, 3])));
  }
}

/**
 * ParNet block, also called ParNet attention: y = SiLU(BN(conv3×3(x)) + BN(conv1×1(x)) + s · σ(W · mean(s))), s = BN(x): a RepVGG block
 * whose third branch is weighted by channel (skip-squeeze-excitation). In variant `plain` s is x itself.
 * [N,C,H,W] → the same; the map `channel` [N,C,1,1] is σ.
 *
 * Goyal et al.: Non-deep Networks, NeurIPS 2022. 11 C² weights and the norms'.
 * Keys: `rbr_identity`, `rbr_dense.{conv,bn}`, `rbr_1x1.{conv,bn}`, `se.cvsig.conv`; in `plain` `sse.1`, `conv1x1.{0,1}`, `conv3x3.{0,1}`.
 *
 * @example
 * const gate = createAttention("parnet", 64);
 */
export class ParNetAttention extends Module {
  static override readonly kind: string = "ParNetAttention";

  readonly #dense: Sequential;
  readonly #pointwise: Sequential;
  readonly #gate: SkipGate;
  readonly #norm: BatchNorm | undefined;

  constructor(channels: number, { variant }: OptionsOf<typeof options>) {
    super();
    const plain = variant === "plain";
    this.#norm = plain ? undefined : new BatchNorm(channels);
    this.#dense = convBatchNorm(channels, 3, plain);
    this.#pointwise = convBatchNorm(channels, 1, plain);
    this.#gate = new SkipGate(channels, plain);
    this.addParts(
      this.#norm
        ? { rbr_identity: this.#norm, rbr_dense: this.#dense, rbr_1x1: this.#pointwise, se: this.#gate }
        : { sse: this.#gate, conv1x1: this.#pointwise, conv3x3: this.#dense },
    );
  }

  override forward(x: Value): Value {
    const skip = this.#norm ? this.#norm.call(x) : x;
    const weighed = applyGate(skip, this.#gate.call(skip), "channel");
    return silu(add(add(this.#dense.call(x), this.#pointwise.call(x)), weighed));
  }
}

export const parnet = defineAttention({
  name: "parnet",
  title: "ParNet attention",
  paper: { title: "Non-deep Networks", venue: "NeurIPS 2022", url: "https://arxiv.org/abs/2110.07641" },
  formula: ["s = BN(x)", "y = SiLU(BN(conv3×3(x)) + BN(conv1×1(x)) + s · σ(W · mean over H, W of s))"],
  notes: [
    'In the code the gate and what it weighs come after a batch norm of x; in External-Attention-pytorch (`variant: "plain"`) they are x itself.',
    "All convolutions of the copy have biases, which a batch norm in training takes away again.",
    "It is a whole block: the 3×3 and the 1×1 convolution can be added into one after training.",
  ],
  kind: "gate",
  attends: "channel",
  placement: "residual",
  field: "parnet",
  options,
  create: (channels, resolved) => new ParNetAttention(channels, resolved),
});

import { defineOptions, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, constant, kaimingNormal, Module } from "../nn/index.js";
import { concat, hardSwish, mapSize, mul, sigmoid, slice, transpose } from "../ops/index.js";
import { reduced, roundedWidth, stripMeans } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  reduction: {
    default: 32,
    when: { variant: ["authors", "mbv2"] },
    doc: "channels ÷ hidden channels, or a fraction: hidden ÷ channels; at least 8 hidden",
  },
  variant: {
    default: "authors",
    choices: ["authors", "mbv2", "timm"],
    doc: "mbv2: key names and initialization of the authors' MobileNetV2; timm: no biases, hidden width ⌊C/24⌉ to a multiple of 8",
  },
});

/**
 * Coordinate Attention: y = x · g_h · g_w, two gates that keep the position along the height and the width:
 * f = h-swish(BN(W · [mean over W of x; mean over H of x])), cut into rows f_h and columns f_w, g_h = σ(W_h · f_h), g_w = σ(W_w · f_w).
 * [N,C,H,W] → the same; the maps are `row` [N,C,H,1], g_h, and `column` [N,C,1,W], g_w.
 *
 * Hou, Zhou, Feng: Coordinate Attention, CVPR 2021, equations 4 to 9. h-swish(t) = t · ReLU6(t + 3) / 6. The authors put it into
 * MobileNetV2 between the depthwise and the second pointwise convolution.
 * Keys: `conv1`, `bn1`, `conv_h`, `conv_w`; in the authors' MobileNetV2 the last two are `conv2`, `conv3`.
 *
 * @example
 * const gate = createAttention("coord", 96, { variant: "mbv2" });
 */
export class CoordinateAttention extends Module {
  static override readonly kind: string = "CoordinateAttention";

  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly #rows: Conv2d;
  readonly #columns: Conv2d;

  constructor(channels: number, { reduction, variant }: OptionsOf<typeof options>) {
    super();
    const floor = reduced("CoordinateAttention", channels, reduction);
    // In timm's order of operations, so that halves round alike.
    const hidden = variant === "timm" ? roundedWidth((channels / 16) * (2 / 3), 8) : Math.max(8, floor);
    const init = variant === "mbv2" ? { weightInit: kaimingNormal("out"), biasInit: constant(0) } : {};
    const pointwise = (inputs: number, outputs: number) =>
      new Conv2d(inputs, outputs, { kernelSize: 1, bias: variant !== "timm", ...init });
    this.conv1 = pointwise(channels, hidden);
    this.bn1 = new BatchNorm(hidden);
    this.#rows = pointwise(hidden, channels);
    this.#columns = pointwise(hidden, channels);
    Object.assign(
      this,
      variant === "mbv2" ? { conv2: this.#rows, conv3: this.#columns } : { conv_h: this.#rows, conv_w: this.#columns },
    );
  }

  override forward(x: Value): Value {
    const [height] = mapSize(x, "CoordinateAttention");
    const { rows, columns } = stripMeans(x);
    const upright = (v: Value) => transpose(v, [0, 1, 3, 2]); // [N,C,1,W] ↔ [N,C,W,1]
    const f = hardSwish(this.bn1.call(this.conv1.call(concat([rows, upright(columns)], 2)))); // [N,C′,H+W,1]
    const row = sigmoid(this.#rows.call(slice(f, 2, 0, height)));
    const column = sigmoid(this.#columns.call(upright(slice(f, 2, height))));
    x.graph.tap("row", row, "strip");
    x.graph.tap("column", column, "strip");
    return mul(mul(x, column), row);
  }
}

export const coord = defineAttention({
  name: "coord",
  title: "Coordinate Attention",
  paper: {
    title: "Coordinate Attention for Efficient Mobile Network Design",
    venue: "CVPR 2021",
    url: "https://arxiv.org/abs/2103.02907",
  },
  formula: [
    "[f_h; f_w] = h-swish(BN(W · [mean over W of x; mean over H of x])), stacked along the positions",
    "g_h = σ(W_h · f_h), g_w = σ(W_w · f_w)",
    "y = x · g_h · g_w",
  ],
  notes: [
    "The hidden width is at least 8, so that with the default reduction it is 8 up to 256 channels.",
    "The authors' README calls the activation SiLU; their code has h-swish, t · ReLU6(t + 3) / 6.",
    "Copies: one has ReLU in its place and leaves out the sigmoids; timm has no biases.",
  ],
  kind: "gate",
  attends: "both",
  placement: "activation",
  copies: /\b(\w*(coord|att)\w*|ca)\d*\./i,
  field: "coord",
  options,
  create: (channels, resolved) => new CoordinateAttention(channels, resolved),
});

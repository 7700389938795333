import { OptionError } from "../core/errors.js";
import { defineOptions, integer, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, kaimingNormal, Module } from "../nn/index.js";
import { add, mul, relu, sigmoid } from "../ops/index.js";
import { stripMeans } from "./parts.js";
import { defineAttention } from "./spec.js";

const options = defineOptions({
  outChannels: {
    default: null as number | null,
    kind: "number",
    doc: "channels of the gate (null: as many as the input)",
  },
  multiply: { default: false, doc: "return x · gate instead of the gate (the authors' block multiplies)" },
});

/**
 * Strip Pooling Module: the gate g = σ(conv1×1(ReLU(r + c))), r = BN(conv3×1(mean over W of x)) and c = BN(conv1×3(mean over H of x)).
 * [N,C,H,W] → g [N,O,H,W], or x · g with `multiply`, as a network's block needs. The map `attention` is g.
 *
 * Hou et al.: Strip Pooling, CVPR 2020, equations 1 to 4. The authors put it after the 3×3 convolution, norm and ReLU of a bottleneck, in
 * the last block of each stage and all blocks of the last one.
 * Keys: `conv1`, `bn1` (rows), `conv2`, `bn2` (columns), `conv3` (with bias).
 *
 * @example
 * const gate = createAttention("spm", 64, { multiply: true });
 */
export class StripPooling extends Module {
  static override readonly kind: string = "StripPooling";

  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm;
  readonly conv3: Conv2d;
  readonly #multiply: boolean;

  constructor(channels: number, { outChannels, multiply }: OptionsOf<typeof options>) {
    super();
    const outputs = integer("StripPooling", "outChannels", outChannels ?? channels);
    if (multiply && outputs !== channels)
      throw new OptionError(`StripPooling: a gate of ${outputs} channels cannot multiply ${channels}`);
    const weightInit = kaimingNormal("out");
    this.conv1 = new Conv2d(channels, outputs, { kernelSize: [3, 1], padding: [1, 0], bias: false, weightInit });
    this.bn1 = new BatchNorm(outputs);
    this.conv2 = new Conv2d(channels, outputs, { kernelSize: [1, 3], padding: [0, 1], bias: false, weightInit });
    this.bn2 = new BatchNorm(outputs);
    this.conv3 = new Conv2d(outputs, outputs, { kernelSize: 1, weightInit });
    this.#multiply = multiply;
  }

  override forward(x: Value): Value {
    const { rows, columns } = stripMeans(x);
    const [r, c] = [this.bn1.call(this.conv1.call(rows)), this.bn2.call(this.conv2.call(columns))];
    const gate = sigmoid(this.conv3.call(relu(add(r, c)))); // [N,O,H,1] + [N,O,1,W]
    x.graph.tap("attention", gate, "3-D");
    return this.#multiply ? mul(x, gate) : gate;
  }
}

export const spm = defineAttention({
  name: "spm",
  title: "Strip Pooling Module",
  paper: {
    title: "Strip Pooling: Rethinking Spatial Pooling for Scene Parsing",
    venue: "CVPR 2020",
    url: "https://arxiv.org/abs/2003.13328",
  },
  formula: [
    "r = BN(conv3×1(mean over W of x)), c = BN(conv1×3(mean over H of x))",
    "g = σ(conv1×1(ReLU(r + c)))",
    "y = g, or x · g with `multiply`",
  ],
  notes: [
    "Like the authors' module, whose bottleneck multiplies, it returns the gate, unless `multiply` is set, as it is in networks.",
    "Only the last convolution has a bias.",
  ],
  kind: "gate",
  attends: "spatial",
  placement: "activation",
  field: "spm",
  options,
  outputs: (channels, { outChannels }) => outChannels ?? channels,
  inserted: { multiply: true },
  create: (channels, resolved) => new StripPooling(channels, resolved),
});

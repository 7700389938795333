import { OptionError } from "../core/errors.js";
import { defineOptions, integer, type OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, type Conv2dOptions, kaimingNormal, Lambda, Module, Sequential } from "../nn/index.js";
import { add, averagePool, concat, mapSize, mul, relu, resize, sigmoid } from "../ops/index.js";
import { convNorm, dividedWidth, divisorOf } from "./parts.js";
import { defineAttention } from "./spec.js";

const paper = {
  title: "Improving Convolutional Networks with Self-Calibrated Convolutions",
  venue: "CVPR 2020",
  url: "https://mmcheng.net/scconv/",
};
const weightInit = kaimingNormal("out");

const options = defineOptions({
  stride: { default: 1, doc: "stride of the last convolution" },
  padding: { default: 1, doc: "padding of all three convolutions; equal to the dilation, to keep the size" },
  dilation: { default: 1, doc: "dilation of all three convolutions" },
  groups: { default: 1, doc: "groups of all three convolutions" },
  poolingRatio: { default: 4, doc: "side of the calibrating branch's average pooling" },
});

/**
 * Self-calibrated convolution: y = k₄(k₃(x) · σ(x + up(k₂(pool(x))))), each k a 3×3 convolution without bias and its batch norm,
 * pool an average over r×r squares (a remainder is dropped), up nearest-neighbor upsampling.
 * [N,C,H,W] → [N,C,⌈H/stride⌉,⌈W/stride⌉] for H, W ≥ r; the map `attention` [N,C,H,W] is the σ.
 *
 * Liu et al.: Improving Convolutional Networks with Self-Calibrated Convolutions, CVPR 2020, equations 3 to 6 (on the half of the
 * channels that the bottleneck gives it). It replaces a 3×3 convolution.
 * Keys: `k2.1`, `k2.2`, `k3.0`, `k3.1`, `k4.0`, `k4.1` (convolution and norm).
 *
 * @example
 * const conv = createAttention("scconv", 64, { stride: 2 });
 */
export class SCConv extends Module {
  static override readonly kind: string = "SCConv";

  readonly k2: Sequential;
  readonly k3: Sequential;
  readonly k4: Sequential;

  constructor(channels: number, given: OptionsOf<typeof options>) {
    super();
    const { stride, padding, dilation, groups, poolingRatio } = given;
    for (const name of Object.keys(options) as (keyof typeof options)[]) integer("SCConv", name, given[name]);
    if (padding !== dilation)
      throw new OptionError(`SCConv: padding must equal dilation to keep the size, got ${padding} and ${dilation}`);
    divisorOf("SCConv", "groups", channels, groups);
    const geometry: Conv2dOptions = { kernelSize: 3, padding, dilation, groups, weightInit };
    const pool = new Lambda((x) => averagePool(x, { kernelSize: poolingRatio }));
    const conv = () => new Conv2d(channels, channels, { ...geometry, bias: false });
    this.k2 = new Sequential([pool, conv(), new BatchNorm(channels)]);
    this.k3 = convNorm(channels, channels, geometry);
    this.k4 = convNorm(channels, channels, { ...geometry, stride });
  }

  override forward(x: Value): Value {
    const context = resize(this.k2.call(x), mapSize(x, "SCConv"), { mode: "nearest" });
    const gate = sigmoid(add(x, context));
    x.graph.tap("attention", gate, "3-D");
    return this.k4.call(mul(this.k3.call(x), gate));
  }
}

const bottleneckOptions = defineOptions({
  planes: {
    default: null as number | null,
    kind: "number",
    doc: "width of the block, a quarter of the output channels (null: a quarter of the input channels)",
  },
  stride: { default: 1, doc: "stride of the block" },
  avd: { default: false, doc: "3×3 average pooling after the convolutions instead of a stride in them (variant v1d)" },
  isFirst: {
    default: false,
    when: { avd: [true] },
    doc: "first block of a stage: with avd, pools even at stride 1",
  },
});

/**
 * Bottleneck of SCNet: half the width goes through a plain 3×3 convolution, half through a self-calibrated one:
 * y = ReLU(BN(conv1×1[ReLU(BN(conv3×3(a))); ReLU(SCConv(b))]) + shortcut), a and b two 1×1 projections of x of planes/2 channels.
 * [N,C,H,W] → [N,4·planes,⌈H/stride⌉,⌈W/stride⌉]; maps from 4×4. The map `attention` is {@link SCConv}'s, under `scconv`.
 *
 * Keys: `conv1_a`, `bn1_a`, `conv1_b`, `bn1_b`, `k1.0`, `k1.1`, `scconv.k2` … `k4`, `conv3`, `bn3`, and `downsample.0`, `downsample.1`
 * where the shape changes.
 *
 * @example
 * const block = createAttention("sc-bottleneck", 256, { planes: 64 });
 */
export class SCBottleneck extends Module {
  static override readonly kind: string = "SCBottleneck";

  readonly conv1_a: Conv2d;
  readonly bn1_a: BatchNorm;
  readonly conv1_b: Conv2d;
  readonly bn1_b: BatchNorm;
  readonly k1: Sequential;
  readonly scconv: SCConv;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm;
  readonly downsample: Sequential | null;
  /** Stride of the average pooling that replaces strided convolutions. */
  readonly #averaging: number | undefined;

  constructor(channels: number, { planes, stride, avd, isFirst }: OptionsOf<typeof bottleneckOptions>) {
    super();
    const width = planes ?? dividedWidth("SCBottleneck", channels, 4);
    integer("SCBottleneck", "planes", width, 2);
    integer("SCBottleneck", "stride", stride);
    const half = Math.floor(width / 2);
    const averages = avd && (stride > 1 || isFirst);
    const inner = averages ? 1 : stride;
    const project = () => new Conv2d(channels, half, { kernelSize: 1, bias: false, weightInit });
    this.conv1_a = project();
    this.bn1_a = new BatchNorm(half);
    this.conv1_b = project();
    this.bn1_b = new BatchNorm(half);
    this.k1 = convNorm(half, half, { kernelSize: 3, stride: inner, padding: 1, weightInit });
    this.scconv = new SCConv(half, { stride: inner, padding: 1, dilation: 1, groups: 1, poolingRatio: 4 });
    this.conv3 = new Conv2d(2 * half, 4 * width, { kernelSize: 1, bias: false, weightInit });
    this.bn3 = new BatchNorm(4 * width);
    const reshapes = stride !== 1 || channels !== 4 * width;
    this.downsample = reshapes ? convNorm(channels, 4 * width, { kernelSize: 1, stride, weightInit }) : null;
    this.#averaging = averages ? stride : undefined;
  }

  override forward(x: Value): Value {
    const stride = this.#averaging;
    const average = (v: Value) => (stride ? averagePool(v, { kernelSize: 3, stride, padding: 1 }) : v);
    const a = relu(this.k1.call(relu(this.bn1_a.call(this.conv1_a.call(x)))));
    const b = relu(this.scconv.call(relu(this.bn1_b.call(this.conv1_b.call(x)))));
    const y = this.bn3.call(this.conv3.call(concat([average(a), average(b)], 1)));
    return relu(add(y, this.downsample ? this.downsample.call(x) : x));
  }
}

export const scconv = defineAttention({
  name: "scconv",
  title: "Self-Calibrated Convolution",
  paper,
  formula: ["g = σ(x + up(k₂(pool(x))))", "y = k₄(k₃(x) · g), each k a conv3×3 and its BN"],
  notes: [
    "Pooling drops rows and columns that do not fill a square; nearest-neighbor upsampling stretches the rest over the whole map.",
    "`padding`, `dilation` and `groups` act on all three convolutions, `stride` on the last alone.",
  ],
  kind: "block",
  attends: "both",
  placement: "convolution",
  field: "scconv",
  options,
  create: (channels, resolved) => new SCConv(channels, resolved),
});

export const scBottleneck = defineAttention({
  name: "sc-bottleneck",
  title: "SCNet bottleneck",
  paper,
  formula: [
    "a, b = ReLU(BN(conv1×1(x))), each half of the width",
    "y = ReLU(BN(conv1×1([ReLU(BN(conv3×3(a))); ReLU(SCConv(b))])) + shortcut(x))",
  ],
  notes: [
    "The paper splits the input in two; in the authors' code two 1×1 convolutions make the halves.",
    "`avd` averages include the zero padding.",
  ],
  kind: "block",
  attends: "both",
  placement: "residual",
  field: "block",
  options: bottleneckOptions,
  create(channels, resolved) {
    if (resolved.avd && resolved.stride === 1 && !resolved.isFirst)
      throw new OptionError("SCBottleneck: avd has no effect with stride 1, only with isFirst; leave it out");
    return new SCBottleneck(channels, resolved);
  },
});

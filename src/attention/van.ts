import { OptionError } from "../core/errors.js";
import type { OptionsOf } from "../core/options.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, Conv2d, constant, kaimingNormal, Module, Param } from "../nn/index.js";
import { add, gelu, mul, reshape } from "../ops/index.js";
import { applyGate, scaledWidth } from "./parts.js";
import { defineAttention } from "./spec.js";

const paper = { title: "Visual Attention Network", venue: "CVMJ 2023", url: "https://arxiv.org/abs/2202.09741" };

/** A 1×1 convolution with the authors' initialization. */
function pointwise(channels: number, outChannels: number): Conv2d {
  return new Conv2d(channels, outChannels, { kernelSize: 1, weightInit: kaimingNormal("out"), biasInit: constant(0) });
}

/** A depthwise k×k convolution that keeps the size. */
function depthwise(channels: number, kernel: number, dilation = 1): Conv2d {
  const padding = (dilation * (kernel - 1)) / 2;
  const weightInit = kaimingNormal("out", channels);
  return new Conv2d(channels, channels, {
    kernelSize: kernel,
    padding,
    dilation,
    groups: channels,
    weightInit,
    biasInit: constant(0),
  });
}

/**
 * Large Kernel Attention: y = x · a, a = conv1×1(dw7×7, dilation 3(dw5×5(x))), a factorized 21×21 kernel. No sigmoid: a is unbounded.
 * [N,C,H,W] → the same; the map `attention` [N,C,H,W] is a.
 *
 * Guo et al.: Visual Attention Network, equations 2 and 3. All convolutions have biases.
 * Keys: `conv0` (5×5), `conv_spatial` (7×7), `conv1` (1×1).
 *
 * @example
 * const gate = new LargeKernelAttention(64);
 */
export class LargeKernelAttention extends Module {
  static override readonly kind: string = "LargeKernelAttention";

  readonly conv0: Conv2d;
  readonly conv_spatial: Conv2d;
  readonly conv1: Conv2d;

  constructor(channels: number) {
    super();
    this.conv0 = depthwise(channels, 5);
    this.conv_spatial = depthwise(channels, 7, 3);
    this.conv1 = pointwise(channels, channels);
  }

  override forward(x: Value): Value {
    return applyGate(x, this.conv1.call(this.conv_spatial.call(this.conv0.call(x))), "attention");
  }
}

/**
 * The attention of VAN: y = x + proj₂(LKA(GELU(proj₁(x)))), with its own skip, 1×1 projections and the exact GELU.
 * [N,C,H,W] → the same; the map `attention` is {@link LargeKernelAttention}'s, under `spatial_gating_unit`.
 *
 * Guo et al.: Visual Attention Network, figure 3. Keys: `proj_1`, `spatial_gating_unit.{conv0,conv_spatial,conv1}`, `proj_2`.
 *
 * @example
 * const gate = new VANAttention(64);
 */
export class VANAttention extends Module {
  static override readonly kind: string = "VANAttention";

  readonly proj_1: Conv2d;
  readonly spatial_gating_unit: LargeKernelAttention;
  readonly proj_2: Conv2d;

  constructor(channels: number) {
    super();
    this.proj_1 = pointwise(channels, channels);
    this.spatial_gating_unit = new LargeKernelAttention(channels);
    this.proj_2 = pointwise(channels, channels);
  }

  override forward(x: Value): Value {
    return add(x, this.proj_2.call(this.spatial_gating_unit.call(gelu(this.proj_1.call(x)))));
  }
}

/** Holds the depthwise convolution, for the reference's keys. */
class DepthwiseConv extends Module {
  static override readonly kind: string = "DepthwiseConv";

  readonly dwconv: Conv2d;

  constructor(channels: number) {
    super();
    this.dwconv = depthwise(channels, 3);
  }

  override forward(x: Value): Value {
    return this.dwconv.call(x);
  }
}

/** fc₂(GELU(dw3×3(fc₁(x)))). [N,C,H,W] → the same */
class Mlp extends Module {
  static override readonly kind: string = "Mlp";

  readonly fc1: Conv2d;
  readonly dwconv: DepthwiseConv;
  readonly fc2: Conv2d;

  constructor(channels: number, hidden: number) {
    super();
    this.fc1 = pointwise(channels, hidden);
    this.dwconv = new DepthwiseConv(hidden);
    this.fc2 = pointwise(hidden, channels);
  }

  override forward(x: Value): Value {
    return this.fc2.call(gelu(this.dwconv.call(this.fc1.call(x))));
  }
}

const blockOptions = { mlpRatio: { default: 4, doc: "hidden ÷ channels of the block's second half" } };

/**
 * Block of the Visual Attention Network: x ← x + s₁ · attention(BN(x)), then x ← x + s₂ · MLP(BN(x)), s a factor per channel that
 * starts at 0.01. The attention's own skip is scaled too, as in the authors' code; drop path is left to the network.
 * [N,C,H,W] → the same; the map `attention` is under `attn.spatial_gating_unit`.
 *
 * Guo et al.: Visual Attention Network, figure 3.
 * Keys: `layer_scale_1`, `layer_scale_2`, `norm1`, `attn`, `norm2`, `mlp.{fc1,dwconv.dwconv,fc2}`.
 *
 * @example
 * const block = createAttention("van-block", 64, { mlpRatio: 8 });
 */
export class VANBlock extends Module {
  static override readonly kind: string = "VANBlock";

  readonly layer_scale_1: Param;
  readonly layer_scale_2: Param;
  readonly norm1: BatchNorm;
  readonly attn: VANAttention;
  readonly norm2: BatchNorm;
  readonly mlp: Mlp;

  constructor(channels: number, { mlpRatio }: OptionsOf<typeof blockOptions>) {
    super();
    if (!(mlpRatio > 0)) throw new OptionError(`VANBlock: mlpRatio must be positive, got ${mlpRatio}`);
    const hidden = scaledWidth("VANBlock", channels, mlpRatio, "mlpRatio");
    this.layer_scale_1 = new Param([channels], constant(0.01));
    this.layer_scale_2 = new Param([channels], constant(0.01));
    this.norm1 = new BatchNorm(channels);
    this.attn = new VANAttention(channels);
    this.norm2 = new BatchNorm(channels);
    this.mlp = new Mlp(channels, hidden);
  }

  /** What the block adds to x in its two steps, so that a network can drop either. */
  branches(): readonly ((x: Value) => Value)[] {
    const scaled = (scale: Param, y: Value) => mul(y, reshape(y.graph.state(scale), [scale.shape[0]!, 1, 1]));
    return [
      (x) => scaled(this.layer_scale_1, this.attn.call(this.norm1.call(x))),
      (x) => scaled(this.layer_scale_2, this.mlp.call(this.norm2.call(x))),
    ];
  }

  override forward(x: Value): Value {
    return this.branches().reduce((value, branch) => add(value, branch(value)), x);
  }
}

export const lka = defineAttention({
  name: "lka",
  title: "Large Kernel Attention",
  paper,
  formula: ["a = conv1×1(dw7×7, dilation 3 (dw5×5(x)))", "y = x · a"],
  notes: ["There is no sigmoid: a is unbounded.", "All three convolutions have biases."],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "lka",
  options: {},
  create: (channels) => new LargeKernelAttention(channels),
});

export const vanAttention = defineAttention({
  name: "van-attention",
  title: "VAN attention",
  paper,
  formula: ["y = x + proj₂(LKA(GELU(proj₁(x))))"],
  notes: ["The skip is inside the module. GELU is exact, with erf."],
  kind: "gate",
  attends: "both",
  placement: "residual",
  field: "attn",
  options: {},
  create: (channels) => new VANAttention(channels),
});

export const vanBlock = defineAttention({
  name: "van-block",
  title: "VAN block",
  paper,
  formula: ["x ← x + s₁ · attention(BN(x))", "y = x + s₂ · conv1×1(GELU(dw3×3(conv1×1(BN(x)))))"],
  notes: [
    "The attention has its own skip, so its normalized input is added too, times s₁, as in the authors' code.",
    "s starts at 0.01. Drop path belongs to the network.",
  ],
  kind: "block",
  attends: "both",
  placement: "stage",
  field: "block",
  options: blockOptions,
  create: (channels, resolved) => new VANBlock(channels, resolved),
});

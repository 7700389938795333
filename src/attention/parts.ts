import { OptionError, ShapeError } from "../core/errors.js";
import { integer } from "../core/options.js";
import { shown } from "../core/schema.js";
import { formatShape, type Shape } from "../core/shape.js";
import type { TapKind, Value } from "../graph/graph.js";
import {
  BatchNorm,
  Conv2d,
  type Conv2dOptions,
  defaultWeight,
  kaimingNormal,
  Lambda,
  Linear,
  Module,
  Param,
  Sequential,
  uniform,
} from "../nn/index.js";
import {
  concat,
  conv,
  equal,
  mapSize,
  matMul,
  mul,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  softmax,
  sqrt,
  square,
  transpose,
  where,
} from "../ops/index.js";

/**
 * Width after a reduction: ⌊channels / reduction⌋ for an integer, ⌊channels · reduction⌋ for a fraction below 1, as authors who
 * give a ratio write it: `int(channels * ratio)`. May be 0.
 *
 * @throws OptionError if the reduction is neither.
 */
export function reduced(owner: string, channels: number, reduction: number, option = "reduction"): number {
  if (reduction > 0 && reduction < 1) return Math.floor(channels * reduction);
  if (!Number.isInteger(reduction) || reduction < 1)
    throw new OptionError(
      `${owner}: ${option} must be a positive integer or a fraction between 0 and 1, got ${reduction}`,
    );
  return Math.floor(channels / reduction);
}

/** As {@link reduced}, the hidden width of a bottleneck. @throws OptionError if it would be 0. */
export function reducedWidth(owner: string, channels: number, reduction: number, option = "reduction"): number {
  const hidden = reduced(owner, channels, reduction, option);
  if (hidden < 1) {
    const most = reduction < 1 ? `use at least 1/${channels}` : `use at most ${channels}`;
    throw new OptionError(`${owner}: ${option} ${reduction} leaves no hidden channel of ${channels}; ${most}`);
  }
  return hidden;
}

/** ⌊channels · ratio⌋. @throws OptionError if it would be 0. */
export function scaledWidth(owner: string, channels: number, ratio: number, option: string): number {
  const hidden = Math.floor(channels * ratio);
  if (!(hidden >= 1 && Number.isFinite(hidden)))
    throw new OptionError(`${owner}: ${option} ${ratio} leaves no hidden channel of ${channels}`);
  return hidden;
}

/** ⌊channels / divisor⌋ where the authors fix the divisor. @throws OptionError if there are too few channels. */
export function dividedWidth(owner: string, channels: number, divisor: number): number {
  if (channels < divisor) throw new OptionError(`${owner}: needs at least ${divisor} channels, got ${channels}`);
  return Math.floor(channels / divisor);
}

/** timm's rounding of a width to the nearest multiple of `divisor`, at least one. */
export function roundedWidth(width: number, divisor: number): number {
  return Math.max(divisor, Math.floor((width + divisor / 2) / divisor) * divisor);
}

/** The same, but up where rounding would take more than a tenth away: timm's `make_divisible`. */
export function divisibleWidth(width: number, divisor = 8): number {
  const rounded = roundedWidth(width, divisor);
  return rounded < 0.9 * width ? rounded + divisor : rounded;
}

/** Returns `value` if it is a positive integer that divides the channels. @throws OptionError */
export function divisorOf(owner: string, option: string, channels: number, value: number): number {
  if (channels % integer(owner, option, value))
    throw new OptionError(`${owner}: ${option} must divide ${channels} channels, got ${value}`);
  return value;
}

/** The largest divisor of `n` that is at most `most`: a number of groups for widths that the authors' does not divide. */
export function divisorUpTo(n: number, most: number): number {
  let divisor = Math.max(1, Math.min(n, Math.floor(most)));
  while (n % divisor !== 0) divisor--;
  return divisor;
}

/** Two fully connected layers with a ReLU between, C → hidden → C, on vectors [N,C]. Keys `0` and `2`. */
export function linearBottleneck(channels: number, hidden: number, bias: boolean): Sequential {
  return new Sequential([
    new Linear(channels, hidden, { bias }),
    new Lambda(relu),
    new Linear(hidden, channels, { bias }),
  ]);
}

/** The same as 1×1 convolutions on [N,C,1,1]. Keys `0` and `2`. */
export function convBottleneck(channels: number, hidden: number, bias: boolean): Sequential {
  const layers = [
    new Conv2d(channels, hidden, { kernelSize: 1, bias }),
    new Lambda(relu),
    new Conv2d(hidden, channels, { kernelSize: 1, bias }),
  ];
  return new Sequential(layers);
}

/** A convolution without bias, and a batch norm. Keys `0` and `1`. */
export function convNorm(channels: number, outChannels: number, options: Conv2dOptions): Sequential {
  return new Sequential([new Conv2d(channels, outChannels, { ...options, bias: false }), new BatchNorm(outChannels)]);
}

/** The same with a ReLU. Keys `0` and `1`. */
export function convNormRelu(channels: number, outChannels: number, options: Conv2dOptions): Sequential {
  const conv = new Conv2d(channels, outChannels, { ...options, bias: false });
  return new Sequential([conv, new BatchNorm(outChannels), new Lambda(relu)]);
}

/** k×k convolution of two maps to one, and a batch norm: the logits of a gate over a plane. Keys `conv`, `bn`. */
export function planeConvNorm(kernelSize: number, norm: ConstructorParameters<typeof BatchNorm>[1]): Sequential {
  const conv = new Conv2d(2, 1, {
    kernelSize: kernelSize,
    padding: (kernelSize - 1) / 2,
    bias: false,
    weightInit: kaimingNormal("out"),
  });
  return new Sequential({ conv, bn: new BatchNorm(1, norm) });
}

/** Returns `size` if it is odd and positive, so that the kernel has a center. @throws OptionError */
export function oddKernel(owner: string, size: number): number {
  if (integer(owner, "kernelSize", size) % 2 === 0)
    throw new OptionError(`${owner}: kernelSize must be odd, got ${size}`);
  return size;
}

/** ECA's kernel size for a number of channels: the odd number at or above ⌊(log₂ C + 1)/2⌋. */
export function oddKernelFor(channels: number): number {
  const t = Math.floor(Math.abs(Math.log2(channels) + 1) / 2);
  return t % 2 ? t : t + 1;
}

/**
 * A 1-D convolution of k taps along rows [N,I,H,1] or columns [N,I,1,W] that keeps their length.
 * Keys, as in PyTorch: `weight` [O,I/groups,k], `bias` [O] if there is one.
 */
export class LineConv extends Module {
  static override readonly kind: string = "LineConv";

  readonly weight: Param;
  readonly bias: Param | null;
  readonly #groups: number;

  constructor(channels: number, outChannels: number, kernelSize: number, { bias = false, groups = 1 } = {}) {
    super();
    const inputs = channels / groups;
    this.weight = new Param([outChannels, inputs, kernelSize], defaultWeight);
    this.bias = bias ? new Param([outChannels], uniform(1 / Math.sqrt(inputs * kernelSize))) : null;
    this.#groups = groups;
  }

  override forward(x: Value): Value {
    const [outputs, inputs, k] = this.weight.shape as [number, number, number];
    const isRows = x.shape[3] === 1;
    const weight = reshape(x.graph.state(this.weight), [outputs, inputs, ...(isRows ? [k, 1] : [1, k])]);
    const half = (k - 1) / 2;
    const padding = isRows ? ([half, 0] as const) : ([0, half] as const);
    return conv(x, weight, this.bias ?? undefined, { padding, groups: this.#groups });
  }
}

/** Squares that the sizes in a checkpoint may be a side of: what its shapes can tell of a `size`. */
export const squaresOf = (sizes: readonly number[]): readonly (readonly number[])[] => sizes.map((n) => [n, n]);

/** Returns `value` if it is a pair of positive integers. @throws OptionError */
export function integerPair(owner: string, option: string, value: readonly number[]): readonly [number, number] {
  const [a, b] = value;
  if (value.length !== 2 || ![a, b].every((v) => Number.isInteger(v) && v! >= 1))
    throw new OptionError(`${owner}: ${option} must be two positive integers, got ${shown(value)}`);
  return [a!, b!];
}

/** √x with gradient 0 at 0, like a norm in PyTorch; a bare root's is infinite. NaN stays NaN. */
export function safeSqrt(x: Value): Value {
  const isZero = equal(x, 0);
  return where(isZero, 0, sqrt(where(isZero, 1, x)));
}

/** Ways to pool each map to one number. `lp` is √Σx² and `lse` log Σ exp x, both sums, as in CBAM's code. */
export const channelPools = {
  avg: (x: Value) => reduceMean(x, [2, 3]),
  max: (x: Value) => reduceMax(x, [2, 3]),
  lp: (x: Value) => safeSqrt(reduceSum(square(x), [2, 3])),
  lse: (x: Value) => reduceLogSumExp(x, [2, 3]),
} as const;
export type ChannelPool = keyof typeof channelPools;

/**
 * Maximum and mean over channels at every position, stacked in the given order: [N,C,H,W] → [N,2,H,W].
 * Another `axis` reduces rows (2) or columns (3) instead, and the channels take its place: [N,2,C,W] or [N,2,H,C].
 */
export function spatialDescriptor(
  x: Value,
  order: readonly ["max" | "mean", "max" | "mean"],
  axis: 1 | 2 | 3 = 1,
): Value {
  const reduced = order.map((kind) => (kind === "max" ? reduceMax(x, [axis]) : reduceMean(x, [axis])));
  return exchangeAxes(concat(reduced, axis), axis);
}

/** x with the channels, axis 1, swapped with another axis. */
export function exchangeAxes(x: Value, axis: 1 | 2 | 3): Value {
  const perm = [0, 1, 2, 3].with(1, axis).with(axis, 1);
  return axis === 1 ? x : transpose(x, perm);
}

/** Mean over each row, [N,C,H,1], and over each column, [N,C,1,W]. */
export function stripMeans(x: Value): { readonly rows: Value; readonly columns: Value } {
  return { rows: reduceMean(x, [3]), columns: reduceMean(x, [2]) };
}

/** Height and width flattened to one axis of positions: [N,C,H,W] → [N,C,HW]. */
export function positions(x: Value): Value {
  return reshape(x, [x.shape[0]!, x.shape[1]!, -1]);
}

/** The number of positions, which must be several, as for a sample variance. @throws ShapeError */
export function severalPositions(owner: string, x: Value): number {
  const [height, width] = mapSize(x, owner);
  if (height * width < 2)
    throw new ShapeError(`${owner}: needs maps of at least two positions, got ${formatShape(x.shape)}`);
  return height * width;
}

/** The channels of `groups` groups interleaved: the first of each group, then the second of each. [N,C,H,W] → the same. */
export function channelShuffle(x: Value, groups: number, shape: Shape = x.shape): Value {
  const [n, channels, height, width] = shape as [number, number, number, number];
  const apart = reshape(x, [n, groups, channels / groups, height, width]);
  return reshape(transpose(apart, [0, 2, 1, 3, 4]), shape);
}

/**
 * Attention pooling: each channel's mean over the map, weighted by the softmax over positions of `logits` [N,1,H,W].
 * [N,C,H,W] → `pooled` [N,C,1,1]; `weights` [N,1,H,W] sum to 1.
 */
export function attentionPool(x: Value, logits: Value): { readonly pooled: Value; readonly weights: Value } {
  const weights = softmax(positions(logits), 2);
  const pooled = matMul(positions(x), weights, { transB: true });
  return {
    pooled: reshape(pooled, [x.shape[0]!, x.shape[1]!, 1, 1]),
    weights: reshape(weights, logits.shape),
  };
}

/** x · gate; the gate is published as an attention map. */
export function applyGate(
  x: Value,
  gate: Value,
  name: "channel" | "spatial" | "attention",
  kind: TapKind = name === "attention" ? "3-D" : name,
): Value {
  x.graph.tap(name, gate, kind);
  return mul(x, gate);
}

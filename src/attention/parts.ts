import { OptionError } from "../core/errors.js";
import type { Value } from "../graph/graph.js";
import { Conv2d, Lambda, Linear, Sequential } from "../nn/index.js";
import { concat, mul, reduceLogSumExp, reduceMax, reduceMean, reduceSum, relu, sqrt, square } from "../ops/index.js";

/** ⌊channels / reduction⌋, the hidden width of a bottleneck. @throws OptionError where nothing would be left. */
export function reducedWidth(owner: string, channels: number, reduction: number): number {
  const hidden = Math.floor(channels / reduction);
  if (!(hidden >= 1))
    throw new OptionError(
      `${owner}: reduction ${reduction} leaves no hidden channel of ${channels}; use at most ${channels}`,
    );
  return hidden;
}

/** timm's rounding of a width to a multiple of `divisor`: to the nearest, and at least one divisor. */
export function roundedWidth(width: number, divisor: number): number {
  return Math.max(divisor, Math.floor((width + divisor / 2) / divisor) * divisor);
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
    new Conv2d(channels, hidden, { kernel: 1, bias }),
    new Lambda(relu),
    new Conv2d(hidden, channels, { kernel: 1, bias }),
  ];
  return new Sequential(layers);
}

/** Ways to sum up each channel's map in one number. `lp` is √Σx² and `lse` log Σ exp x, both sums, as in CBAM's code. */
export const channelPools = {
  avg: (x: Value) => reduceMean(x, [2, 3]),
  max: (x: Value) => reduceMax(x, [2, 3]),
  lp: (x: Value) => sqrt(reduceSum(square(x), [2, 3])),
  lse: (x: Value) => reduceLogSumExp(x, [2, 3]),
} as const;
export type ChannelPool = keyof typeof channelPools;

/** The largest and the mean value over channels at every position, stacked in the given order: [N,C,H,W] → [N,2,H,W]. */
export function spatialDescriptor(x: Value, order: readonly ["max" | "mean", "max" | "mean"]): Value {
  return concat(
    order.map((kind) => (kind === "max" ? reduceMax(x, [1]) : reduceMean(x, [1]))),
    1,
  );
}

/** x · gate, the gate published as an attention map. */
export function applyGate(x: Value, gate: Value, name: "channel" | "spatial" | "attention"): Value {
  x.graph.tap(name, gate);
  return mul(x, gate);
}

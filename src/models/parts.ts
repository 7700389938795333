import type { AttentionChoice } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import { integer } from "../core/options.js";
import { shown } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import {
  type AnyModule,
  BatchNorm,
  type BatchNormOptions,
  Conv2d,
  type Conv2dOptions,
  constant,
  kaimingNormal,
  Lambda,
  Module,
  normal,
  Param,
  Sequential,
  walk,
} from "../nn/index.js";
import { averagePool, concat, layerNorm, mapSize, reshape, slice } from "../ops/index.js";

/** A convolution without bias that keeps the size at stride 1, He-initialized by its outputs. */
export function conv(
  channels: number,
  outChannels: number,
  kernel: number,
  {
    dilation = 1,
    ...options
  }: Omit<Conv2dOptions, "kernelSize" | "padding" | "bias" | "dilation"> & { dilation?: number } = {},
): Conv2d {
  const padding = (dilation * (kernel - 1)) / 2;
  const weightInit = kaimingNormal("out");
  return new Conv2d(channels, outChannels, {
    kernelSize: kernel,
    padding,
    dilation,
    bias: false,
    weightInit,
    ...options,
  });
}

/** A function of a map. */
export type Activation = (x: Value) => Value;

/** The same with a batch norm and, if given, an activation. Keys `0`, `1`. */
export function convNormAct(
  channels: number,
  outChannels: number,
  kernel: number,
  {
    activation,
    norm,
    ...options
  }: { activation?: Activation; norm?: BatchNormOptions; stride?: number; groups?: number } = {},
): Sequential {
  const layers = [conv(channels, outChannels, kernel, options), new BatchNorm(outChannels, norm)];
  return new Sequential(activation ? [...layers, new Lambda(activation)] : layers);
}

/** Layer norm over the channels of a map, ε 1e-6. Keys `weight`, `bias` [C]. */
export class ChannelNorm extends Module {
  static override readonly kind: string = "ChannelNorm";

  readonly weight: Param;
  readonly bias: Param;

  constructor(channels: number) {
    super();
    this.weight = new Param([channels], constant(1));
    this.bias = new Param([channels], constant(0));
  }

  override forward(x: Value): Value {
    const across = (param: Param) => reshape(x.graph.state(param), [...param.shape, 1, 1]);
    return layerNorm(x, [1], across(this.weight), across(this.bias), 1e-6);
  }
}

/** Initialization of classifiers in mobile networks: N(0, 0.01²), no bias. */
export const smallClassifier = { weightInit: normal(0.01), biasInit: constant(0) } as const;

/** Means of 2×2 squares; an odd last row or column stands for two, as in PyTorch's `ceil_mode` without counted padding. */
export function halveByAverage(x: Value): Value {
  const evened = ([2, 3] as const).reduce((map, axis) => {
    const size = mapSize(map, "halveByAverage")[axis - 2]!;
    return size % 2 ? concat([map, slice(map, axis, size - 1)], axis) : map;
  }, x);
  return averagePool(evened, { kernelSize: 2 });
}

/** @throws OptionError if attention is requested of a network that has its own and no place for another. */
export function refuseAttention(owner: string, attention: AttentionChoice | null | undefined): void {
  const name = Array.isArray(attention) ? attention[0] : attention;
  if (attention && name !== "none")
    throw new OptionError(`${owner}: takes no attention module in its blocks; insertAttention puts one anywhere`);
}

/** Returns `p` if it is a probability below 1. @throws OptionError */
export function probability(owner: string, name: string, p: number): number {
  if (!(p >= 0 && p < 1)) throw new OptionError(`${owner}: ${name} must be in [0, 1), got ${shown(p)}`);
  return p;
}

/** Drop path rates by stage and block, growing linearly from 0 at the first block to `last` at the last. */
export function growingRates(last: number, depths: readonly number[]): number[][] {
  const total = depths.reduce((sum, depth) => sum + depth, 0);
  let done = 0;
  return depths.map((depth) => Array.from({ length: depth }, () => (last * done++) / Math.max(1, total - 1)));
}

/** The number of classes, checked. */
export const classCount = (owner: string, numClasses: number | undefined, fallback: number): number =>
  integer(owner, "numClasses", numClasses ?? fallback);

/** All parts of a model of one class, by path: for naming the places of {@link Attachable} networks. */
export function partsOf<M extends AnyModule>(
  model: AnyModule,
  kind: abstract new (...args: never[]) => M,
): ReadonlyMap<string, M> {
  const found = new Map<string, M>();
  walk(model, { module: (path, part) => part instanceof kind && found.set(path, part) });
  return found;
}

/** As `map.map(f)`. */
export function mapValues<A, B>(map: ReadonlyMap<string, A>, f: (value: A) => B): ReadonlyMap<string, B> {
  return new Map([...map].map(([key, value]) => [key, f(value)]));
}

export type ModulesByPath = ReadonlyMap<string, Module>;

import { OptionError, ShapeError } from "../core/errors.js";
import { integer } from "../core/options.js";
import {
  callback,
  check,
  either,
  options as fields,
  finite,
  flag,
  fraction,
  list,
  maybe,
  nonNegative,
  that,
  tuple,
  whole,
} from "../core/schema.js";
import { formatShape, staticDim, staticShape } from "../core/shape.js";
import { float32 } from "../core/tensor.js";
import { type Value, valueSchema } from "../graph/graph.js";
import { pair } from "../ops/conv.js";
import * as ops from "../ops/index.js";
import { constant, defaultWeight, fanIn, type Initializer, uniform } from "./init.js";
import { type AnyModule, Module, Param } from "./module.js";

/** What convolutions and transposed ones are made of. Default: with bias, PyTorch's initialization. */
interface KernelOptions {
  /** Height and width of the kernel. */ readonly kernel: number | readonly [number, number];
  /** Whether there is a bias. Default true. */ readonly bias?: boolean;
  /** Initial weights. Default: PyTorch's. */ readonly weightInit?: Initializer;
  /** Initial bias. Default: PyTorch's. */ readonly biasInit?: Initializer;
}

/** Options of {@link Conv2d}. Default: stride 1, no padding, with bias, PyTorch's initialization. */
export interface Conv2dOptions extends ops.ConvOptions, KernelOptions {}

const length = nonNegative;
const lengths = either<never>("a number or a pair of them", length as never, tuple("a pair", length, length));
const init = maybe(callback);
const kernelFields = { kernel: lengths, bias: maybe(flag), weightInit: init, biasInit: init };
const geometry = {
  stride: maybe(lengths),
  padding: maybe(either<never>("a number or a list of them", length as never, list(length, "a list") as never)),
  dilation: maybe(lengths),
  groups: maybe(whole(1)),
};
const convOptions = fields<Conv2dOptions>({ ...kernelFields, ...geometry });
const convTransposeOptions = fields<ConvTranspose2dOptions>({
  ...kernelFields,
  ...geometry,
  outputPadding: maybe(lengths),
});
const linearOptions = fields({ bias: maybe(flag), weightInit: init, biasInit: init });
const batchNormOptions = fields({ epsilon: maybe(nonNegative), momentum: maybe(fraction), weightInit: init });
const layerNormOptions = fields({ epsilon: maybe(nonNegative) });
const groupNormOptions = fields({ epsilon: maybe(nonNegative), affine: maybe(flag) });
const preluOptions = fields({ initial: maybe(finite) });
const layerList = that(
  "a list of modules, or modules by name",
  (x) => typeof x === "object" && x !== null && Object.values(x).every((layer) => layer instanceof Module),
);

/** The parameters of a layer whose weight is [rows, columns/groups, kh, kw]. @throws OptionError if the groups do not divide its channels. */
function kernelParams(
  owner: string,
  { channels, filters, groups }: { readonly channels: number; readonly filters: number; readonly groups: number },
  options: KernelOptions,
  transposed: boolean,
): { readonly weight: Param; readonly bias: Param | null } {
  const { kernel, bias = true, weightInit = defaultWeight, biasInit } = options;
  integer(owner, "groups", groups);
  integer(owner, "channels", channels);
  integer(owner, "filters", filters);
  if (channels % groups || filters % groups)
    throw new OptionError(`${owner}: ${channels} channels and ${filters} filters must divide into ${groups} groups`);
  const [rows, columns] = transposed ? [channels, filters] : [filters, channels];
  const shape = [rows, columns / groups, ...pair(kernel)];
  return {
    weight: new Param(shape, weightInit),
    bias: bias ? new Param([filters], biasInit ?? uniform(1 / Math.sqrt(fanIn(shape)))) : null,
  };
}

/** Two-dimensional convolution. [N,C,H,W] → [N,O,H',W']. Keys: weight [O,C/groups,kh,kw], bias [O]. */
export class Conv2d extends Module {
  /** [O, C/groups, kh, kw]. */ readonly weight: Param;
  /** [O], or null. */ readonly bias: Param | null;
  readonly #options: ops.ConvOptions;

  constructor(channels: number, filters: number, options: Conv2dOptions) {
    super();
    check("Conv2d", "options", convOptions, options);
    const params = kernelParams("Conv2d", { channels, filters, groups: options.groups ?? 1 }, options, false);
    this.weight = params.weight;
    this.bias = params.bias;
    this.#options = options;
  }

  override forward(x: Value): Value {
    return ops.conv(x, this.weight, this.bias ?? undefined, this.#options);
  }
}

/** Options of {@link ConvTranspose2d}. Default: stride 1, no padding, with bias, PyTorch's initialization. */
export interface ConvTranspose2dOptions extends ops.ConvTransposeOptions, KernelOptions {}

/**
 * Two-dimensional transposed convolution: {@link ops.convTranspose}. [N,C,H,W] → [N,O,H',W'].
 * Keys: weight [C,O/groups,kh,kw], bias [O].
 *
 * @throws OptionError if channels or filters do not divide into the groups.
 *
 * @example
 * new ConvTranspose2d(64, 32, { kernel: 2, stride: 2 }); // twice the height and width
 */
export class ConvTranspose2d extends Module {
  /** [C, O/groups, kh, kw]. */ readonly weight: Param;
  /** [O], or null. */ readonly bias: Param | null;
  readonly #options: ops.ConvTransposeOptions;

  constructor(channels: number, filters: number, options: ConvTranspose2dOptions) {
    super();
    check("ConvTranspose2d", "options", convTransposeOptions, options);
    const params = kernelParams("ConvTranspose2d", { channels, filters, groups: options.groups ?? 1 }, options, true);
    this.weight = params.weight;
    this.bias = params.bias;
    this.#options = options;
  }

  override forward(x: Value): Value {
    return ops.convTranspose(x, this.weight, this.bias ?? undefined, this.#options);
  }
}

/** y = x·Wᵀ + b over the last axis. [N,…,I] → [N,…,O]. Keys: weight [O,I], bias [O]. */
export class Linear extends Module {
  /** [O, I]. */ readonly weight: Param;
  /** [O], or null. */ readonly bias: Param | null;

  constructor(
    inputs: number,
    outputs: number,
    options: { readonly bias?: boolean; readonly weightInit?: Initializer; readonly biasInit?: Initializer } = {},
  ) {
    super();
    integer("Linear", "inputs", inputs);
    integer("Linear", "outputs", outputs);
    check("Linear", "options", linearOptions, options);
    const { bias = true, weightInit = defaultWeight, biasInit = uniform(1 / Math.sqrt(inputs)) } = options;
    this.weight = new Param([outputs, inputs], weightInit);
    this.bias = bias ? new Param([outputs], biasInit) : null;
  }

  override forward(x: Value): Value {
    const y = ops.matMul(x, this.weight, { transB: true });
    return this.bias ? ops.add(y, this.bias) : y;
  }
}

/**
 * Batch norm over all axes but the channels: y = (x − E[x]) / √(Var[x] + ε) · weight + bias.
 * Training uses the statistics of the batch (biased variance) and moves the running ones:
 * running ← (1 − momentum) · running + momentum · batch, with the unbiased variance, as PyTorch does.
 * [N,C,…] → same. Keys: weight, bias, running_mean, running_var [C], num_batches_tracked [].
 */
export class BatchNorm extends Module {
  /** Gain γ, [C]. */ readonly weight: Param;
  /** Offset β, [C]. */ readonly bias: Param;
  /** Running mean, [C]. */ readonly running_mean: Param;
  /** Running variance, unbiased, [C]. */ readonly running_var: Param;
  /** Number of training batches seen. */ readonly num_batches_tracked: Param;
  /** Share of the batch in the new running statistics. May be changed between traces: 1 makes them those of one batch. */
  momentum: number;
  readonly #epsilon: number;

  constructor(
    channels: number,
    options: { readonly epsilon?: number; readonly momentum?: number; readonly weightInit?: Initializer } = {},
  ) {
    super();
    integer("BatchNorm", "channels", channels);
    check("BatchNorm", "options", batchNormOptions, options);
    const { epsilon = 1e-5, momentum = 0.1, weightInit = constant(1) } = options;
    this.weight = new Param([channels], weightInit);
    this.bias = new Param([channels], constant(0));
    this.running_mean = new Param([channels], constant(0), "buffer");
    this.running_var = new Param([channels], constant(1), "buffer");
    this.num_batches_tracked = new Param([], constant(0), "buffer", "int");
    this.momentum = momentum;
    this.#epsilon = epsilon;
  }

  override forward(x: Value): Value {
    const { graph } = x;
    const [epsilon, momentum] = [this.#epsilon, this.momentum];
    if (!graph.training || !this.weight.trainable)
      return ops.batchNorm(x, this.weight, this.bias, this.running_mean, this.running_var, epsilon);
    const shape = staticShape(x.shape);
    const count = shape.reduce((n, d) => n * d, 1) / shape[1]!;
    if (count < 2)
      throw new ShapeError(
        `BatchNorm: training needs more than one value per channel, got input ${formatShape(shape)}`,
      );
    const [y, mean, variance] = ops.batchNormTraining(x, this.weight, this.bias, epsilon);
    const blend = (running: Param, batch: Value) =>
      graph.update(running, ops.add(ops.mul(graph.current(running), 1 - momentum), ops.mul(batch, momentum)));
    blend(this.running_mean, mean);
    blend(this.running_var, ops.mul(variance, count / (count - 1)));
    const one = graph.constant({ dtype: "int64", shape: [], data: BigInt64Array.of(1n) });
    graph.update(this.num_batches_tracked, ops.add(graph.current(this.num_batches_tracked), one));
    return y;
  }
}

/**
 * y = (x − E[x]) / √(Var[x] + ε) · weight + bias, mean and biased variance over the trailing axes that `shape` names.
 * Keys: weight, bias of `shape`.
 */
export class LayerNorm extends Module {
  /** Gain γ, of the normalized shape. */ readonly weight: Param;
  /** Offset β, of the normalized shape. */ readonly bias: Param;
  readonly #epsilon: number;

  constructor(shape: readonly number[], options: { readonly epsilon?: number } = {}) {
    super();
    check("LayerNorm", "shape", list(whole(1), "a list of sizes", 1), shape);
    check("LayerNorm", "options", layerNormOptions, options);
    const { epsilon = 1e-5 } = options;
    this.weight = new Param(shape, constant(1));
    this.bias = new Param(shape, constant(0));
    this.#epsilon = epsilon;
  }

  override forward(x: Value): Value {
    const axes = this.weight.shape.map((_, i) => x.shape.length - this.weight.shape.length + i);
    return ops.layerNorm(x, axes, this.weight, this.bias, this.#epsilon);
  }
}

/**
 * y = (x − E[x]) / √(Var[x] + ε) · weight + bias, mean and biased variance over each group of channels: {@link ops.groupNorm}.
 * [N,C,…] → same. Keys: weight, bias [C]; none with `affine: false`.
 *
 * @throws OptionError if the channels do not divide into the groups.
 *
 * @example
 * new GroupNorm(8, 64); // 8 groups of 8 channels
 */
export class GroupNorm extends Module {
  /** Gain γ, [C], or null. */ readonly weight: Param | null;
  /** Offset β, [C], or null. */ readonly bias: Param | null;
  readonly #channels: number;
  readonly #epsilon: number;

  constructor(
    /** Number of groups. */ readonly groups: number,
    channels: number,
    options: { readonly epsilon?: number; readonly affine?: boolean } = {},
  ) {
    super();
    check("GroupNorm", "options", groupNormOptions, options);
    const { epsilon = 1e-5, affine = true } = options;
    integer("GroupNorm", "groups", groups);
    integer("GroupNorm", "channels", channels);
    if (channels % groups) throw new OptionError(`GroupNorm: ${channels} channels must divide into ${groups} groups`);
    this.weight = affine ? new Param([channels], constant(1)) : null;
    this.bias = affine ? new Param([channels], constant(0)) : null;
    this.#channels = channels;
    this.#epsilon = epsilon;
  }

  override forward(x: Value): Value {
    const fixed = (value: number) => x.graph.constant(float32([this.#channels], Array(this.#channels).fill(value)));
    return ops.groupNorm(x, this.groups, this.weight ?? fixed(1), this.bias ?? fixed(0), this.#epsilon);
  }
}

/**
 * x where x > 0, else weight · x, with one slope or one for each channel: {@link ops.prelu}. [N,C,…] → same. Key: weight [slopes].
 *
 * @example
 * new PReLU(64); // a slope for each of 64 channels; PReLU() has one for all
 */
export class PReLU extends Module {
  /** Slopes, [1] or [C]. */ readonly weight: Param;

  constructor(slopes = 1, options: { readonly initial?: number } = {}) {
    super();
    check("PReLU", "options", preluOptions, options);
    const { initial = 0.25 } = options;
    integer("PReLU", "slopes", slopes);
    this.weight = new Param([slopes], constant(initial));
  }

  override forward(x: Value): Value {
    return ops.prelu(x, this.weight);
  }
}

/** In training each element is dropped with probability p and the rest scaled by 1/(1 − p); otherwise the identity. */
export class Dropout extends Module {
  /** @param p probability of dropping an element */ constructor(readonly p: number) {
    super();
    if (!(typeof p === "number" && p >= 0 && p < 1)) throw new OptionError(`Dropout: p must be in [0, 1), got ${p}`);
  }

  override forward(x: Value): Value {
    if (!x.graph.training || this.p === 0) return x;
    return ops.mul(x, keepMask(x, staticShape(x.shape), this.p));
  }
}

/** As dropout, but whole channels of an image are dropped: PyTorch's Dropout2d (Tompson et al., 2015). */
export class ChannelDropout extends Module {
  /** @param p probability of dropping a channel */ constructor(readonly p: number) {
    super();
    if (!(typeof p === "number" && p >= 0 && p < 1))
      throw new OptionError(`ChannelDropout: p must be in [0, 1), got ${p}`);
  }

  override forward(x: Value): Value {
    if (!x.graph.training || this.p === 0) return x;
    const perChannel = x.shape.map((d, i) => (i < 2 ? staticDim(d) : 1));
    return ops.mul(x, keepMask(x, perChannel, this.p));
  }
}

/** Stochastic depth: as dropout, but whole images of a residual branch are dropped (Huang et al., 2016). */
export class DropPath extends Module {
  /** @param p probability of dropping the branch of an image */ constructor(readonly p: number) {
    super();
    if (!(typeof p === "number" && p >= 0 && p < 1)) throw new OptionError(`DropPath: p must be in [0, 1), got ${p}`);
  }

  override forward(x: Value): Value {
    if (!x.graph.training || this.p === 0) return x;
    const perImage = x.shape.map((d, i) => (i === 0 ? staticDim(d) : 1));
    return ops.mul(x, keepMask(x, perImage, this.p));
  }
}

function keepMask(x: Value, shape: readonly number[], p: number): Value {
  const kept = ops.cast(ops.greater(x.graph.random(shape), p));
  return ops.mul(kept, 1 / (1 - p));
}

/** A function of one value as a module, to stand in a {@link Sequential}. */
export class Lambda extends Module {
  /** @param apply the function */ constructor(readonly apply: (x: Value) => Value) {
    super();
    check("Lambda", "apply", callback, apply);
  }

  override forward(x: Value): Value {
    return this.apply(x);
  }
}

/** Modules in a row. Keys: `0.…`, `1.…`, or the given names. */
export class Sequential extends Module {
  [name: string]: unknown;

  constructor(layers: readonly AnyModule[] | { readonly [name: string]: AnyModule }) {
    super();
    check("Sequential", "layers", layerList, layers);
    Object.assign(this, layers);
  }

  override forward(x: Value): Value {
    return (Object.values(this) as Module[]).reduce((value, layer) => layer.call(value), x);
  }
}

/** Mean over height and width. [N,C,H,W] → [N,C] */
export function globalAveragePool(x: Value): Value {
  check("globalAveragePool", "x", valueSchema, x);
  return ops.reduceMean(x, [2, 3], { keepdims: false });
}

/** All but the first axis in one. [N,…] → [N, product] */
export function flatten(x: Value): Value {
  check("flatten", "x", valueSchema, x);
  return ops.reshape(x, [x.shape[0]!, -1]);
}

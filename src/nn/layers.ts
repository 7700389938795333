import { OptionError, ShapeError } from "../core/errors.js";
import { integer } from "../core/options.js";
import { callback, check, options as fields, finite, flag, maybe, shown, that } from "../core/schema.js";
import { staticDim, staticShape } from "../core/shape.js";
import { type Value, valueSchema } from "../graph/graph.js";
import { convFields, convTransposeFields, pair, sides } from "../ops/checks.js";
import * as ops from "../ops/index.js";
import { constant, defaultWeight, fanIn, type Initializer, uniform } from "./init.js";
import { type AnyModule, Module, Param } from "./module.js";

/** Options common to convolutions. Default: with bias, PyTorch's initialization. */
interface KernelOptions {
  /** Height and width. */
  readonly kernelSize: number | readonly [number, number];
  /** Whether to add a bias. Default true. */
  readonly bias?: boolean;
  /** Initial weights. Default: PyTorch's. */
  readonly weightInit?: Initializer;
  /** Initial bias. Default: PyTorch's. */
  readonly biasInit?: Initializer;
}

/** Options of {@link Conv2d}. Default: stride 1, no padding, with bias, PyTorch's initialization. */
export interface Conv2dOptions extends ops.ConvOptions, KernelOptions {}

/** Options of {@link Linear}. */
export interface LinearOptions extends Omit<KernelOptions, "kernelSize"> {}

/** Options of {@link PReLU}. */
export interface PReLUOptions {
  /** Initial slope. Default 0.25. */
  readonly initial?: number;
}

const init = maybe(callback);
const kernelFields = { kernelSize: sides(1), bias: maybe(flag), weightInit: init, biasInit: init };
export const convOptions = fields<Conv2dOptions>({ ...kernelFields, ...convFields });
export const convTransposeOptions = fields<ConvTranspose2dOptions>({ ...kernelFields, ...convTransposeFields });
export const linearOptions = fields({ bias: maybe(flag), weightInit: init, biasInit: init });
export const preluOptions = fields({ initial: maybe(finite) });
const layerList = that(
  "a list of modules, or modules by name",
  (x) => typeof x === "object" && x !== null && Object.values(x).every((layer) => layer instanceof Module),
);

/** The parameters of a layer with a weight [rows, columns/groups, kh, kw]. @throws OptionError if the groups do not divide the channels. */
function kernelParams(
  owner: string,
  {
    inChannels,
    outChannels,
    groups,
  }: { readonly inChannels: number; readonly outChannels: number; readonly groups: number },
  options: KernelOptions,
  transposed: boolean,
): { readonly weight: Param; readonly bias: Param | null } {
  const { kernelSize, bias = true, weightInit = defaultWeight, biasInit } = options;
  integer(owner, "groups", groups);
  integer(owner, "inChannels", inChannels);
  integer(owner, "outChannels", outChannels);
  if (inChannels % groups || outChannels % groups)
    throw new OptionError(
      `${owner}: inChannels ${inChannels} and outChannels ${outChannels} must divide into ${groups} groups`,
    );
  const [rows, columns] = transposed ? [inChannels, outChannels] : [outChannels, inChannels];
  const shape = [rows, columns / groups, ...pair(kernelSize)];
  return {
    weight: new Param(shape, weightInit),
    bias: bias ? new Param([outChannels], biasInit ?? uniform(1 / Math.sqrt(fanIn(shape)))) : null,
  };
}

/** The options of a layer that are those of its operator. */
const geometryOf = <O extends KernelOptions>({ kernelSize, bias, weightInit, biasInit, ...geometry }: O) => geometry;

/** Two-dimensional convolution. [N,C,H,W] → [N,O,H',W']. Keys: weight [O,C/groups,kh,kw], bias [O]. */
export class Conv2d extends Module {
  static override readonly kind: string = "Conv2d";

  /** [O, C/groups, kh, kw]. */ readonly weight: Param;
  /** [O], or null. */ readonly bias: Param | null;
  readonly #geometry: ops.ConvOptions;

  constructor(inChannels: number, outChannels: number, options: Conv2dOptions) {
    super();
    check("Conv2d", "options", convOptions, options);
    const params = kernelParams("Conv2d", { inChannels, outChannels, groups: options.groups ?? 1 }, options, false);
    this.weight = params.weight;
    this.bias = params.bias;
    this.#geometry = geometryOf(options);
  }

  override forward(x: Value): Value {
    return ops.conv(x, this.weight, this.bias ?? undefined, this.#geometry);
  }
}

/** Options of {@link ConvTranspose2d}. Default: stride 1, no padding, with bias, PyTorch's initialization. */
export interface ConvTranspose2dOptions extends ops.ConvTransposeOptions, KernelOptions {}

/**
 * Two-dimensional transposed convolution: {@link ops.convTranspose}. [N,C,H,W] → [N,O,H',W'].
 * Keys: weight [C,O/groups,kh,kw], bias [O].
 *
 * @throws OptionError if the channels in or out do not divide into the groups.
 *
 * @example
 * new ConvTranspose2d(64, 32, { kernelSize: 2, stride: 2 }); // twice the height and width
 */
export class ConvTranspose2d extends Module {
  static override readonly kind: string = "ConvTranspose2d";

  /** [C, O/groups, kh, kw]. */ readonly weight: Param;
  /** [O], or null. */ readonly bias: Param | null;
  readonly #geometry: ops.ConvTransposeOptions;

  constructor(inChannels: number, outChannels: number, options: ConvTranspose2dOptions) {
    super();
    check("ConvTranspose2d", "options", convTransposeOptions, options);
    const params = kernelParams(
      "ConvTranspose2d",
      { inChannels, outChannels, groups: options.groups ?? 1 },
      options,
      true,
    );
    this.weight = params.weight;
    this.bias = params.bias;
    this.#geometry = geometryOf(options);
  }

  override forward(x: Value): Value {
    return ops.convTranspose(x, this.weight, this.bias ?? undefined, this.#geometry);
  }
}

/** y = x·Wᵀ + b over the last axis. [N,…,I] → [N,…,O]. Keys: weight [O,I], bias [O]. */
export class Linear extends Module {
  static override readonly kind: string = "Linear";

  /** [O, I]. */ readonly weight: Param;
  /** [O], or null. */ readonly bias: Param | null;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    integer("Linear", "inFeatures", inFeatures);
    integer("Linear", "outFeatures", outFeatures);
    check("Linear", "options", linearOptions, options);
    const { bias = true, weightInit = defaultWeight, biasInit = uniform(1 / Math.sqrt(inFeatures)) } = options;
    this.weight = new Param([outFeatures, inFeatures], weightInit);
    this.bias = bias ? new Param([outFeatures], biasInit) : null;
  }

  override forward(x: Value): Value {
    const y = ops.matMul(x, this.weight, { transB: true });
    return this.bias ? ops.add(y, this.bias) : y;
  }
}

/**
 * x where x > 0, else weight · x, with one slope or one per channel: {@link ops.prelu}. [N,C,…] → same. Key: weight [slopes].
 *
 * @example
 * new PReLU(64); // one slope per channel; PReLU() has one for all
 */
export class PReLU extends Module {
  static override readonly kind: string = "PReLU";

  /** Slopes, [1] or [C]. */ readonly weight: Param;

  constructor(slopes = 1, options: PReLUOptions = {}) {
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

/** In training, drops each element with probability p and scales the rest by 1/(1 − p); otherwise the identity. */
export class Dropout extends Module {
  static override readonly kind: string = "Dropout";

  /** @param p probability of dropping an element */ constructor(readonly p: number) {
    super();
    if (!(typeof p === "number" && p >= 0 && p < 1))
      throw new OptionError(`Dropout: p must be in [0, 1), got ${shown(p)}`);
  }

  override forward(x: Value): Value {
    if (!x.graph.training || this.p === 0) return x;
    return ops.mul(x, keepMask(x, staticShape(x.shape), this.p));
  }
}

/** Dropout of whole channels of an image: PyTorch's Dropout2d (Tompson et al., 2015). */
export class ChannelDropout extends Module {
  static override readonly kind: string = "ChannelDropout";

  /** @param p probability of dropping a channel */ constructor(readonly p: number) {
    super();
    if (!(typeof p === "number" && p >= 0 && p < 1))
      throw new OptionError(`ChannelDropout: p must be in [0, 1), got ${shown(p)}`);
  }

  override forward(x: Value): Value {
    if (!x.graph.training || this.p === 0) return x;
    const perChannel = x.shape.map((d, i) => (i < 2 ? staticDim(d) : 1));
    return ops.mul(x, keepMask(x, perChannel, this.p));
  }
}

/** Stochastic depth: dropout of whole images, for a residual branch (Huang et al., 2016). */
export class DropPath extends Module {
  static override readonly kind: string = "DropPath";

  /** @param p probability of dropping the branch of an image */ constructor(readonly p: number) {
    super();
    if (!(typeof p === "number" && p >= 0 && p < 1))
      throw new OptionError(`DropPath: p must be in [0, 1), got ${shown(p)}`);
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

/** A function of one value as a module, for a {@link Sequential}. */
export class Lambda extends Module {
  static override readonly kind: string = "Lambda";

  /** @param apply the function */ constructor(readonly apply: (x: Value) => Value) {
    super();
    check("Lambda", "apply", callback, apply);
  }

  override forward(x: Value): Value {
    return this.apply(x);
  }
}

/** Modules applied in order. Keys: `0.…`, `1.…`, or the given names. */
export class Sequential extends Module {
  static override readonly kind: string = "Sequential";

  [name: string]: unknown;

  constructor(layers: readonly AnyModule[] | { readonly [name: string]: AnyModule }) {
    super();
    check("Sequential", "layers", layerList, layers);
    for (const [name, layer] of Object.entries(layers)) this[name] = layer;
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

/** Flattens all axes but the first. [N,…] → [N, product] */
export function flatten(x: Value): Value {
  check("flatten", "x", valueSchema, x);
  if (x.shape.length === 0) throw new ShapeError("flatten: needs [N,…], got []");
  return ops.reshape(x, [x.shape[0]!, -1]);
}

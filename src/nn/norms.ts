import { OptionError, ShapeError } from "../core/errors.js";
import { integer } from "../core/options.js";
import { callback, check, options as fields, flag, fraction, list, maybe, nonNegative, whole } from "../core/schema.js";
import { formatShape, staticShape } from "../core/shape.js";
import { float32 } from "../core/tensor.js";
import type { Value } from "../graph/graph.js";
import * as ops from "../ops/index.js";
import { constant, type Initializer } from "./init.js";
import { Module, Param } from "./module.js";

/** Options of {@link LayerNorm}. */
export interface LayerNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
}

/** Options of {@link BatchNorm}. */
export interface BatchNormOptions extends LayerNormOptions {
  /** Share of the batch in the new running statistics. Default 0.1. */
  readonly momentum?: number;
  /** Initial gain. Default: ones. */
  readonly weightInit?: Initializer;
}

/** Options of {@link GroupNorm}. */
export interface GroupNormOptions extends LayerNormOptions {
  /** Whether there are a gain and a bias for each channel. Default true. */
  readonly affine?: boolean;
}

export const batchNormOptions = fields({
  epsilon: maybe(nonNegative),
  momentum: maybe(fraction),
  weightInit: maybe(callback),
});
export const layerNormOptions = fields({ epsilon: maybe(nonNegative) });
export const groupNormOptions = fields({ epsilon: maybe(nonNegative), affine: maybe(flag) });

/**
 * Batch norm over all axes but the channels: y = (x − E[x]) / √(Var[x] + ε) · weight + bias.
 * Training uses batch statistics (biased variance) and updates the running ones:
 * running ← (1 − momentum) · running + momentum · batch, with the unbiased variance, as PyTorch does.
 * [N,C,…] → same. Keys: weight, bias, running_mean, running_var [C], num_batches_tracked [].
 */
export class BatchNorm extends Module {
  static override readonly kind: string = "BatchNorm";

  /** Gain γ, [C]. */
  readonly weight: Param;
  /** Offset β, [C]. */
  readonly bias: Param;
  /** Running mean, [C]. */
  readonly running_mean: Param;
  /** Running variance, unbiased, [C]. */
  readonly running_var: Param;
  /** Number of training batches seen. */
  readonly num_batches_tracked: Param;
  /** Weight of the batch in the new running statistics. May change between traces: 1 makes them those of one batch. */
  momentum: number;
  readonly #epsilon: number;

  constructor(channels: number, options: BatchNormOptions = {}) {
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
 * y = (x − E[x]) / √(Var[x] + ε) · weight + bias, mean and biased variance over the trailing axes given by `shape`.
 * Keys: weight, bias of `shape`.
 */
export class LayerNorm extends Module {
  static override readonly kind: string = "LayerNorm";

  /** Gain γ, of the normalized shape. */
  readonly weight: Param;
  /** Offset β, of the normalized shape. */
  readonly bias: Param;
  readonly #epsilon: number;

  constructor(shape: readonly number[], options: LayerNormOptions = {}) {
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
  static override readonly kind: string = "GroupNorm";

  /** Gain γ, [C], or null. */
  readonly weight: Param | null;
  /** Offset β, [C], or null. */
  readonly bias: Param | null;
  readonly #channels: number;
  readonly #epsilon: number;

  constructor(
    /** Number of groups. */
    readonly groups: number,
    channels: number,
    options: GroupNormOptions = {},
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

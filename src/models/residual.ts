import type { AttentionPlan, Place, Placement } from "../attention/index.js";
import { staticDim } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, type Conv2d, Lambda, Module, Sequential } from "../nn/index.js";
import { add, pad, relu } from "../ops/index.js";
import { subsample } from "../ops/resample.js";
import { conv } from "./parts.js";

/** How a block's input reaches the addition where its shape changes: a strided 1×1 convolution with batch norm, or no parameters at all. */
export type Shortcut = "projection" | "identity";

/** What a network tells a block: its place and geometry. */
export interface BlockOptions {
  readonly channels: number;
  readonly width: number;
  readonly stride: number;
  readonly dilation: number;
  readonly place: Place;
}

/** What a residual block may have beside: how it is shortcut, a module, and for bottlenecks the factor of the inner width. */
export interface BlockSettings {
  readonly shortcut: Shortcut;
  readonly attention: AttentionPlan | undefined;
  readonly wide?: number;
  /** Channels to add inside the block at a place. */
  readonly extra?: ((place: Place) => number) | undefined;
}

/** Makes the blocks of a network, each of `expansion · width` channels. */
export interface BlockKind {
  readonly expansion: number;
  create(options: BlockOptions): Module;
}

/** A residual block: ReLU(branch(x) + shortcut(x)), with room for an attention module in the branch. */
export abstract class ResidualBlock extends Module {
  readonly #shortcut: (x: Value) => Value;
  readonly #attention: Module | null;
  readonly #placement: Placement | undefined;
  readonly #activation = new Lambda((x) => x);

  /** `layers` are the fields of the branch in order, `inner` and `outputs` its widths before and after the last convolution. */
  constructor(
    layers: object,
    inner: number,
    outputs: number,
    { channels, stride, place, shortcut, attention }: BlockOptions & BlockSettings,
  ) {
    super();
    Object.assign(this, layers);
    this.#placement = attention?.placement;
    const width = this.#placement === "residual" ? outputs : inner;
    this.#attention = attention && attention.placement !== "stage" ? attention.create(width, place) : null;
    if (this.#attention) Object.assign(this, { [attention!.field]: this.#attention });
    this.#shortcut = (x) => x;
    if (stride !== 1 || channels !== outputs) {
      if (shortcut === "identity") this.#shortcut = (x) => padChannels(subsample(x, stride), outputs);
      else {
        const downsample = new Sequential([conv(channels, outputs, 1, { stride }), new BatchNorm(outputs)]);
        Object.assign(this, { downsample });
        this.#shortcut = (x) => downsample.call(x);
      }
    }
  }

  abstract branch(x: Value): Value;

  /** The module whose result is what the branch adds, an attention module apart. */
  abstract get branchEnd(): Module;
  /** The last spatial convolution. */
  abstract get lastConvolution(): Module;

  /** Passes on what goes into the last convolution, which is no layer's output, so that a module can follow it there. */
  get lastActivation(): Module {
    return this.#activation;
  }

  /** Applies the attention module if `placement` is where it belongs. */
  protected attend(placement: Placement, y: Value): Value {
    const z = this.#attention && placement === this.#placement ? this.#attention.call(y) : y;
    return placement === "activation" ? this.#activation.call(z) : z;
  }

  override forward(x: Value): Value {
    return relu(add(this.attend("residual", this.branch(x)), this.#shortcut(x)));
  }
}

/** Zero channels added in equal parts before and after: the shortcut "A" of He et al., 2016, as its CIFAR networks have it. */
function padChannels(x: Value, channels: number): Value {
  const missing = channels - staticDim(x.shape[1]);
  const before = Math.floor(missing / 2);
  return pad(x, { axis: 1, before, after: missing - before });
}

/** Two 3×3 convolutions. */
export class BasicBlock extends ResidualBlock {
  declare readonly conv1: Conv2d;
  declare readonly bn1: BatchNorm;
  declare readonly conv2: Conv2d;
  declare readonly bn2: BatchNorm;

  static kind(settings: BlockSettings): BlockKind {
    return { expansion: 1, create: (options) => new BasicBlock({ ...options, ...settings }) };
  }

  constructor(options: BlockOptions & BlockSettings) {
    const { channels, width, stride, dilation, place, extra } = options;
    const inner = width + (extra?.(place) ?? 0);
    const layers = {
      conv1: conv(channels, inner, 3, { stride, dilation }),
      bn1: new BatchNorm(inner),
      conv2: conv(inner, width, 3, { dilation }),
      bn2: new BatchNorm(width),
    };
    super(layers, width, width, options);
  }

  override get branchEnd(): Module {
    return this.bn2;
  }

  override get lastConvolution(): Module {
    return this.conv2;
  }

  override branch(x: Value): Value {
    const y = this.attend("activation", relu(this.bn1.call(this.conv1.call(x))));
    return this.bn2.call(this.attend("convolution", this.conv2.call(y)));
  }
}

/** 1×1 convolution to a narrow width, 3×3 there, and 1×1 back to four times that width. The stride is in the 3×3. */
export class Bottleneck extends ResidualBlock {
  declare readonly conv1: Conv2d;
  declare readonly bn1: BatchNorm;
  declare readonly conv2: Conv2d;
  declare readonly bn2: BatchNorm;
  declare readonly conv3: Conv2d;
  declare readonly bn3: BatchNorm;

  static kind(settings: BlockSettings): BlockKind {
    return { expansion: 4, create: (options) => new Bottleneck({ ...options, ...settings }) };
  }

  constructor(options: BlockOptions & BlockSettings) {
    const { channels, width, stride, dilation, place, wide = 1, extra } = options;
    const inner = width * wide + (extra?.(place) ?? 0);
    const layers = {
      conv1: conv(channels, inner, 1),
      bn1: new BatchNorm(inner),
      conv2: conv(inner, inner, 3, { stride, dilation }),
      bn2: new BatchNorm(inner),
      conv3: conv(inner, 4 * width, 1),
      bn3: new BatchNorm(4 * width),
    };
    super(layers, inner, 4 * width, options);
  }

  override get branchEnd(): Module {
    return this.bn3;
  }

  override get lastConvolution(): Module {
    return this.conv2;
  }

  override branch(x: Value): Value {
    const y = relu(this.bn1.call(this.conv1.call(x)));
    const z = relu(this.bn2.call(this.attend("convolution", this.conv2.call(y))));
    return this.bn3.call(this.conv3.call(this.attend("activation", z)));
  }
}

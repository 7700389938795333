import type { AttentionPlan, Place, Placement } from "../attention/index.js";
import { staticDim } from "../core/shape.js";
import type { Value } from "../graph/graph.js";
import { BatchNorm, type Conv2d, DropPath, Lambda, Module, Sequential } from "../nn/index.js";
import { add, pad, relu } from "../ops/index.js";
import { subsample } from "../ops/resample.js";
import { conv } from "./parts.js";

/** How a block's input reaches the addition where its shape changes: a strided 1×1 convolution with batch norm, or without parameters. */
export type Shortcut = "projection" | "identity";

/** What a network passes to a block: place and geometry. */
export interface BlockOptions {
  readonly channels: number;
  readonly width: number;
  readonly stride: number;
  readonly dilation: number;
  readonly place: Place;
}

/** Further settings of a residual block: its shortcut, a module, and for bottlenecks the factor of the inner width. */
interface BlockSettings {
  readonly shortcut: Shortcut;
  readonly attention: AttentionPlan | undefined;
  readonly wide?: number;
  /** Channels to add inside the block at a place. */
  readonly extra?: ((place: Place) => number) | undefined;
  /** Probability that an image skips the branch at a place in training: stochastic depth. */
  readonly dropPath?: ((place: Place) => number) | undefined;
}

/** Makes the blocks of a network, with `expansion · width` channels. */
export interface BlockKind {
  readonly expansion: number;
  create(options: BlockOptions): Module;
}

/** A residual block: ReLU(branch(x) + shortcut(x)), with room for an attention module in the branch. */
export abstract class ResidualBlock extends Module {
  #shortcut: (x: Value) => Value = (x) => x;
  #attention: Module | null = null;
  #placement: Placement | undefined;
  readonly #activation = new Lambda((x) => x);
  #dropPath = new DropPath(0);

  /**
   * A block's parts besides its branch: its attention module and, last, its shortcut. `inner` and `outputs` are the branch's widths
   * before and after its last convolution.
   */
  protected complete(
    inner: number,
    outputs: number,
    { channels, stride, place, shortcut, attention, dropPath }: BlockOptions & BlockSettings,
  ): void {
    this.#dropPath = new DropPath(dropPath?.(place) ?? 0);
    if (attention && attention.placement !== "stage") {
      const module = attention.create(attention.placement === "residual" ? outputs : inner, place);
      this.#attention = module && this.addPart(attention.field, module);
      this.#placement = attention.placement;
    }
    if (stride === 1 && channels === outputs) return;
    if (shortcut === "identity") this.#shortcut = (x) => padChannels(subsample(x, stride), outputs);
    else {
      const projection = new Sequential([conv(channels, outputs, 1, { stride }), new BatchNorm(outputs)]);
      const downsample = this.addPart("downsample", projection);
      this.#shortcut = (x) => downsample.call(x);
    }
  }

  abstract branch(x: Value): Value;

  /** The module whose result the branch adds, attention aside. */
  abstract get branchEnd(): Module;
  /** The last spatial convolution. */
  abstract get lastConvolution(): Module;

  /** Passes on the input of the last convolution, which no layer outputs, so that a module can follow it. */
  get lastActivation(): Module {
    return this.#activation;
  }

  /** Applies the attention module if `placement` is where it belongs. */
  protected attend(placement: Placement, y: Value): Value {
    const z = this.#attention && placement === this.#placement ? this.#attention.call(y) : y;
    return placement === "activation" ? this.#activation.call(z) : z;
  }

  override forward(x: Value): Value {
    const y = this.attend("residual", this.branch(x));
    return relu(add(this.#dropPath.call(y), this.#shortcut(x)));
  }
}

/** Zero channels added equally before and after: the shortcut "A" of He et al., 2016, used in its CIFAR networks. */
function padChannels(x: Value, channels: number): Value {
  const missing = channels - staticDim(x.shape[1]);
  const before = Math.floor(missing / 2);
  return pad(x, { axis: 1, before, after: missing - before });
}

/** Two 3×3 convolutions. */
export class BasicBlock extends ResidualBlock {
  static override readonly kind: string = "BasicBlock";

  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm;

  static factory(settings: BlockSettings): BlockKind {
    return { expansion: 1, create: (options) => new BasicBlock({ ...options, ...settings }) };
  }

  constructor(options: BlockOptions & BlockSettings) {
    super();
    const { channels, width, stride, dilation, place, extra } = options;
    const inner = width + (extra?.(place) ?? 0);
    this.conv1 = conv(channels, inner, 3, { stride, dilation });
    this.bn1 = new BatchNorm(inner);
    this.conv2 = conv(inner, width, 3, { dilation });
    this.bn2 = new BatchNorm(width);
    this.complete(width, width, options);
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

/** 1×1 convolution to a narrow width, 3×3, and 1×1 back to four times that width. The stride is in the 3×3. */
export class Bottleneck extends ResidualBlock {
  static override readonly kind: string = "Bottleneck";

  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm;

  static factory(settings: BlockSettings): BlockKind {
    return { expansion: 4, create: (options) => new Bottleneck({ ...options, ...settings }) };
  }

  constructor(options: BlockOptions & BlockSettings) {
    super();
    const { channels, width, stride, dilation, place, wide = 1, extra } = options;
    const inner = width * wide + (extra?.(place) ?? 0);
    this.conv1 = conv(channels, inner, 1);
    this.bn1 = new BatchNorm(inner);
    this.conv2 = conv(inner, inner, 3, { stride, dilation });
    this.bn2 = new BatchNorm(inner);
    this.conv3 = conv(inner, 4 * width, 1);
    this.bn3 = new BatchNorm(4 * width);
    this.complete(inner, 4 * width, options);
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

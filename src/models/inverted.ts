import { applyGate } from "../attention/parts.js";
import type { Value } from "../graph/graph.js";
import { type BatchNormOptions, Conv2d, constant, DropPath, kaimingNormal, Module, Sequential } from "../nn/index.js";
import { add, reduceMean, relu } from "../ops/index.js";
import type { AttachPoints } from "./attach.js";
import { type Activation, convNormAct, mapValues, partsOf } from "./parts.js";

/** What a {@link ChannelGate} is made of: hidden channels, names of its two layers, functions between and after them. */
interface GateOptions {
  readonly hidden: number;
  readonly names: readonly [string, string];
  readonly activation?: Activation;
  readonly gate: Activation;
}

/** Squeeze-and-excitation with two 1×1 convolutions: x · gate(W₂ · activation(W₁ · mean + b₁) + b₂). Keys: the two names. */
export class ChannelGate extends Module {
  static override readonly kind: string = "ChannelGate";

  readonly #layers: readonly [Conv2d, Conv2d];
  readonly #activation: Activation;
  readonly #gate: Activation;

  constructor(channels: number, { hidden, names, activation = relu, gate }: GateOptions) {
    super();
    const init = { weightInit: kaimingNormal("out"), biasInit: constant(0) };
    this.#layers = [
      this.addPart(names[0], new Conv2d(channels, hidden, { kernelSize: 1, ...init })),
      this.addPart(names[1], new Conv2d(hidden, channels, { kernelSize: 1, ...init })),
    ];
    this.#activation = activation;
    this.#gate = gate;
  }

  override forward(x: Value): Value {
    const [first, second] = this.#layers;
    const gate = this.#gate(second.call(this.#activation(first.call(reduceMean(x, [2, 3])))));
    return applyGate(x, gate, "channel");
  }
}

/** What an {@link InvertedBlock} is made of. */
interface InvertedOptions {
  readonly channels: number;
  /** Channels of the wide map. */
  readonly hidden: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly activation: Activation;
  /** Squeeze-and-excitation on the wide map, if there is one. */
  readonly gate?: GateOptions | undefined;
  readonly norm?: BatchNormOptions;
  /** Drop path rate of the branch. */
  readonly dropPath?: number;
}

/**
 * Inverted residual block as torchvision builds MobileNetV3 and EfficientNet: a 1×1 convolution to a wide map (unless it is as wide
 * already), a depthwise one, squeeze-and-excitation, and a 1×1 convolution back, plus the input where the shape is kept. Keys `block.<i>`.
 */
export class InvertedBlock extends Module {
  static override readonly kind: string = "InvertedBlock";

  readonly block: Sequential;
  readonly #drop: DropPath;
  readonly #skips: boolean;
  readonly #places: { readonly convolution: Module; readonly activation: Module; readonly residual: Module };

  constructor(given: InvertedOptions) {
    super();
    const { channels, hidden, outChannels, kernel, stride, activation, gate, norm = {}, dropPath = 0 } = given;
    const expand = hidden === channels ? [] : [convNormAct(channels, hidden, 1, { activation, norm })];
    const depthwise = convNormAct(hidden, hidden, kernel, { stride, groups: hidden, activation, norm });
    const weighs = gate ? [new ChannelGate(hidden, gate)] : [];
    const project = convNormAct(hidden, outChannels, 1, { norm });
    this.block = new Sequential([...expand, depthwise, ...weighs, project]);
    this.#drop = new DropPath(dropPath);
    this.#skips = stride === 1 && channels === outChannels;
    this.#places = { convolution: depthwise["0"] as Module, activation: weighs[0] ?? depthwise, residual: project };
  }

  /** What an attention module follows in the blocks of a model, by placement. */
  static placesIn(model: Module): AttachPoints {
    const blocks = partsOf(model, InvertedBlock);
    return {
      activation: mapValues(blocks, (block) => block.#places.activation),
      residual: mapValues(blocks, (block) => block.#places.residual),
      convolution: mapValues(blocks, (block) => block.#places.convolution),
    };
  }

  override forward(x: Value): Value {
    const y = this.block.call(x);
    return this.#skips ? add(x, this.#drop.call(y)) : y;
  }
}

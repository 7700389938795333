import { sizeOf, tensor } from "../../../core/tensor.js";
import type { OnnxAttribute } from "../../../formats/onnx/proto.js";
import type { OnnxWriter } from "../../../formats/onnx/writer.js";
import { windowCount } from "../../../ops/conv.js";
import { roundUp } from "./layout.js";

/** Activations in blocked layout: the name in the model, and the shape that operators are told. */
export interface Maps {
  readonly name: string;
  readonly shape: readonly [n: number, channels: number, height: number, width: number];
}

type Pair = readonly [number, number];

/** Geometry of a blocked convolution or pooling. What is left out: stride and dilation 1, no padding. */
export interface Geometry {
  readonly strides?: Pair;
  readonly dilations?: Pair;
  /** top, left, bottom, right */
  readonly pads?: readonly [number, number, number, number];
}

/**
 * What a blocked convolution does with its sums before it stores them: y = activation(sums + bias + sum). `bias` is a vector over
 * whole blocks, `sum` names blocked maps of y's shape; `hardSigmoid` are the slope and offset of min(1, max(0, slope · v + offset)).
 */
export interface Epilogue {
  readonly bias?: string | undefined;
  readonly sum?: string | undefined;
  readonly activation?: "Relu" | "Sigmoid" | { readonly hardSigmoid: Pair } | undefined;
}

/** The operator domain of ONNX Runtime's blocked operators. */
export const blockedDomain = "com.microsoft.nchwc";

/**
 * Writes ONNX Runtime's blocked operators. They check next to nothing themselves: a wrong number of channels ends the process, or
 * gives wrong numbers without a word. So everything that they ask for is checked here, and nothing else writes them. What fails a
 * check is a mistake of the rule that called, and throws a plain Error.
 */
export class BlockedWriter {
  constructor(
    readonly write: OnnxWriter,
    /** Channels in a block: 16 with AVX-512, 8 with AVX2. */
    readonly block: number,
  ) {}

  /** The same memory under another shape. */
  view(name: string, from: readonly number[], to: readonly number[]): string {
    check(sizeOf(from) === sizeOf(to), `[${from}] has not as many elements as [${to}]`);
    return from.length === to.length && from.every((d, i) => d === to[i]) ? name : this.write.reshape(name, to);
  }

  /** Maps seen under another shape, in which the channels still fill whole blocks: [N,C,H,W] as [1,N·C,H,W], for example. */
  viewMaps({ name, shape }: Maps, to: Maps["shape"]): Maps {
    return { name: this.view(name, shape, to), shape: to };
  }

  /**
   * Convolution of blocked maps with a weight in the layout `filters`, `depthwise`, or, if x is plain and has fewer channels
   * than a block, `stem`. `weightShape` is [O, C/group, kh, kw].
   */
  conv(
    x: Maps,
    weight: string,
    weightShape: readonly [number, number, number, number],
    { strides = [1, 1], dilations = [1, 1], pads = [0, 0, 0, 0], group = 1 }: Geometry & { readonly group?: number },
    { bias, sum, activation }: Epilogue = {},
  ): Maps {
    const [n, channels, height, width] = x.shape;
    const [filters, perGroup, kh, kw] = weightShape;
    const whole = (count: number) => count % this.block === 0;
    const depthwise = group > 1 && group === channels && group === filters;
    check(whole(filters), `${filters} filters do not fill blocks of ${this.block}`);
    check(perGroup * group === channels, `${channels} channels, the weight expects ${perGroup * group}`);
    check(whole(channels) || (group === 1 && channels < this.block), `${channels} channels do not fill blocks`);
    check(
      group === 1 || depthwise || (whole(perGroup) && whole(filters / group)),
      `${group} groups of ${perGroup} channels and ${filters / group} filters do not fill blocks`,
    );
    check(
      pads.every((p) => p >= 0),
      `negative padding [${pads}]`,
    );
    const oh = windowCount(height, kh, strides[0], pads[0] + pads[2], dilations[0]);
    const ow = windowCount(width, kw, strides[1], pads[1] + pads[3], dilations[1]);
    check(oh > 0 && ow > 0, `a kernel of ${kh}×${kw} does not fit maps of ${height}×${width}`);
    const attributes: Record<string, OnnxAttribute> = { kernel_shape: [kh, kw], strides, dilations, pads, group };
    if (typeof activation === "string") attributes.activation = activation;
    else if (activation) {
      attributes.activation = "HardSigmoid";
      attributes.activation_params = { floats: activation.hardSigmoid };
    }
    const inputs =
      sum !== undefined
        ? [x.name, weight, bias ?? "", sum]
        : bias !== undefined
          ? [x.name, weight, bias]
          : [x.name, weight];
    return { name: this.write.emit("Conv", inputs, attributes, blockedDomain), shape: [n, filters, oh, ow] };
  }

  /** activation(factor · x + bias + sum) with a factor for each channel, [C]: a depthwise 1×1 convolution. */
  affine(x: Maps, factor: string, epilogue: Epilogue = {}, pads?: Geometry["pads"]): Maps {
    const [, channels] = x.shape;
    // The operator would put the bias into the border.
    check(!pads || (epilogue.bias === undefined && !epilogue.activation), "padding and a bias in one");
    return this.conv(x, factor, [channels, 1, 1, 1], { group: channels, ...(pads ? { pads } : {}) }, epilogue);
  }

  /** The factor 1 for each channel, in the shape that `affine` expects. */
  ones(channels: number): string {
    return this.filled(1, [channels, 1, 1, 1]);
  }

  /** A constant array of one repeated number, shared by all that ask for it. */
  filled(value: number, shape: readonly number[]): string {
    const key = `fill_${value}_${shape.join("_")}`;
    return this.write.once(key, () => tensor("float32", shape, new Float32Array(sizeOf(shape)).fill(value)));
  }

  /** Zeros around the maps. */
  pad(x: Maps, pads: readonly [number, number, number, number]): Maps {
    return pads.every((p) => p === 0) ? x : this.affine(x, this.ones(x.shape[1]), {}, pads);
  }

  /** For each image and channel Σ over positions of a · b: [N·C]. */
  dot(a: Maps, b: Maps): string {
    const [n, channels, height, width] = a.shape;
    check(sizeOf(a.shape) === sizeOf(b.shape), `[${a.shape}] and [${b.shape}] differ`);
    const count = stripsIn(height, width);
    const [maps, rows] = [n * channels * count, height / count];
    const images = this.viewMaps(a, [1, maps, rows, width]);
    const kernels = this.view(b.name, b.shape, [maps, 1, rows, width]);
    const sums = this.conv(images, kernels, [maps, 1, rows, width], { group: maps });
    return this.#overStrips("ReduceSum", sums.name, n * channels, count);
  }

  /** The mean of every map: [N·C]. */
  means(x: Maps): string {
    const [n, channels, height, width] = x.shape;
    const count = stripsIn(height, width);
    const strips = this.viewMaps(x, [n, channels * count, height / count, width]);
    return this.#overStrips("ReduceMean", this.globalPool("GlobalAveragePool", strips), n * channels, count);
  }

  /** The strips of a map follow each other in memory as the blocks of channels do. */
  #overStrips(kind: "ReduceSum" | "ReduceMean", name: string, maps: number, count: number): string {
    if (count === 1) return name;
    const strips = this.write.reshape(name, [maps / this.block, count, this.block]);
    return this.write.reduce(kind, strips, [1], false);
  }

  /** Mean or largest element of every map: [N,C,1,1], which lies in memory as the plain array does. */
  globalPool(kind: "GlobalAveragePool" | "GlobalMaxPool", x: Maps): string {
    check(x.shape[1] % this.block === 0, `${x.shape[1]} channels do not fill blocks of ${this.block}`);
    return this.write.emit(kind, [x.name], {}, blockedDomain);
  }

  /** Pooling over windows; what fills up a block is pooled along, and stays zero. */
  pool(
    kind: "MaxPool" | "AveragePool",
    x: Maps,
    kernel: Pair,
    { strides = [1, 1], pads = [0, 0, 0, 0] }: Geometry,
    countPadding = false,
  ): Maps {
    const [n, channels, height, width] = x.shape;
    check(channels % this.block === 0, `${channels} channels do not fill blocks of ${this.block}`);
    const oh = windowCount(height, kernel[0], strides[0], pads[0] + pads[2]);
    const ow = windowCount(width, kernel[1], strides[1], pads[1] + pads[3]);
    const attributes = {
      kernel_shape: kernel,
      strides,
      pads,
      ...(kind === "AveragePool" ? { count_include_pad: Number(countPadding) } : {}),
    };
    return { name: this.write.emit(kind, [x.name], attributes, blockedDomain), shape: [n, channels, oh, ow] };
  }

  /** Plain [N,C,H,W] into blocks; channels that are missing in the last block become zeros. */
  reorderInput(name: string, shape: Maps["shape"]): Maps {
    const [n, channels, height, width] = shape;
    check(channels % 4 === 0, `${channels} channels are not a multiple of 4`);
    const filled = roundUp(channels, this.block);
    return { name: this.write.emit("ReorderInput", [name], {}, blockedDomain), shape: [n, filled, height, width] };
  }

  /** Blocked maps into the plain array of their first `channels`. */
  reorderOutput({ name, shape }: Maps, channels: number): string {
    check(channels <= shape[1] && channels > shape[1] - this.block, `${channels} of ${shape[1]} channels`);
    return this.write.emit("ReorderOutput", [name], { channels }, blockedDomain);
  }

  /** Transposes every row of b·b numbers, seen as a b×b matrix: ReorderInput of [rows, b, 1×b]. */
  transposeBlocks(name: string, rows: number): string {
    return this.reorderInput(this.write.reshape(name, [rows, this.block, 1, this.block]), [
      rows,
      this.block,
      1,
      this.block,
    ]).name;
  }

  /** The rows of an array seen as [rows, length], in the given order. */
  gatherRows(name: string, length: number, order: readonly number[], memo: string): string {
    const indices = this.write.once(`rows_${memo}`, () =>
      tensor("int64", [order.length], BigInt64Array.from(order, BigInt)),
    );
    return this.write.emit("Gather", [this.write.reshape(name, [-1, length]), indices], { axis: 0 });
  }
}

/** Positions whose sum is taken in one go, at most, if a row is not longer. */
const positionsInStrip = 128;

/**
 * In how many strips of rows the sum over a map is taken. These operators add one position after the other, so that sums over large maps lose
 * digits, most of all where many elements are equal, as after a ReLU.
 */
function stripsIn(height: number, width: number): number {
  const counts = Array.from({ length: height }, (_, i) => i + 1).filter((count) => height % count === 0);
  return counts.find((count) => (height / count) * width <= positionsInStrip) ?? height;
}

function check(holds: boolean, text: string): asserts holds {
  if (!holds) throw new Error(`blocked operator: ${text}`);
}

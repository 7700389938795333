import { grid } from "../../../core/shape.js";
import { sizeOf } from "../../../core/tensor.js";
import {
  type LoweredValue,
  type Operation,
  operatorKey,
  type TypeRule,
  type TypeRules,
} from "../../../formats/onnx/ir.js";
import type { OnnxAttribute } from "../../../formats/onnx/proto.js";
import type { OnnxWriter } from "../../../formats/onnx/writer.js";
import { windowCount } from "../../../ops/conv.js";
import { asMaps, type Maps } from "../maps.js";
import { ortTypes } from "../rules/operators.js";
import { divisorsOf } from "../rules/sums.js";
import { roundUp } from "./layout.js";

type Pair = readonly [number, number];
export type Pads = readonly [top: number, left: number, bottom: number, right: number];

/** Geometry of a blocked convolution or pooling. Defaults: stride and dilation 1, no padding. */
export interface Geometry {
  readonly strides?: Pair;
  readonly dilations?: Pair;
  readonly pads?: Pads;
}

/**
 * What is fused into a blocked convolution: y = activation(conv(x) + bias + sum). `bias` is a vector over whole blocks, `sum` an NCHWc
 * array of y's shape; `hardSigmoid` holds slope and offset of min(1, max(0, slope · v + offset)).
 */
export interface Epilogue {
  readonly bias?: LoweredValue | undefined;
  readonly sum?: LoweredValue | undefined;
  readonly activation?: "Relu" | { readonly hardSigmoid: Pair } | undefined;
}

/** The operator domain of ONNX Runtime's blocked operators. */
export const blockedDomain = "com.microsoft.nchwc";

/**
 * Emits ONNX Runtime's blocked operators. They check next to nothing: a wrong channel count crashes the process or silently gives
 * wrong numbers. So all preconditions are checked here, and nothing else emits these operators. A failed check is a bug in the
 * calling rule, and throws a plain Error.
 */
export class BlockedWriter {
  constructor(
    readonly write: OnnxWriter,
    /** Channels in a block: 16 with AVX-512, 8 with AVX2. */
    readonly block: number,
  ) {}

  /** The same memory under another shape: [N,C,H,W] as [1,N·C,H,W], for example. */
  view<const S extends readonly number[]>(array: LoweredValue, to: S): LoweredValue & { readonly shape: S } {
    const isSame = String(array.shape) === String(to);
    return isSame ? (array as LoweredValue & { readonly shape: S }) : this.write.reshape(array, to);
  }

  /**
   * Convolution of x in NCHWc with a weight in OIHWBiBo, or OIHWBo if depthwise; or of a plain x with fewer channels than a block, with
   * a weight in OIHWBo.
   */
  conv(
    x: Maps,
    weight: LoweredValue,
    { strides = [1, 1], dilations = [1, 1], pads = [0, 0, 0, 0], group = 1 }: Geometry & { readonly group?: number },
    { bias, sum, activation }: Epilogue = {},
  ): Maps {
    const [, channels, height, width] = x.shape;
    const [filters, perGroup, kh, kw] = asMaps(weight).shape;
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
    const count = (axis: 0 | 1, size: number, length: number) =>
      windowCount(size, length, strides[axis], pads[axis] + pads[axis + 2]!, dilations[axis]);
    check(count(0, height, kh) > 0 && count(1, width, kw) > 0, `a ${kh}×${kw} kernel does not fit ${height}×${width}`);
    const attributes: Record<string, OnnxAttribute> = { kernel_shape: [kh, kw], strides, dilations, pads, group };
    if (typeof activation === "string") attributes.activation = activation;
    else if (activation) {
      attributes.activation = "HardSigmoid";
      attributes.activation_params = { floats: activation.hardSigmoid };
    }
    const inputs = sum !== undefined ? [x, weight, bias, sum] : bias !== undefined ? [x, weight, bias] : [x, weight];
    return asMaps(this.write.emit("Conv", inputs, attributes, blockedDomain));
  }

  /** activation(factor · x + bias + sum) with a factor per channel, [C]: a depthwise 1×1 convolution. */
  affine(x: Maps, factor: LoweredValue, epilogue: Epilogue = {}): Maps {
    const [, channels] = x.shape;
    return this.conv(x, this.view(factor, [channels, 1, 1, 1]), { group: channels }, epilogue);
  }

  /** A factor of 1 per channel, for `affine`. */
  ones(channels: number): LoweredValue {
    return this.write.filled(1, [channels, 1, 1, 1]);
  }

  /** Zero padding, emitted once. */
  pad(x: Maps, pads: Pads): Maps {
    if (pads.every((p) => p === 0)) return x;
    const group = x.shape[1];
    return this.write.memo(`pad ${x.name} ${pads}`, () => this.conv(x, this.ones(group), { pads, group }));
  }

  /** Σ over positions of a · b, per image and channel: [N·C]. */
  dot(a: Maps, b: Maps): LoweredValue {
    const [n, channels, height, width] = a.shape;
    check(sizeOf(a.shape) === sizeOf(b.shape), `[${a.shape}] and [${b.shape}] differ`);
    const count = stripsIn(height, width);
    const [strips, rows] = [n * channels * count, height / count];
    const images = this.view(a, [1, strips, rows, width]);
    const sums = this.conv(images, this.view(b, [strips, 1, rows, width]), { group: strips });
    return this.#overStrips("ReduceSum", sums, n * channels, count);
  }

  /** The mean over positions, per image and channel: [N·C]. */
  means(x: Maps): LoweredValue {
    const [n, channels, height, width] = x.shape;
    const count = stripsIn(height, width);
    const strips = this.view(x, [n, channels * count, height / count, width]);
    return this.#overStrips("ReduceMean", this.globalPool("GlobalAveragePool", strips), n * channels, count);
  }

  /** In memory, the strips of a map follow each other as blocks of channels do. */
  #overStrips(kind: "ReduceSum" | "ReduceMean", sums: LoweredValue, maps: number, count: number): LoweredValue {
    if (count === 1) return sums;
    const strips = this.write.reshape(sums, [maps / this.block, count, this.block]);
    return this.write.reduce(kind, strips, [1], false);
  }

  /** Mean or maximum over positions: [N,C,1,1], the same in NCHWc and plain. */
  globalPool(kind: "GlobalAveragePool" | "GlobalMaxPool", x: Maps): LoweredValue {
    check(x.shape[1] % this.block === 0, `${x.shape[1]} channels do not fill blocks of ${this.block}`);
    return this.write.emit(kind, [x], {}, blockedDomain);
  }

  /** Pooling. Padded channels stay zero. */
  pool(
    kind: "MaxPool" | "AveragePool",
    x: Maps,
    kernel: Pair,
    { strides = [1, 1], pads = [0, 0, 0, 0] }: Geometry,
    countPadding = false,
  ): Maps {
    const [, channels] = x.shape;
    check(channels % this.block === 0, `${channels} channels do not fill blocks of ${this.block}`);
    const attributes = {
      kernel_shape: kernel,
      strides,
      pads,
      ...(kind === "AveragePool" ? { count_include_pad: Number(countPadding) } : {}),
    };
    return asMaps(this.write.emit(kind, [x], attributes, blockedDomain));
  }

  /** Plain [N,C,H,W] → NCHWc, the last block padded with zeros. */
  reorderInput(plain: LoweredValue): Maps {
    const [, channels] = asMaps(plain).shape;
    check(channels % 4 === 0, `${channels} channels are not a multiple of 4`);
    return asMaps(this.write.emit("ReorderInput", [plain], {}, blockedDomain));
  }

  /** NCHWc → the plain array of the first `channels`. */
  reorderOutput(maps: Maps, channels: number): LoweredValue {
    const { shape } = maps;
    check(channels <= shape[1] && channels > shape[1] - this.block, `${channels} of ${shape[1]} channels`);
    return this.write.emit("ReorderOutput", [maps], { channels }, blockedDomain);
  }

  /** Transposes every row of b·b numbers as a b×b matrix: ReorderInput of [rows, b, 1×b]. */
  transposeBlocks(array: LoweredValue, rows: number): LoweredValue {
    return this.reorderInput(this.write.reshape(array, [rows, this.block, 1, this.block]));
  }

  /** The rows of an array, reshaped to [rows, length]: those that `at` gives for each index of a grid. */
  gatherRows(
    array: LoweredValue,
    length: number,
    sizes: readonly number[],
    at: (...index: number[]) => number,
  ): LoweredValue {
    const rows = this.write.reshape(array, [-1, length]);
    return this.write.emit("Gather", [rows, this.write.ints(grid(sizes, at))], { axis: 0 });
  }
}

/** The most positions summed in one step, unless a row is longer. */
const positionsInStrip = 128;

/**
 * The number of strips of rows in which a map is summed. These operators add one position after another, so sums over large maps lose
 * digits, especially where many elements are equal, as after a ReLU.
 */
function stripsIn(height: number, width: number): number {
  return divisorsOf(height).find((count) => (height / count) * width <= positionsInStrip) ?? height;
}

/** Operators whose results have the same types in NCHWc as in standard ONNX. */
const alike = ["Conv", "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"];

/** Types of what blocked operators compute, and standard ones. */
export function blockedTypes(block: number): TypeRules {
  const reordered =
    (channels: (x: LoweredValue, attributes: Operation["attributes"]) => number): TypeRule =>
    ([x], attributes) => [{ dtype: "float32", shape: x!.shape!.with(1, channels(x!, attributes)) }];
  const blocked = (type: string) => operatorKey({ type, domain: blockedDomain });
  return new Map([
    ...ortTypes,
    ...alike.map((type) => [blocked(type), ortTypes.get(type)!] as const),
    [blocked("ReorderInput"), reordered((x) => roundUp(Number(x.shape![1]), block))],
    [blocked("ReorderOutput"), reordered((_x, attributes) => attributes.channels as number)],
  ]);
}

function check(holds: boolean, text: string): asserts holds {
  if (!holds) throw new Error(`blocked operator: ${text}`);
}

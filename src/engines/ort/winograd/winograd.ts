import type { LoweredValue } from "../../../formats/onnx/ir.js";
import type { OnnxWriter } from "../../../formats/onnx/writer.js";
import type { ConvLayer } from "../conv-layer.js";
import type { Maps } from "../maps.js";
import { chooseTile, type WinogradTile, type WinogradTuning } from "../tuning.js";
import { alongAxis, overKernel, type Points } from "./transforms.js";

/**
 * Winograd's F(m×m,3×3), for every layout: a tile of p×p pixels, p = m + 2, is transformed to p² points per channel, each multiplied by its
 * own matrix [C,O], and the p² sums per filter are transformed back to m×m outputs: y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A. That takes 4/9 of the
 * multiplications for m = 2 and 1/4 for m = 4. The former rounds like the convolution itself, the latter about five times more.
 *
 * With positions before images and channels, each transform is a product with one matrix along the rows and one along the columns,
 * covering all tiles, their overlap and the border. The gradients do the same with dy, and once more with x.
 */
export class Winograd {
  readonly #points: number;
  readonly #filtersFirst: boolean;

  constructor(
    private readonly tile: WinogradTile,
    readonly layout: WinogradLayout,
  ) {
    this.#points = tile + 2;
    this.#filtersFirst = layout.weights === "OIHW";
  }

  /** x [n,C,H,W], w → y [n,O,H,W] */
  output(x: Maps, w: LoweredValue, layer: ConvLayer): Maps {
    const { n, filters, oh, ow } = layer;
    const sums = this.#product(this.#tiles(x), this.#weight(w, layer, false), { transB: this.#filtersFirst });
    return this.#fromTiles(sums, [n, filters, oh, ow]);
  }

  /** dy, w → dx */
  inputGradient(dy: Maps, w: LoweredValue, layer: ConvLayer): Maps {
    const { n, channels, height, width } = layer;
    const sums = this.#product(this.#tiles(dy), this.#weight(w, layer, true), { transB: !this.#filtersFirst });
    return this.#fromTiles(sums, [n, channels, height, width]);
  }

  /** x, dy → dw: HWIO as [9, C·O], OIHW as [O·C, 9] */
  weightGradient(x: Maps, dy: Maps, { channels, filters }: ConvLayer): LoweredValue {
    const [ofX, ofDy] = [this.#sums(x, "input"), this.#sums(dy, "gradient")];
    const [left, right] = this.#filtersFirst ? [ofDy, ofX] : [ofX, ofDy];
    const products = this.#product(left, right, { transA: true });
    const flat = this.layout.view(products, [this.#points ** 2, channels * filters]);
    const matrix = overKernel(this.tile, false, this.layout.write);
    const [first, second] = this.#filtersFirst ? [flat, matrix] : [matrix, flat];
    return this.#product(first, second, { transA: true });
  }

  /** Maps transformed for the product with the weight: [p, tiles, p, tiles·N, C]. */
  #tiles(x: Maps): LoweredValue {
    return this.layout.once(`winograd ${this.tile} ${x.name}`, () => {
      const [n, channels, height, width] = x.shape;
      const [down, across] = [this.#count(height), this.#count(width)];
      const both = this.#product(this.#along("input", width), this.#rows(x, "input"));
      return this.layout.view(both, [this.#points, down, this.#points, across * n, channels]);
    });
  }

  /** Maps transformed for the weight gradient, whose product sums over all tiles: [p, p, tiles·tiles·N, C]. */
  #sums(x: Maps, as: Points): LoweredValue {
    const [n, channels, height, width] = x.shape;
    const [down, across] = [this.#count(height), this.#count(width)];
    const columns = this.layout.write.reshape(this.#along(as, width), [this.#points, 1, across, width]);
    const rows = this.layout.view(this.#rows(x, as), [this.#points, 1, down, width, n * channels]);
    return this.layout.view(this.#product(columns, rows), [this.#points, this.#points, down * across * n, channels]);
  }

  /** Maps transformed along the columns: [p·tiles, W, N·C]. */
  #rows(x: Maps, as: Points): LoweredValue {
    const [n, channels, height, width] = x.shape;
    const flat = this.layout.view(this.layout.positionsFirst(x), [height, width * n * channels]);
    const rows = this.#product(this.#along(as, height), flat);
    return this.layout.view(rows, [this.#points * this.#count(height), width, n * channels]);
  }

  /** The sums [p, tiles, p, tiles·N, C], transformed back. */
  #fromTiles(sums: LoweredValue, shape: Maps["shape"]): Maps {
    const [n, channels, height, width] = shape;
    const { view } = this.layout;
    const [down, across] = [this.#points * this.#count(height), this.#points * this.#count(width)];
    const back = (size: number, array: LoweredValue) =>
      this.#product(this.#along("gradient", size), array, { transA: true });
    const columns = back(width, view(sums, [down, across, n * channels]));
    return this.layout.mapsOf(back(height, view(columns, [down, width * n * channels])), shape);
  }

  /** A weight, flipped for the input gradient, transformed: [p, 1, p, C, O], or O before C. */
  #weight(w: LoweredValue, { channels, filters }: ConvLayer, flipped: boolean): LoweredValue {
    const [size, points] = [channels * filters, this.#points];
    const kernel = this.layout.view(w, this.#filtersFirst ? [size, 9] : [9, size]);
    const matrix = overKernel(this.tile, flipped, this.layout.write);
    const all = this.#product(matrix, kernel, { transB: this.#filtersFirst });
    const axes = this.#filtersFirst ? [filters, channels] : [channels, filters];
    return this.layout.view(all, [points, 1, points, ...axes]);
  }

  #product(a: LoweredValue, b: LoweredValue, transposed?: Transposed): LoweredValue {
    return product(a, b, this.layout.write, transposed);
  }

  #along(as: Points, size: number): LoweredValue {
    return alongAxis(this.tile, as, size, this.layout.write);
  }

  #count(size: number): number {
    return Math.ceil(size / this.tile);
  }
}

interface Transposed {
  readonly transA?: boolean;
  readonly transB?: boolean;
}

/** A batched product of matrices, the last two axes. */
export function product(
  a: LoweredValue,
  b: LoweredValue,
  write: OnnxWriter,
  { transA = false, transB = false }: Transposed = {},
): LoweredValue {
  if (!transA && !transB) return write.emit("MatMul", [a, b]);
  const attributes = { ...(transA ? { transA: 1 } : {}), ...(transB ? { transB: 1 } : {}) };
  return write.emit("FusedMatMul", [a, b], attributes, "com.microsoft");
}

/** How a build stores arrays. */
export interface WinogradLayout {
  readonly write: OnnxWriter;
  readonly weights: "HWIO" | "OIHW";
  /** [H·W, N·C] */
  positionsFirst(x: Maps): LoweredValue;
  /** The inverse. */
  mapsOf(positions: LoweredValue, shape: Maps["shape"]): Maps;
  /** A reshape within the algorithm. */
  view(array: LoweredValue, shape: readonly number[]): LoweredValue;
  /** Emits an array once per key. */
  once(key: string, emit: () => LoweredValue): LoweredValue;
}

/**
 * How a build decides which layers the algorithm computes: by sizes that were measured, or where it needs at most this share of the direct
 * convolution's multiplications, transforms included.
 */
export type WinogradPolicy = WinogradTuning | { readonly share: number };

/** The tile for a layer; undefined if it is computed directly. The algorithm is for dense 3×3, stride 1, "same" padding. */
export function winogradTile(layer: ConvLayer, policy: WinogradPolicy): WinogradTile | undefined {
  const { n, channels, filters, height, width, kernel, strides, dilations, pads, group } = layer;
  const all = (numbers: readonly number[], value: number) => numbers.every((v) => v === value);
  if (!all(kernel, 3) || !all([...strides, ...dilations, ...pads, group], 1) || height * width === 1) return undefined;
  if ("share" in policy) return shareOf(layer, 2) <= policy.share ? 2 : undefined;
  return chooseTile(policy, { images: n, channels: Math.min(channels, filters), height, width });
}

/** The multiplications of a layer by tiles of m×m, of those of the direct convolution. */
function shareOf({ n, channels, filters, height, width }: ConvLayer, m: WinogradTile): number {
  const points = m + 2;
  const [down, across] = [points * Math.ceil(height / m), points * Math.ceil(width / m)];
  const products = (down * across * n + points ** 2 * 9) * channels * filters;
  const toAndBack = (down * height * width + down * across * width) * n * (channels + filters);
  return (products + toAndBack) / (9 * height * width * n * channels * filters);
}

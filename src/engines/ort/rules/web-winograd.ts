import type { LoweredValue } from "../../../formats/onnx/ir.js";
import type { OnnxWriter, Rule, Rules } from "../../../formats/onnx/writer.js";
import type { Node } from "../../../graph/graph.js";
import { type ConvLayer, isWinogradLayer, layerShape } from "../blocked/conv-layer.js";
import { alongAxis, overKernel, type WinogradPoints } from "../winograd.js";

/**
 * 3×3 convolutions by Winograd's F(2×2,3×3), which rounds like the convolution itself. Each tile of 4×4 pixels has 4×4 points; at each
 * point, the tiles of all images are multiplied by the weights, [tiles·N, C]·[C, O]. The transforms are products with a constant matrix
 * along each axis, covering the tiles, their overlap and the border. Points are stored as [4, tiles down, 4, tiles across · N, C], so
 * that nothing is copied between these products.
 */
const tile = 2;
const points = 4;
const tilesIn = (size: number) => Math.ceil(size / tile);

type Sizes = readonly [n: number, channels: number, height: number, width: number];

const product = (a: LoweredValue, b: LoweredValue, attributes: { transA?: 1; transB?: 1 }, write: OnnxWriter) =>
  write.emit("FusedMatMul", [a, b], attributes, "com.microsoft");

/** [N,C,H,W] transformed along the columns: [4 · tiles down, W · N · C]. */
function pointsDown(
  x: LoweredValue,
  [n, channels, height, width]: Sizes,
  as: WinogradPoints,
  write: OnnxWriter,
): LoweredValue {
  const positions = write.transpose(write.reshape(x, [n * channels, height * width]), [1, 0]);
  return write.emit("MatMul", [
    alongAxis(tile, as, height, write),
    write.reshape(positions, [height, width * n * channels]),
  ]);
}

/** [N,C,H,W] → [4, tiles down, 4, tiles across · N, C]. */
function toPoints(x: LoweredValue, sizes: Sizes, as: WinogradPoints, write: OnnxWriter): LoweredValue {
  const [n, channels, height, width] = sizes;
  const [down, across] = [tilesIn(height), tilesIn(width)];
  const rows = write.reshape(pointsDown(x, sizes, as, write), [points * down, width, n * channels]);
  const all = write.emit("MatMul", [alongAxis(tile, as, width, write), rows]);
  return write.reshape(all, [points, down, points, across * n, channels]);
}

/** [N,C,H,W] → [16, tiles · N, C], for a sum over all tiles: the product along rows is broadcast over the points down. */
function toSums(x: LoweredValue, sizes: Sizes, as: WinogradPoints, write: OnnxWriter): LoweredValue {
  const [n, channels, height, width] = sizes;
  const [down, across] = [tilesIn(height), tilesIn(width)];
  const rows = write.reshape(pointsDown(x, sizes, as, write), [points, 1, down, width, n * channels]);
  const columns = write.reshape(alongAxis(tile, as, width, write), [points, 1, across, width]);
  return write.reshape(write.emit("MatMul", [columns, rows]), [points ** 2, down * across * n, channels]);
}

/** [4, tiles down, 4, tiles across · N, C] → [N,C,H,W]. */
function fromPoints(sums: LoweredValue, [n, channels, height, width]: Sizes, write: OnnxWriter): LoweredValue {
  const [down, across] = [tilesIn(height), tilesIn(width)];
  const all = write.reshape(sums, [points * down, points * across, n * channels]);
  const byRows = write.reshape(product(alongAxis(tile, "gradient", width, write), all, { transA: 1 }, write), [
    points * down,
    width * n * channels,
  ]);
  const rows = product(alongAxis(tile, "gradient", height, write), byRows, { transA: 1 }, write);
  const positions = write.reshape(rows, [height * width, n * channels]);
  return write.reshape(write.transpose(positions, [1, 0]), [n, channels, height, width]);
}

/** [O,C,3,3] → [4, 1, 4, O, C]. */
function weightPoints(
  w: LoweredValue,
  { filters, channels }: ConvLayer,
  flipped: boolean,
  write: OnnxWriter,
): LoweredValue {
  const flat = write.reshape(w, [filters * channels, 9]);
  return write.reshape(product(overKernel(tile, flipped, write), flat, { transB: 1 }, write), [
    points,
    1,
    points,
    filters,
    channels,
  ]);
}

/** The layer of a node, if the algorithm needs at most this share of the direct convolution's multiplications, transforms included. */
function winogradLayerOf(node: Node, share: number): ConvLayer | undefined {
  const layer = layerShape(node);
  if (!layer || !isWinogradLayer(layer)) return undefined;
  const { n, channels, filters, height, width } = layer;
  const [down, across] = [points * tilesIn(height), points * tilesIn(width)];
  const products = (down * across * n + points ** 2 * 9) * channels * filters;
  const toAndBack = (down * height * width + down * across * width) * n * (channels + filters);
  return products + toAndBack <= share * 9 * height * width * n * channels * filters ? layer : undefined;
}

/**
 * `rules` with Winograd's algorithm for the output and both gradients of layers for which it needs at most `share` of the direct
 * convolution's multiplications. Measured with 64 to 512 channels, it was faster below 0.85.
 */
export function withWinograd(rules: Rules, share = 0.8): Rules {
  const orElse = (
    rule: (layer: ConvLayer, inputs: readonly LoweredValue[], write: OnnxWriter) => LoweredValue,
    name: string,
  ): Rule => {
    const otherwise = rules.get(name)!;
    return (node, inputs, write) => {
      const layer = winogradLayerOf(node, share);
      return layer ? [rule(layer, inputs, write)] : otherwise(node, inputs, write);
    };
  };
  const maps = ({ n, channels, height, width }: ConvLayer): Sizes => [n, channels, height, width];
  const results = ({ n, filters, oh, ow }: ConvLayer): Sizes => [n, filters, oh, ow];
  return new Map([
    ...rules,
    [
      "Conv",
      orElse((layer, [x, w, bias], write) => {
        const sums = product(
          toPoints(x!, maps(layer), "input", write),
          weightPoints(w!, layer, false, write),
          { transB: 1 },
          write,
        );
        const y = fromPoints(sums, results(layer), write);
        return bias ? write.emit("Add", [y, write.reshape(bias, [layer.filters, 1, 1])]) : y;
      }, "Conv"),
    ],
    [
      "ConvInputGrad",
      orElse((layer, [dy, w], write) => {
        const of = toPoints(dy!, results(layer), "input", write);
        return fromPoints(write.emit("MatMul", [of, weightPoints(w!, layer, true, write)]), maps(layer), write);
      }, "ConvInputGrad"),
    ],
    [
      "ConvWeightGrad",
      orElse((layer, [x, dy], write) => {
        const { filters, channels } = layer;
        const ofX = toSums(x!, maps(layer), "input", write);
        const ofDy = toSums(dy!, results(layer), "gradient", write);
        const products = product(ofDy, ofX, { transA: 1 }, write);
        const flat = write.reshape(products, [points ** 2, filters * channels]);
        return write.reshape(product(flat, overKernel(tile, false, write), { transA: 1 }, write), [
          filters,
          channels,
          3,
          3,
        ]);
      }, "ConvWeightGrad"),
    ],
  ]);
}

import type { OnnxWriter, Rule, Rules } from "../../../formats/onnx/writer.js";
import type { Node } from "../../../graph/graph.js";
import { type ConvLayer, isWinogradLayer, layerShape } from "../blocked/conv-layer.js";
import { fromPixel, fromPoint, fromTap, winogradMatrix } from "../winograd.js";

/**
 * 3×3 convolutions by Winograd's F(2×2,3×3), which rounds as the convolution itself does. With the T tiles of 4×4 pixels of all images,
 * each of the 16 points is one product [T·N, C]·[C, O]. Going to the points and back is one product each with a constant matrix over
 * all positions, which stands for the tiles, their overlap and the border.
 */
const tile = 2;
const points = 4;
const tilesIn = (size: number) => Math.ceil(size / tile);

type Sizes = readonly [n: number, channels: number, height: number, width: number];

/** [16·T, H·W], of points and tiles along both axes. */
function overPositions(
  key: string,
  [height, width]: readonly [number, number],
  along: typeof fromPixel,
  write: OnnxWriter,
): string {
  const [down, across] = [tilesIn(height), tilesIn(width)];
  const at = (row: number, position: number) => {
    const [point, i] = [Math.floor(row / (down * across)), row % (down * across)];
    const vertical = along(tile, Math.floor(point / points), Math.floor(i / across), Math.floor(position / width));
    return vertical * along(tile, point % points, i % across, position % width);
  };
  return winogradMatrix(`${key}_${height}_${width}`, [points ** 2 * down * across, height * width], at, write);
}

/** [16, 9], or for the input's gradient with the taps turned around. */
function overTaps(turned: boolean, write: OnnxWriter): string {
  const at = (point: number, tap: number) => fromTap(tile, point, turned ? 8 - tap : tap);
  return winogradMatrix(turned ? "turned" : "taps", [points ** 2, 9], at, write);
}

const product = (a: string, b: string, attributes: { transA?: 1; transB?: 1 }, write: OnnxWriter) =>
  write.emit("FusedMatMul", [a, b], attributes, "com.microsoft");

/** [N,C,H,W] → [16, T·N, C]. */
function toPoints(x: string, [n, channels, height, width]: Sizes, as: "input" | "gradient", write: OnnxWriter): string {
  const positions = write.transpose(write.reshape(x, [n * channels, height * width]), [1, 0]);
  const along = as === "input" ? fromPixel : fromPoint;
  const all = write.emit("MatMul", [overPositions(as, [height, width], along, write), positions]);
  return write.reshape(all, [points ** 2, tilesIn(height) * tilesIn(width) * n, channels]);
}

/** [16, T·N, C] → [N,C,H,W]. */
function fromPoints(sums: string, [n, channels, height, width]: Sizes, write: OnnxWriter): string {
  const flat = write.reshape(sums, [points ** 2 * tilesIn(height) * tilesIn(width), n * channels]);
  const back = overPositions("gradient", [height, width], fromPoint, write);
  const positions = product(back, flat, { transA: 1 }, write);
  return write.reshape(write.transpose(positions, [1, 0]), [n, channels, height, width]);
}

/** [O,C,3,3] → [16, O, C]. */
function weightPoints(w: string, { filters, channels }: ConvLayer, turned: boolean, write: OnnxWriter): string {
  const flat = write.reshape(w, [filters * channels, 9]);
  return write.reshape(product(overTaps(turned, write), flat, { transB: 1 }, write), [points ** 2, filters, channels]);
}

/** How many of the direct convolution's multiplications may be left: in trials with 32 to 512 channels it was faster below this. */
const worthwhile = 0.9;

/** The layer that a node belongs to, if it is faster so: going to the points and back is multiplying, too. */
function layerOf(node: Node): ConvLayer | undefined {
  const layer = layerShape(node);
  if (!layer || !isWinogradLayer(layer)) return undefined;
  const { n, channels, filters, height, width } = layer;
  const tiles = points ** 2 * tilesIn(height) * tilesIn(width) * n;
  const products = tiles * channels * filters + points ** 2 * 9 * channels * filters;
  const toAndBack = tiles * height * width * (channels + filters);
  return products + toAndBack < worthwhile * 9 * height * width * n * channels * filters ? layer : undefined;
}

/** `rules` where the layers that are faster by Winograd's algorithm go by it: the output and both gradients. */
export function withWinograd(rules: Rules): Rules {
  const orElse = (
    rule: (layer: ConvLayer, inputs: readonly string[], write: OnnxWriter) => string,
    name: string,
  ): Rule => {
    const otherwise = rules.get(name)!;
    return (node, inputs, write) => {
      const layer = layerOf(node);
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
        const ofX = toPoints(x!, maps(layer), "input", write);
        const products = product(toPoints(dy!, results(layer), "gradient", write), ofX, { transA: 1 }, write);
        const flat = write.reshape(products, [points ** 2, filters * channels]);
        return write.reshape(product(flat, overTaps(false, write), { transA: 1 }, write), [filters, channels, 3, 3]);
      }, "ConvWeightGrad"),
    ],
  ]);
}

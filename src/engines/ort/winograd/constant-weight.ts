import { computed, type Tensor, toFloat32 } from "../../../core/tensor.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import type { OnnxWriter } from "../../../formats/onnx/writer.js";
import type { BlockedLayer } from "../blocked/blocked-layer.js";
import { layoutOf, toLayout } from "../blocked/layout.js";
import type { LayoutTable } from "../blocked/layout-table.js";
import { asMaps, type Maps } from "../maps.js";
import type { WinogradTile } from "../tuning.js";
import { alongAxis, transformKernels } from "./transforms.js";
import { product, type WinogradLayout } from "./winograd.js";

/** A layer that uses the algorithm. */
export type WinogradLayer = BlockedLayer & { readonly tile: WinogradTile };

/**
 * y in NCHWc for a weight that never changes. It is transformed when the model is written, and the p² products are one 1×1 convolution with a group per
 * point: batched products would pack a matrix for every few tiles. (With 32 images, 256 channels on 8×8 maps take 0.92 of the time, 512 on 4×4 0.65.)
 * The price is an order in which channels come before tiles and images.
 */
export function outputOfConstant(
  x: Maps,
  weight: Tensor,
  { n, channels, filters, height, width, tile }: WinogradLayer,
  { view, once }: WinogradLayout,
  { write, nchwc, block }: LayoutTable,
): Maps {
  const points = tile + 2;
  const [down, across] = [Math.ceil(height / tile), Math.ceil(width / tile)];
  const [inBlocks, outBlocks] = [channels / block, filters / block];
  const toTiles = (size: number, count: number) =>
    write.reshape(alongAxis(tile, "input", size, write), [points, 1, count, size]);
  /** Rows of a block's channels in another order: 0.6 of the time of a Transpose. */
  const rowsOf = (array: LoweredValue, name: string, sizes: readonly number[], at: (...index: number[]) => number) =>
    write.emit("Gather", [array, write.table(`${name}_${tile}_${sizes.join("_")}`, "int32", sizes, at)], { axis: 0 });

  // [N, C/b, H·W, b] → [C/b, H·W, N, b] → [p, C/b, tiles, W, N, b] → [p, p, C/b, tiles, tiles, N, b]
  const area = height * width;
  const positions = once(`blocks first ${x.name}`, () => {
    const rows = view(x, [n * inBlocks * area, block]);
    return rowsOf(rows, "blocks_first", [inBlocks, area, n], (c, at, i) => (i * inBlocks + c) * area + at);
  });
  const columns = product(toTiles(height, down), view(positions, [inBlocks, height, width * n * block]), write);
  const both = product(toTiles(width, across), view(columns, [points, 1, inBlocks * down, width, n * block]), write);

  const [group, count] = [points ** 2, down * across * n];
  const maps = asMaps(view(both, [1, group * channels, 1, count]));
  const sums = nchwc.conv(maps, pointsOf(weight, tile, write, block), { group });

  // [p, p, O/b, tiles, tiles, N, b] → [p, m, …] → [m, m, …] → [N, O/b, H, W, b]
  const fromTiles = alongAxis(tile, "gradient", tile, write);
  const back = (array: LoweredValue, shape: readonly number[]) =>
    product(fromTiles, view(array, shape), write, { transA: true });
  const outputs = back(back(sums, [points, points, filters * count]), [points, tile * filters * count]);
  const rowAt = (i: number, o: number, y: number, x: number) => {
    const [within, of] = [(y % tile) * tile + (x % tile), Math.floor(y / tile) * across + Math.floor(x / tile)];
    return ((within * outBlocks + o) * down * across + of) * n + i;
  };
  const rows = view(outputs, [tile * tile * outBlocks * count, block]);
  return write.reshape(rowsOf(rows, "images_first", [n, outBlocks, height, width], rowAt), [n, filters, height, width]);
}

/** A weight [O,C,3,3] transformed, the kernels of a group per point: [p²·O,C,1,1] in OIHWBiBo. */
function pointsOf(weight: Tensor, tile: WinogradTile, write: OnnxWriter, block: number): LoweredValue {
  const layout = layoutOf("OIHWBiBo", weight.shape, block);
  const [filters, channels] = layout.shape;
  const transform = () => transformKernels(tile, toLayout(toFloat32(weight), layout).data, block ** 2);
  const kernels = write.constant(computed("float32", [(tile + 2) ** 2 * filters!, channels!, 1, 1], transform));
  kernels.layout = layout.kind;
  return kernels;
}

import { sizeOf } from "../../../../core/tensor.js";
import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Value } from "../../../../graph/graph.js";
import { convWeightGradOp, missingPads } from "../../../../ops/conv.js";
import { type ConvLayer, dyAsKernel, withoutSkipped } from "../../conv-layer.js";
import { asMaps, type Maps } from "../../maps.js";
import { channelsLast } from "../../rules/conv-gradients.js";
import { divisorsOf, overImages, sumOver } from "../../rules/sums.js";
import { type BlockedLayer, layerRule } from "../blocked-layer.js";
import { layoutOf, roundUp } from "../layout.js";
import type { LayoutTable } from "../layout-table.js";
import type { Pads } from "../writer.js";

/**
 * dw as one convolution with the images as channels and dy as the kernel. The lanes of x lie along the rows, so that every channel of every
 * kernel element is one output column. Left and right padding of x is emitted in advance; top and bottom are the convolution's own
 * padding, which it skips. (im2col and a matrix product reach a third to two thirds of the speed.)
 */
export const convWeightGrad = layerRule("convWeightGrad", convWeightGradOp, ({ inputs, outputs: [dw] }, layer) => {
  const [x, dy] = inputs;
  if (layer.kind === "winograd") return "the layer's weight is laid out for Winograd's algorithm";
  const grad = { stem: stemGrad, depthwise: depthwiseGrad, dense: denseGrad }[layer.kind];
  return (table) => {
    const layout = layoutOf(layer.layout, dw.shape, table.block);
    table.setPacked(dw, layout, table.write.reshape(grad(x, table.blocked(dy), layer, table), layout.shape));
  };
});

/** The padding that the windows need. Rows that no window reads are kept, and dropped from the result. */
export function padsOf(layer: ConvLayer): Pads {
  const [bottom, right] = missingPads(layer);
  return [layer.pads[0], layer.pads[1], Math.max(0, bottom), Math.max(0, right)];
}

/** Appends images of zeros, which add nothing. */
const fillImages = (x: Maps, images: number, { write }: LayoutTable): LoweredValue =>
  write.pad(x, [0, 0, 0, 0, images - x.shape[0], 0, 0, 0]);

/** How each map is cut into strips of rows. */
interface Strips {
  /** Strips per map. */
  readonly count: number;
  /** Images, padded so that there is a multiple of 4 strips, as ReorderInput requires. */
  readonly images: number;
  /** Rows of the input that a strip reads, and the step from strip to strip. */
  readonly rows: number;
  readonly step: number;
  /** Padding to emit in advance. Strips include that at the top and bottom. */
  readonly around: Pads;
  /** Padding left to the convolution. */
  readonly pads: Pads;
}

/** Elements of a kernel, a block of images by the filters computed at once, that fit in common caches of a core: 1 MiB. */
const cachedKernel = 2 ** 18;
/** Blocks of filters that ONNX Runtime computes at once. */
const filterBlocks = 4;

/**
 * The strips for a layer's gradient: with few images many lanes would be empty, so strips of rows of dy, with the rows of x that they
 * meet, become images of their own. The fewest strips whose waste of lanes is within a tenth of the least possible; on large maps
 * more of them, because dy, the kernel, is read for every few sums. (ResNet-20 on 64×64 and 96×96, ResNet-18 on 32×32: 0.94 of a step.)
 */
function stripsOf(layer: ConvLayer, block: number): Strips {
  const { n, oh, ow, kernel, strides, dilations, filters, group } = layer;
  const kernelOf = (count: number) => (oh / count) * ow * block * Math.min(filters / group, filterBlocks * block);
  const [stride] = strides;
  const counts = divisorsOf(oh);
  const images = (count: number) => ((n * count) % 4 === 0 ? n : roundUp(n, 4));
  const lanes = (count: number) => roundUp(images(count) * count, block) / count;
  const least = Math.min(...counts.map(lanes));
  const possible = counts.filter((c) => lanes(c) <= 1.1 * least);
  const count = possible.find((c) => kernelOf(c) <= cachedKernel) ?? possible.at(-1)!;
  const rows = (oh / count - 1) * stride + (kernel[0] - 1) * dilations[0] + 1;
  const [top, left, bottom, right] = padsOf(layer);
  const isCut = count > 1;
  return {
    count,
    images: images(count),
    rows,
    step: (oh / count) * stride,
    around: isCut ? [top, left, bottom, right] : [0, left, 0, right],
    pads: isCut ? [0, 0, 0, 0] : [top, 0, bottom, 0],
  };
}

/** The strips of each image as channels: [N, blocks, height, width] → [blocks, images·count, rows, width]. */
function stripsAsChannels(
  array: LoweredValue,
  [n, blocks, height, width]: Maps["shape"],
  { count, images, rows, step }: Strips,
  { nchwc, write }: LayoutTable,
): Maps {
  return write.memo(`strips ${array.name} ${count} ${rows} ${step}`, () => {
    // Any image may stand in for a missing one: its dy is zero.
    const rowOf = (c: number, image: number, strip: number, row: number) =>
      ((image % n) * blocks + c) * height + strip * step + row;
    const strips = nchwc.gatherRows(array, width, [blocks, images, count, rows], rowOf);
    return nchwc.reorderInput(write.reshape(strips, [blocks, images * count, rows, width]));
  });
}

/** The images as channels and the lanes along the rows: [N,C,H,W] → [C/b, N, H, W·b]. */
function imagesAsChannels(x: Maps, table: LayoutTable): Maps {
  const { nchwc, write, block } = table;
  return write.memo(`images ${x.name}`, () => {
    const [n, channels, height, width] = x.shape;
    const blocks = channels / block;
    const whole = fillImages(x, roundUp(n, 4), table);
    const reordered = nchwc.reorderInput(write.reshape(whole, [1, roundUp(n, 4), blocks * height, width * block]));
    const images = reordered.shape[1];
    const shape = [blocks, images, height, width * block] as const;
    if (blocks === 1 || images === block) return write.reshape(reordered, shape);
    const apart = write.reshape(reordered, [images / block, blocks, height * width * block * block]);
    return write.reshape(write.transpose(apart, [1, 0, 2]), shape);
  });
}

/**
 * dy as the kernel of that convolution: [N,O,oh,ow] → [parts·O, lanes/parts, oh/count, ow] in OIHWBiBo, where the strips of the images are the lanes, and
 * each part of them is a group. A block of filters stays together, so this only puts such rows in another order.
 */
function asKernel(dy: Maps, count: number, lanes: number, parts: number, table: LayoutTable): LoweredValue {
  const { write, block } = table;
  const [n, filters, oh, ow] = dy.shape;
  const [area, blocks, part] = [(oh / count) * ow, filters / block, lanes / parts];
  // A row's number is a sum of three. ONNX Runtime adds them up once, when it opens the model: the table of all would be far longer than the rest.
  const rows = write.memo(`kernel rows ${[n, count, lanes, parts, blocks, area]}`, () => {
    const first = (strip: number) => {
      const image = Math.min(Math.floor(strip / count), n);
      return (image * blocks * count + (image < n ? strip % count : 0)) * area;
    };
    const numbers = (name: string, shape: readonly number[], at: (...index: number[]) => number) =>
      write.table(`${name}_${[n, count, blocks, area, ...shape].join("_")}`, "int32", shape, at);
    const ofStrip = numbers("strips", [parts, 1, part / block, 1, block], (p, _o, images, _position, lane) =>
      first(p! * part + images! * block + lane!),
    );
    const ofBlock = numbers("blocks", [blocks, 1, 1, 1], (o) => o * count * area);
    const ofPosition = numbers("positions", [area, 1], (position) => position);
    return write.emit("Add", [ofStrip, write.emit("Add", [ofBlock, ofPosition])]);
  });
  return write.memo(`kernel ${dy.name} ${rows.name}`, () => {
    // One image of zeros stands in for all that fill the last block.
    const whole = fillImages(dy, lanes === n * count ? n : n + 1, table);
    const kernel = write.emit("Gather", [write.reshape(whole, [-1, block]), rows], { axis: 0 });
    return write.reshape(kernel, [parts * filters, part, oh / count, ow]);
  });
}

/** Pieces of work that common numbers of threads share with little left over. */
const enoughPieces = 12;

/**
 * Σ over the strips of images, [C/b,O,rows,columns], where a pixel is `width` columns. ONNX Runtime's threads share a convolution by image, by four
 * blocks of filters and by row. With few channels these are three pieces, a row of the kernel each, of which one of two threads gets two.
 * So the strips are summed in parts, groups of the convolution, and the parts are added.
 */
function sumOverStrips(images: Maps, dy: Maps, strips: Strips, layer: ConvLayer, width: number, table: LayoutTable) {
  const { nchwc, write, block } = table;
  const [blocks, lanes] = images.shape;
  const pieces = blocks * Math.ceil(dy.shape[1] / block / filterBlocks) * layer.kernel[0];
  const possible = divisorsOf(lanes / block);
  const parts = possible.find((count) => count * pieces >= enoughPieces) ?? possible.at(-1)!;
  const geometry = { ...dyAsKernel(layer, width), pads: strips.pads, group: parts };
  const sums = nchwc.conv(images, asKernel(dy, strips.count, lanes, parts, table), geometry);
  if (parts === 1) return sums;
  const [, filters, ...area] = sums.shape;
  const apart = write.reshape(sums, [blocks, parts, (filters / parts) * sizeOf(area)]);
  return asMaps(write.reshape(write.reduce("ReduceSum", apart, [1], false), [blocks, filters / parts, ...area]));
}

/** dw of a dense or grouped layer, in OIHWBiBo. */
function denseGrad(x: Value, dy: Maps, layer: BlockedLayer, table: LayoutTable): LoweredValue {
  const { nchwc, write, block } = table;
  const { group, kernel, strides } = layer;
  const all = table.blocked(x);
  const skip = () => write.memo(`skip ${all.name} ${strides}`, () => nchwc.pool("MaxPool", all, [1, 1], { strides }));
  const read = withoutSkipped(layer);
  const source = read === layer ? all : skip();
  const [n, channels] = source.shape;
  const strips = stripsOf(read, block);
  const padded = nchwc.pad(source, strips.around);
  const byLane = [n, channels / block, padded.shape[2], padded.shape[3] * block] as const;
  const images = strips.count === 1 ? imagesAsChannels(padded, table) : stripsAsChannels(padded, byLane, strips, table);
  const [inBlocks, outBlocks] = [channels / block / group, dy.shape[1] / block / group];
  if (group === 1) {
    const sums = sumOverStrips(images, dy, strips, read, block, table);
    return elementsInOrder(sums, [outBlocks, inBlocks], layer, table);
  }
  const kernels = asKernel(dy, strips.count, images.shape[1], 1, table);
  const geometry = { ...dyAsKernel(read, block), pads: strips.pads };
  const [, lanes, ...area] = asMaps(kernels).shape;
  const [, ...ofMaps] = images.shape;
  /** The part of an array that belongs to a group. */
  const ofGroup = (g: number, array: LoweredValue, blocks: number, rest: readonly number[]) =>
    write.slice(write.reshape(array, [group * blocks, ...rest]), [g * blocks], [(g + 1) * blocks], [0]);
  const perGroup = Array.from({ length: group }, (_, g) => {
    const maps = asMaps(ofGroup(g, images, inBlocks, ofMaps));
    const weight = ofGroup(g, kernels, outBlocks, [sizeOf(area) * lanes * block]);
    const sums = nchwc.conv(maps, write.reshape(weight, [outBlocks * block, lanes, ...area]), geometry);
    return elementsInOrder(sums, [outBlocks, inBlocks], layer, table);
  });
  const elements = inBlocks * outBlocks * kernel[0] * kernel[1] * block * block;
  const parts = perGroup.map((dw) => write.reshape(dw, [elements]));
  return write.concat(parts, 0);
}

/** Sums in the order of OIHWBiBo. In memory they are [C/b, O/b, rows, columns, b of C, b of O]. */
function elementsInOrder(
  sums: Maps,
  [outBlocks, inBlocks]: readonly [number, number],
  { kernel, dilations }: ConvLayer,
  { nchwc, block }: LayoutTable,
): LoweredValue {
  const [rows, columns] = [sums.shape[2], sums.shape[3] / block];
  const isWhole = rows === kernel[0] && columns === kernel[1];
  if (isWhole && (inBlocks === 1 || outBlocks === 1)) return sums;
  const blocks = [outBlocks, inBlocks];
  const size = block * block;
  if (isWhole) return nchwc.gatherRows(sums, size * rows * columns, blocks, (o, c) => c! * outBlocks + o!);
  const at = (o: number, c: number, ky: number, kx: number) =>
    ((c * outBlocks + o) * rows + ky) * columns + kx * dilations[1];
  return nchwc.gatherRows(sums, size, [...blocks, ...kernel], at);
}

/** dw for a plain input of few channels: the channels lie along the rows (NHWC), in place of a block's lanes. */
function stemGrad(x: Value, dy: Maps, layer: BlockedLayer, table: LayoutTable): LoweredValue {
  const { nchwc, write, block } = table;
  const { n, kernel, dilations, channels } = layer;
  const strips = stripsOf(layer, block);
  const fill = strips.count === 1 ? strips.images - n : 0;
  const padded = write.memo(`stem ${x.id} ${strips.around} ${fill}`, () =>
    channelsLast(table.plain(x), strips.around, fill, write),
  );
  const [top, left, bottom, right] = strips.around;
  const maps = [n, 1, layer.height + top + bottom, (layer.width + left + right) * channels] as const;
  const images =
    strips.count === 1
      ? write.memo(`images ${padded.name}`, () =>
          nchwc.reorderInput(write.reshape(padded, [1, strips.images, maps[2], maps[3]])),
        )
      : stripsAsChannels(padded, maps, strips, table);
  const sums = sumOverStrips(images, dy, strips, layer, channels, table);
  const [, , rows, width] = sums.shape;
  const columns = width / channels;
  const all = write.reshape(sums, [dy.shape[1] / block, rows, columns, channels, block]);
  const elements =
    rows === kernel[0] && columns === kernel[1]
      ? all
      : write.slice(all, [0, 0], [kernel[0], (kernel[1] - 1) * dilations[1] + 1], [1, 2], [1, dilations[1]]);
  return write.transpose(elements, [0, 3, 1, 2, 4]);
}

/** dw of a depthwise layer: each image and channel is a group, with its dy as the kernel; then the images are summed. */
function depthwiseGrad(x: Value, dy: Maps, layer: BlockedLayer, table: LayoutTable): LoweredValue {
  const { nchwc, write, block } = table;
  const { kernel, n, oh, ow } = layer;
  const [top, left, bottom, right] = padsOf(layer);
  const padded = nchwc.pad(table.blocked(x), [0, left, 0, right]);
  const [, channels, height, width] = padded.shape;
  const group = n * channels;
  const images = nchwc.view(padded, [1, group, height, width]);
  const geometry = { ...dyAsKernel(layer), pads: [top, 0, bottom, 0], group } as const;
  const sums = nchwc.conv(images, nchwc.view(dy, [group, 1, oh, ow]), geometry);
  const [, , rows, columns] = sums.shape;
  const sum = sumOver("ReduceSum", write.reshape(sums, [n, channels * rows * columns]), overImages, write);
  const blocks = write.reshape(sum, [channels / block, rows, columns, block]);
  return table.crop(blocks, [channels / block, ...kernel, block]);
}

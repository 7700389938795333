import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Value } from "../../../../graph/graph.js";
import { convWeightGradOp, missingPads } from "../../../../ops/conv.js";
import { type ConvLayer, dyAsKernel } from "../../conv-layer.js";
import { asMaps } from "../../maps.js";
import { sumOver } from "../../rules/sums.js";
import { type BlockedLayer, blockedLayerOf, noBlocks } from "../conv-layer.js";
import { layoutOf, roundUp } from "../layout.js";
import type { LayoutTable } from "../layout-table.js";
import { type BlockedRule, rule } from "../rule.js";
import type { BlockedTensor } from "../writer.js";

/**
 * dw as one convolution with the images as channels and dy as the kernel. The lanes of x lie along the rows, so that every channel of every
 * kernel element is one output column. Left and right padding of x is emitted in advance; top and bottom are the convolution's own
 * padding, which it skips. (im2col and a matrix product reach a third to two thirds of the speed.)
 */
const weightGrad = rule("convWeightGrad", [convWeightGradOp], (node, _attributes, layouts) => {
  const layer = blockedLayerOf(node, layouts);
  const [x, dy] = node.inputs;
  if (!layer) return noBlocks(node);
  if (!layouts.canBlock(dy) || (layer.kind !== "stem" && !layouts.canBlock(x))) return "an operand is plain";
  return (table) => {
    const result = node.outputs[0]!;
    const layout = layoutOf(layer.layout, result.shape as readonly number[], table.block);
    if (layer.kind === "winograd") throw new Error("the weight gradient of a Winograd layer is the winograd rule's");
    const grad = layer.kind === "stem" ? stemGrad : layer.kind === "depthwise" ? depthwiseGrad : denseGrad;
    table.setPacked(result, layout, table.write.reshape(grad(x, table.blocked(dy), layer, table), layout.shape));
  };
});

/** The padding that the windows need. Rows that no window reads are kept, and dropped from the result. */
export function padsOf(layer: ConvLayer): [number, number, number, number] {
  const [bottom, right] = missingPads(layer);
  return [layer.pads[0], layer.pads[1], Math.max(0, bottom), Math.max(0, right)];
}

/** Appends images of zeros, which add nothing. */
function fillImages(
  array: LoweredValue,
  [n, ...rest]: readonly number[],
  images: number,
  { write }: LayoutTable,
): LoweredValue {
  if (images === n) return array;
  return write.emit("Pad", [array, write.ints([...rest.map(() => 0), 0, images - n!, ...rest.map(() => 0)])]);
}

/** How each map is cut into strips of rows. */
interface Strips {
  /** Strips per map. */
  readonly count: number;
  /** Images, padded so that there is a multiple of 4 strips, as ReorderInput requires. */
  readonly images: number;
  /** Rows of the input that a strip reads, and the step from strip to strip. */
  readonly rows: number;
  readonly step: number;
  /** Padding to emit in advance: top, left, bottom, right. Strips include that at the top and bottom. */
  readonly around: readonly [number, number, number, number];
  /** Padding left to the convolution. */
  readonly pads: readonly [number, number, number, number];
}

/**
 * The strips for a layer's gradient: with few images many lanes would be empty, so strips of rows of dy, with the rows of x that they
 * meet, become images of their own. The fewest strips whose waste of lanes is within a tenth of the least possible.
 */
function stripsOf(layer: ConvLayer, block: number): Strips {
  const { n, oh, kernel, strides, dilations } = layer;
  const [stride] = strides;
  const counts = Array.from({ length: oh }, (_, i) => i + 1).filter((count) => oh % count === 0);
  const images = (count: number) => ((n * count) % 4 === 0 ? n : roundUp(n, 4));
  const lanes = (count: number) => roundUp(images(count) * count, block) / count;
  const least = Math.min(...counts.map(lanes));
  const count = counts.find((c) => lanes(c) <= 1.1 * least)!;
  const rows = (oh / count - 1) * stride + (kernel[0] - 1) * dilations[0] + 1;
  const [top, left, bottom, right] = padsOf(layer);
  const cut = count > 1;
  return {
    count,
    images: images(count),
    rows,
    step: (oh / count) * stride,
    around: [cut ? top : 0, left, cut ? bottom : 0, right],
    pads: [cut ? 0 : top, 0, cut ? 0 : bottom, 0],
  };
}

/** The strips of each image as channels: [N, blocks, height, width] → [blocks, images·count, rows, width]. */
function stripsAsChannels(
  array: LoweredValue,
  [n, blocks, height, width]: BlockedTensor["shape"],
  { count, images, rows, step }: Strips,
  table: LayoutTable,
): BlockedTensor {
  return table.memo(`strips ${array.name} ${count} ${rows} ${step}`, () => {
    const order: number[] = [];
    for (let c = 0; c < blocks; c++)
      for (let i = 0; i < images; i++)
        for (let strip = 0; strip < count; strip++)
          // Any image may stand in for a missing one: its dy is zero.
          for (let row = 0; row < rows; row++) order.push(((i % n) * blocks + c) * height + strip * step + row);
    const key = `strips_${n}_${blocks}_${height}_${count}_${rows}_${step}`;
    const strips = table.nchwc.gatherRows(array, width, order, key);
    return table.nchwc.reorderInput(table.write.reshape(strips, [blocks, images * count, rows, width]));
  });
}

/** The images as channels and the lanes along the rows: [N,C,H,W] → [C/b, N, H, W·b]. */
function imagesAsChannels(x: BlockedTensor, table: LayoutTable): BlockedTensor {
  return table.memo(`images ${x.name}`, () => {
    const { nchwc, write, block } = table;
    const [, channels, height, width] = x.shape;
    const blocks = channels / block;
    const n = roundUp(x.shape[0], 4);
    const whole = fillImages(x, x.shape, n, table);
    const reordered = nchwc.reorderInput(write.reshape(whole, [1, n, blocks * height, width * block]));
    const groups = reordered.shape[1] / block;
    const shape = [blocks, reordered.shape[1], height, width * block] as const;
    if (blocks === 1 || groups === 1) return asMaps(write.reshape(reordered, shape));
    const apart = write.reshape(reordered, [groups, blocks, height * width * block * block]);
    return asMaps(write.reshape(write.transpose(apart, [1, 0, 2]), shape));
  });
}

/** dy as the kernel of that convolution: [N,O,oh,ow] → [O, N·count, oh/count, ow] in OIHWBiBo, by strips. */
function asKernel(
  dy: BlockedTensor,
  { count, images: n }: Pick<Strips, "count" | "images">,
  table: LayoutTable,
): BlockedTensor {
  return table.memo(`kernel ${dy.name} ${count}`, () => {
    const { nchwc, write, block } = table;
    const [, filters, oh, ow] = dy.shape;
    const [area, blocks] = [(oh / count) * ow, filters / block];
    const whole = fillImages(dy, dy.shape, n, table);
    const order: number[] = [];
    for (let o = 0; o < blocks; o++)
      for (let i = 0; i < n; i++)
        for (let strip = 0; strip < count; strip++) order.push((i * blocks + o) * count + strip);
    const key = `kernel_${n}_${blocks}_${count}`;
    const byFilter = blocks === 1 ? whole : nchwc.gatherRows(whole, area * block, order, key);
    const reordered = nchwc.reorderInput(write.reshape(byFilter, [blocks, n * count, area, block]));
    const images = reordered.shape[1];
    const transposed = nchwc.transposeBlocks(reordered, (blocks * images * area) / block);
    return asMaps(write.reshape(transposed, [filters, images, oh / count, ow]));
  });
}

/** dw of a dense or grouped layer, in OIHWBiBo. */
function denseGrad(x: Value, dy: BlockedTensor, layer: BlockedLayer, table: LayoutTable): LoweredValue {
  const { nchwc, write, block } = table;
  const { group, kernel, strides, dilations } = layer;
  const source = table.blocked(x);
  // A strided 1×1 layer reads one pixel per stride: drop the others first.
  const skips = kernel[0] * kernel[1] === 1 && strides[0] * strides[1] > 1 && layer.pads.every((p) => p === 0);
  const steps = skips ? ([1, 1] as const) : strides;
  const strips = stripsOf(skips ? { ...layer, height: layer.oh, width: layer.ow, strides: [1, 1] } : layer, block);
  const read = skips
    ? table.memo(`skip ${source.name} ${strides}`, () => nchwc.pool("MaxPool", source, [1, 1], { strides }))
    : table.pad(source, strips.around);
  const [, lanes, rows, columns] = read.shape;
  const byLane = [layer.n, lanes / block, rows, columns * block] as const;
  const images = strips.count === 1 ? imagesAsChannels(read, table) : stripsAsChannels(read, byLane, strips, table);
  const kernels = asKernel(dy, strips, table);
  const [, n] = kernels.shape;
  const [inBlocks, outBlocks] = [read.shape[1] / block / group, dy.shape[1] / block / group];
  const [height, width] = images.shape.slice(2) as [number, number];
  const rowsOfDy = layer.oh / strips.count;

  const perGroup = Array.from({ length: group }, (_, g) => {
    const part = (from: LoweredValue, shape: readonly number[], count: number) =>
      group === 1
        ? from
        : write.emit("Slice", [
            write.reshape(from, [count * group, ...shape]),
            write.ints([g * count]),
            write.ints([(g + 1) * count]),
            write.ints([0]),
          ]);
    const maps = asMaps(part(images, [n, height, width], inBlocks));
    const filters = part(kernels, [rowsOfDy * layer.ow * n * block], outBlocks);
    const shape = [outBlocks * block, n, rowsOfDy, layer.ow] as const;
    const weight = group === 1 ? filters : write.reshape(filters, shape);
    const geometry = { ...dyAsKernel({ strides: steps, dilations }, block), pads: strips.pads };
    const sums = nchwc.conv(maps, weight, geometry);
    // In memory [C/b, O/b, rows, columns, b of C, b of O].
    const [rows, columns] = [sums.shape[2], sums.shape[3] / block];
    const order: number[] = [];
    const whole = rows === kernel[0] && columns === kernel[1];
    if (whole && (inBlocks === 1 || outBlocks === 1)) return sums;
    for (let o = 0; o < outBlocks; o++)
      for (let c = 0; c < inBlocks; c++) {
        if (whole) order.push(c * outBlocks + o);
        else
          for (let ky = 0; ky < kernel[0]; ky++)
            for (let kx = 0; kx < kernel[1]; kx++)
              order.push(((c * outBlocks + o) * rows + ky) * columns + kx * dilations[1]);
      }
    const key = `elements_${inBlocks}_${outBlocks}_${rows}_${columns}_${kernel.join("_")}_${dilations[1]}`;
    return nchwc.gatherRows(sums, block * block * (whole ? rows * columns : 1), order, key);
  });
  if (group === 1) return perGroup[0]!;
  const flat = [inBlocks * outBlocks * kernel[0] * kernel[1] * block * block];
  return write.emit(
    "Concat",
    perGroup.map((part) => write.reshape(part, flat)),
    { axis: 0 },
  );
}

/** dw for a plain input of few channels: the channels lie along the rows (NHWC), in place of a block's lanes. */
function stemGrad(x: Value, dy: BlockedTensor, layer: BlockedLayer, table: LayoutTable): LoweredValue {
  const { nchwc, write, block } = table;
  const { kernel, dilations, channels } = layer;
  const strips = stripsOf(layer, block);
  const [top, left, bottom, right] = strips.around;
  const rowsOfX = layer.height + top + bottom;
  const columnsOfX = (layer.width + left + right) * channels;
  const padded = table.memo(`stem ${x.id} ${strips.around} ${strips.count}`, () => {
    const plain = table.plain(x);
    const pixels =
      channels === 1
        ? write.reshape(plain, [layer.n, layer.height, layer.width, 1])
        : write.transpose(plain, [0, 2, 3, 1]);
    const fill = strips.count === 1 ? strips.images - layer.n : 0;
    const around = [0, top, left, 0, fill, bottom, right, 0];
    return around.some((p) => p > 0) ? write.emit("Pad", [pixels, write.ints(around)]) : pixels;
  });
  const whole = () => nchwc.reorderInput(write.reshape(padded, [1, strips.images, rowsOfX, columnsOfX]));
  const images =
    strips.count === 1
      ? table.memo(`images ${padded.name}`, whole)
      : stripsAsChannels(padded, [layer.n, 1, rowsOfX, columnsOfX], strips, table);
  const weight = asKernel(dy, strips, table);
  if (weight.shape[1] !== images.shape[1]) throw new Error("stem gradient: the numbers of images differ");
  const sums = nchwc.conv(images, weight, { ...dyAsKernel(layer, channels), pads: strips.pads });
  const outBlocks = dy.shape[1] / block;
  const [rows, columns] = [sums.shape[2], sums.shape[3] / channels];
  let unrolled = write.reshape(sums, [outBlocks, rows, columns, channels, block]);
  if (rows !== kernel[0] || columns !== kernel[1])
    unrolled = write.emit("Slice", [
      unrolled,
      write.ints([0, 0]),
      write.ints([kernel[0], (kernel[1] - 1) * dilations[1] + 1]),
      write.ints([1, 2]),
      write.ints([1, dilations[1]]),
    ]);
  return write.transpose(unrolled, [0, 3, 1, 2, 4]);
}

/** dw of a depthwise layer: each image and channel is a group, with its dy as the kernel; then the images are summed. */
function depthwiseGrad(x: Value, dy: BlockedTensor, layer: BlockedLayer, table: LayoutTable): LoweredValue {
  const { nchwc, write, block } = table;
  const { kernel, n, oh, ow } = layer;
  const [top, left, bottom, right] = padsOf(layer);
  const padded = table.pad(table.blocked(x), [0, left, 0, right]);
  const [, channels, height, width] = padded.shape;
  const images = nchwc.viewAs(padded, [1, n * channels, height, width]);
  const kernels = nchwc.view(dy, [n * channels, 1, oh, ow]);
  const sums = nchwc.conv(images, kernels, {
    ...dyAsKernel(layer),
    pads: [top, 0, bottom, 0],
    group: n * channels,
  });
  const [rows, columns] = sums.shape.slice(2) as [number, number];
  const perImage = [n, channels * rows * columns];
  const sum = sumOver("ReduceSum", write.reshape(sums, perImage), perImage, { axes: [0], keepdims: false }, write);
  const shape = [channels / block, rows, columns, block];
  return table.crop(write.reshape(sum, shape), [channels / block, kernel[0], kernel[1], block]);
}

/** Gradients of the weights of convolutions. */
export const convWeightGradRules: readonly BlockedRule[] = [weightGrad];

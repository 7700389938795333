import type { Value } from "../../../../graph/graph.js";
import { missingPads } from "../../../../ops/conv.js";
import { type BlockedLayer, type ConvLayer, layerOf } from "../conv-layer.js";
import type { BlockedRule, Forms } from "../forms.js";
import { layoutOf, roundUp } from "../layout.js";
import type { Maps } from "../writer.js";

/**
 * dw as one convolution in which the images are the channels and dy is the kernel: the stride of the layer is its dilation and
 * the taps are its outputs. The lanes of x lie along the rows, so that every channel of every tap is one output column. Zeros beside x are
 * written before; those above and below are the convolution's own padding, which it skips.
 * (Gathering columns for a product of matrices reaches a third to two thirds of the speed.)
 */
const weightGrad: BlockedRule = (node, forms) => {
  const layer = layerOf(node, forms);
  const [x, dy] = node.inputs;
  if (!layer || !forms.canBeMaps(dy!) || (layer.kind !== "stem" && !forms.canBeMaps(x!))) return false;
  const result = node.outputs[0]!;
  const layout = layoutOf(layer.kind, result.shape as readonly number[], forms.block);
  const grad = layer.kind === "stem" ? stemGrad : layer.kind === "depthwise" ? depthwiseGrad : denseGrad;
  forms.setPacked(result, layout, forms.write.reshape(grad(x!, forms.maps(dy!), layer, forms), layout.shape));
  return true;
};

/** Around the input: what the windows need. Rows that no window reads stay, and are left out of the result. */
export function padsOf(layer: ConvLayer): [number, number, number, number] {
  const [bottom, right] = missingPads(layer);
  return [layer.pads[0], layer.pads[1], Math.max(0, bottom), Math.max(0, right)];
}

/** ReorderInput takes channels by fours: images that are missing become zeros, which add nothing. */
function wholeImages(name: string, [n, ...rest]: readonly number[], forms: Forms): readonly [name: string, n: number] {
  const whole = roundUp(n!, 4);
  if (whole === n) return [name, n];
  const pads = [...rest.map(() => 0), 0, whole - n!, ...rest.map(() => 0)];
  return [forms.write.emit("Pad", [name, forms.write.ints(pads)]), whole];
}

/** Maps with the images as channels and the lanes along the rows: [N,C,H,W] → [C/b, N, H, W·b]. */
function imagesAsChannels(x: Maps, forms: Forms): Maps {
  return forms.memo(`images ${x.name}`, () => {
    const { to, write, block } = forms;
    const [, channels, height, width] = x.shape;
    const blocks = channels / block;
    const [name, n] = wholeImages(x.name, x.shape, forms);
    const rows = [1, n, blocks * height, width * block] as const;
    const reordered = to.reorderInput(write.reshape(name, rows), rows);
    const groups = reordered.shape[1] / block;
    const shape = [blocks, reordered.shape[1], height, width * block] as const;
    if (blocks === 1 || groups === 1) return { name: write.reshape(reordered.name, shape), shape };
    const apart = write.reshape(reordered.name, [groups, blocks, height * width * block * block]);
    return { name: write.reshape(write.transpose(apart, [1, 0, 2]), shape), shape };
  });
}

/** dy as the kernel of that convolution: [N,O,oh,ow] as `filters` of [O,N,oh,ow]. */
function asKernel(dy: Maps, forms: Forms): { readonly name: string; readonly images: number } {
  return forms.memo(`kernel ${dy.name}`, () => {
    const { to, write, block } = forms;
    const [, filters, oh, ow] = dy.shape;
    const [area, blocks] = [oh * ow, filters / block];
    const [name, n] = wholeImages(dy.name, dy.shape, forms);
    const order = Array.from({ length: blocks * n }, (_, i) => (i % n) * blocks + Math.floor(i / n));
    const byFilter = blocks === 1 ? name : to.gatherRows(name, area * block, order, `kernel_${n}_${blocks}`);
    const shape = [blocks, n, area, block] as const;
    const reordered = to.reorderInput(write.reshape(byFilter, shape), shape);
    const images = reordered.shape[1];
    const turned = to.transposeBlocks(reordered.name, (blocks * images * area) / block);
    return { name: write.reshape(turned, [filters, images, oh, ow]), images };
  });
}

/** dw of a dense or grouped layer, in the layout `filters`. */
function denseGrad(x: Value, dy: Maps, layer: BlockedLayer, forms: Forms): string {
  const { to, write, block } = forms;
  const { group, kernel, strides, dilations } = layer;
  const source = forms.maps(x);
  // A 1×1 layer reads one pixel in each stride: leave the others out first.
  const skips = kernel[0] * kernel[1] === 1 && strides[0] * strides[1] > 1 && layer.pads.every((p) => p === 0);
  const [top, left, bottom, right] = skips ? [0, 0, 0, 0] : padsOf(layer);
  const read = skips
    ? forms.memo(`skip ${source.name} ${strides}`, () => to.pool("MaxPool", source, [1, 1], { strides }))
    : forms.padColumns(source, left, right);
  const images = imagesAsChannels(read, forms);
  const { name: kernels, images: n } = asKernel(dy, forms);
  const steps = skips ? ([1, 1] as const) : strides;
  const [inBlocks, outBlocks] = [read.shape[1] / block / group, dy.shape[1] / block / group];
  const [height, width] = images.shape.slice(2) as [number, number];

  const perGroup = Array.from({ length: group }, (_, g) => {
    const part = (from: string, shape: readonly number[], count: number) =>
      group === 1
        ? from
        : write.emit("Slice", [
            write.reshape(from, [count * group, ...shape]),
            write.ints([g * count]),
            write.ints([(g + 1) * count]),
            write.ints([0]),
          ]);
    const maps = {
      name: part(images.name, [n, height, width], inBlocks),
      shape: [inBlocks, n, height, width] as const,
    };
    const area = layer.oh * layer.ow * n * block;
    const filters = part(kernels, [area], outBlocks);
    const shape = [outBlocks * block, n, layer.oh, layer.ow] as const;
    const weight = group === 1 ? filters : write.reshape(filters, shape);
    const taps = to.conv(maps, weight, shape, {
      strides: [dilations[0], 1],
      dilations: [steps[0], steps[1] * block],
      pads: [top, 0, bottom, 0],
    });
    // In memory [C/b, O/b, rows, columns, b of C, b of O].
    const [rows, columns] = [taps.shape[2], taps.shape[3] / block];
    const order: number[] = [];
    const whole = rows === kernel[0] && columns === kernel[1];
    if (whole && (inBlocks === 1 || outBlocks === 1)) return taps.name;
    for (let o = 0; o < outBlocks; o++)
      for (let c = 0; c < inBlocks; c++) {
        if (whole) order.push(c * outBlocks + o);
        else
          for (let ky = 0; ky < kernel[0]; ky++)
            for (let kx = 0; kx < kernel[1]; kx++)
              order.push(((c * outBlocks + o) * rows + ky) * columns + kx * dilations[1]);
      }
    const key = `taps_${inBlocks}_${outBlocks}_${rows}_${columns}_${kernel.join("_")}_${dilations[1]}`;
    return to.gatherRows(taps.name, block * block * (whole ? rows * columns : 1), order, key);
  });
  if (group === 1) return perGroup[0]!;
  const flat = [inBlocks * outBlocks * kernel[0] * kernel[1] * block * block];
  return write.emit(
    "Concat",
    perGroup.map((name) => write.reshape(name, flat)),
    { axis: 0 },
  );
}

/** The input has few channels and is plain: its channels lie along the rows (NHWC) in place of a block's lanes. */
function stemGrad(x: Value, dy: Maps, layer: BlockedLayer, forms: Forms): string {
  const { to, write, block } = forms;
  const { kernel, strides, dilations, channels } = layer;
  const [top, left, bottom, right] = padsOf(layer);
  const { images, n } = forms.memo(`stem ${x.id} ${left} ${right}`, () => {
    const plain = forms.lowering.plain(x);
    const pixels =
      channels === 1
        ? write.reshape(plain, [layer.n, layer.height, layer.width, 1])
        : write.transpose(plain, [0, 2, 3, 1]);
    const whole = roundUp(layer.n, 4);
    const around = [0, 0, left, 0, whole - layer.n, 0, right, 0];
    const padded = around.some((p) => p > 0) ? write.emit("Pad", [pixels, write.ints(around)]) : pixels;
    const shape = [1, whole, layer.height, (layer.width + left + right) * channels] as const;
    return { images: to.reorderInput(write.reshape(padded, shape), shape), n: whole };
  });
  const { name, images: count } = asKernel(dy, forms);
  if (count !== roundUp(n, block)) throw new Error("stem gradient: the numbers of images differ");
  const taps = to.conv(images, name, [dy.shape[1], count, layer.oh, layer.ow], {
    strides: [dilations[0], 1],
    dilations: [strides[0], strides[1] * channels],
    pads: [top, 0, bottom, 0],
  });
  const outBlocks = dy.shape[1] / block;
  const [rows, columns] = [taps.shape[2], taps.shape[3] / channels];
  let unrolled = write.reshape(taps.name, [outBlocks, rows, columns, channels, block]);
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

/** Each image and channel is a group of its own, with its map of dy as the kernel; then the images are summed over. */
function depthwiseGrad(x: Value, dy: Maps, layer: BlockedLayer, forms: Forms): string {
  const { to, write, block } = forms;
  const { kernel, strides, dilations, n, oh, ow } = layer;
  const [top, left, bottom, right] = padsOf(layer);
  const padded = forms.padColumns(forms.maps(x), left, right);
  const [, channels, height, width] = padded.shape;
  const images = to.viewMaps(padded, [1, n * channels, height, width]);
  const kernels = to.view(dy.name, dy.shape, [n * channels, 1, oh, ow]);
  const taps = to.conv(images, kernels, [n * channels, 1, oh, ow], {
    strides: dilations,
    dilations: strides,
    pads: [top, 0, bottom, 0],
    group: n * channels,
  });
  const [rows, columns] = taps.shape.slice(2) as [number, number];
  const sum = write.emit("ReduceSum", [write.reshape(taps.name, [n, channels * rows * columns]), write.ints([0])], {
    keepdims: 0,
  });
  const shape = [channels / block, rows, columns, block];
  return forms.crop(write.reshape(sum, shape), shape, [channels / block, kernel[0], kernel[1], block]);
}

/** Gradients of convolutions with respect to the weight. */
export const convWeightGradRules = new Map<string, BlockedRule>([["ConvWeightGrad", weightGrad]]);

import { ShapeError } from "../../../core/errors.js";
import { fourSizes } from "../../../core/shape.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import { convolution, convTranspose } from "../../../formats/onnx/rules/neural.js";
import { type OnnxWriter, type RuleFor, type Rules, ruleFor } from "../../../formats/onnx/writer.js";
import { convInputGradOp, convWeightGradOp, flippedPads, missingPads } from "../../../ops/conv.js";
import { type ConvLayer, dyAsKernel, layerShape, withoutSkipped } from "../conv-layer.js";
import { asMaps } from "../maps.js";
import { overImages, sumOver } from "./sums.js";

/**
 * (dy, w) → dx. With stride 1, a convolution of dy with the flipped kernel, input and output channels swapped: the fastest way for
 * dense and depthwise convolutions. With larger strides ConvTranspose is faster than dilating dy with zeros.
 */
const inputGrad: RuleFor<typeof convInputGradOp> = (node, [dy, w], write) => {
  const { attributes } = node;
  const { strides, dilations, pads, group } = attributes;
  const [filters, perGroup, ...kernel] = fourSizes(node.inputs[1].shape);
  const flipped = flippedPads({ kernel, dilations, pads });
  if (strides[0] > 1 || strides[1] > 1 || flipped.some((pad) => pad < 0)) return convTranspose(node, [dy, w], write);
  const weight = swapChannels(w, [filters, perGroup, ...kernel], group, write);
  const flippedWeight = kernel[0] * kernel[1] === 1 ? weight : flipKernel(weight, write);
  return [write.emit("Conv", [dy, flippedWeight], convolution({ ...attributes, pads: flipped }, kernel))];
};

/** [O, C/g, kh, kw] → [C, O/g, kh, kw], within each group. */
function swapChannels(
  w: LoweredValue,
  [filters, perGroup, kh, kw]: [number, number, number, number],
  group: number,
  write: OnnxWriter,
): LoweredValue {
  if (group === 1) return write.transpose(w, [1, 0, 2, 3]);
  if (perGroup === 1 && filters === group) return w;
  const grouped = write.reshape(w, [group, filters / group, perGroup, kh, kw]);
  return write.reshape(write.transpose(grouped, [0, 2, 1, 3, 4]), [group * perGroup, filters / group, kh, kw]);
}

/** Reverses the last two axes. */
function flipKernel(w: LoweredValue, write: OnnxWriter): LoweredValue {
  const all = -(2 ** 31);
  return write.slice(w, [-1, -1], [all, all], [2, 3], [-1, -1]);
}

/**
 * (x, dy) → dw, as a convolution with dy as the kernel: kernel element (ky, kx) sees the input at ky·d + i·s, so the elements of dw are
 * the output positions and the layer's stride is the dilation. Three ways:
 * 1. dense: the images are the channels, and the channels lie along the rows (NHWC), so that one convolution yields every element
 *    for every channel (1.5 to 3 times as fast as im2col and a product);
 * 2. depthwise: each image and channel is a group, and the images are summed afterwards;
 * 3. otherwise (groups, dilation): one product per kernel element.
 *
 * @param padsFirst Whether x is padded by an operator of its own, which is faster on the CPU, or in the first way by the convolution.
 */
export const weightGrad =
  (padsFirst: boolean): RuleFor<typeof convWeightGradOp> =>
  (node, [x, dy], write) => {
    const layer = layerShape(node);
    if (!layer) throw new ShapeError("the gradient of a convolution's weight needs a fixed batch size");
    const { n, channels, filters, group, dilations, kernel, oh, ow } = layer;
    if (group === 1 && dilations[0] === 1 && dilations[1] === 1) return [denseGrad(x, dy, layer, padsFirst, write)];
    if (group !== channels || group !== filters) return [byKernelElement(x, dy, layer, write)];
    const padded = asMaps(padMaps(x, layer, write));
    const images = write.reshape(padded, [1, n * channels, padded.shape[2], padded.shape[3]]);
    const kernels = write.reshape(dy, [n * channels, 1, oh, ow]);
    const geometry = { ...dyAsKernel(layer), pads: [0, 0, 0, 0], group: n * channels } as const;
    const perImage = write.emit("Conv", [images, kernels], convolution(geometry, [oh, ow]));
    return [sumOver("ReduceSum", write.reshape(perImage, [n, channels, 1, ...kernel]), overImages, write)];
  };

/** Pads to what the windows read; with negative padding, crops. */
function padMaps(x: LoweredValue, layer: ConvLayer, write: OnnxWriter): LoweredValue {
  return write.pad(x, [0, 0, layer.pads[0], layer.pads[1], 0, 0, ...missingPads(layer)]);
}

/** [N,C,H,W] with the channels last, padded: [N + images, H', W', C]. */
export function channelsLast(
  x: LoweredValue,
  [top, left, bottom, right]: readonly number[],
  images: number,
  write: OnnxWriter,
): LoweredValue {
  const [n, channels, height, width] = asMaps(x).shape;
  const pixels = channels === 1 ? write.reshape(x, [n, height, width, 1]) : write.transpose(x, [0, 2, 3, 1]);
  return write.pad(pixels, [0, top!, left!, 0, images, bottom!, right!, 0]);
}

function denseGrad(
  x: LoweredValue,
  dy: LoweredValue,
  layer: ConvLayer,
  padsFirst: boolean,
  write: OnnxWriter,
): LoweredValue {
  const { n, channels, filters, strides, kernel, pads, height, width, oh, ow } = layer;
  const read = withoutSkipped(layer);
  const source = read === layer ? x : write.slice(x, [0, 0], [height, width], [2, 3], strides);
  const around = [pads[0], pads[1], ...missingPads(read)] as const;
  // A convolution drops no rows. One of 1×1 may be computed wrongly on WebGPU.
  const isPaddedFirst = padsFirst || oh * ow === 1 || around.some((p) => p < 0);
  const pixels = channelsLast(source, isPaddedFirst ? around : [0, 0, 0, 0], 0, write);
  const [top, left, bottom, right] = isPaddedFirst ? [0, 0, 0, 0] : around;
  const [, rows, columns] = pixels.shape as readonly number[];
  const images = write.reshape(pixels, [1, n, rows!, columns! * channels]);
  const kernels = filters === 1 ? write.reshape(dy, [1, n, oh, ow]) : write.transpose(dy, [1, 0, 2, 3]); // [O,N,oh,ow]
  const padding = [top, left * channels, bottom, right * channels] as const;
  const geometry = { ...dyAsKernel(read, channels), pads: padding, group: 1 } as const;
  const sums = write.emit("Conv", [images, kernels], convolution(geometry, [oh, ow])); // [1, O, kh, kw·C]
  return write.transpose(write.reshape(sums, [filters, ...kernel, channels]), [0, 3, 1, 2]);
}

function byKernelElement(x: LoweredValue, dy: LoweredValue, layer: ConvLayer, write: OnnxWriter): LoweredValue {
  const { n, channels, filters, group, kernel, strides, dilations, oh, ow } = layer;
  const padded = padMaps(x, layer, write);
  const outputs = write.reshape(dy, [n, group, filters / group, oh * ow]);
  const elements: LoweredValue[] = [];
  for (let ky = 0; ky < kernel[0]; ky++)
    for (let kx = 0; kx < kernel[1]; kx++) {
      const [top, left] = [ky * dilations[0], kx * dilations[1]];
      const ends = [top + (oh - 1) * strides[0] + 1, left + (ow - 1) * strides[1] + 1];
      const seen = write.slice(padded, [top, left], ends, [2, 3], strides);
      const inputs = write.transpose(write.reshape(seen, [n, group, channels / group, oh * ow]), [0, 1, 3, 2]);
      const perImage = write.emit("MatMul", [outputs, inputs]); // [N, g, O/g, C/g]
      const sum = sumOver("ReduceSum", perImage, overImages, write);
      elements.push(write.reshape(sum, [1, filters, channels / group]));
    }
  const stacked = write.concat(elements, 0);
  return write.reshape(write.transpose(stacked, [1, 2, 0]), [filters, channels / group, ...kernel]);
}

export const convGradientRules: Rules = new Map([
  ruleFor(convInputGradOp, inputGrad),
  ruleFor(convWeightGradOp, weightGrad(true)),
]);

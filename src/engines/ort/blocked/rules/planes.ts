import { fourSizes } from "../../../../core/shape.js";
import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Node } from "../../../../graph/graph.js";
import { convInputGradOp, convOp, convWeightGradOp, flippedPads } from "../../../../ops/conv.js";
import { ops } from "../../../../ops/movement.js";
import { type AnyNode, type ConvLayer, dyAsKernel, layerShape } from "../../conv-layer.js";
import type { Maps } from "../../maps.js";
import type { LayoutTable } from "../layout-table.js";
import { type BlockedRule, rule } from "../rule.js";
import type { Geometry } from "../writer.js";
import { padsOf } from "./conv-weight-grad.js";

/**
 * The most pairs of input and output channels.
 *
 * Convolutions between few channels, such as the 7×7 of a spatial gate, from two channels to one, cannot fill a block with channels.
 * Here the images fill the lanes: every channel is a plane [1,N,H,W] with N "channels", and each pair of an input and an output
 * channel is a depthwise convolution with the same kernel in all lanes. (As a plain convolution the forward pass takes five times as
 * long, the weight gradient ten times.)
 */
const mostChannels = 4;
const noPlanes = "not between few channels";

/** The layer of a node, if it can be computed this way: few channel pairs, a multiple of 4 images, a kernel larger than 1×1. */
function planeLayer(node: AnyNode): ConvLayer | undefined {
  const layer = layerShape(node);
  if (layer?.group !== 1 || layer.channels * layer.filters > mostChannels) return undefined;
  const { n, kernel, oh, ow, pads } = layer;
  const fits = n % 4 === 0 && kernel[0] * kernel[1] > 1 && oh * ow > 1 && pads.every((p) => p >= 0);
  return fits ? layer : undefined;
}

/** The planes of y, or of dx: each the sum over those of the other of depthwise convolutions with the kernel between the two. */
function convolved(
  from: readonly Maps[],
  weight: LoweredValue,
  layer: ConvLayer,
  of: "y" | "dx",
  geometry: Geometry,
  table: LayoutTable,
): Maps[] {
  const plane = (to: number) =>
    from.reduce<Maps | undefined>((sum, maps, i) => {
      const [filter, channel] = of === "y" ? [to, i] : [i, to];
      const group = maps.shape[1];
      const kernel = inAllLanes(weight, filter, channel, layer, group, table);
      return table.nchwc.conv(maps, kernel, { ...geometry, group }, { sum });
    }, undefined)!;
  return Array.from({ length: of === "y" ? layer.filters : layer.channels }, (_, to) => plane(to));
}

/** The kernel from a channel to a filter, repeated in every lane: [N,1,kh,kw] in OIHWBo. */
function inAllLanes(
  weight: LoweredValue,
  filter: number,
  channel: number,
  { channels, filters, kernel }: ConvLayer,
  lanes: number,
  { write, block }: LayoutTable,
): LoweredValue {
  const [pairs, area, at] = [filters * channels, kernel[0] * kernel[1], filter * channels + channel];
  return write.memo(`lanes ${weight.name} ${at} ${lanes}`, () => {
    const rows = write.reshape(weight, [pairs, area, 1]);
    const one = pairs === 1 ? rows : write.slice(rows, [at], [at + 1], [0]);
    const repeated = write.emit("Expand", [one, write.ints([lanes / block, area, block])]);
    return write.reshape(repeated, [lanes, 1, ...kernel]);
  });
}

const conv = rule("planes", [convOp], (node) => {
  const layer = planeLayer(node);
  const [x, w, bias] = node.inputs;
  if (!layer) return noPlanes;
  if (bias) return "it has a bias";
  const { strides, dilations, pads } = layer;
  return (table) => {
    const weight = table.plain(w);
    const planes = convolved(table.planes(x), weight, layer, "y", { strides, dilations, pads }, table);
    table.setPlanes(node.outputs[0], planes);
  };
});

const inputGrad = rule("planes", [convInputGradOp], (node) => {
  const layer = planeLayer(node);
  const [dy, w] = node.inputs;
  if (!layer) return noPlanes;
  if (layer.strides.some((s) => s > 1)) return "it has a stride";
  const { dilations, kernel, channels, filters } = layer;
  const pads = flippedPads(layer);
  if (pads.some((p) => p < 0)) return "its padding is wider than its kernel";
  return (table) => {
    const area = kernel[0] * kernel[1];
    const flipped = (pair: number, k: number) => (pair + 1) * area - 1 - k;
    const elements = table.nchwc.gatherRows(table.plain(w), 1, [filters * channels, area], flipped);
    const weight = table.write.reshape(elements, [filters, channels, ...kernel]);
    table.setPlanes(node.outputs[0], convolved(table.planes(dy), weight, layer, "dx", { dilations, pads }, table));
  };
});

const weightGrad = rule("planes", [convWeightGradOp], (node) => {
  const layer = planeLayer(node);
  const [x, dy] = node.inputs;
  const [dw] = node.outputs;
  if (!layer) return noPlanes;
  return (table) => {
    const { write, nchwc, block } = table;
    const inputs = table.planes(x).map((plane) => nchwc.pad(plane, padsOf(layer)));
    const parts = table.planes(dy).flatMap((kernels) =>
      inputs.map((plane) => {
        const group = plane.shape[1];
        const kernel = nchwc.view(kernels, [group, 1, layer.oh, layer.ow]);
        const sums = nchwc.conv(plane, kernel, { ...dyAsKernel(layer), group });
        const perLane = write.reshape(sums, [group / block, sums.shape[2], sums.shape[3], block]);
        const cropped = table.crop(perLane, [group / block, ...layer.kernel, block]);
        return write.reduce("ReduceSum", cropped, [0, 3], false);
      }),
    );
    table.define(dw, write.reshape(write.concat(parts, 0), fourSizes(dw.shape)));
  };
});

/** Concatenated planes: nothing is moved as long as only convolutions like these read them. */
const concat = rule("planes", [ops.concat], ({ inputs, outputs: [y], attributes: { axis } }, context) => {
  const reads = (reader: Node | undefined) => reader !== undefined && planeLayer(reader) !== undefined;
  if (axis !== 1 || !context.readers(y).every(reads)) return noPlanes;
  return (table) =>
    table.setPlanes(
      y,
      inputs.flatMap((x) => table.planes(x)),
    );
});

const slice = rule("planes", [ops.slice], ({ inputs: [x], outputs: [y], attributes }, context) => {
  const { axis, start, end } = attributes;
  if (axis !== 1 || !context.isPlanes(x)) return noPlanes;
  return (table) => table.setPlanes(y, table.planes(x).slice(start, end));
});

/** Convolutions between few channels, their gradients, and concatenating and slicing their channels. */
export const planeRules: readonly BlockedRule[] = [conv, inputGrad, weightGrad, concat, slice];

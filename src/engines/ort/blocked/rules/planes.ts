import type { LoweredValue } from "../../../../formats/onnx/ir.js";
import type { Node, Value } from "../../../../graph/graph.js";
import { convInputGradOp, convOp, convWeightGradOp, flippedPads } from "../../../../ops/conv.js";
import { ops } from "../../../../ops/movement.js";
import { type AnyNode, type ConvLayer, dyAsKernel, layerShape } from "../../conv-layer.js";
import type { LayoutTable } from "../layout-table.js";
import { type BlockedRule, rule } from "../rule.js";
import type { BlockedTensor, Geometry } from "../writer.js";
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

/** The kernel from channel c to filter o, repeated in every lane: [N,1,kh,kw] in OIHWBo. */
function inAllLanes(
  weight: LoweredValue,
  o: number,
  c: number,
  layer: ConvLayer,
  lanes: number,
  table: LayoutTable,
): LoweredValue {
  const { write, block } = table;
  const [kh, kw] = layer.kernel;
  return table.memo(`lanes ${weight.name} ${o} ${c} ${lanes}`, () => {
    const at = o * layer.channels + c;
    const rows = write.reshape(weight, [layer.filters * layer.channels, kh * kw, 1]);
    const one =
      layer.filters * layer.channels === 1
        ? rows
        : write.emit("Slice", [rows, write.ints([at]), write.ints([at + 1]), write.ints([0])]);
    return write.reshape(write.emit("Expand", [one, write.ints([lanes / block, kh * kw, block])]), [lanes, 1, kh, kw]);
  });
}

/** `count` planes, each the sum over `from` of depthwise convolutions with the kernel between the two. */
function convolved(
  from: readonly BlockedTensor[],
  count: number,
  kernelOf: (to: number, from: number, lanes: number) => LoweredValue,
  geometry: Geometry,
  { nchwc }: LayoutTable,
): BlockedTensor[] {
  return Array.from(
    { length: count },
    (_, k) =>
      from.reduce<BlockedTensor | undefined>((sum, maps, i) => {
        const lanes = maps.shape[1];
        const options = { ...geometry, group: lanes };
        return nchwc.conv(maps, kernelOf(k, i, lanes), options, { sum });
      }, undefined)!,
  );
}

const conv = rule("planes", [convOp], (node) => {
  const layer = planeLayer(node);
  const [x, w, bias] = node.inputs;
  if (!layer) return noPlanes;
  if (bias) return "it has a bias";
  return (table) => {
    const { strides, dilations, pads, filters } = layer;
    const weight = table.plain(w);
    const kernelOf = (o: number, c: number, lanes: number) => inAllLanes(weight, o, c, layer, lanes, table);
    const geometry = { strides, dilations, pads };
    table.setPlanes(node.outputs[0]!, convolved(table.planes(x), filters, kernelOf, geometry, table));
  };
});

const inputGrad = rule("planes", [convInputGradOp], (node) => {
  const layer = planeLayer(node);
  const [dy, w] = node.inputs;
  if (!layer) return noPlanes;
  if (layer.strides.some((s) => s > 1)) return "it has a stride";
  const { dilations, kernel, channels, filters } = layer;
  const flipped = flippedPads(layer);
  if (flipped.some((p) => p < 0)) return "its padding is wider than its kernel";
  return (table) => {
    const { write } = table;
    const area = kernel[0] * kernel[1];
    const order = Array.from({ length: filters * channels * area }, (_, i) => i - (i % area) + (area - 1 - (i % area)));
    const reversed = table.nchwc.gatherRows(table.plain(w), 1, order, `reverse_${filters * channels}_${area}`);
    const weight = write.reshape(reversed, [filters, channels, ...kernel]);
    const kernelOf = (c: number, o: number, lanes: number) => inAllLanes(weight, o, c, layer, lanes, table);
    const geometry = { dilations, pads: flipped };
    table.setPlanes(node.outputs[0]!, convolved(table.planes(dy), channels, kernelOf, geometry, table));
  };
});

const weightGrad = rule("planes", [convWeightGradOp], (node) => {
  const layer = planeLayer(node);
  const [x, dy] = node.inputs;
  if (!layer) return noPlanes;
  return (table) => {
    const { write, nchwc, block } = table;
    const { oh, ow } = layer;
    const inputs = table.planes(x).map((maps) => nchwc.pad(maps, padsOf(layer)));
    const parts = table.planes(dy).flatMap((kernels) =>
      inputs.map((maps) => {
        const lanes = maps.shape[1];
        const options = { ...dyAsKernel(layer), group: lanes };
        const kernel = nchwc.view(kernels, [lanes, 1, oh, ow]);
        const all = nchwc.conv(maps, kernel, options);
        const shape = [lanes / block, all.shape[2], all.shape[3], block];
        const cropped = table.crop(write.reshape(all, shape), [lanes / block, ...layer.kernel, block]);
        return write.emit("ReduceSum", [cropped, write.ints([0, 3])], { keepdims: 0 });
      }),
    );
    const joined = parts.length > 1 ? write.emit("Concat", parts, { axis: 0 }) : parts[0]!;
    table.define(node.outputs[0]!, write.reshape(joined, node.outputs[0]!.shape as readonly number[]));
  };
});

/** Concatenated planes: nothing is moved as long as only convolutions like these read them. */
const concat = rule("planes", [ops.concat], (node, { axis }, layouts) => {
  const [y] = node.outputs as [Value];
  const reads = (reader: Node | null) => reader !== null && planeLayer(reader) !== undefined;
  if (axis !== 1 || !layouts.readers(y).every(reads)) return noPlanes;
  return (table) => {
    const planes = node.inputs.flatMap((x) => table.planes(x));
    table.setPlanes(y, planes);
  };
});

const slice = rule("planes", [ops.slice], (node, { axis, start, end }, layouts) => {
  const [x] = node.inputs;
  if (axis !== 1 || !layouts.isPlanes(x)) return noPlanes;
  return (table) => table.setPlanes(node.outputs[0]!, table.planes(x).slice(start, end));
});

/** Convolutions between few channels, their gradients, and concatenating and slicing their channels. */
export const planeRules: readonly BlockedRule[] = [conv, inputGrad, weightGrad, concat, slice];

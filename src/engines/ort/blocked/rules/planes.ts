import type { Node, Value } from "../../../../graph/graph.js";
import { turnedPads } from "../../../../ops/conv.js";
import { type ConvLayer, layerShape } from "../conv-layer.js";
import type { BlockedRule, Forms } from "../forms.js";
import type { Geometry, Maps } from "../writer.js";
import { padsOf } from "./conv-weight-grad.js";

/**
 * The largest number of pairs of an input and an output channel.
 *
 * Convolutions between few channels, such as the 7×7 from two maps to one of a spatial gate, have too few channels for blocks of
 * channels. Here the images lie in the lanes: every channel is one map [1,N,H,W] of N "channels", and each pair of an input and
 * an output channel is a depthwise convolution whose kernel is the same in all lanes. (As a plain convolution the forward pass takes
 * five times as long, and the weight's gradient ten times.)
 */
const mostChannels = 4;

/** The layer of a node that can be computed so: few pairs of channels, images by fours, kernels of more than one tap. */
function planeLayer(node: Node): ConvLayer | undefined {
  const layer = layerShape(node);
  if (layer?.group !== 1 || layer.channels * layer.filters > mostChannels) return undefined;
  const { n, kernel, oh, ow, pads } = layer;
  const fits = n % 4 === 0 && kernel[0] * kernel[1] > 1 && oh * ow > 1 && pads.every((p) => p >= 0);
  return fits ? layer : undefined;
}

/** The kernel from channel c to filter o, in every lane: [N,1,kh,kw] in the layout `depthwise`. */
function inAllLanes(weight: string, o: number, c: number, layer: ConvLayer, lanes: number, forms: Forms): string {
  const { write, block } = forms;
  const [kh, kw] = layer.kernel;
  return forms.memo(`lanes ${weight} ${o} ${c} ${lanes}`, () => {
    const at = o * layer.channels + c;
    const rows = write.reshape(weight, [layer.filters * layer.channels, kh * kw, 1]);
    const one =
      layer.filters * layer.channels === 1
        ? rows
        : write.emit("Slice", [rows, write.ints([at]), write.ints([at + 1]), write.ints([0])]);
    return write.reshape(write.emit("Expand", [one, write.ints([lanes / block, kh * kw, block])]), [lanes, 1, kh, kw]);
  });
}

/** As many maps as `count`, each Σ over the maps of `from` of a depthwise convolution with the kernel between the two. */
function convolved(
  from: readonly Maps[],
  count: number,
  kernelOf: (to: number, from: number, lanes: number) => string,
  { kernel }: ConvLayer,
  geometry: Geometry,
  { to }: Forms,
): Maps[] {
  return Array.from(
    { length: count },
    (_, k) =>
      from.reduce<Maps | undefined>((sum, maps, i) => {
        const lanes = maps.shape[1];
        const options = { ...geometry, group: lanes };
        return to.conv(maps, kernelOf(k, i, lanes), [lanes, 1, ...kernel], options, { sum: sum?.name });
      }, undefined)!,
  );
}

const conv: BlockedRule = (node, forms) => {
  const layer = planeLayer(node);
  const [x, w, bias] = node.inputs as [Value, Value, Value?];
  if (!layer || bias) return false;
  const { strides, dilations, pads, filters } = layer;
  const weight = forms.lowering.plain(w);
  const kernelOf = (o: number, c: number, lanes: number) => inAllLanes(weight, o, c, layer, lanes, forms);
  const geometry = { strides, dilations, pads };
  forms.setPlanes(node.outputs[0]!, convolved(forms.planes(x), filters, kernelOf, layer, geometry, forms));
  return true;
};

const inputGrad: BlockedRule = (node, forms) => {
  const layer = planeLayer(node);
  const [dy, w] = node.inputs as [Value, Value];
  if (!layer || layer.strides.some((s) => s > 1)) return false;
  const { write } = forms;
  const { dilations, kernel, channels, filters } = layer;
  const turned = turnedPads(layer);
  if (turned.some((p) => p < 0)) return false;
  const taps = kernel[0] * kernel[1];
  const order = Array.from({ length: filters * channels * taps }, (_, i) => i - (i % taps) + (taps - 1 - (i % taps)));
  const reversed = forms.to.gatherRows(forms.lowering.plain(w), 1, order, `reverse_${filters * channels}_${taps}`);
  const weight = write.reshape(reversed, [filters, channels, ...kernel]);
  const kernelOf = (c: number, o: number, lanes: number) => inAllLanes(weight, o, c, layer, lanes, forms);
  const geometry = { dilations, pads: turned };
  forms.setPlanes(node.outputs[0]!, convolved(forms.planes(dy), channels, kernelOf, layer, geometry, forms));
  return true;
};

const weightGrad: BlockedRule = (node, forms) => {
  const layer = planeLayer(node);
  const [x, dy] = node.inputs as [Value, Value];
  if (!layer) return false;
  const { write, to, block } = forms;
  const { strides, dilations, oh, ow } = layer;
  const inputs = forms.planes(x).map((maps) => to.pad(maps, padsOf(layer)));
  const taps = forms.planes(dy).flatMap((kernels) =>
    inputs.map((maps) => {
      const lanes = maps.shape[1];
      const options = { strides: dilations, dilations: strides, group: lanes };
      const kernel = to.view(kernels.name, kernels.shape, [lanes, 1, oh, ow]);
      const all = to.conv(maps, kernel, [lanes, 1, oh, ow], options);
      const shape = [lanes / block, all.shape[2], all.shape[3], block];
      const own = forms.crop(write.reshape(all.name, shape), shape, [lanes / block, ...layer.kernel, block]);
      return write.emit("ReduceSum", [own, write.ints([0, 3])], { keepdims: 0 });
    }),
  );
  const joined = taps.length > 1 ? write.emit("Concat", taps, { axis: 0 }) : taps[0]!;
  forms.lowering.define(node.outputs[0]!, write.reshape(joined, node.outputs[0]!.shape as readonly number[]));
  return true;
};

/** Single maps, one after the other: nothing is moved as long as only convolutions like these read them. */
const concat: BlockedRule = (node, forms) => {
  const [y] = node.outputs as [Value];
  const reads = (reader: Node | null) => reader !== null && planeLayer(reader) !== undefined;
  if (node.attributes.axis !== 1 || !forms.readers(y).every(reads)) return false;
  forms.setPlanes(
    y,
    node.inputs.flatMap((x) => forms.planes(x)),
  );
  return true;
};

const slice: BlockedRule = (node, forms) => {
  const [x] = node.inputs as [Value];
  const { axis, start, end } = node.attributes as { axis: number; start: number; end: number };
  if (axis !== 1 || !forms.isPlanes(x)) return false;
  forms.setPlanes(node.outputs[0]!, forms.planes(x).slice(start, end));
  return true;
};

/** Convolutions between few channels, their gradients, and what joins and cuts their maps. */
export const planeRules = new Map<string, BlockedRule>([
  ["Conv", conv],
  ["ConvInputGrad", inputGrad],
  ["ConvWeightGrad", weightGrad],
  ["Concat", concat],
  ["Slice", slice],
]);

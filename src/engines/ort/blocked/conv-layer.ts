import { fourSizes } from "../../../core/shape.js";
import { attributesOf } from "../../../formats/onnx/writer.js";
import type { Node, Value } from "../../../graph/graph.js";
import type { ConvAttributes } from "../../../ops/conv.js";
import { chooseTile, type WinogradTile, type WinogradTuning } from "../tuning.js";
import type { WeightLayout } from "./layout.js";

/** The sizes of a convolution: x is [n, channels, height, width], y [n, filters, oh, ow], the weight [filters, perGroup, ...kernel]. */
export interface ConvLayer extends ConvAttributes {
  readonly n: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly filters: number;
  readonly perGroup: number;
  readonly kernel: readonly [number, number];
  readonly oh: number;
  readonly ow: number;
}

/** Input, weight and output of the layer whose forward pass or gradient a node computes. */
export function partsOf(node: Node): { readonly x: Value; readonly weight: Value; readonly y: Value } | undefined {
  const [a, b] = node.inputs as [Value, Value];
  const [result] = node.outputs as [Value];
  if (node.op.name === "Conv") return { x: a, weight: b, y: result };
  if (node.op.name === "ConvInputGrad") return { x: result, weight: b, y: a };
  if (node.op.name === "ConvWeightGrad") return { x: a, weight: result, y: b };
  return undefined;
}

/** The layer whose output or gradient a node computes; undefined for other nodes and for a symbolic batch. */
export function layerShape(node: Node): ConvLayer | undefined {
  const parts = partsOf(node);
  if (!parts || [parts.x, parts.weight, parts.y].some(({ shape }) => shape.includes("N"))) return undefined;
  const [n, channels, height, width] = fourSizes(parts.x.shape);
  const [filters, perGroup, kh, kw] = fourSizes(parts.weight.shape);
  const [, , oh, ow] = fourSizes(parts.y.shape);
  const { strides, pads, dilations, group } = attributesOf<ConvAttributes>(node);
  const kernel = [kh, kw] as const;
  return { strides, pads, dilations, group, n, channels, height, width, filters, perGroup, kernel, oh, ow };
}

/** What the blocked lowering targets. */
export interface BlockedTarget {
  /** Channels in a block: 16 with AVX-512, 8 with AVX2. */
  readonly block: number;
  /** Which layers use Winograd's algorithm. */
  readonly winograd: WinogradTuning;
}

/** How a layer is computed, and so the layout of its weight. */
export type LayerKind = "dense" | "stem" | "depthwise" | "winograd";

const layouts = {
  dense: "OIHWBiBo",
  stem: "OIHWBo",
  depthwise: "OIHWBo",
  winograd: "HWIO",
} as const satisfies Record<LayerKind, WeightLayout>;

/** A layer that the blocked operators can compute. */
export interface BlockedLayer extends ConvLayer {
  readonly kind: LayerKind;
  /** The layout of its weight. */
  readonly layout: WeightLayout;
  /** The tile of Winograd's algorithm, for a layer that uses it. */
  readonly tile: WinogradTile | undefined;
}

/**
 * The layer that a node belongs to, if the blocked operators can compute it:
 * - channels and filters are multiples of 4, so that they can be reordered and padded, and fill at least half a block;
 *   an input with fewer channels than a block is read as it is (`stem`);
 * - groups of more than one channel fill whole blocks;
 * - there is more than one position; otherwise it is a matrix product;
 * - all sizes are known, the batch included, and no padding is negative.
 */
export function blockedLayerOf(node: Node, { block, winograd }: BlockedTarget): BlockedLayer | undefined {
  const layer = layerShape(node);
  if (!layer || layer.height * layer.width === 1 || layer.oh * layer.ow === 1) return undefined;
  const tile = tileOf(layer, block, winograd);
  const kind = tile ? "winograd" : kindOf(layer.channels, layer.filters, layer.group, block);
  return kind && layer.pads.every((p) => p >= 0) ? { ...layer, kind, layout: layouts[kind], tile } : undefined;
}

/** Whether Winograd's algorithm applies: dense 3×3, stride 1, "same" padding, more than one position. */
export function isWinogradLayer({ group, kernel, strides, dilations, pads, height, width }: ConvLayer): boolean {
  const all = (numbers: readonly number[], value: number) => numbers.every((v) => v === value);
  return all(kernel, 3) && all([...strides, ...dilations, ...pads, group], 1) && height * width > 1;
}

/** The tile for a layer whose channels fill blocks, if the table has one for it. */
function tileOf(layer: ConvLayer, block: number, tuning: WinogradTuning): WinogradTile | undefined {
  const { n, channels, filters, height, width } = layer;
  const applies = isWinogradLayer(layer) && channels % block === 0 && filters % block === 0;
  return applies ? chooseTile(tuning, { images: n, channels: Math.min(channels, filters), height, width }) : undefined;
}

function kindOf(channels: number, filters: number, group: number, block: number): LayerKind | undefined {
  const fits = (count: number) => count % 4 === 0 && count * 2 >= block;
  if (group === 1) {
    if (!fits(filters)) return undefined;
    if (channels < block) return "stem";
    return fits(channels) ? "dense" : undefined;
  }
  if (group === channels && group === filters) return fits(channels) ? "depthwise" : undefined;
  return (channels / group) % block === 0 && (filters / group) % block === 0 ? "dense" : undefined;
}

/** Why the blocked operators cannot compute the layer that a node belongs to. */
export function noBlocks(node: Node): string {
  const layer = layerShape(node);
  if (!layer) return "the batch size is not known";
  if (layer.height * layer.width === 1 || layer.oh * layer.ow === 1) return "it has a single position";
  if (layer.pads.some((p) => p < 0)) return "its padding is negative";
  return layer.group === 1 ? "its channels do not fill half a block" : "its groups do not fill blocks";
}

import type { Node } from "../../../graph/graph.js";
import type { Attributes, Inputs, Op } from "../../../graph/op.js";
import { type AnyNode, type ConvLayer, layerShape } from "../conv-layer.js";
import type { WinogradTile, WinogradTuning } from "../tuning.js";
import { winogradTile } from "../winograd/winograd.js";
import type { WeightLayout } from "./layout.js";
import { type BlockedRule, type MatchContext, type Plan, rule } from "./rule.js";

/** What the blocked lowering targets. */
export interface BlockedTarget {
  /** Channels in a block: 16 with AVX-512, 8 with AVX2. */
  readonly block: number;
  /** Which layers use Winograd's algorithm. */
  readonly winograd: WinogradTuning;
}

/** The ways in which a layer is computed, and so the layout of its weight. */
const weightLayouts = { dense: "OIHWBiBo", stem: "OIHWBo", depthwise: "OIHWBo", winograd: "HWIO" } as const;
type LayerKind = keyof typeof weightLayouts;

/** A layer that the blocked operators can compute. */
export interface BlockedLayer extends ConvLayer {
  readonly kind: LayerKind;
  /** The layout of its weight. */
  readonly layout: WeightLayout;
  /** The tile of Winograd's algorithm, for a layer that uses it. */
  readonly tile: WinogradTile | undefined;
}

/**
 * The layer that a node belongs to, or why the blocked operators cannot compute it. Where they can, its input (but that of a stem) and
 * output can be blocked:
 * - channels and filters are multiples of 4, so that they can be reordered and padded, and fill at least half a block;
 *   an input with fewer channels than a block is read as it is (`stem`);
 * - groups of more than one channel fill whole blocks;
 * - there is more than one position; otherwise it is a matrix product;
 * - all sizes are known, the batch included, and no padding is negative.
 */
export function blockedLayerOf(node: AnyNode, { block, winograd }: BlockedTarget): BlockedLayer | string {
  const layer = layerShape(node);
  if (!layer) return "the batch size is not known";
  const { channels, filters, group } = layer;
  if (layer.height * layer.width === 1 || layer.oh * layer.ow === 1) return "it has a single position";
  if (layer.pads.some((p) => p < 0)) return "its padding is negative";
  const fillBlocks = channels % block === 0 && filters % block === 0;
  const tile = fillBlocks ? winogradTile(layer, winograd) : undefined;
  const kind = tile ? "winograd" : kindOf(channels, filters, group, block);
  if (kind) return { ...layer, kind, layout: weightLayouts[kind], tile };
  return group === 1
    ? "its channels are not a multiple of 4, or do not fill half a block"
    : "its groups do not fill blocks";
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

/** A rule for layers that the blocked operators can compute. */
export const layerRule = <A extends Attributes, I extends Inputs>(
  name: string,
  op: Op<A, I>,
  match: (node: Node<A, I>, layer: BlockedLayer, context: MatchContext) => Plan | string,
): BlockedRule =>
  rule(name, [op], (node, context) => {
    const layer = blockedLayerOf(node, context);
    return typeof layer === "string" ? layer : match(node, layer, context);
  });

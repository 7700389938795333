import { fourSizes } from "../../core/shape.js";
import { isOp, type Node, type Value } from "../../graph/graph.js";
import type { Inputs } from "../../graph/op.js";
import { type ConvAttributes, convInputGradOp, convOp, convWeightGradOp } from "../../ops/conv.js";

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

/** A node of any operator. */
export type AnyNode = Pick<Node, "outputs"> & {
  readonly op: unknown;
  readonly attributes: object;
  readonly inputs: Inputs;
};

/** Input, weight and output of the layer whose forward pass or gradient a node computes, and its geometry. */
export function partsOf(node: AnyNode) {
  const [result] = node.outputs as readonly [Value];
  const parts = (attributes: ConvAttributes, x: Value, weight: Value, y: Value) => ({ attributes, x, weight, y });
  if (isOp(node, convOp)) return parts(node.attributes, node.inputs[0], node.inputs[1], result);
  if (isOp(node, convInputGradOp)) return parts(node.attributes, result, node.inputs[1], node.inputs[0]);
  if (isOp(node, convWeightGradOp)) return parts(node.attributes, node.inputs[0], result, node.inputs[1]);
  return undefined;
}

/** The layer whose output or gradient a node computes; undefined for other nodes and for a symbolic batch. */
export function layerShape(node: AnyNode): ConvLayer | undefined {
  const parts = partsOf(node);
  if (!parts || [parts.x, parts.weight, parts.y].some(({ shape }) => shape.includes("N"))) return undefined;
  const [n, channels, height, width] = fourSizes(parts.x.shape);
  const [filters, perGroup, kh, kw] = fourSizes(parts.weight.shape);
  const [, , oh, ow] = fourSizes(parts.y.shape);
  const { strides, pads, dilations, group } = parts.attributes;
  const kernel = [kh, kw] as const;
  return { strides, pads, dilations, group, n, channels, height, width, filters, perGroup, kernel, oh, ow };
}

/**
 * A layer's weight gradient is a convolution of x with dy as the kernel. The elements of dw are its outputs, so the layer's strides and
 * dilations change places. Where channels lie along the rows, a pixel is `lanes` columns, and each column an output.
 */
export function dyAsKernel({ strides, dilations }: Pick<ConvLayer, "strides" | "dilations">, lanes?: number) {
  if (lanes === undefined) return { strides: dilations, dilations: strides };
  return { strides: [dilations[0], 1] as const, dilations: [strides[0], strides[1] * lanes] as const };
}

/** A strided 1×1 layer without padding reads one pixel per stride: the same on an input without the others. */
export function withoutSkipped<L extends ConvLayer>(layer: L): L {
  const { kernel, strides, pads, oh, ow } = layer;
  const skips = kernel[0] * kernel[1] === 1 && strides[0] * strides[1] > 1 && pads.every((p) => p === 0);
  return skips ? { ...layer, height: oh, width: ow, strides: [1, 1] } : layer;
}

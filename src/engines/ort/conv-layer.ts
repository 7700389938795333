import { fourSizes } from "../../core/shape.js";
import { attributesOf } from "../../formats/onnx/writer.js";
import type { Node, Value } from "../../graph/graph.js";
import type { ConvAttributes } from "../../ops/conv.js";

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

/**
 * A layer's weight gradient is a convolution of x with dy as the kernel. The elements of dw are its outputs, so the layer's strides and
 * dilations change places. Where channels lie along the rows, a pixel is `lanes` columns, and each column an output.
 */
export function dyAsKernel({ strides, dilations }: Pick<ConvLayer, "strides" | "dilations">, lanes?: number) {
  if (lanes === undefined) return { strides: dilations, dilations: strides };
  return { strides: [dilations[0], 1] as const, dilations: [strides[0], strides[1] * lanes] as const };
}

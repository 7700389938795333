import { requireFinite } from "../../core/finite.js";
import { check, type Fields, options as fields, flag, maybe, oneOf, metadata as texts } from "../../core/schema.js";
import type { Tensor } from "../../core/tensor.js";
import { type Graph, graphSchema } from "../../graph/graph.js";
import { type CompressedType, compressWeights } from "../../graph/passes/compress-weights.js";
import { foldBatchNorm } from "../../graph/passes/fold-batch-norm.js";
import { publishFeatures, publishTaps } from "../../graph/passes/publish.js";
import { defaultOpset, inferenceRules, lowerToOnnx } from "./lower.js";
import { encodeOnnx } from "./proto.js";

/** The ONNX operator sets that {@link exportOnnx} writes. */
export const opsets = [13, 14, 15, 16, 17, 18, 19, 20, 21] as const;

/** Element types that weights can be stored in. Whatever it is, the network computes in float32. */
export const precisions = ["float32", "float16", "int8"] as const satisfies readonly ("float32" | CompressedType)[];

/** What a graph becomes before it is written. */
export interface ExportedGraphOptions {
  /** Make batch norms part of the convolutions that they follow. Default true. */
  readonly foldBatchNorm?: boolean;
  /** Element type of stored weights: float16 halves a file, int8 (a scale for each output channel) quarters it. Default float32. */
  readonly precision?: (typeof precisions)[number];
  /** Give the attention maps as outputs, called by path and name: `layer2.0.attention/channel`. Default false. */
  readonly attentionMaps?: boolean;
  /** Give the last feature maps before the global pooling as output `features`. Default false. */
  readonly features?: boolean;
}

/** Options of {@link exportOnnx}. */
export interface ExportOptions extends ExportedGraphOptions {
  /** ONNX operator set, 13 … 21. Default 17. */
  readonly opset?: (typeof opsets)[number];
  /** Written into the model as text, such as class names and preprocessing. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export const exportFields: Fields<ExportOptions> = {
  foldBatchNorm: maybe(flag),
  precision: maybe(oneOf(...precisions)),
  attentionMaps: maybe(flag),
  features: maybe(flag),
  opset: maybe(oneOf(...opsets)),
  metadata: maybe(texts),
};
export const exportOptions = fields<ExportOptions>(exportFields);

/**
 * The graph that {@link exportOnnx} writes: outputs added, batch norms folded, weights rounded as they will be stored.
 * An engine can run it, to see what a file will compute.
 *
 * @throws OptionError for a precision that there is not; FoveaError if there are no features to give, or weights are not finite.
 *
 * @example
 * const rounded = exportedGraph(trace(model, [1, 3, 32, 32]), { precision: "int8" });
 */
export function exportedGraph(graph: Graph, options: ExportedGraphOptions = {}): Graph {
  check("exportedGraph", "graph", graphSchema, graph);
  check("exportedGraph", "options", exportOptions, options);
  const { foldBatchNorm: fold = true, precision = "float32", attentionMaps = false, features = false } = options;
  let result = features ? publishFeatures(graph) : graph;
  if (attentionMaps) result = publishTaps(result);
  // Folding first: what is rounded is what is multiplied.
  if (fold) result = foldBatchNorm(result);
  if (precision !== "float32") result = compressWeights(result, precision);
  requireFinite("exportOnnx", weightsOf(result));
  return result;
}

/** The numbers that a graph holds. Folding divides by the root of a variance, which a damaged file may have as a negative number. */
function* weightsOf(graph: Graph): Generator<readonly [name: string, value: Tensor]> {
  for (const { inputs, scope } of graph.nodes)
    for (const { source } of inputs) {
      if (source.kind === "constant") yield [`a constant of ${scope || "the graph"}`, source.tensor];
      if (source.kind === "state") yield [source.name, source.cell.value];
    }
}

/**
 * An inference graph as an ONNX file, standard operators only, its weights inside.
 *
 * @throws FoveaError if the graph holds operators that belong to training; OptionError for an option that cannot be used.
 *
 * @example
 * await writeFile("model.onnx", exportOnnx(trace(model, ["N", 3, 224, 224]), { precision: "float16" }));
 */
export function exportOnnx(graph: Graph, options: ExportOptions = {}): Uint8Array {
  check("exportOnnx", "graph", graphSchema, graph);
  check("exportOnnx", "options", exportOptions, options);
  const { opset = defaultOpset, metadata = {}, precision } = options;
  const keepFloat16 = precision === "float16";
  return encodeOnnx(lowerToOnnx(exportedGraph(graph, options), inferenceRules, { metadata, opset, keepFloat16 }).model);
}

import { OptionError } from "../../core/errors.js";
import { requireFinite } from "../../core/finite.js";
import {
  check,
  type Fields,
  options as fields,
  fieldsOf,
  flag,
  maybe,
  oneOf,
  type Schema,
  metadata as texts,
  that,
} from "../../core/schema.js";
import type { Tensor } from "../../core/tensor.js";
import { type Graph, graphSchema } from "../../graph/graph.js";
import { type CompressedType, compressWeights } from "../../graph/passes/compress-weights.js";
import { foldBatchNorm } from "../../graph/passes/fold-batch-norm.js";
import { publishFeatures, publishTaps } from "../../graph/passes/publish.js";
import { type Calibration, quantize } from "../../graph/passes/quantize.js";
import { formatScope } from "../../graph/scope.js";
import { toModel } from "./ir.js";
import { defaultOpset, inferenceRules, lowerToOnnx } from "./lower.js";
import { encodeOnnx } from "./proto.js";

/** The ONNX operator sets that {@link exportOnnx} writes. */
export const opsets = [13, 14, 15, 16, 17, 18, 19, 20, 21] as const;

/** Element types of stored weights. The network computes in float32, unless it is calibrated. */
export const precisions = ["float32", "float16", "int8"] as const satisfies readonly ("float32" | CompressedType)[];

/** How a graph is transformed before export. */
export interface ExportedGraphOptions {
  /** Fold batch norms into the convolutions that they follow. Default true. */
  readonly foldBatchNorm?: boolean;
  /** Element type of stored weights: float16 halves a file, int8 (with a scale per output channel) quarters it. Default float32. */
  readonly precision?: (typeof precisions)[number];
  /**
   * With `precision: "int8"`: compute in integers too, with activations in the ranges that `calibrate` measured. Default: weights alone
   * are integers, and the network computes in float32.
   */
  readonly calibration?: Calibration;
  /** Add the attention maps as outputs, named by path: `layer2.0.attention/channel`. Default false. */
  readonly attentionMaps?: boolean;
  /** Add the last feature maps before global pooling as output `features`. Default false. */
  readonly features?: boolean;
}

/** Options of {@link exportOnnx}. */
export interface ExportOptions extends ExportedGraphOptions {
  /** ONNX operator set, 13 … 21. Default 17. */
  readonly opset?: (typeof opsets)[number];
  /** Text metadata of the model, such as class names and preprocessing. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const calibrationSchema: Schema<Calibration> = fieldsOf<Calibration>(
  {
    ranges: that("a list of ranges, each [low, high]", (value) => {
      const isRange = (range: unknown) =>
        Array.isArray(range) && range.length === 2 && range.every(Number.isFinite) && range[0] <= range[1];
      return Array.isArray(value) && value.every(isRange);
    }),
  },
  "a calibration, as calibrate() gives",
);

export const exportFields: Fields<ExportOptions> = {
  foldBatchNorm: maybe(flag),
  precision: maybe(oneOf(...precisions)),
  calibration: maybe(calibrationSchema),
  attentionMaps: maybe(flag),
  features: maybe(flag),
  opset: maybe(oneOf(...opsets)),
  metadata: maybe(texts),
};
export const exportOptions = fields<ExportOptions>(exportFields);

/**
 * The graph that {@link exportOnnx} writes: outputs added, batch norms folded, weights rounded as stored.
 * Run it on an engine to see what the file will compute.
 *
 * @throws OptionError for an unknown precision; FoveaError if the network has no such features, or weights are not finite.
 *
 * @example
 * const rounded = exportedGraph(trace(model, [1, 3, 32, 32]), { precision: "int8" });
 */
export function exportedGraph(graph: Graph, options: ExportedGraphOptions = {}): Graph {
  check("exportedGraph", "graph", graphSchema, graph);
  check("exportedGraph", "options", exportOptions, options);
  const { foldBatchNorm: fold = true, precision = "float32", attentionMaps = false, features = false } = options;
  const { calibration } = options;
  if (calibration && (precision !== "int8" || !fold))
    throw new OptionError('exportedGraph: calibration needs precision "int8", and batch norms folded');
  let result = features ? publishFeatures(graph) : graph;
  if (attentionMaps) result = publishTaps(result);
  // Folded first, so that rounding applies to the final weights.
  if (fold) result = foldBatchNorm(result);
  if (calibration) result = quantize(result, calibration);
  if (precision !== "float32") result = compressWeights(result, precision);
  requireFinite("exportOnnx", weightsOf(result));
  return result;
}

/** The constants and cells of a graph. Folding divides by the root of a variance, which may be negative in a damaged file. */
function* weightsOf(graph: Graph): Generator<readonly [name: string, value: Tensor]> {
  for (const { inputs, scope } of graph.nodes)
    for (const { source } of inputs) {
      if (source.kind === "constant") yield [`a constant of ${formatScope(scope) || "the graph"}`, source.tensor];
      if (source.kind === "state") yield [source.name, source.cell.value];
    }
}

/**
 * Exports an inference graph as an ONNX file of standard operators, with its weights.
 *
 * @throws FoveaError if the graph has training operators; OptionError for an invalid option.
 *
 * @example
 * await writeFile("model.onnx", exportOnnx(trace(model, ["N", 3, 224, 224]), { precision: "float16" }));
 */
export function exportOnnx(graph: Graph, options: ExportOptions = {}): Uint8Array {
  check("exportOnnx", "graph", graphSchema, graph);
  check("exportOnnx", "options", exportOptions, options);
  const { opset = defaultOpset, metadata = {}, precision } = options;
  const keepFloat16 = precision === "float16";
  const module = lowerToOnnx(exportedGraph(graph, options), inferenceRules, { metadata, opset, keepFloat16 });
  // Alone in its buffer, which programs may pass on.
  return encodeOnnx(toModel(module)).slice();
}

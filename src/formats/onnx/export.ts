import type { Graph } from "../../graph/graph.js";
import { inferenceRules, lowerToOnnx } from "./lower.js";
import { encodeOnnx } from "./proto.js";

/** Options of {@link exportOnnx}. */
export interface ExportOptions {
  /** Written into the model as text, such as class names and preprocessing. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * An inference graph as an ONNX file (operator set 17, standard operators only), its weights inside.
 *
 * @throws FoveaError if the graph holds operators that belong to training.
 *
 * @example
 * await writeFile("model.onnx", exportOnnx(trace(model, ["N", 3, 224, 224])));
 */
export function exportOnnx(graph: Graph, { metadata = {} }: ExportOptions = {}): Uint8Array {
  return encodeOnnx(lowerToOnnx(graph, inferenceRules, metadata).model);
}

import { sizeOf, type Tensor, tensor, toFloat64 } from "../../core/tensor.js";
import type { Graph, Node, Value } from "../graph.js";
import { type Rebuild, rebuild } from "./rebuild.js";
import { usesOf } from "./uses.js";

/**
 * Folds batch norms into the convolutions that they follow. With σ = √(variance + ε):
 *
 * 1. A `BatchNormalization` of a `Conv` is folded if it is the convolution's only use: no other node, output, update or tap.
 * 2. Their other inputs must be fixed: constants, and cells that the graph does not update.
 * 3. The convolution's weight becomes w[o] · γ[o]/σ[o], its bias (b[o] − mean[o]) · γ[o]/σ[o] + β[o] (b = 0 where there was none),
 *    in float64, so that engines and files round once.
 * 4. The new weight keeps the old name if only this convolution reads it; the bias gets the weight's name with `bias` for `weight`.
 *    The model's own cells do not change.
 *
 * @example
 * foldBatchNorm(trace(resnet(18), ["N", 3, 224, 224])); // 20 nodes fewer
 */
export function foldBatchNorm(graph: Graph): Graph {
  const uses = usesOf(graph);
  const updated = new Set(graph.updates.map(({ cell }) => cell));
  const contentsOf = ({ source }: Value): Tensor | undefined => {
    if (source.kind === "constant") return source.tensor;
    return source.kind === "state" && !updated.has(source.cell) ? source.cell.value : undefined;
  };
  const folds = new Map<Node, Node>();
  for (const norm of graph.nodes) {
    const conv = norm.op.name === "BatchNormalization" ? norm.inputs[0]!.node : undefined;
    if (conv?.op.name !== "Conv" || uses.get(conv.outputs[0]!)?.length !== 1) continue;
    if ([...conv.inputs.slice(1), ...norm.inputs.slice(1)].every(contentsOf)) folds.set(norm, conv);
  }
  const folded = new Set(folds.values());

  const fold = (norm: Node, conv: Node, to: Rebuild): readonly Value[] => {
    const parts = [...conv.inputs.slice(1, 2), ...norm.inputs.slice(1)].map((value) => toFloat64(contentsOf(value)!));
    const [weight, gamma, beta, mean, variance] = parts.map(({ data }) => data) as Float64Array[];
    const bias = conv.inputs[2] && toFloat64(contentsOf(conv.inputs[2])!).data;
    const epsilon = norm.attributes.epsilon as number;
    const factor = gamma!.map((g, o) => g / Math.sqrt(variance![o]! + epsilon));
    const { shape } = parts[0]!;
    const perFilter = sizeOf(shape.slice(1));
    const newWeight = weight!.map((w, i) => w * factor[Math.floor(i / perFilter)]!);
    const newBias = factor.map((f, o) => ((bias?.[o] ?? 0) - mean![o]!) * f + beta![o]!);
    const { source } = conv.inputs[1]!;
    const own = source.kind === "state" ? source.name : "weight";
    const name = uses.get(conv.inputs[1]!)!.length === 1 ? own : `${own}/folded`;
    const inputs = [
      to.get(conv.inputs[0]!),
      to.state(name, tensor("float64", shape, newWeight)),
      to.state(name.replace(/weight(?=$|\/)/, "bias"), tensor("float64", [newBias.length], newBias)),
    ];
    return to.target.within(conv.scope, () => to.target.apply(conv.op, inputs, conv.attributes));
  };

  return rebuild(graph, {
    node: (node, to) => {
      if (folded.has(node)) return [];
      const conv = folds.get(node);
      return conv && fold(node, conv, to);
    },
  });
}

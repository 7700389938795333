import { computed, sizeOf, type Tensor, tensor, toFloat64, toFloats } from "../../core/tensor.js";
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
 * @param isLazy Whether new weights are float32, and computed whenever they are read, in memory that they share: for a compiler, which
 *    reads one after the other, once.
 * @example
 * foldBatchNorm(trace(resnet(18), ["N", 3, 224, 224])); // 20 nodes fewer
 */
export function foldBatchNorm(graph: Graph, isLazy = false): Graph {
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
  let scratch = new Float32Array(0);
  const shared = (length: number) =>
    (scratch.length < length ? (scratch = new Float32Array(length)) : scratch).subarray(0, length);

  const fold = (norm: Node, conv: Node, to: Rebuild): readonly Value[] => {
    const weight = contentsOf(conv.inputs[1]!)!;
    const vectors = norm.inputs.slice(1).map((value) => toFloat64(contentsOf(value)!).data);
    const [gamma, beta, mean, variance] = vectors;
    const bias = conv.inputs[2] && toFloat64(contentsOf(conv.inputs[2])!).data;
    const epsilon = norm.attributes.epsilon as number;
    const factor = gamma!.map((g, o) => g / Math.sqrt(variance![o]! + epsilon));
    const { shape } = weight;
    const perFilter = sizeOf(shape.slice(1));
    const scale = <A extends Float32Array | Float64Array>(scaled: A): A => {
      const { data } = toFloats(weight);
      for (let i = 0; i < scaled.length; i++) scaled[i] = data[i]! * factor[Math.floor(i / perFilter)]!;
      return scaled;
    };
    const newBias = factor.map((f, o) => ((bias?.[o] ?? 0) - mean![o]!) * f + beta![o]!);
    const { source } = conv.inputs[1]!;
    const own = source.kind === "state" ? source.name : "weight";
    const name = uses.get(conv.inputs[1]!)!.length === 1 ? own : `${own}/folded`;
    const inputs = [
      to.get(conv.inputs[0]!),
      to.state(
        name,
        isLazy
          ? computed("float32", shape, () => scale(shared(sizeOf(shape))))
          : tensor("float64", shape, scale(new Float64Array(sizeOf(shape)))),
      ),
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

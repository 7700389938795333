import { gradients } from "../../autodiff/gradients.js";
import { ancestors, type Graph, type Node, type Value } from "../../graph/graph.js";
import { add, div, mul, sqrt, sub } from "../../ops/index.js";
import { reshape } from "../../ops/movement.js";

/** A constant that a node adds to a value that depends on the image. */
interface Bias {
  /** The sum. */
  readonly sum: Value;
  /** The constant, in a shape that broadcasts to it. */
  readonly bias: Value;
}

const overChannels = (vector: Value, { shape }: Value): Value =>
  reshape(
    vector,
    shape.map((_, axis) => (axis === 1 ? vector.shape[0]! : 1)),
  );

/** The learned constant that a node adds: a convolution's bias, a batch norm's β − μγ/σ, an added parameter. */
function biasOf({ op, inputs, outputs, attributes }: Node, varying: ReadonlySet<Value>): Bias | undefined {
  const [sum] = outputs;
  if (op.name === "Conv" && inputs[2]) return { sum: sum!, bias: overChannels(inputs[2], sum!) };
  if (op.name === "BatchNormalization") {
    const [, gamma, beta, mean, variance] = inputs as [Value, Value, Value, Value, Value];
    const deviation = sqrt(add(variance, attributes.epsilon as number));
    return { sum: sum!, bias: overChannels(sub(beta, div(mul(mean, gamma), deviation)), sum!) };
  }
  if (op.name !== "Add") return undefined;
  const bias = inputs.find((value) => !varying.has(value));
  const isLearned = bias && [...ancestors([bias])].some(({ source }) => source.kind === "state");
  return isLearned ? { sum: sum!, bias } : undefined;
}

/**
 * For every bias b of a network, b ∘ ∂score/∂(the sum it is part of), as values of the graph. With the input's own share they add
 * up to the score of a ReLU network (FullGrad, Srinivas and Fleuret, 2019).
 */
export function biasShares(graph: Graph, input: Value, score: Value): Value[] {
  const varying = new Set([input]);
  const live = ancestors([score]);
  const found: Bias[] = [];
  for (const node of [...graph.nodes]) {
    if (!node.inputs.some((value) => varying.has(value))) continue;
    for (const value of node.outputs) varying.add(value);
    const bias = node.outputs.some((value) => live.has(value)) && biasOf(node, varying);
    if (bias) found.push(bias);
  }
  const slopes = gradients(
    score,
    found.map(({ sum }) => sum),
  );
  return found.flatMap(({ bias }, i) => (slopes[i] ? [mul(slopes[i], bias)] : []));
}

import type { GradientOptions } from "../../autodiff/gradients.js";
import type { Graph, Node, Value } from "../../graph/graph.js";
import { abs, div, greater, mul, relu, sub, where } from "../../ops/index.js";

type Rule = NonNullable<GradientOptions["rule"]>;

/** Rectifiers of the graph, whatever modules wrote them: ReLU, leaky ReLU, and ReLU6 and the like. */
export const isRectifier = ({ op, attributes }: Node): boolean =>
  op.name === "Relu" || op.name === "LeakyRelu" || (op.name === "Clip" && attributes.min === 0);

/** Guided backpropagation (Springenberg et al., 2015): a rectifier passes on positive gradients only, by its own rule. */
export const guided: Rule = (dy, node) => (isRectifier(node) ? node.op.grad(relu(dy), node) : undefined);

/** Deconvolution (Zeiler and Fergus, 2014): a rectifier rectifies the gradient, and does not look at its input. */
export const deconvolution: Rule = (dy, node) => (isRectifier(node) ? [relu(dy)] : undefined);

/** Functions of each element that are not linear. */
const nonlinear = new Set(
  "Relu LeakyRelu Clip HardSigmoid Sigmoid Tanh Softplus Exp Log Sqrt Erf Pow Abs Reciprocal".split(" "),
);

/** Below this difference of inputs the slope of the function stands for the difference quotient. */
const least = 1e-10;

/**
 * DeepLIFT's rescale rule (Shrikumar et al., 2017): the slope of a function of each element is its difference quotient between the image and
 * the baseline, Δy/Δx. `baselineOf` gives what a value is for the baseline. Products and maxima keep their gradients.
 */
export const rescale =
  (baselineOf: (value: Value) => Value): Rule =>
  (dy, node) => {
    if (!nonlinear.has(node.op.name)) return undefined;
    const [x, y] = [node.inputs[0]!, node.outputs[0]!];
    const [dx, change] = [sub(x, baselineOf(x)), sub(y, baselineOf(y))];
    const slope = node.op.grad(dy, node)[0] ?? mul(dy, 0);
    return [where(greater(least, abs(dx)), slope, mul(dy, div(change, dx)))];
  };

/** Writes the nodes of a graph once more, with other values for some; what does not depend on those stays as it is. */
export function replay(graph: Graph, values: ReadonlyMap<Value, Value>): (value: Value) => Value {
  const copies = new Map(values);
  const copyOf = (value: Value) => copies.get(value) ?? value;
  for (const node of [...graph.nodes]) {
    if (!node.inputs.some((value) => copies.has(value))) continue;
    const outputs = graph.within(node.scope, () => graph.apply(node.op, node.inputs.map(copyOf), node.attributes));
    outputs.forEach((value, i) => copies.set(node.outputs[i]!, value));
  }
  return copyOf;
}

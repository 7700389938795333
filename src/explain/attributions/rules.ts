import type { GradientOptions } from "../../autodiff/gradients.js";
import type { Graph, Node, Value } from "../../graph/graph.js";
import { abs, div, greater, mul, relu, sub, where } from "../../ops/index.js";

type Rule = NonNullable<GradientOptions["rule"]>;

/** ReLUs in the graph, whatever module they come from: ReLU, leaky ReLU, and ReLU6 and the like. */
export const isRectifier = ({ op, attributes }: Node): boolean =>
  op.name === "Relu" || op.name === "LeakyRelu" || (op.name === "Clip" && attributes.min === 0);

/** Guided backpropagation (Springenberg et al., 2015): a ReLU passes on positive gradients only, by its own rule. */
export const guided: Rule = (dy, node) => (isRectifier(node) ? node.op.grad(relu(dy), node) : undefined);

/** Deconvolution (Zeiler and Fergus, 2014): a ReLU rectifies the gradient, ignoring its input. */
export const deconvolution: Rule = (dy, node) => (isRectifier(node) ? [relu(dy)] : undefined);

/** Whether a node is a function of each number. */
const isFunction = ({ op, inputs }: Node): boolean =>
  op.elementwise === true && inputs.length === 1 && inputs[0]!.type.dtype === "float";

/** Below this difference of inputs the slope replaces the difference quotient. */
const least = 1e-10;

/**
 * DeepLIFT's rescale rule (Shrikumar et al., 2017): the slope of an elementwise function is its difference quotient between the image and
 * the baseline, Δy/Δx. `baselineOf` gives a value's counterpart for the baseline. Products and maxima keep their gradients.
 */
export const rescale =
  (baselineOf: (value: Value) => Value): Rule =>
  (dy, node) => {
    if (!isFunction(node)) return undefined;
    const [x, y] = [node.inputs[0]!, node.outputs[0]!];
    const [dx, change] = [sub(x, baselineOf(x)), sub(y, baselineOf(y))];
    const slope = node.op.grad(dy, node)[0] ?? mul(dy, 0);
    return [where(greater(least, abs(dx)), slope, mul(dy, div(change, dx)))];
  };

/** Copies the nodes of a graph with some values replaced; nodes that do not depend on those are kept. */
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

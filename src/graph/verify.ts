import { FoveaError } from "../core/errors.js";
import { check } from "../core/schema.js";
import { formatShape, sameShape } from "../core/shape.js";
import { ancestors, type Graph, graphSchema, type Value } from "./graph.js";
import { inScope } from "./scope.js";

/**
 * Checks that a graph is well formed:
 * 1. every input of a node is a source or the output of an earlier node of this graph;
 * 2. every type is the one the operator infers;
 * 3. outputs and updates are values of this graph, and no two updates share a cell.
 *
 * @throws FoveaError that names the node.
 */
export function verify(graph: Graph): void {
  check("verify", "graph", graphSchema, graph);
  const known = new Set<Value>();
  for (const node of graph.nodes) {
    const where = inScope(node.scope, node.op.name);
    for (const input of node.inputs)
      if (input.graph !== graph || (input.node && !known.has(input)))
        throw new FoveaError(`${where}: an input is not computed before the node`);
    const types = node.op.infer(
      node.inputs.map((value) => value.type),
      node.attributes,
    );
    node.outputs.forEach((value, i) => {
      const type = types[i];
      if (!type || type.dtype !== value.type.dtype || !sameShape(type.shape, value.shape))
        throw new FoveaError(
          `${where}: output ${i} is ${formatShape(value.shape)}, but its operator infers ${type && formatShape(type.shape)}`,
        );
      known.add(value);
    });
  }
  for (const value of ancestors([...graph.outputs.values(), ...graph.updates.map((update) => update.value)]))
    if (value.graph !== graph || (value.node && !known.has(value)))
      throw new FoveaError("an output or update is not computed by this graph");
  if (new Set(graph.updates.map((update) => update.cell)).size !== graph.updates.length)
    throw new FoveaError("two updates change one cell");
}

import type { Graph, Node, Value } from "../graph.js";

/** One place that reads a value: an input of a node, or (without a node) an output, an update or a tap. */
export interface Use {
  readonly node?: Node;
  /** Which input of the node. */
  readonly index?: number;
}

/**
 * Who reads each value of a graph. A value that nobody reads is not in it.
 *
 * @example
 * usesOf(graph).get(value)?.length === 1; // only one place would notice if the value went away
 */
export function usesOf(graph: Graph): ReadonlyMap<Value, readonly Use[]> {
  const uses = new Map<Value, Use[]>();
  const add = (value: Value, use: Use) => {
    const list = uses.get(value);
    if (list) list.push(use);
    else uses.set(value, [use]);
  };
  for (const node of graph.nodes) node.inputs.forEach((value, index) => add(value, { node, index }));
  for (const value of graph.outputs.values()) add(value, {});
  for (const { value } of [...graph.updates, ...graph.taps]) add(value, {});
  return uses;
}

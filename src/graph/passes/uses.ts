import type { Graph, Node, Value } from "../graph.js";

/** A use of a value: an input of a node, or, without a node, an output, update or tap. */
export interface Use {
  readonly node?: Node;
  /** Which input of the node. */
  readonly index?: number;
}

/**
 * The uses of each value of a graph. Unused values are not in it.
 *
 * @example
 * usesOf(graph).get(value)?.length === 1; // a single use
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

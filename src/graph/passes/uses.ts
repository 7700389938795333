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

/** The nodes, of those given, that read each value; undefined for each output or update that it is. */
export function readersOf(graph: Graph, nodes: readonly Node[]): ReadonlyMap<Value, readonly (Node | undefined)[]> {
  const readers = new Map<Value, (Node | undefined)[]>();
  const add = (value: Value, reader?: Node) => {
    const list = readers.get(value);
    if (list) list.push(reader);
    else readers.set(value, [reader]);
  };
  for (const node of nodes) for (const value of node.inputs) add(value, node);
  for (const value of [...graph.outputs.values(), ...graph.updates.map((update) => update.value)]) add(value);
  return readers;
}

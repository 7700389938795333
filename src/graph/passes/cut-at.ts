import { ancestors, type Graph, liveProgram, type Value } from "../graph.js";
import { rebuild } from "./rebuild.js";

/** A graph in two at some of its values, so that what comes after them can be run, or differentiated, alone. */
export interface CutAt {
  /** The graph with outputs `activation/<i>`, one for each of the values, and `context/<k>`. */
  readonly head: Graph;
  /**
   * From inputs `activation/<i>` and `context/<k>` to the graph's outputs. A value that depends on another one is not an input: it is
   * computed again.
   */
  readonly tail: Graph;
  /** The values in the tail, in the order given. */
  readonly values: readonly Value[];
  /** The inputs of the tail that its outputs depend on: names of outputs of the head, or of inputs of the graph. */
  readonly reads: readonly string[];
}

/**
 * Cuts a graph at `values`. What the rest reads beside them, such as a shortcut that leads around them, is its context.
 *
 * @example
 * const { head, tail } = cutAt(graph, [layer3]); // head: input → output, activation/0; tail: activation/0 → output
 */
export function cutAt(graph: Graph, values: readonly Value[]): CutAt {
  const after = dependentsOf(graph, values);
  const names = new Map<Value, string>();
  values.forEach((value, i) => {
    if (!after.has(value)) names.set(value, `activation/${i}`);
  });
  const varying = dependentsOf(graph, graph.inputs.values());
  const context = liveProgram(graph)
    .nodes.filter((node) => node.outputs.some((value) => after.has(value)))
    .flatMap((node) => node.inputs)
    .filter((value) => value.node && varying.has(value) && !after.has(value) && !names.has(value));
  [...new Set(context)].forEach((value, k) => names.set(value, `context/${k}`));

  const copies = new Map<Value, Value>();
  const head = rebuild(graph, {
    node: (node, to) => {
      const outputs = to.target.apply(node.op, node.inputs.map(to.get), node.attributes);
      node.outputs.forEach((value, i) => copies.set(value, outputs[i]!));
      return outputs;
    },
  });
  values.forEach((value, i) => head.output(`activation/${i}`, copies.get(value)!));
  for (const [value, name] of names) if (name.startsWith("context/")) head.output(name, copies.get(value)!);

  const inTail = new Map<Value, Value>();
  const tail = rebuild(graph, {
    node: (node, to) => {
      if (!node.outputs.some((value) => names.has(value) || values.includes(value))) return undefined;
      const outputs = to.target.apply(node.op, node.inputs.map(to.get), node.attributes);
      return node.outputs.map((value, i) => {
        const name = names.get(value);
        const copy = name ? to.target.input(name, value.type) : outputs[i]!;
        inTail.set(value, copy);
        return copy;
      });
    },
  });
  const reads = [...ancestors(tail.outputs.values())].flatMap(({ source }) =>
    source.kind === "input" ? [source.name] : [],
  );
  return { head, tail, values: values.map((value) => inTail.get(value)!), reads };
}

/** The values that depend on one of `sources`, those left out that do not depend on another one. */
function dependentsOf(graph: Graph, sources: Iterable<Value>): Set<Value> {
  const from = new Set(sources);
  const found = new Set<Value>();
  for (const node of graph.nodes)
    if (node.inputs.some((value) => from.has(value) || found.has(value)))
      for (const value of node.outputs) found.add(value);
  return found;
}

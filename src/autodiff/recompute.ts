import type { Graph, Node, Value } from "../graph/graph.js";
import { barrier } from "../ops/movement.js";

/** The name of the part that a node belongs to; undefined if its values are to be stored. */
export type PartOf = (node: Node) => string | undefined;

/**
 * Gradient checkpointing (Chen et al., 2016): gradients within a part read values recomputed from the part's inputs, once a gradient
 * has reached the part, so the forward pass need not store them. Engines schedule nodes as they like, so the inputs pass through a
 * barrier that waits for that gradient.
 */
export class Recomputation {
  readonly #graph: Graph;
  readonly #partOf: PartOf;
  /** The first gradient that reached each part. */
  readonly #signals = new Map<string, Value>();
  readonly #entering = new Map<string, Map<Value, Value>>();
  readonly #copies = new Map<Node, Node>();

  constructor(graph: Graph, partOf: PartOf) {
    this.#graph = graph;
    this.#partOf = partOf;
  }

  /** The recomputed copy of a node, or the node itself if it is in no part. `dy` is its gradient. */
  again(node: Node, dy: Value): Node {
    const part = this.#partOf(node);
    if (part === undefined) return node;
    if (!this.#signals.has(part)) this.#signals.set(part, dy);
    return this.#copyOf(node, part);
  }

  #copyOf(node: Node, part: string): Node {
    let copy = this.#copies.get(node);
    if (!copy) {
      const inputs = node.inputs.map((value) => this.#valueIn(part, value));
      copy = this.#graph.within(node.scope, () => this.#graph.apply(node.op, inputs, node.attributes))[0]!.node!;
      this.#copies.set(node, copy);
    }
    return copy;
  }

  #valueIn(part: string, value: Value): Value {
    const { source } = value;
    if (source.kind === "state" || source.kind === "constant") return value;
    if (source.kind === "node" && this.#partOf(source.node) === part)
      return this.#copyOf(source.node, part).outputs[source.index]!;
    const entering = this.#entering.get(part) ?? new Map<Value, Value>();
    this.#entering.set(part, entering);
    let late = entering.get(value);
    if (!late) entering.set(value, (late = barrier(value, this.#signals.get(part)!)));
    return late;
  }
}

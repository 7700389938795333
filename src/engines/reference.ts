import { FoveaError } from "../core/errors.js";
import { copyOf, type Tensor, toFloat64 } from "../core/tensor.js";
import { type Cell, type Graph, liveProgram, type Node, type Program, type Value } from "../graph/graph.js";
import type { Dense } from "../graph/op.js";
import type { Arrays, Engine, Executable } from "./engine.js";
import { checkFeeds, checkGraph } from "./feeds.js";

/**
 * The definition: evaluates each operator's own `run`, node by node, in float64, state included. Slow; the other engines are tested
 * against it.
 */
export function referenceEngine(): Engine {
  return {
    name: "reference",
    compile: async (graph) => {
      checkGraph(graph);
      return new ReferenceExecutable(graph);
    },
    release: async () => {},
  };
}

class ReferenceExecutable implements Executable {
  readonly #graph: Graph;
  readonly #program: Program;
  readonly #constants: ReadonlyMap<Value, Dense>;
  readonly #lastUse: ReadonlyMap<Value, number>;
  readonly #state: Map<Cell, Dense>;
  #isReleased = false;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#program = liveProgram(graph);
    this.#constants = new Map(
      this.#program.constants.flatMap((value) =>
        value.source.kind === "constant" ? [[value, toFloat64(value.source.tensor)]] : [],
      ),
    );
    this.#lastUse = this.#lastUses(this.#program.nodes);
    const cells = [...graph.states.keys(), ...graph.updates.map((update) => update.cell)];
    // Copied, because a run must not change the module.
    this.#state = new Map(cells.map((cell) => [cell, copyOf(toFloat64(cell.value))]));
  }

  async run(inputs: Arrays): Promise<Record<string, Tensor>> {
    this.#requireState();
    const { nodes, ...sources } = this.#program;
    checkFeeds(this.#program, this.#graph.inputs.keys(), inputs);
    const values = new Map<Value, Dense>(this.#constants);
    for (const value of sources.inputs)
      if (value.source.kind === "input") values.set(value, toFloat64(inputs[value.source.name]!));
    for (const value of sources.states)
      if (value.source.kind === "state") values.set(value, this.#state.get(value.source.cell)!);
    nodes.forEach((node, i) => {
      const results = node.op.run(
        node.inputs.map((value) => values.get(value)!),
        node.attributes,
      );
      node.outputs.forEach((value, k) => values.set(value, results[k]!));
      for (const value of [...node.inputs, ...node.outputs])
        if ((this.#lastUse.get(value) ?? i) <= i) values.delete(value);
    });
    const outputs = Object.fromEntries([...this.#graph.outputs].map(([name, value]) => [name, values.get(value)!]));
    for (const { cell, value } of this.#graph.updates) this.#state.set(cell, values.get(value)!);
    return outputs;
  }

  /** The index of the last node that reads each value; infinity for outputs and updates. */
  #lastUses(nodes: readonly Node[]): Map<Value, number> {
    const last = new Map<Value, number>();
    nodes.forEach((node, i) => {
      for (const value of node.inputs) last.set(value, i);
    });
    for (const value of this.#graph.outputs.values()) last.set(value, Number.POSITIVE_INFINITY);
    for (const { value } of this.#graph.updates) last.set(value, Number.POSITIVE_INFINITY);
    return last;
  }

  async readState(): Promise<Map<Cell, Tensor>> {
    this.#requireState();
    return new Map(this.#graph.updates.map(({ cell }) => [cell, this.#state.get(cell)!]));
  }

  async release(): Promise<void> {
    this.#state.clear();
    this.#isReleased = true;
  }

  #requireState(): void {
    if (this.#isReleased) throw new FoveaError("this executable has been released");
  }
}

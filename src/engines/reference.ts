import { FoveaError } from "../core/errors.js";
import { copyOf, type Tensor, toFloat64 } from "../core/tensor.js";
import { type Cell, type Graph, liveProgram, type Program, type Value } from "../graph/graph.js";
import type { Dense } from "../graph/op.js";
import { readersOf } from "../graph/passes/uses.js";
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
  readonly #readers: ReturnType<typeof readersOf>;
  readonly #state: Map<Cell, Dense>;
  #isReleased = false;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#program = liveProgram(graph);
    this.#constants = new Map(this.#program.constants.map((value) => [value, toFloat64(value.source.tensor)]));
    this.#readers = readersOf(graph, this.#program.nodes);
    const cells = [...graph.states.keys(), ...graph.updates.map((update) => update.cell)];
    // Copied, because a run must not change the module.
    this.#state = new Map(cells.map((cell) => [cell, copyOf(toFloat64(cell.value))]));
  }

  async run(feeds: Arrays): Promise<Record<string, Tensor>> {
    this.#requireState();
    const { nodes, ...sources } = this.#program;
    checkFeeds(this.#program, this.#graph.inputs.keys(), feeds);
    const values = new Map<Value, Dense>(this.#constants);
    for (const value of sources.inputs) values.set(value, toFloat64(feeds[value.source.name]!));
    for (const value of sources.states) values.set(value, this.#state.get(value.source.cell)!);
    const unread = new Map([...this.#readers].map(([value, readers]) => [value, readers.length]));
    for (const { op, inputs, outputs, attributes } of nodes) {
      const given = inputs.map((value) => values.get(value)!);
      const results = op.run(given, attributes);
      for (const [k, value] of outputs.entries()) if (unread.has(value)) values.set(value, results[k]!);
      for (const value of inputs) {
        const left = unread.get(value)! - 1;
        unread.set(value, left);
        if (left === 0) values.delete(value);
      }
    }
    const outputs = Object.fromEntries([...this.#graph.outputs].map(([name, value]) => [name, values.get(value)!]));
    for (const { cell, value } of this.#graph.updates) this.#state.set(cell, values.get(value)!);
    return outputs;
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

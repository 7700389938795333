import { having, type Schema } from "../core/schema.js";
import type { Tensor } from "../core/tensor.js";
import type { Cell, Graph } from "../graph/graph.js";

/** Arrays by the names of a graph's inputs or outputs. */
export type Arrays = Readonly<Record<string, Tensor>>;

/**
 * Something that runs graphs. What a graph updates is state: it lives in the executable from one run to the next.
 * Every other cell is a constant, read from its current value when the graph is compiled.
 */
export interface Engine {
  /** Short name, such as `ort` or `reference`. */
  readonly name: string;
  /** Prepares a graph for running. Shapes must be fixed unless the engine says otherwise. */
  compile(graph: Graph): Promise<Executable>;
  /** Frees what the engine itself holds. */
  release(): Promise<void>;
}

/** A compiled graph with its state. Calls that are not waited for take effect in their order. */
export interface Executable {
  /**
   * Runs the graph once: takes every input, returns every output, and moves the state by the graph's updates.
   * @throws FoveaError if an input is missing, unknown, of another shape, or does not fill its shape.
   */
  run(inputs: Arrays): Promise<Record<string, Tensor>>;
  /** The present contents of every cell that the graph updates. */
  readState(): Promise<Map<Cell, Tensor>>;
  /** Frees the buffers. */
  release(): Promise<void>;
}

/** What the functions that compute want. */
export const engineSchema: Schema<Engine> = having("an engine, such as ortEngine() makes", "compile", "release");

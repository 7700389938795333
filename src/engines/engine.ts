import { having, type Schema } from "../core/schema.js";
import type { Tensor } from "../core/tensor.js";
import type { Cell, Graph } from "../graph/graph.js";

/** Arrays by the names of a graph's inputs or outputs. */
export type Arrays = Readonly<Record<string, Tensor>>;

/**
 * Runs graphs. Cells that a graph updates are state, which lives in the executable from run to run.
 * All other cells are constants, read when the graph is compiled.
 */
export interface Engine {
  /** Short name, such as `ort` or `reference`. */
  readonly name: string;
  /** Compiles a graph. */
  compile(graph: Graph): Promise<Executable>;
  /** Frees the engine's resources. */
  release(): Promise<void>;
}

/** A compiled graph with its state. Calls take effect in order, awaited or not. */
export interface Executable {
  /**
   * Runs the graph once: takes all inputs, returns all outputs, applies the updates to the state.
   * @throws FoveaError if an input is missing, unknown, or of the wrong shape or size.
   */
  run(inputs: Arrays): Promise<Record<string, Tensor>>;
  /** The current contents of every updated cell. */
  readState(): Promise<Map<Cell, Tensor>>;
  /** Frees the buffers. */
  release(): Promise<void>;
}

export const engineSchema: Schema<Engine> = having("an engine, such as ortEngine()", "compile", "release");

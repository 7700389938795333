import { FoveaError, ShapeError } from "../core/errors.js";
import { callback, check, flag, instance, type Schema } from "../core/schema.js";
import { formatShape, type Shape, sameShape } from "../core/shape.js";
import { type Tensor, tensor } from "../core/tensor.js";
import type { Attributes, Op, ValueType } from "./op.js";

/**
 * A cell of state that outlives a graph: a weight, a running mean, a momentum.
 * Graphs read cells by `graph.state(cell)` and change them by `graph.update(cell, value)`.
 */
export interface Cell {
  readonly shape: readonly number[];
  readonly dtype: "float" | "int";
  /** The current contents. */
  readonly value: Tensor;
}

/** Where a value comes from. */
export type Source =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "state"; readonly name: string; readonly cell: Cell }
  | { readonly kind: "constant"; readonly tensor: Tensor }
  | { readonly kind: "node"; readonly node: Node; readonly index: number };

/** One array in a graph: a symbol with a type. Values are created by the graph and never change. */
export class Value {
  constructor(
    /** The graph it belongs to. */
    readonly graph: Graph,
    /** Number within its graph. */
    readonly id: number,
    /** Element type and shape. */
    readonly type: ValueType,
    /** Where it comes from: an input, a constant, a cell or a node. */
    readonly source: Source,
  ) {}

  /** Shape; the first dimension may be symbolic. */
  get shape(): Shape {
    return this.type.shape;
  }

  /** The node that computes this value, if one does. */
  get node(): Node | undefined {
    return this.source.kind === "node" ? this.source.node : undefined;
  }
}

/** One application of an operator. */
export class Node<A extends Attributes = Attributes> {
  /** Values that it computes. */
  readonly outputs: readonly Value[];

  constructor(
    graph: Graph,
    /** The operator. */
    readonly op: Op<A>,
    /** Values that it reads. */
    readonly inputs: readonly Value[],
    /** Attributes, as in ONNX. */
    readonly attributes: A,
    types: readonly ValueType[],
    /** Path and class of the module that wrote this node, for example `layer2.0.attention (CBAM)`. */
    readonly scope: string,
  ) {
    this.outputs = types.map((type, index) =>
      graph.newValue(type, { kind: "node", node: this as unknown as Node, index }),
    );
  }
}

/** A change of state: when the graph has run, `cell` holds `value`. */
export interface Update {
  readonly name: string;
  readonly cell: Cell;
  readonly value: Value;
}

/** A named intermediate that a module publishes, such as the map of its spatial gate. */
export interface Tap {
  readonly scope: string;
  readonly name: string;
  readonly value: Value;
}

/** What a random input of the graph must be filled with at each run: uniform numbers in [0, 1). */
export interface RandomInput {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * A program: inputs and state in, outputs and updates out. Built by applying operators to its values.
 * Nodes stand in the order in which they were written, which is a topological order.
 */
export class Graph {
  /** Inputs, by name. */
  readonly inputs = new Map<string, Value>();
  /** Outputs, by name. */
  readonly outputs = new Map<string, Value>();
  /** Nodes in the order they were added, in which they can be run. */
  readonly nodes: Node[] = [];
  /** New values of cells. */
  readonly updates: Update[] = [];
  /** Values published for explanations, such as attention maps. */
  readonly taps: Tap[] = [];
  /** Inputs that engines fill with random numbers, such as dropout masks. */
  readonly randoms: RandomInput[] = [];
  readonly #states = new Map<Cell, Value>();
  readonly #constants = new Map<number, Value>();
  readonly #bound = new Map<Cell, string>();
  readonly #scopes: string[] = [];
  #values = 0;

  constructor(
    /** Whether modules behave as in training: batch statistics, dropout. */
    readonly training = false,
    /** The path of a parameter (its key in a state dict) or of a module in the tree that is being traced. */
    readonly nameOf: (owner: object) => string | undefined = () => undefined,
  ) {
    check("Graph", "training", flag, training);
    check("Graph", "nameOf", callback, nameOf);
  }

  /** Declares an input. */
  input(name: string, type: ValueType): Value {
    if (this.inputs.has(name)) throw new FoveaError(`Graph: input "${name}" is declared twice`);
    const value = this.newValue(type, { kind: "input", name });
    this.inputs.set(name, value);
    return value;
  }

  /** The contents of a cell when the graph starts. */
  state(cell: Cell): Value {
    let value = this.#states.get(cell);
    if (!value) {
      const name = this.nameOf(cell);
      if (name === undefined)
        throw new FoveaError(`${this.where()}a parameter of shape [${cell.shape}] is not a field of the traced module`);
      value = this.newValue({ dtype: cell.dtype, shape: cell.shape }, { kind: "state", name, cell });
      this.#states.set(cell, value);
    }
    return value;
  }

  /** Lets `value` stand for the contents of a cell in this graph, under the given name. */
  bind(cell: Cell, name: string, value: Value): void {
    this.#states.set(cell, value);
    this.#bound.set(cell, name);
  }

  /** The contents of a cell as the updates written so far leave them. */
  current(cell: Cell): Value {
    return this.updates.find((update) => update.cell === cell)?.value ?? this.state(cell);
  }

  /** All cells read so far, with their values in this graph. */
  get states(): ReadonlyMap<Cell, Value> {
    return this.#states;
  }

  /** A constant array. */
  constant(contents: Tensor): Value {
    const dtype = contents.dtype.startsWith("int") ? "int" : contents.dtype === "bool" ? "bool" : "float";
    return this.newValue({ dtype, shape: contents.shape }, { kind: "constant", tensor: contents });
  }

  /** A constant number. Equal numbers share one value. */
  scalar(x: number): Value {
    let value = this.#constants.get(x);
    if (!value) this.#constants.set(x, (value = this.constant(tensor("float64", [], Float64Array.of(x)))));
    return value;
  }

  /** An input that is filled with fresh uniform numbers in [0, 1) at every run. */
  random(shape: readonly number[]): Value {
    const name = `random/${this.randoms.length}`;
    this.randoms.push({ name, shape });
    return this.input(name, { dtype: "float", shape });
  }

  /** Applies an operator. @throws ShapeError with the path of the module that is being traced. */
  apply<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A): readonly Value[] {
    for (const value of inputs)
      if (value.graph !== this) throw new FoveaError(`${this.where()}${op.name}: an input belongs to another graph`);
    let types: ValueType[];
    try {
      types = op.infer(
        inputs.map((value) => value.type),
        attributes,
      );
    } catch (error) {
      if (error instanceof ShapeError) throw new ShapeError(`${this.where()}${op.name}: ${error.message}`);
      throw error;
    }
    const node = new Node(this, op, inputs, attributes, types, this.#scopes.at(-1) ?? "");
    this.nodes.push(node as unknown as Node);
    return node.outputs;
  }

  /** Names an output. */
  output(name: string, value: Value): void {
    this.outputs.set(name, value);
  }

  /** Asks that `cell` holds `value` after the run. */
  update(cell: Cell, value: Value): void {
    if (!sameShape(cell.shape, value.shape))
      throw new ShapeError(`${this.where()}update: ${formatShape(cell.shape)} cannot hold ${formatShape(value.shape)}`);
    const name = this.nameOf(cell);
    if (name === undefined)
      throw new FoveaError(`${this.where()}update of a parameter that is not a field of the traced module`);
    const previous = this.updates.findIndex((update) => update.cell === cell);
    if (previous >= 0) this.updates.splice(previous, 1);
    this.updates.push({ name, cell, value });
  }

  /** Publishes an intermediate value under the path of the module that is being traced. */
  tap(name: string, value: Value): void {
    this.taps.push({ scope: this.#scopes.at(-1) ?? "", name, value });
  }

  /** Runs `build` with `scope` as the place that errors and taps name. */
  within<T>(scope: string, build: () => T): T {
    this.#scopes.push(scope);
    try {
      return build();
    } finally {
      this.#scopes.pop();
    }
  }

  /** @internal */
  newValue(type: ValueType, source: Source): Value {
    return new Value(this, this.#values++, type, source);
  }

  private where(): string {
    const scope = this.#scopes.at(-1);
    return scope ? `${scope} › ` : "";
  }
}

/** What functions of graphs and values want. */
export const graphSchema: Schema<Graph> = instance(Graph, "a Graph, as trace() makes one");
export const valueSchema: Schema<Value> = instance(Value, "a Value of a graph");

/** The values that `targets` depend on, themselves included. */
export function ancestors(targets: Iterable<Value>): Set<Value> {
  const seen = new Set<Value>();
  const pending = [...targets];
  for (let value = pending.pop(); value; value = pending.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (value.node) pending.push(...value.node.inputs);
  }
  return seen;
}

/** What a run must compute: the nodes that outputs and updates depend on, in order, and the sources those read. */
export interface Program {
  readonly nodes: readonly Node[];
  readonly inputs: readonly Value[];
  readonly states: readonly Value[];
  readonly constants: readonly Value[];
}

/** Drops what neither an output nor an update needs. */
export function program(graph: Graph): Program {
  const live = ancestors([...graph.outputs.values(), ...graph.updates.map((update) => update.value)]);
  const of = (kind: Source["kind"]) => [...live].filter((v) => v.source.kind === kind).sort((a, b) => a.id - b.id);
  return {
    nodes: graph.nodes.filter((node) => node.outputs.some((value) => live.has(value))),
    inputs: of("input"),
    states: of("state"),
    constants: of("constant"),
  };
}

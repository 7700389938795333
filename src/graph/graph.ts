import { FoveaError, OptionError, ShapeError } from "../core/errors.js";
import {
  callback,
  check,
  fieldsOf,
  flag,
  instance,
  isObject,
  oneOf,
  type Schema,
  settings,
  shape as shapeSchema,
  shown,
  sizes,
  text,
  that,
} from "../core/schema.js";
import { formatShape, type Shape, sameShape } from "../core/shape.js";
import { type Tensor, tensor, tensorSchema } from "../core/tensor.js";
import type { Attributes, Inputs, Op, ValueDType, ValueType } from "./op.js";
import { inScope, outside, type Scope, scopeSchema } from "./scope.js";

/**
 * State that outlives a graph: a weight, a running mean, a momentum.
 * Graphs read cells with `graph.state(cell)` and change them with `graph.update(cell, value)`.
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

  /** The node that computes this value, if any. */
  get node(): Node | undefined {
    return this.source.kind === "node" ? this.source.node : undefined;
  }
}

/** One application of an operator. */
export class Node<A extends Attributes = Attributes, I extends Inputs = readonly Value[]> {
  /** Values that it computes. */
  readonly outputs: readonly [Value, ...Value[]];

  constructor(
    graph: Graph,
    /** The operator. */
    readonly op: Op<A, I>,
    /** Values that it reads. */
    readonly inputs: I,
    /** Attributes, as in ONNX. */
    readonly attributes: A,
    types: readonly ValueType[],
    /** The module that created this node. */
    readonly scope: Scope,
  ) {
    this.outputs = types.map((type, index) =>
      graph.newValue(type, { kind: "node", node: this as unknown as Node, index }),
    ) as [Value, ...Value[]];
  }
}

/** Whether a node, if there is one, applies an operator. */
export const isOp = <N extends { readonly op: unknown }, A extends Attributes, I extends Inputs>(
  node: N | null | undefined,
  op: Op<A, I>,
): node is N & { readonly attributes: A; readonly inputs: I } => node?.op === op;

/** A change of state: after the run, `cell` holds `value`. */
export interface Update {
  readonly name: string;
  readonly cell: Cell;
  readonly value: Value;
}

/**
 * What a tap shows: a number for each `channel` [N,C,1,1], for each position (`spatial` [N,1,H,W]), for each channel along one side of the
 * plane (`strip` [N,C,H,1] or [N,C,1,W]), for each channel and position (`3-D` [N,C,H,W]), or for each pair of positions or channels
 * (`pairwise`).
 */
export const tapKinds = ["channel", "spatial", "strip", "3-D", "pairwise"] as const;
export type TapKind = (typeof tapKinds)[number];

/** A named intermediate that a module publishes, such as the map of its spatial gate. */
export interface Tap {
  readonly scope: Scope;
  readonly name: string;
  readonly value: Value;
  /** Not known where a module of the user's own does not say it. */
  readonly kind: TapKind | undefined;
}

/** What a module gave when it was called. */
export interface Call {
  /** The path of the module. */
  readonly path: string;
  readonly value: Value;
}

/** An input to be filled with fresh uniform numbers in [0, 1) for every run. */
export interface RandomInput {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * A program: inputs and state in, outputs and updates out. Built by applying operators to values.
 * Nodes are in the order of creation, which is a topological order.
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
  /** In the order in which they returned. A module that is applied twice appears twice. */
  readonly calls: Call[] = [];
  /** Inputs that engines fill with random numbers, such as dropout masks. */
  readonly randoms: RandomInput[] = [];
  readonly #states = new Map<Cell, Value>();
  readonly #constants = new Map<number, Value>();
  readonly #bound = new Map<Cell, string>();
  readonly #scopes: Scope[] = [];
  #values = 0;

  constructor(
    /** Training mode: batch statistics, dropout. */
    readonly training = false,
    /** The path of a parameter (its state-dict key) or module in the tree being traced. */
    readonly nameOf: (owner: object) => string | undefined = () => undefined,
  ) {
    check("Graph", "training", flag, training);
    check("Graph", "nameOf", callback, nameOf);
  }

  /** Declares an input. */
  input(name: string, type: ValueType): Value {
    check("Graph.input", "name", text, name);
    check("Graph.input", "type", typeSchema, type);
    if (this.inputs.has(name)) throw new FoveaError(`Graph: input "${name}" is declared twice`);
    const value = this.newValue(type, { kind: "input", name });
    this.inputs.set(name, value);
    return value;
  }

  /** The contents of a cell when the graph starts. */
  state(cell: Cell): Value {
    checkCell("state", cell);
    let value = this.#states.get(cell);
    if (!value) {
      const name = this.nameOf(cell);
      if (name === undefined)
        throw new FoveaError(this.where(`a parameter of shape [${cell.shape}] is not a field of the traced module`));
      value = this.newValue({ dtype: cell.dtype, shape: cell.shape }, { kind: "state", name, cell });
      this.#states.set(cell, value);
    }
    return value;
  }

  /** Substitutes `value` for the contents of a cell in this graph, under the given name. */
  bind(cell: Cell, name: string, value: Value): void {
    checkCell("bind", cell);
    check("Graph.bind", "name", text, name);
    this.#requireOwn("Graph.bind", "value", value);
    this.#states.set(cell, value);
    this.#bound.set(cell, name);
  }

  /** The contents of a cell after the updates so far. */
  current(cell: Cell): Value {
    checkCell("current", cell);
    return this.updates.find((update) => update.cell === cell)?.value ?? this.state(cell);
  }

  /** All cells read so far, with their values in this graph. */
  get states(): ReadonlyMap<Cell, Value> {
    return this.#states;
  }

  /** A constant array. */
  constant(contents: Tensor): Value {
    check("Graph.constant", "contents", tensorSchema, contents);
    const dtype = contents.dtype.startsWith("int") ? "int" : contents.dtype === "bool" ? "bool" : "float";
    return this.newValue({ dtype, shape: contents.shape }, { kind: "constant", tensor: contents });
  }

  /** A constant number. Equal numbers share one value. */
  scalar(x: number): Value {
    if (typeof x !== "number" || Number.isNaN(x))
      throw new OptionError(`Graph.scalar: x must be a number, got ${shown(x)}`);
    let value = this.#constants.get(x);
    if (!value) this.#constants.set(x, (value = this.constant(tensor("float64", [], Float64Array.of(x)))));
    return value;
  }

  /** An input of fresh uniform numbers in [0, 1) for every run. */
  random(shape: readonly number[]): Value {
    check("Graph.random", "shape", sizes, shape);
    const name = `random/${this.randoms.length}`;
    this.randoms.push({ name, shape });
    return this.input(name, { dtype: "float", shape });
  }

  /** Applies an operator. @throws ShapeError with the path of the module that is being traced; OptionError for anything that is not an operator or value. */
  apply<A extends Attributes, I extends Inputs>(
    op: Op<A, I>,
    inputs: readonly Value[],
    attributes: A,
  ): readonly Value[] {
    check("Graph.apply", "op", opSchema, op);
    if (!Array.isArray(inputs)) check("Graph.apply", "inputs", listOfValues, inputs);
    for (const value of inputs) this.#requireOwn(op.name, "each input", value);
    if (!isObject(attributes)) check("Graph.apply", "attributes", settings, attributes);
    // The operator's rule checks how many inputs there are.
    const applied = op as unknown as Op<A>;
    const types = this.#infer(applied, inputs, attributes);
    const node = new Node(this, applied, inputs, attributes, types, this.#scope);
    this.nodes.push(node as unknown as Node);
    return node.outputs;
  }

  #infer<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A): ValueType[] {
    const where = this.where(op.name);
    const given = inputs.map((value) => value.type);
    let problem = `does not take ${given.map(({ shape }) => formatShape(shape)).join(", ") || "no inputs"}, or these attributes`;
    try {
      const types = op.infer(given, attributes);
      if (types.length > 0 && types.every((type) => type?.shape.every(isDim))) return types;
    } catch (error) {
      // A rule that fails otherwise was given other inputs or attributes than its operator has.
      if (error instanceof ShapeError) problem = error.message;
      else if (error instanceof FoveaError) throw error;
    }
    throw new ShapeError(`${where}: ${problem}`);
  }

  /** Names an output. */
  output(name: string, value: Value): void {
    check("Graph.output", "name", text, name);
    this.#requireOwn("Graph.output", "value", value);
    this.outputs.set(name, value);
  }

  /** Sets `cell` to `value` after the run. A later update of the same cell replaces this one. */
  update(cell: Cell, value: Value): void {
    checkCell("update", cell);
    this.#requireOwn("Graph.update", "value", value);
    if (!sameShape(cell.shape, value.shape))
      throw new ShapeError(this.where(`update: ${formatShape(cell.shape)} cannot hold ${formatShape(value.shape)}`));
    const name = this.nameOf(cell);
    if (name === undefined)
      throw new FoveaError(this.where("update of a parameter that is not a field of the traced module"));
    const previous = this.updates.findIndex((update) => update.cell === cell);
    if (previous >= 0) this.updates.splice(previous, 1);
    this.updates.push({ name, cell, value });
  }

  /** Publishes an intermediate value under the path of the module being traced. */
  tap(name: string, value: Value, kind?: TapKind): void {
    check("Graph.tap", "name", text, name);
    this.#requireOwn("Graph.tap", "value", value);
    this.taps.push({ scope: this.#scope, name, value, kind });
  }

  /** Runs `build` with `scope` as that of nodes, taps and errors. */
  within<T>(scope: Scope, build: () => T): T {
    check("Graph.within", "scope", scopeSchema, scope);
    check("Graph.within", "build", callback, build);
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

  /** @throws FoveaError for anything that is not a value of this graph. */
  #requireOwn(user: string, name: string, value: Value): void {
    if (!(value instanceof Value)) check(this.where(user), name, valueSchema, value);
    if (value.graph !== this) throw new FoveaError(`${this.where(user)}: a value belongs to another graph`);
  }

  get #scope(): Scope {
    return this.#scopes.at(-1) ?? outside;
  }

  /** What an error is about. */
  private where(what: string): string {
    return inScope(this.#scope, what);
  }
}

const isDim = (d: unknown) => d === "N" || (Number.isSafeInteger(d) && (d as number) >= 0);
const typeSchema = fieldsOf<ValueType>(
  { dtype: oneOf<ValueDType>("float", "int", "bool"), shape: shapeSchema },
  "a type, { dtype, shape }",
);
const opSchema = that<Op>(
  "an operator, such as the op of a node",
  (x) => isObject(x) && typeof x.name === "string" && typeof x.infer === "function" && typeof x.run === "function",
);
const listOfValues = that<readonly Value[]>("a list of values", Array.isArray);
const cellSchema = that<Cell>(
  "a cell of state, such as a parameter",
  (x) => isObject(x) && Array.isArray(x.shape) && x.shape.every(isDim) && (x.dtype === "float" || x.dtype === "int"),
);
const checkCell = (method: string, cell: Cell): void => check(`Graph.${method}`, "cell", cellSchema, cell);

/** What functions of graphs and values want. */
export const graphSchema: Schema<Graph> = instance(Graph, "a Graph, as trace() makes one");
export const valueSchema: Schema<Value> = instance(Value, "a Value of a graph");

/** The values that `targets` depend on, themselves included. */
export function ancestors(targets: Iterable<Value>): Set<Value> {
  const seen = new Set<Value>();
  const worklist = [...targets];
  for (let value = worklist.pop(); value; value = worklist.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (value.node) worklist.push(...value.node.inputs);
  }
  return seen;
}

/** A value that comes from an input, a cell or a constant. */
type ValueFrom<Kind extends Source["kind"]> = Value & { readonly source: Source & { readonly kind: Kind } };

/** The live part of a graph: the nodes that outputs and updates depend on, in order, and the sources they read. */
export interface Program {
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueFrom<"input">[];
  readonly states: readonly ValueFrom<"state">[];
  readonly constants: readonly ValueFrom<"constant">[];
}

/** Dead-code elimination: what outputs and updates depend on. */
export function liveProgram(graph: Graph): Program {
  const live = ancestors([...graph.outputs.values(), ...graph.updates.map((update) => update.value)]);
  const of = <Kind extends Source["kind"]>(kind: Kind) =>
    [...live].filter((v): v is ValueFrom<Kind> => v.source.kind === kind).sort((a, b) => a.id - b.id);
  return {
    nodes: graph.nodes.filter((node) => node.outputs.some((value) => live.has(value))),
    inputs: of("input"),
    states: of("state"),
    constants: of("constant"),
  };
}

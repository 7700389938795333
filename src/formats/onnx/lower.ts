import { FoveaError } from "../../core/errors.js";
import { type Tensor, tensor } from "../../core/tensor.js";
import { type Cell, type Graph, liveProgram, type Node, type Program, type Value } from "../../graph/graph.js";
import type { ValueDType } from "../../graph/op.js";
import { inScope } from "../../graph/scope.js";
import {
  type ArrayType,
  LoweredModule,
  LoweredNode,
  type LoweredOutput,
  type LoweredState,
  LoweredValue,
  type TypeRules,
} from "./ir.js";
import type { OnnxDType } from "./proto.js";
import { neuralRules } from "./rules/neural.js";
import { simpleRules } from "./rules/simple.js";
import { standardTypes } from "./types.js";
import { OnnxWriter, type Rules } from "./writer.js";

/** Standard ONNX for every operator of an inference graph. */
export const inferenceRules: Rules = new Map([...simpleRules, ...neuralRules]);

/** The default ONNX operator set. */
export const defaultOpset = 17;

/** Integers are int64 throughout: ONNX operators do not mix integer types. */
const widened = (value: Tensor): Tensor =>
  value.dtype === "int32" ? tensor("int64", value.shape, BigInt64Array.from(value.data, BigInt)) : value;

const dtypes: Record<ValueDType, OnnxDType> = { float: "float32", int: "int64", bool: "bool" };

const typeOf = (value: Value): ArrayType => ({ dtype: dtypes[value.type.dtype], shape: value.shape });

/** Options of {@link lowerToOnnx}. */
export interface LowerOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** ONNX operator set; training graphs support only the default, 17. */
  readonly opset?: number;
  /** Store float16 arrays as they are, with a Cast to float32. Default: store them as float32. */
  readonly keepFloat16?: boolean;
  /** Types of what operators compute. Default: those of standard ONNX. */
  readonly typeRules?: TypeRules;
}

/**
 * Lowers a graph to ONNX, node by node, by the given rules. Each updated cell becomes an input and an output; all other cells become
 * constants with their current contents.
 *
 * @throws FoveaError if an operator has no rule, or an input and an output have the same name.
 */
export const lowerToOnnx = (graph: Graph, rules: Rules, options: LowerOptions = {}): LoweredModule =>
  new Lowering(graph, rules, options).run();

/** A lowering in progress. A subclass may emit nodes in its own way, and keep values in layouts of its own. */
export class Lowering {
  readonly write: OnnxWriter;
  readonly program: Program;
  /** The plain array of each value. */
  readonly #plain = new Map<Value, LoweredValue>();
  readonly #taken: Set<string>;
  readonly #stateNames = new Map<Value, string>();
  readonly #befores = new Map<Cell, LoweredValue>();
  readonly #updated: ReadonlySet<Cell>;

  constructor(
    readonly graph: Graph,
    readonly rules: Rules,
    { metadata = {}, opset = defaultOpset, keepFloat16 = false, typeRules = standardTypes }: LowerOptions = {},
  ) {
    for (const name of graph.outputs.keys())
      if (graph.inputs.has(name))
        throw new FoveaError(`an input and an output are both named "${name}", which ONNX does not allow: rename one`);
    this.program = liveProgram(graph);
    this.#updated = new Set(graph.updates.map(({ cell }) => cell));
    this.#taken = new Set([...graph.inputs.keys(), ...graph.outputs.keys()]);
    // Reserved before any node is emitted, so that nodes get other names.
    for (const value of this.program.states) this.#stateNames.set(value, this.#reserve(value.source.name));
    const module = new LoweredModule(opset, typeRules);
    module.metadata = metadata;
    this.write = new OnnxWriter(module, keepFloat16, this.#taken);
  }

  /** Lowers the whole graph. */
  run(): LoweredModule {
    const inputs = this.program.inputs.map((value) => {
      const input = new LoweredValue(value.source.name, typeOf(value), { kind: "input" });
      this.define(value, input);
      return input;
    });
    for (const value of this.program.states) {
      const { cell } = value.source;
      if (!this.isUpdated(cell)) continue;
      const name = this.#stateNames.get(value)!;
      const type = { dtype: dtypes[cell.dtype], shape: this.stateShape(cell) };
      const before = new LoweredValue(name, type, { kind: "input" });
      this.#befores.set(cell, before);
      this.defineState(value, cell, before);
    }
    for (const node of this.program.nodes) {
      this.write.enter(node.scope.path);
      this.emit(node);
    }
    this.write.enter("");
    return this.#finish(inputs);
  }

  /** Emits a node by its plain rule. */
  emit(node: Node): void {
    const rule = this.rules.get(node.op);
    if (!rule)
      throw new FoveaError(`${inScope(node.scope, node.op.name)} has no ONNX lowering here: it is a training operator`);
    const results = rule(
      node,
      node.inputs.map((value) => this.plain(value)),
      this.write,
    );
    for (const [i, value] of node.outputs.entries()) if (results[i]) this.define(value, results[i]);
  }

  /** The plain array of a value, converted now if it is kept in another layout. */
  plain(value: Value): LoweredValue {
    let array = this.#plain.get(value);
    if (array === undefined) {
      array = this.converted(value) ?? this.#constant(value);
      if (array === undefined) throw new FoveaError(`lowering: ${value.node?.op.name} is read before it is emitted`);
      this.#plain.set(value, array);
    }
    return array;
  }

  /** Enters the plain array of a value. */
  define(value: Value, array: LoweredValue): void {
    this.#plain.set(value, array);
  }

  /** Whether the graph changes a cell. */
  isUpdated(cell: Cell): boolean {
    return this.#updated.has(cell);
  }

  /** The plain array of a value that is kept in another layout. */
  protected converted(_value: Value): LoweredValue | undefined {
    return undefined;
  }

  /** The shape in which an updated cell enters and leaves the model. */
  protected stateShape(cell: Cell): readonly number[] {
    return cell.shape;
  }

  /** Enters the contents of an updated cell. */
  protected defineState(value: Value, _cell: Cell, before: LoweredValue): void {
    this.define(value, before);
  }

  /** The new contents of a cell, as they leave the model. */
  protected newState(value: Value, _cell: Cell): LoweredValue {
    return this.plain(value);
  }

  #reserve(name: string): string {
    let free = name;
    for (let i = 1; this.#taken.has(free); i++) free = i === 1 ? `state/${name}` : `state/${name}~${i}`;
    this.#taken.add(free);
    return free;
  }

  /** Constants are emitted on first use: a rule may only need them in another layout. */
  #constant(value: Value): LoweredValue | undefined {
    const { source } = value;
    const { write } = this;
    if (source.kind === "state") return write.constant(widened(source.cell.value), this.#stateNames.get(value));
    if (source.kind !== "constant") return undefined;
    const { tensor } = source;
    return tensor.shape.length === 0 && tensor.dtype === "float64"
      ? write.number(tensor.data[0] as number)
      : write.constant(widened(tensor));
  }

  #finish(inputs: readonly LoweredValue[]): LoweredModule {
    const { graph } = this;
    const { module } = this.write;
    const outputs = [...graph.outputs].map(([name, value]) => ({
      name,
      value: this.plain(value),
      type: typeOf(value),
    }));
    const states = graph.updates.map(({ name, cell, value }) => {
      const after = this.#reserve(`next/${name}`);
      const type = { dtype: dtypes[cell.dtype], shape: this.stateShape(cell) };
      const result = { name: after, value: this.newState(value, cell), type };
      const unread = () => new LoweredValue(this.#reserve(`state/${name}`), type, { kind: "input" });
      return { cell, before: this.#befores.get(cell) ?? unread(), after: result };
    });
    module.inputs = [...inputs, ...states.map(({ before }) => before)];
    const named = nameOutputs(module, [...outputs, ...states.map(({ after }) => after)]);
    module.outputs = named;
    module.states = states.map((state, i): LoweredState => ({ ...state, after: named[outputs.length + i]! }));
    module.removeDeadCode();
    return module;
  }
}

/** Names the arrays that are outputs. An output that is an input, a constant, or a second name for another output is copied. */
function nameOutputs({ nodes }: LoweredModule, outputs: readonly LoweredOutput[]): LoweredOutput[] {
  const named = new Set<LoweredValue>();
  const results = outputs.map((output) => {
    const { name, value, type } = output;
    if (value.producer && !named.has(value)) {
      named.add(value);
      return output;
    }
    const operation = { type: "Identity", attributes: {} };
    const copy = new LoweredNode(`output/${name}`, operation, [value], [{ ...type, shape: value.type.shape }]);
    nodes.push(copy);
    return { ...output, value: copy.outputs[0]! };
  });
  for (const { name, value } of results) value.name = name;
  return results;
}

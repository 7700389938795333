import { messageOf } from "../../core/errors.js";
import { grid } from "../../core/shape.js";
import { type Tensor, toFloat32 } from "../../core/tensor.js";
import type { Node, Value } from "../../graph/graph.js";
import type { Attributes, Each, Inputs as NodeInputs, Op } from "../../graph/op.js";
import {
  type ArrayType,
  type LoweredModule,
  LoweredNode,
  type LoweredValue,
  type Operation,
  operatorKey,
} from "./ir.js";

/** Lowers one node of a graph to ONNX nodes: takes its inputs, returns its outputs. */
export type Rule<A extends Attributes = Attributes, I extends NodeInputs = readonly Value[]> = (
  node: Node<A, I>,
  inputs: Each<I, LoweredValue>,
  write: OnnxWriter,
) => readonly LoweredValue[];

/** A rule for nodes of an operator: `RuleFor<typeof convOp>`. */
export type RuleFor<O> = O extends Op<infer A, infer I> ? Rule<A, I> : never;

/** Rules by operator. */
export type Rules = ReadonlyMap<Op, Rule>;

/** An entry of rules. */
export const ruleFor = <A extends Attributes, I extends NodeInputs>(
  op: Op<A, I>,
  rule: Rule<A, I>,
): readonly [Op, Rule] => [op as unknown as Op, rule as unknown as Rule];

/** The rule for an operator. @throws Error if there is none. */
export function findRule<A extends Attributes, I extends NodeInputs>(rules: Rules, op: Op<A, I>): Rule<A, I> {
  const rule = rules.get(op as unknown as Op);
  if (!rule) throw new Error(`no rule for ${op.name}`);
  return rule as unknown as Rule<A, I>;
}

type NodeAttributes = Operation["attributes"];
type Inputs = readonly (LoweredValue | undefined)[];

/** Further options of an emitted node. */
interface EmitOptions {
  readonly domain?: string;
  readonly outputs?: number;
  /** The type of the results, where the operator's rule cannot know it. */
  readonly type?: ArrayType;
}

/** Collects the nodes and constants that rules emit. */
export class OnnxWriter {
  /** The nodes of the module, or of the branch that is being written. */
  #nodes: LoweredNode[];
  /** What has been made once and can be read from here: in a branch, by inheritance, also what was made outside of it. */
  #made: Record<string, unknown> = Object.create(null);
  readonly #tables: Record<string, LoweredValue> = Object.create(null);
  #count = 0;
  #scope = "";

  constructor(
    readonly module: LoweredModule,
    private readonly keepFloat16 = false,
    /** Reserved names; generated ones avoid them. */
    private readonly reserved: ReadonlySet<string> = new Set(),
  ) {
    this.#nodes = module.nodes;
  }

  /** The operator set, for rules whose operator has changed. */
  get opset(): number {
    return this.module.opset;
  }

  /** The name, or a similar one that is not reserved. */
  free(name: string): string {
    let free = name;
    while (this.reserved.has(free)) free += "~";
    return free;
  }

  /** Sets the path of the module that names of nodes start with from now on. */
  enter(path: string): void {
    this.#scope = path.replaceAll(".", "/");
  }

  /** Emits nodes of another module than the current one. */
  within<T>(path: string, build: () => T): T {
    const outer = this.#scope;
    this.enter(path);
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  /** Emits a node and returns its outputs. */
  emitAll(
    type: string,
    inputs: Inputs,
    attributes: NodeAttributes = {},
    options: EmitOptions = {},
  ): readonly LoweredValue[] {
    const { domain, outputs = 1 } = options;
    return this.#add({ type, attributes, ...(domain ? { domain } : {}) }, inputs, outputs, options.type).outputs;
  }

  /** Emits a node with one output and returns it. */
  emit(type: string, inputs: Inputs, attributes: NodeAttributes = {}, domain?: string): LoweredValue {
    return this.emitAll(type, inputs, attributes, domain ? { domain } : {})[0]!;
  }

  #add(operation: Operation, inputs: Inputs, outputs: number, given?: ArrayType): LoweredNode {
    const name = this.free(`${this.#scope ? `${this.#scope}/` : ""}${operation.type}_${this.#count++}`);
    const infer = this.module.typeRules.get(operatorKey(operation));
    const unknown: ArrayType = { dtype: inputs[0]?.type.dtype ?? "float32", shape: undefined };
    let inferred: readonly ArrayType[];
    try {
      inferred = given ? [given] : (infer?.(inputs, operation.attributes) ?? []);
    } catch (error) {
      throw new Error(`${name}: ${messageOf(error)}`);
    }
    const types = Array.from({ length: outputs }, (_, i) => inferred[i] ?? unknown);
    const node = new LoweredNode(name, operation, inputs, types);
    this.#nodes.push(node);
    return node;
  }

  /** One of two ways to compute an array; only the one that the condition, a bool, chooses is run. */
  branch(condition: LoweredValue, whenTrue: () => LoweredValue, whenFalse: () => LoweredValue): LoweredValue {
    const [outer, made] = [this.#nodes, this.#made];
    const branchOf = (build: () => LoweredValue) => {
      const nodes: LoweredNode[] = [];
      this.#nodes = nodes;
      this.#made = Object.create(made);
      // A branch must not return a value from outside directly.
      return { nodes, result: this.emit("Identity", [build()]) };
    };
    try {
      const branches = { then_branch: branchOf(whenTrue), else_branch: branchOf(whenFalse) };
      this.#nodes = outer;
      const { type } = branches.else_branch.result;
      return this.#add({ type: "If", attributes: {}, branches }, [condition], 1, type).outputs[0]!;
    } finally {
      [this.#nodes, this.#made] = [outer, made];
    }
  }

  /** A constant array, floats as float32. With `keepFloat16`, float16 is stored as it is, with a Cast to float32. */
  constant(value: Tensor, name = this.free(`const_${this.module.constants.length}`)): LoweredValue {
    const keeps = value.dtype === "float16" && this.keepFloat16;
    const isFloat = value.dtype.startsWith("float") && !keeps;
    const constant = this.module.addConstant(name, isFloat ? toFloat32(value) : value);
    return keeps ? this.cast(constant, "float32") : constant;
  }

  /** A constant array of computed elements, shared by name. */
  table(
    name: string,
    dtype: "float32" | "int32" | "int64",
    shape: readonly number[],
    at: (...index: number[]) => number,
  ): LoweredValue {
    const make = () => {
      const elements = grid(shape, at);
      const typed = { float32: Float32Array, int32: Int32Array };
      const data = dtype === "int64" ? BigInt64Array.from(elements, BigInt) : typed[dtype].from(elements);
      // The name of a long list would be longer than the list.
      return this.constant({ dtype, shape, data } as Tensor, name.length < 80 ? this.free(name) : undefined);
    };
    return (this.#tables[name] ??= make());
  }

  /** A constant list of integers, such as axes or a shape, shared by equal lists. */
  ints(values: readonly number[]): LoweredValue {
    return this.table(`ints_${values.join("_")}`, "int64", [values.length], (i) => values[i]!);
  }

  /** A constant scalar, shared by equal numbers. */
  number(value: number): LoweredValue {
    return this.table(`float_${value}`, "float32", [], () => value);
  }

  /** A constant array of one repeated number, shared by equal ones. */
  filled(value: number, shape: readonly number[]): LoweredValue {
    return this.table(`fill_${value}_${shape.join("_")}`, "float32", shape, () => value);
  }

  /** What `make` emits, or a record of it, made once per key. What is made in a branch stays in it. */
  memo<T>(key: string, make: () => T): T {
    return (this.#made[key] ??= make()) as T;
  }

  /** Reshapes. Consecutive reshapes are merged. */
  reshape<const S extends readonly number[]>(x: LoweredValue, shape: S): LoweredValue & { readonly shape: S } {
    return this.emit("Reshape", [viewed(x), this.ints(shape)]) as LoweredValue & { readonly shape: S };
  }

  /** Zero, computed from an array in every run: what is made of it is neither folded into a constant nor kept. */
  runtimeZero(array: LoweredValue, dtype: "float32" | "int64", comparison: "Less" | "Greater" = "Less"): LoweredValue {
    const first = this.slice(this.reshape(array, [-1]), [0], [1], [0]);
    return this.cast(this.emit(comparison, [first, first]), dtype);
  }

  /** Reshapes to a shape that the model computes, in a way that ONNX Runtime does not see through. */
  reshapeTo(x: LoweredValue, shape: LoweredValue, known: readonly number[]): LoweredValue {
    const type = { dtype: x.type.dtype, shape: known };
    return this.emitAll("Reshape", [viewed(x), shape], {}, { type })[0]!;
  }

  /** A reduction over axes. Up to opset 17 only ReduceSum takes its axes as an input. */
  reduce(kind: string, x: LoweredValue, axes: readonly number[], keepdims: boolean): LoweredValue {
    const attributes = { keepdims: Number(keepdims) };
    return kind === "ReduceSum" || this.opset >= 18
      ? this.emit(kind, [x, this.ints(axes)], attributes)
      : this.emit(kind, [x], { ...attributes, axes });
  }

  transpose(x: LoweredValue, perm: readonly number[]): LoweredValue {
    return this.emit("Transpose", [x], { perm });
  }

  cast(x: LoweredValue, dtype: keyof typeof castCodes): LoweredValue {
    return this.emit("Cast", [x], { to: castCodes[dtype] });
  }

  /** Part of an array: along each axis from a start to an end, possibly in steps. */
  slice(
    x: LoweredValue,
    starts: readonly number[],
    ends: readonly number[],
    axes: readonly number[],
    steps?: readonly number[],
  ): LoweredValue {
    const lists = steps ? [starts, ends, axes, steps] : [starts, ends, axes];
    return this.emit("Slice", [x, ...lists.map((list) => this.ints(list))]);
  }

  /** Zeros before the first element of each axis, then after the last; a negative number drops elements. */
  pad(x: LoweredValue, pads: readonly number[]): LoweredValue {
    return pads.some((p) => p !== 0) ? this.emit("Pad", [x, this.ints(pads)]) : x;
  }

  /**
   * A control dependency: x, not copied, once `signal` has been computed. x gets a new first axis, which is removed again; the position of
   * the axis is zero times the size of the signal, which ONNX Runtime does not simplify, so it must wait. (A Reshape would do as well,
   * but ONNX Runtime merges consecutive Reshapes and drops the dependency.)
   */
  barrier(x: LoweredValue, signal: LoweredValue): LoweredValue {
    const zero = this.ints([0]);
    const axis = this.emit("Mul", [this.emit("Size", [signal]), zero]);
    return this.emitAll("Squeeze", [this.emit("Unsqueeze", [x, axis]), zero], {}, { type: x.type })[0]!;
  }

  concat(parts: readonly LoweredValue[], axis: number): LoweredValue {
    return parts.length > 1 ? this.emit("Concat", parts, { axis }) : parts[0]!;
  }
}

/** ONNX's codes of the types that arrays are cast to. */
const castCodes = { float32: 1, int64: 7, bool: 9 } as const;

/** What a reshaped array is a view of. */
const viewed = (x: LoweredValue): LoweredValue => (x.producer?.type === "Reshape" ? x.producer.inputs[0]! : x);

/** The dimensions of a value, with −1 for the symbolic batch, as in ONNX's Reshape. */
export const dimsOf = (value: Value): number[] => value.shape.map((d) => (d === "N" ? -1 : d));

import { type Tensor, tensor, toFloat32 } from "../../core/tensor.js";
import type { Node, Value } from "../../graph/graph.js";
import type { OnnxAttribute, OnnxDType, OnnxNode, OnnxValueInfo } from "./proto.js";

/** Turns one node of a graph into ONNX nodes: gets the names of its inputs, returns the names of its outputs. */
export type Rule = (node: Node, inputs: readonly string[], write: OnnxWriter) => readonly string[];

/** Rules by operator name. */
export type Rules = ReadonlyMap<string, Rule>;

/** Options of a written node beyond its inputs and attributes. */
interface EmitOptions {
  readonly domain?: string;
  readonly outputs?: number;
}

/** Collects nodes and constants while rules write them. */
export class OnnxWriter {
  nodes: OnnxNode[] = [];
  readonly initializers = new Map<string, Tensor>();
  readonly domains = new Set<string>();
  readonly #shared = new Map<string, string>();
  readonly #results = new Map<string, string>();
  /** What a reshaped array is a view of. */
  readonly #views = new Map<string, string>();
  #count = 0;
  #scope = "";

  constructor(
    /** The operator set that is written: rules ask where operators have changed. */
    readonly opset: number,
    private readonly keepFloat16 = false,
    /** Names that are given elsewhere: what is named here has others. */
    private readonly reserved: ReadonlySet<string> = new Set(),
  ) {}

  #free(name: string): string {
    let free = name;
    while (this.reserved.has(free)) free += "~";
    return free;
  }

  /** Names written from now on say which module they belong to. */
  enter(scope: string): void {
    this.#scope = scope.replace(/ ?\(.*\)$/, "").replaceAll(".", "/");
  }

  /** Writes something that belongs to another module than what is being written. */
  within<T>(scope: string, build: () => T): T {
    const outer = this.#scope;
    this.enter(scope);
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  /** Writes a node and returns the names of its outputs. */
  emitAll(
    type: string,
    inputs: readonly string[],
    attributes: { readonly [name: string]: OnnxAttribute } = {},
    options: EmitOptions = {},
  ): string[] {
    const { domain, outputs = 1 } = options;
    const name = this.#free(`${this.#scope ? `${this.#scope}/` : ""}${type}_${this.#count++}`);
    const names = Array.from({ length: outputs }, (_, i) => (i === 0 ? name : `${name}:${i}`));
    this.nodes.push({ type, name, inputs, outputs: names, attributes, ...(domain ? { domain } : {}) });
    if (domain) this.domains.add(domain);
    return names;
  }

  /** Writes a node with one output and returns its name. */
  emit(
    type: string,
    inputs: readonly string[],
    attributes: { readonly [name: string]: OnnxAttribute } = {},
    domain?: string,
  ): string {
    return this.emitAll(type, inputs, attributes, domain ? { domain } : {})[0]!;
  }

  /** One of two ways to compute an array of the given shape; only the one that the condition, a bool, chooses is run. */
  branch(
    condition: string,
    shape: OnnxValueInfo["shape"],
    whenTrue: () => string,
    whenFalse: () => string,
    dtype: OnnxDType = "float32",
  ): string {
    const outer = this.nodes;
    const graphOf = (build: () => string) => {
      this.nodes = [];
      // A branch must not hand on a value from outside as it is.
      const name = this.emit("Identity", [build()]);
      return { graph: { nodes: this.nodes, outputs: [{ name, dtype, shape }] } };
    };
    try {
      const branches = { then_branch: graphOf(whenTrue), else_branch: graphOf(whenFalse) };
      this.nodes = outer;
      return this.emit("If", [condition], branches);
    } finally {
      this.nodes = outer;
    }
  }

  /** A constant array, as float32 if it is of floats. Float16 may be stored as it is, with a Cast to float32. */
  constant(value: Tensor, name = this.#free(`const_${this.initializers.size}`)): string {
    if (value.dtype === "float16" && this.keepFloat16) {
      this.initializers.set(name, value);
      return this.emit("Cast", [name], { to: 1 });
    }
    this.initializers.set(name, value.dtype.startsWith("float") ? toFloat32(value) : value);
    return name;
  }

  /** A constant list of integers, such as axes or a shape. Equal lists share one constant. */
  ints(values: readonly number[]): string {
    return this.once(`ints_${values.join("_")}`, () =>
      tensor("int64", [values.length], BigInt64Array.from(values, BigInt)),
    );
  }

  /** A constant number. Equal numbers share one constant. */
  number(value: number): string {
    return this.once(`float_${value}`, () => tensor("float32", [], Float32Array.of(value)));
  }

  /** A constant vector of one repeated number. */
  filled(value: number, length: number): string {
    return this.once(`fill_${value}_${length}`, () =>
      tensor("float32", [length], new Float32Array(length).fill(value)),
    );
  }

  /** A constant that is made once for its name. */
  once(name: string, make: () => Tensor): string {
    let shared = this.#shared.get(name);
    if (shared === undefined) {
      shared = this.constant(make(), this.#free(name));
      this.#shared.set(name, shared);
    }
    return shared;
  }

  /** An array that several nodes read, written where it is first asked for under its key. Not for use inside a branch. */
  shared(key: string, write: () => string): string {
    let name = this.#results.get(key);
    if (name === undefined) {
      name = write();
      this.#results.set(key, name);
    }
    return name;
  }

  /** The same elements under another shape, given or computed by the model. What is itself a view of an array is passed over. */
  reshape(x: string, shape: readonly number[] | string): string {
    const source = this.#views.get(x) ?? x;
    const view = this.emit("Reshape", [source, typeof shape === "string" ? shape : this.ints(shape)]);
    this.#views.set(view, source);
    return view;
  }

  /** A sum, mean or maximum over axes, which stay as 1 or go. Up to opset 17 only ReduceSum takes its axes as an input. */
  reduce(kind: string, x: string, axes: readonly number[], keepdims: boolean): string {
    const attributes = { keepdims: Number(keepdims) };
    return kind === "ReduceSum" || this.opset >= 18
      ? this.emit(kind, [x, this.ints(axes)], attributes)
      : this.emit(kind, [x], { ...attributes, axes });
  }

  transpose(x: string, perm: readonly number[]): string {
    return this.emit("Transpose", [x], { perm });
  }
}

/** The numeric dimensions of a value, the symbolic batch as −1 (which ONNX's Reshape infers). */
export const dimsOf = (value: Value): number[] => value.shape.map((d) => (d === "N" ? -1 : d));

/** The attributes of a node whose operator is known. */
export const attributesOf = <A>(node: Node): A => node.attributes as unknown as A;

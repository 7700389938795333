import { type Tensor, tensor, toFloat32 } from "../../core/tensor.js";
import type { Node, Value } from "../../graph/graph.js";
import type { OnnxAttribute, OnnxDType, OnnxNode, OnnxValueInfo } from "./proto.js";

/** Lowers one node of a graph to ONNX nodes: takes the names of its inputs, returns the names of its outputs. */
export type Rule = (node: Node, inputs: readonly string[], write: OnnxWriter) => readonly string[];

/** Rules by operator name. */
export type Rules = ReadonlyMap<string, Rule>;

/** Further options of an emitted node. */
interface EmitOptions {
  readonly domain?: string;
  readonly outputs?: number;
}

/** Collects the nodes and constants that rules emit. */
export class OnnxWriter {
  nodes: OnnxNode[] = [];
  readonly initializers = new Map<string, Tensor>();
  readonly domains = new Set<string>();
  readonly #shared = new Map<string, string>();
  readonly #results = new Map<string, string>();
  /** The source of each reshaped array. */
  readonly #views = new Map<string, string>();
  #count = 0;
  #scope = "";

  constructor(
    /** The operator set, for rules whose operator has changed. */
    readonly opset: number,
    private readonly keepFloat16 = false,
    /** Reserved names; generated ones avoid them. */
    private readonly reserved: ReadonlySet<string> = new Set(),
  ) {}

  #free(name: string): string {
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

  /** Emits a node and returns the names of its outputs. */
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

  /** Emits a node with one output and returns its name. */
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
      // A branch must not return a value from outside directly.
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

  /** A constant array, floats as float32. With `keepFloat16`, float16 is stored as it is, with a Cast to float32. */
  constant(value: Tensor, name = this.#free(`const_${this.initializers.size}`)): string {
    if (value.dtype === "float16" && this.keepFloat16) {
      this.initializers.set(name, value);
      return this.emit("Cast", [name], { to: 1 });
    }
    this.initializers.set(name, value.dtype.startsWith("float") ? toFloat32(value) : value);
    return name;
  }

  /** A constant list of integers, such as axes or a shape, shared by equal lists. */
  ints(values: readonly number[]): string {
    return this.once(`ints_${values.join("_")}`, () =>
      tensor("int64", [values.length], BigInt64Array.from(values, BigInt)),
    );
  }

  /** A constant scalar, shared by equal numbers. */
  number(value: number): string {
    return this.once(`float_${value}`, () => tensor("float32", [], Float32Array.of(value)));
  }

  /** A constant vector of one repeated number. */
  filled(value: number, length: number): string {
    return this.once(`fill_${value}_${length}`, () =>
      tensor("float32", [length], new Float32Array(length).fill(value)),
    );
  }

  /** A constant that is made once per name. */
  once(name: string, make: () => Tensor): string {
    let shared = this.#shared.get(name);
    if (shared === undefined) {
      shared = this.constant(make(), this.#free(name));
      this.#shared.set(name, shared);
    }
    return shared;
  }

  /** An array that is emitted once per key. Not for use inside a branch. */
  shared(key: string, write: () => string): string {
    let name = this.#results.get(key);
    if (name === undefined) {
      name = write();
      this.#results.set(key, name);
    }
    return name;
  }

  /** Reshapes to a shape, static or computed by the model. Consecutive reshapes are merged. */
  reshape(x: string, shape: readonly number[] | string): string {
    const source = this.#views.get(x) ?? x;
    const view = this.emit("Reshape", [source, typeof shape === "string" ? shape : this.ints(shape)]);
    this.#views.set(view, source);
    return view;
  }

  /** A reduction over axes. Up to opset 17 only ReduceSum takes its axes as an input. */
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

/** The dimensions of a value, with −1 for the symbolic batch, as in ONNX's Reshape. */
export const dimsOf = (value: Value): number[] => value.shape.map((d) => (d === "N" ? -1 : d));

/** The attributes of a node of a known operator. */
export const attributesOf = <A>(node: Node): A => node.attributes as unknown as A;

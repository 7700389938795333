import { FoveaError } from "../core/errors.js";
import { Rng } from "../core/rng.js";
import {
  seed as anySeed,
  callback,
  check,
  options as fields,
  flag,
  maybe,
  oneOf,
  type Schema,
  shape as shapeSchema,
  sizes,
  text,
  that,
} from "../core/schema.js";
import type { Shape } from "../core/shape.js";
import { sizeOf, type Tensor, tensorSchema } from "../core/tensor.js";
import { type Cell, Graph, Value, valueSchema } from "../graph/graph.js";
import { moduleSchema } from "./checks.js";
import type { Initializer } from "./init.js";

/** An array that a module owns: a learned `parameter`, or a `buffer`. */
export class Param implements Cell {
  #value: Tensor | undefined;
  /** Makes the initial value when first needed: most networks are built to be loaded or counted. */
  #initial: (() => Tensor) | undefined;
  /** Whether training may change it. A batch norm whose gain is frozen keeps its statistics too. */
  trainable = true;

  constructor(
    /** Size of each dimension. */
    readonly shape: readonly number[],
    /** Makes the initial value. */
    readonly init: Initializer,
    /** `parameter` if it is learned, `buffer` if it is only kept. */
    readonly kind: "parameter" | "buffer" = "parameter",
    /** Whether elements are floats or integers. */
    readonly dtype: "float" | "int" = "float",
  ) {
    check("Param", "shape", sizes, shape);
    check("Param", "init", callback, init);
    check("Param", "kind", oneOf("parameter", "buffer"), kind);
    check("Param", "dtype", oneOf("float", "int"), dtype);
  }

  /** Whether it has a value. */
  get initialized(): boolean {
    return this.#value !== undefined || this.#initial !== undefined;
  }

  /** @throws FoveaError before the parameter is initialized. */
  get value(): Tensor {
    this.#value ??= this.#initial?.();
    if (!this.#value) throw new FoveaError("a parameter has no value yet: call initialize(model, { seed }) first");
    this.#initial = undefined;
    return this.#value;
  }

  set value(value: Tensor) {
    check("Param", "value", tensorSchema, value);
    if (value.data.length !== sizeOf(this.shape))
      throw new FoveaError(`a parameter of shape [${this.shape}] cannot hold [${value.shape}]`);
    this.#value = { dtype: value.dtype, shape: this.shape, data: value.data } as Tensor;
  }

  /** @internal */
  initialize(rng: Rng): void {
    this.#value = undefined;
    this.#initial = () => {
      const data = this.init(this.shape, rng);
      return this.dtype === "int"
        ? { dtype: "int64", shape: this.shape, data: BigInt64Array.from(data, BigInt) }
        : { dtype: "float32", shape: this.shape, data };
    };
  }
}

/**
 * A part of a network: a tree of fields (parameters, modules, lists of modules), and `forward`, which builds a graph.
 * The path of a parameter through the fields is its state-dict key.
 *
 * @example
 * class Gate extends Module {
 *   readonly weight = new Param([8], constant(1));
 *   override forward(x: Value): Value {
 *     return mul(x, sigmoid(reshape(x.graph.state(this.weight), [1, 8, 1, 1])));
 *   }
 * }
 */
export abstract class Module<I extends readonly unknown[] = [x: Value], O = Value> {
  /**
   * What this class is called in printed graphs, drawings, costs and errors. Each class declares its own, as subclasses may compute something
   * else and minifiers change the names of classes.
   */
  static readonly kind: string = "Module";

  readonly #hooks = new Set<Module>();

  /** Builds this module's part of the graph. */
  abstract forward(...inputs: I): O;

  /** Calls `forward`, with the module's path in errors and in the names of attention maps. */
  call(...inputs: I): O {
    const kind = kindOf(this);
    if (!(inputs[0] instanceof Value)) check(kind, "input", valueSchema, inputs[0]);
    const { graph } = inputs[0] as Value;
    const path = graph.nameOf(this) ?? "";
    const output = graph.within({ path, kind }, () => this.forward(...inputs));
    if (path && output instanceof Value) graph.calls.push({ path, value: output });
    return [...this.#hooks].reduce((y, hook) => hook.call(y as unknown as Value) as unknown as O, output);
  }

  /**
   * Adds a part under a name known only at run time, such as the number of a stage. Parts with fixed names are fields.
   *
   * @throws FoveaError if there is a field of that name.
   */
  protected addPart<M extends AnyModule>(name: string, part: M): M {
    if (name in this) throw new FoveaError(`${kindOf(this)}: there is already a part called ${name}`);
    (this as Record<string, unknown>)[name] = part;
    return part;
  }

  /** {@link addPart} for each of these, in order. */
  protected addParts(parts: Readonly<Record<string, AnyModule>>): void {
    for (const [name, part] of Object.entries(parts)) this.addPart(name, part);
  }

  /**
   * Applies `module` to this module's output from now on. To be trained it must also be a field of the network: a hook is not part of the
   * tree, so the keys of this module's parameters do not change. Returns a function that removes the hook.
   */
  appendHook(module: Module): () => void {
    check("appendHook", "module", moduleSchema, module);
    this.#hooks.add(module);
    return () => {
      this.#hooks.delete(module);
    };
  }
}

/** A module with any inputs and outputs. */
export type AnyModule = Module<never, unknown>;

/** What a module's class declares itself to be, see {@link Module.kind}; `Module` if it declares nothing. */
export function kindOf(module: AnyModule): string {
  const type = module.constructor as typeof Module;
  return Object.hasOwn(type, "kind") ? type.kind : Module.kind;
}

interface Visitor {
  param?(path: string, param: Param): void;
  module?(path: string, module: AnyModule): void;
}

export const visitor: Schema<Visitor> = fields<Visitor>({ param: maybe(callback), module: maybe(callback) });
/** Options of {@link initialize}. */
export interface InitializeOptions {
  /** Of the initial values. Default 0. */
  readonly seed?: number;
}

export const initializeOptions = fields<InitializeOptions>({ seed: maybe(anySeed) });
export const traceOptions = fields<TraceOptions>({
  training: maybe(flag),
  cells: maybe(that<ReadonlyMap<string, Cell>>("a Map of cells by name", (x) => x instanceof Map)),
});

/** Visits a tree in PyTorch's order: a module's own parameters, its buffers, then its children in the order of assignment. */
export function walk(module: AnyModule, visit: Visitor, path = ""): void {
  check("walk", "module", moduleSchema, module);
  check("walk", "visit", visitor, visit);
  check("walk", "path", text, path);
  const at = (name: string) => (path ? `${path}.${name}` : name);
  visit.module?.(path, module);
  const fields = Object.entries(module as object);
  for (const kind of ["parameter", "buffer"])
    for (const [name, field] of fields)
      if (field instanceof Param && field.kind === kind) visit.param?.(at(name), field);
  for (const [name, field] of fields) {
    if (field instanceof Module) walk(field, visit, at(name));
    else if (Array.isArray(field))
      field.forEach((item, i) => {
        if (item instanceof Module) walk(item, visit, at(`${name}.${i}`));
      });
  }
}

/** Parameters and buffers by path. The paths are the keys of a checkpoint. */
export function stateOf(module: AnyModule): Map<string, Param> {
  check("stateOf", "module", moduleSchema, module);
  const state = new Map<string, Param>();
  walk(module, { param: (path, param) => state.set(path, param) });
  return state;
}

/** Parameters by path. */
export function parametersOf(module: AnyModule): Map<string, Param> {
  check("parametersOf", "module", moduleSchema, module);
  return new Map([...stateOf(module)].filter(([, param]) => param.kind === "parameter"));
}

/**
 * Freezes the parameters whose path `which` accepts: training does not change them. Engines treat them as constants, which is faster, and
 * no gradients are computed below the first trainable parameter.
 *
 * @example
 * freeze(model, (path) => !path.startsWith("fc."));
 */
export function freeze(module: AnyModule, which: (path: string) => boolean): void {
  check("freeze", "module", moduleSchema, module);
  check("freeze", "which", callback, which);
  for (const [path, param] of parametersOf(module)) if (which(path)) param.trainable = false;
}

/**
 * Initializes every parameter that has no value yet. The initial value depends only on the seed and the parameter's path.
 */
export function initialize<M extends AnyModule>(module: M, options: InitializeOptions = {}): M {
  check("initialize", "module", moduleSchema, module);
  check("initialize", "options", initializeOptions, options);
  const { seed = 0 } = options;
  for (const [path, param] of stateOf(module)) if (!param.initialized) param.initialize(new Rng(seed, "init", path));
  return module;
}

/** Options of {@link graphFor}: training mode, and cells that belong to no module, such as an optimizer's, by name. */
export interface TraceOptions {
  /** Whether modules behave as in training. Default false. */
  readonly training?: boolean;
  /** Cells that belong to no module, by name. */
  readonly cells?: ReadonlyMap<string, Cell>;
}

/** An empty graph for tracing `module`, which names parameters and modules by their paths. */
export function graphFor(module: AnyModule, options: TraceOptions = {}): Graph {
  check("graphFor", "module", moduleSchema, module);
  check("graphFor", "options", traceOptions, options);
  const { training = false, cells = new Map() } = options;
  initialize(module);
  const names = new Map<object, string>([...cells].map(([name, cell]) => [cell, name]));
  walk(module, { param: (path, param) => names.set(param, path), module: (path, part) => names.set(part, path) });
  return new Graph(training, (owner) => names.get(owner));
}

/** Traces a module for an input of `shape`. The graph has an input `input` and an output `output`. */
export function trace(module: Module, shape: Shape, options: TraceOptions = {}): Graph {
  check("trace", "module", moduleSchema, module);
  check("trace", "shape", shapeSchema, shape);
  check("trace", "options", traceOptions, options);
  const graph = graphFor(module, options);
  graph.output("output", module.call(graph.input("input", { dtype: "float", shape })));
  return graph;
}

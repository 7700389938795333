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
import { sizeOf, type Tensor } from "../core/tensor.js";
import { type Cell, Graph, type Value } from "../graph/graph.js";
import { moduleSchema } from "./checks.js";
import type { Initializer } from "./init.js";

/** An array that a module owns: a `parameter`, which is learned, or a `buffer`, which is only carried along. */
export class Param implements Cell {
  #value: Tensor | undefined;
  /** Makes the initial value, once it is asked for. Most networks are built to be loaded or counted. */
  #initial: (() => Tensor) | undefined;
  /** Whether training may change it. Batch norms whose gain is frozen keep their statistics, too. */
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
 * A part of a network: a plain tree of fields (parameters, modules, lists of modules) and a recipe, `forward`, that writes a graph.
 * The path of a parameter through the fields is its key in a state dict.
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
  readonly #followers = new Set<Module>();

  /** Writes this module's part of the graph. */
  abstract forward(...inputs: I): O;

  /** Applies the module to values: `forward`, with errors and attention maps named by the module's path. */
  call(...inputs: I): O {
    const { graph } = inputs[0] as Value;
    const path = graph.nameOf(this);
    const label = `${path ? `${path} ` : ""}(${this.constructor.name})`;
    const output = graph.within(label, () => this.forward(...inputs));
    return [...this.#followers].reduce((y, follower) => follower.call(y as unknown as Value) as unknown as O, output);
  }

  /**
   * From now on `module` acts on this module's output whenever it is called. To be trained it must be a field of the network as well: here
   * it is not, so that the keys of this module's parameters stay as they are. Returns the way back.
   */
  follow(module: Module): () => void {
    this.#followers.add(module);
    return () => {
      this.#followers.delete(module);
    };
  }
}

/** Any module, whatever goes in and comes out. */
export type AnyModule = Module<never, unknown>;

interface Visitor {
  param?(path: string, param: Param): void;
  module?(path: string, module: AnyModule): void;
}

const visitor: Schema<Visitor> = fields<Visitor>({ param: maybe(callback), module: maybe(callback) });
const initializeOptions = fields<{ readonly seed?: number }>({ seed: maybe(anySeed) });
const traceOptions = fields<TraceOptions>({
  training: maybe(flag),
  cells: maybe(that<ReadonlyMap<string, Cell>>("a Map of cells by name", (x) => x instanceof Map)),
});

/** Visits a tree in PyTorch's order: a module's own parameters, its buffers, then its children as the fields were set. */
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

/** Everything a model carries, by path: parameters and buffers. The paths are the keys of a checkpoint. */
export function stateOf(module: AnyModule): Map<string, Param> {
  check("stateOf", "module", moduleSchema, module);
  const state = new Map<string, Param>();
  walk(module, { param: (path, param) => state.set(path, param) });
  return state;
}

/** What is learned, by path. */
export function parametersOf(module: AnyModule): Map<string, Param> {
  check("parametersOf", "module", moduleSchema, module);
  return new Map([...stateOf(module)].filter(([, param]) => param.kind === "parameter"));
}

/**
 * Freezes the parameters whose path `which` accepts: training leaves them as they are. Engines then treat them as constants, which
 * is faster, and nothing is differentiated that lies below the first parameter that is still learned.
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
 * Gives every parameter that has no value yet its initial value. What a parameter gets depends on the seed and its path alone.
 */
export function initialize<M extends AnyModule>(module: M, options: { readonly seed?: number } = {}): M {
  check("initialize", "module", moduleSchema, module);
  check("initialize", "options", initializeOptions, options);
  const { seed = 0 } = options;
  for (const [path, param] of stateOf(module)) if (!param.initialized) param.initialize(new Rng(seed, "init", path));
  return module;
}

/** Options of {@link graphFor}: training mode, and names of cells that belong to no module (an optimizer's, say). */
export interface TraceOptions {
  /** Whether to trace training mode. Default false. */
  readonly training?: boolean;
  /** Names of cells that belong to no module, such as an optimizer's. */
  readonly cells?: ReadonlyMap<string, Cell>;
}

/** A graph that names parameters and modules by their paths in `module`, for tracing it. */
export function graphFor(module: AnyModule, options: TraceOptions = {}): Graph {
  check("graphFor", "module", moduleSchema, module);
  check("graphFor", "options", traceOptions, options);
  const { training = false, cells = new Map() } = options;
  initialize(module);
  const names = new Map<object, string>([...cells].map(([name, cell]) => [cell, name]));
  walk(module, { param: (path, param) => names.set(param, path), module: (path, part) => names.set(part, path) });
  return new Graph(training, (owner) => names.get(owner));
}

/** A module's graph for an input of `shape`: input `input`, output `output`. */
export function trace(module: Module, shape: Shape, options: TraceOptions = {}): Graph {
  check("trace", "module", moduleSchema, module);
  check("trace", "shape", shapeSchema, shape);
  check("trace", "options", traceOptions, options);
  const graph = graphFor(module, options);
  graph.output("output", module.call(graph.input("input", { dtype: "float", shape })));
  return graph;
}

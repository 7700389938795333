import { FoveaError } from "../../core/errors.js";
import { check, record } from "../../core/schema.js";
import type { Tensor } from "../../core/tensor.js";
import { type Cell, Graph, graphSchema, type Node, type Update, type Value, valueSchema } from "../graph.js";
import { verify } from "../verify.js";

/** The new graph, as a rewrite sees it. */
export interface Rebuild {
  readonly target: Graph;
  /** The new value for a value of the old graph. */
  get(value: Value): Value;
  /** The contents of a new cell of this name; a name already taken gets a number. */
  state(name: string, contents: Tensor): Value;
}

/** What a pass changes. Returning undefined copies. */
export interface Rewrite {
  /** The new outputs of a node; none if nothing uses them any more. */
  node?(node: Node, to: Rebuild): readonly Value[] | undefined;
  /** The new value for the contents of a cell. */
  state?(name: string, cell: Cell, to: Rebuild): Value | undefined;
  /** Replaces an update. Returns false to copy it. */
  update?(update: Update, to: Rebuild): boolean;
  /** New names of inputs and outputs. */
  readonly names?: Readonly<Record<string, string>>;
}

/**
 * Copies a graph, node by node in order, with some nodes or cells replaced. Everything else keeps its name and order:
 * inputs, outputs, updates, taps, scopes. The copy reads the same cells, and is verified.
 *
 * @throws FoveaError if a node uses a value that the rewrite dropped.
 *
 * @example
 * rebuild(graph, { node: (node, to) => (node.op.name === "Neg" ? [negate(to.get(node.inputs[0]!))] : undefined) });
 */
export function rebuild(graph: Graph, rewrite: Rewrite = {}): Graph {
  const names = new Map<object, string>();
  const target = new Graph(graph.training, (owner) => names.get(owner) ?? graph.nameOf(owner));
  const fresh = new Set<string>();
  const state = (name: string, contents: Tensor): Value => {
    let free = name;
    for (let i = 2; fresh.has(free); i++) free = `${name}~${i}`;
    fresh.add(free);
    const dtype = contents.dtype.startsWith("int") ? "int" : "float";
    const cell: Cell = { shape: contents.shape, dtype, value: contents };
    names.set(cell, free);
    return target.state(cell);
  };
  const copied = new Map<Value, Value>();
  const renamed = (name: string) => rewrite.names?.[name] ?? name;
  for (const [name, value] of graph.inputs) copied.set(value, target.input(renamed(name), value.type));
  target.randoms.push(...graph.randoms);
  const to = copyNodes(graph, copied, { target, state, rewrite });
  const mapped = (value: Value) => copied.get(value)!;
  for (const [name, value] of graph.outputs) target.output(renamed(name), mapped(value));
  for (const update of graph.updates)
    if (!rewrite.update?.(update, to)) target.update(update.cell, mapped(update.value));
  verify(target);
  return target;
}

/**
 * Inlines a graph into another: `inputs` replace its inputs, and the current contents of its cells become constants.
 * Updates are dropped. Returns its outputs.
 *
 * @example
 * const { output } = Object.fromEntries(inline(folded, x.graph, { input: x }));
 *
 * @throws FoveaError if an input is missing.
 */
export function inline(graph: Graph, target: Graph, inputs: Readonly<Record<string, Value>>): Map<string, Value> {
  check("inline", "graph", graphSchema, graph);
  check("inline", "target", graphSchema, target);
  check("inline", "inputs", record(valueSchema, "values by the names of inputs"), inputs);
  const copied = new Map<Value, Value>();
  for (const [name, value] of graph.inputs) {
    const given = inputs[name];
    if (!given) throw new FoveaError(`inline: the graph has an input "${name}" that was not given`);
    copied.set(value, given);
  }
  const rewrite: Rewrite = { state: (_name, cell) => target.constant(cell.value) };
  copyNodes(graph, copied, { target, state: (_name, contents) => target.constant(contents), rewrite });
  return new Map([...graph.outputs].map(([name, value]) => [name, copied.get(value)!]));
}

/** Copies all nodes, taps, and the values of outputs and updates; `copied` maps old values to new. */
function copyNodes(
  graph: Graph,
  copied: Map<Value, Value>,
  { target, state, rewrite }: Pick<Rebuild, "target" | "state"> & { readonly rewrite: Rewrite },
): Rebuild {
  const get = (value: Value): Value => {
    let copy = copied.get(value);
    if (!copy) copied.set(value, (copy = copyOfSource(value, to, rewrite)));
    return copy;
  };
  const to: Rebuild = { target, get, state };
  for (const node of graph.nodes) {
    const outputs = target.within(
      node.scope,
      () => rewrite.node?.(node, to) ?? target.apply(node.op, node.inputs.map(get), node.attributes),
    );
    outputs.forEach((value, i) => copied.set(node.outputs[i]!, value));
  }
  for (const { scope, name, value, kind } of graph.taps) target.within(scope, () => target.tap(name, get(value), kind));
  for (const value of graph.outputs.values()) get(value);
  for (const { value } of graph.updates) get(value);
  return to;
}

function copyOfSource({ source }: Value, to: Rebuild, rewrite: Rewrite): Value {
  if (source.kind === "state") return rewrite.state?.(source.name, source.cell, to) ?? to.target.state(source.cell);
  if (source.kind === "constant") {
    const { dtype, shape, data } = source.tensor;
    const isScalar = dtype === "float64" && shape.length === 0;
    return isScalar ? to.target.scalar(data[0] as number) : to.target.constant(source.tensor);
  }
  const what = source.kind === "node" ? source.node.op.name : source.name;
  throw new FoveaError(`a pass dropped ${what}, whose value is still used`);
}

import { FoveaError } from "../../core/errors.js";
import { type Tensor, tensor } from "../../core/tensor.js";
import { type Cell, type Graph, liveProgram, type Node, type Program, type Value } from "../../graph/graph.js";
import type { ValueDType } from "../../graph/op.js";
import { inScope } from "../../graph/scope.js";
import type { OnnxDType, OnnxModel, OnnxNode, OnnxSubgraph, OnnxValueInfo } from "./proto.js";
import { neuralRules } from "./rules/neural.js";
import { simpleRules } from "./rules/simple.js";
import { OnnxWriter, type Rules } from "./writer.js";

/** Standard ONNX for every operator of an inference graph. */
export const inferenceRules: Rules = new Map([...simpleRules, ...neuralRules]);

/** The default ONNX operator set. */
export const defaultOpset = 17;

/** Integers are int64 throughout: ONNX operators do not mix integer types. */
const widened = (value: Tensor): Tensor =>
  value.dtype === "int32" ? tensor("int64", value.shape, BigInt64Array.from(value.data, BigInt)) : value;

const dtypes: Record<ValueDType, OnnxDType> = { float: "float32", int: "int64", bool: "bool" };

const info = (name: string, value: Value): OnnxValueInfo => ({
  name,
  dtype: dtypes[value.type.dtype],
  shape: value.shape,
});

/** How an engine stores a cell between runs, if not as a plain array. */
export interface StateLayout {
  /** Shape of the model's input and output. */
  readonly shape: readonly number[];
  fromPlain(plain: Tensor): Tensor;
  toPlain(packed: Tensor): Tensor;
}

/** A cell that a lowered graph updates: its contents enter as the input `before` and leave as the output `after`. */
export interface LoweredState {
  readonly cell: Cell;
  readonly before: OnnxValueInfo;
  readonly after: OnnxValueInfo;
  /** The layout of both; undefined for a plain array. */
  readonly layout: StateLayout | undefined;
}

/** What a {@link NodeEmitter} sees of the lowering in progress. */
export interface Lowering {
  readonly write: OnnxWriter;
  readonly graph: Graph;
  readonly program: Program;
  /** The name of a value's plain array, emitted if needed. */
  plain(value: Value): string;
  /** Names the plain array of a value. */
  define(value: Value, name: string): void;
}

/** An engine's own way to emit nodes, with values in layouts of its own. It is asked before the plain rules. */
export interface NodeEmitter {
  /** Emits a node and keeps its results. Returns false to fall back to the plain rule. */
  emit(node: Node): boolean;
  /** The plain array of a value that this emitter keeps in another layout, converted now. */
  plain(value: Value): string | undefined;
  /** The layout in which an updated cell enters and leaves the graph. */
  stateLayout(cell: Cell): StateLayout | undefined;
  /** Names the contents of such a cell. */
  defineState(value: Value, name: string): void;
  /** The name of a value in the layout of a cell. */
  inLayoutOf(value: Value, cell: Cell): string;
}

/** Options of {@link lowerToOnnx}. */
export interface LowerOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** ONNX operator set; training graphs support only the default, 17. */
  readonly opset?: number;
  /** Store float16 arrays as they are, with a Cast to float32. Default: store them as float32. */
  readonly keepFloat16?: boolean;
  readonly emitter?: ((lowering: Lowering) => NodeEmitter) | undefined;
}

export interface Lowered {
  readonly model: OnnxModel;
  readonly states: readonly LoweredState[];
}

/**
 * Lowers a graph to ONNX, node by node, by the given rules. Each updated cell becomes an input and an output; all other cells become
 * initializers with their current contents.
 *
 * @throws FoveaError if an operator has no rule, or an input and an output have the same name.
 */
export function lowerToOnnx(
  graph: Graph,
  rules: Rules,
  { metadata = {}, opset = defaultOpset, keepFloat16 = false, emitter: startEmitter }: LowerOptions = {},
): Lowered {
  for (const name of graph.outputs.keys())
    if (graph.inputs.has(name))
      throw new FoveaError(`an input and an output are both named "${name}", which ONNX does not allow: rename one`);
  const live = liveProgram(graph);
  const taken = new Set([...graph.inputs.keys(), ...graph.outputs.keys()]);
  const reserve = (name: string): string => {
    let free = name;
    for (let i = 1; taken.has(free); i++) free = i === 1 ? `state/${name}` : `state/${name}~${i}`;
    taken.add(free);
    return free;
  };
  // Reserved before any node is emitted, so that nodes get other names.
  const stateNames = new Map(
    live.states.flatMap((value) =>
      value.source.kind === "state" ? [[value, reserve(value.source.name)] as const] : [],
    ),
  );
  const write = new OnnxWriter(opset, keepFloat16, taken);
  const names = new Map<Value, string>();
  const updated = new Set(graph.updates.map((update) => update.cell));
  /** Constants are emitted on first use: an emitter may only need them in another layout. */
  const constant = (value: Value): string | undefined => {
    const { source } = value;
    if (source.kind === "state") return write.constant(widened(source.cell.value), stateNames.get(value));
    if (source.kind !== "constant") return undefined;
    const { tensor } = source;
    return tensor.shape.length === 0 && tensor.dtype === "float64"
      ? write.number(tensor.data[0] as number)
      : write.constant(widened(tensor));
  };
  const plain = (value: Value): string => {
    let name = names.get(value);
    if (name === undefined) {
      name = emitter?.plain(value) ?? constant(value);
      if (name === undefined) throw new FoveaError(`lowering: ${value.node?.op.name} is read before it is emitted`);
      names.set(value, name);
    }
    return name;
  };
  const lowering = {
    write,
    graph,
    program: live,
    plain,
    define: (value: Value, name: string) => names.set(value, name),
  };
  const emitter = startEmitter?.(lowering);

  for (const value of live.inputs) if (value.source.kind === "input") names.set(value, value.source.name);
  const befores = new Map<Cell, string>();
  for (const value of live.states) {
    if (value.source.kind !== "state" || !updated.has(value.source.cell)) continue;
    const { cell } = value.source;
    const name = stateNames.get(value)!;
    befores.set(cell, name);
    if (emitter?.stateLayout(cell)) emitter.defineState(value, name);
    else names.set(value, name);
  }

  for (const node of live.nodes) {
    write.enter(node.scope.path);
    if (emitter?.emit(node)) continue;
    const rule = rules.get(node.op.name);
    if (!rule)
      throw new FoveaError(`${inScope(node.scope, node.op.name)} has no ONNX lowering here: it is a training operator`);
    const written = rule(node, node.inputs.map(plain), write);
    node.outputs.forEach((value, i) => {
      if (written[i] !== undefined) names.set(value, written[i]);
    });
  }

  write.enter("");
  /** The value behind each output of the model. */
  const results = new Map<string, string>();
  const outputs = [...graph.outputs].map(([name, value]) => {
    results.set(name, plain(value));
    return info(name, value);
  });
  const states = graph.updates.map(({ name, cell, value }): LoweredState => {
    const layout = emitter?.stateLayout(cell);
    const after = reserve(`next/${name}`);
    results.set(after, layout ? emitter!.inLayoutOf(value, cell) : plain(value));
    const before = befores.get(cell) ?? reserve(`state/${name}`);
    const type = { dtype: dtypes[cell.dtype], shape: layout?.shape ?? cell.shape };
    return { cell, before: { name: before, ...type }, after: { name: after, ...type }, layout };
  });
  const opsets = Object.fromEntries([["", opset], ...[...write.domains].map((domain) => [domain, 1])]);
  const model = {
    nodes: scheduleWeights(withOutputs(write.nodes, results), states, write.initializers.keys()),
    initializers: write.initializers,
    inputs: [...live.inputs.map((value) => info(names.get(value)!, value)), ...states.map((state) => state.before)],
    outputs: [...outputs, ...states.map((state) => state.after)],
    opsets,
    metadata,
  };
  return { model, states };
}

/**
 * The nodes that the outputs depend on, renamed so that they produce the outputs. An output that is an input, a constant, or a second
 * name for another output is copied.
 */
function withOutputs(nodes: readonly OnnxNode[], results: ReadonlyMap<string, string>): OnnxNode[] {
  const written = new Set(nodes.flatMap(({ outputs }) => outputs));
  const renamed = new Map<string, string>();
  const copies: OnnxNode[] = [];
  for (const [name, from] of results)
    if (written.has(from) && !renamed.has(from)) renamed.set(from, name);
    else copies.push({ type: "Identity", name: `output/${name}`, inputs: [from], outputs: [name], attributes: {} });
  const rename = (name: string): string => renamed.get(name) ?? name;
  const needed = new Set([...renamed.keys(), ...copies.flatMap(({ inputs }) => inputs)]);
  const kept: OnnxNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of readBy(node)) needed.add(name);
    kept.push(renameNode(node, rename));
  }
  return scheduleUpdates([...kept.reverse(), ...copies.map((node) => renameNode(node, rename))]);
}

/**
 * Moves nodes without readers to the end, those with the most ancestors first. ONNX Runtime schedules backward from the last of them, so
 * a weight is updated as soon as its gradient is ready and the gradient's inputs are freed. (In the opposite order everything stays
 * alive until all gradients are ready.)
 */
function scheduleUpdates(nodes: readonly OnnxNode[]): OnnxNode[] {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const parents = new Map(
    nodes.map((node) => [node, readBy(node).flatMap((name) => producers.get(name) ?? [])] as const),
  );
  const read = new Set([...parents.values()].flat());
  const isLeaf = (node: OnnxNode) => !read.has(node);
  const countAncestors = (leaf: OnnxNode): number => {
    const seen = new Set<OnnxNode>([leaf]);
    for (const node of seen) for (const parent of parents.get(node)!) seen.add(parent);
    return seen.size;
  };
  const leaves = nodes.filter(isLeaf).map((node) => ({ node, count: countAncestors(node) }));
  leaves.sort((a, b) => b.count - a.count);
  return [...nodes.filter((node) => !isLeaf(node)), ...leaves.map(({ node }) => node)];
}

/**
 * Moves nodes that depend on states and constants alone to the front. Of a node's two inputs ONNX Runtime computes the one that comes
 * later first, so what is made of weights is computed when needed and does not stay alive while the other input is computed.
 */
function scheduleWeights(nodes: OnnxNode[], states: readonly LoweredState[], constants: Iterable<string>): OnnxNode[] {
  if (states.length === 0) return nodes;
  const given = new Set([...constants, ...states.map(({ before }) => before.name)]);
  const early = nodes.filter((node) => {
    const isEarly = readBy(node).every((name) => name === "" || given.has(name));
    if (isEarly) for (const name of node.outputs) given.add(name);
    return isEarly;
  });
  const chosen = new Set(early);
  return [...early, ...nodes.filter((node) => !chosen.has(node))];
}

const branchesOf = ({ attributes }: OnnxNode): OnnxSubgraph[] =>
  Object.values(attributes).flatMap((value) => (typeof value === "object" && "graph" in value ? [value.graph] : []));

/** The names that a node reads, its branches included. */
export function readBy(node: OnnxNode): readonly string[] {
  return [...node.inputs, ...branchesOf(node).flatMap(({ nodes }) => nodes.flatMap(readBy))];
}

function renameNode(node: OnnxNode, rename: (name: string) => string): OnnxNode {
  const attributes = Object.entries(node.attributes).map(([key, value]) => {
    if (typeof value !== "object" || !("graph" in value)) return [key, value] as const;
    const { nodes, outputs } = value.graph;
    return [key, { graph: { nodes: nodes.map((inner) => renameNode(inner, rename)), outputs } }] as const;
  });
  return {
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes: Object.fromEntries(attributes),
  };
}

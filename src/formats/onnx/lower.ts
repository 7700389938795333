import { FoveaError } from "../../core/errors.js";
import { type Tensor, tensor } from "../../core/tensor.js";
import { type Cell, type Graph, type Node, type Program, program, type Value } from "../../graph/graph.js";
import type { ValueDType } from "../../graph/op.js";
import type { OnnxDType, OnnxModel, OnnxNode, OnnxSubgraph, OnnxValueInfo } from "./proto.js";
import { neuralRules } from "./rules/neural.js";
import { simpleRules } from "./rules/simple.js";
import { OnnxWriter, type Rules } from "./writer.js";

/** Rules in plain ONNX for every operator that an inference graph can hold. */
export const inferenceRules: Rules = new Map([...simpleRules, ...neuralRules]);

/** ONNX operator set that is written unless told otherwise. */
export const defaultOpset = 17;

/** Integers are int64 throughout: ONNX compares nothing of two types. */
const widened = (value: Tensor): Tensor =>
  value.dtype === "int32" ? tensor("int64", value.shape, BigInt64Array.from(value.data, BigInt)) : value;

const dtypes: Record<ValueDType, OnnxDType> = { float: "float32", int: "int64", bool: "bool" };

const info = (name: string, value: Value): OnnxValueInfo => ({
  name,
  dtype: dtypes[value.type.dtype],
  shape: value.shape,
});

/** How an engine keeps a cell between runs where it does not keep the plain array. */
export interface StateForm {
  /** The shape that the model's input and output have. */
  readonly shape: readonly number[];
  pack(plain: Tensor): Tensor;
  unpack(packed: Tensor): Tensor;
}

/** One cell that a lowered graph changes: the names of its contents before (an input) and after (an output). */
export interface LoweredState {
  readonly cell: Cell;
  readonly before: OnnxValueInfo;
  readonly after: OnnxValueInfo;
  /** How the contents lie in these two; none: as the cell's own. */
  readonly form: StateForm | undefined;
}

/** The lowering as an engine's own rules see it: what is written, and what the plain arrays are called. */
export interface Lowering {
  readonly write: OnnxWriter;
  readonly graph: Graph;
  readonly program: Program;
  /** The name of a value's plain array, which is written if it is not yet there. */
  plain(value: Value): string;
  define(value: Value, name: string): void;
}

/** What an engine adds to the plain rules: nodes that it writes in its own way, with values in forms of its own. */
export interface Dialect {
  /** Writes a node and keeps its results. False: the plain rule shall write it. */
  lower(node: Node): boolean;
  /** The plain array of a value that this dialect has written, from the form that it keeps. */
  plain(value: Value): string | undefined;
  /** In which form a cell that the graph changes enters and leaves it. */
  stateForm(cell: Cell): StateForm | undefined;
  /** Takes over the contents of such a cell. */
  adopt(value: Value, name: string): void;
  /** The name of a value in the form of a cell. */
  inForm(value: Value, cell: Cell): string;
}

/** Options of {@link lowerToOnnx}. */
export interface LowerOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** ONNX operator set; the rules for training graphs know only the default, 17. */
  readonly opset?: number;
  /** Whether arrays that are float16 stay so in the file, to be cast as they are read. Default: they are written as float32. */
  readonly keepFloat16?: boolean;
  readonly dialect?: ((lowering: Lowering) => Dialect) | undefined;
}

export interface Lowered {
  readonly model: OnnxModel;
  readonly states: readonly LoweredState[];
}

/**
 * Writes a graph as ONNX, node by node, by the given rules. Cells that the graph updates become an input and an output each;
 * all others become initializers with their present contents.
 *
 * @throws FoveaError if an operator has no rule, or an input and an output have the same name.
 */
export function lowerToOnnx(
  graph: Graph,
  rules: Rules,
  { metadata = {}, opset = defaultOpset, keepFloat16 = false, dialect: startDialect }: LowerOptions = {},
): Lowered {
  for (const name of graph.outputs.keys())
    if (graph.inputs.has(name))
      throw new FoveaError(`an input and an output are both named "${name}", which ONNX does not allow: rename one`);
  const live = program(graph);
  const taken = new Set([...graph.inputs.keys(), ...graph.outputs.keys()]);
  const reserve = (name: string): string => {
    let free = name;
    for (let i = 1; taken.has(free); i++) free = i === 1 ? `state/${name}` : `state/${name}~${i}`;
    taken.add(free);
    return free;
  };
  // Before anything is written, which must have other names.
  const stateNames = new Map(
    live.states.flatMap((value) =>
      value.source.kind === "state" ? [[value, reserve(value.source.name)] as const] : [],
    ),
  );
  const write = new OnnxWriter(opset, keepFloat16, taken);
  const names = new Map<Value, string>();
  const updated = new Set(graph.updates.map((update) => update.cell));
  /** Constants are written when something first asks for them: a dialect may want them in another form only. */
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
      name = dialect?.plain(value) ?? constant(value);
      if (name === undefined) throw new FoveaError(`lowering: ${value.node?.op.name} is read before it is written`);
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
  const dialect = startDialect?.(lowering);

  for (const value of live.inputs) if (value.source.kind === "input") names.set(value, value.source.name);
  const befores = new Map<Cell, string>();
  for (const value of live.states) {
    if (value.source.kind !== "state" || !updated.has(value.source.cell)) continue;
    const { cell } = value.source;
    const name = stateNames.get(value)!;
    befores.set(cell, name);
    if (dialect?.stateForm(cell)) dialect.adopt(value, name);
    else names.set(value, name);
  }

  for (const node of live.nodes) {
    write.enter(node.scope);
    if (dialect?.lower(node)) continue;
    const rule = rules.get(node.op.name);
    if (!rule)
      throw new FoveaError(
        `${node.scope ? `${node.scope} › ` : ""}${node.op.name} has no ONNX form here: it belongs to training`,
      );
    const written = rule(node, node.inputs.map(plain), write);
    node.outputs.forEach((value, i) => {
      if (written[i] !== undefined) names.set(value, written[i]);
    });
  }

  write.enter("");
  /** For every output of the model, what holds it. */
  const results = new Map<string, string>();
  const outputs = [...graph.outputs].map(([name, value]) => {
    results.set(name, plain(value));
    return info(name, value);
  });
  const states = graph.updates.map(({ name, cell, value }): LoweredState => {
    const form = dialect?.stateForm(cell);
    const after = reserve(`next/${name}`);
    results.set(after, form ? dialect!.inForm(value, cell) : plain(value));
    const before = befores.get(cell) ?? reserve(`state/${name}`);
    const type = { dtype: dtypes[cell.dtype], shape: form?.shape ?? cell.shape };
    return { cell, before: { name: before, ...type }, after: { name: after, ...type }, form };
  });
  const opsets = Object.fromEntries([["", opset], ...[...write.domains].map((domain) => [domain, 1])]);
  const model = {
    nodes: stateFirst(withOutputs(write.nodes, results), states, write.initializers.keys()),
    initializers: write.initializers,
    inputs: [...live.inputs.map((value) => info(names.get(value)!, value)), ...states.map((state) => state.before)],
    outputs: [...outputs, ...states.map((state) => state.after)],
    opsets,
    metadata,
  };
  return { model, states };
}

/**
 * The nodes that the outputs need, with the outputs' names. A node's result takes the name of an output; what is an input, a constant,
 * a view of a view, or two outputs at once is copied to it.
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
  return lastFirst([...kept.reverse(), ...copies.map((node) => renameNode(node, rename))]);
}

/**
 * The same nodes with those that nothing reads at the end, what depends on most before what depends on least. ONNX Runtime computes
 * whatever the last of them needs, then the one before: so a weight is updated as soon as its gradient is there, and what
 * that gradient was made of is let go. (In the other order, everything is kept until all gradients are there.)
 */
function lastFirst(nodes: readonly OnnxNode[]): OnnxNode[] {
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
 * The same nodes with those first that read nothing but states, constants and each other's results: what is made of weights alone. Of two
 * arrays that a node reads ONNX Runtime computes the one whose node comes later first; so these are made when they
 * are needed, and not kept while the other is on its way.
 */
function stateFirst(nodes: OnnxNode[], states: readonly LoweredState[], constants: Iterable<string>): OnnxNode[] {
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

/** What a node reads, its branches included. */
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

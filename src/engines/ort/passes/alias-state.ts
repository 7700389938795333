import { sizeOf } from "../../../core/tensor.js";
import type { LoweredModule, LoweredNode, LoweredValue } from "../../../formats/onnx/ir.js";
import { OnnxWriter } from "../../../formats/onnx/writer.js";
import type { Cell } from "../../../graph/graph.js";
import type { Pass } from "./pass.js";
import { type Ancestors, ancestry } from "./schedule.js";

/** State elements that make one barrier worthwhile. */
const elementsPerBarrier = 2 ** 10;

/** Operators that may write their result over an input. */
const elementwise = new Set(["Add", "Sub", "Mul", "Div", "Max", "Min", "Where", "Sqrt", "Neg"]);

/** Operators whose results hold the elements of an input, and may be views of it or be optimized away. */
const moving = new Set("Identity Reshape Squeeze Unsqueeze Flatten Transpose Expand Slice Concat".split(" "));

/**
 * Has a step write its results to given arrays, the state's own where that is safe.
 *
 * ONNX Runtime does not know that a state's old and new contents share an array, and might write before all others have read. So the node
 * that computes the new contents must depend on every reader of the old ones. Where it does not, a barrier makes it; where that is
 * impossible, or too much for a small state, old and new contents get an array each and are swapped. The writer's inputs that come
 * from readers pass through a barrier too, so that ONNX Runtime does not fuse reader and writer, which would write a product over
 * its own factor.
 */
export const aliasState: Pass = (module, { writesInPlace }) => {
  const { lowered } = module;
  const isStatic = lowered.outputs.every(({ type }) => type.shape?.every((d) => typeof d === "number"));
  if (!writesInPlace || lowered.states.length === 0 || !isStatic) return module;
  const flow = new Flow(lowered);
  const barriers = new Map<LoweredNode, Barriers>();
  const inPlace = new Set<Cell>();
  for (const { cell, before, after } of lowered.states) {
    const writer = after.value.producer;
    const needed = writer && barriersFor(before, writer, flow);
    if (!needed) continue;
    barriers.set(writer, needed);
    inPlace.add(cell);
  }
  const { nodes, names } = lowered;
  lowered.nodes = [];
  const write = new OnnxWriter(lowered, false, names);
  for (const node of nodes) {
    const needed = barriers.get(node);
    if (needed) emitBarriers(node, needed, write);
    lowered.nodes.push(node);
  }
  return { ...module, inPlace, sentinel: addSentinel(write) };
};

/** What lets a node overwrite a state. */
interface Barriers {
  /** Nodes that it must wait for. */
  readonly late: readonly LoweredNode[];
  /** Inputs that pass through a barrier, so that the node is not fused with their producers. */
  readonly unfused: ReadonlySet<LoweredValue>;
}

/** The barriers with which `writer` may overwrite a state; undefined if it must not, or they are not worthwhile. */
function barriersFor(state: LoweredValue, writer: LoweredNode, flow: Flow): Barriers | undefined {
  const reading = flow.readersOf(state, writer);
  if (!reading) return undefined;
  const { readers, rearranging } = reading;
  const ancestors = flow.ancestorsOf(writer);
  const late = readers.filter((node) => !ancestors.has(node));
  if (late.length * elementsPerBarrier > sizeOf(state.shape as readonly number[])) return undefined;
  // Nodes wait only for earlier ones, so no two can wait for each other.
  if (!late.every((node) => flow.isBefore(node, writer))) return undefined;
  const comesFromReader = ({ producer }: LoweredValue) => {
    if (!producer || rearranging.length === 0) return false;
    const sources = flow.ancestorsOf(producer);
    return rearranging.some((node) => sources.has(node));
  };
  return { late, unfused: new Set(writer.inputs.filter((value) => value !== undefined).filter(comesFromReader)) };
}

function emitBarriers(node: LoweredNode, { late, unfused }: Barriers, write: OnnxWriter): void {
  write.enter(`${node.name}/barrier`);
  for (const [i, x] of [...node.inputs.entries()]) {
    if (!x) continue;
    const awaited = i === 0 ? late.map(({ outputs }) => outputs[0]!) : [];
    if (unfused.has(x) && awaited.length === 0) awaited.push(x);
    const waiting = awaited.reduce((value, signal) => write.barrier(value, signal), x);
    if (waiting !== x) node.setInput(i, waiting);
  }
}

/** Makes a sequence the first output, at which the binding stops copying results: `targets/write-in-place.ts`. */
function addSentinel(write: OnnxWriter): string {
  const { module } = write;
  const [first] = module.outputs;
  write.enter("");
  const value = write.emit("SequenceConstruct", [first!.value]);
  value.name = write.free("sentinel");
  module.outputs = [{ name: value.name, value, type: { ...first!.type, sequence: true } }, ...module.outputs];
  return value.name;
}

/** The nodes that read a state, and those among them that do not read it elementwise. */
interface Readers {
  readonly readers: readonly LoweredNode[];
  readonly rearranging: readonly LoweredNode[];
}

/** Who depends on whom in a module. */
class Flow {
  readonly ancestorsOf: (node: LoweredNode) => Ancestors;
  readonly #places: ReadonlyMap<LoweredNode, number>;
  readonly #outputs: ReadonlySet<LoweredValue>;
  /** Constants and what depends on constants or shapes alone: ONNX Runtime computes these before the first run. */
  readonly #constants: Set<LoweredValue>;

  constructor(module: LoweredModule) {
    const { nodes } = module;
    this.ancestorsOf = ancestry(module);
    this.#outputs = new Set(module.outputs.map(({ value }) => value));
    this.#places = new Map(nodes.map((node, i) => [node, i]));
    this.#constants = new Set(module.constants);
    for (const node of nodes)
      if (node.type === "Shape" || readsOnly(node, this.#constants))
        for (const value of node.outputs) this.#constants.add(value);
  }

  isBefore(a: LoweredNode, b: LoweredNode): boolean {
    return this.#places.get(a)! < this.#places.get(b)!;
  }

  /**
   * The last nodes to read a state, other than the writer of its new contents. What is computed from the state and constants alone, or
   * only holds its elements, counts as the state itself: ONNX Runtime fuses such nodes into their readers, which then read the state,
   * or makes no copy. Undefined if the writer must not overwrite the state.
   */
  readersOf(state: LoweredValue, writer: LoweredNode): Readers | undefined {
    const derived = new Set([state]);
    const readers = new Set<LoweredNode>();
    for (const value of derived)
      for (const node of this.#readersInOrder(value))
        if (node !== writer && (moving.has(node.type) || readsOnly(node, derived, this.#constants))) {
          // A reader of such an output may in fact read the state instead.
          if (this.#isOutput(node)) return undefined;
          for (const output of node.outputs) derived.add(output);
          readers.delete(node);
        } else readers.add(node);
    const rearranges = (node: LoweredNode) => !elementwise.has(node.type) || !areAlike(node.reads, state, derived);
    // Elementwise, each element is read before it is written.
    if (readers.delete(writer) && rearranges(writer)) return undefined;
    const all = [...readers];
    // Of equal nodes ONNX Runtime keeps one, or, if they are outputs, lets nobody else read them.
    const types = all.map(({ type }) => type);
    const isAlone = ({ type }: LoweredNode) => types.indexOf(type) === types.lastIndexOf(type);
    if (!all.every((node) => !this.#isOutput(node) || isAlone(node))) return undefined;
    return { readers: all, rearranging: all.filter(rearranges) };
  }

  #readersInOrder({ readers }: LoweredValue): LoweredNode[] {
    const nodes = new Set([...readers].map(({ outermost }) => outermost));
    return [...nodes].sort((a, b) => this.#places.get(a)! - this.#places.get(b)!);
  }

  #isOutput(node: LoweredNode): boolean {
    return node.outputs.some((value) => this.#outputs.has(value));
  }
}

/** Whether the arrays that count as the state hold its elements in the same order. */
function areAlike(values: readonly LoweredValue[], state: LoweredValue, derived: ReadonlySet<LoweredValue>): boolean {
  const seen = new Set(values.filter((value) => derived.has(value)));
  for (const value of seen) {
    if (value === state) continue;
    const { type, inputs } = value.producer!;
    if (!elementwise.has(type)) return false;
    for (const input of inputs) if (input && derived.has(input)) seen.add(input);
  }
  return true;
}

/** Whether a node reads only values of some sets. */
const readsOnly = (node: LoweredNode, ...sets: readonly ReadonlySet<LoweredValue>[]): boolean =>
  node.reads.every((value) => sets.some((values) => values.has(value)));

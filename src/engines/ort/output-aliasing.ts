import { sizeOf, tensor } from "../../core/tensor.js";
import { emitBarrier } from "../../formats/onnx/barrier.js";
import { type Lowered, readBy } from "../../formats/onnx/lower.js";
import type { OnnxModel, OnnxNode, OnnxValueInfo } from "../../formats/onnx/proto.js";

/**
 * A training step that writes all results to given arrays, the state's own where that is safe.
 *
 * ONNX Runtime writes results to preallocated outputs, but its Node binding then returns a copy of each: of all weights and optimizer
 * slots, in every step. It copies in the order of the model's outputs, and stops with an error at the first that it cannot represent,
 * such as a sequence. So a sequence, the sentinel, comes first: nothing is copied, and the results are in the given arrays.
 */
export interface AliasedStep {
  readonly model: OnnxModel;
  /** The first output, a sequence. */
  readonly sentinel: string;
  /** Input names of the states whose new contents may overwrite the old. */
  readonly inPlace: ReadonlySet<string>;
}

/** State elements that make one barrier worthwhile. */
const elementsPerBarrier = 2 ** 10;

/** Operators that may write their result over an input. */
const elementwise = new Set(["Add", "Sub", "Mul", "Div", "Max", "Min", "Where", "Sqrt", "Neg"]);

/** Operators whose results hold the elements of an input, and may be views of it or be optimized away. */
const moving = new Set([
  "Identity",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Flatten",
  "Transpose",
  "Expand",
  "Slice",
  "Concat",
]);

/**
 * ONNX Runtime does not know that a state's old and new contents share an array, and might write before all others have read. So the node
 * that computes the new contents must depend on every reader of the old ones. Where it does not, a barrier makes it; where that is
 * impossible, or too much for a small state, old and new contents get an array each and are swapped. The writer's inputs that come
 * from readers pass through a barrier too, so that ONNX Runtime does not fuse reader and writer, which would write a product over
 * its own factor.
 */
export function outputAliasing({ model, states }: Pick<Lowered, "model" | "states">): AliasedStep {
  const { nodes, outputs } = model;
  const flow = new Flow(model);
  const signals = new Map<OnnxNode, OnnxNode[]>();
  const unfused = new Map<OnnxNode, Set<string>>();
  const inPlace = new Set<string>();
  for (const { before, after } of states) {
    const writer = flow.producers.get(after.name);
    if (!writer) continue;
    const reading = flow.readersOf(before.name, writer);
    if (!reading) continue;
    const { readers, rearranging } = reading;
    const ancestors = flow.ancestorsOf(writer);
    const late = readers.filter((node) => !ancestors.has(node));
    if (late.length * elementsPerBarrier > sizeOf(before.shape as readonly number[])) continue;
    // Nodes wait only for earlier ones, so no two can wait for each other.
    if (!late.every((node) => flow.isBefore(node, writer))) continue;
    signals.set(writer, [...(signals.get(writer) ?? []), ...late]);
    const computed = writer.inputs.filter((name) => {
      const producer = flow.producers.get(name);
      if (!producer || rearranging.length === 0) return false;
      const sources = flow.ancestorsOf(producer);
      return rearranging.some((node) => sources.has(node));
    });
    unfused.set(writer, new Set([...(unfused.get(writer) ?? []), ...computed]));
    inPlace.add(before.name);
  }
  const zero = flow.freeName("zero");
  const sentinel = flow.freeName("sentinel");
  const [first] = outputs as [OnnxValueInfo];
  const sequence = {
    type: "SequenceConstruct",
    name: sentinel,
    inputs: [first.name],
    outputs: [sentinel],
    attributes: {},
  };
  return {
    model: {
      ...model,
      nodes: [
        ...nodes.flatMap((node) => withBarriers(node, signals.get(node) ?? [], unfused.get(node) ?? new Set(), zero)),
        sequence,
      ],
      initializers: new Map([...model.initializers, [zero, tensor("int64", [1], BigInt64Array.of(0n))]]),
      outputs: [{ ...first, name: sentinel, sequence: true }, ...outputs],
    },
    sentinel,
    inPlace,
  };
}

/** A node behind the barriers that make it wait for others, and keep it from being fused with the producers of some inputs. */
function withBarriers(
  node: OnnxNode,
  signals: readonly OnnxNode[],
  unfused: ReadonlySet<string>,
  zero: string,
): OnnxNode[] {
  const nodes: OnnxNode[] = [];
  const emit = (type: string, inputs: readonly string[]) => {
    const name = `${node.name}/barrier_${nodes.length}`;
    nodes.push({ type, name, inputs, outputs: [name], attributes: {} });
    return name;
  };
  const inputs = node.inputs.map((x, i) => {
    const awaited = i === 0 ? signals.map(({ outputs }) => outputs[0]!) : [];
    if (unfused.has(x) && awaited.length === 0) awaited.push(x);
    return awaited.reduce((value, signal) => emitBarrier(value, signal, emit, zero), x);
  });
  return [...nodes, { ...node, inputs }];
}

/** The nodes that read a state, and those among them that do not read it elementwise. */
interface Readers {
  readonly readers: readonly OnnxNode[];
  readonly rearranging: readonly OnnxNode[];
}

/** Definitions and uses in a model. */
class Flow {
  readonly producers: ReadonlyMap<string, OnnxNode>;
  readonly #readers = new Map<string, Set<OnnxNode>>();
  readonly #parents: ReadonlyMap<OnnxNode, readonly OnnxNode[]>;
  readonly #places: ReadonlyMap<OnnxNode, number>;
  readonly #outputs: ReadonlySet<string>;
  /** Constants and what depends on constants or shapes alone: ONNX Runtime computes these before the first run. */
  readonly #constants: Set<string>;

  constructor(private readonly model: OnnxModel) {
    const { nodes } = model;
    this.#outputs = new Set(model.outputs.map(({ name }) => name));
    this.#places = new Map(nodes.map((node, i) => [node, i]));
    this.producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
    this.#parents = new Map(
      nodes.map(
        (node) => [node, [...new Set(readBy(node).flatMap((name) => this.producers.get(name) ?? []))]] as const,
      ),
    );
    this.#constants = new Set(["", ...model.initializers.keys()]);
    for (const node of nodes)
      if (node.type === "Shape" || this.#readsOnly(node, this.#constants))
        for (const name of node.outputs) this.#constants.add(name);
    for (const node of nodes)
      for (const name of readBy(node)) {
        const readers = this.#readers.get(name);
        if (readers) readers.add(node);
        else this.#readers.set(name, new Set([node]));
      }
  }

  isBefore(a: OnnxNode, b: OnnxNode): boolean {
    return this.#places.get(a)! < this.#places.get(b)!;
  }

  freeName(wanted: string): string {
    const { inputs, initializers } = this.model;
    const taken = (name: string) =>
      this.producers.has(name) || initializers.has(name) || inputs.some((input) => input.name === name);
    let name = wanted;
    while (taken(name)) name += "~";
    return name;
  }

  ancestorsOf(node: OnnxNode): Set<OnnxNode> {
    const seen = new Set<OnnxNode>([node]);
    for (const each of seen) for (const parent of this.#parents.get(each)!) seen.add(parent);
    return seen;
  }

  /**
   * The last nodes to read a state, other than the writer of its new contents. What is computed from the state and constants alone, or
   * only holds its elements, counts as the state itself: ONNX Runtime fuses such nodes into their readers, which then read the state,
   * or makes no copy. Undefined if the writer must not overwrite the state.
   */
  readersOf(state: string, writer: OnnxNode): Readers | undefined {
    const derived = new Set([state]);
    const readers = new Set<OnnxNode>();
    for (const name of derived)
      for (const node of this.#readers.get(name) ?? [])
        if (node !== writer && (moving.has(node.type) || this.#readsOnly(node, derived, this.#constants))) {
          // A reader of such an output may in fact read the state instead.
          if (this.#isOutput(node)) return undefined;
          for (const output of node.outputs) derived.add(output);
          readers.delete(node);
        } else readers.add(node);
    const rearranges = (node: OnnxNode) => !elementwise.has(node.type) || !this.#areAlike(readBy(node), state, derived);
    // Elementwise, each element is read before it is written.
    if (readers.delete(writer) && rearranges(writer)) return undefined;
    const all = [...readers];
    // Of equal nodes ONNX Runtime keeps one, or, if they are outputs, lets nobody else read them.
    const types = all.map(({ type }) => type);
    const isAlone = ({ type }: OnnxNode) => types.indexOf(type) === types.lastIndexOf(type);
    if (!all.every((node) => !this.#isOutput(node) || isAlone(node))) return undefined;
    return { readers: all, rearranging: all.filter(rearranges) };
  }

  #isOutput(node: OnnxNode): boolean {
    return node.outputs.some((name) => this.#outputs.has(name));
  }

  /** Whether the arrays that count as the state hold its elements in the same order. */
  #areAlike(names: readonly string[], state: string, derived: ReadonlySet<string>): boolean {
    const seen = new Set(names.filter((name) => derived.has(name)));
    for (const name of seen) {
      if (name === state) continue;
      const { type, inputs } = this.producers.get(name)!;
      if (!elementwise.has(type)) return false;
      for (const input of inputs) if (derived.has(input)) seen.add(input);
    }
    return true;
  }

  /** Whether a node reads only names of some sets. */
  #readsOnly(node: OnnxNode, ...sets: readonly ReadonlySet<string>[]): boolean {
    return readBy(node).every((name) => sets.some((names) => names.has(name)));
  }
}

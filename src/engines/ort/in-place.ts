import { sizeOf, tensor } from "../../core/tensor.js";
import { type Lowered, readBy } from "../../formats/onnx/lower.js";
import type { OnnxModel, OnnxNode, OnnxValueInfo } from "../../formats/onnx/proto.js";
import { waitFor } from "../../formats/onnx/wait.js";

/**
 * A training step whose results are all written to arrays that are given with each run, the state's own where that is safe.
 *
 * ONNX Runtime writes results where it is told to, but its binding for Node then returns a copy of each: of all weights and optimizer
 * slots, in every step. It makes them in the order of the model's outputs, and gives up at the first that it cannot represent, such
 * as a sequence. So a sequence comes first, no copy is made, and the results are where they were to be written.
 */
export interface KeptStep {
  readonly model: OnnxModel;
  /** The output that comes first: a sequence. */
  readonly stop: string;
  /** States, by the names they enter under, whose new contents may be written over the old. */
  readonly inPlace: ReadonlySet<string>;
}

/** Elements of a state for which it is worth that a node waits for another. */
const elementsPerWait = 2 ** 10;

/** Operators whose results may share the memory of what they read. */
const elementwise = new Set(["Add", "Sub", "Mul", "Div", "Max", "Min", "Where", "Sqrt", "Neg"]);

/** Operators whose results have the same elements, and are views of what they read or may be left out by ONNX Runtime. */
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
 * ONNX Runtime does not know that a state's old and new contents share an array: it would write while others still have to read. So the
 * node that computes the new contents must depend on all that read the old ones. Where it does not it is made to wait for them; where
 * that cannot be, or is too much for a small state, old and new contents have an array each, and change places. What it reads of
 * the results of those others is handed on, so that ONNX Runtime does not make it one operator with them, which would write a product
 * over its own factor.
 */
export function keptStep({ model, states }: Pick<Lowered, "model" | "states">): KeptStep {
  const { nodes, outputs } = model;
  const flow = new Flow(model);
  const waits = new Map<OnnxNode, OnnxNode[]>();
  const apart = new Map<OnnxNode, Set<string>>();
  const inPlace = new Set<string>();
  for (const { before, after } of states) {
    const writer = flow.producers.get(after.name);
    if (!writer) continue;
    const reading = flow.readersOf(before.name, writer);
    if (!reading) continue;
    const { readers, rearranging } = reading;
    const ancestors = flow.ancestorsOf(writer);
    const late = readers.filter((node) => !ancestors.has(node));
    if (late.length * elementsPerWait > sizeOf(before.shape as readonly number[])) continue;
    // Nodes wait for earlier ones only, so no two can wait for each other.
    if (!late.every((node) => flow.isBefore(node, writer))) continue;
    waits.set(writer, [...(waits.get(writer) ?? []), ...late]);
    const computed = writer.inputs.filter((name) => {
      const producer = flow.producers.get(name);
      if (!producer || rearranging.length === 0) return false;
      const sources = flow.ancestorsOf(producer);
      return rearranging.some((node) => sources.has(node));
    });
    apart.set(writer, new Set([...(apart.get(writer) ?? []), ...computed]));
    inPlace.add(before.name);
  }
  const zero = flow.freeName("zero");
  const stop = flow.freeName("stop");
  const [first] = outputs as [OnnxValueInfo];
  const sequence = { type: "SequenceConstruct", name: stop, inputs: [first.name], outputs: [stop], attributes: {} };
  return {
    model: {
      ...model,
      nodes: [
        ...nodes.flatMap((node) => waiting(node, waits.get(node) ?? [], apart.get(node) ?? new Set(), zero)),
        sequence,
      ],
      initializers: new Map([...model.initializers, [zero, tensor("int64", [1], BigInt64Array.of(0n))]]),
      outputs: [{ ...first, name: stop, sequence: true }, ...outputs],
    },
    stop,
    inPlace,
  };
}

/** A node that waits for others, and what makes it wait and keeps it apart from what computes some of its inputs. */
function waiting(node: OnnxNode, signals: readonly OnnxNode[], apart: ReadonlySet<string>, zero: string): OnnxNode[] {
  const nodes: OnnxNode[] = [];
  const emit = (type: string, inputs: readonly string[]) => {
    const name = `${node.name}/wait_${nodes.length}`;
    nodes.push({ type, name, inputs, outputs: [name], attributes: {} });
    return name;
  };
  const inputs = node.inputs.map((x, i) => {
    const own = i === 0 ? signals.map(({ outputs }) => outputs[0]!) : [];
    if (apart.has(x) && own.length === 0) own.push(x);
    return own.reduce((value, signal) => waitFor(value, signal, emit, zero), x);
  });
  return [...nodes, { ...node, inputs }];
}

/** The nodes that read a state, and those among them that read it in another order than element by element. */
interface Readers {
  readonly readers: readonly OnnxNode[];
  readonly rearranging: readonly OnnxNode[];
}

/** Who computes and reads what in a model. */
class Flow {
  readonly producers: ReadonlyMap<string, OnnxNode>;
  readonly #readers = new Map<string, Set<OnnxNode>>();
  readonly #parents: ReadonlyMap<OnnxNode, readonly OnnxNode[]>;
  readonly #places: ReadonlyMap<OnnxNode, number>;
  readonly #outputs: ReadonlySet<string>;
  /** What is made of constants alone, or of shapes: ONNX Runtime computes it before the first run. */
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
   * The nodes, other than the writer of its new contents, after which a state is read no more. What is computed from the state and
   * constants alone counts as the state itself, and so does what only holds its elements: ONNX Runtime merges such nodes with those that
   * read them, which then read the state, or makes no copy. Undefined if the writer must not write over the state.
   */
  readersOf(state: string, writer: OnnxNode): Readers | undefined {
    const derived = new Set([state]);
    const readers = new Set<OnnxNode>();
    for (const name of derived)
      for (const node of this.#readers.get(name) ?? [])
        if (node !== writer && (moving.has(node.type) || this.#readsOnly(node, derived, this.#constants))) {
          // Whoever seems to read such an output may in fact read the state in its place.
          if (this.#isOutput(node)) return undefined;
          for (const output of node.outputs) derived.add(output);
          readers.delete(node);
        } else readers.add(node);
    const rearranges = (node: OnnxNode) => !elementwise.has(node.type) || !this.#areAlike(readBy(node), state, derived);
    // Element by element, each is read before it is written.
    if (readers.delete(writer) && rearranges(writer)) return undefined;
    const all = [...readers];
    // Of equal nodes ONNX Runtime leaves out all but one, or, if they are outputs, lets nobody else read them.
    const types = all.map(({ type }) => type);
    const isAlone = ({ type }: OnnxNode) => types.indexOf(type) === types.lastIndexOf(type);
    if (!all.every((node) => !this.#isOutput(node) || isAlone(node))) return undefined;
    return { readers: all, rearranging: all.filter(rearranges) };
  }

  #isOutput(node: OnnxNode): boolean {
    return node.outputs.some((name) => this.#outputs.has(name));
  }

  /** Whether those among some arrays that count as a state have an element for each of the state's, in the same place. */
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

  /** Whether a node reads nothing but names of some sets. */
  #readsOnly(node: OnnxNode, ...sets: readonly ReadonlySet<string>[]): boolean {
    return readBy(node).every((name) => sets.some((names) => names.has(name)));
  }
}

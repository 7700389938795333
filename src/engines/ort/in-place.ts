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

/** Operators whose results share the memory of what they read first, whatever shape or axes they are given. */
const views = new Set(["Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"]);

/** Operators whose results may share the memory of what they read. */
const elementwise = new Set(["Add", "Sub", "Mul", "Div", "Max", "Min", "Where", "Sqrt", "Neg"]);

/**
 * ONNX Runtime does not know that a state's old and new contents share an array: it would write while others still have to read. So the
 * node that computes the new contents must depend on all that read the old ones. Where it does not it is made to wait for them; where
 * that cannot be, or is too much for a small state, old and new contents have an array each, and change places.
 */
export function keptStep({ model, states }: Pick<Lowered, "model" | "states">): KeptStep {
  const { nodes, outputs } = model;
  const flow = new Flow(model);
  const waits = new Map<OnnxNode, readonly OnnxNode[]>();
  const inPlace = new Set<string>();
  for (const { before, after } of states) {
    const writer = flow.producers.get(after.name);
    if (!writer) continue;
    const readers = flow.readersOf(before.name, writer);
    if (!readers) continue;
    const ancestors = flow.ancestorsOf(writer);
    const late = readers.filter((node) => !ancestors.has(node));
    if (late.length * elementsPerWait > sizeOf(before.shape as readonly number[])) continue;
    // Nodes wait for earlier ones only, so no two can wait for each other.
    if (!late.every((node) => flow.isBefore(node, writer))) continue;
    waits.set(writer, late);
    inPlace.add(before.name);
  }
  const zero = flow.freeName("zero");
  const stop = flow.freeName("stop");
  const [first] = outputs as [OnnxValueInfo];
  const sequence = { type: "SequenceConstruct", name: stop, inputs: [first.name], outputs: [stop], attributes: {} };
  return {
    model: {
      ...model,
      nodes: [...nodes.flatMap((node) => waiting(node, waits.get(node) ?? [], zero)), sequence],
      initializers: new Map([...model.initializers, [zero, tensor("int64", [1], BigInt64Array.of(0n))]]),
      outputs: [{ ...first, name: stop, sequence: true }, ...outputs],
    },
    stop,
    inPlace,
  };
}

/** A node that waits for others, and what makes it wait. */
function waiting(node: OnnxNode, signals: readonly OnnxNode[], zero: string): OnnxNode[] {
  const nodes: OnnxNode[] = [];
  const emit = (type: string, inputs: readonly string[]) => {
    const name = `${node.name}/wait_${nodes.length}`;
    nodes.push({ type, name, inputs, outputs: [name], attributes: {} });
    return name;
  };
  const [x, ...rest] = node.inputs as [string, ...string[]];
  const waited = signals.reduce((value, signal) => waitFor(value, signal.outputs[0]!, emit, zero), x);
  return [...nodes, { ...node, inputs: [waited, ...rest] }];
}

/** Who computes and reads what in a model. */
class Flow {
  readonly producers: ReadonlyMap<string, OnnxNode>;
  readonly #readers = new Map<string, Set<OnnxNode>>();
  readonly #places: ReadonlyMap<OnnxNode, number>;
  readonly #outputs: ReadonlySet<string>;

  constructor(private readonly model: OnnxModel) {
    const { nodes } = model;
    this.#outputs = new Set(model.outputs.map(({ name }) => name));
    this.#places = new Map(nodes.map((node, i) => [node, i]));
    this.producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
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
    for (const each of seen)
      for (const name of readBy(each)) {
        const producer = this.producers.get(name);
        if (producer) seen.add(producer);
      }
    return seen;
  }

  /**
   * The nodes, other than the writer of its new contents, after which a state is read no more; undefined if the writer must not write over it.
   * What is computed from the state and constants alone counts as the state itself: ONNX Runtime merges such nodes with those
   * that read them, which then read the state.
   */
  readersOf(state: string, writer: OnnxNode): OnnxNode[] | undefined {
    const derived = new Set([state]);
    /** What has an element for each of the state's, in the same place. */
    const alike = new Set([state]);
    const readers = new Set<OnnxNode>();
    for (const name of derived)
      for (const node of this.#readers.get(name) ?? [])
        if (node !== writer && (this.#readsOnly(node, derived) || (views.has(node.type) && node.inputs[0] === name))) {
          for (const output of node.outputs) derived.add(output);
          if (elementwise.has(node.type) && alike.has(name)) alike.add(node.outputs[0]!);
          if (!node.outputs.some((output) => this.#outputs.has(output))) readers.delete(node);
          else readers.add(node);
        } else readers.add(node);
    if (readers.delete(writer)) {
      // Element by element, each is read before it is written.
      const own = readBy(writer).filter((name) => derived.has(name));
      if (!elementwise.has(writer.type) || own.some((name) => !alike.has(name))) return undefined;
    }
    return [...readers];
  }

  /** Whether a node reads nothing but constants and names of a set. */
  #readsOnly(node: OnnxNode, names: ReadonlySet<string>): boolean {
    return readBy(node).every((name) => names.has(name) || name === "" || this.model.initializers.has(name));
  }
}

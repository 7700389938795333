import { sameShape } from "../../../core/shape.js";
import { sizeOf, type Tensor, tensor } from "../../../core/tensor.js";
import { type LoweredModule, LoweredNode, type LoweredValue, operatorKey, redirect } from "../../../formats/onnx/ir.js";
import { OnnxWriter } from "../../../formats/onnx/writer.js";
import type { Pass } from "./pass.js";

// Where launching a kernel costs more than its work, as on a GPU, the same with fewer nodes.

/** A pass that changes the lowered module. */
const changing =
  (change: (lowered: LoweredModule) => void): Pass =>
  (module) => {
    change(module.lowered);
    module.lowered.removeDeadCode();
    return module;
  };

/** The values that leave the module. */
const leaving = ({ outputs }: LoweredModule): ReadonlySet<LoweredValue> => new Set(outputs.map(({ value }) => value));

/** Whether a node alone reads what another computes. */
const isOnlyFor = (value: LoweredValue, reader: LoweredNode, leaves: ReadonlySet<LoweredValue>): boolean =>
  value.readers.size === 1 && value.readers.has(reader) && !leaves.has(value);

/** Nodes that compute the same become one. */
export const mergeDuplicates = changing((lowered) => {
  const leaves = leaving(lowered);
  const numbers = new Map<LoweredValue | undefined, number>();
  const numberOf = (value: LoweredValue | undefined) => {
    if (!numbers.has(value)) numbers.set(value, numbers.size);
    return numbers.get(value);
  };
  const known = new Map<string, LoweredNode>();
  for (const node of lowered.nodes) {
    const { operation, inputs, outputs } = node;
    if (node.branches.length > 0 || outputs.some((value) => leaves.has(value))) continue;
    const key = JSON.stringify([operatorKey(operation), operation.attributes, inputs.map(numberOf), outputs.length]);
    const same = known.get(key);
    if (same) outputs.forEach((value, i) => redirect(value, same.outputs[i]!));
    else known.set(key, node);
  }
});

/** A bias that is added to a product of matrices becomes the product's own. */
export const addInProducts = changing((lowered) => {
  const leaves = leaving(lowered);
  lowered.nodes = lowered.nodes.map((node) => {
    if (node.type !== "Add") return node;
    const [output] = node.outputs as [LoweredValue];
    for (const [product, bias] of [node.inputs, node.inputs.toReversed()] as [LoweredValue, LoweredValue][]) {
      const { producer } = product;
      if (producer?.type !== "Gemm" || producer.inputs.length > 2 || !isOnlyFor(product, node, leaves)) continue;
      // The bias may be computed after the product: the sum takes its own place.
      if (!sameShape(product.shape as number[], output.shape as number[]) || (bias.shape?.length ?? 3) > 2) continue;
      const whole = new LoweredNode(node.name, producer.operation, [...producer.inputs, bias], [output.type]);
      replaceOutput(lowered, output, whole.outputs[0]!);
      node.detach();
      return whole;
    }
    return node;
  });
});

/** Puts a new value in the place, and under the name, of another. */
function replaceOutput(lowered: LoweredModule, value: LoweredValue, by: LoweredValue): void {
  by.name = value.name;
  lowered.replaceAllUses(value, by);
}

/** What a Slice takes from an array along its only axis. */
interface Part {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly node: LoweredNode;
}

function partOf(node: LoweredNode): Part | undefined {
  const lists = node.inputs.slice(1).map((value) => value?.tensor && Array.from(value.tensor.data, Number));
  if (node.type !== "Slice" || lists.some((list) => list?.length !== 1)) return undefined;
  const [start, end, axis, step = 1] = lists.map((list) => list![0]!);
  const size = node.inputs[0]!.shape?.[axis ?? -1];
  if (typeof size !== "number" || step !== 1 || start! < 0 || end! <= start! || end! > size) return undefined;
  return { axis: axis!, start: start!, end: end!, node };
}

/** The most arrays that one Split makes: WebGPU binds eight buffers everywhere, and one is what is split. */
const mostParts = 7;

/** Slices of one array that lie side by side become a Split, or one of Splits. */
export const splitSlices = changing((lowered) => {
  const leaves = leaving(lowered);
  const { nodes, names } = lowered;
  lowered.nodes = [];
  const write = new OnnxWriter(lowered, false, names);
  const done = new Set<LoweredNode>();
  for (const node of nodes) {
    const own = done.has(node) ? undefined : partOf(node);
    if (own) {
      const parts = [...node.inputs[0]!.readers].flatMap((reader) => partOf(reader) ?? []);
      const alike = sideBySide(
        parts.filter(({ axis, node: { outputs } }) => axis === own.axis && !leaves.has(outputs[0]!)),
      );
      if (alike.length > 1 && alike.some((part) => part.node === node)) {
        split(write, node.inputs[0]!, alike);
        for (const part of alike) done.add(part.node);
      }
    }
    if (!done.has(node)) lowered.nodes.push(node);
  }
});

/** Parts that do not overlap, in order. */
function sideBySide(parts: readonly Part[]): Part[] {
  const chosen: Part[] = [];
  for (const part of parts.toSorted((a, b) => a.start - b.start))
    if (part.start >= (chosen.at(-1)?.end ?? 0)) chosen.push(part);
  return chosen;
}

/** Emits Splits for parts of an array, and has them read in place of the Slices. */
function split(write: OnnxWriter, value: LoweredValue, parts: readonly Part[]): void {
  const [{ axis }] = parts as [Part];
  /** Parts and what lies between them. */
  const pieces: { size: number; part?: Part }[] = [];
  let at = 0;
  const gap = (to: number) => to > at && pieces.push({ size: to - at });
  for (const part of parts) {
    gap(part.start);
    pieces.push({ size: part.end - part.start, part });
    at = part.end;
  }
  gap(value.shape![axis] as number);
  const divide = (from: LoweredValue, of: typeof pieces): void => {
    const perGroup = mostParts ** Math.max(0, Math.ceil(Math.log(of.length) / Math.log(mostParts) - 1e-9) - 1);
    const groups = Array.from({ length: Math.ceil(of.length / perGroup) }, (_, i) =>
      of.slice(i * perGroup, (i + 1) * perGroup),
    );
    const sizes = groups.map((group) => group.reduce((n, { size }) => n + size, 0));
    const results = write.emitAll("Split", [from, write.ints(sizes)], { axis }, { outputs: groups.length });
    for (const [i, group] of groups.entries()) {
      if (group.length > 1) divide(results[i]!, group);
      else if (group[0]!.part) redirect(group[0]!.part.node.outputs[0]!, results[i]!);
    }
  };
  divide(value, pieces);
}

/** Arrays that are scaled by numbers and then joined are joined first, and scaled by one array. */
export const scaleTogether = changing((lowered) => {
  const leaves = leaving(lowered);
  const { nodes, names } = lowered;
  lowered.nodes = [];
  const write = new OnnxWriter(lowered, false, names);
  for (const node of nodes) {
    lowered.nodes.push(node);
    if (node.type !== "Concat" || node.outputs[0]!.shape?.length !== 1 || leaves.has(node.outputs[0]!)) continue;
    const terms = node.inputs.map((value) => scaledTerm(value!, node, leaves));
    if (terms.filter((term) => term).length < 2) continue;
    lowered.nodes.pop();
    const sizes = node.inputs.map((value) => value!.shape![0] as number);
    const joined = write.concat(
      terms.map((term, i) => (term ? write.reshape(term.value, [sizes[i]!]) : node.inputs[i]!)),
      0,
    );
    const numbers = terms.flatMap((term, i) => Array<number>(sizes[i]!).fill(term?.by ?? 1));
    const scale = write.constant(tensor("float32", [numbers.length], Float32Array.from(numbers)));
    redirect(node.outputs[0]!, write.emit("Mul", [joined, scale]));
    node.detach();
  }
});

/** What is multiplied by a number, possibly reshaped, and then read by one node alone. */
function scaledTerm(value: LoweredValue, reader: LoweredNode, leaves: ReadonlySet<LoweredValue>) {
  const node = value.producer;
  if (!node || !isOnlyFor(value, reader, leaves)) return undefined;
  if (node.type === "Reshape") return scaledTerm(node.inputs[0]!, node, leaves);
  if (node.type !== "Mul") return undefined;
  const [a, b] = node.inputs as [LoweredValue, LoweredValue];
  const [factor, scaled] = a.tensor ? [a, b] : [b, a];
  const isNumber = ({ shape, data }: Tensor) => sizeOf(shape) === 1 && data instanceof Float32Array;
  if (!factor.tensor || !isNumber(factor.tensor) || !sameShape(scaled.shape as number[], value.shape as number[]))
    return undefined;
  return { value: scaled, by: Number(factor.tensor.data[0]) };
}

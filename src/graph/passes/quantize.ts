import { OptionError } from "../../core/errors.js";
import { type Tensor, tensor, toFloat64 } from "../../core/tensor.js";
import type { Cell, Graph, Node, Value } from "../graph.js";
import type { Op } from "../op.js";
import { dequantizeLinear, outputAxis, quantizeWeight } from "./compress-weights.js";
import { roundEven } from "./float16.js";
import { type Rebuild, rebuild } from "./rebuild.js";
import { usesOf } from "./uses.js";

/** The lowest and the highest number that an array of activations is rounded to. */
export type Range = readonly [low: number, high: number];

/** What `quantize` needs to know of a network's activations; `calibrate` measures it. */
export interface Calibration {
  /** A range for each array of activations that is rounded, in the order of the graph. */
  readonly ranges: readonly Range[];
}

/** An affine code: the byte q stands for (q − zeroPoint) · scale. */
type Code = { readonly scale: number; readonly zeroPoint: number };

/** x ↦ (clamp(round(x / scale) + zeroPoint, 0, 255) − zeroPoint) · scale: what is left of activations that are stored in a byte. */
export const quantizeDequantize: Op<Code, readonly [x: Value]> = {
  name: "QuantizeDequantize",
  infer: ([x]) => [{ dtype: "float", shape: x.shape }],
  run: ([x], { scale, zeroPoint }) => {
    const stored = (v: number) => Math.max(0, Math.min(255, roundEven(v / scale) + zeroPoint));
    return [{ ...x, data: x.data.map((v) => (stored(v) - zeroPoint) * scale) }];
  },
  // Straight through, as in training with quantization; clipped values included.
  grad: (dy) => [dy],
  macs: () => 0,
  elementwise: true,
  keepsZero: () => true,
};

/** The code whose bytes reach from low to high, with an exact 0. */
export function codeFor([low, high]: Range): Code {
  const [from, to] = [Math.min(low, 0), Math.max(high, 0)];
  const scale = Math.fround((to - from) / 255);
  // A range too small for float32: everything is 0.
  return scale > 0 ? { scale, zeroPoint: roundEven(-from / scale) || 0 } : { scale: 1, zeroPoint: 0 };
}

/** Where an array is rounded, and the array whose range it has: max pooling and rearrangement keep the code of what they read. */
type Points = ReadonlyMap<Value, Value>;

/**
 * The activations that {@link quantize} rounds.
 *
 * 1. What a convolution, or a product with a weight matrix, reads.
 * 2. What a convolution computes, after its `Relu` or `Clip` if that is all that reads it: it is rounded once.
 * 3. The network's own inputs and outputs stay as they are.
 */
function pointsOf(graph: Graph): Points {
  const uses = usesOf(graph);
  const readers = (value: Value) => (uses.get(value) ?? []).flatMap(({ node }) => (node ? [node] : []));
  const roots = new Map<Value, Value>();
  const rootOf = (value: Value): Value => {
    const { node } = value;
    const keeps = node && (node.op.name === "MaxPool" || (node.op.moves && node.inputs.length === 1));
    return keeps && roots.has(node.inputs[0]!) ? rootOf(node.inputs[0]!) : value;
  };
  for (const node of graph.nodes) {
    if (!weightOf(node, graph)) continue;
    const x = node.inputs[1 - weightIndex(node)]!;
    roots.set(x, rootOf(x));
    if (node.op.name !== "Conv") continue;
    let y = node.outputs[0]!;
    const [reader, ...others] = readers(y);
    if (reader && others.length === 0 && ["Relu", "Clip"].includes(reader.op.name)) y = reader.outputs[0]!;
    if (readers(y).length > 0) roots.set(y, y);
  }
  return roots;
}

const weightIndex = (node: Node): 0 | 1 =>
  node.op.name === "MatMul" && node.inputs[0]!.source.kind === "state" ? 0 : 1;

/** The weight of a convolution or a product of matrices, if the graph does not change it. */
function weightOf(
  node: Node,
  graph: Graph,
): { readonly name: string; readonly cell: Cell; readonly axis: number } | undefined {
  if (node.op.name !== "Conv" && node.op.name !== "MatMul") return undefined;
  const index = weightIndex(node);
  const { source } = node.inputs[index]!;
  const axis = outputAxis({ node, index });
  if (source.kind !== "state" || axis === undefined || graph.updates.some(({ cell }) => cell === source.cell))
    return undefined;
  return { name: source.name, cell: source.cell, axis };
}

/**
 * The activations whose ranges {@link quantize} needs, in the order in which it takes them: the same for every batch size.
 */
export const roundedValues = (graph: Graph): readonly Value[] => [...new Set(pointsOf(graph).values())];

/**
 * Rounds a network to 8-bit integers, as ONNX Runtime computes with them; the graph computes what the file will.
 *
 * 1. Activations that convolutions and products with weight matrices read, and that convolutions compute, go through
 *    {@link quantizeDequantize}: a byte each, with a scale and a zero point per array.
 * 2. Weights of convolutions and products become q = round(w / s), with a scale s per output channel: max |w| / 127.
 * 3. Biases of convolutions become 32-bit integers of scale s · (that of the input).
 * 4. Everything else computes in float32: gates and norms in particular.
 *
 * Fold batch norms first. Ranges are those of {@link roundedValues}.
 *
 * Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, 2018, eq. 1, 7 and 11.
 *
 * @throws OptionError if there are not as many ranges as activations.
 */
export function quantize(graph: Graph, { ranges }: Calibration): Graph {
  const points = pointsOf(graph);
  const roots = [...new Set(points.values())];
  if (roots.length !== ranges.length)
    throw new OptionError(
      `calibration: has ${ranges.length} ranges, the network needs ${roots.length}: it is another network's`,
    );
  const codes = new Map(roots.map((root, i) => [root, codeFor(ranges[i]!)]));
  const codeOf = (value: Value): Code | undefined => codes.get(points.get(value)!);
  const inputs = new Map<Value, Value>();
  const rounded = (value: Value, code: Code, to: Rebuild) =>
    to.target.apply(quantizeDequantize, [value], { ...code })[0]!;
  /** A rounded activation; inputs of the graph are rounded where they are first read. */
  const read = (value: Value, to: Rebuild): Value => {
    const code = value.source.kind === "node" ? undefined : codeOf(value);
    if (!code) return to.get(value);
    if (!inputs.has(value)) inputs.set(value, rounded(to.get(value), code, to));
    return inputs.get(value)!;
  };
  return rebuild(graph, {
    node: (node, to) => {
      const weight = weightOf(node, graph);
      const own = codeOf(node.outputs[0]!);
      if (!weight && !own) return undefined;
      const operands = weight
        ? productInputs(node, weight, codeOf(node.inputs[1 - weightIndex(node)]!)!, { to, read })
        : node.inputs.map(to.get);
      const [y, ...rest] = to.target.apply(node.op, operands, node.attributes);
      return [own ? rounded(y!, own, to) : y!, ...rest];
    },
  });
}

/** The inputs of a convolution or a product, with integers for its weight and bias. */
function productInputs(
  node: Node,
  { name, cell, axis }: NonNullable<ReturnType<typeof weightOf>>,
  { scale: inputScale }: Code,
  { to, read }: { readonly to: Rebuild; readonly read: (value: Value, to: Rebuild) => Value },
): Value[] {
  const bias = node.inputs[2]?.source.kind === "state" ? node.inputs[2].source : undefined;
  const offsets = bias && toFloat64(bias.cell.value).data;
  // Wide enough for the bias to fit 32 bits at the scale that follows.
  const { integers, scale } = quantizeWeight(
    cell.value,
    axis,
    (o) => Math.abs(offsets?.[o] ?? 0) / (inputScale * 2 ** 30),
  );
  const coded = (key: string, values: Tensor, by: Tensor, along: number) =>
    to.target.apply(dequantizeLinear, [to.state(key, values), to.state(`${key}/scale`, by)], { axis: along })[0]!;
  const weight = coded(`${name}/int8`, integers, scale, axis);
  const x = read(node.inputs[1 - weightIndex(node)]!, to);
  if (node.op.name === "MatMul") return weightIndex(node) === 0 ? [weight, x] : [x, weight];
  if (!bias) return [x, weight, ...node.inputs.slice(2).map(to.get)];
  const biasScale = scale.data.map((s) => s * inputScale);
  const biases = tensor(
    "int32",
    bias.cell.shape,
    Int32Array.from(offsets!, (b, o) => roundEven(b / biasScale[o]!)),
  );
  return [x, weight, coded(`${bias.name}/int32`, biases, tensor("float32", bias.cell.shape, biasScale), 0)];
}

import type { Shape } from "../../../core/shape.js";
import { tensor } from "../../../core/tensor.js";
import type { Node, Value } from "../../../graph/graph.js";
import { type ConvAttributes, convInputGradOp, convOp } from "../../../ops/conv.js";
import { matMulOp } from "../../../ops/linear.js";
import { ops as norms } from "../../../ops/norm.js";
import { type MaxPoolAttributes, maxPoolOp } from "../../../ops/pool.js";
import { type AxisMap, resampleOp, weightsOf } from "../../../ops/resample.js";
import type { LoweredValue } from "../ir.js";
import { type OnnxWriter, type RuleFor, type Rules, ruleFor } from "../writer.js";

/** The attributes of ONNX's convolutions. */
export function convolution({ strides, pads, dilations, group }: ConvAttributes, kernel: readonly number[]) {
  return { kernel_shape: kernel, strides, pads, dilations, group };
}

export const conv: RuleFor<typeof convOp> = (node, inputs, write) => {
  const kernel = node.inputs[1].shape.slice(2) as number[];
  return [write.emit("Conv", inputs, convolution(node.attributes, kernel))];
};

/** The input gradient of a convolution: a transposed convolution. */
export const convTranspose: RuleFor<typeof convInputGradOp> = (node, inputs, write) => {
  const { attributes } = node;
  const { strides, pads, dilations, size } = attributes;
  const kernel = node.inputs[1].shape.slice(2) as [number, number];
  // Rows and columns of the result that the last window does not reach.
  const rest = ([0, 1] as const).map((i) => {
    const steps = (node.inputs[0].shape[2 + i] as number) - 1;
    return size[i] - (steps * strides[i] + dilations[i] * (kernel[i] - 1) + 1 - pads[i] - pads[i + 2]!);
  });
  return [write.emit("ConvTranspose", inputs, { ...convolution(attributes, kernel), output_padding: rest })];
};

export const matMul: RuleFor<typeof matMulOp> = (node, [a, b], write) => {
  const { transA, transB } = node.attributes;
  const [rankA, rankB] = node.inputs.map((value) => value.shape.length) as [number, number];
  if (rankA === 2 && rankB === 2)
    return [write.emit("Gemm", [a, b], { transA: Number(transA), transB: Number(transB) })];
  const flip = (x: LoweredValue, rank: number, transposed: boolean) =>
    transposed ? write.transpose(x, [...Array(rank - 2).keys(), rank - 1, rank - 2]) : x;
  return [write.emit("MatMul", [flip(a, rankA, transA), flip(b, rankB, transB)])];
};

const batchNormalization: RuleFor<typeof norms.batchNormalization> = (node, inputs, write) => [
  write.emit("BatchNormalization", inputs, { epsilon: { float: node.attributes.epsilon } }),
];

/**
 * ONNX's MaxPool of x, or of an array like it, optionally with the indices of the maxima. ONNX Runtime
 * requires padding smaller than the kernel, which dilated windows may exceed: then the map is extended with `extra` rows and columns
 * of -∞, which the indices count.
 */
export function pooled(
  { kernel, strides, pads, dilations }: MaxPoolAttributes,
  { shape }: Value,
  x: LoweredValue,
  write: OnnxWriter,
  outputs: 1 | 2,
) {
  const extra = ([0, 1] as const).map((i) => Math.max(0, pads[i + 2]! - kernel[i] + 1)) as [number, number];
  const [bottom, right] = extra;
  const within = [pads[0], pads[1], pads[2] - bottom, pads[3] - right];
  const source = bottom + right > 0 ? withLowest(shape, x, extra, write) : x;
  const attributes = { kernel_shape: kernel, strides, pads: within, dilations };
  return { results: write.emitAll("MaxPool", [source], attributes, { outputs }), extra };
}

/** Extends maps with -∞. The Reshape keeps ONNX Runtime from fusing the Pad into the pooling, which would again have too much padding. */
function withLowest(
  shape: Shape,
  x: LoweredValue,
  [bottom, right]: readonly [number, number],
  write: OnnxWriter,
): LoweredValue {
  const pads = write.ints([0, 0, 0, 0, 0, 0, bottom, right]);
  const padded = write.emit("Pad", [x, pads, write.number(Number.NEGATIVE_INFINITY)]);
  return write.reshape(padded, [0, 0, (shape[2] as number) + bottom, (shape[3] as number) + right]);
}

const maxPool: RuleFor<typeof maxPoolOp> = (node, [x], write) =>
  pooled(node.attributes, node.inputs[0], x, write, 1).results;

/**
 * Resampling: ONNX's operator for the map if there is one (Resize, AveragePool, Pad); otherwise, and for the gradient, products with
 * the constant matrices of the two axes: y = R · x · Cᵀ.
 */
const resample: RuleFor<typeof resampleOp> = (node, [x], write) => {
  const { rows, columns, transposed } = node.attributes;
  const direct = transposed ? undefined : directResample(node, x, rows, columns, write);
  if (direct) return [direct];
  const left = isIdentity(rows) ? x : write.emit("MatMul", [matrix(rows, transposed, write), x]);
  return [isIdentity(columns) ? left : write.emit("MatMul", [left, matrix(columns, !transposed, write)])];
};

function directResample(
  node: Node,
  x: LoweredValue,
  rows: AxisMap,
  columns: AxisMap,
  write: OnnxWriter,
): LoweredValue | undefined {
  const sizes = () => {
    const size = write.ints([rows.to, columns.to]);
    if (node.inputs[0]!.shape[0] !== "N") return write.ints(node.outputs[0]!.shape as number[]);
    const leading = write.emit("Slice", [write.emit("Shape", [x]), write.ints([0]), write.ints([2])]);
    return write.emit("Concat", [leading, size], { axis: 0 });
  };
  if (rows.kind === "window" && columns.kind === "window" && rows.countPadding === columns.countPadding)
    return write.emit("AveragePool", [x], {
      kernel_shape: [rows.kernel, columns.kernel],
      strides: [rows.stride, columns.stride],
      pads: [rows.padding, columns.padding, rows.padding, columns.padding],
      count_include_pad: Number(rows.countPadding),
    });
  if (rows.kind === "linear" && columns.kind === "linear" && rows.alignCorners === columns.alignCorners)
    return write.emit("Resize", [x, undefined, undefined, sizes()], {
      mode: "linear",
      coordinate_transformation_mode: rows.alignCorners ? "align_corners" : "half_pixel",
    });
  if (rows.kind === "nearest" && columns.kind === "nearest" && roundsAlike(rows) && roundsAlike(columns))
    return write.emit("Resize", [x, undefined, undefined, sizes()], {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    });
  if (rows.kind === "replicate" && columns.kind === "replicate") {
    const after = (map: typeof rows) => map.to - map.from - map.before;
    const pads = [0, 0, rows.before, columns.before, 0, 0, after(rows), after(columns)];
    return write.emit("Pad", [x, write.ints(pads)], { mode: "edge" });
  }
  return undefined;
}

/** Whether ONNX's rounding, ⌊i / float32(to / from)⌋, picks the same elements as PyTorch's. */
function roundsAlike(map: AxisMap): boolean {
  const scale = Math.fround(map.to / map.from);
  return weightsOf(map).every(([source], i) => Math.floor(Math.fround(i / scale)) === source![0]);
}

function isIdentity(map: AxisMap): boolean {
  return (
    map.from === map.to &&
    weightsOf(map).every((sources, i) => sources.length === 1 && sources[0]![0] === i && sources[0]![1] === 1)
  );
}

/** The matrix of a map, [to, from], or its transpose. */
function matrix(map: AxisMap, transposed: boolean, write: OnnxWriter): LoweredValue {
  const [height, width] = transposed ? [map.from, map.to] : [map.to, map.from];
  const data = new Float32Array(height * width);
  weightsOf(map).forEach((sources, i) => {
    for (const [j, weight] of sources) data[transposed ? j * width + i : i * width + j]! += weight;
  });
  return write.constant(tensor("float32", [height, width], data));
}

export const neuralRules: Rules = new Map([
  ruleFor(convOp, conv),
  ruleFor(convInputGradOp, convTranspose),
  ruleFor(matMulOp, matMul),
  ruleFor(norms.batchNormalization, batchNormalization),
  ruleFor(maxPoolOp, maxPool),
  ruleFor(resampleOp, resample),
]);

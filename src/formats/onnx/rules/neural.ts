import { tensor } from "../../../core/tensor.js";
import type { Node } from "../../../graph/graph.js";
import type { ConvAttributes } from "../../../ops/conv.js";
import type { MaxPoolAttributes } from "../../../ops/pool.js";
import { type AxisMap, type ResampleAttributes, weightsOf } from "../../../ops/resample.js";
import { attributesOf, type OnnxWriter, type Rule, type Rules } from "../writer.js";

/** The attributes that ONNX's convolutions share, from ours and the weight's shape. */
export function convolution({ strides, pads, dilations, group }: ConvAttributes, kernel: readonly number[]) {
  return { kernel_shape: kernel, strides, pads, dilations, group };
}

export const conv: Rule = (node, inputs, write) => {
  const kernel = node.inputs[1]!.shape.slice(2) as number[];
  return [write.emit("Conv", inputs, convolution(attributesOf<ConvAttributes>(node), kernel))];
};

const matMul: Rule = (node, [a, b], write) => {
  const { transA, transB } = node.attributes as { transA: boolean; transB: boolean };
  const [rankA, rankB] = node.inputs.map((value) => value.shape.length) as [number, number];
  if (rankA === 2 && rankB === 2)
    return [write.emit("Gemm", [a!, b!], { transA: Number(transA), transB: Number(transB) })];
  const flip = (x: string, rank: number, transposed: boolean) =>
    transposed ? write.transpose(x, [...Array(rank - 2).keys(), rank - 1, rank - 2]) : x;
  return [write.emit("MatMul", [flip(a!, rankA, transA), flip(b!, rankB, transB)])];
};

const batchNormalization: Rule = (node, inputs, write) => [
  write.emit("BatchNormalization", inputs, { epsilon: { float: node.attributes.epsilon as number } }),
];

const maxPool: Rule = (node, inputs, write) => {
  const { kernel, strides, pads } = attributesOf<MaxPoolAttributes>(node);
  return [write.emit("MaxPool", inputs, { kernel_shape: kernel, strides, pads })];
};

/**
 * Resampling: the ONNX operator for the map where there is one (Resize, AveragePool, Pad), and otherwise,
 * as for its gradient, a product with the constant matrix of each axis: y = R · x · Cᵀ.
 */
const resample: Rule = (node, [x], write) => {
  const { rows, columns, transposed } = attributesOf<ResampleAttributes>(node);
  const direct = transposed ? undefined : directResample(node, x!, rows, columns, write);
  if (direct) return [direct];
  const left = isIdentity(rows) ? x! : write.emit("MatMul", [matrix(rows, transposed, write), x!]);
  return [isIdentity(columns) ? left : write.emit("MatMul", [left, matrix(columns, !transposed, write)])];
};

function directResample(node: Node, x: string, rows: AxisMap, columns: AxisMap, write: OnnxWriter): string | undefined {
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
    return write.emit("Resize", [x, "", "", sizes()], {
      mode: "linear",
      coordinate_transformation_mode: rows.alignCorners ? "align_corners" : "half_pixel",
    });
  if (rows.kind === "nearest" && columns.kind === "nearest" && roundsAlike(rows) && roundsAlike(columns))
    return write.emit("Resize", [x, "", "", sizes()], {
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
function matrix(map: AxisMap, transposed: boolean, write: OnnxWriter): string {
  const [height, width] = transposed ? [map.from, map.to] : [map.to, map.from];
  const data = new Float32Array(height * width);
  weightsOf(map).forEach((sources, i) => {
    for (const [j, weight] of sources) data[transposed ? j * width + i : i * width + j]! += weight;
  });
  return write.constant(tensor("float32", [height, width], data));
}

export const neuralRules: Rules = new Map<string, Rule>([
  ["Conv", conv],
  ["MatMul", matMul],
  ["BatchNormalization", batchNormalization],
  ["MaxPool", maxPool],
  ["Resample", resample],
]);

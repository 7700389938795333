import type { Rule, Rules } from "../../../formats/onnx/writer.js";

/** HardSigmoid with a huge slope is 1 where y > 0 and 0 elsewhere: half the time of Greater and Where on the CPU. Inexact only for 0 < y < 1e-30. */
const reluGrad: Rule = (_node, [dy, y], write) => [
  write.emit("Mul", [dy!, write.emit("HardSigmoid", [y!], { alpha: { float: 1e30 }, beta: { float: 0 } })]),
];

/** A batched product with transposed factors: ONNX Runtime's own operator spares the Transpose. */
const matMul: Rule = (node, inputs, write) => {
  const { transA, transB } = node.attributes as { transA: boolean; transB: boolean };
  if (node.inputs.every((value) => value.shape.length === 2))
    return [write.emit("Gemm", inputs, { transA: Number(transA), transB: Number(transB) })];
  if (!transA && !transB) return [write.emit("MatMul", inputs)];
  return [write.emit("FusedMatMul", inputs, { transA: Number(transA), transB: Number(transB) }, "com.microsoft")];
};

/** Rules that are faster than the standard ones on the CPU build of ONNX Runtime. */
export const nativeRules: Rules = new Map<string, Rule>([
  ["ReluGrad", reluGrad],
  ["MatMul", matMul],
]);

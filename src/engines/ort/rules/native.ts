import { fourSizes } from "../../../core/shape.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import { conv, matMul } from "../../../formats/onnx/rules/neural.js";
import { type OnnxWriter, type RuleFor, type Rules, ruleFor } from "../../../formats/onnx/writer.js";
import { convOp, missingPads } from "../../../ops/conv.js";
import { ops as elementwise } from "../../../ops/elementwise.js";
import { matMulOp } from "../../../ops/linear.js";
import { reluGradByHardSigmoid } from "./relu-grad.js";

/** A batched product with transposed factors: ONNX Runtime's FusedMatMul needs no Transpose. */
const fusedMatMul: RuleFor<typeof matMulOp> = (node, inputs, write) => {
  const { transA, transB } = node.attributes;
  const isBatched = node.inputs.some(({ shape }) => shape.length > 2);
  if (!isBatched || (!transA && !transB)) return matMul(node, inputs, write);
  return [write.emit("FusedMatMul", inputs, { transA: Number(transA), transB: Number(transB) }, "com.microsoft")];
};

/** Rows and columns of an output tile. */
const tile = 4;

/**
 * A convolution with one filter, such as the 7×7 of a spatial gate. ONNX Runtime computes 16 filters at a time, doing 16 times the
 * work; here the 16 filters are the outputs of a 4×4 tile, with a kernel that covers all their windows and a stride of 4. Measured:
 * 7×7 from 2 channels 0.07 to 0.25 of the time, 3×3 from 2 channels half, 3×3 from 64 the same.
 */
const convOfOneFilter: RuleFor<typeof convOp> = (node, inputs, write) => {
  const [x, w, bias] = inputs;
  const { strides, pads, dilations, group } = node.attributes;
  const [channels, height, width] = node.inputs[0].shape.slice(1) as [number, number, number];
  const [filters, , kh, kw] = fourSizes(node.inputs[1].shape);
  const [oh, ow] = node.outputs[0]!.shape.slice(2) as [number, number];
  const plain = [filters, group, ...strides, ...dilations].every((v) => v === 1) && pads.every((p) => p >= 0);
  if (!plain || Math.min(kh, kw) === 1 || Math.min(oh, ow) < tile) return conv(node, inputs, write);
  const [down, across] = [Math.ceil(oh / tile), Math.ceil(ow / tile)];
  const kernel = [kh + tile - 1, kw + tile - 1] as const;
  const steps = [tile, tile] as const;
  const windows = { strides: steps, pads, dilations, kernel, height, width, oh: down, ow: across };
  const factors = [x, tileWeight(w, [channels, kh, kw], kernel, write)];
  const outputs = write.emit(
    "Conv",
    bias ? [...factors, write.emit("Expand", [bias, write.ints([tile ** 2])])] : factors,
    { kernel_shape: kernel, strides: steps, pads: [pads[0], pads[1], ...missingPads(windows)] },
  );
  const y = write.emit("DepthToSpace", [outputs], { blocksize: tile });
  return [down * tile === oh && across * tile === ow ? y : write.slice(y, [0, 0], [oh, ow], [2, 3])];
};

/** [1,C,kh,kw] → [16, C, kh + 3, kw + 3]: the kernel shifted to each place of the tile, zeros elsewhere. */
function tileWeight(
  w: LoweredValue,
  [channels, kh, kw]: readonly [number, number, number],
  kernel: readonly [number, number],
  write: OnnxWriter,
): LoweredValue {
  const places = write.table(`tile_${kh}_${kw}`, "int64", [tile ** 2, ...kernel], (place, y, x) => {
    const [row, column] = [y! - Math.floor(place! / tile), x! - (place! % tile)];
    return row >= 0 && row < kh && column >= 0 && column < kw ? row * kw + column : kh * kw;
  });
  const elements = write.pad(write.reshape(w, [channels, kh * kw]), [0, 0, 0, 1]);
  return write.transpose(write.emit("Gather", [elements, places], { axis: 1 }), [1, 0, 2, 3]);
}

/** Rules that are faster than standard ONNX on the native CPU build. */
export const nativeRules: Rules = new Map([
  ruleFor(convOp, convOfOneFilter),
  ruleFor(elementwise.reluGrad, reluGradByHardSigmoid),
  ruleFor(matMulOp, fusedMatMul),
]);

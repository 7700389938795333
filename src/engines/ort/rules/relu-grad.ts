import type { LoweredValue } from "../../../formats/onnx/ir.js";
import type { OnnxWriter, RuleFor } from "../../../formats/onnx/writer.js";
import { isOp, type Value } from "../../../graph/graph.js";
import { ops as elementwise } from "../../../ops/elementwise.js";
import { ops as movement } from "../../../ops/movement.js";
import { maxPoolGradOp, maxPoolSelectOp } from "../../../ops/pool.js";
import { reduceMaxGrad, ops as reductions } from "../../../ops/reduce.js";

type ReluGradRule = RuleFor<typeof elementwise.reluGrad>;

/** dy where y > 0, else 0, by selecting, as it is defined. */
export const reluGrad: ReluGradRule = (_node, [dy, y], write) => [
  write.emit("Where", [write.emit("LessOrEqual", [y, write.number(0)]), write.number(0), dy]),
];

/** Operators that can make infinities from finite numbers, and the operand that does. */
const singular: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  [elementwise.div, 1],
  [elementwise.reciprocal, 0],
  [elementwise.pow, 0],
  [elementwise.log, 0],
  [elementwise.sqrt, 0],
]);
const { add, sub, mul, neg, abs, where, sqrt } = elementwise;
/** Operators, beside those that move elements, through which an infinite element does not spread to others. */
const perElement: ReadonlySet<unknown> = new Set<unknown>([
  ...singular.keys(),
  ...[add, sub, mul, neg, abs, where, elementwise.reluGrad, movement.pad],
  ...[reductions.reduceSum, reduceMaxGrad, maxPoolGradOp, maxPoolSelectOp],
]);

/**
 * ReLU's gradient as a product of dy with a mask of 0 and 1: half the time of a comparison and Where, a tenth of a step of ResNet-20.
 * A mask turns ±∞ into NaN where the definition selects 0, so it is used only if dy comes from an operator that spreads infinities to
 * the whole map, such as a convolution's gradient: then training has diverged anyway. If dy comes directly from an operator with a
 * singularity (√ at 0) or from outside, elements are selected.
 */
const masked =
  (mask: (y: LoweredValue, write: OnnxWriter) => LoweredValue): ReluGradRule =>
  (node, inputs, write) =>
    mayBeInfinite(node.inputs[0])
      ? reluGrad(node, inputs, write)
      : [write.emit("Mul", [inputs[0], mask(inputs[1], write)])];

/** On the native build: a HardSigmoid with a huge slope is 1 where y > 0, else 0. */
export const reluGradByHardSigmoid = masked((y, write) =>
  write.emit("HardSigmoid", [y], { alpha: { float: 3e38 }, beta: { float: 0 } }),
);

/** On the WebAssembly build: y is never negative. */
export const reluGradBySign = masked((y, write) => write.emit("Sign", [y]));

function mayBeInfinite(dy: Value): boolean {
  // A set that grows while it is read: a worklist that visits every value once.
  const worklist = new Set([dy]);
  for (const { node, source } of worklist) {
    if (source.kind === "input") return true;
    if (!node) continue;
    const operand = singular.get(node.op);
    if (operand !== undefined && !keptFromZero(node.inputs[operand]!)) return true;
    if (node.op.moves || perElement.has(node.op)) for (const input of node.inputs) worklist.add(input);
  }
  return false;
}

/**
 * Whether a value is a sum with an ε, as under the roots and fractions of norms, or the root or a multiple of one. Such a sum may cancel to
 * 0, but to no number so small that its reciprocal overflows: next to 1e-20 floats are further apart.
 */
export function keptFromZero({ node }: Value): boolean {
  if (isOp(node, sqrt)) return keptFromZero(node.inputs[0]!);
  const isConstant = ({ source }: Value, least: number) =>
    source.kind === "constant" && Array.from(source.tensor.data, Number).every((v) => v >= least);
  if (isOp(node, mul)) return node.inputs.some((x) => isConstant(x, 1e-6)) && node.inputs.some((x) => keptFromZero(x));
  return isOp(node, add) && node.inputs.some((x) => isConstant(x, 1e-20));
}

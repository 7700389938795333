import type { ArrayType, LoweredValue } from "./ir.js";

/**
 * A control dependency: returns `x`, not copied, once `signal` has been computed. x gets a new first axis, which is removed again; the
 * position of the axis is zero times the size of the signal, which ONNX Runtime does not simplify, so it must wait. (A Reshape would
 * do as well, but ONNX Runtime merges consecutive Reshapes and drops the dependency.)
 *
 * @param emit Emits a node and returns its result, of the given type if that does not follow from the inputs.
 * @param zero A constant, int64 [0].
 */
export function emitBarrier(
  x: LoweredValue,
  signal: LoweredValue,
  emit: (type: string, inputs: readonly LoweredValue[], result?: ArrayType) => LoweredValue,
  zero: LoweredValue,
): LoweredValue {
  const axis = emit("Mul", [emit("Size", [signal]), zero]);
  return emit("Squeeze", [emit("Unsqueeze", [x, axis]), zero], x.type);
}

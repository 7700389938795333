/**
 * A control dependency: returns `x`, not copied, once `signal` has been computed. x gets a new first axis, which is removed again; the
 * position of the axis is zero times the size of the signal, which ONNX Runtime does not simplify, so it must wait. (A Reshape would
 * do as well, but ONNX Runtime merges consecutive Reshapes and drops the dependency.)
 *
 * @param emit Emits a node and returns the name of its result.
 * @param zero The name of a constant, int64 [0].
 */
export function emitBarrier(
  x: string,
  signal: string,
  emit: (type: string, inputs: readonly string[]) => string,
  zero: string,
): string {
  const axis = emit("Mul", [emit("Size", [signal]), zero]);
  return emit("Squeeze", [emit("Unsqueeze", [x, axis]), zero]);
}

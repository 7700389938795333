/**
 * Nodes that hand `x` on, without a copy, once `signal` has been computed: x gets a new first axis, which is taken out again. Where it
 * is put is zero times the number of elements of the signal: ONNX Runtime does not find out that this is zero, so it must wait.
 * (A Reshape would do as well, but where another Reshape follows, ONNX Runtime merges the two and forgets to wait.)
 *
 * @param emit Writes a node and returns the name of its result.
 * @param zero The name of a constant, int64 [0].
 */
export function waitFor(
  x: string,
  signal: string,
  emit: (type: string, inputs: readonly string[]) => string,
  zero: string,
): string {
  const axis = emit("Mul", [emit("Size", [signal]), zero]);
  return emit("Squeeze", [emit("Unsqueeze", [x, axis]), zero]);
}

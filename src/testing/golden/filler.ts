import { FormatError } from "../../core/errors.js";
import { lowbias32 } from "../../core/rng.js";
import { sizeOf, type Tensor, zeros } from "../../core/tensor.js";

/** The catalogue's largest network has 127 million parameters. */
const MAX_PARAMETERS = 2 ** 27;
/** Sixteen images of 512 × 512 take less. */
const MAX_INPUT = 2 ** 24;

/** A file of a few hundred bytes could ask for any size. @throws FormatError if it is too large. */
function bounded(what: string, shapes: readonly (readonly number[])[], most: number): void {
  const size = shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  if (!(size <= most)) throw new FormatError(`golden file: ${what} of ${size} numbers, more than ${most}`);
}

/** The n-th number of the filler sequence, in [−1, 1). */
const sample = (n: number): number => (lowbias32(n) / 2 ** 32) * 2 - 1;

/**
 * Values of a state dict by the filler rule of golden files: one counter runs through the entries in order, row-major, and the
 * last component of a key determines the range.
 */
export function fillState(keys: readonly (readonly [string, readonly number[]])[], start: number): Map<string, Tensor> {
  bounded(
    "a network",
    keys.map(([, shape]) => shape),
    MAX_PARAMETERS,
  );
  let counter = start;
  const filled = new Map<string, Tensor>();
  for (const [key, shape] of keys) {
    const last = key.slice(key.lastIndexOf(".") + 1);
    if (last === "num_batches_tracked") {
      filled.set(key, zeros("int64", shape));
      continue;
    }
    const values = zeros("float32", shape);
    const scale = Math.sqrt(3 / sizeOf(shape.slice(1)));
    for (let i = 0; i < values.data.length; i++) {
      const r = sample(counter++);
      if (last === "bias" || last === "running_mean") values.data[i] = 0.1 * r;
      else if (last === "running_var") values.data[i] = 1 + 0.5 * Math.abs(r);
      else values.data[i] = shape.length >= 2 ? r * scale : 1 + 0.1 * r;
    }
    filled.set(key, values);
  }
  return filled;
}

/** An input tensor by the filler rule. */
export function fillInput(shape: readonly number[], start: number): Tensor<"float32"> {
  bounded("an input", [shape], MAX_INPUT);
  const input = zeros("float32", shape);
  for (let i = 0; i < input.data.length; i++) input.data[i] = sample(start + i);
  return input;
}

/** `count` one-hot labels of `classes` classes by the filler rule. */
export function fillLabels(count: number, classes: number, start: number): Tensor<"float32"> {
  const oneHot = zeros("float32", [count, classes]);
  for (let i = 0; i < count; i++) oneHot.data[i * classes + Math.floor((lowbias32(start + i) * classes) / 2 ** 32)] = 1;
  return oneHot;
}

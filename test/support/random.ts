import { Rng } from "../../src/core/rng.js";
import { type Tensor, zeros } from "../../src/core/tensor.js";

/** Reproducible numbers in [low, high), float64 but exact in float32, so that both engines see the same. */
export function random(shape: readonly number[], { seed = 1, low = -1, high = 1 } = {}): Tensor<"float64"> {
  const rng = new Rng(seed, "test", ...shape);
  const t = zeros("float64", shape);
  for (let i = 0; i < t.data.length; i++) t.data[i] = Math.fround(rng.uniform(low, high));
  return t;
}

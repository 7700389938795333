import { Rng, zeros } from "../engine.js";
import type { Tensor } from "../index.js";

/** Numbers from 0 to 1, the same in every run. */
export function noise(shape: readonly number[]): Tensor {
  const rng = new Rng(0, "bench");
  const t = zeros("float32", shape);
  for (let i = 0; i < t.data.length; i++) t.data[i] = rng.uniform();
  return t;
}

/** Targets of a training step: the classes in rotation. */
export function targetsFor(batch: number, classes: number): Tensor {
  const targets = zeros("float32", [batch, classes]);
  for (let i = 0; i < batch; i++) targets.data[i * classes + (i % classes)] = 1;
  return targets;
}

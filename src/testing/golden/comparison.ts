import type { Tensor } from "../../core/tensor.js";
import { toFloat64 } from "../../core/tensor.js";
import type { Engine } from "../../engines/engine.js";
import { magnitude, relativeError } from "../compare.js";
import type { GoldenFile } from "./file.js";

/** The worst array of a check: its error and its tolerance. */
export interface Worst {
  /** Which tensor. */
  readonly tensor: string;
  /** Relative error. */
  readonly error: number;
  /** Largest error allowed. */
  readonly tolerance: number;
}

/** Collects the differences between an engine's results and a golden file. */
export class Comparison {
  #worst: Worst = { tensor: "", error: 0, tolerance: 1 };
  readonly #float32: Readonly<Record<string, number>>;
  /** Whether the engine computes in float64. */
  readonly exact: boolean;

  constructor(engine: Engine, file: GoldenFile) {
    this.exact = engine.name === "reference";
    this.#float32 = file.hasText("f32_rel") ? file.json("f32_rel") : {};
  }

  /**
   * The tolerance of a group of arrays, relative to the largest magnitude: 1e-10 for the reference engine; for float32 engines
   * 1e-4, or 20 times PyTorch's own float32 error if that is larger.
   */
  tolerance(group: string): number {
    return this.exact ? 1e-10 : Math.max(1e-4, 20 * (this.#float32[group] ?? 0));
  }

  /** Compares one array. `scale` replaces the largest magnitude of `expected` where that is not meaningful. */
  check(name: string, actual: Tensor | undefined, expected: Tensor, group: string, scale?: number): void {
    let error = Number.POSITIVE_INFINITY;
    if (actual) {
      error = relativeError(reshaped(actual, expected), expected);
      if (scale !== undefined) error *= (magnitude(toFloat64(expected)) || 1) / scale;
    }
    this.record(name, error, this.tolerance(group));
  }

  record(name: string, error: number, tolerance: number): void {
    const { tensor, error: worst, tolerance: allowed } = this.#worst;
    if (tensor === "" || error / tolerance > worst / allowed) this.#worst = { tensor: name, error, tolerance };
  }

  get worst(): Worst {
    return this.#worst;
  }

  get ok(): boolean {
    return this.#worst.error <= this.#worst.tolerance;
  }
}

/** A scalar may be stored as [] or [1]. */
function reshaped(actual: Tensor, { shape, data }: Tensor): Tensor {
  return data.length === 1 && actual.data.length === 1 ? ({ ...actual, shape } as Tensor) : actual;
}

import type { Floats, Tensor } from "../core/tensor.js";
import type { Heatmap } from "./heatmap.js";
import type { Head, Probe } from "./probe.js";
import { type Aim, type Score, scoreOf, type Target } from "./targets.js";

/** How closely an attribution adds up to what it should. */
export interface Completeness {
  /** The sum of the attribution. */
  readonly sum: number;
  /** The difference of scores that it explains. */
  readonly difference: number;
  /** |sum − difference| ÷ |difference|. */
  readonly error: number;
}

export function completenessOf(attribution: Float64Array, difference: number): Completeness {
  const sum = attribution.reduce((total, v) => total + v, 0);
  const gap = Math.abs(sum - difference);
  return { sum, difference, error: gap === 0 ? 0 : gap / Math.abs(difference) };
}

/** What a method finds for a subject. */
export interface Finding {
  readonly map: Heatmap;
  /** For methods that sum weighted channels: the weight of each. */
  readonly weights?: Float64Array;
  /** For attribution methods: a share per input value, [C·H·W]. */
  readonly attribution?: Float64Array;
  readonly completeness?: Completeness;
  /** For methods that perturb the image: the scores that the map is made of. */
  readonly samples?: Tensor<"float64">;
  /** Values chosen by the method, such as `sigma` or `steps`. */
  readonly settings?: Readonly<Record<string, number | string>>;
  readonly notes?: readonly string[];
}

/** One image, class and layer to apply methods to. What several methods need is computed once. */
export class Subject {
  readonly #gradients: Map<string, Promise<Floats[]>>;
  readonly #alone: (layer: number) => Promise<{ readonly probe: Probe; readonly head: Head }>;

  constructor(
    readonly probe: Probe,
    readonly head: Head,
    readonly aim: Aim,
    readonly score: Score,
    /** The layer's position among those of the probe. */
    readonly layer: number,
    /** The value of a black pixel, by channel; null if unknown. */
    readonly black: readonly number[] | null,
    shared: Pick<Subject, "alone"> & { readonly gradients: Map<string, Promise<Floats[]>> },
  ) {
    this.#gradients = shared.gradients;
    this.#alone = (index) => shared.alone(index);
  }

  /** The requested score. */
  get target(): Target {
    return scoreOf(this.score, this.aim);
  }

  get activation(): Floats {
    return this.head.activations[this.layer]!;
  }

  /** ∂target/∂A. */
  async gradient(target: Target = this.target): Promise<Floats> {
    let found = this.#gradients.get(target.name);
    if (!found) {
      found = this.probe.gradients(this.head, target.gradient(this.head.logits));
      this.#gradients.set(target.name, found);
    }
    return (await found)[this.layer]!;
  }

  /** The same image through a probe of one layer alone. */
  alone(layer = this.layer): Promise<{ readonly probe: Probe; readonly head: Head }> {
    return this.#alone(layer);
  }
}

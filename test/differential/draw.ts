import { Rng } from "../../src/core/rng.js";

/** Random choices, each from its own address: what one part of a network draws does not depend on what the others drew. */
export class Draw extends Rng {
  pick<T>(choices: readonly T[]): T {
    return choices[this.int(choices.length)]!;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.int(high - low + 1);
  }

  chance(share: number): boolean {
    return this.uniform() < share;
  }

  /** Numbers that float32 holds exactly, so that every engine starts from the same ones. */
  array(length: number, low: number, high: number): Float32Array {
    return Float32Array.from({ length }, () => this.uniform(low, high));
  }

  /** Counts of channels: often multiples of a vector's width, often not. */
  channels(): number {
    return this.chance(0.5) ? this.pick([8, 16, 16, 24, 32, 32, 40, 48]) : this.between(1, 40);
  }
}

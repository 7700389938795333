import { check, that, whole } from "./schema.js";

const seedSchema = that("an integer", Number.isSafeInteger);
/** Each takes four bytes. */
const count = whole(0, 2 ** 30);
const step = that("a name or a number", (x) => typeof x === "string" || Number.isFinite(x));

/** Mixes 32 bits into 32 bits (an invertible hash; every input bit reaches every output bit). */
export function lowbias32(v: number): number {
  v ^= v >>> 16;
  v = Math.imul(v, 0x7feb352d);
  v ^= v >>> 15;
  v = Math.imul(v, 0x846ca68b);
  return (v ^ (v >>> 16)) >>> 0;
}

/**
 * Random numbers that depend only on a seed and a path of names and numbers, for example `new Rng(1, "augment", epoch, image)`.
 * Nothing is shared and there is no state to save: the same path gives the same numbers, in any order.
 * The generator is sfc32.
 */
export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, ...path: (string | number)[]) {
    check("Rng", "seed", seedSchema, seed);
    for (const part of path) if (typeof part !== "string" && !Number.isFinite(part)) check("Rng", "path", step, part);
    let hash = lowbias32((seed | 0) ^ 0x9e3779b9);
    const mix = (v: number) => {
      hash = lowbias32(hash ^ lowbias32((v + 0x7f4a7c15) | 0));
    };
    mix(Math.floor(seed / 2 ** 32));
    for (const part of path) {
      if (typeof part === "number") mix(part);
      else for (let i = 0; i < part.length; i++) mix(part.charCodeAt(i) + 0x10000);
      mix(0x5eed);
    }
    this.#a = hash;
    this.#b = lowbias32(hash + 1);
    this.#c = lowbias32(hash + 2);
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** 32 random bits. */
  uint32(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** Uniform in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (this.uint32() / 2 ** 32) * (high - low);
  }

  /** An integer from 0 to n − 1. */
  int(n: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * n);
  }

  /** Standard normal (Box–Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 0.5) / 2 ** 32));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** The numbers 0 … n − 1 in random order (Fisher–Yates). */
  permutation(n: number): Uint32Array {
    check("Rng", "n", count, n);
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }
}

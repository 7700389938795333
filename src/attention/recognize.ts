import { FoveaError } from "../core/errors.js";
import type { OptionSpec } from "../core/options.js";
import { stateOf } from "../nn/index.js";
import { type AttentionOptions, createAttention } from "./index.js";
import type { AttentionSpec } from "./spec.js";

/** Shapes of parameters by key. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

type Specs = Readonly<Record<string, OptionSpec<unknown>>>;

/** The keys and shapes of a module; undefined where it cannot be built. */
function shapesOf(name: string, channels: number, options: AttentionOptions): Shapes | undefined {
  try {
    return new Map([...stateOf(createAttention(name, channels, options))].map(([key, { shape }]) => [key, shape]));
  } catch (error) {
    if (error instanceof FoveaError) return undefined;
    throw error;
  }
}

/** How many keys or shapes differ. */
function difference(wanted: Shapes, own: Shapes | undefined): number {
  if (!own) return Number.POSITIVE_INFINITY;
  const common = [...own].filter(([key, shape]) => String(wanted.get(key)) === String(shape)).length;
  return wanted.size + own.size - 2 * common;
}

/** All settings of the options that take one of a few values. */
function forms(specs: Specs): readonly AttentionOptions[] {
  let all: readonly Record<string, unknown>[] = [{}];
  for (const [name, { default: usual, choices }] of Object.entries(specs)) {
    const others = (choices ?? (typeof usual === "boolean" ? [true, false] : [])).filter((value) => value !== usual);
    all = all.flatMap((form) => [form, ...others.map((value) => ({ ...form, [name]: value }))]);
  }
  return all.toSorted((a, b) => Object.keys(a).length - Object.keys(b).length);
}

/** What a number among the options can be, from the sizes of the parameters. */
function numbers(wanted: Shapes, channels: number): readonly number[] {
  const sizes = [...new Set([...wanted.values()].flat())];
  return [...new Set(sizes.flatMap((size) => [channels / size, size, size / channels]))];
}

/** Sets one number after another to what leaves the fewest differences. */
function fit({ name, options }: AttentionSpec, wanted: Shapes, channels: number, form: AttentionOptions) {
  let best = { options: form, rest: difference(wanted, shapesOf(name, channels, form)) };
  for (const [option, { default: usual, kind }] of Object.entries(options as Specs)) {
    if (best.rest === 0) break;
    if (typeof usual !== "number" && kind !== "number") continue;
    for (const value of numbers(wanted, channels)) {
      const tried = { ...best.options, [option]: value };
      const rest = difference(wanted, shapesOf(name, channels, tried));
      if (rest < best.rest) best = { options: tried, rest };
    }
  }
  return best;
}

/**
 * The options of a module that has exactly these keys and shapes, those that leave no trace at their defaults; undefined if there are none.
 *
 * @example
 * recognizeOptions(attentionSpec("se"), shapes, 64); // { reduction: 8 }
 */
export function recognizeOptions(spec: AttentionSpec, wanted: Shapes, channels: number): AttentionOptions | undefined {
  if (wanted.size === 0) return undefined;
  for (const form of forms(spec.options as Specs)) {
    const { options, rest } = fit(spec, wanted, channels, form);
    if (rest === 0) return options;
  }
  return undefined;
}

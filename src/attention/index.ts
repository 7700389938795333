import { OptionError, unknownName } from "../core/errors.js";
import { resolveOptions } from "../core/options.js";
import type { Module } from "../nn/index.js";
import { cbam } from "./cbam.js";
import { eca } from "./eca.js";
import { se } from "./se.js";
import { simam } from "./simam.js";
import type { AttentionSpec, Placement } from "./spec.js";

export { CBAM } from "./cbam.js";
export { EfficientChannelAttention } from "./eca.js";
export { SqueezeExcite } from "./se.js";
export { SimAM } from "./simam.js";
export type { Attends, AttentionSpec, Placement } from "./spec.js";

/** The catalogue: every attention module, by name. */
export const attentionModules: ReadonlyMap<string, AttentionSpec> = new Map(
  [cbam, eca, se, simam].map((spec) => [spec.name, spec]),
);

/** The entry of a module. @throws OptionError for a name that is not in the catalogue, with the nearest that is. */
export function attentionSpec(name: string): AttentionSpec {
  const spec = attentionModules.get(name);
  if (!spec) throw unknownName("attention", name, attentionModules.keys());
  return spec;
}

/**
 * An attention module for maps of `channels` channels. Options that are left out have the paper's values; unknown ones are refused.
 *
 * @example
 * const gate = attention("se", 64, { reduction: 8 });
 */
export function attention(name: string, channels: number, options: Readonly<Record<string, unknown>> = {}): Module {
  const spec = attentionSpec(name);
  return spec.create(channels, resolveOptions(name, spec.options, options));
}

/** How a user names an attention module: by name, with options, or by a function that makes a module of their own. */
export type AttentionChoice =
  | string
  | readonly [name: string, options: Readonly<Record<string, unknown>>]
  | ((channels: number) => Module);

/** A choice made ready for a network: how to make the modules, where they go, and under which field. */
export interface AttentionPlan {
  readonly placement: Placement;
  readonly field: string;
  create(channels: number): Module;
}

/** @throws OptionError if the choice is not in the catalogue or its options are wrong. */
export function attentionPlan(choice: AttentionChoice | null | undefined): AttentionPlan | undefined {
  if (choice === undefined || choice === null || choice === "none") return undefined;
  if (typeof choice === "function") return { placement: "residual", field: "attention", create: choice };
  const [name, options] = typeof choice === "string" ? [choice, {}] : choice;
  if (typeof name !== "string")
    throw new OptionError(`attention must be a name, [name, options] or a function, got ${JSON.stringify(choice)}`);
  const { placement, field } = attentionSpec(name);
  return { placement, field, create: (channels) => attention(name, channels, options) };
}

import { unknownName } from "../core/errors.js";
import { resolveOptions } from "../core/options.js";
import type { Module } from "../nn/index.js";
import { resnets } from "./resnet.js";
import type { ClassifierOptions, ModelSpec } from "./spec.js";

export { type ResNetOptions, resnet } from "./resnet.js";
export type { ClassifierOptions, ModelSpec } from "./spec.js";

/** The catalogue: every network, by name. */
export const models: ReadonlyMap<string, ModelSpec> = new Map(resnets.map((spec) => [spec.name, spec]));

/** The entry of a network. @throws OptionError for a name that is not in the catalogue, with the nearest that is. */
export function modelSpec(name: string): ModelSpec {
  const spec = models.get(name);
  if (!spec) throw unknownName("model", name, models.keys());
  return spec;
}

/**
 * A network by its catalogue name, with its published number of classes unless told otherwise.
 *
 * @example
 * const net = model("resnet50", { attention: "se" });
 */
export function model(
  name: string,
  { classes, attention = null, seed = 0, ...options }: ClassifierOptions & Readonly<Record<string, unknown>> = {},
): Module {
  const spec = modelSpec(name);
  const own = resolveOptions(name, spec.options, options);
  return spec.create({ classes: classes ?? spec.classes, attention, seed, ...own });
}

import { unknownName } from "../core/errors.js";
import { resolveOptions } from "../core/options.js";
import type { Module } from "../nn/index.js";
import { dilatedNetworks } from "./dilated.js";
import { mobilenets } from "./mobilenet.js";
import { mobilenetV1s } from "./mobilenet-v1.js";
import { preactResnets } from "./preact.js";
import { residualAttentionNetworks } from "./residual-attention.js";
import { resnets } from "./resnet.js";
import { rgaResnets } from "./rga.js";
import { scnets } from "./scnet.js";
import { type ClassifierOptions, type ModelSpec, requireClassifier } from "./spec.js";
import { unets } from "./unet.js";
import { vans } from "./van.js";

export { type DANetOptions, type DilatedOptions, danet, spnet } from "./dilated.js";
export { type InsertOptions, insertAttention } from "./insert.js";
export { type MobileNetOptions, mobilenetV2 } from "./mobilenet.js";
export { mobilenetV1 } from "./mobilenet-v1.js";
export { type PreActOptions, preactResnet, type WideResNetOptions, wideResnet } from "./preact.js";
export { type ResidualAttentionName, residualAttentionNetwork } from "./residual-attention.js";
export { type ResNetOptions, resnet } from "./resnet.js";
export { type RGAOptions, rgaResnet } from "./rga.js";
export { type SCNetOptions, scnet } from "./scnet.js";
export { type ClassifierOptions, type ModelSpec, SegmentationModel, type Task } from "./spec.js";
export { type UNetOptions, unet } from "./unet.js";
export { type VANOptions, type VANSize, van } from "./van.js";

/** The catalogue: every network, by name. */
export const models: ReadonlyMap<string, ModelSpec> = new Map(
  [
    ...resnets,
    ...preactResnets,
    ...mobilenetV1s,
    ...mobilenets,
    ...vans,
    ...scnets,
    ...residualAttentionNetworks,
    ...rgaResnets,
    ...dilatedNetworks,
    ...unets,
  ].map((spec) => [spec.name, spec]),
);

/** The entry of a network. @throws OptionError for a name that is not in the catalogue, with the nearest that is. */
export function modelSpec(name: string): ModelSpec {
  const spec = models.get(name);
  if (!spec) throw unknownName("model", name, models.keys());
  return spec;
}

/** As {@link modelSpec}, for networks that classify pictures. @throws OptionError for one that does not. */
export const classifierSpec = (name: string): ModelSpec => requireClassifier(modelSpec(name));

/**
 * A network by its catalogue name, with its published number of classes and attention module unless told otherwise.
 *
 * @example
 * const net = model("resnet50", { attention: "se" });
 */
export function model(
  name: string,
  { classes, attention, seed = 0, ...options }: ClassifierOptions & Readonly<Record<string, unknown>> = {},
): Module {
  const spec = modelSpec(name);
  const own = resolveOptions(name, spec.options, options);
  return spec.create({
    classes: classes ?? spec.classes,
    attention: attention ?? spec.attention ?? null,
    seed,
    ...own,
  });
}

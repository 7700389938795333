import { type AttentionOptions, attentionModules } from "../attention/index.js";
import { unknownName } from "../core/errors.js";
import { effectiveOptions, resolveOptions } from "../core/options.js";
import { seed as anySeed, check, classCount, fieldsOf, maybe, type Schema, settings, text } from "../core/schema.js";
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

const entries = [
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
];

/** The catalogue: every network, by name. */
export const models: ReadonlyMap<string, ModelSpec> = new Map(
  entries.map((spec) => [spec.name, spec as unknown as ModelSpec]),
);

type Entry = (typeof entries)[number];
/** The options of the entry that has a name. */
type OwnOptions<N, E = Entry> =
  E extends ModelSpec<infer O, infer M>
    ? N extends M
      ? { readonly [K in keyof O]?: O[K] | undefined }
      : never
    : never;

/** A name of the catalogue. */
export type ModelName = Entry["name"];
/** Options of a network by name: `ModelOptions<"resnet50">`. */
export type ModelOptions<N extends ModelName> = ClassifierOptions & OwnOptions<N>;

const elsewhere = "For a network of your own: docs/rebuild-a-network.md";

/** The entry of a network. @throws OptionError for a name that is not in the catalogue, with the nearest that is. */
export function modelSpec(name: string): ModelSpec {
  check("modelSpec", "name", text, name);
  const spec = models.get(name);
  if (!spec) throw unknownName("model", name, models.keys(), elsewhere);
  return spec;
}

/** As {@link modelSpec}, for networks that classify images. @throws OptionError for one that does not. */
export const classifierSpec = (name: string): ModelSpec => requireClassifier(modelSpec(name));

/**
 * A network by its catalogue name, with its published number of classes and attention module unless told otherwise.
 *
 * @example
 * const net = model("resnet50", { attention: "se" });
 */
export function model<N extends ModelName>(name: N, options: ModelOptions<N> = {} as ModelOptions<N>): Module {
  return modelByName(name, options);
}

/** As {@link model}, for names and options that are known at run time only. @throws OptionError for others than there are. */
export function modelByName(name: string, options: object = {}): Module {
  check("model", "name", text, name);
  check("model", "options", settings, options);
  const { classes, attention, seed = 0, ...rest } = options as ClassifierOptions & Readonly<Record<string, unknown>>;
  check(name, "classes", maybe(classCount), classes);
  check(name, "seed", maybe(anySeed), seed);
  const spec = modelSpec(name);
  const own = resolveOptions(name, spec.options, rest);
  return spec.create({
    classes: classes ?? spec.classes,
    attention: attention ?? spec.attention ?? null,
    seed,
    ...own,
  });
}

/** A network as it is written down: in the configuration of a run, or in a file's metadata. */
export interface WrittenModel {
  /** Name of the network. */
  readonly name: string;
  /** Its options. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The attention module that was inserted, if one was. */
  readonly insert?: { readonly attention: string; readonly options: AttentionOptions };
}

/** A network as it is written down, for those who read one. */
export const writtenSchema: Schema<WrittenModel> = fieldsOf<WrittenModel>(
  { name: text, options: settings, insert: maybe(fieldsOf({ attention: text, options: settings })) },
  "a network as it is written down, { name, options }",
);

/**
 * A network that was written down before options without effect were refused: without those, of its own and of its modules. What is unknown
 * or wrong is kept, to be refused by name.
 */
export function settled(written: WrittenModel): WrittenModel {
  check("settled", "written", writtenSchema, written);
  const { name, options, insert } = written;
  const own = effectiveOptions(models.get(name)?.options ?? {}, options);
  return {
    ...written,
    options: { ...own, ...(Array.isArray(own.attention) ? { attention: settledChoice(own.attention) } : {}) },
    ...(insert ? { insert: { ...insert, options: settledAttention(insert.attention, insert.options) } } : {}),
  };
}

function settledChoice([name, given, ...placement]: readonly unknown[]): readonly unknown[] {
  const settle = (own: unknown) => settledAttention(name, own as AttentionOptions);
  return [name, Array.isArray(given) ? given.map(settle) : settle(given), ...placement];
}

const settledAttention = (name: unknown, options: AttentionOptions): AttentionOptions =>
  options && effectiveOptions(attentionModules.get(name as string)?.options ?? {}, options);

import { type AttentionOptions, attentionModules } from "../attention/index.js";
import { OptionError, unknownName } from "../core/errors.js";
import { effectiveOptions, type Given, resolveOptions } from "../core/options.js";
import { seed as anySeed, check, classCount, maybe, settings, text } from "../core/schema.js";
import { type WrittenModel, writtenSchema } from "../core/written.js";
import type { Module } from "../nn/index.js";
import { convnexts } from "./convnext.js";
import { dilatedNetworks } from "./dilated.js";
import { efficientnets } from "./efficientnet.js";
import { ghostnets } from "./ghostnet.js";
import { mobilenets } from "./mobilenet.js";
import { mobilenetV1s } from "./mobilenet-v1.js";
import { mobilenetV3s } from "./mobilenet-v3.js";
import { preactResnets } from "./preact.js";
import { residualAttentionNetworks } from "./residual-attention.js";
import { resnets } from "./resnet.js";
import { rgaResnets } from "./rga.js";
import { scnets } from "./scnet.js";
import { shufflenets } from "./shufflenet.js";
import { type ClassifierOptions, type ModelInfo, requireClassifier } from "./spec.js";
import { unets } from "./unet.js";
import { vans } from "./van.js";

export { type WrittenModel, writtenSchema } from "../core/written.js";
export { type DANetOptions, type DilatedOptions, danet, spnet } from "./dilated.js";
export { type InsertOptions, insertAttention } from "./insert.js";
export { type MobileNetOptions, mobilenetV2 } from "./mobilenet.js";
export { mobilenetV1 } from "./mobilenet-v1.js";
export { type PreActOptions, preactResnet, type WideResNetOptions, wideResnet } from "./preact.js";
export { type ResidualAttentionName, residualAttentionNetwork } from "./residual-attention.js";
export { type ResNetOptions, resnet } from "./resnet.js";
export { type RGAOptions, rgaResnet } from "./rga.js";
export { type SCNetOptions, scnet } from "./scnet.js";
export type { ClassifierOptions, ModelInfo, Task } from "./spec.js";
export { type UNetOptions, unet } from "./unet.js";
export { type VANOptions, type VANSize, van } from "./van.js";

const entries = [
  ...resnets,
  ...preactResnets,
  ...mobilenetV1s,
  ...mobilenets,
  ...mobilenetV3s,
  ...shufflenets,
  ...ghostnets,
  ...efficientnets,
  ...convnexts,
  ...vans,
  ...scnets,
  ...residualAttentionNetworks,
  ...rgaResnets,
  ...dilatedNetworks,
  ...unets,
];

/** The catalogue: every network by name. */
export const models: ReadonlyMap<string, ModelInfo> = new Map(
  entries.map((spec) => [spec.name, spec as unknown as ModelInfo]),
);

type Entry = (typeof entries)[number];
/** The options of the entry with a given name. */
type OwnOptions<N, E = Entry> = E extends ModelInfo<infer S, infer M> ? (N extends M ? Given<S> : never) : never;

/** A name in the catalogue. */
export type ModelName = Entry["name"];
/** Options of a network by name: `ModelOptions<"resnet50">`. */
export type ModelOptions<N extends ModelName> = ClassifierOptions & OwnOptions<N>;

const elsewhere = "For a network of your own: docs/rebuild-a-network.md";

/** Names in the catalogue. */
export const listModels = (): readonly ModelName[] => entries.map(({ name }) => name);

/** Whether a string is a name in the catalogue, for names known only at run time. */
export const isModelName = (name: unknown): name is ModelName => typeof name === "string" && models.has(name);

/** The entry of a network. @throws OptionError for an unknown name, suggesting the nearest. */
export function modelInfo(name: string): ModelInfo {
  check("modelInfo", "name", text, name);
  const spec = models.get(name);
  if (!spec) throw unknownName("model", name, models.keys(), elsewhere);
  return spec;
}

/** As {@link modelInfo}, for classification networks. @throws OptionError for others. */
export const classifierInfo = (name: string): ModelInfo => requireClassifier(modelInfo(name));

/**
 * A network by its catalogue name, with its published number of classes and attention module unless options say otherwise.
 *
 * @example
 * const net = createModel("resnet50", { attention: "se" });
 */
export function createModel<N extends ModelName>(name: N, options: ModelOptions<N> = {} as ModelOptions<N>): Module {
  return createModelByName(name, options);
}

/** As `createModel`, for names and options known only at run time. @throws OptionError for unknown ones. */
export function createModelByName(name: string, options: object = {}): Module {
  check("createModel", "name", text, name);
  check("createModel", "options", settings, options);
  if ("pretrained" in options)
    throw new OptionError(
      `createModel: pretrained weights are downloaded, which takes a while: await createPretrained("${name}")`,
    );
  const { numClasses, attention, seed = 0, ...rest } = options as ClassifierOptions & Readonly<Record<string, unknown>>;
  check(name, "numClasses", maybe(classCount), numClasses);
  check(name, "seed", maybe(anySeed), seed);
  const spec = modelInfo(name);
  const own = resolveOptions(name, spec.options, rest);
  return spec.create({
    numClasses: numClasses ?? spec.numClasses,
    attention: attention ?? spec.attention ?? null,
    seed,
    ...own,
  });
}

/**
 * A network written before options without effect were refused: drops those, the network's and its modules'. Unknown or wrong options are
 * kept, to be refused by name.
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

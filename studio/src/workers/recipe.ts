import { defaultAugmentation, defaultPreprocessing, modelWeights, type RunConfig } from "fovea/engine";
import { initialize } from "fovea/nn";
import {
  type Augmentation,
  adamw,
  cosineSchedule,
  createModelByName,
  type Dataset,
  FoveaError,
  insertAttention,
  loadPretrained,
  type Module,
  modelInfo,
  type Optimizer,
  type Preprocessing,
  readCheckpoint,
  recognizeCheckpoint,
  sgd,
  version,
} from "fovea/web";
import type { Pretrained, Settings } from "../../logic/recipe.js";
import { folder, read, write } from "./files.js";

/** The network as it is written down in a run. */
function writtenModel(settings: Settings, classes: number) {
  const { network, attention, placement, imageSize, pretrained } = settings;
  if (pretrained)
    return {
      name: pretrained.network,
      options: { ...pretrained.options, numClasses: classes } as Record<string, unknown>,
      // Their network is as it is: a module can only be added.
      ...(attention ? { insert: { attention, options: {} } } : {}),
    };
  // The ImageNet stem would leave almost nothing of small images.
  const stem = "stem" in modelInfo(network).options && imageSize < 64 ? { stem: "cifar" } : {};
  const builtIn = attention && placement === "built in" ? [attention, {}] : null;
  return {
    name: network,
    options: { attention: builtIn, numClasses: classes, ...stem } as Record<string, unknown>,
    ...(attention && placement === "inserted" ? { insert: { attention, options: {} } } : {}),
  };
}

/** What a configuration says of the data. */
interface AboutData {
  readonly classes: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly augment: Augmentation | null;
  /** How many there are to train on. */
  readonly images: number;
}

/** The configuration of a run, as `config.json` has it. */
export function writtenConfig(settings: Settings, { classes, preprocessing, augment, images }: AboutData) {
  const { epochs, optimizer, seed, pretrained } = settings;
  return {
    format: "fovea.run.1" as const,
    versions: { fovea: version },
    flags: {},
    model: writtenModel(settings, classes.length),
    data: { source: "data", kind: "folder", classes },
    preprocessing,
    frozen: [] as string[],
    training: {
      epochs,
      batch: Math.min(settings.batch, images),
      optimizer: { name: optimizer, settings: optimizerOf(settings).settings },
      schedule: cosineSchedule({ warmupEpochs: 0 }),
      labelSmoothing: 0,
      clipNorm: null,
      ema: null,
      seed,
      augment,
      weights: pretrained?.file ?? null,
      freeze: isFrozen(settings) ? ("backbone" as const) : null,
      freezeUntil: null,
      headLr: null,
    },
  };
}

const isFrozen = ({ pretrained, headOnly }: Settings): boolean => pretrained !== null && headOnly;

/** The same for a training on these images. */
export function configOf(settings: Settings, data: Dataset) {
  const preprocessing = defaultPreprocessing(data, settings.imageSize);
  // Features of images that do not change are computed once.
  const augment = settings.augment && !isFrozen(settings) ? defaultAugmentation(data, preprocessing) : null;
  return writtenConfig(settings, { classes: data.classes, preprocessing, augment, images: data.length });
}

/** What the weights alone do not tell: the network, its options, and the class names. */
export const descriptionOf = ({ model, data }: Pick<Config, "model" | "data">): Record<string, string> => ({
  classes: JSON.stringify(data.classes),
  model: model.name,
  options: JSON.stringify(model.options),
  ...(model.insert ? { insert: JSON.stringify(model.insert) } : {}),
});

export type Config = ReturnType<typeof configOf>;

/** Loads the pretrained weights into a network, and returns the paths of what they filled, without the classifier. */
export async function startFromFile(network: Module, { data }: Config): Promise<readonly string[]> {
  const { tensors, metadata } = await storedCheckpoint();
  return loadPretrained(network, { tensors: modelWeights(tensors), metadata }, { classes: data.classes }).backbone;
}

async function storedCheckpoint() {
  const file = await read(await folder("weights"), "checkpoint");
  if (!file) throw new FoveaError("the file with the pretrained weights is gone; choose it again");
  return readCheckpoint(new Uint8Array(await file.arrayBuffer()));
}

/** Stores a file with weights, if they are of a network of the catalogue. @throws FoveaError if they are not. */
export async function keepWeights(file: File): Promise<Pretrained> {
  const { tensors, metadata } = readCheckpoint(new Uint8Array(await file.arrayBuffer()), file.name);
  const known = recognizeCheckpoint(modelWeights(tensors), metadata);
  if (!known) throw new FoveaError(`${file.name}: the weights are not of a network of the catalogue`);
  await write(await folder("weights"), "checkpoint", file);
  const { numClasses: _, ...options } = known.options;
  return { file: file.name, network: known.model, options };
}

/** The network that a configuration describes, with its initial weights. */
export function networkOf({
  model,
  preprocessing,
  training: { seed },
}: Pick<RunConfig, "model" | "preprocessing"> & { readonly training: Pick<RunConfig["training"], "seed"> }): Module {
  const network = initialize(createModelByName(model.name, { seed, ...model.options }), { seed });
  const { insert } = model;
  const input = [3, preprocessing.imageSize, preprocessing.imageSize] as const;
  if (insert)
    insertAttention(network, insert.attention, { options: insert.options, identityAtStart: true, input, seed });
  return network;
}

export function optimizerOf({ optimizer, lr }: Pick<Settings, "optimizer" | "lr">): Optimizer {
  return optimizer === "sgd" ? sgd({ lr }) : adamw({ lr });
}

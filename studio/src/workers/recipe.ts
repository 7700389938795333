import { initialize } from "fovea/nn";
import {
  adamw,
  cosineSchedule,
  createModelByName,
  type Dataset,
  defaultAugmentation,
  defaultPreprocessing,
  insertAttention,
  type Module,
  modelInfo,
  type Optimizer,
  sgd,
  version,
} from "fovea/web";
import type { Settings } from "../../logic/recipe.js";

/** The network as it is written down in a run. */
function writtenModel(settings: Settings, classes: number) {
  const { network, attention, placement, imageSize } = settings;
  // The ImageNet stem would leave almost nothing of small images.
  const stem = "stem" in modelInfo(network).options && imageSize < 64 ? { stem: "cifar" } : {};
  const builtIn = attention && placement === "built in" ? [attention, {}] : null;
  return {
    name: network,
    options: { attention: builtIn, numClasses: classes, ...stem },
    ...(attention && placement === "inserted" ? { insert: { attention, options: {} } } : {}),
  };
}

/** The configuration of a run, as `config.json` has it. */
export function configOf(settings: Settings, data: Dataset) {
  const { imageSize, epochs, optimizer, seed } = settings;
  const preprocessing = defaultPreprocessing(data, imageSize);
  return {
    format: "fovea.run.1" as const,
    versions: { fovea: version },
    flags: {},
    model: writtenModel(settings, data.classes.length),
    data: { source: "data", kind: "folder", classes: data.classes },
    preprocessing,
    frozen: [] as string[],
    training: {
      epochs,
      batch: Math.min(settings.batch, data.length),
      optimizer: { name: optimizer, settings: optimizerOf(settings).settings },
      schedule: cosineSchedule({ warmupEpochs: 0 }),
      labelSmoothing: 0,
      clipNorm: null,
      ema: null,
      seed,
      augment: settings.augment ? defaultAugmentation(data, preprocessing) : null,
      weights: null,
      freeze: null,
      freezeUntil: null,
      headLr: null,
    },
  };
}

export type Config = ReturnType<typeof configOf>;

/** The network that a configuration describes, with its initial weights. */
export function networkOf({ model, preprocessing, training }: Config): Module {
  const { seed } = training;
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

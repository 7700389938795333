import { OptionError, unknownName } from "../core/errors.js";
import {
  atLeastOne,
  type Fields,
  flag,
  maybe,
  nonNegative,
  oneOf,
  positive,
  settings as settingsSchema,
} from "../core/schema.js";
import { defineSettings, optionFields, type SettingsOf, settingName } from "../core/settings.js";
import { augmentationSettings } from "../data/index.js";
import { epochList } from "./checks.js";
import { optimizerNames, optimizers } from "./optimizers.js";
import { choicesOf, type Schedule, scheduleNames } from "./schedules.js";
import { loopSettings, stepSettings } from "./settings.js";

const { labelSmoothing, bceLoss, bceTargetThreshold, clipNorm, ema, gradAccumSteps } = stepSettings;
const { batch, balancedSampling, augRepeats, classWeights } = loopSettings;

/** Settings of a training that recipes and plans choose. */
const chosen = defineSettings({
  batch,
  labelSmoothing,
  bceLoss,
  bceTargetThreshold,
  clipNorm,
  ema,
  gradAccumSteps,
  balancedSampling,
  augRepeats,
  classWeights,
  ...augmentationSettings,
});

/** One way to train, named as the flags of `fovea train`. */
export interface RecipeSettings extends Partial<SettingsOf<typeof chosen>> {
  readonly optimizer?: keyof typeof optimizers;
  /** More settings of the optimizer, such as `{ nesterov: true }`. */
  readonly optimizerOptions?: Readonly<Record<string, unknown>>;
  readonly lr?: number;
  readonly weightDecay?: number;
  /** Whether norms and biases decay too. Default true. */
  readonly decayNorms?: boolean;
  readonly schedule?: Schedule["kind"];
  /** Epochs after which the rate of `step` drops. */
  readonly stepEpochs?: readonly number[];
  /** In place of `stepEpochs`: it drops every so many epochs. */
  readonly decayEpochs?: number;
  /** What it is multiplied by. Default 0.1. */
  readonly decayRate?: number;
  /** Epochs of the first cycle of `warm-restarts`. */
  readonly cycleEpochs?: number;
  /** How much longer each of its cycles is than the one before. */
  readonly cycleFactor?: number;
  /** Epochs in which the rate rises. */
  readonly warmup?: number;
}

export const recipeFields: Fields<RecipeSettings> = {
  ...optionFields(chosen),
  optimizer: maybe(oneOf(...optimizerNames)),
  optimizerOptions: maybe(settingsSchema),
  lr: maybe(positive),
  weightDecay: maybe(nonNegative),
  decayNorms: maybe(flag),
  schedule: maybe(oneOf(...scheduleNames)),
  stepEpochs: maybe(epochList),
  decayEpochs: maybe(positive),
  decayRate: maybe(positive),
  cycleEpochs: maybe(positive),
  cycleFactor: maybe(atLeastOne),
  warmup: maybe(nonNegative),
};

/** How to train, by name: values of flags of `fovea train`, as a file for `--config` would have them. */
export interface Recipe {
  /** What it is for, in a few words. */
  readonly about: string;
  /** What its authors reached with it, and on what. */
  readonly figure?: string;
  /** Where the figure stands, if not in {@link source}. */
  readonly figureSource?: string;
  /** Where its settings stand. */
  readonly source?: string;
  readonly flags: RecipeSettings & { readonly epochs: number };
}

/**
 * What the procedures A2 and A3 have in common. Their networks differ too: A2 has `dropPath: 0.05`. timm's LAMB clips gradients to a norm of 1 by
 * itself. The threshold of 0.2 is that of published reproductions with timm's script (`--bce-target-thresh 0.2`).
 */
const strikesBack = {
  optimizer: "lamb",
  weightDecay: 0.02,
  decayNorms: false,
  clipNorm: 1,
  batch: 2048,
  warmup: 5,
  bceLoss: true,
  bceTargetThreshold: 0.2,
  scale: [0.08, 1],
  mixup: 0.1,
  cutmix: 1,
} as const;

/**
 * What timm's recipes of mobile networks have in common. Dropout and stochastic depth are the networks' own here: those of the recipes, except that
 * MobileNetV3 has no stochastic depth. timm changes the rate between epochs only.
 */
const timmMobile = {
  optimizer: "rmsprop-tf",
  optimizerOptions: { epsilon: 1e-3 },
  weightDecay: 1e-5,
  decayNorms: false,
  schedule: "step",
  decayEpochs: 2.4,
  warmup: 5,
  labelSmoothing: 0.1,
  ema: 0.9999,
  scale: [0.08, 1],
  autoAugment: "randaugment-n1-m27",
  randomErasing: 0.2,
  eraseMode: "pixel",
} as const;

/**
 * Named recipes. Their rates are meant for their batch sizes and their epochs for ImageNet; both may be overridden.
 *
 * `decayNorms: false` exempts norms and biases, as timm does; torchvision exempts norms only, which in its ResNets differs for the classifier's bias.
 *
 * timm's RandAugment `rand-mM-mstd0.5-inc1` draws two changes and makes each of them with probability 1/2, at a magnitude around M of 10. One change
 * at magnitude 3M of 30 is the closest policy here: as many on average, and as strong.
 */
export const recipes = {
  "torchvision-v1": {
    about: "torchvision's first ResNets",
    figure: "ImageNet, ResNet-50: 76.130 % top-1",
    figureSource: "https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.resnet50.html",
    source: "https://github.com/pytorch/vision/tree/main/references/classification",
    flags: {
      optimizer: "sgd",
      lr: 0.1,
      weightDecay: 1e-4,
      batch: 256,
      epochs: 90,
      schedule: "step",
      stepEpochs: [30, 60],
      scale: [0.08, 1],
    },
  },
  "torchvision-v2": {
    about: "torchvision's ResNets of 2021, trained at 176 pixels",
    figure: "ImageNet, ResNet-50: 80.858 % top-1, measured at 224 pixels",
    source: "https://pytorch.org/blog/how-to-train-state-of-the-art-models-using-torchvision-latest-primitives/",
    flags: {
      optimizer: "sgd",
      lr: 0.5,
      weightDecay: 2e-5,
      decayNorms: false,
      batch: 1024,
      epochs: 600,
      warmup: 5,
      labelSmoothing: 0.1,
      scale: [0.08, 1],
      autoAugment: "trivialaugment",
      randomErasing: 0.1,
      mixup: 0.2,
      cutmix: 1,
      augRepeats: 4,
      // theirs, every 32 steps, is 1 − 2e-5 · 1024 · 32 / 600 = 0.99891, the 32nd power of this
      ema: 0.999966,
    },
  },
  "timm-seresnext26": {
    about: "timm's SE-ResNeXt-26-D and -T",
    figure: "ImageNet, SE-ResNeXt-26-T: 78.0 % top-1",
    figureSource: "https://github.com/huggingface/pytorch-image-models/blob/main/hfdocs/source/archived_changes.mdx",
    source: "https://huggingface.co/docs/timm/training_script",
    flags: {
      optimizer: "sgd",
      optimizerOptions: { nesterov: true },
      lr: 0.1,
      weightDecay: 1e-4,
      decayNorms: false,
      batch: 224,
      epochs: 160,
      warmup: 5,
      labelSmoothing: 0.1,
      scale: [0.08, 1],
      colorJitter: [0.4, 0.4, 0.4, 0],
      randomErasing: 0.4,
      eraseMode: "pixel",
    },
  },
  "timm-resnext50": {
    about: "timm's ResNeXt-50 with RandAugment",
    figure: "ImageNet, ResNeXt-50 32x4d: 79.762 % top-1",
    source: "https://huggingface.co/docs/timm/training_script",
    flags: {
      optimizer: "sgd",
      optimizerOptions: { nesterov: true },
      lr: 0.6,
      weightDecay: 1e-4,
      decayNorms: false,
      batch: 1536,
      epochs: 240,
      warmup: 5,
      labelSmoothing: 0.1,
      scale: [0.08, 1],
      autoAugment: "randaugment-n1-m21",
      // theirs erases up to three boxes
      randomErasing: 0.4,
      eraseMode: "pixel",
    },
  },
  "timm-efficientnet": {
    about: "timm's EfficientNet-B0 with RandAugment",
    figure: "ImageNet, EfficientNet-B0: 77.7 % top-1",
    source: "https://huggingface.co/docs/timm/training_script",
    flags: { ...timmMobile, lr: 0.048, batch: 768, epochs: 450, decayRate: 0.97 },
  },
  "timm-mobilenetv3": {
    about: "timm's MobileNetV3-Large",
    figure: "ImageNet, MobileNetV3-Large 1.0: 75.766 % top-1",
    source: "https://huggingface.co/docs/timm/training_script",
    // without the noise that theirs adds to the rate between 42 and 90 % of the epochs
    flags: { ...timmMobile, lr: 0.064, batch: 1024, epochs: 600, decayRate: 0.973 },
  },
  "timm-a2": {
    about: "procedure A2 of ResNet strikes back",
    figure: "ImageNet, ResNet-50: 79.8 % top-1",
    source: "https://arxiv.org/abs/2110.00476",
    flags: {
      ...strikesBack,
      lr: 5e-3,
      epochs: 300,
      augRepeats: 3,
      autoAugment: "randaugment-n1-m21",
    },
  },
  "timm-a3": {
    about: "procedure A3 of ResNet strikes back, trained at 160 pixels",
    figure: "ImageNet, ResNet-50: 78.1 % top-1",
    source: "https://arxiv.org/abs/2110.00476",
    flags: {
      ...strikesBack,
      lr: 8e-3,
      epochs: 100,
      autoAugment: "randaugment-n1-m18",
    },
  },
  "cifar-short": {
    about: "the ResNets for CIFAR in few epochs: four times as many steps as with batches of 128",
    flags: {
      optimizer: "sgd",
      optimizerOptions: { nesterov: true },
      lr: 0.05,
      batch: 32,
      epochs: 30,
      warmup: 1,
    },
  },
} as const satisfies Readonly<Record<string, Recipe>>;

/** What of some settings belongs to a choice that others overrule, such as the step epochs of another schedule: it goes with it. */
function belongingTo(base: ChosenSettings, over: ChosenSettings): ReadonlySet<string> {
  const {
    schedule,
    stepEpochs,
    decayEpochs,
    optimizer,
    optimizerOptions = {},
    augment,
    weightDecay,
    randomErasing,
    bceLoss,
    balancedSampling,
  } = over;
  const gone: string[] = [];
  if (schedule !== undefined && schedule !== (base.schedule ?? "cosine")) {
    gone.push(...Object.values(choicesOf).flat());
    if (schedule === "one-cycle") gone.push("warmup");
  }
  if (stepEpochs !== undefined) gone.push("decayEpochs", "decayRate");
  if (decayEpochs !== undefined) gone.push("stepEpochs");
  // Rates and decays of one optimizer say nothing of another's.
  if (optimizer !== undefined && base.optimizer !== undefined && optimizer !== base.optimizer)
    gone.push("optimizerOptions", "lr", "weightDecay");
  if ("lr" in optimizerOptions) gone.push("lr");
  if ("weightDecay" in optimizerOptions) gone.push("weightDecay");
  const changed = optimizer !== undefined || weightDecay !== undefined || "weightDecay" in optimizerOptions;
  const left = Object.fromEntries(Object.entries(base).filter(([name]) => !gone.includes(name)));
  if ("decayNormsAndBiases" in optimizerOptions || (changed && decayOf({ ...left, ...over }) === 0))
    gone.push("decayNorms");
  if (augment === false) gone.push(...Object.keys(augmentationSettings), "augRepeats");
  if (balancedSampling) gone.push("augRepeats");
  if (randomErasing === 0 || randomErasing === null) gone.push("eraseMode");
  if (bceLoss === false) gone.push("bceTargetThreshold");
  return new Set(gone);
}

/** The weight decay: what is chosen, or the optimizer's own; undefined without either. */
const decayOf = ({ weightDecay, optimizerOptions, optimizer }: RecipeSettings): unknown =>
  weightDecay ?? optimizerOptions?.weightDecay ?? (optimizer && optimizers[optimizer]().weightDecay);

type ChosenSettings = RecipeSettings & { readonly augment?: boolean };

/** Settings without those that belong to a choice which `over` replaces. */
export function withoutOverruled<T extends ChosenSettings>(base: T, over: ChosenSettings): T {
  const gone = belongingTo(base, over);
  return Object.fromEntries(Object.entries(base).filter(([name]) => !gone.has(name))) as T;
}

/**
 * @throws OptionError for settings without effect in a training of `epochs` epochs, or two that exclude each other. `called` gives the names that
 * messages use; `off`: of a switch that is false.
 */
export function requireEffect(
  all: ChosenSettings,
  epochs: number,
  called: (name: keyof ChosenSettings, off?: boolean) => string = settingName,
): void {
  const { augment = true, augRepeats = 1, balancedSampling, stepEpochs = [], decayEpochs = 0, warmup = 0 } = all;
  const { lr, weightDecay, decayNorms, optimizerOptions = {} } = all;
  const late = stepEpochs.find((epoch) => epoch >= epochs);
  if (late !== undefined)
    throw new OptionError(`${called("stepEpochs")} ${late} has no effect: the training ends after ${epochs} epochs`);
  if (decayEpochs >= epochs)
    throw new OptionError(
      `${called("decayEpochs")} ${decayEpochs} has no effect: the training ends after ${epochs} epochs`,
    );
  if (warmup > epochs)
    throw new OptionError(`${called("warmup")} ${warmup} is longer than the training, ${epochs} epochs`);
  if ((all.bceTargetThreshold ?? null) !== null && !all.bceLoss)
    throw new OptionError(`${called("bceTargetThreshold")} needs ${called("bceLoss")}`);
  if (all.bceLoss && all.classWeights)
    throw new OptionError(`${called("classWeights")} has no effect with ${called("bceLoss")}`);
  if (augRepeats > 1 && !augment)
    throw new OptionError(`${called("augRepeats")} has no effect with ${called("augment", true)}`);
  if (augRepeats > 1 && balancedSampling)
    throw new OptionError(
      `${called("augRepeats")} and ${called("balancedSampling")} cannot be combined; leave one out`,
    );
  for (const [name, value, same] of [
    ["lr", lr, "lr"],
    ["weightDecay", weightDecay, "weightDecay"],
    ["decayNorms", decayNorms, "decayNormsAndBiases"],
  ] as const)
    if (value !== undefined && same in optimizerOptions)
      throw new OptionError(
        `${called(name, value === false)} and ${same} in ${called("optimizerOptions")} are the same setting; leave one out`,
      );
  if (decayNorms === false && decayOf(all) === 0)
    throw new OptionError(`${called("decayNorms", true)} has no effect: there is no weight decay`);
}

export const recipeNames = Object.keys(recipes) as (keyof typeof recipes)[];

/** A recipe by name. @throws OptionError for a name that is none. */
export function recipeNamed(name: string): Recipe {
  if (!Object.hasOwn(recipes, name)) throw unknownName("recipe", name, recipeNames);
  return recipes[name as keyof typeof recipes];
}

import { unknownName } from "../core/errors.js";

/** How a network was trained that was published: values of flags of `fovea train`, as a file for `--config` would have them. */
export interface Recipe {
  /** What it is for, in a few words. */
  readonly about: string;
  /** What was reached with it, and on what. */
  readonly figure: string;
  /** Where it stands. */
  readonly source: string;
  readonly flags: Readonly<Record<string, unknown>>;
}

/** Named recipes. Their rates are meant for their batch sizes and their epochs for ImageNet; both may be overridden. */
export const recipes = {
  "torchvision-v1": {
    about: "torchvision's first ResNets",
    figure: "ImageNet, ResNet-50: 76.130 % top-1",
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
    about: "torchvision's ResNets of 2021",
    figure: "ImageNet, ResNet-50: 80.858 % top-1, trained at 176 pixels and measured at 224",
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
      // theirs is 0.99998 adjusted by batch and epochs, every 32 steps
      ema: 0.99997,
    },
  },
  "timm-seresnext26": {
    about: "timm's SE-ResNeXt-26-D and -T",
    figure: "ImageNet, SE-ResNeXt-26-T: 77.998 % top-1",
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
      // theirs varies the magnitude around 7 of 10, and erases up to three boxes
      autoAugment: "randaugment-n2-m21",
      randomErasing: 0.4,
      eraseMode: "pixel",
    },
  },
} as const satisfies Readonly<Record<string, Recipe>>;

export const recipeNames = Object.keys(recipes) as (keyof typeof recipes)[];

/** A recipe by name. @throws OptionError for a name that is none. */
export function recipeNamed(name: string): Recipe {
  if (!Object.hasOwn(recipes, name)) throw unknownName("recipe", name, recipeNames);
  return recipes[name as keyof typeof recipes];
}

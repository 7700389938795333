import { basename, resolve } from "node:path";
import { versions } from "node:process";
import * as schemas from "../core/schema.js";
import { hasTargets, type TaskName, taskNames, unfitSettings } from "../core/tasks.js";
import { defaultAugmentation, defaultPreprocessing } from "../engine.js";
import {
  type Augmentation,
  modelInfo,
  type OpenedDataset,
  OptionError,
  type PretrainedWeights,
  type RunConfig,
  version,
} from "../index.js";
import {
  augmentationSettings,
  augmentedBy,
  batchOf,
  loopSettings,
  recipeNames,
  recordedIn,
  sizePhases,
  stepSettings,
  trainingSettings,
} from "../internal.js";
import { buildFlags, engineFlags, modelOptions, optional } from "./arguments.js";
import { taskOfData } from "./choose-task.js";
import type { SettledDevice } from "./device.js";
import { type FlagsOf, flag, flagList, flagNamed, settingFlags, settingsBy } from "./flags.js";
import { optimizationFlags, optimizerOf, type Settled, scheduleOf } from "./optimization.js";
import { reidFlags } from "./reid/flags.js";
import { splitFlags } from "./run.js";
import { maskOptions, segmentationFlags } from "./segmentation/flags.js";
import { targetFlags } from "./targets/flags.js";
import { faceOf } from "./tasks.js";
import { reportFlags } from "./train-report.js";
import { transferFlags } from "./transfer.js";

export const trainFlags = flagList(
  flag("--model <name>", "network, see `fovea list` (default: resnet20; unet_resnet18 for segmentation)"),
  ...buildFlags,
  flag(
    "--task <name>",
    "one class per image or per pixel; with a CSV file any number of labels (multi-label), or numbers (regression), per image; or features to find identities by (reid) (default: by network and data)",
    schemas.oneOf(...taskNames),
  ),
  ...segmentationFlags,
  ...targetFlags,
  ...reidFlags,
  flag("--image-size <pixels>", "side of the square input (default: what suits the data)", schemas.imageSize),
  ...settingFlags(loopSettings),
  ...optimizationFlags,
  ...settingFlags(stepSettings),
  flag("--no-augment", "no random crops and mirroring"),
  flag("--no-flip", "no mirroring"),
  ...settingFlags(augmentationSettings),
  flag("--cache-features", "run frozen parts once per image, and fail if that is impossible"),
  flag("--no-cache-features", "run frozen parts in every epoch (default: once; see below)"),
  ...transferFlags,
  ...splitFlags,
  ...reportFlags,
  flag(
    "--recipe <name>",
    "settings of a named recipe, most of them published, as defaults: see docs/train-well.md",
    schemas.oneOf(...recipeNames),
  ),
  flag("--config <file>", "flags as defaults: an object in YAML or JSON, such as { epochs: 20, mixup: 0.2 }"),
  flag("--find-lr [file]", "only try learning rates, and draw the loss by rate (default: to learning-rate.svg)"),
  flag("--out <folder>", "run folder (default: a new one in runs/)"),
  flag("--resume", "continue the run in --out, with its settings as defaults"),
  ...engineFlags,
  flag("--json", "print one JSON object at the end"),
);
/** Flags as they are given. */
export type AskedFlags = FlagsOf<typeof trainFlags>;
/** Flags with the network that is trained. */
export type TrainFlags = Omit<AskedFlags, "device"> & SettledDevice & { readonly model: string };

/** The complete configuration of a run. @throws OptionError if a setting is wrong. */
export async function configOf(
  source: string,
  data: OpenedDataset,
  flags: Settled<TrainFlags>,
  asked: Record<string, unknown>,
  published: PretrainedWeights | undefined,
): Promise<RunConfig> {
  const usual = defaultPreprocessing(data.train, flags.imageSize);
  const { mean, std } = published?.preprocessing ?? usual;
  const preprocessing = { ...usual, mean, std };
  const { classes } = data.train;
  const spec = modelInfo(flags.model);
  // The ImageNet stem would leave almost nothing of small images.
  const small = "stem" in spec.options && preprocessing.imageSize < 64 && !published;
  const stem = flags.stem ?? (small ? "cifar" : undefined);
  // Networks for one size of images are built for that of the data.
  const { imageSize } = preprocessing;
  const built = "size" in spec.options ? { size: [imageSize, imageSize] } : {};
  const { name, settings } = optimizerOf(flags);
  const task = taskOfData(flags, data.train);
  requireFitting(flags, task, classes);
  const record = await faceOf(task).record(flags, data.train);
  const augment = augmentOf(flags, defaultAugmentation(data.train, preprocessing));
  if (flags.cacheFeatures && augment)
    throw new OptionError("--cache-features needs --no-augment: augmented images differ in every epoch");
  if (flags.cacheFeatures && flags.progressiveResizing)
    throw new OptionError("--cache-features has no effect with --progressive-resizing: the images change their size");
  sizePhases(flags.progressiveResizing ?? null, preprocessing.imageSize, flags.epochs, flagNamed);
  return {
    format: "fovea.run.1",
    versions: { fovea: version, node: versions.node },
    flags: asked,
    model: {
      name: spec.name,
      options: {
        ...built,
        ...withOptionsOf(published, modelOptions({ ...flags, ...optional("stem", stem), classes: classes.length })),
      },
      ...(flags.insert ? { insert: { attention: flags.insert, options: flags.insertOptions ?? {} } } : {}),
    },
    data: {
      source,
      ...(data.kind === "shapes" ? {} : { folder: resolve(source) }),
      kind: data.kind,
      classes,
      ...optional("validationSplit", flags.valSplit),
      ...optional("testSplit", flags.testSplit),
      ...(await maskOptions(flags)),
    },
    ...optional("task", record),
    preprocessing,
    frozen: [],
    training: {
      ...recordedIn(trainingSettings, {
        ...settingsBy(trainingSettings, flags),
        // Those of segmentation are its task's.
        ...(spec.task === "segmentation" ? { classWeights: null } : {}),
        batch: batchOf(data.train, record?.name === "reid" ? record.instances : null, flags.batch),
      }),
      optimizer: { name, settings },
      schedule: scheduleOf(flags),
      augment,
    },
  };
}

/** Options of a network from its flags, and those that its published weights need. */
function withOptionsOf(published: PretrainedWeights | undefined, options: Readonly<Record<string, unknown>>) {
  const attention = options.attention ?? published?.options.attention ?? null;
  return { ...published?.options, ...options, attention };
}

/** What changes images. @throws OptionError for flags without effect. */
function augmentOf(flags: TrainFlags, usual: Augmentation): Augmentation | null {
  if (!flags.augment && !flags.flip) throw new OptionError("--no-flip has no effect with --no-augment");
  const base = flags.augment ? { ...usual, flip: usual.flip && flags.flip } : null;
  const chosen = augmentedBy(base, settingsBy(augmentationSettings, flags), flagNamed);
  if (!chosen) return null;
  const { crop, flip, ...others } = chosen;
  return crop === null && !flip && Object.keys(others).length === 0 ? null : chosen;
}

/** @throws OptionError for flags that are for other tasks, or do not fit the data's classes. */
function requireFitting(flags: TrainFlags, task: TaskName, classes: readonly string[]): void {
  const { classWeights } = flags;
  const { names, why } = unfitSettings[task];
  for (const name of names)
    if (flags[name])
      throw new OptionError(`${flagNamed(name)} ${why}${task === "segmentation" ? "" : `; --task is ${task}`}`);
  if (task === "reid") {
    if (flags.freeze)
      throw new OptionError(
        "--freeze has no effect: features are what comes before the classifier; use --freeze-until",
      );
    if (flags.augRepeats > 1)
      throw new OptionError("--aug-repeats has no effect: --num-instances says what a batch holds");
  }
  if ((hasTargets(task) || task === "reid") && !flags.maps)
    throw new OptionError("--no-maps has no effect: reports of labels, numbers and identities have no maps");
  if (task === "regression" && !flags.flip)
    throw new OptionError("--no-flip has no effect: regression does not mirror images");
  if (typeof classWeights === "object" && classWeights && classWeights.length !== classes.length)
    throw new OptionError(
      `--class-weights: ${classWeights.length} weights for ${classes.length} classes: ${classes.slice(0, 12).join(", ")}`,
    );
}

/** @throws OptionError for a flag about features if there are none. */
export function requireFeatures({ cacheFeatures }: TrainFlags, frozen: readonly string[]): void {
  if (cacheFeatures !== undefined && frozen.length === 0)
    throw new OptionError(
      `${flagNamed("cacheFeatures", !cacheFeatures)} has no effect: no part is frozen. Use --freeze backbone or --freeze-until`,
    );
}

export function requireOut({ out }: AskedFlags): string {
  if (!out) throw new OptionError("--resume needs --out FOLDER, the run to continue");
  return out;
}

export function runName(source: string, { model: name, attention, insert }: TrainFlags): string {
  const data = basename(resolve(source)).replace(/[^\w.-]+/g, "-") || "data";
  return [data, name, attention, insert].filter(Boolean).join("-");
}

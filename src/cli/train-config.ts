import { basename, resolve } from "node:path";
import { versions } from "node:process";
import {
  defaultAugmentation,
  defaultPreprocessing,
  modelInfo,
  type OpenedDataset,
  OptionError,
  type RunConfig,
  version,
} from "../index.js";
import { defaultBatch, learningOf } from "../internal.js";
import { type EngineFlags, type ModelFlags, modelOptions, optional } from "./arguments.js";
import { type OptimizationFlags, optimizerOf, type Settled, scheduleOf } from "./optimization.js";
import type { SplitFlags } from "./run.js";
import { maskOptions, type SegmentationFlags, taskConfig } from "./segmentation/flags.js";
import type { TaskName } from "./tasks.js";
import type { ReportFlags } from "./train-report.js";
import type { TransferFlags } from "./transfer.js";

export interface TrainFlags
  extends ModelFlags,
    TransferFlags,
    EngineFlags,
    OptimizationFlags,
    SplitFlags,
    ReportFlags,
    SegmentationFlags {
  readonly task?: TaskName;
  readonly insert?: string;
  readonly insertOptions?: Record<string, unknown>;
  readonly imageSize?: number;
  readonly batch?: number;
  readonly labelSmoothing?: number;
  readonly clip?: number;
  readonly ema?: number;
  readonly recompute?: boolean;
  readonly augment: boolean;
  readonly cacheFeatures?: boolean;
  readonly seed: number;
  readonly out?: string;
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** The complete configuration of a run. @throws OptionError if a setting is wrong. */
export async function configOf(
  source: string,
  data: OpenedDataset,
  flags: Settled<TrainFlags>,
  asked: Record<string, unknown>,
): Promise<RunConfig> {
  const preprocessing = defaultPreprocessing(data.train, flags.imageSize);
  const { classes } = data.train;
  const spec = modelInfo(flags.model);
  // The ImageNet stem would leave almost nothing of small images.
  const stem = flags.stem ?? ("stem" in spec.options && preprocessing.imageSize < 64 ? "cifar" : undefined);
  const { name, settings } = optimizerOf(flags);
  if (flags.cacheFeatures && flags.augment)
    throw new OptionError("--cache-features needs --no-augment: augmented images differ in every epoch");
  return {
    format: "fovea.run.1",
    versions: { fovea: version, node: versions.node },
    flags: asked,
    model: {
      name: spec.name,
      options: modelOptions({ ...flags, ...optional("stem", stem), classes: classes.length }),
      ...(flags.insert ? { insert: { attention: flags.insert, options: flags.insertOptions ?? {} } } : {}),
    },
    data: {
      source,
      kind: data.kind,
      classes,
      ...optional("validationSplit", flags.valSplit),
      ...optional("testSplit", flags.testSplit),
      ...(await maskOptions(flags)),
    },
    ...(spec.task === "segmentation" ? { task: await taskConfig(flags, data.train) } : {}),
    preprocessing,
    frozen: [],
    training: {
      epochs: flags.epochs,
      batch: Math.min(flags.batch ?? defaultBatch(data.train.length), data.train.length),
      optimizer: { name, settings },
      schedule: scheduleOf(flags),
      ...learningOf({ ...flags, clipNorm: flags.clip }),
      seed: flags.seed,
      augment: flags.augment ? defaultAugmentation(data.train, preprocessing) : null,
      weights: flags.weights ?? null,
      freeze: flags.freeze ?? null,
      freezeUntil: flags.freezeUntil ?? null,
      headLr: flags.headLr ?? null,
    },
  };
}

/** The part of a configuration that training needs; the rest is about the network's start. */
export function howToLearn({
  weights: _,
  freeze: __,
  freezeUntil: ___,
  headLr: ____,
  ...training
}: RunConfig["training"]) {
  return training;
}

/** @throws OptionError for a flag about features if there are none. */
export function requireFeatures({ cacheFeatures }: TrainFlags, frozen: readonly string[]): void {
  if (cacheFeatures !== undefined && frozen.length === 0)
    throw new OptionError(
      `--${cacheFeatures ? "" : "no-"}cache-features has no effect: no part is frozen. Use --freeze backbone or --freeze-until`,
    );
}

export function requireOut({ out }: TrainFlags): string {
  if (!out) throw new OptionError("--resume needs --out FOLDER, the run to continue");
  return out;
}

export function runName(source: string, { model: name, attention, insert }: TrainFlags): string {
  const data = basename(resolve(source)).replace(/[^\w.-]+/g, "-") || "data";
  return [data, name, attention, insert].filter(Boolean).join("-");
}

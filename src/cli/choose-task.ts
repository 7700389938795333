import { hasTargets, networksFor } from "../core/tasks.js";
import { type Dataset, modelInfo, type OpenedDataset, OptionError } from "../index.js";
import { models } from "../internal.js";
import { flagNamed } from "./flags.js";
import { refuseReidFlags } from "./reid/flags.js";
import { refuseSegmentationFlags } from "./segmentation/flags.js";
import { refuseTargetFlags } from "./targets/flags.js";
import { faceOf, type TaskName } from "./tasks.js";
import { say } from "./terminal.js";
import type { AskedFlags } from "./train-config.js";

/** The task, if flags imply it. A segmentation network does; a classifier does not, so that data with masks is noticed. */
export function askedTask(flags: AskedFlags): TaskName | undefined {
  const { task, model } = flags;
  const why = task ? `--task is ${task}` : "name the task";
  if (!hasTargets(task)) refuseTargetFlags(flags, why);
  if (task !== "reid") refuseReidFlags(flags, why);
  if (task !== undefined || model === undefined) return task;
  return models.get(model)?.task === "segmentation" ? "segmentation" : undefined;
}

/** The network to train: the named one, or the task's default. @throws OptionError if network, data and task do not match. */
export function modelFor(flags: AskedFlags, source: string, { train }: OpenedDataset): string {
  const task = taskOfData(flags, train);
  const face = faceOf(task);
  const model = flags.model ?? face.network;
  const own = modelInfo(model).task;
  if (own !== networksFor(task))
    throw new OptionError(
      task === "segmentation"
        ? `${model} is a classification network, and ${flags.task ? "--task segmentation needs" : `${source} has images with masks, which need`} one for segmentation, such as --model ${face.network}`
        : `${model} is a segmentation network, and --task ${task} needs a classifier, such as --model ${face.network}`,
    );
  const why = flags.task ? `--task is ${task}` : undefined;
  if (task === "classification")
    refuseSegmentationFlags(flags, why ?? `${model} classifies images; add --task segmentation`);
  else if (task === "segmentation") refuseClassifierFlags(flags);
  else refuseSegmentationFlags(task === "regression" ? { ...flags, loss: undefined } : flags, why!);
  if (flags.task === undefined && task === "segmentation" && flags.resume !== true)
    say(
      flags.model === undefined
        ? `${source} has images with masks: segmentation, with ${model}. For one class per image: --task classification`
        : `${model} is a segmentation network: training on a class for every pixel`,
    );
  return model;
}

/** The task that data is opened for. */
export function taskOfData({ task }: Pick<AskedFlags, "task">, train: Dataset): TaskName {
  if (train.labelMap) return "segmentation";
  if (task === "reid") return task;
  return train.targets && task ? task : "classification";
}

/** @throws OptionError for flags about a classifier, the last layer of a network for whole images. */
function refuseClassifierFlags({ pretrained, weights, freeze, headLr, cacheFeatures }: AskedFlags): void {
  for (const [name, value] of Object.entries({ pretrained, weights, freeze, headLr }))
    if (value !== undefined && value !== false)
      throw new OptionError(`${flagNamed(name)} is for networks that classify whole images`);
  if (cacheFeatures !== undefined)
    throw new OptionError(`${flagNamed("cacheFeatures", !cacheFeatures)} is for networks that classify whole images`);
}

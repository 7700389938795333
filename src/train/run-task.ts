import type { RunConfig } from "./run-folder.js";
import { segmentation } from "./segmentation.js";
import { classification, type Task } from "./task.js";

/** The task of a run. */
export function taskOf({ task }: Pick<RunConfig, "task">): Task {
  if (!task) return classification;
  const { loss, classWeights } = task;
  return segmentation({ loss, ...(classWeights && { classWeights }) });
}

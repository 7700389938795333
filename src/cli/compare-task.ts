import { resolve } from "node:path";
import type { PlanData } from "../compare/index.js";
import * as schemas from "../core/schema.js";
import { type ComparedTaskName, comparedTaskNames, hasTargets } from "../core/tasks.js";
import { optional } from "./arguments.js";
import { flag } from "./flags.js";
import { refuseTargetFlags, type TargetFlags, targetOptions } from "./targets/flags.js";

/** The task of a comparison or search. */
export const taskFlag = flag(
  "--task <name>",
  "what they learn (default: what the networks are for)",
  schemas.oneOf(...comparedTaskNames),
);

/** What flags say of the task and its labels. @throws OptionError for flags without effect. */
export function taskData(
  source: string,
  { task, ...flags }: Partial<TargetFlags> & { readonly task?: ComparedTaskName | undefined },
): Pick<PlanData, "task" | "labelsFile" | "targets"> {
  if (!hasTargets(task)) refuseTargetFlags(flags, task ? `--task is ${task}` : "name the task");
  const { labelsFile, targets } = targetOptions(source, flags);
  return {
    ...optional("task", task),
    ...optional("labelsFile", labelsFile && resolve(labelsFile)),
    ...optional("targets", targets),
  };
}

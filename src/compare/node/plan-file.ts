import { OptionError } from "../../core/errors.js";
import { type Plan, parsePlan } from "../plan.js";
import { readYamlFile } from "./yaml-file.js";

/** Whether a file's name says that it holds a plan. */
export const isPlanFile = (path: string): boolean => /\.(json|ya?ml)$/i.test(path);

/**
 * The plan in a file, YAML or JSON, of the same schema.
 *
 * @throws OptionError that names the file, the line and what is wrong with it.
 */
export async function readPlanFile(file: string): Promise<Plan> {
  const { value, lineOf } = await readYamlFile(file, "a plan");
  try {
    return parsePlan(value, file);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const line = lineOf(error.message.slice(file.length + 2));
    throw line === undefined || !error.message.startsWith(`${file}: `)
      ? error
      : new OptionError(`${file}:${line}: ${error.message.slice(file.length + 2)}`);
  }
}

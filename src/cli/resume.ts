import { OptionError, type RunConfig } from "../index.js";
import { classDifference, type RunFolder, settled } from "../internal.js";

/** Flags, by option name, that only affect how training begins. */
const beginning = { part: "part", ignore: "ignore", insertOptions: "insert-options" } as const;

/** @throws OptionError naming the first setting in which the run to resume differs from the current flags. */
export function checkSame(run: RunFolder, config: RunConfig, asked: Readonly<Record<string, unknown>>): void {
  for (const [name, flag] of Object.entries(beginning))
    if (name in asked && JSON.stringify(asked[name]) !== JSON.stringify(run.config.flags[name]))
      throw new OptionError(`--${flag} has no effect with --resume: it only affects the start of a training`);
  const difference = classDifference(run.config.data.classes, config.data.classes);
  if (difference)
    throw new OptionError(
      `--resume: the data's classes are not those of the run in ${run.path} (${difference}). Restore them, or start a new run`,
    );
  const comparable = ({
    model: m,
    data: { classes: _, source: __, folder: ___, ...data },
    task,
    preprocessing,
    training,
  }: RunConfig) => flatten({ model: settled(m), data, ...(task && { task }), preprocessing, training });
  const [before, now] = [comparable(run.config), comparable(config)];
  for (const name of new Set([...before.keys(), ...now.keys()]))
    if (before.get(name) !== now.get(name))
      throw new OptionError(
        `--resume: the run in ${run.path} has ${name} = ${before.get(name)}, now it is ${now.get(name)}. Use the same value, or start a new run`,
      );
}

/** `{a: {b: 1}}` as a map from `a.b` to `"1"`. */
function flatten(value: unknown, path = ""): Map<string, string> {
  if (typeof value !== "object" || value === null) return new Map([[path, JSON.stringify(value)]]);
  const inner = Object.entries(value).flatMap(([key, v]) => [...flatten(v, path ? `${path}.${key}` : key)]);
  return new Map(inner);
}

import type { Settings } from "../core/settings.js";
import { OptionError, type RunConfig } from "../index.js";
import { augmentationSettings, classDifference, type RunFolder, settled, trainingSettings } from "../internal.js";
import { flagOf } from "./flags.js";

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
    if (before.get(name) !== now.get(name)) throw differing(run.path, name, before.get(name), now.get(name), asked);
}

/** Fields of `config.json` and the flags that set them. */
const flagsByField: Readonly<Record<string, string>> = {
  "model.name": "--model",
  "model.options.attention.0": "--attention",
  "model.options.attention.1": "--attention-options",
  "model.options.stem": "--stem",
  "model.options.shortcut": "--shortcut",
  "model.insert.attention": "--insert",
  "data.validationSplit": "--val-split",
  "data.testSplit": "--test-split",
  "data.ignoreLabel": "--ignore-label",
  "task.loss": "--loss",
  "task.classWeights": "--class-weights",
  "task.instances": "--num-instances",
  "task.margin": "--margin",
  "preprocessing.imageSize": "--image-size",
  "training.optimizer.name": "--optimizer",
  "training.optimizer.settings.lr": "--lr",
  "training.optimizer.settings.weightDecay": "--weight-decay",
  "training.schedule.kind": "--schedule",
  ...flagsIn("training", trainingSettings),
  ...flagsIn("training.augment", augmentationSettings),
};

function flagsIn(path: string, settings: Settings): Record<string, string> {
  const named = Object.entries(settings).filter(([, { flag }]) => flag !== undefined);
  return Object.fromEntries(named.map(([name, { flag }]) => [`${path}.${name}`, flagOf(flag!)]));
}

/** What a task measures of its training data, unless flags say it. */
const measured = ["task.mean", "task.deviation", "task.classWeights"];

/** An error about a field, named as its flag if it has one. */
function differing(
  path: string,
  field: string,
  before: string | undefined,
  now: string | undefined,
  asked: Readonly<Record<string, unknown>>,
): OptionError {
  const values = `${before ?? "nothing"}, now it is ${now ?? "nothing"}`;
  const within = (other: string) => field === other || field.startsWith(`${other}.`);
  if (measured.some(within) && !(within("task.classWeights") && "classWeights" in asked))
    return new OptionError(
      `--resume: the training data of the run in ${path} has changed: ${field} was ${values}. Restore the data, or start a new run`,
    );
  const [, flag] = Object.entries(flagsByField).find(([name]) => within(name)) ?? [];
  return new OptionError(
    `--resume: the run in ${path} has ${flag ?? `${field} =`} ${values}. Use the same value, or start a new run`,
  );
}

/** `{a: {b: 1}}` as a map from `a.b` to `"1"`. */
function flatten(value: unknown, path = ""): Map<string, string> {
  if (typeof value !== "object" || value === null) return new Map([[path, JSON.stringify(value)]]);
  const inner = Object.entries(value).flatMap(([key, v]) => [...flatten(v, path ? `${path}.${key}` : key)]);
  return new Map(inner);
}

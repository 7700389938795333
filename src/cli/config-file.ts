import { type Command, InvalidArgumentError, Option } from "commander";
import { readYamlFile } from "../compare/node/yaml-file.js";
import { closest } from "../core/errors.js";
import { isObject } from "../core/schema.js";
import { OptionError } from "../index.js";
import { augmentationSettings, type Recipe, recipeNamed, trainingSettings, withoutOverruled } from "../internal.js";

/** Flags of a command as a file or a recipe gives them, by option name, and the data set. */
export type PresetFlags = Readonly<Record<string, unknown>> & { readonly data?: string };

/** The option that commander stores for each setting: `clip` for `clipNorm`. */
const optionNames = new Map(
  Object.entries({ ...trainingSettings, ...augmentationSettings }).map(([name, { flag }]) => [
    name,
    new Option(flag).attributeName(),
  ]),
);

/** Flags that no file may hold: they are about this one call. */
const ofTheCall = ["config", "resume", "json", "help"];

/**
 * What `--recipe` and `--config` say: the file comes before the recipe, and what is given on the command line before both.
 * What of the recipe belongs to a choice that these replace is left out.
 *
 * @throws OptionError that names the file, the line and the field that is no flag or has a value that the flag does not take.
 */
export async function presetFlags(
  command: Command,
  { recipe, config }: { readonly recipe?: string; readonly config?: string },
  called: Readonly<Record<string, unknown>> = {},
): Promise<PresetFlags> {
  const { recipe: named, ...given } = config === undefined ? {} : await fileFlags(command, config);
  const name = recipe ?? (named as string | undefined);
  if (name === undefined) return given;
  const flags = withoutOverruled(recipeNamed(name).flags, { ...given, ...called } as Partial<Recipe["flags"]>);
  return { ...flagsIn(command, { ...flags }, () => `recipe ${name}`), ...given };
}

async function fileFlags(command: Command, file: string): Promise<PresetFlags> {
  const { value, lineOf } = await readYamlFile(file, "a configuration");
  if (!isObject(value))
    throw new OptionError(`${file}: must be an object of flags, such as { epochs: 20, mixup: 0.2 }`);
  return flagsIn(command, value, (key) => {
    const line = lineOf(key);
    return line === undefined ? file : `${file}:${line}`;
  });
}

function flagsIn(
  command: Command,
  values: Readonly<Record<string, unknown>>,
  where: (key: string) => string,
): PresetFlags {
  const flags: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    const camel = key.replace(/[-_](\w)/g, (_, letter: string) => letter.toUpperCase());
    const name = optionNames.get(camel) ?? camel;
    if (value === null) continue; // as if it were not there
    if (name === "data") flags.data = ofText(value, key, where);
    else {
      const option = command.options.find((one) => one.attributeName() === name && !ofTheCall.includes(name));
      if (!option) throw new OptionError(`${where(key)}: unknown flag "${key}"${suggested(name, command)}`);
      flags[name] = storedFrom(option, value, key, where);
    }
  }
  return flags;
}

function suggested(name: string, { options }: Command): string {
  const near = closest(
    name,
    options.map((option) => option.attributeName()),
  );
  return near ? `. Did you mean "${near}"?` : "";
}

function ofText(value: unknown, key: string, where: (key: string) => string): string {
  if (typeof value !== "string") throw new OptionError(`${where(key)}: ${key} must be a string`);
  return value;
}

/** A value as the flag stores it: what it would make of the same text. */
function storedFrom(option: Option, value: unknown, key: string, where: (key: string) => string): unknown {
  const takesText = option.required || option.optional;
  if (!takesText || (option.optional && value === true)) {
    if (typeof value !== "boolean") throw new OptionError(`${where(key)}: ${key} must be true or false`);
    return value;
  }
  if (typeof value === "boolean") throw new OptionError(`${where(key)}: ${key} takes a value, not ${value}`);
  const plain = Array.isArray(value) && !value.some((item) => typeof item === "object");
  const text = plain ? value.join(",") : typeof value === "object" ? JSON.stringify(value) : String(value);
  try {
    return option.parseArg ? option.parseArg(text, undefined as never) : text;
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new OptionError(`${where(key)}: ${key} ${error.message.replace(/\.$/, "")}`);
  }
}

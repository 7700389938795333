import { FormatError, type FoveaError } from "../core/errors.js";
import { withPresentFlags, withPresentNames } from "../core/former-names.js";
import {
  check,
  classList,
  either,
  fieldsOf,
  finite,
  flag,
  list,
  maybe,
  oneOf,
  orNull,
  parseJson,
  record,
  type Schema,
  settings,
  share,
  shown,
  text,
  whole,
} from "../core/schema.js";
import { recordedIn, recordFields } from "../core/settings.js";
import { writtenSchema } from "../core/written.js";
import { augmentationSchema, preprocessingSchema } from "../data/checks.js";
import { scheduleSchema } from "./checks.js";
import { optimizerNames } from "./optimizers.js";
import type { RunConfig } from "./run-folder.js";
import { taskRecordSchema } from "./run-task.js";
import { type RecordedTraining, trainingSettings } from "./settings.js";

type Part<K extends keyof RunConfig> = RunConfig[K];

/** A field that runs of earlier versions lack. */
const later = <T>(schema: Schema<T>): Schema<T> => maybe(schema) as Schema<T>;

/** Schema of `training` in `config.json`. */
export const trainingSchema = fieldsOf<RecordedTraining>({
  ...recordFields(trainingSettings),
  optimizer: fieldsOf<RecordedTraining["optimizer"]>({
    name: oneOf(...optimizerNames),
    settings: record(
      either<number | boolean | string>("a number, true, false or a string", finite, flag, text),
      "an object of settings",
    ),
  }),
  schedule: scheduleSchema,
  augment: orNull(augmentationSchema),
});

/** Schema of `config.json`. Fields added by newer versions are ignored: what changes a meaning gets a new `format`. */
const runConfigSchema: Schema<RunConfig> = fieldsOf<RunConfig>({
  format: oneOf("fovea.run.1"),
  versions: record(text, "an object of strings"),
  flags: settings,
  model: writtenSchema,
  data: fieldsOf<Part<"data">>({
    source: text,
    folder: maybe(text),
    kind: text,
    classes: classList,
    validationSplit: maybe(share),
    testSplit: maybe(share),
    classNames: maybe(classList),
    ignoreLabel: maybe(orNull(whole(0))),
  }),
  task: maybe(taskRecordSchema),
  preprocessing: preprocessingSchema,
  frozen: later(list(text, "a list of parameter paths")),
  training: trainingSchema,
});

/**
 * Reads `config.json` of a run folder. Names of former versions become those of today.
 *
 * @param file its path, for messages
 * @throws FormatError that names the field, what it must be and what it is.
 *
 * @example
 * const { model, preprocessing, data } = parseRunConfig(await file.text(), "config.json");
 * const network = createModelByName(model.name, model.options);
 */
export function parseRunConfig(json: string, file: string): RunConfig {
  check("parseRunConfig", "json", text, json);
  check("parseRunConfig", "file", text, file);
  const config = parseJson(json, file);
  checkRunConfig(file, config, FormatError);
  const run = config as RunConfig;
  const model = { ...run.model, options: withPresentNames(run.model.options) };
  const training = { ...run.training, ...recordedIn(trainingSettings, run.training) };
  return { ...run, flags: withPresentFlags(run.flags), model, frozen: run.frozen ?? [], training };
}

/** @throws `fault` if it is not a configuration, with the field, what it must be and what it is. */
export function checkRunConfig(where: string, config: unknown, fault: new (message: string) => FoveaError): void {
  check(where, "", runConfigSchema, config, fault);
  const { model, data } = config as RunConfig;
  const { numClasses } = withPresentNames(model.options);
  if (numClasses !== undefined && numClasses !== data.classes.length)
    throw new fault(
      `${where}: data.classes names ${data.classes.length} classes, but model.options.numClasses is ${shown(numClasses)}`,
    );
}

import { DataError, OptionError } from "../core/errors.js";
import {
  atLeastOne,
  by,
  bytes,
  callback,
  check,
  either,
  options as fields,
  fieldsOf,
  finite,
  flag,
  fraction,
  having,
  isObject,
  list,
  maybe,
  memory,
  metadata,
  nonNegative,
  oneOf,
  orNull,
  positive,
  properShare,
  record,
  type Schema,
  settings,
  signal,
  text,
  that,
  whole,
} from "../core/schema.js";
import { optionFields } from "../core/settings.js";
import { augmentationSchema, checkDataset, datasetSchema, preprocessingSchema } from "../data/checks.js";
import type { Dataset } from "../data/index.js";
import { engineSchema } from "../engines/engine.js";
import { type ByteSource, sourceSchema } from "../formats/byte-source.js";
import { moduleSchema } from "../nn/checks.js";
import type { Optimizer } from "./optimizers.js";
import type { Schedule } from "./schedules.js";
import { loopSettings, stepFields } from "./settings.js";
import type { Scores, Task } from "./task.js";
import type { TrainOptions } from "./train.js";

export const optimizerSchema: Schema<Optimizer> = fieldsOf<Optimizer>(
  {
    name: text as Schema<Optimizer["name"]>,
    lr: nonNegative,
    weightDecay: nonNegative,
    decayNormsAndBiases: flag,
    settings: settings as Schema<Optimizer["settings"]>,
    slots: record(finite, "an object of numbers, initial values by name"),
    scalars: callback,
    update: callback,
  },
  "an optimizer, such as sgd() makes",
);

type Kind<K extends Schedule["kind"]> = Extract<Schedule, { readonly kind: K }>;

const warmup = { warmupEpochs: maybe(nonNegative) };
export const constantOptions = fields(warmup);
export const stepScheduleOptions = fields({ factor: maybe(positive), ...warmup });
export const cosineOptions = fields({ minFactor: maybe(fraction), ...warmup });
export const oneCycleOptions = fields({
  riseShare: maybe(properShare),
  startFactor: maybe(fraction),
  endFactor: maybe(fraction),
});
export const warmRestartOptions = fields({ minFactor: maybe(fraction), cycleFactor: maybe(atLeastOne), ...warmup });
export const epochList = list(nonNegative, "a list of epochs, such as [30, 60]");
export const stepEpochs = either<number | readonly number[]>(
  "a number of epochs above 0, or a list such as [30, 60]",
  positive,
  epochList,
);

const kinds: { readonly [K in Schedule["kind"]]: Schema<Kind<K>> } = {
  constant: fields<Kind<"constant">>({ kind: oneOf("constant"), ...warmup }),
  step: fields<Kind<"step">>({ kind: oneOf("step"), epochs: stepEpochs, factor: positive, ...warmup }),
  cosine: fields<Kind<"cosine">>({ kind: oneOf("cosine"), minFactor: maybe(fraction), ...warmup }),
  "one-cycle": fields<Kind<"one-cycle">>({
    kind: oneOf("one-cycle"),
    riseShare: maybe(properShare),
    startFactor: maybe(fraction),
    endFactor: maybe(fraction),
    warmupEpochs: maybe(that<never>("left out", () => false)),
  }),
  "warm-restarts": fields<Kind<"warm-restarts">>({
    kind: oneOf("warm-restarts"),
    cycleEpochs: positive,
    cycleFactor: maybe(atLeastOne),
    minFactor: maybe(fraction),
    ...warmup,
  }),
};
const noSchedule = that<never>("a schedule, { kind: constant, step, cosine, one-cycle or warm-restarts }", () => false);

export const scheduleSchema: Schema<Schedule> = by<Schedule>((given) =>
  isObject(given) && typeof given.kind === "string" && Object.hasOwn(kinds, given.kind)
    ? kinds[given.kind as Schedule["kind"]]
    : noSchedule,
);

export const taskSchema: Schema<Task> = having(
  "a task, classification or what segmentation(), multiLabel(), regression() or reidentification() gives",
  "data",
  "positions",
  "writeTargets",
  "objective",
  "evaluation",
);

export const trainOptions: Schema<TrainOptions<Scores>> = fields<TrainOptions<Scores>>({
  engine: engineSchema,
  task: maybe(taskSchema),
  ...optionFields(loopSettings),
  steps: maybe(whole(1)),
  optimizer: maybe(optimizerSchema),
  schedule: maybe(scheduleSchema),
  ...stepFields,
  validate: maybe(datasetSchema),
  preprocessing: maybe(preprocessingSchema),
  augment: maybe(orNull(augmentationSchema)),
  cacheFeatures: maybe(flag),
  featureLimit: maybe(memory),
  metadata: maybe(metadata),
  resume: maybe(either<Uint8Array | ByteSource>("a Uint8Array or a source of bytes", bytes, sourceSchema)),
  signal: maybe(signal),
  onStart: maybe(callback),
  onFeatures: maybe(callback),
  onStep: maybe(callback),
  onEpoch: maybe(callback),
  onStop: maybe(callback),
});

/**
 * Checks the arguments and options of a training.
 *
 * @throws OptionError that names the argument or option. @throws DataError that names the image whose label is wrong.
 */
export function checkTraining(model: unknown, dataset: unknown, options: unknown, where = "train"): void {
  check(where, "model", moduleSchema, model);
  checkDataset(where, "dataset", dataset);
  check(where, "options", trainOptions, options);
  const { validate, epochs, steps } = options as TrainOptions;
  if (epochs !== undefined && steps !== undefined) throw new OptionError(`${where}: set epochs or steps, not both`);
  if (validate) checkDataset(where, "validate", validate);
  const { name, length } = dataset as Dataset;
  if (length === 0) throw new DataError(`${where}: ${name} has no images to train on`);
}

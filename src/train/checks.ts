import { DataError } from "../core/errors.js";
import {
  batchSize,
  bytes,
  callback,
  check,
  epochCount,
  options as fields,
  flag,
  maybe,
  memory,
  metadata,
  orNull,
  type Schema,
  seed,
  signal,
} from "../core/schema.js";
import { augmentationSchema, checkDataset, type Dataset, datasetSchema, preprocessingSchema } from "../data/index.js";
import { engineSchema } from "../engines/engine.js";
import { moduleSchema } from "../nn/index.js";
import { optimizerSchema } from "./optimizers.js";
import { scheduleSchema } from "./schedules.js";
import { learning } from "./step.js";
import { type Scores, taskSchema } from "./task.js";
import type { TrainOptions } from "./train.js";

const trainOptions: Schema<TrainOptions<Scores>> = fields<TrainOptions<Scores>>({
  engine: engineSchema,
  task: maybe(taskSchema),
  epochs: maybe(epochCount),
  batch: maybe(batchSize),
  optimizer: maybe(optimizerSchema),
  schedule: maybe(scheduleSchema),
  ...learning,
  seed: maybe(seed),
  validate: maybe(datasetSchema),
  preprocessing: maybe(preprocessingSchema),
  augment: maybe(orNull(augmentationSchema)),
  cacheFeatures: maybe(flag),
  featureLimit: maybe(memory),
  metadata: maybe(metadata),
  resume: maybe(bytes),
  signal: maybe(signal),
  onStart: maybe(callback),
  onFeatures: maybe(callback),
  onStep: maybe(callback),
  onEpoch: maybe(callback),
  onStop: maybe(callback),
});

/**
 * Checks what a training is given.
 *
 * @throws OptionError that names the argument or option. @throws DataError that names the image whose label is wrong.
 */
export function checkTraining(model: unknown, dataset: unknown, options: unknown): void {
  check("train", "model", moduleSchema, model);
  checkDataset("train", "dataset", dataset);
  check("train", "options", trainOptions, options);
  const { validate } = options as TrainOptions;
  if (validate) checkDataset("train", "validate", validate);
  const { name, length } = dataset as Dataset;
  if (length === 0) throw new DataError(`train: ${name} has no images to learn from`);
}

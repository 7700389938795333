import { FormatError, OptionError, ShapeError } from "../core/errors.js";
import {
  seed as anySeed,
  by,
  check,
  options as fields,
  fieldsOf,
  maybe,
  metadata,
  oneOf,
  type Schema,
  imageSize as sideSchema,
  text,
} from "../core/schema.js";
import { tensors } from "../core/tensor.js";
import type { Preprocessing } from "../data/index.js";
import type { Checkpoint } from "../formats/checkpoint.js";
import { classNames } from "../formats/class-names.js";
import { createModelByName, insertAttention, settled, writtenSchema } from "../models/index.js";
import { initialize, type Module } from "../nn/index.js";
import { modelWeights } from "../train/checkpoint.js";
import { type RunConfig, RunFolder } from "../train/run-folder.js";
import { taskOf } from "../train/run-task.js";
import type { Task } from "../train/task.js";
import { loadState } from "../train/weights.js";
import type { Classifier } from "./classifier.js";

/** The network of a run, with its weights and training configuration. */
export interface TrainedNetwork extends Classifier {
  readonly classes: readonly string[];
  /** The configuration of the run. */
  readonly config: RunConfig;
  /** What it learned, for `evaluate` and {@link predictTargets}. */
  readonly task: Task;
}

/** Options of {@link loadRun}. */
export interface LoadRunOptions {
  /** Weights of the best epoch, of the last, or from a checkpoint. Default "best". */
  readonly weights?: "best" | "last" | Pick<Checkpoint, "tensors" | "metadata"> | undefined;
}

const words = oneOf("best", "last");
const read = fieldsOf<Pick<Checkpoint, "tensors" | "metadata">>(
  { tensors: tensors as Schema<Checkpoint["tensors"]>, metadata },
  '"best", "last" or { tensors, metadata }',
);
export const loadOptions = fields<LoadRunOptions>({
  weights: maybe(by<NonNullable<LoadRunOptions["weights"]>>((given) => (typeof given === "string" ? words : read))),
});

/**
 * The network of a run folder (Node only), ready for {@link predict}, `evaluate` and {@link attentionMaps}. A checkpoint that
 * names its classes also sets the class names.
 *
 * @throws FoveaError if the folder is not a run, or has no such weights. @throws FormatError if they do not fit.
 *
 * @example
 * const { model, classes, preprocessing } = await loadRun("runs/shapes-resnet20-cbam");
 */
export async function loadRun(path: string, options: LoadRunOptions = {}): Promise<TrainedNetwork> {
  check("loadRun", "path", text, path);
  check("loadRun", "options", loadOptions, options);
  const { weights = "best" } = options;
  const run = await RunFolder.open(path);
  const { preprocessing, data } = run.config;
  const config = { ...run.config, model: settled(run.config.model) };
  const network = builtBy(run.path, () => buildNetwork(config.model, preprocessing));
  const given = typeof weights === "string" ? await run.weights(weights) : modelWeights(weights.tensors);
  loadState(network, given);
  // The classifier's rows are the checkpoint's classes, whatever the run's are.
  const own = typeof weights === "string" ? undefined : classNames(weights.metadata);
  return { model: network, classes: own ?? data.classes, preprocessing, config, task: taskOf(config) };
}

/** Rethrows errors from building a configuration's network as errors of its file. */
function builtBy<T>(path: string, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof OptionError || error instanceof ShapeError)) throw error;
    throw new FormatError(`${path}/config.json: model: ${error.message}`);
  }
}

const sizeSchema = fieldsOf<Pick<Preprocessing, "imageSize">>({ imageSize: sideSchema }, "{ imageSize }");

/** The network that a run's configuration describes, with initial weights. */
export function buildNetwork(
  made: RunConfig["model"],
  preprocessing: Pick<Preprocessing, "imageSize">,
  seed = 0,
): Module {
  check("buildNetwork", "model", writtenSchema, made);
  check("buildNetwork", "preprocessing", sizeSchema, preprocessing);
  check("buildNetwork", "seed", anySeed, seed);
  const { name, options, insert } = made;
  const { imageSize } = preprocessing;
  const network = initialize(createModelByName(name, { seed, ...options }), { seed });
  const input = [3, imageSize, imageSize] as const;
  if (insert)
    insertAttention(network, insert.attention, { options: insert.options, identityAtStart: true, input, seed });
  return network;
}

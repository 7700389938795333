import { OptionError } from "../core/errors.js";
import { signal as abortSignal, check, options as fields, maybe, type Schema } from "../core/schema.js";
import { requireImage } from "../data/checks.js";
import type { RgbImage } from "../data/index.js";
import { type Engine, engineSchema } from "../engines/engine.js";
import { taskSchema } from "../train/checks.js";
import type { Scores, Task } from "../train/task.js";
import { type Classifier, classifierSchema, compileNetwork, manyImages } from "./classifier.js";

/** What is predicted of a label or a target. */
export interface TargetPrediction {
  /** Its name, or `target 7` if names are unknown. */
  readonly name: string;
  /** Index among the outputs. */
  readonly index: number;
  /** The probability of the label, or the number in the data's units. */
  readonly value: number;
}

/** Options of {@link predictTargets}. */
export interface PredictTargetsOptions {
  /** What computes. */
  readonly engine: Engine;
  /** `multiLabel()`, or `regression()` as in training; `task` of what `loadRun` gives. */
  readonly task: Task<Scores>;
  /** Aborts the work. */
  readonly signal?: AbortSignal;
}

export const predictTargetsOptions: Schema<PredictTargetsOptions> = fields<PredictTargetsOptions>({
  engine: engineSchema,
  task: taskSchema,
  signal: maybe(abortSignal),
});

/**
 * For each image the probability of every label, σ(output), or every number in the data's units, mean + deviation · output; in the order of the outputs.
 *
 * @throws OptionError if the task is another one, or the number of names differs from that of outputs. @throws FoveaError if outputs are not finite.
 *
 * @example
 * const network = await loadRun("runs/movies-resnet18");
 * const [labels] = await predictTargets(network, [await decodeImage("poster.jpg")], { engine: ortEngine(), task: network.task });
 * console.log(labels.filter(({ value }) => value > 0.5));
 */
export async function predictTargets(
  network: Classifier,
  images: Iterable<RgbImage>,
  options: PredictTargetsOptions,
): Promise<TargetPrediction[][]> {
  check("predictTargets", "network", classifierSchema, network);
  check("predictTargets", "images", manyImages, images);
  check("predictTargets", "options", predictTargetsOptions, options);
  const { engine, task, signal } = options;
  const predictor = await openTargetPredictor(network, { engine, task });
  const predictions: TargetPrediction[][] = [];
  try {
    for (const image of images) {
      signal?.throwIfAborted();
      requireImage("predictTargets", `image ${predictions.length}`, image);
      predictions.push(await predictor.predict(image));
    }
  } finally {
    await predictor.release();
  }
  return predictions;
}

/** Compiles a network once, for images that arrive one by one. Errors as in {@link predictTargets}. */
export async function openTargetPredictor(
  network: Classifier,
  { engine, task }: Pick<PredictTargetsOptions, "engine" | "task">,
): Promise<{ predict(image: RgbImage): Promise<TargetPrediction[]>; release(): Promise<void> }> {
  const read = task.read?.bind(task);
  if (!read) throw new OptionError(`predictTargets: is for multiLabel() and regression(); the task is ${task.name}`);
  const compiled = await compileNetwork("predictTargets", network, { engine });
  return {
    async predict(image) {
      const values = read(await compiled.outputs(image));
      return Array.from(values, (value, index) => ({
        name: network.classes?.[index] ?? `target ${index}`,
        index,
        value,
      }));
    },
    release: () => compiled.release(),
  };
}

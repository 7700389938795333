import { DataError, OptionError } from "../core/errors.js";
import type { ClassificationMetrics } from "../core/evaluation.js";
import { requireFinite } from "../core/finite.js";
import {
  signal as abortSignal,
  batchSize,
  callback,
  check,
  classList,
  options as fields,
  maybe,
  oneOf,
  orNull,
} from "../core/schema.js";
import { tensor, toFloat64 } from "../core/tensor.js";
import { checkDataset, preprocessingSchema } from "../data/checks.js";
import { alignClasses, type Dataset, defaultPreprocessing, Loader, type Preprocessing } from "../data/index.js";
import { type Engine, engineSchema } from "../engines/engine.js";
import { moduleSchema } from "../nn/checks.js";
import { type Module, trace } from "../nn/index.js";
import { imageBatches } from "./batches.js";
import { taskSchema } from "./checks.js";
import { letEventsIn } from "./events.js";
import type { FedGraph, Pass } from "./features.js";
import { classification, type Evaluation, type Scores, type Task } from "./task.js";
import { type TestTimeAugmentation, testTimeEvaluation, testTimeKinds } from "./test-time.js";

/** Options of {@link evaluate}. */
export interface EvaluateOptions {
  /** What computes. */
  readonly engine: Engine;
  /** Images per batch; affects speed, not the result. Default 64. */
  readonly batch?: number;
  /** How images become inputs. Default: what suits the data set. */
  readonly preprocessing?: Preprocessing;
  /**
   * Names of the network's outputs, in order: the data's classes are matched to them by name, and images of other classes left out.
   * Without it, they are matched by position. `alignClasses` does the same and reports what does not match.
   */
  readonly classes?: readonly string[];
  /**
   * Test-time augmentation: the mean of the logits of several views of each image, `flip`, `five-crop` or `ten-crop`. Classification only.
   * Default: null, the center alone.
   */
  readonly tta?: TestTimeAugmentation | null;
  /** Called with each image's logits, label and position in the data set, aligned to `classes`. Classification only. */
  onLogits?(logits: ArrayLike<number>, label: number, index: number): void;
  /** Aborts the work. */
  readonly signal?: AbortSignal;
  /** Called after each batch, with the number of images done and in total. */
  onProgress?(done: number, total: number): void;
}

export const evaluateOptions = fields<EvaluateOptions & { readonly task?: Task }>({
  engine: engineSchema,
  batch: maybe(batchSize),
  preprocessing: maybe(preprocessingSchema),
  classes: maybe(classList),
  tta: maybe(orNull(oneOf(...testTimeKinds))),
  onLogits: maybe(callback),
  signal: maybe(abortSignal),
  onProgress: maybe(callback),
  task: maybe(taskSchema),
});

function checkEvaluation(where: string, model: unknown, dataset: unknown, options: unknown): void {
  check(where, "model", moduleSchema, model);
  checkDataset(where, "dataset", dataset);
  check(where, "options", evaluateOptions, options);
}

/** Runs a classifier over a data set: `onLogits` gets each image's logits, label and position. */
export async function forEachLogits(
  model: Module,
  dataset: Dataset,
  options: EvaluateOptions,
  onLogits: (logits: Float64Array, label: number, index: number) => void,
): Promise<void> {
  checkEvaluation("forEachLogits", model, dataset, options);
  check("forEachLogits", "onLogits", callback, onLogits);
  await eachLogits(model, dataset, options, onLogits);
}

/** {@link forEachLogits}, for checked arguments. */
async function eachLogits(
  model: Module,
  dataset: Dataset,
  options: EvaluateOptions & { readonly task?: Task },
  onLogits: Parameters<typeof forEachOutput>[3],
): Promise<void> {
  const { batch = 64, preprocessing = defaultPreprocessing(dataset), task } = options;
  const { graph, input, loader } = evaluationPass(model, dataset, { batch, preprocessing }, task?.trace);
  await forEachOutput({ graph, source: imageBatches(loader, input) }, dataset.length, options, onLogits);
}

/** A network as it is evaluated, and the data set to run it on. @throws DataError if the data set has no images. */
export function evaluationPass(
  model: Module,
  dataset: Dataset,
  { batch, preprocessing }: Pass["still"],
  traced: Task["trace"] = trace,
): Pass {
  if (dataset.length === 0) throw new DataError(`${dataset.name}: has no images to evaluate`);
  const still = { batch: Math.min(batch, dataset.length), preprocessing };
  const loader = new Loader(dataset, still);
  return { graph: traced(model, loader.inputShape), input: "input", loader, still, augmented: false };
}

/** Runs a graph over its batches: `onLogits` gets `output` for each of the `total` inputs, in order. */
export async function forEachOutput(
  { graph, source }: FedGraph,
  total: number,
  { engine, signal, onProgress }: Pick<EvaluateOptions, "engine" | "signal" | "onProgress">,
  onLogits: (logits: Float64Array, label: number, index: number) => void | Promise<void>,
): Promise<void> {
  const executable = await engine.compile(graph);
  try {
    let done = 0;
    for await (const { inputs, labels, indices, count } of source.epoch(0)) {
      await letEventsIn();
      signal?.throwIfAborted();
      const { output } = await executable.run(inputs);
      const logits = toFloat64(output!).data;
      const classes = logits.length / labels.length;
      for (let i = 0; i < count; i++) {
        const own = logits.subarray(i * classes, (i + 1) * classes);
        requireFinite("evaluate", [[`the logits of image ${indices[i]}`, tensor("float64", [classes], own)]]);
        await onLogits(own, labels[i]!, indices[i]!);
      }
      onProgress?.((done += count), total);
    }
  } finally {
    await executable.release();
  }
}

/**
 * Evaluates a network on a data set. A classifier: top-1, top-5, mean cross entropy, per-class metrics and the confusion matrix;
 * with `task: segmentation()`, intersection over union, pixel accuracy and boundary F-measure of whole images; with `multiLabel()`, average
 * precision and F1 of each label; with `regression()`, R² and errors in the data's units; with `reidentification()`, mAP and CMC of the queries.
 *
 * @throws FoveaError if logits are NaN or ±Infinity, with the position of the image in the data set.
 *
 * @example
 * const { model, classes, preprocessing } = await loadRun("runs/photos-resnet18-se");
 * const { top1, loss } = await evaluate(model, data.validation, { engine, classes, preprocessing });
 */
export function evaluate(
  model: Module,
  dataset: Dataset,
  options: EvaluateOptions & { readonly task?: undefined },
): Promise<ClassificationMetrics>;
export function evaluate<M extends Scores>(
  model: Module,
  dataset: Dataset,
  options: EvaluateOptions & { readonly task: Task<M> },
): Promise<M>;
export async function evaluate(
  model: Module,
  data: Dataset,
  options: EvaluateOptions & { readonly task?: Task },
): Promise<Scores> {
  checkEvaluation("evaluate", model, data, options);
  const task: Task = options.task ?? classification;
  const given = task.data(data);
  const dataset = options.classes ? alignClasses(given, options.classes).dataset : given;
  const preprocessing = options.preprocessing ?? defaultPreprocessing(dataset);
  if (task.name !== "classification" && (options.tta || options.onLogits))
    throw new OptionError("evaluate: tta and onLogits are for classification");
  const heard = listened(task.evaluation(dataset, preprocessing), options);
  const evaluation = options.tta ? testTimeEvaluation(heard, options.tta) : heard;
  const counter = evaluation.count();
  const how = { ...options, preprocessing: evaluation.preprocessing };
  await eachLogits(model, evaluation.dataset, how, (logits, label, index) => counter.add(logits, label, index));
  return counter.metrics();
}

/** An evaluation that reports what it counts. */
function listened<M extends Scores>(evaluation: Evaluation<M>, { onLogits }: EvaluateOptions): Evaluation<M> {
  if (!onLogits) return evaluation;
  return {
    ...evaluation,
    count: () => {
      const counter = evaluation.count();
      return {
        add: (logits, label, index) => {
          onLogits(logits, label, index);
          return counter.add(logits, label, index);
        },
        metrics: () => counter.metrics(),
      };
    },
  };
}

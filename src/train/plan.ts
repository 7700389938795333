import { DataError, OptionError } from "../core/errors.js";
import { settingsIn } from "../core/settings.js";
import {
  type Augmentation,
  alignClasses,
  type Dataset,
  defaultAugmentation,
  defaultPreprocessing,
  Loader,
  type Preprocessing,
} from "../data/index.js";
import { summary } from "../data/summary.js";
import type { Engine } from "../engines/engine.js";
import type { Module } from "../nn/index.js";
import { defaultBatch } from "./batches.js";
import type { ObjectiveInputs } from "./objective.js";
import { type Optimizer, sgd } from "./optimizers.js";
import { requireSizes, resized, sizePhases } from "./resizing.js";
import { cosineSchedule, type Schedule } from "./schedules.js";
import { loopSettings, stepSettings } from "./settings.js";
import { type StepOptions, stepOn, type TrainingStep } from "./step.js";
import { classification, type Evaluation, type Scores, type Task } from "./task.js";
import type { TrainOptions } from "./train.js";

/** What a training runs at one image size. */
export interface Phase {
  readonly loader: Loader;
  readonly step: TrainingStep;
  /** Shape of a batch's targets. */
  readonly targets: readonly number[];
}

/** What is trained and how, with all defaults filled in; its own phase is that of the full image size. */
export interface Plan extends Phase {
  readonly model: Module;
  readonly dataset: Dataset;
  readonly validation: Evaluation<Scores> | undefined;
  readonly options: TrainOptions<Scores>;
  readonly engine: Engine;
  readonly task: Task;
  readonly epochs: number;
  /** Steps of all epochs; the last may end early. */
  readonly steps: number;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly seed: number;
  /** The image sizes in their order, each with its first epoch: one, or those of progressive resizing. All change the same cells. */
  readonly phases: readonly (Phase & { readonly from: number })[];
  readonly augmented: boolean;
  /** How images are fed without augmentation. */
  readonly still: { readonly batch: number; readonly preprocessing: Preprocessing };
  readonly batch: number;
  /** Epochs without a better one after which it ends; null: never. */
  readonly patience: number | null;
  /** Batches that make a step. */
  readonly accumulated: number;
}

/** A training as it is asked for, ready to begin. @throws OptionError or DataError for what does not fit together. */
export function planOf(model: Module, given: Dataset, options: TrainOptions<Scores>): Plan {
  const task: Task = options.task ?? classification;
  const { engine, optimizer = sgd(), schedule = cosineSchedule() } = options;
  const {
    seed,
    epochs: passes,
    patience,
    balancedSampling,
    augRepeats,
    progressiveResizing,
    ...loop
  } = settingsIn(loopSettings, options);
  const { gradAccumSteps: accumulated, bceLoss } = settingsIn(stepSettings, options);
  if (bceLoss && (loop.classWeights || task.name !== "classification"))
    throw new OptionError("train: bceLoss is for classification without classWeights");
  const dataset = task.data(given);
  const { instances = null } = task;
  const batch = batchOf(dataset, instances, options.batch);
  const preprocessing = options.preprocessing ?? defaultPreprocessing(dataset);
  const augment = options.augment === undefined ? defaultAugmentation(dataset, preprocessing) : options.augment;
  const numClasses = dataset.classes.length;
  const dense = task.positions(preprocessing.imageSize).length > 0;
  if (dense && options.cacheFeatures)
    throw new OptionError("train: features cannot be computed once for segmentation; leave out cacheFeatures");
  if (progressiveResizing && options.cacheFeatures)
    throw new OptionError("train: cacheFeatures has no effect with progressiveResizing; leave one out");
  if (dense && (balancedSampling || loop.classWeights))
    throw new OptionError(
      "train: balancedSampling and classWeights are for images with one label each; give weights to segmentation()",
    );
  if (dataset.targets) requirePlain(task, { ...options, ...augment }, "labelSmoothing");
  if (instances !== null) requireBatchesByClass(task, { ...options, ...augment }, batch);
  const sampling = { shuffle: true, instances, balanced: balancedSampling, repeats: augRepeats, dropLast: true };
  const classWeights = weightsOf(loop.classWeights, dataset);
  const phaseAt = (imageSize: number, cells?: TrainingStep["cells"]): Phase => {
    // Dense targets need not be label maps: a task of one's own may make them from an image's numbers.
    const maps = dense && dataset.labelMap !== undefined;
    const how = { batch, ...resized(preprocessing, augment, imageSize), ...sampling, seed, maps };
    const loader = new Loader(dataset, how);
    const positions = task.positions(imageSize);
    const stepOptions = {
      ...settingsIn(stepSettings, options),
      ...(options.groups && { groups: options.groups }),
      optimizer,
      input: loader.inputShape,
      numClasses,
      positions,
      objective: classWeights
        ? (inputs: ObjectiveInputs) => task.objective({ ...inputs, classWeights })
        : task.objective,
      mixedTargets: Boolean(augment?.mixup || augment?.cutmix),
    } satisfies StepOptions;
    return { loader, step: stepOn(model, stepOptions, cells), targets: [batch, numClasses, ...positions] };
  };
  const full = phaseAt(preprocessing.imageSize);
  const steps = options.steps ?? passes * full.loader.batches;
  const epochs = Math.ceil(steps / full.loader.batches);
  const called = (name: string) => `train: ${name}`;
  const sizes = sizePhases(progressiveResizing, preprocessing.imageSize, epochs, called);
  requireSizes(model, progressiveResizing ?? [], called);
  const phases = sizes.map(({ imageSize, from }) => ({
    from,
    ...(imageSize === preprocessing.imageSize ? full : phaseAt(imageSize, full.step.cells)),
  }));
  const [augmented, still] = [augment !== null, { batch, preprocessing }];
  const validate = options.validate && byName(task.data(options.validate), dataset.classes);
  const validation = validate && task.evaluation(validate, preprocessing);
  return {
    model,
    dataset,
    validation,
    options,
    engine,
    task,
    epochs,
    steps,
    optimizer,
    schedule,
    seed,
    ...full,
    phases,
    augmented,
    still,
    batch,
    patience,
    accumulated,
  };
}

/** @throws OptionError for what is for one class per image. */
function requirePlain(
  { name }: Task,
  given: TrainOptions<Scores> & Partial<Augmentation>,
  ...more: "labelSmoothing"[]
): void {
  for (const option of ["balancedSampling", "classWeights", "mixup", "cutmix", ...more] as const)
    if (given[option]) throw new OptionError(`train: ${option} is for one class per image; the task is ${name}`);
}

/** Images per step. Where batches are made by class, an epoch has `instances` images of each. */
export function batchOf({ labels, length }: Dataset, instances: number | null, given?: number): number {
  if (instances === null) return Math.min(given ?? defaultBatch(length), length);
  const images = instances * new Set(Array.from(labels)).size;
  const usual = instances * Math.max(2, Math.ceil(defaultBatch(images) / instances));
  return Math.min(given ?? usual, images);
}

/** @throws OptionError for what does not go with batches by class, and batches of one class. */
function requireBatchesByClass(task: Task, given: TrainOptions<Scores> & Partial<Augmentation>, batch: number): void {
  const { instances = 1 } = task;
  requirePlain(task, given);
  if ((given.augRepeats ?? 1) > 1)
    throw new OptionError(`train: augRepeats is for one class per image; the task is ${task.name}`);
  if (batch % instances !== 0 || batch < 2 * instances)
    throw new OptionError(
      `train: batch ${batch} must be a multiple of the ${instances} images of each identity, and hold two identities or more`,
    );
}

/** Weights of classes. `balanced`: images / (classes · images of the class), as scikit-learn has it; classes without images get 0. */
function weightsOf(
  given: "balanced" | readonly number[] | null,
  { labels, classes, name }: Dataset,
): readonly number[] | undefined {
  if (given === null) return undefined;
  if (given !== "balanced") {
    if (given.length !== classes.length)
      throw new OptionError(`train: ${given.length} classWeights for the ${classes.length} classes of ${name}`);
    return given;
  }
  const counts = classes.map(() => 0);
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]!++;
  const present = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count > 0 ? labels.length / (present * count) : 0));
}

/** The validation data with the labels of the training data. @throws DataError if it has classes that training lacks. */
function byName(validate: Dataset, classes: readonly string[]): Dataset {
  const { dataset, unknown } = alignClasses(validate, classes);
  if (unknown.length) throw new DataError(`train: validation has classes that training lacks: ${summary(unknown)}`);
  return dataset;
}

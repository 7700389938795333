import { DataError, messageOf, OptionError, TrainingError } from "../core/errors.js";
import { notFiniteText } from "../core/finite.js";
import { Rng } from "../core/rng.js";
import { check, whole } from "../core/schema.js";
import { type Tensor, zeros } from "../core/tensor.js";
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
import type { Engine, Executable } from "../engines/engine.js";
import { type ByteSource, bytesSource } from "../formats/byte-source.js";
import type { SafetensorsFile } from "../formats/safetensors.js";
import type { Cell, Graph } from "../graph/graph.js";
import { type Module, type Param, stateOf } from "../nn/index.js";
import type { BatchSource, StepBatch } from "./batches.js";
import { type Progress, restoreCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { checkTraining } from "./checks.js";
import { evaluationPass, forEachOutput } from "./evaluate.js";
import { letEventsIn } from "./events.js";
import { computeOnce, type FeatureReport, type FedGraph } from "./features.js";
import { bestRecord, type EpochRecord } from "./history.js";
import type { ClassificationMetrics } from "./metrics.js";
import { type Optimizer, sgd } from "./optimizers.js";
import { cosineSchedule, learningRateFactor, type Schedule } from "./schedules.js";
import { type ParameterGroup, trainingStep } from "./step.js";
import { classification, type Scores, type Task } from "./task.js";
import { asStored } from "./weights.js";

/** How to train. All but the engine and callbacks is plain data. */
export interface TrainOptions<M extends Scores = ClassificationMetrics> {
  readonly engine: Engine;
  /** What is learned: `classification` (the default) or `segmentation`. */
  readonly task?: Task<M>;
  readonly epochs?: number;
  /** How many steps to train, in place of `epochs`; the last epoch may end early. */
  readonly steps?: number;
  /** Images per step. Default: {@link defaultBatch}. */
  readonly batch?: number;
  readonly optimizer?: Optimizer;
  readonly schedule?: Schedule;
  readonly labelSmoothing?: number;
  readonly clipNorm?: number | null;
  readonly ema?: number | null;
  /** Compute the blocks' values again in the backward pass instead of keeping them. */
  readonly recompute?: boolean;
  /** Parameters with learning rates of their own. */
  readonly groups?: readonly ParameterGroup[];
  readonly seed?: number;
  /** Measured after each epoch; decides which weights are best. Its classes are matched to those of the training data by name. */
  readonly validate?: Dataset;
  readonly preprocessing?: Preprocessing;
  readonly augment?: Augmentation | null;
  /**
   * What frozen parts make of an image before anything that learns is the same in every epoch: such features are computed once, and
   * then only the rest is run. Default: where it pays, that is without augmentation (for validation always), for more than one epoch,
   * and within `featureLimit`. True: throw where those of the training cannot be kept. False: never.
   */
  readonly cacheFeatures?: boolean;
  /** Bytes of memory for features. Default: {@link featureLimit}, 1 GiB. Features of a data set that do not fit are not kept at all. */
  readonly featureLimit?: number;
  /** What the weights are of, written into the checkpoints. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** A checkpoint to go on from: its bytes, or what reads them by ranges, such as a file. */
  readonly resume?: Uint8Array | ByteSource;
  /** Ends the training after the step in progress; the state is passed to `onStop`. */
  readonly signal?: AbortSignal;
  /** Before the first step, with what a resumed training has done already. */
  onStart?(progress: Progress): Promise<void> | void;
  /** When it is known whether features are computed once, and while they are: after each batch of images. */
  onFeatures?(report: FeatureReport): void;
  /** After each step. */
  onStep?(step: StepReport): void;
  /** After each epoch, with functions that make the files of the present state. */
  onEpoch?(record: EpochRecord, report: EpochReport<M>): Promise<void> | void;
  /** When `signal` ended the training, with the state to resume from. */
  onStop?(checkpoint: SafetensorsFile): Promise<void> | void;
}

export interface StepReport {
  readonly epoch: number;
  readonly epochs: number;
  /** Batches done in this epoch, and how many it has. */
  readonly batch: number;
  readonly batches: number;
  /** Means over the epoch so far. */
  readonly loss: number;
  readonly top1: number;
  readonly imagesPerSecond: number;
}

export interface EpochReport<M extends Scores = ClassificationMetrics> {
  readonly validation: M | null;
  readonly isBest: boolean;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** The state to resume from, as a file to be written: `checkpoint.bytes()`, or piece by piece where it is large. */
  readonly checkpoint: SafetensorsFile;
  /** The weights that were validated: the averaged ones if there are. */
  readonly weights: ReadonlyMap<string, Tensor>;
}

export interface TrainResult {
  readonly history: readonly EpochRecord[];
  readonly best: EpochRecord | undefined;
  /** Whether `signal` ended it early. */
  readonly stopped: boolean;
}

/**
 * Trains a classifier: each epoch goes once through the shuffled, augmented data, then measures the validation data.
 * The model holds the trained weights at the end. Training is repeatable: equal options and seed give equal weights.
 *
 * @throws TrainingError if the loss, the weights or the logits of validation are no longer finite numbers, with the step or epoch. The model keeps the weights of the last epoch's end.
 *
 * @example
 * const { train: data, validation } = await openDataset("shapes");
 * await train(resnet(20, { classes: 10, attention: "cbam" }), data, { engine: ortEngine(), epochs: 8, validate: validation });
 */
export function train(
  model: Module,
  dataset: Dataset,
  options: TrainOptions & { readonly task?: undefined },
): Promise<TrainResult>;
export function train<M extends Scores>(
  model: Module,
  dataset: Dataset,
  options: TrainOptions<M> & { readonly task: Task<M> },
): Promise<TrainResult>;
export async function train(model: Module, dataset: Dataset, options: TrainOptions<Scores>): Promise<TrainResult> {
  checkTraining(model, dataset, options);
  const {
    engine,
    optimizer = sgd(),
    schedule = cosineSchedule(),
    seed = 0,
    signal,
    onStart,
    onStep,
    onEpoch,
    onStop,
  } = options;
  const task: Task = options.task ?? classification;
  const validate = options.validate && byName(options.validate, dataset.classes);
  const batch = Math.min(options.batch ?? defaultBatch(dataset.length), dataset.length);
  const preprocessing = options.preprocessing ?? defaultPreprocessing(dataset);
  const augment = options.augment === undefined ? defaultAugmentation(dataset, preprocessing) : options.augment;
  const { imageSize } = preprocessing;
  const loader = new Loader(dataset, { batch, preprocessing, augment, shuffle: true, dropLast: true, seed });
  const total = options.steps ?? (options.epochs ?? 10) * loader.batches;
  const epochs = Math.ceil(total / loader.batches);
  const classes = task.classes(dataset);
  const positions = task.positions(imageSize);
  if (positions.length > 0 && augment) throw new OptionError("train: masks are not augmented yet; say augment: null");
  const { labelSmoothing = 0, clipNorm = null, ema = null, recompute = false } = options;
  const whole = trainingStep(model, {
    optimizer,
    input: loader.inputShape,
    classes,
    positions,
    labelSmoothing,
    clipNorm,
    ema,
    recompute,
    ...(options.groups ? { groups: options.groups } : {}),
  });
  const { cells, scalars } = whole;

  let progress: Progress = { epoch: 0, batch: 0, lossSum: 0, correct: 0, count: 0, history: [] };
  if (options.resume) {
    const source = options.resume instanceof Uint8Array ? bytesSource(options.resume) : options.resume;
    progress = await restoreCheckpoint(source, model, cells, seed, dataset.classes);
  }
  await onStart?.(progress);
  const still = { batch, preprocessing };
  const [{ graph, source }, validation] = await computeOnce(
    { graph: whole.graph, input: "images", loader, still, augmented: augment !== null },
    validate ? evaluationPass(model, validate, still) : null,
    {
      engine,
      learned: new Set(whole.graph.updates.map(({ cell }) => cell)),
      epochs: epochs - progress.epoch,
      cacheFeatures: options.cacheFeatures,
      featureLimit: options.featureLimit,
      signal,
      onFeatures: options.onFeatures,
    },
  );
  const executable = await engine.compile(graph);
  const history = [...progress.history];
  let { lossSum, correct, count } = progress;

  const targetsOf = ({ labels, indices }: StepBatch): Tensor => {
    const targets = zeros("float32", [batch, classes, ...positions]);
    const size = targets.data.length / batch;
    labels.forEach((label, i) => task.writeTarget(dataset, indices[i]!, label, targets.data, i * size));
    return targets;
  };

  /** Brings the weights from the engine into the model. */
  const collect = async (epoch: number) => {
    const state = await executable.readState();
    const names = new Map<Cell, string>([...stateOf(model), ...cells].map(([name, cell]) => [cell, name]));
    const text = notFiniteText([...state].map(([cell, value]) => [names.get(cell) ?? "state", value] as const));
    if (text) throw new TrainingError(`train: ${text}, in epoch ${epoch + 1} of ${epochs}. Try a lower learning rate`);
    const before = new Map([...state.keys()].map((cell) => [cell as Param, (cell as Param).value]));
    for (const [cell, value] of state) (cell as Param).value = value;
    return () => {
      for (const [param, value] of before) param.value = value;
    };
  };
  const stateNow = (epoch: number, done: number) =>
    writeCheckpoint(
      model,
      cells,
      seed,
      { epoch, batch: done, lossSum, correct, count, history },
      dataset.classes,
      options.metadata,
    );

  try {
    for (let epoch = progress.epoch; epoch < epochs; epoch++) {
      const started = performance.now();
      const first = epoch === progress.epoch ? progress.batch : 0;
      if (first === 0) lossSum = correct = count = 0;
      /** Steps of this epoch. */
      const batches = Math.min(loader.batches, total - epoch * loader.batches);
      let lr = 0;
      for await (const [done, batchData] of ahead(source, epoch, [first, batches], (b, data) => {
        const step = epoch * loader.batches + b;
        lr = optimizer.lr * learningRateFactor(schedule, step, loader.batches, total / loader.batches);
        return executable.run(feedsOf(data, targetsOf(data), graph, scalars(step + 1, lr), { seed, step }));
      })) {
        const step = epoch * loader.batches + done;
        const loss = Number(batchData.loss!.data[0]);
        if (!Number.isFinite(loss))
          throw new TrainingError(
            `the loss is ${loss} at step ${step} (epoch ${epoch + 1} of ${epochs}, learning rate ${lr.toPrecision(3)}). Try a lower learning rate${clipNorm === null ? ", or clip gradients" : ""}`,
          );
        lossSum += Number((batchData.crossEntropy ?? batchData.loss)!.data[0]) * batch;
        correct += Number(batchData.correct!.data[0]);
        count += batch;
        const seconds = (performance.now() - started) / 1000;
        onStep?.({
          epoch: epoch + 1,
          epochs,
          batch: done,
          batches,
          loss: lossSum / count,
          top1: correct / count,
          imagesPerSecond: ((done - first) * batch) / seconds,
        });
        await letEventsIn();
        if (signal?.aborted && done < batches) {
          await collect(epoch);
          await onStop?.(stateNow(epoch, done));
          return { history, best: bestRecord(history), stopped: true };
        }
      }
      const seconds = (performance.now() - started) / 1000;
      let undo: (() => void) | undefined = await collect(epoch);
      const restore = useAverages(model, cells);
      const failed = (error: unknown) => {
        restore();
        undo?.();
        throw new TrainingError(`validation after epoch ${epoch + 1} of ${epochs} failed: ${messageOf(error)}`);
      };
      const scores = validate && validation ? await score(validate, validation, task, engine).catch(failed) : null;
      undo = undefined; // with the values before, whose memory is wanted for no longer
      const weights = new Map([...stateOf(model)].map(([path, param]) => [path, asStored(param)]));
      restore();
      const record: EpochRecord = {
        epoch: epoch + 1,
        step: epoch * loader.batches + batches,
        lr,
        trainLoss: lossSum / count,
        trainTop1: correct / count,
        loss: scores?.loss ?? null,
        top1: scores?.top1 ?? null,
        top5: scores?.top5 ?? null,
        ...(scores?.meanIoU === undefined ? {} : { meanIoU: scores.meanIoU }),
      };
      history.push(record);
      lossSum = correct = count = 0;
      const imagesPerSecond = ((batches - first) * batch) / seconds;
      await onEpoch?.(record, {
        validation: scores,
        isBest: bestRecord(history) === record,
        seconds,
        imagesPerSecond,
        checkpoint: stateNow(epoch + 1, 0),
        weights,
      });
      if (signal?.aborted && epoch + 1 < epochs) return { history, best: bestRecord(history), stopped: true };
    }
    return { history, best: bestRecord(history), stopped: false };
  } finally {
    await executable.release();
  }
}

/** The validation data with the labels of the training data. @throws DataError if it has classes that the training lacks. */
function byName(validate: Dataset, classes: readonly string[]): Dataset {
  const { dataset, unknown } = alignClasses(validate, classes);
  if (unknown.length) throw new DataError(`train: validation has classes that training lacks: ${summary(unknown)}`);
  return dataset;
}

/** How well the network does now on a data set that its graph is fed with. */
async function score(dataset: Dataset, fed: FedGraph, task: Task, engine: Engine): Promise<Scores> {
  const counter = task.count(dataset);
  await forEachOutput(fed, dataset.length, { engine }, (logits, label, index) => counter.add(logits, label, index));
  return counter.metrics();
}

/** 128, or as small a power of two (but at least 8) as gives an epoch of a small data set eight steps. */
export function defaultBatch(images: number): number {
  check("defaultBatch", "images", whole(1), images);
  return Math.min(128, Math.max(8, 2 ** Math.floor(Math.log2(images / 8))));
}

/** Runs the batches of an epoch from `first` up to `end`, each while the one after it is being prepared. Yields how many are done, and the results. */
async function* ahead(
  source: BatchSource,
  epoch: number,
  [first, end]: readonly [number, number],
  run: (b: number, batch: StepBatch) => ReturnType<Executable["run"]>,
) {
  const batches = source.epoch(epoch, { fromBatch: first });
  let upcoming = await batches.next();
  for (let b = first; b < end && !upcoming.done; b++) {
    const running = run(b, upcoming.value);
    running.catch(() => {}); // thrown where it is awaited, below
    upcoming = await batches.next();
    yield [b + 1, await running] as const;
  }
}

interface FeedOptions {
  readonly seed: number;
  readonly step: number;
}

/** The inputs of a step: images or features, one-hot targets, the optimizer's numbers, and this step's random numbers. */
function feedsOf(
  { inputs }: StepBatch,
  targets: Tensor,
  graph: Graph,
  scalars: Readonly<Record<string, Tensor>>,
  { seed, step }: FeedOptions,
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {
    ...inputs,
    targets,
    ...scalars,
  };
  for (const { name, shape } of graph.randoms) {
    const rng = new Rng(seed, name, step);
    feeds[name] = {
      dtype: "float32",
      shape,
      data: Float32Array.from({ length: zeros("float32", shape).data.length }, () => rng.uniform()),
    };
  }
  return feeds;
}

/** Puts averaged weights, if there are any, in place of the model's own. Returns the way back. */
function useAverages(model: Module, cells: ReadonlyMap<string, Param>): () => void {
  const own = new Map<Cell, Tensor>();
  for (const [path, param] of stateOf(model)) {
    const average = cells.get(`ema/${path}`);
    if (!average) continue;
    own.set(param, param.value);
    param.value = average.value;
  }
  return () => {
    for (const [cell, value] of own) (cell as Param).value = value;
  };
}

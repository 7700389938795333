import { messageOf, TrainingError } from "../core/errors.js";
import { notFiniteText } from "../core/finite.js";
import { Rng } from "../core/rng.js";
import { taskScores } from "../core/tasks.js";
import { sizeOf, type Tensor, zeros } from "../core/tensor.js";
import type { Dataset } from "../data/index.js";
import type { Executable } from "../engines/engine.js";
import { bytesSource } from "../formats/byte-source.js";
import type { SafetensorsFile } from "../formats/safetensors.js";
import type { Cell } from "../graph/graph.js";
import { type Module, type Param, stateOf } from "../nn/index.js";
import { type BatchSource, imageBatches, type StepBatch } from "./batches.js";
import { type Progress, restoreCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { evaluationPass, forEachOutput } from "./evaluate.js";
import { letEventsIn } from "./events.js";
import { computeOnce, type FedGraph } from "./features.js";
import { bestRecord, type EpochRecord } from "./history.js";
import { type Phase, type Plan, planOf } from "./plan.js";
import { learningRateFactor } from "./schedules.js";
import type { StepPart } from "./step.js";
import type { Scores } from "./task.js";
import type { TrainOptions, TrainResult } from "./train.js";
import { asStored } from "./weights.js";

/** What training runs, once it is known which features are computed once. */
interface Runnables {
  readonly phase: Phase;
  readonly source: BatchSource;
  readonly graph: FedGraph["graph"];
  readonly executable: Executable;
  readonly validation: FedGraph | null;
}

/** A training in progress: how far it is, and what it has counted. */
export class Training {
  readonly #history: EpochRecord[];
  #lossSum: number;
  #correct: number;
  #count: number;

  private constructor(
    private readonly plan: Plan,
    private readonly from: Progress,
    private runs: Runnables,
  ) {
    this.#history = [...from.history];
    ({ lossSum: this.#lossSum, correct: this.#correct, count: this.#count } = from);
  }

  /** Everything up to the first step: settings, the resumed state, features, and the compiled step. */
  static async begin(model: Module, dataset: Dataset, options: TrainOptions<Scores>): Promise<Training> {
    const plan = planOf(model, dataset, options);
    const progress = await restored(plan);
    await options.onStart?.(progress);
    const { engine, still, augmented, task, validation: measured } = plan;
    const phase = phaseOf(plan, progress.epoch);
    const { step, loader, targets } = phase;
    const images = plan.phases.length > 1 || targets.length > 2;
    const [{ graph, source }, validation] = await computeOnce(
      { graph: step.graph, input: "images", loader, still, augmented },
      measured
        ? evaluationPass(model, measured.dataset, { ...still, preprocessing: measured.preprocessing }, task.trace)
        : null,
      {
        engine,
        learned: new Set(step.graph.updates.map(({ cell }) => cell)),
        epochs: plan.epochs - progress.epoch,
        cacheFeatures: images ? false : options.cacheFeatures,
        featureLimit: options.featureLimit,
        signal: options.signal,
        onFeatures: options.onFeatures,
      },
    );
    return new Training(plan, progress, { phase, graph, source, validation, executable: await engine.compile(graph) });
  }

  /** Changes to an epoch's image size: its step goes on from the state of the last one. */
  async #resize(epoch: number): Promise<void> {
    const phase = phaseOf(this.plan, epoch);
    if (phase === this.runs.phase) return;
    const { step, loader } = phase;
    await this.runs.executable.release();
    const executable = await this.plan.engine.compile(step.graph);
    this.runs = { ...this.runs, phase, graph: step.graph, source: imageBatches(loader, "images"), executable };
  }

  /** All remaining epochs, until the signal, or until patience is at an end. */
  async run(): Promise<TrainResult> {
    const { epochs, options } = this.plan;
    for (let epoch = this.from.epoch; epoch < epochs && !this.#exhausted(); epoch++) {
      await this.#resize(epoch);
      const outcome = await this.#steps(epoch);
      if (outcome === "stopped") return this.#result(true);
      await this.#finish(epoch, outcome);
      if (options.signal?.aborted && epoch + 1 < epochs && !this.#exhausted()) return this.#result(true);
    }
    return this.#result(false);
  }

  release(): Promise<void> {
    return this.runs.executable.release();
  }

  /** Whether the last epochs, as many as `patience` says, were no better than one before. */
  #exhausted(): boolean {
    const { patience } = this.plan;
    const best = bestRecord(this.#history);
    return patience !== null && best !== undefined && this.#history.length - best.epoch >= patience;
  }

  #result(stopped: boolean): TrainResult {
    return { history: this.#history, best: bestRecord(this.#history), stopped };
  }

  /** How many steps an epoch has. */
  #batches(epoch: number): number {
    const { loader, steps } = this.plan;
    return Math.min(loader.batches, steps - epoch * loader.batches);
  }

  /** The step of the optimizer, counted from 0, that a batch is part of, and its place in it. The last of an epoch may have fewer batches. */
  #update(epoch: number, b: number): StepPart & { readonly number: number; readonly perEpoch: number } {
    const { loader, accumulated } = this.plan;
    const perEpoch = Math.ceil(loader.batches / accumulated);
    const number = Math.floor(b / accumulated);
    const of = Math.min(accumulated, this.#batches(epoch) - number * accumulated);
    return { number: epoch * perEpoch + number, perEpoch, index: b % accumulated, of };
  }

  /** The steps of an epoch. Returns the last learning rate and the time they took, or "stopped" where the signal ended them. */
  async #steps(epoch: number): Promise<StepsDone | "stopped"> {
    const { loader, batch, epochs, steps, optimizer, schedule, seed, step, options } = this.plan;
    const batches = this.#batches(epoch);
    const { phase, source, graph, executable } = this.runs;
    const started = performance.now();
    const first = epoch === this.from.epoch ? this.from.batch : 0;
    if (first === 0) this.#lossSum = this.#correct = this.#count = 0;
    let lr = 0;
    const run = (b: number, data: StepBatch) => {
      const number = epoch * loader.batches + b;
      const update = this.#update(epoch, b);
      lr = optimizer.lr * learningRateFactor(schedule, update.number, update.perEpoch, steps / loader.batches);
      const feeds = {
        ...data.inputs,
        targets: targetsOf(this.plan, phase, data),
        ...step.scalars(update.number + 1, lr, update),
      };
      return executable.run({ ...feeds, ...randomFeeds(graph, seed, number) });
    };
    for await (const [done, outputs] of ahead(source, epoch, [first, batches], run)) {
      this.#tally(epoch, done, outputs, lr);
      const seconds = (performance.now() - started) / 1000;
      options.onStep?.({
        epoch: epoch + 1,
        epochs,
        batch: done,
        batches,
        loss: this.#lossSum / this.#count,
        top1: this.#share(),
        imagesPerSecond: ((done - first) * batch) / seconds,
      });
      await letEventsIn();
      if (options.signal?.aborted && done < batches) {
        await this.#collect(epoch);
        await options.onStop?.(this.#checkpoint(epoch, done));
        return "stopped";
      }
    }
    const seconds = (performance.now() - started) / 1000;
    return { lr, seconds, imagesPerSecond: ((batches - first) * batch) / seconds };
  }

  /** Adds a step's outputs to the epoch's totals. @throws TrainingError if its loss is not finite. */
  #tally(epoch: number, done: number, outputs: Readonly<Record<string, Tensor>>, lr: number): void {
    const { loader, batch, epochs, options } = this.plan;
    const loss = Number(outputs.loss!.data[0]);
    if (!Number.isFinite(loss))
      throw new TrainingError(
        `the loss is ${loss} at step ${epoch * loader.batches + done} (epoch ${epoch + 1} of ${epochs}, learning rate ${lr.toPrecision(3)}). Try a lower learning rate${(options.clipNorm ?? null) === null ? ", or clip gradients" : ""}`,
      );
    this.#lossSum += Number((outputs.crossEntropy ?? outputs.loss)!.data[0]) * batch;
    this.#correct += Number(outputs.correct?.data[0] ?? 0);
    this.#count += batch;
  }

  /** The share of right answers in the epoch so far; null if the task has none. */
  #share(): number | null {
    return this.plan.step.graph.outputs.has("correct") ? this.#correct / this.#count : null;
  }

  /** Validates and records an epoch. */
  async #finish(epoch: number, { lr, seconds, imagesPerSecond }: StepsDone): Promise<void> {
    const { model, step, loader, options } = this.plan;
    let undo: (() => void) | undefined = await this.#collect(epoch);
    const restore = useAverages(model, step.cells);
    const scores = await this.#score(epoch).catch((error) => {
      restore();
      undo?.();
      throw error;
    });
    undo = undefined; // frees the previous values
    const weights = new Map([...stateOf(model)].map(([path, param]) => [path, asStored(param)]));
    restore();
    const record: EpochRecord = {
      epoch: epoch + 1,
      step: epoch * loader.batches + this.#batches(epoch),
      lr,
      trainLoss: this.#lossSum / this.#count,
      trainTop1: this.#share(),
      loss: scores?.loss ?? null,
      top1: scores?.top1 ?? null,
      top5: scores?.top5 ?? null,
      ...measuredBy(scores),
    };
    this.#history.push(record);
    this.#lossSum = this.#correct = this.#count = 0;
    await options.onEpoch?.(record, {
      validation: scores as never,
      isBest: bestRecord(this.#history) === record,
      seconds,
      imagesPerSecond,
      checkpoint: this.#checkpoint(epoch + 1, 0),
      weights,
    });
  }

  /** The network's current validation metrics, if there is validation data. @throws TrainingError if that fails. */
  async #score(epoch: number): Promise<Scores | null> {
    const { validation: measured, engine, epochs } = this.plan;
    const { validation } = this.runs;
    if (!measured || !validation) return null;
    try {
      const counter = measured.count();
      await forEachOutput(validation, measured.dataset.length, { engine }, (logits, label, index) =>
        counter.add(logits, label, index),
      );
      return counter.metrics();
    } catch (error) {
      throw new TrainingError(`validation after epoch ${epoch + 1} of ${epochs} failed: ${messageOf(error)}`);
    }
  }

  /** Copies the weights from the engine into the model. Returns a function that undoes it. @throws TrainingError if they are not finite. */
  async #collect(epoch: number): Promise<() => void> {
    const { model, step, epochs } = this.plan;
    const state = await this.runs.executable.readState();
    const names = new Map<Cell, string>([...stateOf(model), ...step.cells].map(([name, cell]) => [cell, name]));
    const text = notFiniteText([...state].map(([cell, value]) => [names.get(cell) ?? "state", value] as const));
    if (text) throw new TrainingError(`train: ${text}, in epoch ${epoch + 1} of ${epochs}. Try a lower learning rate`);
    const before = new Map([...state.keys()].map((cell) => [cell as Param, (cell as Param).value]));
    for (const [cell, value] of state) (cell as Param).value = value;
    return () => {
      for (const [param, value] of before) param.value = value;
    };
  }

  /** The state to resume from. */
  #checkpoint(epoch: number, batch: number): SafetensorsFile {
    const { model, dataset, step, seed, options } = this.plan;
    const sums = { lossSum: this.#lossSum, correct: this.#correct, count: this.#count };
    const progress = { epoch, batch, ...sums, history: this.#history };
    return writeCheckpoint(model, step.cells, seed, progress, dataset.classes, options.metadata);
  }
}

/** The scores that only some tasks have. */
const measuredBy = (scores: Scores | null) =>
  Object.fromEntries(taskScores.flatMap((name) => (scores?.[name] === undefined ? [] : [[name, scores[name]]])));

interface StepsDone {
  readonly lr: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
}

/** The phase that an epoch belongs to. */
const phaseOf = ({ phases }: Plan, epoch: number): Phase => phases.findLast(({ from }) => from <= epoch)!;

/** The progress of the training to resume, with its state loaded; otherwise the start. */
function restored({ options, model, step, seed, dataset }: Plan): Promise<Progress> | Progress {
  if (!options.resume) return { epoch: 0, batch: 0, lossSum: 0, correct: 0, count: 0, history: [] };
  const source = options.resume instanceof Uint8Array ? bytesSource(options.resume) : options.resume;
  return restoreCheckpoint(source, model, step.cells, seed, dataset.classes);
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

/** The targets of a batch as distributions. */
export function targetsOf(
  { task, dataset }: Pick<Plan, "task" | "dataset">,
  { targets: shape }: Pick<Phase, "targets">,
  batch: StepBatch,
): Tensor {
  const targets = zeros("float32", [...shape]);
  task.writeTargets(batch, dataset, targets.data);
  return targets;
}

/** This step's random numbers, by name of the graph's inputs. */
export function randomFeeds({ randoms }: FedGraph["graph"], seed: number, step: number): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const { name, shape } of randoms) {
    const rng = new Rng(seed, name, step);
    const data = Float32Array.from({ length: sizeOf(shape) }, () => rng.uniform());
    feeds[name] = { dtype: "float32", shape, data };
  }
  return feeds;
}

/** Replaces the model's weights by averaged ones, if there are any. Returns a function that undoes it. */
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

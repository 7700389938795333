import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { cpuUsage, resourceUsage, versions } from "node:process";
import { FoveaError, messageOf } from "../../core/errors.js";
import { type MainScore, mainScores } from "../../core/tasks.js";
import type { Dataset } from "../../data/index.js";
import type { Engine } from "../../engines/engine.js";
import { Lock } from "../../files/lock.js";
import { makeFolder, writeFileAtomic } from "../../files/write.js";
import { buildNetwork } from "../../inference/load-run.js";
import type { Module } from "../../nn/index.js";
import { isDivergence } from "../../train/divergence.js";
import { bestRecord, type EpochRecord, loadState, type StepReport, train } from "../../train/index.js";
import { type RunConfig, RunFolder } from "../../train/run-folder.js";
import { repeating } from "../../train/settings.js";
import type { Measured, UnitResult } from "../results.js";
import { comparedTask, type Measuring } from "../tasks.js";
import { isRun, type Journal, type JournaledUnit, writeResult } from "./journal.js";

export interface RunUnitOptions {
  readonly engine: Engine;
  /** Of Fovea, to be written into the run's configuration. */
  readonly version: string;
  readonly signal?: AbortSignal | undefined;
  /** While another process has the unit. */
  readonly onWait?: (() => void) | undefined;
  readonly onStep?: ((step: StepReport) => void) | undefined;
}

/** How a unit ended: `stopped` means by the signal, to be resumed. */
export type UnitOutcome = UnitResult["status"] | "stopped";

/**
 * Runs one unit of a comparison: trains, or resumes where a killed process stopped, measures on the test images, and writes the result.
 * A finished unit is left alone, so that any number of workers may be given it.
 *
 * @throws FoveaError if it was run or started with other data or another program, or its network cannot be built.
 */
export async function runUnit(journal: Journal, entry: JournaledUnit, options: RunUnitOptions): Promise<UnitOutcome> {
  const { folder, misfit, title } = entry;
  if (!folder) throw new FoveaError(`${title}: ${misfit}`);
  await makeFolder(join(folder, ".."));
  const lock = await Lock.acquire(`${folder}.lock`, { signal: options.signal, onWait: options.onWait });
  try {
    const [before] = await journal.results([entry]);
    return before?.status ?? (await doUnit(journal, entry, options));
  } finally {
    lock.release();
  }
}

async function doUnit(
  journal: Journal,
  { folder, resolved: unit, hashes }: JournaledUnit,
  { engine, version, signal, onStep }: RunUnitOptions,
): Promise<UnitOutcome> {
  const { model, training, preprocessing, task, steps, cost, seed } = unit!;
  const begun = (await isRun(folder!)) ? await RunFolder.open(folder!) : undefined;
  const run = begun ?? (await RunFolder.create(folder!, configOf(journal, unit!, hashes!, version)));
  await run.claim();
  const network = buildNetwork(model, preprocessing, seed);
  const { guess } = comparedTask(task);
  const history: EpochRecord[] = [];
  const checkpoint = begun && (await run.checkpoint());
  const common = {
    format: "fovea.result.1",
    hashes: hashes!,
    backbone: unit!.backbone.label,
    entrant: unit!.entrant.label,
    seed,
    setting: unit!.setting,
    ...cost,
    steps,
    epochs: unit!.epochs,
    batch: training.batch,
    numClasses: journal.data.train.classes.length,
    ...(guess && { guess: guess(journal.data.test) }),
  } as const;
  const started = performance.now();
  let trained = 0;
  try {
    const { stopped } = await train(network, journal.data.train, {
      ...howTrained(unit!, engine),
      steps,
      validate: journal.data.validation,
      metadata: run.description(),
      ...(checkpoint ? { resume: checkpoint } : {}),
      ...(signal ? { signal } : {}),
      ...(onStep ? { onStep } : {}),
      onStart: async (progress) => {
        history.push(...progress.history);
        await run.truncateMetrics(progress.epoch);
      },
      onEpoch: async (record, report) => {
        history.push(record);
        trained += report.seconds;
        await run.record(record, history, report);
      },
      onStop: (state) => run.write("last", state),
    });
    if (stopped) return "stopped";
    const measure = async (which: "last" | "best", record: EpochRecord): Promise<Measured> => {
      loadState(network, await run.weights(which));
      return measured(network, record, journal.data.test, { task, preprocessing, engine, ...(signal && { signal }) });
    };
    const [final, best] = [history.at(-1)!, bestRecord(history)!];
    const last = best === final ? undefined : await measure("last", final);
    const chosen = await measure("best", best);
    await writeResult(folder!, { ...common, status: "done", last: last ?? chosen, chosen });
    const timing = {
      trainSeconds: trained,
      seconds: (performance.now() - started) / 1000,
      // Of all that this process has done: where it does one unit, of that.
      processSeconds: performance.now() / 1000,
      cpuSeconds: cpuSeconds(),
      peakBytes: 1024 * resourceUsage().maxRSS,
      resumed: Boolean(checkpoint),
    };
    await writeFileAtomic(join(folder!, "timing.json"), `${JSON.stringify(timing)}\n`);
    return "done";
  } catch (error) {
    if (signal?.aborted) return "stopped";
    if (!isDivergence(error)) throw error;
    await writeResult(folder!, { ...common, status: "diverged", message: messageOf(error), last: null, chosen: null });
    return "diverged";
  } finally {
    run.release();
  }
}

/** How a unit is trained: options of `train`, except duration and callbacks. */
export function howTrained({ training, preprocessing, task }: NonNullable<JournaledUnit["resolved"]>, engine: Engine) {
  const { epochs: _, ...how } = repeating(training);
  return {
    ...how,
    engine,
    task,
    preprocessing,
    cacheFeatures: false,
  };
}

/** The configuration of a unit's run. */
export function configOf(
  journal: Journal,
  { model, training, preprocessing }: NonNullable<JournaledUnit["resolved"]>,
  { config, data, code }: NonNullable<JournaledUnit["hashes"]>,
  version: string,
): RunConfig {
  const { record } = journal.resolver.frame;
  return {
    format: "fovea.run.1",
    versions: { fovea: version, node: versions.node, config, data, code },
    flags: {},
    model,
    data: { source: journal.plan.data.source, kind: journal.kind, classes: journal.data.train.classes },
    ...(record && { task: record }),
    preprocessing,
    frozen: [],
    training,
  };
}

/** CPU seconds of this process. */
export const cpuSeconds = (): number => {
  const { user, system } = cpuUsage();
  return (user + system) / 1e6;
};

/** Measures a network on the test images, after an epoch. @throws FoveaError if outputs are not finite. */
export async function measured(network: Module, record: EpochRecord, test: Dataset, how: Measuring): Promise<Measured> {
  const { epoch, loss } = record;
  const scores = Object.keys(mainScores).flatMap((name) => {
    const value = record[name as MainScore];
    return typeof value === "number" ? [[name, value] as const] : [];
  });
  return {
    epoch,
    validation: { ...Object.fromEntries(scores), loss: loss! },
    test: await comparedTask(how.task).measure(network, test, how),
  };
}

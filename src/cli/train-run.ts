import { performance } from "node:perf_hooks";
import {
  type ClassificationMetrics,
  type Engine,
  type EpochRecord,
  type EpochReport,
  type Module,
  type OpenedDataset,
  type StepReport,
  type TrainResult,
  train,
} from "../index.js";
import { bestRecord, describeSplits, type RunFolder, repeating, stepSettings } from "../internal.js";
import { optional, withEngine } from "./arguments.js";
import { settingsBy } from "./flags.js";
import { headGroups, type Settled } from "./optimization.js";
import { networkTitle, saySkipped } from "./run.js";
import { stopOnSignal } from "./signals.js";
import { asArgument, duration, foveaCommand, type ProgressLine, percent, say, short } from "./terminal.js";
import type { TrainFlags } from "./train-config.js";
import { finishedText, LiveReport, parameterCount } from "./train-report.js";
import { featuresText } from "./transfer.js";

/** Below this many images a network that starts from random weights hardly learns what will help on others. */
const fewImages = 2000;

/** Says what is trained on what, and what is odd about it. */
function introduce({ config }: RunFolder, network: Module, data: OpenedDataset, resumes: boolean): void {
  const { training, preprocessing, data: about } = config;
  say(
    `${networkTitle(config.model)}, ${short(parameterCount(network))} parameters, ${preprocessing.imageSize} px, ${training.optimizer.name} at ${training.optimizer.settings.lr}; ${about.source}: ${describeSplits(data)}`,
  );
  const validated = new Set(Array.from(data.validation.labels, (label) => data.validation.classes[label]));
  const unmeasured = about.classes.filter((name) => !validated.has(name));
  if (unmeasured.length)
    say(`no image for validation in ${unmeasured.slice(0, 6).join(", ")}${unmeasured.length > 6 ? ", …" : ""}`);
  saySkipped([...data.train.skipped, ...data.validation.skipped]);
  if (data.kind === "folder" && data.train.length < fewImages && !training.weights && !resumes)
    say(
      `${data.train.length} images are few to train a network from nothing. Start from pretrained weights: --weights FILE, with --freeze backbone to train the classifier alone`,
    );
}

/** How far a step is, for the line that shows it. */
function progressOf({ epoch, epochs, batch, batches, loss, top1, imagesPerSecond }: StepReport, size: number) {
  const left = (epochs - epoch) * batches + batches - batch;
  const eta = (left * size) / imagesPerSecond;
  const share = ((epoch - 1) * batches + batch) / (epochs * batches);
  const text = `epoch ${epoch}/${epochs}  loss ${loss.toFixed(3)}  top-1 ${percent(top1)}  ${imagesPerSecond.toFixed(0)} img/s  ETA ${duration(eta)}`;
  return [share, text] as const;
}

function epochText(record: EpochRecord, { isBest, imagesPerSecond }: EpochReport, epochs: number): string {
  const { epoch, trainLoss, trainTop1, loss, top1 } = record;
  const validation =
    top1 === null || loss === null ? "" : `  validation loss ${loss.toFixed(3)} top-1 ${percent(top1)}`;
  return `epoch ${epoch}/${epochs}  loss ${trainLoss.toFixed(3)} top-1 ${percent(trainTop1)}${validation}${isBest ? "  best" : ""}  ${imagesPerSecond.toFixed(0)} img/s`;
}

/** What a run folder has recorded, and its report. */
class Record {
  readonly #history: EpochRecord[] = [];
  /** What the validation says of the weights in best.safetensors. */
  #shipped: ClassificationMetrics | null = null;

  constructor(
    private readonly run: RunFolder,
    private readonly page: LiveReport,
  ) {}

  /** Takes up what a resumed run has done, and drops what it will do again. */
  async takeUp(epochs: number, history: readonly EpochRecord[]): Promise<void> {
    this.#history.push(...history);
    await this.run.truncateMetrics(epochs);
    const best = bestRecord(this.#history);
    const measured = best && (await this.run.validation(best.epoch));
    if (best) this.#shipped = measured && "classes" in measured ? (measured as ClassificationMetrics) : null;
    await this.page.takeUp(this.#history, this.#shipped);
  }

  async add(record: EpochRecord, epoch: EpochReport, engine: Engine): Promise<void> {
    this.#history.push(record);
    await this.page.addMaps(record.epoch, epoch.weights, engine);
    await this.run.record(record, this.#history, epoch);
    if (epoch.isBest) this.#shipped = epoch.validation;
    const standing = { history: this.#history, validation: this.#shipped, speed: epoch.imagesPerSecond };
    await this.page.add(record, epoch, standing);
  }
}

/** Trains, records each epoch in the run folder, and shows how it goes. */
export async function runTraining(
  run: RunFolder,
  network: Module,
  data: OpenedDataset,
  flags: Settled<TrainFlags>,
  progress: ProgressLine,
) {
  const { training, preprocessing, frozen } = run.config;
  const how = repeating(training);
  const checkpoint = flags.resume ? await run.checkpoint() : undefined;
  introduce(run, network, data, flags.resume ?? false);
  const interrupt = stopOnSignal(() => progress.clear());
  const page = await LiveReport.open(run, data, network, flags);
  const record = new Record(run, page);
  const started = performance.now();
  try {
    const result = await withEngine(
      (engine) =>
        train(network, data.train, {
          ...settingsBy(stepSettings, flags),
          ...how,
          engine,
          groups: headGroups(network, training.headLr, how.optimizer.lr),
          preprocessing,
          validate: data.validation,
          signal: interrupt.signal,
          metadata: run.description(),
          ...optional("resume", checkpoint),
          onStart: ({ epoch, history }) => record.takeUp(epoch, history),
          ...optional("cacheFeatures", flags.cacheFeatures),
          onFeatures: (report) => {
            if (report.total > 0)
              progress.draw(report.done / report.total, `features of ${report.done} of ${report.total} images`);
            if (frozen.length === 0 || report.done < report.total) return;
            progress.clear();
            say(featuresText(report));
          },
          onStep: (step) => progress.draw(...progressOf(step, training.batch)),
          onEpoch: async (epoch, report) => {
            await record.add(epoch, report, engine);
            progress.clear();
            say(epochText(epoch, report, training.epochs));
          },
          onStop: (checkpoint) => run.write("last", checkpoint),
        }),
      flags,
    );
    return await concluded(run, network, data, flags, page, result, started);
  } finally {
    progress.clear();
    interrupt.release();
    run.release();
  }
}

/** Measures the test images, once, and says what came of it. */
async function concluded(
  run: RunFolder,
  network: Module,
  data: OpenedDataset,
  flags: Settled<TrainFlags>,
  page: LiveReport,
  result: TrainResult,
  started: number,
) {
  const final = result.history.at(-1);
  if (result.stopped) {
    say(`stopped and saved. To go on: ${foveaCommand("train", "--resume", "--out", asArgument(run.path))}`);
    return { run: run.path, ...result, final };
  }
  const test = await page.conclude(network, data, flags);
  say(...finishedText(run, result, test, (performance.now() - started) / 1000));
  return { run: run.path, ...result, final, ...(test ? { test } : {}) };
}

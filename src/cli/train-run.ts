import { join } from "node:path";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { mainScore, scoreNames } from "../core/tasks.js";
import {
  type Engine,
  type EpochRecord,
  type EpochReport,
  type Module,
  type OpenedDataset,
  type Scores,
  type StepReport,
  type TrainResult,
  train,
} from "../index.js";
import { bestRecord, describeSplits, type RunFolder, repeating, stepSettings, taskOf } from "../internal.js";
import { optional, withEngine } from "./arguments.js";
import { settingsBy } from "./flags.js";
import { rateGroups, type Settled } from "./optimization.js";
import { sightingsText } from "./reid/text.js";
import { networkTitle, saySkipped } from "./run.js";
import { stopOnSignal } from "./signals.js";
import { faceOf, type RunPage, scoreText, scoreValue, type TaskFace, taskOfRun } from "./tasks.js";
import { asArgument, duration, foveaCommand, type ProgressLine, percent, say, short } from "./terminal.js";
import type { TrainFlags } from "./train-config.js";
import { parameterCount } from "./train-report.js";
import { featuresText } from "./transfer.js";

/** With fewer images, a network that starts from random weights hardly generalizes. */
const fewImages = 2000;

/** Says what is trained on what, with warnings. */
function introduce({ config }: RunFolder, network: Module, data: OpenedDataset, resumes: boolean): void {
  const { training, preprocessing, data: about } = config;
  say(
    `${networkTitle(config.model)}, ${short(parameterCount(network))} parameters, ${preprocessing.imageSize} px, ${training.optimizer.name} at ${training.optimizer.settings.lr}; ${about.source}: ${describeSplits(data)}`,
  );
  if (data.train.labelMap) say(pixelsText(data));
  if (data.train.targets) say(targetsText(data));
  const { sightings } = data.validation;
  if (sightings) say(`validation: ${sightingsText(sightings)}`);
  const validated = new Set(Array.from(data.validation.labels, (label) => data.validation.classes[label]));
  const unmeasured =
    data.train.labelMap || data.train.targets || sightings ? [] : about.classes.filter((name) => !validated.has(name));
  if (unmeasured.length)
    say(`no validation images of ${unmeasured.slice(0, 6).join(", ")}${unmeasured.length > 6 ? ", …" : ""}`);
  saySkipped([...data.train.skipped, ...data.validation.skipped]);
  if (data.kind === "folder" && data.train.length < fewImages && !training.weights && !resumes)
    say(
      `${data.train.length} images are few to train a network from scratch. Start from pretrained weights: --weights FILE, with --freeze backbone to train only the classifier`,
    );
}

/** The classes of pixels. */
const pixelsText = ({ train: { classes } }: OpenedDataset) =>
  `classes of pixels: ${classes.slice(0, 12).join(", ")}${classes.length > 12 ? ` and ${classes.length - 12} more` : ""}`;

/** What is predicted of images. */
const targetsText = ({ train: { classes } }: OpenedDataset) =>
  `to predict: ${classes.slice(0, 12).join(", ")}${classes.length > 12 ? ` and ${classes.length - 12} more` : ""}`;

/** The progress line after a step. */
function progressOf(
  { epoch, epochs, batch, batches, loss, top1, imagesPerSecond }: StepReport,
  size: number,
  face: TaskFace<Scores>,
) {
  const left = (epochs - epoch) * batches + batches - batch;
  const eta = (left * size) / imagesPerSecond;
  const share = ((epoch - 1) * batches + batch) / (epochs * batches);
  const text = `epoch ${epoch}/${epochs}  loss ${loss.toFixed(3)}${shareText(top1, face)}  ${imagesPerSecond.toFixed(0)} img/s  ETA ${duration(eta)}`;
  return [share, text] as const;
}

/** The share of correct predictions during training, if there is one. */
const shareText = (share: number | null, face: TaskFace<Scores>, gap = "  ") =>
  share === null ? "" : `${gap}${face.share} ${percent(share)}`;

/** The scores of an epoch, the one that decides first. */
function scoresText(record: EpochRecord): string[] {
  const score = mainScore(record);
  return [
    ...(score ? [scoreText(score)] : []),
    ...(record.rank1 === undefined ? [] : [`${scoreNames.rank1} ${percent(record.rank1)}`]),
  ];
}

function epochText(
  record: EpochRecord,
  { isBest, imagesPerSecond }: EpochReport<Scores>,
  epochs: number,
  face: TaskFace<Scores>,
): string {
  const { epoch, trainLoss, trainTop1, loss } = record;
  const score = mainScore(record);
  const measured = [loss === null ? "" : `loss ${loss.toFixed(3)}`, ...scoresText(record)].filter(Boolean);
  const validation = score === null ? "" : `  validation ${measured.join(" ")}`;
  return `epoch ${epoch}/${epochs}  loss ${trainLoss.toFixed(3)}${shareText(trainTop1, face, " ")}${validation}${isBest ? "  best" : ""}  ${imagesPerSecond.toFixed(0)} img/s`;
}

/** What a run folder has recorded, and its report. */
class Record {
  readonly #history: EpochRecord[] = [];
  /** Validation metrics of the weights in best.safetensors. */
  #shipped: Scores | null = null;

  constructor(
    private readonly run: RunFolder,
    private readonly page: RunPage<Scores>,
    private readonly face: TaskFace<Scores>,
  ) {}

  /** Takes over what a resumed run has done, and drops what it will repeat. */
  async takeUp(epochs: number, history: readonly EpochRecord[]): Promise<void> {
    this.#history.push(...history);
    await this.run.truncateMetrics(epochs);
    const best = bestRecord(this.#history);
    const measured = best && (await this.run.validation(best.epoch));
    if (best) this.#shipped = this.face.isMetrics(measured) ? measured : null;
    await this.page.takeUp(this.#history, this.#shipped);
  }

  async add(record: EpochRecord, epoch: EpochReport<Scores>, engine: Engine): Promise<void> {
    this.#history.push(record);
    await this.page.addMaps(record.epoch, epoch.weights, engine);
    await this.run.record(record, this.#history, epoch);
    if (epoch.isBest) this.#shipped = epoch.validation;
    const standing = { history: this.#history, validation: this.#shipped, speed: epoch.imagesPerSecond };
    await this.page.add(record, epoch, standing);
  }
}

/** How far a training is, for a program that started it and listens. */
export type TrainingNews =
  | { readonly kind: "step"; readonly step: StepReport }
  | { readonly kind: "features"; readonly done: number; readonly total: number };

const tellParent = (news: TrainingNews): void => {
  // It may end at any time: the training goes on.
  if (process.connected) process.send?.(news, () => {});
};

/** Trains, records each epoch in the run folder, and shows progress. */
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
  const face = faceOf(taskOfRun(run.config));
  const page = await face.openPage(run, data, network, flags);
  const record = new Record(run, page, face);
  const started = performance.now();
  try {
    const result = await withEngine(
      (engine) =>
        train(network, data.train, {
          ...settingsBy(stepSettings, flags),
          ...how,
          engine,
          task: taskOf(run.config),
          groups: rateGroups(network, training, how.optimizer.lr),
          preprocessing,
          validate: data.validation,
          signal: interrupt.signal,
          metadata: run.description(),
          ...optional("resume", checkpoint),
          onStart: ({ epoch, history }) => record.takeUp(epoch, history),
          ...optional("cacheFeatures", flags.cacheFeatures),
          onFeatures: (report) => {
            tellParent({ kind: "features", done: report.done, total: report.total });
            if (report.total > 0)
              progress.draw(report.done / report.total, `features of ${report.done} of ${report.total} images`);
            if (frozen.length === 0 || report.done < report.total) return;
            progress.clear();
            say(featuresText(report));
          },
          onStep: (step) => {
            tellParent({ kind: "step", step });
            progress.draw(...progressOf(step, training.batch, face));
          },
          onEpoch: async (epoch, report) => {
            await record.add(epoch, report, engine);
            progress.clear();
            say(epochText(epoch, report, training.epochs, face));
          },
          onStop: (checkpoint) => run.write("last", checkpoint),
        }),
      flags,
    );
    return await concluded({ run, network, data, flags, page, face }, result, started);
  } finally {
    progress.clear();
    interrupt.release();
    run.release();
  }
}

interface Concluding {
  readonly run: RunFolder;
  readonly network: Module;
  readonly data: OpenedDataset;
  readonly flags: Settled<TrainFlags>;
  readonly page: RunPage<Scores>;
  readonly face: TaskFace<Scores>;
}

/** Measures the test images, once, and reports the results. */
async function concluded({ run, network, data, flags, page, face }: Concluding, result: TrainResult, started: number) {
  const final = result.history.at(-1);
  if (result.stopped) {
    say(`stopped and saved. To resume: ${foveaCommand("train", "--resume", "--out", asArgument(run.path))}`);
    return { run: run.path, ...result, final };
  }
  const test = await page.conclude(network, data, flags);
  say(...finishedText(run, result, test, (performance.now() - started) / 1000, face));
  return { run: run.path, ...result, final, ...(test ? { test } : {}) };
}

function finishedText(
  { path, config }: RunFolder,
  { best, history }: TrainResult,
  test: Scores | null,
  seconds: number,
  face: TaskFace<Scores>,
): string[] {
  const { epochs, patience } = config.training;
  const final = history.at(-1);
  const score = (record: EpochRecord) => `${scoreValue(mainScore(record)!)} (epoch ${record.epoch})`;
  const chosen = best && mainScore(best);
  const tested = test && mainScore(test);
  return [
    ...(final && final.epoch < epochs
      ? [`ended after epoch ${final.epoch}: no improvement in the last ${patience}`]
      : []),
    `trained in ${duration(seconds)}`,
    ...(chosen && final
      ? [`validation ${chosen.name}: best ${score(best)}, chosen on these images; final ${score(final)}`]
      : []),
    ...(test && tested
      ? [
          `test ${tested.name} of the best weights: ${scoreValue(tested)}, ${(test as { readonly count?: number }).count} images held out to the end`,
        ]
      : []),
    `the run is in ${path}; open ${join(path, "report.html")} for the report`,
    "next:",
    ...face.nextSteps(path).map(({ purpose, command }) => `  ${command.padEnd(60)} ${purpose}`),
  ];
}

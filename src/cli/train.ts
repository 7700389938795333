import { basename, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { versions } from "node:process";
import { Command, Option } from "commander";
import {
  type ClassificationMetrics,
  defaultAugmentation,
  defaultPreprocessing,
  type EpochRecord,
  type Module,
  type OpenedDataset,
  OptionError,
  openDataset,
  type RunConfig,
  train,
  version,
} from "../index.js";
import {
  bestRecord,
  buildNetwork,
  classifierInfo,
  defaultBatch,
  describeSplits,
  RunFolder,
  settled,
} from "../internal.js";
import {
  addModelFlags,
  batchSize,
  type EngineFlags,
  epochCount,
  epochList,
  imageSize,
  jsonObject,
  type ModelFlags,
  modelOptions,
  nonNegative,
  optional,
  partOption,
  pattern,
  positive,
  properShare,
  seed,
  share,
  threadCount,
  winogradHelp,
  withEngine,
} from "./arguments.js";
import { requireMemory } from "./memory.js";
import {
  headGroup,
  type OptimizationFlags,
  optimizerOf,
  requireEffect,
  type Settled,
  scheduleOf,
  withDefaults,
} from "./optimization.js";
import { checkSame } from "./resume.js";
import { freshFolder, networkTitle, requireSplits, type SplitFlags, saySkipped } from "./run.js";
import { stopOnSignal } from "./signals.js";
import { asArgument, duration, foveaCommand, helpText, ProgressLine, percent, print, say, short } from "./terminal.js";
import { finishedText, LiveReport, parameterCount, type ReportFlags } from "./train-report.js";
import { featuresText, freezePaths, pathsToFreeze, startFrom, type TransferFlags } from "./transfer.js";

interface TrainFlags extends ModelFlags, TransferFlags, EngineFlags, OptimizationFlags, SplitFlags, ReportFlags {
  readonly insert?: string;
  readonly insertOptions?: Record<string, unknown>;
  readonly imageSize?: number;
  readonly batch?: number;
  readonly labelSmoothing: number;
  readonly clip?: number;
  readonly ema?: number;
  readonly recompute?: boolean;
  readonly augment: boolean;
  readonly cacheFeatures?: boolean;
  readonly seed: number;
  readonly out?: string;
  readonly resume?: boolean;
  readonly json?: boolean;
}

export const trainCommand = addModelFlags(new Command("train"), "resnet20")
  .description("Train a classifier and write a run folder")
  .argument(
    "[data]",
    "data set: a folder of CIFAR, MNIST or images in class folders, or shapes or shapes-free (generated)",
  )
  .option("--image-size <pixels>", "side of the square input (default: what suits the data)", imageSize)
  .option("--epochs <n>", "times through the data", epochCount, 10)
  .option("--batch <n>", "images per step (default: 128, less for small data sets)", batchSize)
  .addOption(
    new Option("--optimizer <name>", "update rule (default: adamw for MobileNet and VAN, sgd for others)").choices([
      "sgd",
      "adamw",
    ]),
  )
  .option(
    "--lr <rate>",
    "learning rate (default: 0.1 for sgd, 0.001 for adamw; a tenth of it where all of --weights is trained on)",
    positive,
  )
  .option("--optimizer-options <json>", `more settings, such as '{"momentum":0.9,"nesterov":true}'`, jsonObject)
  .option("--weight-decay <x>", "weight decay (default: 0.0005 for sgd, 0.01 for adamw)", nonNegative)
  .option("--no-decay-norms", "no weight decay on norms and biases")
  .addOption(
    new Option("--schedule <name>", "how the learning rate falls")
      .choices(["cosine", "step", "constant"])
      .default("cosine"),
  )
  .option(
    "--step-epochs <list>",
    "epochs after which the schedule step divides the rate by ten, such as 30,60",
    epochList,
  )
  .option("--warmup <epochs>", "epochs in which the rate rises from zero", nonNegative, 0)
  .option("--label-smoothing <share>", "share of each target spread over all classes", share, 0)
  .option("--clip <norm>", "largest norm of all gradients together", positive)
  .option("--ema <decay>", "keep and validate a moving average of the weights, such as 0.999", properShare)
  .option(
    "--recompute",
    "less memory, more time: compute the blocks again in the backward pass instead of keeping them",
  )
  .option("--no-augment", "no random crops and mirroring")
  .option("--cache-features", "insist that frozen parts are run once for each image, not in every epoch")
  .option("--no-cache-features", "run frozen parts in every epoch (default: once, where see below)")
  .option("--seed <n>", "seed of weights, order and augmentation", seed, 0)
  .option(
    "--weights <file>",
    "start from a checkpoint, safetensors or PyTorch: a file, a folder of one in several files, https://…, or hf:OWNER/NAME[@REV][/FILE]",
  )
  .option(...partOption)
  .option(
    "--ignore <pattern>",
    "keys of --weights (and of the model) that need not fit, a regular expression such as '^fc\\.'",
    pattern,
  )
  .addOption(
    new Option("--freeze <part>", "train only what --weights did not bring, and the classifier").choices(["backbone"]),
  )
  .option("--insert <name>", "put an attention module into every block of a finished network, to begin as the identity")
  .option("--insert-options <json>", "options of the inserted module", jsonObject)
  .option("--freeze-until <path>", "train only from this part of the network on, such as layer3")
  .option("--head-lr <rate>", "learning rate of the classifier alone", positive)
  .option(
    "--val-split <share>",
    "share for validation where a folder has no train/ and val/ (default: 0.2)",
    properShare,
  )
  .option(
    "--test-split <share>",
    "share that chooses nothing and is measured once, at the end, where a folder has no test/ (default: none)",
    share,
  )
  .option("--no-maps", "no maps of validation images in the report, which take some time after every epoch")
  .option("--tensorboard [folder]", "write TensorBoard event files too (default: to tensorboard/ in the run folder)")
  .option("--out <folder>", "run folder (default: a new one in runs/)")
  .option("--resume", "go on with the run in --out; its settings hold where none are given")
  .option("--winograd", winogradHelp)
  .option("--threads <n>", "threads (default: one per processor)", threadCount)
  .option("--json", "print one JSON object at the end")
  .addHelpText("after", () =>
    helpText(`
Examples:
  fovea train shapes --attention cbam --epochs 8
  fovea train cifar-10-batches-bin/ --attention se --epochs 100 --warmup 1
  fovea train photos/ --model resnet18 --image-size 128 --optimizer adamw
  fovea train --resume --out runs/shapes-resnet20-cbam

Without augmentation, what frozen parts make of an image is the same in every epoch: it is computed once and kept in
memory, up to 1 GiB together, and only the rest of the network is trained. Data that would take more is run in full.
For validation images it always holds: they are never augmented.

Ctrl-C (or SIGTERM, SIGHUP) finishes the step, saves, and ends; --resume goes on from there exactly. Twice ends at once.`),
  )
  .action(async (source: string | undefined, asked: TrainFlags, command: Command) => {
    const resumed = asked.resume ? await RunFolder.open(requireOut(asked)) : undefined;
    await resumed?.claim();
    const explicit = Object.fromEntries(
      Object.entries(asked).filter(([name]) => command.getOptionValueSource(name) === "cli"),
    );
    // A resumed run is configured by what was asked for when it began, and must not be asked for anything else now.
    const flags = withDefaults(
      { ...asked, ...(resumed?.config.flags as Partial<TrainFlags> | undefined), ...explicit },
      resumed?.config.training.optimizer,
    );
    const dataSource = source ?? resumed?.config.data.source;
    if (!dataSource) throw new OptionError("which data? Name a folder, or shapes");
    const progress = new ProgressLine();
    const data = await openDataset(dataSource, {
      ...optional("imageSize", flags.imageSize),
      ...optional("validationSplit", flags.valSplit),
      ...optional("testSplit", flags.testSplit),
      seed: flags.seed,
      onNote: say,
      onProgress: (done: number, total: number) => progress.draw(done / total, `reading ${done} of ${total} images`),
    });
    progress.clear();
    if (!resumed) requireSplits(dataSource, data, flags);
    const { out: _, resume: __, threads: ___, json: ____, ...lasting } = explicit;
    const wanted = configOf(dataSource, data, flags, { ...resumed?.config.flags, ...lasting });
    const config = resumed ? { ...wanted, model: settled(wanted.model) } : wanted;
    if (resumed) checkSame(resumed, config, explicit);
    else requireEffect(flags);
    const network = buildNetwork(config.model, config.preprocessing, flags.seed);
    const loaded = flags.weights && !resumed ? await startFrom(network, flags, config.model, config.data.classes) : [];
    const frozen = resumed?.config.frozen ?? pathsToFreeze(network, flags, loaded);
    if (flags.cacheFeatures !== undefined && frozen.length === 0)
      throw new OptionError(
        `--${flags.cacheFeatures ? "" : "no-"}cache-features has no effect: no part is frozen. Say --freeze backbone or --freeze-until`,
      );
    freezePaths(network, frozen);
    const { imageSize } = config.preprocessing;
    const keepsAll = frozen.length === 0 && !flags.recompute;
    requireMemory(network, [config.training.batch, 3, imageSize, imageSize], keepsAll);
    const folder = async () => flags.out ?? (await freshFolder("runs", runName(dataSource, flags)));
    const run = resumed ?? (await RunFolder.create(await folder(), { ...config, frozen }));
    const result = await runTraining(run, network, data, flags, progress);
    if (flags.json) print(true, result, () => []);
  });

/** The complete configuration of a run. @throws OptionError if a setting is wrong. */
function configOf(
  source: string,
  data: OpenedDataset,
  flags: Settled<TrainFlags>,
  asked: Record<string, unknown>,
): RunConfig {
  const preprocessing = defaultPreprocessing(data.train, flags.imageSize);
  const { classes } = data.train;
  const spec = classifierInfo(flags.model);
  // The ImageNet stem would leave almost nothing of small images.
  const stem = flags.stem ?? ("stem" in spec.options && preprocessing.imageSize < 64 ? "cifar" : undefined);
  const { name, settings } = optimizerOf(flags);
  if (flags.cacheFeatures && flags.augment)
    throw new OptionError("--cache-features needs --no-augment: augmented images differ in every epoch");
  return {
    format: "fovea.run.1",
    versions: { fovea: version, node: versions.node },
    flags: asked,
    model: {
      name: spec.name,
      options: modelOptions({ ...flags, ...optional("stem", stem), classes: classes.length }),
      ...(flags.insert ? { insert: { attention: flags.insert, options: flags.insertOptions ?? {} } } : {}),
    },
    data: {
      source,
      kind: data.kind,
      classes,
      ...optional("validationSplit", flags.valSplit),
      ...optional("testSplit", flags.testSplit),
    },
    preprocessing,
    frozen: [],
    training: {
      epochs: flags.epochs,
      batch: Math.min(flags.batch ?? defaultBatch(data.train.length), data.train.length),
      optimizer: { name, settings },
      schedule: scheduleOf(flags),
      labelSmoothing: flags.labelSmoothing,
      clipNorm: flags.clip ?? null,
      ema: flags.ema ?? null,
      seed: flags.seed,
      augment: flags.augment ? defaultAugmentation(data.train, preprocessing) : null,
      weights: flags.weights ?? null,
      freeze: flags.freeze ?? null,
      freezeUntil: flags.freezeUntil ?? null,
      headLr: flags.headLr ?? null,
    },
  };
}

/** What of a configuration the training is told; the rest is about the network's start. */
function howToLearn({ weights: _, freeze: __, freezeUntil: ___, headLr: ____, ...training }: RunConfig["training"]) {
  return training;
}

/** Below this many images a network that starts from random weights hardly learns what will help on others. */
const fewImages = 2000;

/** Trains, records each epoch in the run folder, and shows how it goes. */
async function runTraining(
  run: RunFolder,
  network: Module,
  data: OpenedDataset,
  flags: Settled<TrainFlags>,
  progress: ProgressLine,
) {
  const { training, preprocessing, model: made, data: about } = run.config;
  const checkpoint = flags.resume ? await run.checkpoint() : undefined;
  say(
    `${networkTitle(run.config.model)}, ${short(parameterCount(network))} parameters, ${preprocessing.imageSize} px, ${training.optimizer.name} at ${training.optimizer.settings.lr}; ${about.source}: ${describeSplits(data)}`,
  );
  const validated = new Set(Array.from(data.validation.labels, (label) => data.validation.classes[label]));
  const unmeasured = about.classes.filter((name) => !validated.has(name));
  if (unmeasured.length)
    say(`no image for validation in ${unmeasured.slice(0, 6).join(", ")}${unmeasured.length > 6 ? ", …" : ""}`);
  saySkipped([...data.train.skipped, ...data.validation.skipped]);
  if (data.kind === "folder" && data.train.length < fewImages && !training.weights && !flags.resume)
    say(
      `${data.train.length} images are few to train a network from nothing. Start from pretrained weights: --weights FILE, with --freeze backbone to train the classifier alone`,
    );

  const interrupt = stopOnSignal(() => progress.clear());
  const page = await LiveReport.open(run, data, network, flags);
  const history: EpochRecord[] = [];
  /** What the validation says of the weights in best.safetensors. */
  let shipped: ClassificationMetrics | null = null;
  let speed = 0;
  const started = performance.now();
  try {
    const result = await withEngine(
      (engine) =>
        train(network, data.train, {
          ...howToLearn(training),
          engine,
          optimizer: optimizerOf(flags),
          groups: headGroup(made, training.headLr, optimizerOf(flags).lr),
          preprocessing,
          recompute: flags.recompute ?? false,
          validate: data.validation,
          signal: interrupt.signal,
          metadata: run.description(),
          ...optional("resume", checkpoint),
          onStart: async (progressSoFar) => {
            history.push(...progressSoFar.history);
            await run.truncateMetrics(progressSoFar.epoch);
            const best = bestRecord(history);
            const measured = best && (await run.validation(best.epoch));
            if (best) shipped = measured && "classes" in measured ? (measured as ClassificationMetrics) : null;
            await page.takeUp(history, shipped);
          },
          ...optional("cacheFeatures", flags.cacheFeatures),
          onFeatures: (report) => {
            if (report.total > 0)
              progress.draw(report.done / report.total, `features of ${report.done} of ${report.total} images`);
            if (run.config.frozen.length === 0 || report.done < report.total) return;
            progress.clear();
            say(featuresText(report));
          },
          onStep: ({ epoch, epochs, batch, batches, loss, top1, imagesPerSecond }) => {
            const left = (epochs - epoch) * batches + batches - batch;
            const eta = (left * training.batch) / imagesPerSecond;
            const share = ((epoch - 1) * batches + batch) / (epochs * batches);
            progress.draw(
              share,
              `epoch ${epoch}/${epochs}  loss ${loss.toFixed(3)}  top-1 ${percent(top1)}  ${imagesPerSecond.toFixed(0)} img/s  ETA ${duration(eta)}`,
            );
          },
          onEpoch: async (record, report) => {
            history.push(record);
            await page.addMaps(record.epoch, report.weights, engine);
            await run.record(record, history, report);
            if (report.isBest) shipped = report.validation;
            speed = report.imagesPerSecond;
            await page.add(record, report, { history, validation: shipped, speed });
            progress.clear();
            const { epoch, trainLoss, trainTop1, loss, top1 } = record;
            const validation =
              top1 === null || loss === null ? "" : `  validation loss ${loss.toFixed(3)} top-1 ${percent(top1)}`;
            say(
              `epoch ${epoch}/${training.epochs}  loss ${trainLoss.toFixed(3)} top-1 ${percent(trainTop1)}${validation}${report.isBest ? "  best" : ""}  ${report.imagesPerSecond.toFixed(0)} img/s`,
            );
          },
          onStop: (checkpoint) => run.write("last", checkpoint),
        }),
      flags,
    );
    const final = result.history.at(-1);
    if (result.stopped) {
      say(`stopped and saved. To go on: ${foveaCommand("train", "--resume", "--out", asArgument(run.path))}`);
      return { run: run.path, ...result, final };
    }
    const test = await page.conclude(network, data, flags);
    say(...finishedText(run, result, test, (performance.now() - started) / 1000));
    return { run: run.path, ...result, final, ...(test ? { test } : {}) };
  } finally {
    progress.clear();
    interrupt.release();
    run.release();
  }
}

function requireOut({ out }: TrainFlags): string {
  if (!out) throw new OptionError("--resume needs --out FOLDER, the run to go on with");
  return out;
}

function runName(source: string, { model: name, attention, insert }: TrainFlags): string {
  const data = basename(resolve(source)).replace(/[^\w.-]+/g, "-") || "data";
  return [data, name, attention, insert].filter(Boolean).join("-");
}

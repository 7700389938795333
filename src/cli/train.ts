import { Command, Option } from "commander";
import { OptionError, openDataset } from "../index.js";
import { buildNetwork, RunFolder, settled } from "../internal.js";
import {
  addModelFlags,
  batchSize,
  epochCount,
  epochList,
  imageSize,
  jsonObject,
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
} from "./arguments.js";
import { askedTask, modelFor } from "./choose-task.js";
import { requireMemory } from "./memory.js";
import { requireEffect, withDefaults } from "./optimization.js";
import { checkSame } from "./resume.js";
import { freshFolder, requireSplits } from "./run.js";
import { addSegmentationFlags, maskOptions } from "./segmentation/flags.js";
import { helpText, ProgressLine, print, say } from "./terminal.js";
import { configOf, requireFeatures, requireOut, runName, type TrainFlags } from "./train-config.js";
import { runTraining } from "./train-run.js";
import { freezeByFlags, freezePaths, startFrom } from "./transfer.js";

export const trainCommand = addSegmentationFlags(addModelFlags(new Command("train")))
  .description("Train a network, for classification or segmentation, and write a run folder")
  .argument(
    "[data]",
    "data set: a folder of CIFAR, MNIST, images in class folders or images with masks, or shapes or shapes-free (generated)",
  )
  .addOption(
    new Option(
      "--task <name>",
      "a class for each image, or for each pixel (default: what network and data are for)",
    ).choices(["classification", "segmentation"]),
  )
  .option("--image-size <pixels>", "side of the square input (default: what suits the data)", imageSize)
  .option("--epochs <n>", "passes over the data", epochCount, 10)
  .option("--batch <n>", "images per step (default: 128, less for small data sets)", batchSize)
  .addOption(
    new Option("--optimizer <name>", "update rule (default: adamw for MobileNet and VAN, sgd for others)").choices([
      "sgd",
      "adamw",
    ]),
  )
  .option(
    "--lr <rate>",
    "learning rate (default: 0.1 for sgd, 0.001 for adamw; a tenth of it to fine-tune all of --weights)",
    positive,
  )
  .option("--optimizer-options <json>", `more settings, such as '{"momentum":0.9,"nesterov":true}'`, jsonObject)
  .option("--weight-decay <x>", "weight decay (default: 0.0005 for sgd, 0.01 for adamw)", nonNegative)
  .option("--no-decay-norms", "no weight decay on norms and biases")
  .addOption(
    new Option("--schedule <name>", "learning rate schedule").choices(["cosine", "step", "constant"]).default("cosine"),
  )
  .option(
    "--step-epochs <list>",
    "epochs after which --schedule step divides the rate by ten, such as 30,60",
    epochList,
  )
  .option("--warmup <epochs>", "epochs of linear warm-up", nonNegative, 0)
  .option("--label-smoothing <share>", "share of each target spread over all classes", share)
  .option("--clip <norm>", "clip the global gradient norm to this", positive)
  .option("--ema <decay>", "keep and validate a moving average of the weights, such as 0.999", properShare)
  .option("--recompute", "less memory, more time: recompute the blocks in the backward pass instead of storing them")
  .option("--no-augment", "no random crops and mirroring")
  .option("--cache-features", "require that frozen parts run once per image, not in every epoch")
  .option("--no-cache-features", "run frozen parts in every epoch (default: once; see below)")
  .option("--seed <n>", "seed of weights, order and augmentation", seed, 0)
  .option(
    "--weights <file>",
    "start from a checkpoint, safetensors or PyTorch: a file, the folder of a sharded one, https://…, or hf:OWNER/NAME[@REV][/FILE]",
  )
  .option(...partOption)
  .option(
    "--ignore <pattern>",
    "keys of --weights (and of the network) that need not fit, a regular expression such as '^fc\\.'",
    pattern,
  )
  .addOption(
    new Option("--freeze <part>", "train only the classifier and what --weights did not provide").choices(["backbone"]),
  )
  .option("--insert <name>", "insert an attention module into every block of the network, starting as the identity")
  .option("--insert-options <json>", "options of the inserted module", jsonObject)
  .option("--freeze-until <path>", "train only this part of the network and later ones, such as layer3")
  .option("--head-lr <rate>", "learning rate of the classifier", positive)
  .option("--val-split <share>", "validation share of a folder without train/ and val/ (default: 0.2)", properShare)
  .option(
    "--test-split <share>",
    "test share, measured once at the end, of a folder without test/ (default: none)",
    share,
  )
  .option("--no-maps", "no maps of validation images in the report, which take some time after every epoch")
  .option("--tensorboard [folder]", "write TensorBoard event files too (default: to tensorboard/ in the run folder)")
  .option("--out <folder>", "run folder (default: a new one in runs/)")
  .option("--resume", "continue the run in --out, with its settings as defaults")
  .option("--winograd", winogradHelp)
  .option("--threads <n>", "threads (default: one per processor)", threadCount)
  .option("--json", "print one JSON object at the end")
  .addHelpText("after", () =>
    helpText(`
Examples:
  fovea train shapes --attention cbam --epochs 8
  fovea train cifar-10-batches-bin/ --attention se --epochs 100 --warmup 1
  fovea train photos/ --model resnet18 --image-size 128 --optimizer adamw
  fovea train camvid/ --model unet_resnet18 --ignore-label 11
  fovea train --resume --out runs/shapes-resnet20-cbam

Without --model, resnet20 is trained, or unet_resnet18 for segmentation.

Without augmentation, the features from frozen parts are the same in every epoch: they are computed once and kept in
memory, up to 1 GiB, and only the rest of the network runs in each epoch. Data sets that need more run in full. Validation
images are never augmented.

Ctrl-C (or SIGTERM, SIGHUP) finishes the step, saves and exits; --resume continues exactly from there. A second one exits
immediately.`),
  )
  .action(async (source: string | undefined, asked: TrainFlags, command: Command) => {
    const resumed = asked.resume ? await RunFolder.open(requireOut(asked)) : undefined;
    await resumed?.claim();
    const explicit = Object.fromEntries(
      Object.entries(asked).filter(([name]) => command.getOptionValueSource(name) === "cli"),
    );
    // A resumed run keeps its original settings, and must not be asked for others now.
    const chosen = { ...asked, ...(resumed?.config.flags as Partial<TrainFlags> | undefined), ...explicit };
    const dataSource = source ?? resumed?.config.data.source;
    if (!dataSource) throw new OptionError("no data: name a folder, or shapes");
    const progress = new ProgressLine();
    const data = await openDataset(dataSource, {
      ...optional("imageSize", chosen.imageSize),
      ...optional("validationSplit", chosen.valSplit),
      ...optional("testSplit", chosen.testSplit),
      ...optional("task", askedTask(chosen)),
      ...optional("resize", chosen.resize),
      ...(await maskOptions(chosen)),
      seed: chosen.seed,
      onNote: say,
      onProgress: (done: number, total: number) => progress.draw(done / total, `reading ${done} of ${total} images`),
    });
    progress.clear();
    const model = modelFor(chosen, dataSource, data);
    const flags = withDefaults({ ...chosen, model }, resumed?.config.training.optimizer);
    if (!resumed) requireSplits(dataSource, data, flags);
    const { out: _, resume: __, threads: ___, json: ____, ...lasting } = explicit;
    const wanted = await configOf(dataSource, data, flags, { ...resumed?.config.flags, ...lasting });
    const config = resumed ? { ...wanted, model: settled(wanted.model) } : wanted;
    if (resumed) checkSame(resumed, config, explicit);
    else requireEffect(flags);
    const network = buildNetwork(config.model, config.preprocessing, flags.seed);
    const loaded = flags.weights && !resumed ? await startFrom(network, flags, config.model, config.data.classes) : [];
    const frozen = resumed?.config.frozen ?? freezeByFlags(network, flags, loaded);
    if (resumed) freezePaths(network, frozen);
    requireFeatures(flags, frozen);
    const { imageSize } = config.preprocessing;
    const keepsAll = frozen.length === 0 && !flags.recompute;
    requireMemory(network, [config.training.batch, 3, imageSize, imageSize], keepsAll);
    const folder = async () => flags.out ?? (await freshFolder("runs", runName(dataSource, flags)));
    const run = resumed ?? (await RunFolder.create(await folder(), { ...config, frozen }));
    const result = await runTraining(run, network, data, flags, progress);
    if (flags.json) print(true, result, () => []);
  });

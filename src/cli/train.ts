import { Command } from "commander";
import { OptionError, openDataset } from "../index.js";
import { buildNetwork, RunFolder, requireSizes, settled } from "../internal.js";
import { optional } from "./arguments.js";
import { askedTask, modelFor } from "./choose-task.js";
import { presetFlags } from "./config-file.js";
import { deviceOf } from "./device.js";
import { showLearningRates } from "./find-lr.js";
import { addFlags, flagNamed } from "./flags.js";
import { requireMemory } from "./memory.js";
import { refuseIdleFlags, withDefaults } from "./optimization.js";
import { requireFastLayers } from "./precision.js";
import { pretrainedBy } from "./pretrained.js";
import { checkSame } from "./resume.js";
import { resumedData, wherever } from "./resume-data.js";
import { freshFolder, requireSplits } from "./run.js";
import { maskOptions } from "./segmentation/flags.js";
import { targetOptions } from "./targets/flags.js";
import { faceOf } from "./tasks.js";
import { helpText, ProgressLine, print, say } from "./terminal.js";
import {
  type AskedFlags,
  configOf,
  requireFeatures,
  requireOut,
  runName,
  type TrainFlags,
  trainFlags,
} from "./train-config.js";
import { runTraining } from "./train-run.js";
import { freezeByFlags, freezePaths, startFrom } from "./transfer.js";

export const trainCommand = addFlags(new Command("train"), trainFlags)
  .argument(
    "[data]",
    "data set: a folder (CIFAR, MNIST, images in class folders, images with masks, images with a CSV file, Market-1501), or generated: shapes or shapes-free",
  )
  .addHelpText("after", () =>
    helpText(`
Examples:
  fovea train shapes --attention cbam --epochs 8
  fovea train cifar-10-batches-bin/ --attention se --epochs 100 --warmup 1
  fovea train photos/ --model resnet18 --image-size 128 --optimizer adamw
  fovea train photos/ --model resnet50 --pretrained --head-lr 0.1
  fovea train camvid/ --model unet_resnet18 --ignore-label 11
  fovea train movies/ --task multi-label --labels movies/genres.csv
  fovea train shapes --task regression --optimizer adamw
  fovea train market/ --task reid --model resnet18 --optimizer adamw
  fovea train photos/ --config recipe.yaml --epochs 30
  fovea train photos/ --model resnet18 --find-lr
  fovea train --resume --out runs/shapes-resnet20-cbam

Without --model, resnet20 is trained, or unet_resnet18 for segmentation.

Without augmentation, the features of frozen parts are the same in every epoch: they are computed once and kept in
memory, up to 1 GiB, and only the rest of the network runs in each epoch. If they need more memory, the whole network runs. Validation
images are never augmented.

Ctrl-C (or SIGTERM, SIGHUP) finishes the step, saves and exits; --resume continues exactly from there. A second one exits
immediately.`),
  )
  .action(async (named: string | undefined, asked: AskedFlags, command: Command) => {
    const resumed = asked.resume ? await RunFolder.open(requireOut(asked)) : undefined;
    await resumed?.claim();
    const {
      recipe: _recipe,
      config: _config,
      ...given
    } = Object.fromEntries(Object.entries(asked).filter(([name]) => command.getOptionValueSource(name) === "cli"));
    const { data: configured, ...settings } = await presetFlags(command, asked, given);
    const explicit = { ...settings, ...given };
    // A resumed run keeps its original settings, and must not be asked for others now.
    const before = resumed?.config.flags as Partial<TrainFlags> | undefined;
    // What --pretrained chose is recorded as --weights.
    const { usual } = faceOf((explicit as Partial<TrainFlags>).task ?? before?.task ?? "classification");
    const chosen = { ...asked, ...usual, ...before, ...(asked.pretrained ? { weights: undefined } : {}), ...explicit };
    const device = await deviceOf(explicit);
    const source = named ?? configured;
    const dataSource = resumed ? await resumedData(resumed, source) : source;
    if (!dataSource) throw new OptionError("no data: name a folder, or shapes");
    const progress = new ProgressLine();
    const data = await openDataset(dataSource, {
      ...optional("imageSize", chosen.imageSize),
      ...optional("validationSplit", chosen.valSplit),
      ...optional("testSplit", chosen.testSplit),
      ...optional("task", askedTask(chosen)),
      ...optional("resize", chosen.resize),
      ...(await maskOptions(chosen)),
      ...targetOptions(dataSource, chosen),
      seed: chosen.seed,
      onNote: say,
      onProgress: (done: number, total: number) => progress.draw(done / total, `reading ${done} of ${total} images`),
    });
    progress.clear();
    const model = modelFor(chosen, dataSource, data);
    const published = await pretrainedBy(model, chosen);
    // From here on they are weights of a name, also when the run is resumed.
    const { pretrained: _, ...start } = {
      ...chosen,
      device,
      ...optional("weights", published?.name ?? chosen.weights),
    };
    const flags = withDefaults({ ...start, model }, resumed?.config.training.optimizer);
    if (!resumed) requireSplits(dataSource, data, flags);
    const { out: _out, resume: _resume, threads: _threads, json: _json, pretrained: _pretrained, ...rest } = explicit;
    const { device: _device, softwareGpu: _softwareGpu, ...lasting } = rest;
    const recorded = { ...resumed?.config.flags, ...(await wherever(lasting)), ...optional("weights", flags.weights) };
    const wanted = await configOf(dataSource, data, flags, recorded, published);
    const config = resumed ? { ...wanted, model: settled(wanted.model) } : wanted;
    if (resumed) checkSame(resumed, config, explicit);
    else refuseIdleFlags(flags);
    const network = buildNetwork(config.model, config.preprocessing, flags.seed);
    const loaded = flags.weights && !resumed ? await startFrom(network, flags, published, config) : [];
    const frozen = resumed?.config.frozen ?? freezeByFlags(network, flags, loaded);
    if (resumed) freezePaths(network, frozen);
    requireFeatures(flags, frozen);
    requireSizes(network, flags.progressiveResizing ?? [], flagNamed);
    const { imageSize } = config.preprocessing;
    const keepsAll = frozen.length === 0 && !flags.recompute;
    const input = [config.training.batch, 3, imageSize, imageSize] as const;
    requireMemory(network, input, keepsAll);
    await requireFastLayers(network, input, flags);
    if (flags.findLr !== undefined) {
      if (resumed) throw new OptionError("--find-lr is for a training that has not started; leave out --resume");
      return showLearningRates({ ...config, frozen }, network, data, flags, progress);
    }
    const folder = async () => flags.out ?? (await freshFolder("runs", runName(dataSource, flags)));
    const run = resumed ?? (await RunFolder.create(await folder(), { ...config, frozen }));
    const result = await runTraining(run, network, data, flags, progress);
    if (flags.json) print(true, result, () => []);
  });

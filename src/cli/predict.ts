import { Command } from "commander";
import { oneOf } from "../core/schema.js";
import { hasTargets } from "../core/tasks.js";
import { OptionError, openPredictor, type Prediction } from "../index.js";
import { buildFlags, count, inputFlags, optional, ttaFlag, weightsFlags } from "./arguments.js";
import { deviceFlags, deviceOf } from "./device.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { imagesOf, photoPreprocessing, readClasses } from "./inputs.js";
import { requireMemory } from "./memory.js";
import { formats, writePredictions } from "./predict-loop.js";
import { galleryFlags, refuseReidFlags } from "./reid/flags.js";
import { rankGallery, rankingOf } from "./reid/predict.js";
import { loadModel } from "./run.js";
import { predictMasks } from "./segmentation/predict.js";
import { predictTargetsOf } from "./targets/predict.js";
import { percent } from "./terminal.js";

const predictFlags = flagList(
  ...buildFlags,
  ...weightsFlags,
  ...inputFlags,
  flag("--top <k>", "how many classes, or images of the gallery, to show per image", count, 5),
  ttaFlag,
  flag("--class-names <file>", "class names: one per line, or a JSON list (default: those of the run, or of ImageNet)"),
  flag("--format <name>", "output format (default: text)", oneOf(...formats)),
  flag("--out <path>", "file for the predictions; for segmentation, folder for the masks (default: masks-predicted)"),
  ...galleryFlags,
  ...deviceFlags,
  flag("--json", "print one JSON object, like --format json"),
);
type PredictFlags = FlagsOf<typeof predictFlags>;

/** The classes of an image, the likeliest first. */
interface Ranking {
  readonly classes: readonly Prediction[];
}

export const predictCommand = addFlags(new Command("predict"), predictFlags)
  .argument("<run-or-model>", "run folder, or the name of a network with --pretrained or --weights")
  .argument("<image...>", "JPEG, PNG, WebP, AVIF or TIFF files, or folders, searched recursively")
  .addHelpText(
    "after",
    `
Examples:
  fovea predict runs/photos-resnet18-se cat.jpg --top 3
  fovea predict runs/photos-resnet18-se new-photos/ --format csv --out out.csv
  fovea predict resnet18 cat.jpg --pretrained
  fovea predict resnet18 cat.jpg --weights resnet18.pth --class-names names.txt
  fovea predict runs/camvid-unet_resnet18 street.jpg --out masks/
  fovea predict runs/market-resnet18 person.jpg --gallery images/ --top 10`,
  )
  .action(async (runOrModel: string, sources: string[], flags: PredictFlags, command: Command) => {
    const { top } = flags;
    if (flags.json && flags.format && flags.format !== "json")
      throw new OptionError(`--json is --format json; leave out --json or --format ${flags.format}`);
    const on = { ...optional("softwareGpu", flags.softwareGpu), device: await deviceOf(flags) };
    const format = flags.json ? "json" : (flags.format ?? "text");
    const names = flags.classNames === undefined ? undefined : await readClasses(flags.classNames);
    const loaded = await loadModel(runOrModel, flags);
    const preprocessing = photoPreprocessing(loaded, flags);
    requireMemory(loaded.model, [1, 3, preprocessing.imageSize, preprocessing.imageSize], false);
    const { images, skipped } = await imagesOf(sources);
    if (loaded.task === "reid") {
      const asked = { ...flags, format, top };
      return rankGallery({ loaded, preprocessing, images, skipped, ...rankingOf(asked), on });
    }
    refuseReidFlags(flags, `${loaded.name} is for ${loaded.task}`);
    if (hasTargets(loaded.task)) {
      refuseRanking(flags, command, loaded.task);
      const classes = names ?? loaded.classes;
      return predictTargetsOf({ loaded, preprocessing, classes, images, skipped, format, out: flags.out, on });
    }
    if (loaded.task === "segmentation") {
      refuseAnswers(flags, command);
      const classes = names ?? loaded.classes ?? null;
      const out = flags.out ?? "masks-predicted";
      return predictMasks({ loaded, preprocessing, classes, images, skipped, out, json: format === "json", on });
    }
    const classes = names ?? loaded.classes ?? loaded.usualNames ?? null;
    const network = { model: loaded.model, classes, preprocessing };
    await writePredictions<Ranking>(
      { images, skipped, on },
      {
        format,
        out: flags.out,
        shorterSide: preprocessing.resize,
        open: async (engine) => {
          const predictor = await openPredictor(network, { engine, top, ...optional("tta", flags.tta) });
          return {
            predict: async (decoded) => ({ classes: await predictor.predict(decoded) }),
            release: () => predictor.release(),
          };
        },
        columns: (first) => columns(first?.classes.length ?? top),
        cells: (answer) => answer.classes.flatMap(({ name, probability }) => [name, probability]),
        text: (answer) => answer.classes.map(({ name, probability }) => `${name} ${percent(probability)}`).join(", "),
      },
    );
  });

/** @throws OptionError for flags about one class per image. */
function refuseRanking(flags: PredictFlags, command: Command, task: string): void {
  if (command.getOptionValueSource("top") === "cli")
    throw new OptionError(`--top is for one class per image; for ${task}, every output is shown`);
  if (flags.tta) throw new OptionError(`--tta is for one class per image; the network is for ${task}`);
}

/** @throws OptionError for flags about classes of whole images. */
function refuseAnswers(flags: PredictFlags, command: Command): void {
  if (command.getOptionValueSource("top") === "cli")
    throw new OptionError("--top is for networks that classify whole images; masks have every class");
  if (flags.tta) throw new OptionError("--tta is for networks that classify whole images");
  if (flags.format && flags.format !== "json")
    throw new OptionError(`--format ${flags.format} is for networks that classify whole images; masks are PNG files`);
}

const columns = (top: number) =>
  Array.from({ length: top }, (_, i) => [`class_${i + 1}`, `probability_${i + 1}`]).flat();

import { stdout } from "node:process";
import { Command } from "commander";
import { messageOf } from "../core/errors.js";
import { oneOf } from "../core/schema.js";
import { hasTargets } from "../core/tasks.js";
import { OptionError, openPredictor, type Prediction, writeFileAtomic } from "../index.js";
import { csv, decodeWithBits, dimNote } from "../internal.js";
import { buildFlags, count, inputFlags, optional, ttaFlag, weightsFlags, withEngine } from "./arguments.js";
import { deviceFlags, deviceOf } from "./device.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { imagesOf, photoPreprocessing, readClasses } from "./inputs.js";
import { requireMemory } from "./memory.js";
import { galleryFlags, refuseReidFlags } from "./reid/flags.js";
import { rankGallery, rankingOf } from "./reid/predict.js";
import { loadModel, saySkipped } from "./run.js";
import { predictMasks } from "./segmentation/predict.js";
import { predictTargetsOf } from "./targets/predict.js";
import { jsonLine, ProgressLine, percent, say, visible } from "./terminal.js";

const formats = ["text", "csv", "jsonl", "json"] as const;

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

/** The answer for one image. */
type Answer =
  | { readonly image: string; readonly classes: readonly Prediction[] }
  | { readonly image: string; readonly error: string };

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
    const progress = new ProgressLine();
    const predictions: Answer[] = [];
    const written: string[] = [];
    const depths: number[] = [];
    // To programs CSV goes as it is. Its fields may hold anything, which a terminal would obey.
    const shown = (text: string) => (format === "csv" && stdout.isTTY ? `${visible(text.slice(0, -1))}\n` : text);
    const write = (text: string) => (flags.out === undefined ? stdout.write(shown(text)) : written.push(text));
    let header = false;
    /** The header of a CSV file, once the number of classes is known. */
    const head = (classes: number) => {
      if (format === "csv" && !header) write(csv([["image", ...columns(classes)]]));
      header = true;
    };
    await withEngine(async (engine) => {
      const { model } = loaded;
      const classes = names ?? loaded.classes ?? loaded.usualNames ?? null;
      const predictor = await openPredictor(
        { model, classes, preprocessing },
        { engine, top, ...optional("tta", flags.tta) },
      );
      const answer = async (image: string): Promise<Answer> => {
        try {
          const { image: decoded, bits } = await decodeWithBits(image, { shorterSide: preprocessing.resize });
          if (bits) depths.push(bits);
          return { image, classes: await predictor.predict(decoded) };
        } catch (error) {
          return { image, error: messageOf(error).replace(`${image}: `, "") };
        }
      };
      for (const [done, image] of images.entries()) {
        if (flags.out === undefined && stdout.errored) break;
        const prediction = await answer(image);
        if ("error" in prediction) {
          progress.clear();
          say(`fovea: ${image}: ${prediction.error}`);
        }
        if (format === "json") predictions.push(prediction);
        else {
          if ("classes" in prediction) head(prediction.classes.length);
          write(lineOf(prediction, format));
        }
        if (images.length > 1) progress.draw((done + 1) / images.length, `${done + 1} of ${images.length} images`);
        if ("error" in prediction) process.exitCode = 1;
      }
    }, on);
    progress.clear();
    saySkipped(skipped);
    const note = dimNote(depths);
    if (note) say(note);
    head(top);
    if (format === "json") write(jsonLine({ predictions, skipped }));
    if (flags.out !== undefined) await writeFileAtomic(flags.out, written.join(""));
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

function lineOf(prediction: Answer, format: "text" | "csv" | "jsonl"): string {
  if (format === "jsonl") return jsonLine(prediction);
  if ("error" in prediction) return "";
  const { image, classes } = prediction;
  if (format === "text")
    return `${visible(`${image}: ${classes.map((c) => `${c.name} ${percent(c.probability)}`).join(", ")}`)}\n`;
  return csv([[image, ...classes.flatMap(({ name, probability }) => [name, probability])]]);
}

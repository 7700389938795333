import { Command } from "commander";
import { messageOf } from "../core/errors.js";
import { seenImage } from "../explain.js";
import { decodeImage, type Engine, OptionError, type RgbImage, trace } from "../index.js";
import { optional, withEngine } from "./arguments.js";
import { deviceOf } from "./device.js";
import { checkSanity, type Network, sanityText } from "./explain-checks.js";
import {
  classIndex,
  drawsPicture,
  type ExplainFlags,
  explainFlags,
  methodsBy,
  nameOf,
  refuseIdle,
} from "./explain-flags.js";
import { drawGates } from "./explain-gates.js";
import { explainImages } from "./explain-maps.js";
import { addFlags } from "./flags.js";
import { imagesOf, photoPreprocessing, readClasses } from "./inputs.js";
import { requireMemory } from "./memory.js";
import { type LoadedModel, loadModel, saySkipped } from "./run.js";
import type { TaskName } from "./tasks.js";
import { duration, helpText, ProgressLine, print, say } from "./terminal.js";

export const explainCommand = addFlags(new Command("explain"), explainFlags)
  .argument("<run-or-model>", "run folder, or the name of a network with --pretrained or --weights")
  .argument("<image...>", "JPEG, PNG, WebP, AVIF or TIFF files, or folders, searched recursively")
  .addHelpText(
    "after",
    helpText(`
Examples:
  fovea explain runs/photos-resnet18-se cat.jpg
  fovea explain runs/photos-resnet18-se photos/ --method gradcam,ig --out maps/
  fovea explain runs/photos-resnet18-se cat.jpg --gates --out gates.svg
  fovea explain runs/photos-resnet18-se photos/ --layer all

Methods for layers: gradcam, gradcam++, hirescam, layercam, xgradcam, eigencam, scorecam, ablationcam and more; for pixels: gradient, ig, smoothgrad, occlusion, rise and more. docs/seeing.md says which to use when.

.npy files are NumPy 1.0, float64: [height, width] for a map, the gate's own shape for a gate.`),
  )
  .action(async (runOrModel: string, sources: string[], flags: ExplainFlags) => {
    refuseIdle(flags);
    const on = { ...optional("softwareGpu", flags.softwareGpu), device: await deviceOf(flags) };
    const methods = methodsBy(flags);
    const names = flags.classNames === undefined ? undefined : await readClasses(flags.classNames);
    const loaded = await loadModel(runOrModel, flags);
    const preprocessing = photoPreprocessing(loaded, flags);
    const { imageSize } = preprocessing;
    const { model } = loaded;
    if (loaded.task === "reid")
      throw new OptionError(`${runOrModel} is for reid: explain is for networks whose classes are asked for`);
    requireMemory(model, [1, 3, imageSize, imageSize], true);
    if (loaded.task !== "classification") refuseScores(flags, loaded);
    const network = { model, preprocessing, classes: names ?? loaded.classes ?? loaded.usualNames ?? null };
    const { images, skipped } = await imagesOf(sources);
    const context: ExplainContext = { network, images, methods, flags, aim: aimOf(network, flags, loaded.task) };
    const result = await withEngine((engine) => {
      if (flags.gates) return drawGates(context, engine);
      return flags.sanity ? printSanity(context, engine) : explainImages(context, engine);
    }, on);
    saySkipped(skipped);
    print(flags.json === true, { ...result.value, skipped }, () => result.lines);
  });

/** What all modes need. */
export interface ExplainContext {
  readonly network: Network;
  readonly images: readonly string[];
  readonly methods: ReturnType<typeof methodsBy>;
  readonly flags: ExplainFlags;
  readonly aim: Aim;
}

/** The results of a command, for programs and for people. */
export interface Answer {
  readonly value: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

interface Aim {
  /** Undefined for the predicted one. */
  readonly class: number | undefined;
  readonly classes: number;
  /** Whether the network gives logits for whole images. */
  readonly classifies: boolean;
}

/** @throws OptionError for what is about one class per image. */
function refuseScores({ score, class: named }: ExplainFlags, { task, classes }: LoadedModel): void {
  if (task === "segmentation") return;
  if (score === "probability")
    throw new OptionError(`--score probability is for one class per image; the network is for ${task}`);
  if (task === "regression" && named === undefined && classes && classes.length > 1)
    throw new OptionError(`name what to explain: --class ${classes[0]} (of ${classes.slice(0, 12).join(", ")})`);
}

/** @throws OptionError for an unknown class. */
function aimOf({ model, preprocessing, classes }: Network, flags: ExplainFlags, task: TaskName): Aim {
  const { imageSize } = preprocessing;
  const [, count, ...plane] = trace(model, [1, 3, imageSize, imageSize]).outputs.get("output")!.shape.map(Number);
  if (classes && classes.length !== count)
    throw new OptionError(
      `${flags.classNames === undefined ? "the weights have" : `--class-names ${flags.classNames}:`} ${classes.length} names for a network of ${count} classes`,
    );
  if (count === 1 && task === "classification")
    say("the network has one class: its softmax is always 1, and no map can show what distinguishes it");
  return {
    class: classIndex(flags.class, classes, count!),
    classes: count!,
    classifies: plane.length === 0 && task === "classification",
  };
}

/**
 * Decodes images one after the other, with progress. Those that cannot be decoded are reported, and the command fails at the end.
 * `use` returns how many steps of progress an image counts.
 */
export async function forEachImage(
  { images, network: { preprocessing } }: Pick<ExplainContext, "images" | "network">,
  use: (image: { readonly name: string; readonly decoded: RgbImage; readonly seen: RgbImage }) => Promise<void>,
): Promise<void> {
  const progress = new ProgressLine();
  const started = performance.now();
  try {
    for (const [done, name] of images.entries()) {
      const decoded = await decodeImage(name, { shorterSide: preprocessing.resize }).catch((error) => {
        progress.clear();
        say(`fovea: ${name}: ${messageOf(error).replace(`${name}: `, "")}`);
        process.exitCode = 1;
      });
      if (decoded) await use({ name, decoded, seen: seenImage(decoded, preprocessing) });
      const count = done + 1;
      const left = (((performance.now() - started) / count) * (images.length - count)) / 1000;
      if (images.length > 1)
        progress.draw(count / images.length, `${count} of ${images.length} images  ETA ${duration(left)}`);
    }
  } finally {
    progress.clear();
  }
}

async function printSanity(context: ExplainContext, engine: Engine): Promise<Answer> {
  const { network, methods, flags } = context;
  const decoded: RgbImage[] = [];
  await forEachImage(context, async ({ decoded: image }) => {
    decoded.push(image);
  });
  const progress = new ProgressLine();
  const rows = await checkSanity(
    network,
    decoded,
    { engine, method: methods, ...(flags.layer ? { layer: flags.layer[0]! } : {}) },
    (stage, draw) => progress.draw(draw / 5, `draw ${draw + 1} of 5: ${stage}`),
  );
  progress.clear();
  return {
    value: { images: decoded.length, methods: methods.map(nameOf), sanity: rows },
    lines: sanityText(rows, decoded.length),
  };
}

export const pictureOptions = (flags: ExplainFlags) =>
  drawsPicture(flags) ? { out: flags.out ?? "explain.svg" } : undefined;

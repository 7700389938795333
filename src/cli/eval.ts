import { Command } from "commander";
import { unknownName } from "../core/errors.js";
import * as schemas from "../core/schema.js";
import { hasTargets } from "../core/tasks.js";
import { concatDatasets, defaultPreprocessing } from "../engine.js";
import {
  type Dataset,
  evaluate,
  type OpenedDataset,
  OptionError,
  openDataset,
  reidentification,
  type Task,
  writeFileAtomic,
} from "../index.js";
import { describeSplits, forOutputs } from "../internal.js";
import { AnswerTable } from "./answer-table.js";
import { buildFlags, inputFlags, jsonFlag, optional, ttaFlag, weightsFlags, withEngine } from "./arguments.js";
import { deviceFlags, deviceOf } from "./device.js";
import { mapFlags, measureMaps, refuseIdleMapFlags } from "./eval-maps.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { requireMemory } from "./memory.js";
import { isOnnxFile, openOnnxFile } from "./onnx-network.js";
import { refuseReidFlags, rerankFlag } from "./reid/flags.js";
import { aligning, type LoadedModel, loadModel, preprocessingOf, requireSplits, saySkipped } from "./run.js";
import { maskFlags, maskOptions, refuseSegmentationFlags } from "./segmentation/flags.js";
import { labelFlags, refuseTargetFlags, targetOptions } from "./targets/flags.js";
import { faceOf, taskFor } from "./tasks.js";
import { ProgressLine, print, say } from "./terminal.js";

const evalFlags = flagList(
  ...buildFlags,
  ...weightsFlags,
  ...inputFlags,
  flag("--classes <n>", "number of classes of a network by name (default: those of the weights)", schemas.classCount),
  flag(
    "--split <name>",
    "part of the data to measure: validation (or val), train, test, or all",
    schemas.text,
    "validation",
  ),
  flag("--val-split <share>", "validation share of a folder without train/ and val/", schemas.properShare),
  flag("--batch <n>", "images at a time", schemas.batchSize, 100),
  ttaFlag,
  flag("--csv <file>", "write each image's class, answer and loss to a file"),
  ...maskFlags,
  ...labelFlags,
  rerankFlag,
  ...mapFlags,
  ...deviceFlags,
  jsonFlag,
);
export type EvalFlags = FlagsOf<typeof evalFlags>;

export const evalCommand = addFlags(new Command("eval"), evalFlags)
  .argument(
    "<run-or-model>",
    "run folder, exported .onnx file, or the name of a network with --pretrained or --weights",
  )
  .argument("<data>", "data set: a folder, or shapes or shapes-free")
  .action(async (runOrModel: string, source: string, flags: EvalFlags) => {
    refuseIdleMapFlags(flags);
    if (flags.device && isOnnxFile(runOrModel)) throw new OptionError("--device is for networks, not for .onnx files");
    const device = await deviceOf(flags);
    const file = isOnnxFile(runOrModel) ? await openOnnxFile(runOrModel, flags) : undefined;
    const loaded = file?.loaded ?? (await loadModel(runOrModel, flags));
    const { task } = loaded;
    const why = `${loaded.name} is for ${task}`;
    if (task === "classification") refuseSegmentationFlags(flags, `${loaded.name} classifies images`);
    else refuseClassFlags(flags, why);
    if (hasTargets(task)) refuseSegmentationFlags(flags, why);
    else refuseTargetFlags(flags, why);
    if (task !== "reid") refuseReidFlags(flags, why);
    const face = faceOf(task);
    const splits = await openDataset(source, {
      ...loaded.division,
      task,
      ...(await maskOptions(flags)),
      ...targetOptions(source, flags),
      ...optional("resize", loaded.preprocessing?.resize),
      onNote: say,
      ...optional("imageSize", flags.imageSize ?? loaded.preprocessing?.imageSize),
      ...optional("validationSplit", flags.valSplit),
    });
    if (flags.valSplit !== undefined && !["train", "validation", "val"].includes(flags.split))
      throw new OptionError(`--val-split has no effect on --split ${flags.split}`);
    requireSplits(source, splits, flags);
    const part = splitOf(splits, flags.split);
    requireQueries(splits, part, flags.split);
    say(`${source}: ${measuredPart(splits, flags.split)}`);
    const aligned = aligning(part, loaded);
    const { dataset } = aligned;
    const usual = defaultPreprocessing(dataset, flags.imageSize ?? loaded.imageSize);
    const preprocessing = preprocessingOf(loaded, usual, flags);
    const { imageSize } = preprocessing;
    requireMemory(loaded.model, [Math.min(flags.batch, dataset.length), 3, imageSize, imageSize], false);
    const progress = new ProgressLine();
    const rows = flags.csv === undefined ? undefined : new AnswerTable(dataset);
    const withOwn = file ? file.withEngine : withEngine;
    const { metrics, maps } = await withOwn(
      async (engine) => {
        const measured = await evaluate(loaded.model, dataset, {
          engine,
          task: file?.measuredAs ?? asAsked(loaded, flags, file !== undefined),
          batch: file?.batch ?? flags.batch,
          preprocessing,
          ...optional("tta", flags.tta),
          ...(rows && { onLogits: (logits, label, index) => rows.add(logits, label, index) }),
          onProgress: (done, total) => progress.draw(done / total, `${done} of ${total}`),
        });
        progress.clear();
        if (task !== "classification") return { metrics: measured, maps: { value: {}, lines: [] } };
        return { metrics: measured, maps: await measureMaps(loaded, { dataset, preprocessing, engine }, flags) };
      },
      { ...optional("softwareGpu", flags.softwareGpu), device },
    );
    if (rows) await writeFileAtomic(flags.csv!, rows.text());
    saySkipped(dataset.skipped);
    const { unknown, missing, leftOut } = aligned;
    print(
      flags.json === true,
      {
        ...metrics,
        ...maps.value,
        split: partNames[flags.split] ?? flags.split,
        ...optional("tta", flags.tta),
        skipped: dataset.skipped,
        unknown,
        missing,
        leftOut,
      },
      () => [...face.metricsText(metrics), ...maps.lines],
    );
  });

/** How a network, or that of a file, is measured. */
function asAsked(loaded: LoadedModel, { rerank }: EvalFlags, isFile: boolean): Task {
  const { taskRecord } = loaded;
  const task = taskRecord?.name === "reid" && rerank ? reidentification({ rerank }) : taskFor(loaded);
  return isFile ? forOutputs(task) : task;
}

const partNames: Readonly<Record<string, string>> = { val: "validation" };

/** The splits, and which one is measured. */
function measuredPart(splits: OpenedDataset, name: string): string {
  const parts = [splits.train, splits.validation, ...(splits.test ? [splits.test] : [])];
  const counts = parts.map(({ length }) => length);
  const total = counts.reduce((sum, n) => sum + n, 0).toLocaleString("en-US");
  if (name !== "all") return `${describeSplits(splits)}; measured: ${partNames[name] ?? name}`;
  const kinds = ["for training", "for validation", "for testing"].slice(0, parts.length);
  const each = counts.map((n, i) => `${n.toLocaleString("en-US")} ${kinds[i]}`).join(", ");
  return `${splits.train.classes.length} classes; measured: all ${total} images (${each})`;
}

/** @throws OptionError for another part than that with queries and a gallery. */
function requireQueries({ validation }: OpenedDataset, part: Dataset, name: string): void {
  if (validation.sightings && part !== validation)
    throw new OptionError(`--split ${name}: queries and the gallery are the validation part; leave out --split`);
}

/** The requested split of a data set. @throws OptionError for an unknown name, or a split that it lacks. */
function splitOf({ train, validation, test }: OpenedDataset, name: string): Dataset {
  const parts: Readonly<Record<string, Dataset | undefined>> = { train, validation, val: validation, test };
  if (name === "all" && validation.sightings) return train; // refused
  if (name === "all") return concatDatasets([train, validation, ...(test ? [test] : [])]);
  if (!Object.hasOwn(parts, name)) throw unknownName("--split", name, ["train", "validation", "val", "test", "all"]);
  const found = parts[name];
  if (!found)
    throw new OptionError(
      "--split test: the data has no test part. Test images, if there are none for validation, are the validation part: use --split validation",
    );
  if (found.length === 0)
    throw new OptionError(`--split ${name}: too few images to hold some out for it. Measure them all: --split all`);
  return found;
}

/** @throws OptionError for flags about one class per image. */
function refuseClassFlags({ localization, faithful, masks, tta, csv }: EvalFlags, why: string): void {
  for (const [flag, value] of Object.entries({ localization, faithful, masks, tta, csv }))
    if (value !== undefined) throw new OptionError(`--${flag} is for one class per image; ${why}`);
}

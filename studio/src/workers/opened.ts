/** Runs and checkpoints from elsewhere: read whole and tried before they take the place of the last training. */

import { encodeSafetensors, inputWriter, modelWeights, parseRunConfig } from "fovea/engine";
import {
  FoveaError,
  imagenetClasses,
  loadState,
  type Module,
  modelInfo,
  normalizations,
  readCheckpoint,
  readSafetensors,
  recognizeCheckpoint,
  trace,
  weightsOf,
} from "fovea/web";
import { defaultSettings } from "../../logic/recipe.js";
import { keptSide } from "./data.js";
import { type Config, descriptionOf, networkOf, writtenConfig } from "./recipe.js";

/** A file of a run, by its name there. */
export type RunFile = readonly [name: string, contents: Blob];

/**
 * The files of a run folder, with its configuration in today's words.
 *
 * @throws FoveaError if it is none, or its network and weights do not fit each other.
 */
export async function checkedRun(files: readonly RunFile[]): Promise<RunFile[]> {
  const found = new Map(files);
  const [config, weights] = [found.get("config.json"), found.get("best.safetensors")];
  if (!config || !weights) throw new FoveaError("it is not a run folder: config.json or best.safetensors is missing");
  const parsed = parseRunConfig(await config.text(), "its config.json");
  const { preprocessing, data, task } = parsed;
  if (task) throw new FoveaError(`it is a ${task.name} run; the studio opens only classifiers`);
  inputWriter(preprocessing);
  const network = networkOf(parsed);
  loadState(network, readSafetensors(await bytesOf(weights)).tensors);
  const classes = classCount(network, preprocessing.imageSize);
  if (classes !== data.classes.length)
    throw new FoveaError(`its network tells ${classes} classes apart, its config.json names ${data.classes.length}`);
  const today = new Blob([`${JSON.stringify(parsed, null, 2)}\n`]);
  return files.map(([name, contents]) => [name, name === "config.json" ? today : contents]);
}

/** The run folder that a checkpoint could be of, without a training. @throws FoveaError if it is of no network of the catalogue. */
export async function runOfCheckpoint(file: File): Promise<RunFile[]> {
  const { tensors, metadata } = readCheckpoint(await bytesOf(file), file.name);
  const weights = modelWeights(tensors);
  const known = recognizeCheckpoint(weights, metadata);
  if (!known || modelInfo(known.model).task !== "classification")
    throw new FoveaError("the weights are not of a classifier of the catalogue");
  const { model: name, options, insert, rename, normalization } = known;
  const imageSize = options.stem === "cifar" ? 32 : modelInfo(name).input[1];
  const preprocessing = {
    imageSize,
    // Small images are whole, photographs lose their margin.
    resize: imageSize < 64 ? imageSize : keptSide(imageSize),
    ...(normalization ?? normalizations.imagenet),
  };
  const config = (classes: readonly string[]): Config => ({
    ...writtenConfig(defaultSettings, { classes, preprocessing, images: 1, augment: null }),
    model: { name, options, ...(insert ? { insert } : {}) },
  });
  const network = networkOf(config([]));
  loadState(network, weights, { rename });
  const described = config(classNames(metadata.classes, classCount(network, imageSize)));
  const about = { format: "fovea.weights.1", epoch: "0", ...descriptionOf(described) };
  const best = encodeSafetensors(weightsOf(network), about).bytes() as Uint8Array<ArrayBuffer>;
  return [
    ["config.json", new Blob([`${JSON.stringify(described, null, 2)}\n`])],
    ["best.safetensors", new Blob([best])],
  ];
}

const bytesOf = async (file: Blob) => new Uint8Array(await file.arrayBuffer());

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const classCount = (network: Module, imageSize: number): number =>
  Number(trace(network, [1, 3, imageSize, imageSize]).outputs.get("output")?.shape[1]);

/** Those that the file names, ImageNet's, or numbers. */
function classNames(written: string | undefined, count: number): readonly string[] {
  const names = parse(written ?? "");
  if (Array.isArray(names) && names.length === count && names.every((name) => typeof name === "string")) return names;
  return count === imagenetClasses.length ? imagenetClasses : Array.from({ length: count }, (_, i) => `class ${i + 1}`);
}

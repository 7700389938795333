import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FormatError, FoveaError, messageOf } from "../core/errors.js";
import { bytes, callback, check, either, text } from "../core/schema.js";
import type { Tensor } from "../core/tensor.js";
import { FileError, type OpenFile, readWhole, withFile } from "../files/read.js";
import {
  type Checkpoint,
  type CheckpointOptions,
  checkpointOptions,
  looksLikeSafetensors,
  noParts,
  openTorchCheckpoint,
  readCheckpoint,
} from "../formats/checkpoint.js";
import { refusal } from "../formats/refusal.js";
import { type OpenSafetensors, openSafetensors } from "../formats/safetensors.js";
import { isShardIndex, joinShards, usualFiles } from "../formats/shards.js";
import { MAX_JSON_BYTES } from "../formats/strict-json.js";
import { moduleSchema } from "../nn/checks.js";
import type { AnyModule } from "../nn/index.js";
import { modelWeights } from "./checkpoint.js";
import { type LoadOptions, type LoadReport, loadState } from "./weights.js";

/**
 * Reads a checkpoint from disk: a safetensors or PyTorch file, a sharded one by its index (`….index.json`), or a folder that contains
 * one of these under its usual name. In a PyTorch file, `options` can select weights other than the largest. For bytes, use
 * {@link readCheckpoint} and `readShards`.
 *
 * @throws FoveaError if there is none. @throws FormatError if it is malformed.
 *
 * @example
 * const { tensors } = await openCheckpoint("weights/model.safetensors.index.json");
 */
export async function openCheckpoint(path: string, options: CheckpointOptions = {}): Promise<Checkpoint> {
  check("openCheckpoint", "path", text, path);
  check("openCheckpoint", "options", checkpointOptions, options);
  const file = (await isFolder(path)) ? await fileIn(path) : path;
  if (!isShardIndex(file)) return collected(file, file, options);
  if (options.part !== undefined) throw refusal(file, noParts().message);
  const beside = (name: string) =>
    collected(join(dirname(file), name), name, {}).catch((error) => {
      if (!(error instanceof FileError)) throw error;
      throw new FormatError(`${file} names ${name}, which ${reasonOf(error)}. Is the download complete?`);
    });
  return joinShards(await readWhole(file, MAX_JSON_BYTES), beside, basename(file));
}

/** All tensors of a checkpoint in one file. */
async function collected(path: string, name: string, options: CheckpointOptions): Promise<Checkpoint> {
  const tensors: Checkpoint["tensors"] = new Map();
  return { tensors, ...(await visitFile(path, name, (key, value) => tensors.set(key, value), options)) };
}

const reasonOf = (error: unknown) => messageOf(error).replace(/^.* (?=cannot be read: )/, "");

/** A checkpoint in one file, which may be of any size: only what describes its tensors is in memory (of PyTorch's before 1.6, all). */
async function openOne(
  file: OpenFile,
  name: string,
  options: CheckpointOptions,
): Promise<OpenSafetensors & Omit<Checkpoint, "tensors">> {
  if (looksLikeSafetensors(await file.read(0, Math.min(file.size, 9))))
    try {
      if (options.part !== undefined) throw noParts();
      return { format: "safetensors", ...(await openSafetensors(file)) };
    } catch (error) {
      throw error instanceof FormatError ? refusal(name, error.message) : error;
    }
  return openTorchCheckpoint(file, name, options);
}

/**
 * Calls a function with each tensor of a checkpoint. Of a safetensors file there is never more than one in memory.
 *
 * @throws as {@link openCheckpoint}.
 *
 * @example
 * await forEachTensor("model.safetensors", (key, { shape }) => console.log(key, shape));
 */
export async function forEachTensor(
  path: string,
  visit: (key: string, value: Tensor) => void,
  options: CheckpointOptions = {},
): Promise<Omit<Checkpoint, "tensors">> {
  check("forEachTensor", "path", text, path);
  check("forEachTensor", "visit", callback, visit);
  check("forEachTensor", "options", checkpointOptions, options);
  if ((await isFolder(path)) || isShardIndex(path)) {
    const { tensors, ...rest } = await openCheckpoint(path, options);
    for (const [key, value] of tensors) visit(key, value);
    return rest;
  }
  return visitFile(path, path, visit, options);
}

function visitFile(
  path: string,
  name: string,
  visit: (key: string, value: Tensor) => void,
  options: CheckpointOptions,
): Promise<Omit<Checkpoint, "tensors">> {
  return withFile(path, async (file) => {
    const { entries, read, ...rest } = await openOne(file, name, options);
    for (const key of entries.keys()) visit(key, await read(key));
    return rest;
  });
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

async function fileIn(folder: string): Promise<string> {
  for (const name of usualFiles) {
    const exists = await stat(join(folder, name)).catch(() => undefined);
    if (exists) return join(folder, name);
  }
  throw new FoveaError(`${folder} has no weights: there is no ${usualFiles.join(", ")} in it. Name the file`);
}

/**
 * Loads a checkpoint into a model: from disk as with {@link openCheckpoint}, or from bytes. Nothing changes unless all keys fit or are
 * ignored. Optimizer state in the file is skipped.
 *
 * @throws FoveaError if the file cannot be read. @throws FormatError if it is not a checkpoint, or listing what does not fit.
 *
 * @example
 * await loadWeights(resnet(18, { numClasses: 10 }), "resnet18.safetensors", { ignore: [/^fc\./] });
 */
export async function loadWeights(
  model: AnyModule,
  source: string | Uint8Array,
  options: LoadOptions = {},
): Promise<LoadReport> {
  check("loadWeights", "model", moduleSchema, model);
  check("loadWeights", "source", either<string | Uint8Array>("a path or a Uint8Array", text, bytes), source);
  const { tensors } = typeof source === "string" ? await openCheckpoint(source) : readCheckpoint(source);
  return loadState(model, modelWeights(tensors), options);
}

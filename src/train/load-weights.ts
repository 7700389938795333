import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FormatError, FoveaError } from "../core/errors.js";
import { type Checkpoint, readCheckpoint } from "../formats/checkpoint.js";
import { isShardIndex, readShards, usualFiles } from "../formats/shards.js";
import type { AnyModule } from "../nn/index.js";
import { modelWeights } from "./checkpoint.js";
import { type LoadOptions, type LoadReport, loadState } from "./weights.js";

/**
 * Reads a checkpoint from the disk: a safetensors or PyTorch file, one that is divided into files by its index (`….index.json`), or a
 * folder that has one of these under the usual names. Bytes from elsewhere are for {@link readCheckpoint} and {@link readShards}.
 *
 * @throws FoveaError if there is none. @throws FormatError if it is not as it must be.
 *
 * @example
 * const { tensors } = await openCheckpoint("weights/model.safetensors.index.json");
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const file = (await isFolder(path)) ? await fileIn(path) : path;
  const bytes = await readFile(file).catch(() => {
    throw new FoveaError(`${file} cannot be read`);
  });
  if (!isShardIndex(file)) return readCheckpoint(bytes, path);
  const beside = (name: string) =>
    readFile(join(dirname(file), name)).catch(() => {
      throw new FormatError(`${file} names ${name}, which cannot be read beside it. Is the download complete?`);
    });
  return readShards(bytes, beside, basename(file));
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
  throw new FoveaError(`${folder} holds no weights: there is no ${usualFiles.join(", ")} in it. Name the file`);
}

/**
 * Loads a checkpoint into a model: from the disk as by {@link openCheckpoint}, or from bytes. Nothing changes unless all keys fit or are
 * ignored. The state of an optimizer in the file is passed over.
 *
 * @throws FoveaError if the file cannot be read. @throws FormatError if it is no checkpoint, or lists what does not fit.
 *
 * @example
 * await loadWeights(resnet(18, { classes: 10 }), "resnet18.safetensors", { ignore: [/^fc\./] });
 */
export async function loadWeights(
  model: AnyModule,
  source: string | Uint8Array,
  options: LoadOptions = {},
): Promise<LoadReport> {
  const { tensors } = typeof source === "string" ? await openCheckpoint(source) : readCheckpoint(source);
  return loadState(model, modelWeights(tensors), options);
}

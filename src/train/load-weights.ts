import { readFile } from "node:fs/promises";
import { FoveaError } from "../core/errors.js";
import { readCheckpoint } from "../formats/checkpoint.js";
import type { AnyModule } from "../nn/index.js";
import { modelWeights } from "./checkpoint.js";
import { type LoadOptions, type LoadReport, loadState } from "./weights.js";

/**
 * Loads a checkpoint into a model: safetensors or PyTorch, from a file or from bytes. Nothing changes unless all keys fit or are
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
  const name = typeof source === "string" ? source : "checkpoint";
  const bytes =
    typeof source === "string"
      ? await readFile(source).catch(() => {
          throw new FoveaError(`loadWeights: ${source} cannot be read`);
        })
      : source;
  return loadState(model, modelWeights(readCheckpoint(bytes, name).tensors), options);
}

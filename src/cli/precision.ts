import { availableParallelism } from "node:os";
import { type Module, OptionError, trace } from "../index.js";
import { hasFastLayers } from "../internal.js";
import type { EngineFlags } from "./arguments.js";
import { cachedTuning, thisMachine } from "./tuning.js";

/** @throws OptionError for `--precision fast` if a training computes no layer otherwise. On a GPU a recorded flag is ignored. */
export async function requireFastLayers(
  network: Module,
  input: readonly [number, number, number, number],
  { precision, device, threads = availableParallelism() }: EngineFlags,
): Promise<void> {
  if (precision !== "fast" || device === "webgpu") return;
  if (hasFastLayers(trace(network, input), await cachedTuning(thisMachine(threads)))) return;
  throw new OptionError(
    "--precision fast has no effect: with this batch and image size, the network has no 3×3 convolution of enough channels on small maps. Leave it out",
  );
}

import type { Preprocessing } from "../data/index.js";
import type { Checkpoint } from "../formats/checkpoint.js";
import { classNames } from "../formats/class-names.js";
import { insertAttention, modelByName, settled } from "../models/index.js";
import { initialize, type Module } from "../nn/index.js";
import { modelWeights } from "../train/checkpoint.js";
import { type RunConfig, RunFolder } from "../train/run-folder.js";
import { loadState } from "../train/weights.js";
import type { Classifier } from "./classifier.js";

/** The network of a run, with its weights, and the configuration it was trained by. */
export interface TrainedNetwork extends Classifier {
  readonly classes: readonly string[];
  readonly config: RunConfig;
}

export interface LoadRunOptions {
  /** Those of the best epoch, of the last, or of a checkpoint that was read. Default "best". */
  readonly weights?: "best" | "last" | Pick<Checkpoint, "tensors" | "metadata"> | undefined;
}

/**
 * The network of a run folder (Node only), ready for {@link predict}, `evaluate` and {@link attentionMaps}. Weights of a checkpoint that
 * names its classes bring these names along.
 *
 * @throws FoveaError if the folder is no run, or has no such weights. @throws FormatError if they do not fit.
 *
 * @example
 * const { model, classes, preprocessing } = await loadRun("runs/shapes-resnet20-cbam");
 */
export async function loadRun(path: string, { weights = "best" }: LoadRunOptions = {}): Promise<TrainedNetwork> {
  const run = await RunFolder.open(path);
  const { preprocessing, data } = run.config;
  const config = { ...run.config, model: settled(run.config.model) };
  const network = buildNetwork(config.model, preprocessing);
  const given = typeof weights === "string" ? await run.weights(weights) : modelWeights(weights.tensors);
  loadState(network, given);
  // The rows of the classifier are the checkpoint's, whatever the run's classes are.
  const own = typeof weights === "string" ? undefined : classNames(weights.metadata);
  return { model: network, classes: own ?? data.classes, preprocessing, config };
}

/** The network that a run's configuration describes, with initial weights. */
export function buildNetwork(
  { name, options, insert }: RunConfig["model"],
  { imageSize }: Pick<Preprocessing, "imageSize">,
  seed = 0,
): Module {
  const network = initialize(modelByName(name, options), { seed });
  const input = [3, imageSize, imageSize] as const;
  if (insert)
    insertAttention(network, insert.attention, { options: insert.options, identityAtStart: true, input, seed });
  return network;
}

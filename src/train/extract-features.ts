import type { Dataset } from "../data/index.js";
import type { Module } from "../nn/index.js";
import { imageBatches } from "./batches.js";
import { type EvaluateOptions, evaluationPass, forEachOutput } from "./evaluate.js";
import { traceFeatures } from "./reidentification.js";

/**
 * The features of every image of a data set, by position; those of images that cannot be read are missing.
 *
 * @throws OptionError if the network has no fully connected classifier.
 */
export async function extractFeatures(
  model: Module,
  dataset: Dataset,
  { batch = 64, preprocessing, ...rest }: EvaluateOptions & Required<Pick<EvaluateOptions, "preprocessing">>,
): Promise<(Float64Array | undefined)[]> {
  const found = Array.from({ length: dataset.length }, (): Float64Array | undefined => undefined);
  const { graph, input, loader } = evaluationPass(model, dataset, { batch, preprocessing }, traceFeatures);
  await forEachOutput({ graph, source: imageBatches(loader, input) }, dataset.length, rest, (features, _, index) => {
    found[index] = Float64Array.from(features);
  });
  return found;
}

import type { Preprocessing, TargetPrediction } from "../../index.js";
import { openTargetPredictor } from "../../internal.js";
import { type Format, type PredictRequest, writePredictions } from "../predict-loop.js";
import type { LoadedModel } from "../run.js";
import { taskFor } from "../tasks.js";
import { percent, significant } from "../terminal.js";

/** What is asked for. */
export interface TargetRequest extends PredictRequest {
  readonly loaded: LoadedModel;
  readonly preprocessing: Preprocessing;
  readonly classes: readonly string[] | null;
  readonly format: Format;
  readonly out: string | undefined;
}

interface Found {
  readonly targets: readonly TargetPrediction[];
}

/** Writes the labels or numbers of every image. */
export const predictTargetsOf = (request: TargetRequest): Promise<void> => {
  const { loaded, preprocessing, classes, format, out } = request;
  return writePredictions<Found>(request, {
    format,
    out,
    shorterSide: preprocessing.resize,
    open: async (engine) => {
      const network = { model: loaded.model, classes, preprocessing };
      const predictor = await openTargetPredictor(network, { engine, task: taskFor(loaded) });
      return {
        predict: async (decoded) => ({ targets: await predictor.predict(decoded) }),
        release: () => predictor.release(),
      };
    },
    columns: (first) => first?.targets.map(({ name }) => name) ?? classes ?? [],
    cells: ({ targets }) => targets.map(({ value }) => value),
    text: ({ targets }) => (loaded.task === "multi-label" ? labelsText(targets) : numbersText(targets)),
  });
};

const numbersText = (targets: readonly TargetPrediction[]) =>
  targets.map(({ name, value }) => `${name} ${significant(value, 5)}`).join(", ");

const labelsText = (targets: readonly TargetPrediction[]) =>
  targets
    .filter(({ value }) => value > 0.5)
    .sort((a, b) => b.value - a.value)
    .map(({ name, value }) => `${name} ${percent(value)}`)
    .join(", ") || "none of the labels";

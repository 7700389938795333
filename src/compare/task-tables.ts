import type { ComparedTaskName, MainScore } from "../core/tasks.js";
import type { Measured } from "./results.js";
import { wilsonInterval } from "./statistics/index.js";

// How results of a task are shown. What units do is in `tasks.ts`: changes there make other results.

/** What main scores are called in titles. */
export const scoreTitles: Readonly<Record<MainScore, string>> = {
  top1: "Accuracy",
  miou: "Mean IoU",
  map: "Mean average precision",
  r2: "R²",
};

type Columns = Readonly<Record<string, (measured: Measured) => number | null | undefined>>;

/** Of shares of independent answers; the pixels of an image are not. */
const wilson = ({ test: { right, top1, count } }: Measured): readonly [number | null, number | null] =>
  right === undefined ? [null, null] : wilsonInterval(Math.round(top1! * count), count);

const classified: Columns = {
  epoch: ({ epoch }) => epoch,
  validation_top1: ({ validation }) => validation.top1,
  test_top1: ({ test }) => test.top1,
  low: (measured) => wilson(measured)[0],
  high: (measured) => wilson(measured)[1],
  nll: ({ test }) => test.nll,
  ece: ({ test }) => test.ece,
  adaptive_ece: ({ test }) => test.adaptiveEce,
  brier: ({ test }) => test.brier,
};

/** Columns of `results.csv` for each measured epoch. */
export const measuredColumns: Readonly<Record<ComparedTaskName, Columns>> = {
  classification: classified,
  segmentation: {
    ...classified,
    validation_miou: ({ validation }) => validation.miou,
    test_miou: ({ test }) => test.miou,
    test_boundary_f: ({ test }) => test.boundaryF,
  },
  "multi-label": {
    epoch: ({ epoch }) => epoch,
    validation_map: ({ validation }) => validation.map,
    test_map: ({ test }) => test.map,
    test_f1_macro: ({ test }) => test.f1Macro,
    test_f1_micro: ({ test }) => test.f1Micro,
    test_top1: ({ test }) => test.top1,
    nll: ({ test }) => test.nll,
  },
  regression: {
    epoch: ({ epoch }) => epoch,
    validation_r2: ({ validation }) => validation.r2,
    test_r2: ({ test }) => test.r2,
    test_mae: ({ test }) => test.mae,
    test_rmse: ({ test }) => test.rmse,
    loss: ({ test }) => test.loss,
  },
};

import type { ComparedTaskName } from "../core/tasks.js";
import type { Dataset, Preprocessing } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import type { Module } from "../nn/index.js";
import {
  evaluate,
  forEachLogits,
  type MultiLabelMetrics,
  type RegressionMetrics,
  type SegmentationMetrics,
  type Task,
  targetStatistics,
} from "../train/index.js";
import type { TaskRecord } from "../train/run-task.js";
import type { Measured } from "./results.js";
import { CalibrationTally, mean } from "./statistics/index.js";

/** How a network is measured. */
export interface Measuring<T extends Task = Task> {
  readonly task: T;
  readonly preprocessing: Preprocessing;
  readonly engine: Engine;
  readonly signal?: AbortSignal;
}

/** What the units of a comparison do in their own way for each task. How results are shown is in `task-tables.ts`. */
export interface ComparedTask {
  /** How the task is recorded in `config.json`, which it is made from; undefined for classification. */
  record(train: Dataset): TaskRecord | undefined;
  /** What a training that diverged counts as, where that is not the share of classes guessed at random. */
  guess?(test: Dataset): number;
  /** Figures of a network on the test images. @throws FoveaError if outputs are not finite. */
  measure(network: Module, test: Dataset, how: Measuring): Promise<Measured["test"]>;
  /** Whether maps show where its networks look for the class of an image. */
  readonly looks: boolean;
}

const classification: ComparedTask = {
  record: () => undefined,
  async measure(network, test, { task: _, ...how }) {
    const tally = new CalibrationTally();
    let right = "";
    await forEachLogits(network, test, how, (logits, label) => {
      tally.add(logits, label);
      right += logits.indexOf(Math.max(...logits)) === label ? "1" : "0";
    });
    const { ece, adaptiveEce, brier, nll } = tally.result();
    const correct = right.replaceAll("0", "").length;
    return { count: right.length, top1: correct / right.length, nll, ece, adaptiveEce, brier, right };
  },
  looks: true,
};

const segmentation: ComparedTask = {
  record: () => ({ name: "segmentation", loss: ["cross-entropy"], classWeights: null }),
  async measure(network, test, how) {
    const found = await evaluate(network, test, how as Measuring<Task<SegmentationMetrics>>);
    const { count, top1, loss: nll, miou, boundaryF } = found;
    return { count, top1, nll, miou, boundaryF };
  },
  looks: false,
};

const multiLabel: ComparedTask = {
  record: () => ({ name: "multi-label" }),
  // The average precision of equal scores is the share of images that have the label.
  guess(test) {
    const shares = test.classes.map((_, k) =>
      mean(Array.from({ length: test.length }, (_, i) => test.targets!(i)[k]!)),
    );
    const known = shares.filter((share) => share > 0);
    return known.length > 0 ? mean(known) : 0;
  },
  async measure(network, test, how) {
    const found = await evaluate(network, test, how as Measuring<Task<MultiLabelMetrics>>);
    const { count, top1, loss: nll, map, f1Macro, f1Micro } = found;
    return { count, top1, nll, map, f1Macro, f1Micro };
  },
  looks: false,
};

const regression: ComparedTask = {
  record: (train) => ({ name: "regression", loss: "mse", ...targetStatistics(train) }),
  // That of the targets' mean.
  guess: () => 0,
  async measure(network, test, how) {
    const found = await evaluate(network, test, how as Measuring<Task<RegressionMetrics>>);
    const { count, loss, r2, mae, rmse } = found;
    return { count, loss, r2, mae, rmse };
  },
  looks: false,
};

export const comparedTasks: Readonly<Record<ComparedTaskName, ComparedTask>> = {
  classification,
  segmentation,
  "multi-label": multiLabel,
  regression,
};

/** What units do for a task of a plan: plans have no others. */
export const comparedTask = ({ name }: Task): ComparedTask => comparedTasks[name as ComparedTaskName];

import { DataError } from "../core/errors.js";
import { fieldsOf, oneOf } from "../core/schema.js";
import { staticDim } from "../core/shape.js";
import type { MultiLabelMetrics } from "../core/target-evaluation.js";
import { checkDataset } from "../data/checks.js";
import type { Dataset } from "../data/index.js";
import { binaryCrossEntropy } from "../nn/index.js";
import { cast, equal, greater, mul, reduceSum } from "../ops/index.js";
import { LabelTally } from "./target-metrics.js";
import type { Task } from "./task.js";

/** The task in `config.json`. */
export interface MultiLabelTask {
  readonly name: "multi-label";
}

export const multiLabelRecord = fieldsOf<MultiLabelTask>({ name: oneOf("multi-label") });

/**
 * Any number of labels per image, for data sets whose `targets` are 0 or 1. The outputs [N, labels] are logits z, each with its own probability σ(z);
 * the loss is binary cross entropy, the mean over images and labels of −t log σ(z) − (1 − t) log(1 − σ(z)). Measured by mean average precision (mAP,
 * which decides which epoch is best) and F1 at a probability of 0.5.
 *
 * @throws DataError if the data set has no targets, or others than 0 and 1.
 *
 * @example
 * const data = await openDataset("movies/", { task: "multi-label" });
 * const model = resnet(18, { numClasses: data.train.classes.length });
 * await train(model, data.train, { engine, task: multiLabel(), validate: data.validation });
 * const { map, f1Macro, labels } = await evaluate(model, data.validation, { engine, task: multiLabel() });
 */
export function multiLabel(): Task<MultiLabelMetrics> {
  return {
    name: "multi-label",
    data: requireLabels,
    positions: () => [],
    writeTargets: ({ indices }, dataset, out) => {
      indices.forEach((index, i) => {
        out.set(dataset.targets!(index), i * dataset.classes.length);
      });
    },
    read: (outputs) => Float64Array.from(outputs, (z) => 1 / (1 + Math.exp(-z))),
    objective: ({ model, images, targets }) => {
      const logits = model.call(images);
      const answers = cast(equal(cast(greater(logits, 0)), targets));
      return {
        logits,
        loss: binaryCrossEntropy(logits, targets),
        correct: () => mul(reduceSum(answers, [0, 1], { keepdims: false }), 1 / staticDim(logits.shape[1])),
      };
    },
    evaluation: (dataset, preprocessing) => ({
      dataset,
      preprocessing,
      count: () => {
        const tally = new LabelTally(dataset.classes);
        return {
          add: (logits, _, index) => tally.add(logits, dataset.targets!(index)),
          metrics: () => tally.metrics(),
        };
      },
    }),
  };
}

function requireLabels(dataset: Dataset): Dataset {
  checkDataset("multiLabel", "dataset", dataset);
  for (const [index, targets] of eachTargets(dataset))
    if (!Array.from(targets).every((t) => t === 0 || t === 1))
      throw new DataError(
        `${dataset.name}: the targets of image ${index} must be 0 or 1, got ${Array.from(targets).slice(0, 6)}; for other numbers use regression()`,
      );
  return dataset;
}

/** The targets of every image. @throws DataError if there are none, or not one per class. */
export function* eachTargets(dataset: Dataset): Generator<readonly [index: number, targets: ArrayLike<number>], void> {
  if (!dataset.targets)
    throw new DataError(
      `${dataset.name} has no targets; openDataset() reads them from a CSV file, with the task multi-label or regression`,
    );
  for (let index = 0; index < dataset.length; index++) {
    const targets = dataset.targets(index);
    if (targets.length !== dataset.classes.length)
      throw new DataError(
        `${dataset.name}: image ${index} has ${targets.length} targets, and there are ${dataset.classes.length} names`,
      );
    yield [index, targets];
  }
}

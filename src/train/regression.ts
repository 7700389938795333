import { DataError, OptionError } from "../core/errors.js";
import {
  check,
  options as fields,
  fieldsOf,
  finite,
  list,
  maybe,
  oneOf,
  positive,
  type Schema,
} from "../core/schema.js";
import type { Shape } from "../core/shape.js";
import type { RegressionMetrics } from "../core/target-evaluation.js";
import { tensor } from "../core/tensor.js";
import { checkDataset } from "../data/checks.js";
import type { Dataset } from "../data/index.js";
import type { Graph } from "../graph/graph.js";
import { graphFor, type Module, meanSquaredError, smoothL1Loss } from "../nn/index.js";
import { add, mul } from "../ops/index.js";
import { eachTargets } from "./multi-label.js";
import { ValueTally } from "./target-metrics.js";
import type { Task } from "./task.js";

/** Losses of numbers by name. */
export const regressionLosses = ["mse", "smooth-l1"] as const;
/** The name of a loss for regression. */
export type RegressionLoss = (typeof regressionLosses)[number];

/** Mean and deviation of each target. */
export interface TargetStatistics {
  /** What the output 0 stands for, in the data's units. */
  readonly mean: readonly number[];
  /** By how much a target changes with its output, in the data's units. */
  readonly deviation: readonly number[];
}

/** Options of {@link regression}. */
export interface RegressionOptions extends Partial<TargetStatistics> {
  /** What a target is where its output is 0, in the data's units. Default: all 0. */
  readonly mean?: readonly number[];
  /** How many of the data's units an output of 1 is more than one of 0. Default: all 1. */
  readonly deviation?: readonly number[];
  /** `mse`, the mean squared error, or `smooth-l1`, which outliers affect less. Default `mse`. */
  readonly loss?: RegressionLoss;
}

const means = list(finite, "a list of numbers, one per target", 1);
const deviations = list(positive, "a list of positive numbers, one per target", 1);
export const regressionOptions: Schema<RegressionOptions> = fields<RegressionOptions>({
  mean: maybe(means),
  deviation: maybe(deviations),
  loss: maybe(oneOf(...regressionLosses)),
});

/** The task in `config.json`. */
export interface RegressionTask extends TargetStatistics {
  readonly name: "regression";
  readonly loss: RegressionLoss;
}

export const regressionRecord = fieldsOf<RegressionTask>({
  name: oneOf("regression"),
  loss: oneOf(...regressionLosses),
  mean: means,
  deviation: deviations,
});

/**
 * One or more numbers per image, for data sets whose `targets` are numbers. The outputs [N, targets] are normalized: a target is
 * mean + deviation · output. The loss is the mean over images and targets of the squared, or smooth L1, difference of normalized targets and outputs;
 * with `smooth-l1`, the mean squared error is shown besides. Measured in the data's units by MAE, RMSE and R², which decides which epoch is best.
 *
 * @throws DataError if the data set has no targets, or one is not finite. @throws OptionError if mean or deviation are not as many as targets.
 *
 * @example
 * const data = await openDataset("houses/", { task: "regression", targets: ["price"] });
 * const task = regression(targetStatistics(data.train));
 * const model = resnet(18, { numClasses: 1 });
 * await train(model, data.train, { engine, task, validate: data.validation });
 * const { r2, mae } = await evaluate(model, data.validation, { engine, task });
 */
export function regression(options: RegressionOptions = {}): Task<RegressionMetrics> {
  check("regression", "options", regressionOptions, options);
  const { loss = "mse" } = options;
  const scaleOf = ({ classes }: Pick<Dataset, "classes">): TargetStatistics => {
    const { mean = classes.map(() => 0), deviation = classes.map(() => 1) } = options;
    for (const [name, values] of Object.entries({ mean, deviation }))
      if (values.length !== classes.length)
        throw new OptionError(
          `regression: ${name} has ${values.length} numbers for ${classes.length} targets, ${classes.slice(0, 6).join(", ")}`,
        );
    return { mean, deviation };
  };
  return {
    name: "regression",
    data: (dataset) => {
      requireNumbers("regression", dataset);
      scaleOf(dataset);
      return dataset;
    },
    positions: () => [],
    writeTargets: ({ indices }, dataset, out) => {
      const { mean, deviation } = scaleOf(dataset);
      indices.forEach((index, i) => {
        const targets = dataset.targets!(index);
        for (let k = 0; k < mean.length; k++) out[i * mean.length + k] = (targets[k]! - mean[k]!) / deviation[k]!;
      });
    },
    read: (outputs) => inUnits(outputs, scaleOf({ classes: Array.from(outputs, String) })),
    objective: ({ model, images, targets }) => {
      const logits = model.call(images);
      if (loss === "mse") return { logits, loss: meanSquaredError(logits, targets), correct: null };
      return {
        logits,
        loss: smoothL1Loss(logits, targets),
        crossEntropy: () => meanSquaredError(logits, targets),
        correct: null,
      };
    },
    evaluation: (dataset, preprocessing) => ({
      dataset,
      preprocessing,
      count: () => {
        const scale = scaleOf(dataset);
        const tally = new ValueTally(dataset.classes, scale.deviation);
        return {
          add: (outputs, _, index) => tally.add(inUnits(outputs, scale), dataset.targets!(index)),
          metrics: () => tally.metrics(),
        };
      },
    }),
  };
}

/** Outputs as targets, in the data's units: mean + deviation · output. */
export const inUnits = (outputs: ArrayLike<number>, { mean, deviation }: TargetStatistics): Float64Array =>
  Float64Array.from(outputs, (z, k) => mean[k]! + deviation[k]! * z);

/** A network as a graph whose output is in the data's units, for export. input [N,3,S,S] → output [N, targets]. */
export function traceInUnits(model: Module, shape: Shape, { mean, deviation }: TargetStatistics): Graph {
  const graph = graphFor(model);
  const outputs = model.call(graph.input("input", { dtype: "float", shape }));
  const row = (values: readonly number[]) =>
    graph.constant(tensor("float64", [1, values.length], Float64Array.from(values)));
  graph.output("output", add(mul(outputs, row(deviation)), row(mean)));
  return graph;
}

/** The task for a network whose outputs are in the data's units already, such as an exported one. */
export function forOutputsInUnits(
  task: Task<RegressionMetrics>,
  { mean, deviation }: TargetStatistics,
): Task<RegressionMetrics> {
  return {
    ...task,
    evaluation: (dataset, preprocessing) => {
      const evaluation = task.evaluation(dataset, preprocessing);
      return {
        ...evaluation,
        count: () => {
          const counter = evaluation.count();
          return {
            add: (values, label, index) =>
              counter.add(
                Float64Array.from(values, (value, k) => (value - mean[k]!) / deviation[k]!),
                label,
                index,
              ),
            metrics: () => counter.metrics(),
          };
        },
      };
    },
  };
}

/**
 * Mean and (population) standard deviation of each target of a data set, by which {@link regression} normalizes.
 *
 * @throws DataError if the data set has no targets, one is not finite, all images have the same, or the deviation is too large or small for a float64.
 *
 * @example
 * const task = regression({ ...targetStatistics(data.train), loss: "smooth-l1" });
 */
export function targetStatistics(dataset: Dataset): TargetStatistics {
  requireNumbers("targetStatistics", dataset);
  const rows = [...eachTargets(dataset)].map(([, targets]) => targets);
  const mean = dataset.classes.map((_, k) => rows.reduce((sum, row) => sum + row[k]!, 0) / rows.length);
  const deviation = mean.map((center, k) =>
    Math.sqrt(rows.reduce((sum, row) => sum + (row[k]! - center) ** 2, 0) / rows.length),
  );
  deviation.forEach((spread, k) => {
    const [name, first] = [dataset.classes[k], rows[0]![k]!];
    // By rounding, equal numbers may have a deviation.
    if (rows.every((row) => row[k] === first))
      throw new DataError(
        `${dataset.name}: ${name} is ${first} for every training image, so there is nothing to learn`,
      );
    if (!(spread > 0 && Number.isFinite(spread)))
      throw new DataError(
        `${dataset.name}: the deviation of ${name} must be a positive number, got ${spread}: its values are too ${spread === 0 ? "close to each other" : "large"}. Change its unit`,
      );
  });
  return { mean, deviation };
}

function requireNumbers(where: string, dataset: Dataset): void {
  checkDataset(where, "dataset", dataset);
  for (const [index, targets] of eachTargets(dataset))
    for (let k = 0; k < targets.length; k++)
      if (!Number.isFinite(targets[k]))
        throw new DataError(
          `${dataset.name}: ${dataset.classes[k]} of image ${index} must be a number, got ${targets[k]}`,
        );
}

import { OptionError, TrainingError } from "../core/errors.js";
import { check, options as fields, maybe, positive, type Schema, whole } from "../core/schema.js";
import type { Dataset } from "../data/index.js";
import type { Module } from "../nn/index.js";
import { imageBatches } from "./batches.js";
import { checkTraining } from "./checks.js";
import { letEventsIn } from "./events.js";
import { planOf } from "./plan.js";
import type { Scores } from "./task.js";
import type { TrainOptions } from "./train.js";
import { randomFeeds, targetsOf } from "./training.js";

/** How learning rates are tried. */
export interface RateRange {
  /** The first. Default 1e-6. */
  readonly from?: number;
  /** The last. Default 10. */
  readonly to?: number;
  /** How many. Default 100. */
  readonly steps?: number;
}

export const rangeSchema: Schema<RateRange> = fields<RateRange>({
  from: maybe(positive),
  to: maybe(positive),
  steps: maybe(whole(8, 100_000)),
});

/** What came of a learning rate. */
export interface TriedRate {
  /** The learning rate. */
  readonly lr: number;
  /** The mean of the last losses, each counting 0.98 times as much as the next. */
  readonly loss: number;
}

/** Rates that were tried, until the loss was four times the lowest, and what they suggest. */
export interface FoundRate {
  /** In rising order. */
  readonly tried: readonly TriedRate[];
  /** Where the loss was lowest. */
  readonly lowest: number;
  /** Where it fell fastest. */
  readonly steepest: number;
  /** A tenth of {@link lowest}: a rate to begin with. */
  readonly suggested: number;
}

/** Weight of what came before in the mean of losses. */
const memory = 0.98;
/** The loss at which rates are too high, in multiples of the lowest. */
const tooHigh = 4;

/**
 * The learning-rate range test (Smith, WACV 2017), as fastai has it: the rate grows from step to step by the same factor, and the mean loss says
 * where it is too low and too high. The model is not changed.
 *
 * @throws OptionError if the range is empty.
 *
 * @example
 * const { suggested } = await findLearningRate(model, data, { engine, batch: 32 });
 * await train(model, data, { engine, batch: 32, optimizer: sgd({ lr: suggested }) });
 */
export async function findLearningRate(
  model: Module,
  dataset: Dataset,
  options: TrainOptions<Scores>,
  range: RateRange = {},
): Promise<FoundRate> {
  checkTraining(model, dataset, options, "findLearningRate");
  check("findLearningRate", "range", rangeSchema, range);
  const { from = 1e-6, to = 10, steps = 100 } = range;
  if (from >= to) throw new OptionError(`findLearningRate: from must be less than to, got ${from} and ${to}`);
  const { validate: _, steps: __, epochs: ___, ...how } = options;
  const plan = planOf(model, dataset, { ...how, gradAccumSteps: 1, progressiveResizing: null });
  const { loader, step, seed, engine } = plan;
  const source = imageBatches(loader, "images");
  const executable = await engine.compile(step.graph);
  const tried: TriedRate[] = [];
  let mean = 0;
  let lowest = Number.POSITIVE_INFINITY;
  try {
    for (let number = 0, epoch = 0; number < steps; epoch++)
      for await (const batch of source.epoch(epoch)) {
        if (number >= steps) break;
        await letEventsIn();
        options.signal?.throwIfAborted();
        const lr = from * (to / from) ** (number / (steps - 1));
        const feeds = { ...batch.inputs, targets: targetsOf(plan, plan, batch), ...step.scalars(number + 1, lr) };
        const outputs = await executable.run({ ...feeds, ...randomFeeds(step.graph, seed, number) });
        mean = memory * mean + (1 - memory) * Number((outputs.crossEntropy ?? outputs.loss)!.data[0]);
        const loss = mean / (1 - memory ** ++number);
        if (!(loss <= tooHigh * lowest)) return suggestion(tried);
        lowest = Math.min(lowest, loss);
        tried.push({ lr, loss });
      }
    return suggestion(tried);
  } finally {
    await executable.release();
  }
}

function suggestion(tried: readonly TriedRate[]): FoundRate {
  if (tried.length === 0)
    throw new TrainingError(
      "findLearningRate: the loss of the first step is not finite: look at the weights and the data",
    );
  const best = tried.reduce((low, one) => (one.loss < low.loss ? one : low), tried[0]!);
  // The first means are of few losses, and jump.
  const start = Math.ceil(tried.length / 10);
  let [steepest, fall] = [tried[start]?.lr ?? best.lr, 0];
  for (let i = start + 1; i < tried.length; i++) {
    const slope = tried[i]!.loss - tried[i - 1]!.loss;
    if (slope < fall) [steepest, fall] = [tried[i - 1]!.lr, slope];
  }
  return { tried, lowest: best.lr, steepest, suggested: best.lr / 10 };
}

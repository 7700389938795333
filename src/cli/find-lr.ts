import { findLearningRate } from "../engine.js";
import { drawLineChart } from "../explain.js";
import { type Module, type OpenedDataset, type RunConfig, writeFileAtomic } from "../index.js";
import { repeating, stepSettings, taskOf } from "../internal.js";
import { withEngine } from "./arguments.js";
import { settingsBy } from "./flags.js";
import { rateGroups, type Settled } from "./optimization.js";
import { type ProgressLine, print } from "./terminal.js";
import type { TrainFlags } from "./train-config.js";

/** Where the curve goes if no file is named. */
const usualFile = "learning-rate.svg";

/** Tries learning rates for a training, without training, and draws the curve. */
export async function showLearningRates(
  config: RunConfig,
  network: Module,
  data: OpenedDataset,
  flags: Settled<TrainFlags>,
  progress: ProgressLine,
): Promise<void> {
  const { training, preprocessing } = config;
  const file = flags.findLr === true || flags.findLr === undefined ? usualFile : flags.findLr;
  progress.draw(0, "trying learning rates");
  const how = repeating(training);
  const found = await withEngine(
    (engine) =>
      findLearningRate(network, data.train, {
        ...settingsBy(stepSettings, flags),
        ...how,
        groups: rateGroups(network, training, how.optimizer.lr),
        engine,
        task: taskOf(config),
        preprocessing,
      }),
    flags,
  );
  progress.clear();
  const { tried, lowest, steepest, suggested } = found;
  const chart = drawLineChart({
    title: "Loss by learning rate",
    xLabel: "log₁₀ of the learning rate",
    series: [{ name: "loss", points: tried.map(({ lr, loss }) => [Math.log10(lr), loss]) }],
    mark: { x: Math.log10(suggested), label: `suggested: ${suggested.toPrecision(2)}` },
  });
  await writeFileAtomic(file, chart);
  const shown = (rate: number) => Number(rate.toPrecision(2));
  print(flags.json ?? false, { ...found, file }, () => [
    `the loss is lowest at ${shown(lowest)} and falls fastest at ${shown(steepest)}; the curve is in ${file}`,
    `a rate to start with: --lr ${shown(suggested)}`,
  ]);
}

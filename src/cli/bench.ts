import { performance } from "node:perf_hooks";
import { Command } from "commander";
import * as schemas from "../core/schema.js";
import { trainingStep } from "../engine.js";
import { type Engine, modelInfo, OptionError, sgd, trace } from "../index.js";
import {
  classesFlag,
  count,
  engineFlags,
  inputFlag,
  jsonFlag,
  modelByFlags,
  modelFlags,
  withEngine,
} from "./arguments.js";
import { benchExplainCommand } from "./bench-explain.js";
import { calibrateCommand, median } from "./calibrate.js";
import { deviceOf } from "./device.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { requireMemory } from "./memory.js";
import { requireFastLayers } from "./precision.js";
import { print, short } from "./terminal.js";
import { noise, targetsFor } from "./workload.js";

const benchFlags = flagList(
  ...modelFlags,
  flag("--mode <mode>", "what to time", schemas.oneOf("train", "infer"), "train"),
  classesFlag,
  inputFlag,
  flag("--batch <n>", "images per step", schemas.batchSize, 32),
  flag("--steps <n>", "timed steps, after two warm-up steps", count, 10),
  flag("--recompute", "when training, recompute the blocks in the backward pass instead of storing them"),
  ...engineFlags,
  jsonFlag,
);
type BenchFlags = FlagsOf<typeof benchFlags>;

export const benchCommand = addFlags(new Command("bench"), benchFlags)
  .enablePositionalOptions()
  .addCommand(calibrateCommand)
  .addCommand(benchExplainCommand)
  .hook("preSubcommand", (bench, sub) => {
    for (const option of bench.options)
      if (bench.getOptionValueSource(option.attributeName()) === "cli")
        throw new OptionError(`${option.long} goes after the subcommand: fovea bench ${sub.name()} ${option.long} …`);
  })
  .action(async (flags: BenchFlags) => {
    const idle = flags.precision === "fast" ? "precision fast" : flags.recompute ? "recompute" : undefined;
    if (idle && flags.mode === "infer") throw new OptionError(`--${idle} has no effect with --mode infer`);
    const device = await deviceOf(flags);
    const spec = modelInfo(flags.model);
    const size = [flags.batch, ...(flags.input ?? spec.input)] as [number, number, number, number];
    const network = modelByFlags(flags);
    requireMemory(network, size, flags.mode === "train" && !flags.recompute);
    await requireFastLayers(network, size, { ...flags, device });
    const times = await withEngine(
      (engine) => (flags.mode === "train" ? trainTimes(engine, flags, size) : inferTimes(engine, flags, size)),
      { ...flags, device },
    );
    const result = {
      mode: flags.mode,
      device,
      model: flags.model,
      attention: flags.attention ?? null,
      batch: flags.batch,
      imagesPerSecond: (1000 * flags.batch) / median(times),
      stepMilliseconds: { median: median(times), min: Math.min(...times), max: Math.max(...times) },
      // Kilobytes on every platform.
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    };
    print(flags.json === true, result, () => {
      const { imagesPerSecond, stepMilliseconds: ms, peakMemoryBytes } = result;
      return [
        `${imagesPerSecond.toFixed(1)} images/s, ${ms.median.toFixed(1)} ms a step (${ms.min.toFixed(1)}–${ms.max.toFixed(1)}), peak memory ${short(peakMemoryBytes)}B`,
      ];
    });
  });

async function trainTimes(
  engine: Engine,
  flags: BenchFlags,
  size: [number, number, number, number],
): Promise<number[]> {
  const optimizer = sgd({ lr: 0.01 });
  const classes = flags.classes ?? modelInfo(flags.model).numClasses;
  const { graph, scalars } = trainingStep(modelByFlags(flags), {
    optimizer,
    input: size,
    numClasses: classes,
    recompute: flags.recompute ?? false,
  });
  const executable = await engine.compile(graph);
  const [images, targets] = [noise(size), targetsFor(size[0], classes)];
  const randoms = Object.fromEntries(graph.randoms.map(({ name, shape }) => [name, noise(shape)]));
  return timed(flags.steps, () => executable.run({ images, targets, ...scalars(1, 0.01), ...randoms }));
}

async function inferTimes(engine: Engine, flags: BenchFlags, size: readonly number[]): Promise<number[]> {
  const executable = await engine.compile(trace(modelByFlags(flags), size));
  const input = noise(size);
  return timed(flags.steps, () => executable.run({ input }));
}

/** Milliseconds of each run, without the first two. */
async function timed(steps: number, run: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < steps + 2; i++) {
    const start = performance.now();
    await run();
    if (i >= 2) times.push(performance.now() - start);
  }
  return times;
}

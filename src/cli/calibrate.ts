import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { Command } from "commander";
import { threadCount } from "../core/schema.js";
import { defaultTuning, type Tuning, trainingStep, type WinogradSides, type WinogradTile } from "../engine.js";
import { createModelByName, type Engine, type Executable, type Module, OptionError, ortEngine, sgd } from "../index.js";
import { BatchNorm, Conv2d, globalAveragePool, initialize, Lambda, ops, Sequential } from "../nn.js";
import { jsonFlag } from "./arguments.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { helpText, ProgressLine, paragraphs, print, say, table } from "./terminal.js";
import { type Machine, removeTuning, thisMachine, tuningPath, writeTuning } from "./tuning.js";
import { noise, targetsFor } from "./workload.js";

/** What to measure, and for how long. */
export interface CalibrationPlan {
  /** Plain against blocked: a network on square images, for these batch sizes, ascending. */
  readonly fewImages: { readonly images: readonly number[]; readonly network: string; readonly side: number };
  /** Winograd's algorithm, with either tile, against direct: a layer, at this batch size, on maps of these sides, ascending, by channels. */
  readonly winograd: { readonly images: number; readonly sides: Readonly<Record<number, readonly number[]>> };
  /** Per comparison; at least three rounds are run. */
  readonly seconds: number;
}

/** About 50 seconds on two cores. */
export const calibrationPlan: CalibrationPlan = {
  fewImages: { images: [1, 2, 4, 8], network: "resnet20", side: 32 },
  winograd: { images: 16, sides: { 64: [16, 32], 128: [8, 16, 32], 256: [8, 16], 512: [4, 8, 16] } },
  seconds: 3,
};

/** Alternatives compared: the median time of each, in milliseconds, and the median of its ratio to the last one's time in the same round. */
interface Comparison {
  readonly times: readonly number[];
  readonly ratios: readonly number[];
}

/** Result of {@link measureTuning}: a table, and the times behind it, in milliseconds. */
export interface MeasuredTuning {
  readonly tuning: Tuning;
  readonly images: readonly {
    readonly images: number;
    readonly plain: number;
    readonly blocked: number;
    readonly ratio: number;
  }[];
  readonly winograd: readonly {
    readonly tile: WinogradTile;
    readonly channels: number;
    readonly side: number;
    readonly winograd: number;
    readonly direct: number;
    readonly ratio: number;
  }[];
}

const tiles: readonly WinogradTile[] = [2, 4];

/** Times training steps under alternative lowerings, round-robin, to find the sizes up to which the first is faster. */
export async function measureTuning(
  plan: CalibrationPlan,
  threads: number,
  onProgress: (share: number, what: string) => void = () => {},
): Promise<MeasuredTuning> {
  const direct: Tuning = { fewImages: 0, winograd: { positions: 0, 2: {}, 4: {} } };
  const engineOf = (tuning: Tuning) => ortEngine({ threads, layout: "blocked", precision: "fast", tuning });
  const plain = ortEngine({ threads, layout: "plain" });
  const blocked = engineOf(direct);
  const byWinograd = tiles.map((tile) =>
    engineOf({ ...direct, winograd: { ...direct.winograd, [tile]: { 1: 65_536 } } }),
  );
  const sizes = Object.entries(plan.winograd.sides).flatMap(([channels, sides]) =>
    sides.map((side) => ({ channels: Number(channels), side })),
  );
  const total = plan.fewImages.images.length + sizes.length;
  const images: MeasuredTuning["images"][number][] = [];
  const winograd: MeasuredTuning["winograd"][number][] = [];
  try {
    const { network: name, side: height } = plan.fewImages;
    const network = initialize(createModelByName(name, { numClasses: 10 }));
    for (const n of plan.fewImages.images) {
      onProgress(images.length / total, `${n} ${n === 1 ? "image" : "images"}`);
      const { times, ratios } = await compare([plain, blocked], network, [n, 3, height, height], 10, plan.seconds);
      images.push({ images: n, plain: times[0]!, blocked: times[1]!, ratio: ratios[0]! });
    }
    for (const [i, { channels, side }] of sizes.entries()) {
      onProgress((images.length + i) / total, `${channels} channels on ${side}×${side} maps`);
      const input = [plan.winograd.images, 3, side, side] as const;
      const engines = [...byWinograd, blocked];
      const { times, ratios } = await compare(engines, layer(channels), input, channels, plan.seconds);
      for (const [way, tile] of tiles.entries())
        winograd.push({ tile, channels, side, winograd: times[way]!, direct: times.at(-1)!, ratio: ratios[way]! });
    }
  } finally {
    await Promise.all([plain, blocked, ...byWinograd].map((engine) => engine.release()));
  }
  return { tuning: tuningOf({ images, winograd }), images, winograd };
}

/** The tuning table that follows from measured times. The least number of positions is not measured. */
export function tuningOf({ images, winograd }: Omit<MeasuredTuning, "tuning">): Tuning {
  const sidesOf = (tile: WinogradTile): WinogradSides => {
    const rows = new Map<number, (readonly [side: number, ratio: number])[]>();
    for (const row of winograd.filter((row) => row.tile === tile))
      rows.set(row.channels, [...(rows.get(row.channels) ?? []), [row.side, row.ratio]]);
    return Object.fromEntries([...rows].map(([channels, shares]) => [channels, upTo(shares)]));
  };
  return {
    fewImages: upTo(images.map(({ images: n, ratio }) => [n, ratio])),
    winograd: { positions: defaultTuning.winograd.positions, 2: sidesOf(2), 4: sidesOf(4) },
  };
}

/** The ratio below which an alternative counts as faster; above it is noise. */
const worthwhile = 0.97;

/**
 * The size up to which to use the first of two alternatives, 0 for none, given its time relative to the other at ascending sizes. Minimizes
 * the cumulative log ratio, so that a single noisy ratio does not cut off the sizes after it.
 */
export function upTo(shares: readonly (readonly [size: number, share: number])[]): number {
  let [best, least, sum] = [0, 0, 0];
  for (const [size, share] of shares) {
    sum += Math.log(share / worthwhile);
    if (sum < least) [best, least] = [size, sum];
  }
  return best;
}

/** A 3×3 layer with little around it: [N,3,H,W] → [N, channels]. */
export function layer(channels: number): Module {
  return initialize(
    new Sequential([
      new Conv2d(3, channels, { kernelSize: 1 }),
      new Conv2d(channels, channels, { kernelSize: 3, padding: 1, bias: false }),
      new BatchNorm(channels),
      new Lambda(ops.relu),
      new Lambda(globalAveragePool),
    ]),
  );
}

/** Times a training step on all engines round-robin, alternate rounds reversed. */
export async function compare(
  engines: readonly Engine[],
  network: Module,
  input: readonly [number, number, number, number],
  classes: number,
  seconds: number,
): Promise<Comparison> {
  const { graph, scalars } = trainingStep(network, { optimizer: sgd({ lr: 0.01 }), input, numClasses: classes });
  const feeds = { images: noise(input), targets: targetsFor(input[0], classes), ...scalars(1, 0.01) };
  const executables: Executable[] = [];
  for (const engine of engines) executables.push(await engine.compile(graph));
  /**
   * The fastest run within 50 ms, of at least two, after a warm-up: the first run after another engine's is slower by up to half.
   */
  const timeOf = async (executable: Executable) => {
    const times: number[] = [];
    for (let total = 0; times.length < 3 || total < 50; total += times.at(-1)!) {
      const started = performance.now();
      await executable.run(feeds);
      times.push(performance.now() - started);
    }
    return Math.min(...times.slice(1));
  };
  const rounds: (readonly number[])[] = [];
  const end = performance.now() + 1000 * seconds;
  while (rounds.length < 3 || performance.now() < end) {
    const back = rounds.length % 2 === 1;
    const times: number[] = [];
    for (const executable of back ? executables.toReversed() : executables) times.push(await timeOf(executable));
    rounds.push(back ? times.reverse() : times);
  }
  for (const executable of executables) await executable.release();
  return {
    times: engines.map((_, way) => median(rounds.map((times) => times[way]!))),
    ratios: engines.map((_, way) => median(rounds.map((times) => times[way]! / times.at(-1)!))),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(values.length - 1) >> 1]! + sorted[values.length >> 1]!) / 2;
}

const calibrateFlags = flagList(
  flag("--threads <n>", "threads to measure with (default: one per processor)", threadCount),
  flag("--reset", "remove the table of this machine and measure nothing"),
  jsonFlag,
);
type CalibrateFlags = FlagsOf<typeof calibrateFlags>;

export const calibrateCommand = addFlags(new Command("calibrate"), calibrateFlags)
  .description("Measure which lowering is faster at which sizes, for all commands on this machine")
  .addHelpText("after", () =>
    helpText(`
Times training steps under alternative lowerings: plain against blocked, and direct convolutions against Winograd's algorithm with 2×2
and 4×4 tiles (the latter only with --precision fast). The sizes at which each wins are stored in the cache folder (FOVEA_CACHE, or
fovea in the user's cache folder) for this processor, number of threads and versions. Commands that train or evaluate use them instead of
the defaults, which were measured on a processor with AVX-512. Takes about a minute; run nothing else meanwhile. In programs, pass "tuning"
of the --json output to the engine: ortEngine({ tuning }).

Examples:
  fovea bench calibrate             measure and store the table
  fovea bench calibrate --reset     remove the table`),
  )
  .action(async (_: unknown, command: Command) => {
    const { threads = availableParallelism(), reset = false, json = false } = command.optsWithGlobals<CalibrateFlags>();
    refuseBenchOptions(command);
    const machine = thisMachine(threads);
    const path = tuningPath(machine);
    if (reset) {
      const removed = await removeTuning(machine);
      print(json, { removed, path }, () => [removed ? `removed ${path}` : `nothing to remove: no ${path}`]);
      return;
    }
    const progress = new ProgressLine();
    const measured = await measureTuning(calibrationPlan, threads, (share, what) => progress.draw(share, what));
    progress.clear();
    print(json, { machine, ...measured, path }, () => measuredText(machine, measured));
    await writeTuning(machine, measured);
    if (!json) say(`wrote ${path}`);
  });

/** Options of `bench` are accepted anywhere on the line: those that calibrating does not use must not be silently ignored. */
function refuseBenchOptions(command: Command): void {
  const own = command.options.map((option) => option.long);
  const given = command.parent!.options.find(
    (option) => !own.includes(option.long) && command.parent!.getOptionValueSource(option.attributeName()) === "cli",
  );
  if (given) throw new OptionError(`bench calibrate has no option ${given.long}; it takes ${own.join(", ")}`);
}

function measuredText(machine: Machine, { tuning, images, winograd }: MeasuredTuning): string[] {
  const { fewImages, winograd: byWinograd } = calibrationPlan;
  const figures = (first: number, second: number, ratio: number) => [
    first.toFixed(1).padStart(7),
    second.toFixed(1).padStart(7),
    ratio.toFixed(2),
  ];
  return paragraphs(
    `${machine.processor}, ${machine.threads} ${machine.threads === 1 ? "thread" : "threads"}; milliseconds of training steps`,
    `${fewImages.network} on images of ${fewImages.side}×${fewImages.side}`,
    table(
      images.map((row) => [
        row.images,
        ...figures(row.plain, row.blocked, row.ratio),
        row.images <= tuning.fewImages ? "plain" : "blocked",
      ]),
      ["images", "  plain", "blocked", "ratio", "chosen"],
    ),
    `one 3×3 convolution, ${byWinograd.images} images, direct and by Winograd's algorithm`,
    table(
      winograd.map((row) => [
        `${row.tile}×${row.tile}`,
        row.channels,
        row.side,
        ...figures(row.winograd, row.direct, row.ratio),
        row.side > tuning.winograd[row.tile][row.channels]!
          ? "direct"
          : row.tile === 2
            ? "Winograd"
            : "where it is allowed",
      ]),
      ["tiles", "channels", "side", "Winograd", " direct", "ratio", "chosen"],
    ),
  );
}

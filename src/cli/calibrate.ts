import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { Command } from "commander";
import {
  BatchNorm,
  Conv2d,
  defaultRegimes,
  type Engine,
  type Executable,
  globalAveragePool,
  initialize,
  Lambda,
  type Module,
  modelByName,
  OptionError,
  ops,
  ortEngine,
  type Regimes,
  Sequential,
  sgd,
  trainingStep,
  type WinogradSides,
  type WinogradTile,
} from "../index.js";
import { threadCount } from "./arguments.js";
import { type Machine, regimesPath, removeRegimes, thisMachine, writeRegimes } from "./regimes.js";
import { helpText, ProgressLine, paragraphs, print, say, table } from "./terminal.js";
import { noise, targetsFor } from "./workload.js";

/** What is measured, and for how long. */
export interface CalibrationPlan {
  /** Plain and in blocks: a network with these numbers of images, ascending, on square ones. Its layers differ; what counts is all of them. */
  readonly fewImages: { readonly images: readonly number[]; readonly network: string; readonly side: number };
  /** By Winograd's algorithm with both sizes of tiles, and direct: with so many images, a layer on maps of these sides, ascending, by number of channels. */
  readonly winograd: { readonly images: number; readonly sides: Readonly<Record<number, readonly number[]>> };
  /** For each comparison; three turns are made in any case. */
  readonly seconds: number;
}

/** About 50 seconds on two cores. */
export const calibrationPlan: CalibrationPlan = {
  fewImages: { images: [1, 2, 4, 8], network: "resnet20", side: 32 },
  winograd: { images: 16, sides: { 64: [16, 32], 128: [8, 16, 32], 256: [8, 16], 512: [4, 8, 16] } },
  seconds: 3,
};

/** Several ways to compute the same: the median time of each, in milliseconds, and the median of its share of the last one's in a turn. */
interface Comparison {
  readonly times: readonly number[];
  readonly ratios: readonly number[];
}

/** What {@link measureRegimes} found: a table, and the times that it was made from, in milliseconds. */
export interface MeasuredRegimes {
  readonly regimes: Regimes;
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

/** Times training steps by one lowering and the other in turn, and says up to which sizes the first of two is the faster. */
export async function measureRegimes(
  plan: CalibrationPlan,
  threads: number,
  onProgress: (share: number, what: string) => void = () => {},
): Promise<MeasuredRegimes> {
  const direct: Regimes = { fewImages: 0, winograd: { positions: 0, 2: {}, 4: {} } };
  const engineOf = (regimes: Regimes) => ortEngine({ threads, layout: "blocked", winograd: true, regimes });
  const plain = ortEngine({ threads, layout: "plain" });
  const blocked = engineOf(direct);
  const byWinograd = tiles.map((tile) =>
    engineOf({ ...direct, winograd: { ...direct.winograd, [tile]: { 1: 65_536 } } }),
  );
  const sizes = Object.entries(plan.winograd.sides).flatMap(([channels, sides]) =>
    sides.map((side) => ({ channels: Number(channels), side })),
  );
  const total = plan.fewImages.images.length + sizes.length;
  const images: MeasuredRegimes["images"][number][] = [];
  const winograd: MeasuredRegimes["winograd"][number][] = [];
  try {
    const { network: name, side: height } = plan.fewImages;
    const network = initialize(modelByName(name, { classes: 10 }));
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
  return { regimes: regimesOf({ images, winograd }), images, winograd };
}

/** The table that follows from measured times. From how many positions on the algorithm pays is not measured. */
export function regimesOf({ images, winograd }: Omit<MeasuredRegimes, "regimes">): Regimes {
  const sidesOf = (tile: WinogradTile): WinogradSides => {
    const rows = new Map<number, (readonly [side: number, ratio: number])[]>();
    for (const row of winograd.filter((row) => row.tile === tile))
      rows.set(row.channels, [...(rows.get(row.channels) ?? []), [row.side, row.ratio]]);
    return Object.fromEntries([...rows].map(([channels, shares]) => [channels, upTo(shares)]));
  };
  return {
    fewImages: upTo(images.map(({ images: n, ratio }) => [n, ratio])),
    winograd: { positions: defaultRegimes.winograd.positions, 2: sidesOf(2), 4: sidesOf(4) },
  };
}

/** What a way must take of the other's time to count as faster: less than that is noise. */
const worthwhile = 0.97;

/**
 * The size up to which the first of two ways is to be taken, 0 for nowhere, by its share of the other's time at ascending sizes. It is
 * where the sum of the logarithms of the shares is least: a single share that noise has made larger does not cut off the sizes after it.
 */
export function upTo(shares: readonly (readonly [size: number, share: number])[]): number {
  let [best, least, sum] = [0, 0, 0];
  for (const [size, share] of shares) {
    sum += Math.log(share / worthwhile);
    if (sum < least) [best, least] = [size, sum];
  }
  return best;
}

/** A 3×3 layer with what is around it in a network: all else costs little. [N,3,H,W] → [N, channels] */
export function layer(channels: number): Module {
  return initialize(
    new Sequential([
      new Conv2d(3, channels, { kernel: 1 }),
      new Conv2d(channels, channels, { kernel: 3, padding: 1, bias: false }),
      new BatchNorm(channels),
      new Lambda(ops.relu),
      new Lambda(globalAveragePool),
    ]),
  );
}

/** Times a training step on all engines, in turns of which every second goes the other way round. */
export async function compare(
  engines: readonly Engine[],
  network: Module,
  input: readonly [number, number, number, number],
  classes: number,
  seconds: number,
): Promise<Comparison> {
  const { graph, scalars } = trainingStep(network, { optimizer: sgd({ lr: 0.01 }), input, classes });
  const feeds = { images: noise(input), targets: targetsFor(input[0], classes), ...scalars(1, 0.01) };
  const executables: Executable[] = [];
  for (const engine of engines) executables.push(await engine.compile(graph));
  /**
   * The fastest of the runs that fit into a twentieth of a second, of two at least, after one that does not count: the first after another
   * engine's runs is slower by up to half.
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
  const turns: (readonly number[])[] = [];
  const end = performance.now() + 1000 * seconds;
  while (turns.length < 3 || performance.now() < end) {
    const back = turns.length % 2 === 1;
    const times: number[] = [];
    for (const executable of back ? executables.toReversed() : executables) times.push(await timeOf(executable));
    turns.push(back ? times.reverse() : times);
  }
  for (const executable of executables) await executable.release();
  return {
    times: engines.map((_, way) => median(turns.map((times) => times[way]!))),
    ratios: engines.map((_, way) => median(turns.map((times) => times[way]! / times.at(-1)!))),
  };
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(values.length - 1) >> 1]! + sorted[values.length >> 1]!) / 2;
}

interface CalibrateFlags {
  readonly threads?: number;
  readonly reset?: boolean;
  readonly json?: boolean;
}

export const calibrateCommand = new Command("calibrate")
  .description("Measure which lowering is the faster at which sizes, for all commands on this machine")
  .option("--threads <n>", "threads that the table is for (default: one per processor)", threadCount)
  .option("--reset", "remove the table of this machine instead, and measure nothing")
  .option("--json", "print one JSON object")
  .addHelpText("after", () =>
    helpText(`
Training steps are timed in several ways, in turn: plain and in blocks; direct and by Winograd's algorithm with tiles of 2×2 and 4×4
(of which --winograd allows the latter). Up to which sizes one is the faster is kept as a table in the cache folder (FOVEA_CACHE, or fovea in the user's cache folder), for this processor, number of threads
and versions. Commands that train or evaluate use it; without one, what was measured on a processor with AVX-512. It takes about a
minute, in which nothing else should run. Programs pass the table on: ortEngine({ regimes }), with "regimes" as printed by --json.

Examples:
  fovea bench calibrate             measure, and keep the table
  fovea bench calibrate --reset     forget it`),
  )
  .action(async (_: unknown, command: Command) => {
    const { threads = availableParallelism(), reset = false, json = false } = command.optsWithGlobals<CalibrateFlags>();
    refuseBenchOptions(command);
    const machine = thisMachine(threads);
    const path = regimesPath(machine);
    if (reset) {
      const removed = await removeRegimes(machine);
      print(json, { removed, path }, () => [removed ? `${path} is removed` : `nothing to remove: no ${path}`]);
      return;
    }
    const progress = new ProgressLine();
    const measured = await measureRegimes(calibrationPlan, threads, (share, what) => progress.draw(share, what));
    progress.clear();
    print(json, { machine, ...measured, path }, () => measuredText(machine, measured));
    await writeRegimes(machine, measured);
    if (!json) say(`written to ${path}`);
  });

/** Options of `bench` are taken wherever they stand: those that calibrating has no use for must not be passed over. */
function refuseBenchOptions(command: Command): void {
  const own = command.options.map((option) => option.long);
  const given = command.parent!.options.find(
    (option) => !own.includes(option.long) && command.parent!.getOptionValueSource(option.attributeName()) === "cli",
  );
  if (given) throw new OptionError(`bench calibrate has no option ${given.long}; it takes ${own.join(", ")}`);
}

function measuredText(machine: Machine, { regimes, images, winograd }: MeasuredRegimes): string[] {
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
        row.images <= regimes.fewImages ? "plain" : "blocked",
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
        row.side > regimes.winograd[row.tile][row.channels]!
          ? "direct"
          : row.tile === 2
            ? "Winograd"
            : "where it is allowed",
      ]),
      ["tiles", "channels", "side", "Winograd", " direct", "ratio", "chosen"],
    ),
  );
}

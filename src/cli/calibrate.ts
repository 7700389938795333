import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { Command } from "commander";
import {
  BatchNorm,
  Conv2d,
  type Engine,
  globalAveragePool,
  initialize,
  Lambda,
  type Module,
  model,
  ops,
  ortEngine,
  type Regimes,
  Sequential,
  sgd,
  trainingStep,
} from "../index.js";
import { count } from "./arguments.js";
import { type Machine, regimesPath, removeRegimes, thisMachine, writeRegimes } from "./regimes.js";
import { ProgressLine, print, say, table } from "./terminal.js";
import { noise, targetsFor } from "./workload.js";

/** What is measured, and for how long. */
export interface CalibrationPlan {
  /** The residual network whose training step is timed, plain and in blocks: its name, and the size of its pictures. */
  readonly network: { readonly name: string; readonly input: readonly [number, number, number] };
  /** Numbers of pictures, ascending. */
  readonly images: readonly number[];
  /** Sides of maps, ascending, by number of channels: 3×3 convolutions are timed on these, direct and by Winograd's algorithm. */
  readonly winograd: Readonly<Record<number, readonly number[]>>;
  /** Pictures of those convolutions. */
  readonly batch: number;
  /** For each comparison; five runs of both are made in any case. */
  readonly seconds: number;
}

/** About a minute. */
export const calibrationPlan: CalibrationPlan = {
  network: { name: "resnet18", input: [3, 32, 32] },
  images: [2, 4, 8, 16],
  winograd: { 64: [16, 32], 128: [8, 16, 32], 256: [8, 16, 32], 512: [8, 16] },
  batch: 16,
  seconds: 1.5,
};

/** Two ways to compute the same: the median time of each, and the median of the first's over the second's within a round. */
interface Comparison {
  readonly milliseconds: readonly [first: number, second: number];
  readonly ratio: number;
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
    readonly channels: number;
    readonly side: number;
    readonly winograd: number;
    readonly direct: number;
    readonly ratio: number;
  }[];
}

/** Times training steps by one lowering and the other in turn, and says up to which sizes the first of two is the faster. */
export async function measureRegimes(
  plan: CalibrationPlan,
  threads: number,
  onProgress: (share: number, what: string) => void = () => {},
): Promise<MeasuredRegimes> {
  const plain = ortEngine({ threads, layout: "plain" });
  const blocked = ortEngine({ threads, layout: "blocked" });
  const everywhere: Regimes = { fewImages: 0, winograd: { 1: largestSide } };
  const byWinograd = ortEngine({ threads, layout: "blocked", winograd: true, regimes: everywhere });
  const layers = Object.entries(plan.winograd).flatMap(([channels, sides]) =>
    sides.map((side) => ({ channels: Number(channels), side })),
  );
  const total = plan.images.length + layers.length;
  const images: MeasuredRegimes["images"][number][] = [];
  const winograd: MeasuredRegimes["winograd"][number][] = [];
  try {
    const { name, input } = plan.network;
    const network = initialize(model(name, { classes: 10, stem: "cifar" }));
    for (const n of plan.images) {
      onProgress(images.length / total, `training with ${n} ${n === 1 ? "picture" : "pictures"}`);
      const { milliseconds, ratio } = await compare([plain, blocked], network, [n, ...input], 10, plan.seconds);
      images.push({ images: n, plain: milliseconds[0], blocked: milliseconds[1], ratio });
    }
    for (const { channels, side } of layers) {
      onProgress((images.length + winograd.length) / total, `${channels} channels on ${side}×${side} maps`);
      const size = [plan.batch, 3, side, side] as const;
      const { milliseconds, ratio } = await compare(
        [byWinograd, blocked],
        convolutions(channels),
        size,
        channels,
        plan.seconds,
      );
      winograd.push({ channels, side, winograd: milliseconds[0], direct: milliseconds[1], ratio });
    }
  } finally {
    await Promise.all([plain, blocked, byWinograd].map((engine) => engine.release()));
  }
  const rows = Object.keys(plan.winograd).map((channels) => {
    const sides = winograd.filter((row) => row.channels === Number(channels));
    return [channels, upTo(sides.map(({ side, ratio }) => [side, ratio]))] as const;
  });
  const regimes = {
    fewImages: upTo(images.map(({ images: n, ratio }) => [n, ratio])),
    winograd: Object.fromEntries(rows),
  };
  return { regimes, images, winograd };
}

/** Larger than any map. */
const largestSide = 65_536;

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

/** Two 3×3 layers with what is around them in a network: all else costs little. */
function convolutions(channels: number): Module {
  const layer = () => [
    new Conv2d(channels, channels, { kernel: 3, padding: 1, bias: false }),
    new BatchNorm(channels),
    new Lambda(ops.relu),
  ];
  const first = new Conv2d(3, channels, { kernel: 1 });
  return initialize(new Sequential([first, ...layer(), ...layer(), new Lambda(globalAveragePool)]));
}

/** The time of a training step on both engines, in turns of which every second begins with the other, after one that does not count. */
async function compare(
  engines: readonly [Engine, Engine],
  network: Module,
  input: readonly [number, number, number, number],
  classes: number,
  seconds: number,
): Promise<Comparison> {
  const { graph, scalars } = trainingStep(network, { optimizer: sgd({ lr: 0.01 }), input, classes });
  const feeds = { images: noise(input), targets: targetsFor(input[0], classes), ...scalars(1, 0.01) };
  const executables = [await engines[0].compile(graph), await engines[1].compile(graph)] as const;
  const timed = async (which: 0 | 1) => {
    const started = performance.now();
    await executables[which].run(feeds);
    return performance.now() - started;
  };
  await timed(0);
  await timed(1);
  const rounds: (readonly [number, number])[] = [];
  const end = performance.now() + 1000 * seconds;
  while (rounds.length < 5 || performance.now() < end) {
    if (rounds.length % 2 === 0) rounds.push([await timed(0), await timed(1)]);
    else {
      const second = await timed(1);
      rounds.push([await timed(0), second]);
    }
  }
  for (const executable of executables) await executable.release();
  const [first, second] = [median(rounds.map(([t]) => t)), median(rounds.map(([, t]) => t))];
  return { milliseconds: [first, second], ratio: median(rounds.map(([a, b]) => a / b)) };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

interface CalibrateFlags {
  readonly threads?: number;
  readonly reset?: boolean;
  readonly json?: boolean;
}

export const calibrateCommand = new Command("calibrate")
  .description("Measure which lowering is the faster at which sizes, for all commands on this machine")
  .option("--threads <n>", "threads that the table is for (default: one per processor)", count)
  .option("--reset", "remove the table of this machine instead, and measure nothing")
  .option("--json", "print one JSON object")
  .addHelpText(
    "after",
    `
Training steps are timed in two ways, in turn: plain and in blocks, direct and by Winograd's algorithm. Up to which sizes the one is
faster is kept as a table in the cache folder (FOVEA_CACHE, or fovea in the user's cache folder), for this processor, number of threads
and versions. Commands that train or evaluate use it; without one, what was measured on a processor with AVX-512. It takes about a
minute, in which nothing else should run. Programs pass the table on: ortEngine({ regimes }), with "regimes" as printed by --json.

Examples:
  fovea bench calibrate             measure, and keep the table
  fovea bench calibrate --reset     forget it`,
  )
  .action(async (_: unknown, command: Command) => {
    const { threads = availableParallelism(), reset = false, json = false } = command.optsWithGlobals<CalibrateFlags>();
    const machine = thisMachine(threads);
    const path = regimesPath(machine);
    if (reset) {
      const removed = await removeRegimes(machine);
      print(json, { removed, path }, () => (removed ? `${path} is removed` : `nothing to remove: no ${path}`));
      return;
    }
    const progress = new ProgressLine();
    const measured = await measureRegimes(calibrationPlan, threads, (share, what) => progress.draw(share, what));
    progress.clear();
    print(json, { machine, ...measured, path }, () => measuredText(machine, measured));
    await writeRegimes(machine, measured);
    if (!json) say(`written to ${path}`);
  });

function measuredText(machine: Machine, { regimes, images, winograd }: MeasuredRegimes): string {
  const { name, input } = calibrationPlan.network;
  const figures = (first: number, second: number, ratio: number) => [
    first.toFixed(1).padStart(7),
    second.toFixed(1).padStart(7),
    ratio.toFixed(2),
  ];
  const { fewImages } = regimes;
  return [
    `${machine.processor}, ${machine.threads} ${machine.threads === 1 ? "thread" : "threads"}`,
    `milliseconds of a training step of ${name} on pictures of ${input[1]}×${input[2]}`,
    table(
      images.map((row) => [
        row.images,
        ...figures(row.plain, row.blocked, row.ratio),
        row.images <= fewImages ? "plain" : "blocked",
      ]),
      ["pictures", "  plain", "blocked", "ratio", "chosen"],
    ),
    `milliseconds of a training step of two 3×3 convolutions, ${calibrationPlan.batch} pictures`,
    table(
      winograd.map((row) => [
        row.channels,
        row.side,
        ...figures(row.winograd, row.direct, row.ratio),
        row.side <= regimes.winograd[row.channels]! ? "Winograd" : "direct",
      ]),
      ["channels", "side", "Winograd", " direct", "ratio", "chosen, where it is allowed"],
    ),
  ].join("\n\n");
}

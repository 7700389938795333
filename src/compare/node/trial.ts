import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { resourceUsage } from "node:process";
import type { Preprocessing } from "../../data/index.js";
import type { Engine } from "../../engines/engine.js";
import { buildNetwork } from "../../inference/load-run.js";
import { type EpochRecord, optimizers, train } from "../../train/index.js";
import { RunFolder } from "../../train/run-folder.js";
import { subset } from "../data.js";
import type { ResolvedUnit } from "../resolve.js";
import { mean } from "../statistics/index.js";
import type { Journal, JournaledUnit } from "./journal.js";
import { lookedAt, looksSeconds } from "./measure-looks.js";
import { configOf, cpuSeconds, howTrained, measured } from "./run-unit.js";

/** How long the parts of a unit take, in seconds. */
export interface Speed {
  /** From the start of the process to the first step. */
  readonly start: number;
  readonly step: number;
  /** Of an epoch beyond its steps and validation: waiting for the first batch, writing checkpoints. */
  readonly epoch: number;
  /** Of evaluating: to compile, and for each image. */
  readonly evaluation: number;
  readonly image: number;
  /** Of finding where the network looks: to compile, and for each image. */
  readonly looks: number;
  readonly look: number;
}

/** Measurements of a short training of a unit. */
export interface Trial {
  /** By the clock, and of all processors together. */
  readonly clock: Speed;
  readonly cpu: Speed;
  /** Most memory of the process until the end of the test, in bytes. */
  readonly peakBytes: number;
}

/** Steps of an epoch, two of which are trained. */
const steps = 4;
/** Images that are evaluated, in a short and a long pass: fewer if they are large, as each takes longer. */
function passSizes({ imageSize }: Preprocessing): readonly [few: number, more: number] {
  const few = Math.min(64, Math.max(8, Math.round(64 * (32 / imageSize) ** 2)));
  return [few, 3 * few];
}

type Time = readonly [clock: number, cpu: number];
const now = (): Time => [performance.now() / 1000, cpuSeconds()];
const less = (a: Time, b: Time): Time => [a[0] - b[0], a[1] - b[1]];

/**
 * Runs a unit with few steps and images, in a fresh process: two short epochs with validation and checkpoints, the test twice, and maps.
 * The time of each part follows.
 */
export async function trial(journal: Journal, entry: JournaledUnit, engine: Engine): Promise<Trial> {
  const { resolved: unit, hashes } = entry;
  const { model, training, preprocessing, task } = unit!;
  const { optimizer } = training;
  const { data } = journal;
  const [few, more] = passSizes(preprocessing);
  const path = await mkdtemp(join(tmpdir(), "fovea-trial-"));
  try {
    const run = await RunFolder.create(join(path, "run"), configOf(journal, unit!, hashes!, "trial"));
    const network = buildNetwork(model, preprocessing, training.seed);
    const count = Math.min(data.train.length, steps * training.batch);
    const short = (part: typeof data.train, most: number) =>
      subset(
        part,
        Array.from({ length: Math.min(most, part.length) }, (_, i) => i),
      );
    const stepEnds: { readonly epoch: number; readonly at: Time }[] = [];
    const epochEnds: { readonly validated: Time; readonly recorded: Time }[] = [];
    const history: EpochRecord[] = [];
    await train(network, short(data.train, count), {
      ...howTrained(unit!, engine),
      // So that nothing diverges: what a step takes does not depend on the rate.
      optimizer: optimizers[optimizer.name as keyof typeof optimizers]({ ...optimizer.settings, lr: 1e-6 }),
      epochs: 2,
      validate: short(data.validation, few),
      metadata: run.description(),
      onStep: ({ epoch }) => void stepEnds.push({ epoch, at: now() }),
      onEpoch: async (record, report) => {
        const validated = now();
        history.push(record);
        await run.record(record, history, report);
        epochEnds.push({ validated, recorded: now() });
      },
    });
    const passes: Time[] = [];
    for (const images of [few, more]) {
      const before = now();
      await measured(network, history[0]!, short(data.test, images), { task, preprocessing, engine });
      passes.push(less(now(), before));
    }
    const peakBytes = 1024 * resourceUsage().maxRSS;
    run.release();
    const looks = lookedAt(journal) > 0 && (await looksSeconds(journal, { ...entry, folder: run.path }, engine, now));
    const sizes = [few, more].map((images) => Math.min(images, data.test.length)) as [number, number];
    const [clock, cpu] = ([0, 1] as const).map((which): Speed => {
      const gaps = stepEnds.flatMap(({ epoch, at }, i) =>
        stepEnds[i - 1]?.epoch === epoch ? [at[which] - stepEnds[i - 1]!.at[which]] : [],
      );
      const second = stepEnds.filter(({ epoch }) => epoch === 2);
      const all = second.at(-1)!.at[which] - epochEnds[0]!.recorded[which];
      const step = gaps.length > 0 ? mean(gaps) : all / second.length;
      const [evaluation, image] = affine(sizes, [passes[0]![which], passes[1]![which]]);
      const [opened, look] = looks ? affine(looks.sizes, [looks.times[0][which], looks.times[1][which]]) : [0, 0];
      return {
        start: Math.max(0, stepEnds[0]!.at[which] - step),
        step,
        epoch: Math.max(0, all - second.length * step) + epochEnds[1]!.recorded[which] - epochEnds[1]!.validated[which],
        evaluation,
        image,
        looks: opened,
        look,
      };
    });
    return { clock: clock!, cpu: cpu!, peakBytes };
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

/** What two passes over so many images take without them, and for each. */
function affine([a, b]: readonly [number, number], [short, long]: readonly [number, number]): [number, number] {
  const each = b > a ? Math.max(0, long - short) / (b - a) : short / a;
  return [Math.max(0, short - a * each), each];
}

/** Seconds that a unit's process takes. Where its network looks is found at the end, and not part of it. */
export function unitSeconds(
  { epochs, steps: count }: Pick<ResolvedUnit, "epochs" | "steps">,
  { data }: Journal,
  { start, step, epoch, evaluation, image }: Speed,
): number {
  const whole = Math.ceil(epochs);
  const tests = whole > 1 ? 2 : 1;
  return (
    start +
    count * step +
    whole * (epoch + evaluation + data.validation.length * image) +
    tests * (evaluation + data.test.length * image)
  );
}

import { performance } from "node:perf_hooks";
import { zeros } from "../../core/tensor.js";
import type { Engine, Executable } from "../../engines/engine.js";
import { buildNetwork } from "../../inference/load-run.js";
import { trace } from "../../nn/index.js";
import type { CostRow, Costs } from "../costs.js";
import type { ResolvedUnit } from "../resolve.js";
import { quantile } from "../statistics/index.js";
import type { Journal, JournaledUnit } from "./journal.js";
import { compileStep } from "./steps.js";
import { distinct, inferenceBytes, tryUnit } from "./trials.js";

/** Of rounds in one order and in the other. */
type Halves = readonly [number[], number[]];

interface Timed {
  readonly entry: JournaledUnit;
  readonly unit: ResolvedUnit;
  readonly forward: Executable;
  /** Seconds of an image, and of a training step. */
  readonly latencies: Halves;
  readonly steps: Halves;
}

const rounds = 8;
const runsInARound = 3;
const timedSteps = 3;
const noise = 0.05;

/**
 * Measures how fast the networks are and what memory they take, one at a time and when nothing else of the comparison runs: round by round,
 * every second one in the opposite order (ABBA), so that what drifts hits all alike. Memory is that of processes of their own.
 */
export async function measureCosts(
  journal: Journal,
  units: readonly JournaledUnit[],
  engine: Engine,
  { signal, onPart }: { readonly signal: AbortSignal; readonly onPart: (share: number) => void },
): Promise<Costs> {
  const { threads, backbones } = journal.plan;
  const networks = [...distinct(units).values()].filter(({ unit }) => unit.setting === 0);
  // Parts: a step in either order, the rounds, and memory.
  const parts = networks.length * (2 + rounds + 1);
  let done = 0;
  const part = () => {
    signal.throwIfAborted();
    onPart(++done / parts);
  };
  const rows: CostRow[] = [];
  for (const { label } of backbones) {
    const timed: Timed[] = [];
    try {
      for (const entry of networks) if (entry.unit.backbone.label === label) timed.push(await prepare(entry, engine));
      for (const half of [0, 1] as const)
        for (const one of half ? timed.toReversed() : timed) {
          one.steps[half].push(...(await stepSeconds(journal, one.unit, engine)));
          part();
        }
      for (const one of timed) await secondsOf(one);
      for (let round = 0; round < rounds; round++)
        // A B, B A, A B, …
        for (const one of round % 2 ? timed.toReversed() : timed) {
          for (let i = 0; i < runsInARound; i++) one.latencies[(round % 2) as 0 | 1].push(await secondsOf(one));
          part();
        }
    } finally {
      for (const { forward } of timed) await forward.release();
    }
    for (const one of timed) {
      const { peakBytes } = await tryUnit(journal, one.entry, signal);
      rows.push(costRow(one, { training: peakBytes, inference: await inferenceBytes(one.unit, threads, signal) }));
      part();
    }
  }
  return { threads, rows, noisy: rows.some((row) => row.noisy) };
}

function costRow({ unit, latencies, steps }: Timed, memory: CostRow["memory"]): CostRow {
  const all = latencies.flat();
  return {
    backbone: unit.backbone.label,
    entrant: unit.entrant.label,
    latency: { median: quantile(all, 0.5), low: quantile(all, 0.25), high: quantile(all, 0.75) },
    trainingRate: unit.training.batch / quantile(steps.flat(), 0.5),
    memory,
    noisy: differ(latencies) || differ(steps),
  };
}

/** Whether the medians of the halves differ too much. */
function differ(halves: Halves): boolean {
  const [a, b] = halves.map((half) => quantile(half, 0.5)) as [number, number];
  return Math.abs(a - b) > noise * Math.min(a, b);
}

async function prepare(entry: JournaledUnit, engine: Engine): Promise<Timed> {
  const unit = entry.resolved!;
  const { imageSize } = unit.preprocessing;
  const network = buildNetwork(unit.model, unit.preprocessing, unit.training.seed);
  const forward = await engine.compile(trace(network, [1, 3, imageSize, imageSize]));
  return { entry, unit, forward, latencies: [[], []], steps: [[], []] };
}

/** One training step at a time is in memory: those of large batches are large. */
async function stepSeconds({ data }: Journal, unit: ResolvedUnit, engine: Engine): Promise<number[]> {
  const network = buildNetwork(unit.model, unit.preprocessing, unit.training.seed);
  const step = await compileStep(network, unit, data.train.classes.length, engine);
  const times: number[] = [];
  try {
    await step.run();
    for (let i = 0; i < timedSteps; i++) {
      const before = performance.now();
      await step.run();
      times.push((performance.now() - before) / 1000);
    }
  } finally {
    await step.release();
  }
  return times;
}

async function secondsOf({ forward, unit }: Timed): Promise<number> {
  const { imageSize } = unit.preprocessing;
  const input = zeros("float32", [1, 3, imageSize, imageSize]);
  const before = performance.now();
  await forward.run({ input });
  return (performance.now() - before) / 1000;
}

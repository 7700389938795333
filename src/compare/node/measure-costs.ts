import { performance } from "node:perf_hooks";
import { zeros } from "../../core/tensor.js";
import type { Engine, Executable } from "../../engines/engine.js";
import { buildNetwork } from "../../inference/load-run.js";
import { trace } from "../../nn/index.js";
import type { CostRow, Costs } from "../costs.js";
import { type ResolvedUnit, rateKey } from "../resolve.js";
import { quantile } from "../statistics/index.js";
import type { Journal, JournaledUnit } from "./journal.js";
import { compileStep } from "./steps.js";

interface Timed {
  readonly unit: ResolvedUnit;
  readonly forward: Executable;
  /** Seconds, of rounds in one order and in the other. */
  readonly latencies: readonly [number[], number[]];
  readonly trainingRate: number;
}

const rounds = 8;
const runsInARound = 3;
const timedSteps = 3;
const noise = 0.05;

/**
 * Measures how fast the networks are, one at a time and when nothing else of the comparison runs: round by round, every second one in
 * the opposite order (ABBA), so that what drifts hits all alike.
 */
export async function measureCosts(
  journal: Journal,
  units: readonly JournaledUnit[],
  engine: Engine,
  { signal, onRound }: { readonly signal: AbortSignal; readonly onRound: (share: number) => void },
): Promise<Costs> {
  const networks = new Map(
    units.flatMap(({ resolved }) =>
      resolved?.setting === 0 ? [[rateKey(resolved.backbone, resolved.entrant, 0), resolved] as const] : [],
    ),
  );
  const rows: CostRow[] = [];
  for (const { label } of journal.plan.backbones) {
    const timed: Timed[] = [];
    try {
      for (const unit of networks.values())
        if (unit.backbone.label === label) timed.push(await prepare(journal, unit, engine));
      for (const one of timed) await secondsOf(one, journal);
      for (let round = 0; round < rounds; round++) {
        // A B, B A, A B, …
        for (const one of round % 2 ? timed.toReversed() : timed) {
          signal.throwIfAborted();
          for (let i = 0; i < runsInARound; i++)
            one.latencies[(round % 2) as 0 | 1].push(await secondsOf(one, journal));
        }
        onRound((round + 1) / rounds);
      }
      rows.push(...timed.map(costRow));
    } finally {
      for (const { forward } of timed) await forward.release();
    }
  }
  return { threads: journal.plan.threads, rows, noisy: rows.some((row) => row.noisy) };
}

function costRow({ unit, latencies, trainingRate }: Timed): CostRow {
  const all = latencies.flat();
  const [a, b] = latencies.map((half) => quantile(half, 0.5)) as [number, number];
  return {
    backbone: unit.backbone.label,
    entrant: unit.entrant.label,
    latency: { median: quantile(all, 0.5), low: quantile(all, 0.25), high: quantile(all, 0.75) },
    trainingRate,
    noisy: Math.abs(a - b) > noise * Math.min(a, b),
  };
}

async function prepare({ data }: Journal, unit: ResolvedUnit, engine: Engine): Promise<Timed> {
  const { model, preprocessing, training } = unit;
  const { imageSize } = preprocessing;
  const network = buildNetwork(model, preprocessing, training.seed);
  // One training step at a time is in memory: those of large batches are large.
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
  const forward = await engine.compile(trace(network, [1, 3, imageSize, imageSize]));
  return { unit, forward, latencies: [[], []], trainingRate: training.batch / quantile(times, 0.5) };
}

async function secondsOf({ forward }: Timed, { resolver }: Journal): Promise<number> {
  const { imageSize } = resolver.frame.preprocessing;
  const input = zeros("float32", [1, 3, imageSize, imageSize]);
  const before = performance.now();
  await forward.run({ input });
  return (performance.now() - before) / 1000;
}

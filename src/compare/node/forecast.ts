import { rateKey } from "../resolve.js";
import type { Journal, JournaledUnit } from "./journal.js";
import { lookedAt } from "./measure-looks.js";
import { type Speed, type Trial, unitSeconds } from "./trial.js";

/** The estimated cost of a comparison. */
export interface Forecast {
  readonly units: number;
  readonly images: number;
  readonly macs: number;
  /** Wall-clock time with the given number of workers: trainings, and measurements of looks and costs if requested. */
  readonly seconds: number;
  /** CPU time of the units' processes. */
  readonly cpuSeconds: number;
  /** Most memory of one unit's process, in bytes. */
  readonly peakBytes: number;
}

export interface ForecastOptions {
  readonly workers: number;
  /** Whether speed and memory will be measured at the end. */
  readonly cost: boolean;
  /** Whether it will be found where the networks look, at the end. */
  readonly looks: boolean;
}

/** The estimated cost of the remaining units. */
export function forecast(
  journal: Journal,
  units: readonly JournaledUnit[],
  trials: ReadonlyMap<string, Trial>,
  { workers, cost, looks: looking }: ForecastOptions,
): Forecast {
  let [count, images, macs, cpuSeconds, peakBytes, looks] = [0, 0, 0, 0, 0, 0];
  const asked = looking ? lookedAt(journal) : 0;
  const free = new Array<number>(Math.max(1, workers)).fill(0);
  for (const { resolved } of units) {
    if (!resolved) continue;
    const { steps, training, cost: work, backbone, entrant, setting } = resolved;
    const tried = trials.get(rateKey(backbone, entrant, setting))!;
    count++;
    images += steps * training.batch;
    macs += steps * work.stepMacs;
    cpuSeconds += unitSeconds(resolved, journal, tried.cpu);
    peakBytes = Math.max(peakBytes, tried.peakBytes);
    if (asked > 0) looks += tried.clock.looks + asked * tried.clock.look;
    // Units go in order to whoever is free first.
    const first = free.indexOf(Math.min(...free));
    free[first]! += unitSeconds(resolved, journal, tried.clock);
  }
  const parallel = Math.max(1, Math.min(workers, count));
  const costs = cost && count > 0 ? [...trials.values()].reduce((sum, { clock }) => sum + costSeconds(clock), 0) : 0;
  return {
    units: count,
    images,
    macs,
    seconds: Math.max(...free) + looks / parallel + costs,
    cpuSeconds,
    peakBytes,
  };
}

/** What it takes to measure one network's speed and memory: about two compilations with steps, and two processes. */
const costSeconds = ({ start, step, evaluation, image, looks, look }: Speed): number =>
  3 * start + 16 * step + 3 * evaluation + 280 * image + 2 * looks + 10 * look;

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { FoveaError } from "../../core/errors.js";
import { type ResolvedUnit, rateKey } from "../resolve.js";
import type { Journal, JournaledUnit } from "./journal.js";
import type { Speed, Trial } from "./trial.js";
import type { TrialRequest } from "./trial-process.js";

const program = fileURLToPath(new URL("trial-process.js", import.meta.url));

/** Asks a process of its own. @throws FoveaError if it fails, or the signal ends it. */
function ask<T>(request: TrialRequest, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = fork(program, [], { stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: [], detached: true });
    const stop = () => void child.kill("SIGKILL");
    signal?.addEventListener("abort", stop);
    let answer: { readonly value?: unknown; readonly error?: string } | undefined;
    child.stderr!.resume();
    child.on("message", (message: typeof answer) => {
      answer = message;
    });
    child.on("error", (error) => {
      answer = { error: error.message };
    });
    child.on("close", (code, by) => {
      signal?.removeEventListener("abort", stop);
      if (answer && "value" in answer) return resolve(answer.value as T);
      reject(new FoveaError(answer?.error ?? `a measured process ended ${by ? `by ${by}` : `with code ${code}`}`));
    });
    child.send(request);
  });
}

/** The first unit of each network and setting. */
export function distinct(units: readonly JournaledUnit[]): Map<string, JournaledUnit> {
  const found = new Map<string, JournaledUnit>();
  for (const entry of units) {
    const { resolved } = entry;
    const key = resolved && rateKey(resolved.backbone, resolved.entrant, resolved.setting);
    if (key !== undefined && !found.has(key)) found.set(key, entry);
  }
  return found;
}

/** A short training of a unit of a comparison that is written down, in a process of its own. */
export const tryUnit = ({ path }: Journal, { unit }: JournaledUnit, signal?: AbortSignal): Promise<Trial> =>
  ask<Trial>({ kind: "trial", path, unit: unit.index }, signal);

/** The most memory that a process takes to classify single images, in bytes. */
export const inferenceBytes = (
  { model, preprocessing }: ResolvedUnit,
  threads: number,
  signal?: AbortSignal,
): Promise<number> => ask<number>({ kind: "inference", model, preprocessing, threads }, signal);

/**
 * Measures the networks of a comparison, each with a short training, as many at the same time as there will be workers.
 * The comparison must be written down already.
 */
export async function probe(
  journal: Journal,
  units: readonly JournaledUnit[],
  workers: number,
  onNetwork: (done: number, total: number, title: string) => void = () => {},
): Promise<Map<string, Trial>> {
  const networks = distinct(units);
  const trials = new Map<string, Trial>();
  for (const [key, entry] of networks) {
    onNetwork(trials.size, networks.size, `${entry.unit.backbone.label} ${entry.unit.entrant.label}`);
    const all = await Promise.all(Array.from({ length: workers }, () => tryUnit(journal, entry)));
    trials.set(key, {
      clock: averaged(all.map(({ clock }) => clock)),
      cpu: averaged(all.map(({ cpu }) => cpu)),
      peakBytes: Math.max(...all.map(({ peakBytes }) => peakBytes)),
    });
  }
  return trials;
}

const averaged = (speeds: readonly Speed[]): Speed =>
  Object.fromEntries(
    Object.keys(speeds[0]!).map((key) => [
      key,
      speeds.reduce((sum, speed) => sum + speed[key as keyof Speed], 0) / speeds.length,
    ]),
  ) as unknown as Speed;

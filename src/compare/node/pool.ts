import { type ChildProcess, fork } from "node:child_process";
import type { JournaledUnit } from "./journal.js";

/** What a worker process tells its coordinator. */
export type WorkerMessage =
  | { readonly kind: "step"; readonly share: number }
  | { readonly kind: "failed"; readonly message: string };

export interface PoolOptions {
  readonly workers: number;
  /** The program, and its arguments for a unit. */
  readonly program: string;
  readonly argumentsOf: (unit: JournaledUnit) => readonly string[];
  readonly signal: AbortSignal;
  /** How many units are done, counting running ones by their progress. */
  readonly onProgress: (done: number, title: string) => void;
}

/** A unit that was not done, and why. */
export interface PoolFailure {
  readonly title: string;
  readonly message: string;
}

/** How often a unit whose worker was killed is restarted. */
const attempts = 3;

/**
 * Runs units in separate processes, a few at a time. A process that dies, out of memory or by kill -9, does not affect the others; its unit
 * resumes in a new one. Processes whose coordinator is gone exit.
 */
export async function runPool(units: readonly JournaledUnit[], options: PoolOptions): Promise<PoolFailure[]> {
  const { workers, signal, onProgress } = options;
  const waiting = [...units];
  const shares = new Map<JournaledUnit, number>();
  const failures: PoolFailure[] = [];
  let done = 0;
  const tell = (title: string) => onProgress(done + [...shares.values()].reduce((sum, share) => sum + share, 0), title);

  const worker = async () => {
    for (let unit = waiting.shift(); unit && !signal.aborted; unit = waiting.shift()) {
      const current = unit;
      const step = (share: number) => {
        shares.set(current, share);
        tell(current.title);
      };
      let message: string | undefined;
      for (let attempt = 0; attempt < attempts && !signal.aborted; attempt++) {
        const end = await runChild(current, options, step);
        message = end.message;
        if (!end.killed) break;
      }
      shares.delete(current);
      done++;
      if (message !== undefined && !signal.aborted) failures.push({ title: current.title, message });
      tell(current.title);
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, units.length) }, worker));
  return failures;
}

/** Runs one process to its end. Aborting lets it save first. */
function runChild(
  unit: JournaledUnit,
  { program, argumentsOf, signal }: PoolOptions,
  onStep: (share: number) => void,
): Promise<{ readonly message?: string; readonly killed: boolean }> {
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = fork(program, argumentsOf(unit), {
        stdio: ["ignore", "ignore", "pipe", "ipc"],
        execArgv: [],
        // Ctrl-C goes to the whole process group of a terminal: they would get it twice, and exit without saving.
        detached: true,
      });
    } catch (error) {
      return resolve({ message: (error as Error).message, killed: false });
    }
    let said = "";
    child.stderr!.on("data", (text) => {
      said = (said + text).slice(-4000);
    });
    child.on("message", (message: WorkerMessage) => {
      if (message.kind === "step") onStep(message.share);
    });
    const stop = () => void child.kill("SIGTERM");
    signal.addEventListener("abort", stop);
    child.on("error", (error) => {
      said += error.message;
    });
    child.on("close", (code, by) => {
      signal.removeEventListener("abort", stop);
      if (code === 0) return resolve({ killed: false });
      const last = said
        .trim()
        .split("\n")
        .at(-1)
        ?.replace(/^fovea: /, "");
      resolve({
        message: by ? `its process was ended by ${by}` : last || `its process ended with code ${code}`,
        killed: by !== null,
      });
    });
  });
}

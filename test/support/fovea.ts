import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { Rng } from "../../src/core/rng.js";

/** The command line, for tests that start it in a way of their own. */
export const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

// What was calibrated on this machine is not for tests.
process.env.FOVEA_CACHE = temporaryFolder();

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command line in a folder. `onErr` gets all of standard error so far, whenever something is added, and may kill the process. */
export function fovea(
  args: readonly string[],
  onErr: (text: string, child: ChildProcess) => void = () => {},
  cwd?: string,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"], cwd });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
      onErr(stderr, child);
    });
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

let server: ChildProcess | undefined;
let last: Promise<unknown> = Promise.resolve();
after(async () => {
  if (!server?.connected) return;
  server.disconnect();
  await once(server, "exit");
});

/**
 * Runs a command as `fovea` does, but in one process for all commands of a test file, which saves starting one each time. For commands that
 * are not about their process: its signals, streams, threads or locks.
 */
export function sharedFovea(args: readonly string[]): Promise<Outcome> {
  server ??= fork(new URL("cli-server.js", import.meta.url), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const child = server;
  const outcome = last.then(
    () =>
      new Promise<Outcome>((resolve, reject) => {
        const ended = (code: number | null) =>
          reject(new Error(`fovea ${args.join(" ")}: the process ended (${code})`));
        child.once("exit", ended);
        child.once("message", (message) => {
          child.off("exit", ended);
          resolve(message as Outcome);
        });
        child.send({ args, cwd: process.cwd(), env: process.env });
      }),
  );
  last = outcome.catch(() => {});
  return outcome;
}

/** A folder that is gone when the test file ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "fovea-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A CIFAR-10 folder of small made-up images: the class decides the color, so that there is something to learn. */
export function tinyCifar(folder: string, { train = 64, test = 32 } = {}): string {
  const records = (count: number, seed: number) => {
    const rng = new Rng(seed, "tiny");
    const bytes = new Uint8Array(count * 3073);
    for (let i = 0; i < count; i++) {
      const label = i % 10;
      bytes[i * 3073] = label;
      for (let p = 0; p < 3072; p++)
        bytes[i * 3073 + 1 + p] = ((label * 25 * (1 + Math.floor(p / 1024))) % 256) * 0.8 + rng.int(50);
    }
    return bytes;
  };
  writeFileSync(join(folder, "data_batch_1.bin"), records(train, 1));
  writeFileSync(join(folder, "test_batch.bin"), records(test, 2));
  return folder;
}

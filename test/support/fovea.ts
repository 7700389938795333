import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { Rng } from "../../src/core/rng.js";
import type { Request } from "./cli-server.js";

/** The command line, for tests that start it in a way of their own. */
export const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

// What was calibrated on this machine is not for tests.
process.env.FOVEA_CACHE = mkdtempSync(join(tmpdir(), "fovea-"));
const cache = process.env.FOVEA_CACHE;
process.on("exit", () => rmSync(cache, { recursive: true, force: true }));

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Listener = (text: string, child: ChildProcess) => void;

/** Starts the command line in a folder. `onErr` gets all of standard error so far, whenever something is added, and may kill the process. */
export function fovea(args: readonly string[], onErr: Listener = () => {}, cwd?: string): Promise<Outcome> {
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

let server: ReturnType<typeof startServer> | undefined;
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs a command as `fovea` does, but in one process for all commands of this one, which saves starting one each time. For commands that
 * are not about their process: its signals, streams, threads or locks. With a listener it is `fovea`.
 */
export async function sharedFovea(args: readonly string[], onErr?: Listener, cwd = process.cwd()): Promise<Outcome> {
  if (onErr) return fovea(args, onErr, cwd);
  const outcome = last.then(() => answerOf({ args, cwd, env: process.env }));
  last = outcome.catch(() => {});
  // Not the promise itself: what a file goes on with would count as part of the file that the chain began in.
  return await outcome;
}

function startServer() {
  const program = fileURLToPath(new URL("cli-server.js", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  const channel = child.stdio[3] as Socket;
  // The end of the process is what is reported.
  channel.setEncoding("utf8").on("error", () => {});
  // It ends with this process, which it keeps from ending only while a command runs.
  child.unref();
  process.on("exit", () => child.kill("SIGKILL"));
  return { channel, ended: once(child, "exit") };
}

async function answerOf(request: Request): Promise<Outcome> {
  const { channel, ended } = (server ??= startServer());
  const answer = new Promise<Outcome>((resolve) => {
    let text = "";
    channel.on("data", function read(chunk) {
      text += chunk;
      if (!text.endsWith("\n")) return;
      channel.off("data", read);
      resolve(JSON.parse(text));
    });
  });
  channel.ref();
  channel.write(`${JSON.stringify(request)}\n`);
  const outcome = await Promise.race([answer, ended]);
  channel.unref();
  if (!Array.isArray(outcome)) return outcome as Outcome;
  const [code, signal] = outcome;
  throw new Error(`fovea ${request.args.join(" ")}: the process ended (${signal ?? code})`);
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

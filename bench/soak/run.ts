import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Rng } from "../../src/core/rng.js";

const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

/** What a part of the soak found. */
export interface Row {
  readonly part: string;
  readonly outcome: string;
  /** What must not have happened. */
  readonly faults: readonly string[];
}

/** What the parts need. */
export interface Scene {
  readonly folder: string;
  readonly data: string;
  readonly reference: Reference;
  readonly rng: Rng;
  /** Called after each time, with what is seen so far. */
  readonly onProgress: (done: number, seen: string) => void;
}

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A CIFAR folder of noise. */
export function writeData(folder: string, rng: Rng): void {
  for (const [name, count] of [
    ["data_batch_1.bin", 64],
    ["test_batch.bin", 32],
  ] as const)
    writeFileSync(
      join(folder, name),
      Uint8Array.from({ length: 3073 * count }, (_, i) => (i % 3073 === 0 ? Math.floor(i / 3073) % 10 : rng.int(256))),
    );
}

const settings = "--model resnet20 --attention se --epochs 6 --batch 16 --ema 0.9 --threads 1".split(" ");

/** Trains into a folder, or goes on there where a run has begun. `disturb` does to the process what it likes; `before` is put in front of it. */
export function attempt(
  data: string,
  out: string,
  disturb: (child: ChildProcess, text: () => string) => void = () => {},
  before: readonly string[] = [],
): Promise<Outcome> {
  const begun = existsSync(join(out, "config.json"));
  const what = begun ? ["--resume", "--threads", "1"] : [data, ...settings];
  const command = [...before, process.execPath, main, "train", ...what, "--out", out];
  const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  disturb(child, () => stderr);
  return new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, stderr })));
}

/** Whether a file of a run is equal however often the run was disturbed; of those of no run, undefined. */
function isSame(name: string): boolean | undefined {
  if (["last.safetensors", "best.safetensors", "results.csv", "report.json"].includes(name)) return true;
  if (/^maps\/epoch-\d+\.json$/.test(name)) return true;
  // With times, speeds, and what was typed.
  return ["maps", "config.json", "metrics.jsonl", "report.html"].includes(name) ? false : undefined;
}

/** A finished run, to compare others with. */
export class Reference {
  readonly #digests: ReadonlyMap<string, string>;

  constructor(
    readonly path: string,
    /** How long it took, in milliseconds. */
    readonly time: number,
  ) {
    this.#digests = digestsOf(path);
  }

  /** How another run differs. */
  faults(path: string): string[] {
    const digests = digestsOf(path);
    return [
      ...[...this.#digests]
        .filter(([name, digest]) => digests.get(name) !== digest)
        .map(([name]) => `${path}: ${name} differs from that of a training that was left alone`),
      ...namesIn(path)
        .filter((name) => isSame(name) === undefined || (isSame(name) && !this.#digests.has(name)))
        .map((name) => `${path}: ${name} was left behind`),
    ];
  }
}

const namesIn = (path: string) =>
  readdirSync(path, { recursive: true }).map((name) => String(name).replaceAll(sep, "/"));

const digestsOf = (path: string): Map<string, string> =>
  new Map(
    namesIn(path)
      .filter(isSame)
      .map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(path, name)))
          .digest("hex"),
      ]),
  );

import type { ChildProcess } from "node:child_process";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Rng } from "../../src/core/rng.js";
import { attempt, type Outcome, type Row, type Scene } from "./run.js";

/** How often one training is disturbed before it may end. */
const perRun = 8;
const lastLine = ({ code, signal, stderr }: Outcome) => `${signal ?? code}: ${stderr.trim().split("\n").at(-1)}`;

/** Disturbs trainings until `count` were, goes on with each until it ends, and compares what it leaves. */
async function until(
  count: number,
  name: string,
  { folder, data, reference, rng, onProgress }: Scene,
  /** `time` is what an undisturbed training takes, in milliseconds. */
  disturb: (child: ChildProcess, out: string, rng: Rng, time: number) => Promise<void>,
  /** Whether an attempt was disturbed; undefined if it ended as nothing may end. */
  disturbed: (outcome: Outcome, out: string) => boolean | undefined,
): Promise<{ runs: number; times: number; faults: string[] }> {
  const faults: string[] = [];
  let [runs, times] = [0, 0];
  while (times < count) {
    const out = join(folder, `${name}${runs++}`);
    for (let attempts = 0; ; attempts++) {
      const mayEnd = attempts >= perRun || times >= count;
      const outcome = await attempt(data, out, (child) => {
        if (!mayEnd) disturb(child, out, rng, reference.time).catch(() => {});
      });
      const was = disturbed(outcome, out);
      if (was) onProgress(++times, `${runs} trainings, ${faults.length} faults`);
      else if (was === undefined) faults.push(`${out}: ${lastLine(outcome)}`);
      if (was !== true) break;
    }
    faults.push(...reference.faults(out));
  }
  return { runs, times, faults };
}

/** kill -9, at any time or, as often, while a file is being written. */
export async function kills(count: number, scene: Scene): Promise<Row> {
  let whileWriting = 0;
  const { runs, times, faults } = await until(
    count,
    "kill",
    scene,
    async (child, out, rng, time) => {
      const writes = rng.uniform() < 0.5 ? 1 + rng.int(20) : 0;
      if (writes === 0) await sleep(rng.uniform(0, time));
      else {
        const seen = new Set<string>();
        while (seen.size < writes && child.exitCode === null) {
          if (existsSync(out)) for (const file of readdirSync(out)) if (file.endsWith(".tmp")) seen.add(file);
          await sleep(0);
        }
        await sleep(rng.uniform(0, 3));
      }
      if (child.kill("SIGKILL") && existsSync(out) && readdirSync(out).some((file) => file.endsWith(".tmp")))
        whileWriting++;
    },
    ({ code, signal }) => (signal === "SIGKILL" ? true : code === 0 ? false : undefined),
  );
  return {
    part: `${times} kill -9`,
    outcome: `${runs} trainings, ${whileWriting} kills in the middle of a file`,
    faults,
  };
}

/** Each of the signals that save, at any time. */
export async function signals(count: number, scene: Scene): Promise<Row> {
  let saved = 0;
  const { runs, times, faults } = await until(
    count,
    "signal",
    scene,
    async (child, _, rng, time) => {
      await sleep(rng.uniform(0, time));
      child.kill((["SIGINT", "SIGTERM", "SIGHUP"] as const)[rng.int(3)]);
    },
    ({ code, signal, stderr }) => {
      const stopped = stderr.includes("stopped and saved");
      if (code === 0 && stopped) saved++;
      // Before the first step and after the last nothing need be saved, and a signal does what it always does.
      const between = signal !== null && signal !== "SIGABRT" && signal !== "SIGSEGV";
      return stopped || between ? true : code === 0 ? false : undefined;
    },
  );
  return { part: `${times} signals`, outcome: `${runs} trainings, ${saved} saved in the middle of an epoch`, faults };
}

/** A disk that is full at any point: a limit on the size of files, and a small file system where one can be mounted. */
export async function fullDisk(count: number, { folder, data, reference, rng, onProgress }: Scene): Promise<Row> {
  const faults: string[] = [];
  let [refused, disks] = [0, 0];
  const judge = (outcome: Outcome) => {
    const { code, stderr } = outcome;
    if (code === 1 && /\nfovea: [^\n]*(EFBIG|ENOSPC)[^\n]*\n$/.test(`\n${stderr}`)) refused++;
    else if (code !== 0) faults.push(lastLine(outcome));
  };
  for (let i = 0; i < count; i++) {
    const out = join(folder, `full${i}`);
    const kib = rng.int(3500);
    const mounted = i % 2 === 0 && mount(out, `size=${Math.max(64, kib)}k`);
    const limit = ["bash", "-c", `ulimit -f ${kib}; exec "$0" "$@"`];
    judge(await attempt(data, out, undefined, mounted ? [] : limit));
    if (mounted) disks++;
    if (mounted) mount(out, "remount,size=100m");
    const resumed = await attempt(data, out);
    if (resumed.code !== 0) faults.push(`${out}: ${lastLine(resumed)}`);
    faults.push(...reference.faults(out));
    if (mounted) spawnSync("umount", [out]);
    onProgress(i + 1, `${refused} refused, ${faults.length} faults`);
  }
  return {
    part: `${count} full disks`,
    outcome: `${disks} small file systems, ${count - disks} limits; ${refused} trainings ended with one line, all were resumed`,
    faults,
  };
}

function mount(path: string, options: string): boolean {
  mkdirSync(path, { recursive: true });
  return spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]).status === 0;
}

/** Two processes that go on with one run. */
export async function twoWriters(count: number, { folder, data, reference, rng, onProgress }: Scene): Promise<Row> {
  const faults: string[] = [];
  let refused = 0;
  for (let i = 0; i < count; i++) {
    const out = join(folder, `two${i}`);
    await attempt(data, out, (child, text) => {
      const timer = setInterval(() => text().includes("epoch 1/") && child.kill("SIGKILL"), 5);
      child.on("close", () => clearInterval(timer));
    });
    const outcomes = await Promise.all(
      [0, rng.uniform(0, 500)].map(async (wait) => {
        await sleep(wait);
        return attempt(data, out);
      }),
    );
    const [losers, rest] = [1, 0].map((code) => outcomes.filter((outcome) => outcome.code === code));
    refused += losers!.length;
    for (const loser of losers!) if (!loser.stderr.includes("is in use")) faults.push(`${out}: ${lastLine(loser)}`);
    if (rest!.length === 0 || losers!.length + rest!.length < 2)
      faults.push(`${out}: ${outcomes.map(lastLine).join(" and ")}`);
    faults.push(...reference.faults(out));
    onProgress(i + 1, `${refused} refused, ${faults.length} faults`);
  }
  return { part: `${count} pairs of writers`, outcome: `${refused} of them refused, the others ended well`, faults };
}

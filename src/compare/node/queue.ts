import { rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { FoveaError, messageOf } from "../../core/errors.js";
import { readWhole, unlessMissing } from "../../files/read.js";
import { writeFileAtomic } from "../../files/write.js";
import { canonical, writtenPlan } from "../plan.js";
import { sha256 } from "./hash.js";
import { Journal, type JournaledUnit, readResult } from "./journal.js";
import type { PoolFailure } from "./pool.js";
import { type RunUnitOptions, runUnit, type UnitOutcome } from "./run-unit.js";
import { onlyComparison, publication, publish, receiveFiles, sendFiles, tellDone, toldDone, withdraw } from "./send.js";

const queueFile = "queue.json";
/** Milliseconds after which all pending units are checked, including those not reported as done. */
const fullLook = 30_000;
/** Milliseconds between the coordinator's signs of life. */
const renewInterval = 2_000;
/** Units whose results are checked, or fetched from Redis, at the same time. */
const atOnce = 16;
/** Milliseconds that a worker without the folder waits for a coordinator that Redis no longer knows. */
const patience = 20_000;
/** Milliseconds of silence after which a worker is considered dead, and its unit goes to another. */
const lockDuration = 15_000;
const stalledInterval = 5_000;
const pollInterval = 1_000;
const connectTimeout = 10_000;
const closeTimeout = 5_000;
const attempts = 3;
/** The failure of a job whose worker was told to stop; it does not count against the unit. */
const stoppedReason = "stopped and saved";

/** The packages, which users of a queue install. */
async function packages() {
  try {
    const [{ Queue, Worker }, { Redis }] = await Promise.all([import("bullmq"), import("ioredis")]);
    return { Queue, Worker, Redis };
  } catch {
    throw new FoveaError("a queue needs two packages: npm install bullmq ioredis");
  }
}

/** A connection that waits while Redis is away. @throws FoveaError if there is none at first. */
async function connect(url: string) {
  const { Redis } = await packages();
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url))
    throw new FoveaError("the address of Redis must look like redis://host:6379");
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  let reason = "it does not answer";
  connection.on("error", (error) => {
    reason = messageOf(error);
  });
  const answered = await Promise.race([
    connection.ping().then(
      () => true,
      () => false,
    ),
    sleep(connectTimeout, false),
  ]);
  if (answered) return connection;
  connection.disconnect();
  throw new FoveaError(`no Redis at ${new URL(url).host}: ${reason}`);
}

/** Waits for something that may hang while Redis is away, but not for long. */
const soon = (closing: Promise<unknown>) => Promise.race([closing.catch(() => {}), sleep(closeTimeout)]);

/** Resolves when a signal is given. */
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** Equal for all who have the same plan, see the same data, wherever it lies, and run the same program. */
function queueName({ plan, shared }: Journal): string {
  const { source: _, masks: __, ...data } = plan.data;
  return `fovea-${sha256(canonical([writtenPlan({ ...plan, data: { ...data, source: "" } }), shared])).slice(0, 24)}`;
}

export interface FillOptions {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

/**
 * Gives units to workers, and waits for them. What counts are the results in the coordinator's folder; the queue only assigns units,
 * and is refilled if Redis lost it.
 */
export async function fillQueue(
  journal: Journal,
  units: readonly JournaledUnit[],
  options: FillOptions,
): Promise<PoolFailure[]> {
  const { url, signal, onProgress } = options;
  const { Queue } = await packages();
  const connection = await connect(url);
  const name = queueName(journal);
  const queue = new Queue(name, { connection });
  queue.on("error", () => {});
  const pending = new Map(units.map((unit) => [String(unit.unit.index), unit]));
  const failures: PoolFailure[] = [];
  const failed = new Map<string, number>();
  const add = (some: Iterable<string>) =>
    queue.addBulk(
      [...some].map((index) => ({
        name: "unit",
        data: { unit: Number(index) },
        opts: { jobId: `unit-${index}`, removeOnComplete: true },
      })),
    );
  const failedOnce = async (index: string, reason: string) => {
    const times = (failed.get(index) ?? 0) + 1;
    failed.set(index, times);
    if (times < attempts) return void (await add([index]));
    failures.push({ title: pending.get(index)!.title, message: reason });
    pending.delete(index);
  };
  const refused = async (index: string, error: unknown) => {
    if (!(error instanceof FoveaError)) throw error;
    await failedOnce(index, error.message);
  };
  const take = async (index: string) => {
    const unit = pending.get(index);
    if (!unit) return;
    await receiveFiles(connection, name, unit).catch((error) => refused(index, error));
    if (await readResult(unit.folder!)) pending.delete(index);
  };
  /** Units that were reported as done. */
  const told = async (): Promise<string[]> => {
    const found: string[] = [];
    // Each takes a thousand; a flood of them must not keep the rest waiting.
    for (let round = 0; round < 100; round++) {
      const some = await toldDone(connection, name);
      if (some.length === 0) break;
      found.push(...some.map(String));
    }
    return found;
  };
  const file = join(journal.path, queueFile);
  const work = async () => {
    await queue.obliterate({ force: true });
    await withdraw(connection, name, [...pending.keys()].map(Number));
    await publish(connection, name, journal);
    await writeFileAtomic(file, `${JSON.stringify({ queue: name })}\n`);
    await add(pending.keys());
    let idle = 0;
    let looked = performance.now();
    while (pending.size > 0 && !signal.aborted) {
      await sleep(pollInterval, undefined, { signal }).catch(() => {});
      const all = performance.now() - looked > fullLook || idle > 0;
      if (all) looked = performance.now();
      const some = [...new Set([...(await told()), ...(all ? pending.keys() : [])])];
      for (let i = 0; i < some.length && !signal.aborted; i += atOnce) {
        await Promise.all(some.slice(i, i + atOnce).map(take));
        onProgress(units.length - pending.size);
      }
      for (const job of await queue.getFailed(0, 999)) {
        const index = String(job.data?.unit);
        const reason = (job.failedReason ?? "").slice(0, 2000);
        await job.remove();
        if (!pending.has(index)) continue;
        if (reason === stoppedReason) await add([index]);
        else await failedOnce(index, reason);
      }
      const { waiting = 0, active = 0, delayed = 0 } = await queue.getJobCounts("waiting", "active", "delayed");
      idle = waiting + active + delayed === 0 ? idle + 1 : 0;
      if (idle >= 3 && pending.size > 0) await add(pending.keys());
      onProgress(units.length - pending.size);
    }
  };
  // Not between other things: to take results may take long.
  const renewing = setInterval(() => void publish(connection, name, journal).catch(() => {}), renewInterval);
  try {
    // Its steps may be waiting for a Redis that is away.
    const working = work();
    working.catch(() => {}); // after a signal nobody asks any more
    await Promise.race([working, aborted(signal)]);
    return failures;
  } finally {
    clearInterval(renewing);
    await rm(file, { force: true });
    if (connection.status === "ready") {
      await withdraw(connection, name, [...pending.keys()].map(Number)).catch(() => {});
      await queue.obliterate({ force: true }).catch(() => {});
    }
    await soon(queue.close());
    connection.disconnect();
  }
}

export interface ServeOptions extends RunUnitOptions {
  readonly url: string;
  readonly signal: AbortSignal;
  /** The results are sent through Redis: the coordinator does not see this worker's folder. */
  readonly send?: boolean;
  readonly onUnit: (unit: JournaledUnit, outcome: UnitOutcome | undefined) => void;
  /** What does a unit, in place of {@link runUnit}: to measure the queue alone. */
  readonly run?: typeof runUnit;
}

/**
 * The comparison that is running at a Redis, for a worker with a folder and data of its own.
 *
 * @throws FoveaError if there is none or several, or this worker sees other data or is of another version of the program.
 */
export async function joinQueue(url: string, path: string, source: string | undefined): Promise<Journal> {
  const connection = await connect(url);
  try {
    const { name, plan, rates } = await onlyComparison(connection, source);
    const journal = await Journal.open(path, plan, rates);
    if (queueName(journal) !== name) throw otherWorker("the comparison at this Redis");
    return journal;
  } finally {
    connection.disconnect();
  }
}

const otherWorker = (where: string) =>
  new FoveaError(
    `this worker has another version of Fovea than the coordinator, or other data: its results would not fit ${where}`,
  );

/**
 * Runs units of a queue, one at a time, until its coordinator has ended.
 *
 * @throws FoveaError if there is no coordinator, or it has another plan, data or version of the program.
 */
export async function serveQueue(
  journal: Journal,
  { url, onUnit, send = false, run = runUnit, ...options }: ServeOptions,
): Promise<void> {
  const { signal } = options;
  const name = queueName(journal);
  const theirs = send ? name : await coordinatorsQueue(journal.path);
  if (theirs === undefined)
    throw new FoveaError(`no coordinator is running in ${journal.path}: start fovea compare … --backend bullmq first`);
  if (theirs !== name) throw otherWorker(journal.path);
  const { Worker } = await packages();
  const connection = await connect(url);
  let atWork: Promise<unknown> = Promise.resolve();
  const worker = new Worker(
    name,
    async ({ data }) => {
      const unit = journal.unit(data.unit);
      onUnit(unit, undefined);
      const running = run(journal, unit, options);
      atWork = running.catch(() => {});
      const outcome = await running;
      if (outcome === "stopped") throw new Error(stoppedReason);
      if (send) await sendFiles(connection, name, unit);
      else await tellDone(connection, name, unit.unit.index);
      onUnit(unit, outcome);
    },
    // A job whose worker was killed goes to another however often that happens.
    { connection, lockDuration, stalledInterval, maxStalledCount: Number.MAX_SAFE_INTEGER },
  );
  worker.on("error", () => {});
  try {
    let seen = performance.now();
    /** Whether there is a coordinator. Redis may be away, or have lost what it knew. */
    const isWanted = async () => {
      if (!send) return (await coordinatorsQueue(journal.path)) === name;
      const said = await Promise.race([publication(connection, name), sleep(pollInterval, "away" as const)]);
      if (said === "at work" || said === "away") seen = performance.now();
      return said !== "ended" && performance.now() - seen < patience;
    };
    while (!signal.aborted && (await isWanted())) await sleep(pollInterval, undefined, { signal }).catch(() => {});
  } finally {
    // The unit at work is ended first, by the signal or to its end; only Redis is not waited for.
    await atWork;
    await soon(worker.close());
    connection.disconnect();
  }
}

/** The queue of the coordinator that is at work in a folder. */
async function coordinatorsQueue(path: string): Promise<string | undefined> {
  const bytes = await readWhole(join(path, queueFile), 10_000).catch(unlessMissing);
  if (!bytes) return undefined;
  try {
    const { queue } = JSON.parse(new TextDecoder().decode(bytes)) as { queue?: unknown };
    return typeof queue === "string" ? queue : undefined;
  } catch {
    return undefined;
  }
}

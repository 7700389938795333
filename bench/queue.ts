/**
 * How many units a queue hands out: a comparison of 10,000 units, done by simulated workers that train nothing and write a result at once.
 * Starts a Redis of its own.
 *
 *   node dist/bench/queue.js [--units 10000] [--processes 2] [--workers 8] [--send]
 *
 * `--workers` are BullMQ workers in each process; `--send` sends results through Redis instead of writing them to a common folder.
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parsePlan } from "../src/compare/index.js";
import { fillQueue, Journal, serveQueue } from "../src/compare/node/index.js";
import { writeResult } from "../src/compare/node/journal.js";
import { configOf, type runUnit } from "../src/compare/node/run-unit.js";
import type { UnitResult } from "../src/compare/results.js";
import { makeFolder, writeFileAtomic } from "../src/files/write.js";
import { ortEngine } from "../src/index.js";

const { values: flags } = parseArgs({
  options: {
    units: { type: "string", default: "10000" },
    processes: { type: "string", default: "2" },
    workers: { type: "string", default: "8" },
    send: { type: "boolean", default: false },
    // Of a process that simulates workers.
    serve: { type: "string" },
    redis: { type: "string" },
  },
});
const workers = Number(flags.workers);

/** Ten entrants, and as many seeds as make the units. */
const plan = parsePlan({
  data: { source: "shapes", images: 32, testImages: 20 },
  modules: ["none", "se", "eca", "simam", "cbam", "bam", "coord", "gct", "scse", "triplet"],
  seeds: Number(flags.units) / 10,
  epochs: 1,
});

/** Writes what a training would have written, without one. */
const simulated: typeof runUnit = async (journal, { unit, resolved, hashes, folder }) => {
  await makeFolder(folder!);
  const test = { count: 20, top1: 0.5, nll: 1, ece: 0.1, adaptiveEce: 0.1, brier: 0.5, right: "10".repeat(10) };
  const measured = { epoch: 1, validation: { top1: 0.5, loss: 1 }, test };
  const result: UnitResult = {
    format: "fovea.result.1",
    hashes: hashes!,
    backbone: unit.backbone.label,
    entrant: unit.entrant.label,
    seed: unit.seed,
    setting: unit.setting,
    status: "done",
    ...resolved!.cost,
    steps: resolved!.steps,
    epochs: resolved!.epochs,
    batch: resolved!.training.batch,
    numClasses: 10,
    last: measured,
    chosen: measured,
  };
  await writeFileAtomic(join(folder!, "config.json"), JSON.stringify(configOf(journal, resolved!, hashes!, "bench")));
  await writeResult(folder!, result);
  return "done";
};

if (flags.serve !== undefined) {
  const journal = flags.send ? await Journal.open(flags.serve, plan) : await Journal.reopen(flags.serve);
  const engine = ortEngine();
  const { signal } = new AbortController();
  const options = {
    url: flags.redis!,
    engine,
    version: "bench",
    signal,
    send: flags.send,
    onUnit: () => {},
    run: simulated,
  };
  await Promise.all(Array.from({ length: workers }, () => serveQueue(journal, options)));
  process.exit();
}

const folder = await mkdtemp(join(tmpdir(), "fovea-queue-"));
const probe = createServer().listen(0, "127.0.0.1");
await once(probe, "listening");
const { port } = probe.address() as { port: number };
probe.close();
await once(probe, "close");
const redis = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""], {
  stdio: "ignore",
});
try {
  const url = `redis://127.0.0.1:${port}`;
  const journal = await Journal.open(join(folder, "comparison"), plan);
  const lock = await journal.claim();
  const units = journal.units();
  const begun = performance.now();
  const children = new Set<ReturnType<typeof fork>>();
  // Workers have started when something is done.
  let filled = 0;
  let first: readonly [at: number, done: number] | undefined;
  const failures = await fillQueue(journal, units, {
    url,
    signal: new AbortController().signal,
    onProgress: (done) => {
      if (children.size === 0) {
        filled = performance.now();
        for (let i = 0; i < Number(flags.processes); i++) {
          const own = flags.send ? join(folder, `worker-${i}`) : journal.path;
          const args = ["--serve", own, "--redis", url, "--workers", flags.workers, "--units", flags.units];
          children.add(fork(fileURLToPath(import.meta.url), flags.send ? [...args, "--send"] : args));
        }
      }
      if (done > 0) first ??= [performance.now(), done];
      console.error(`${((performance.now() - begun) / 1000).toFixed(0)} s: ${done} of ${units.length}`);
    },
  });
  const seconds = (performance.now() - first![0]) / 1000;
  lock.release();
  console.log(
    `${units.length} units, ${flags.processes} processes of ${workers} workers, ${flags.send ? "sent through Redis" : "a common folder"}: ${seconds.toFixed(1)} s from the first that was done, ${((units.length - first![1]) / seconds).toFixed(0)} units/s; to fill the queue ${((filled - begun) / 1000).toFixed(1)} s; ${failures.length} failed; coordinator ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
  );
  await Promise.all([...children].map((child) => (child.exitCode === null ? once(child, "exit") : null)));
} finally {
  redis.kill();
  await once(redis, "exit");
  await rm(folder, { recursive: true, force: true });
}

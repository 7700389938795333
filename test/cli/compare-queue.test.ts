import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { freePort } from "../support/ports.js";

const packages = await Promise.all([import("bullmq"), import("ioredis")]).catch(() => undefined);
const skip =
  spawnSync("redis-server", ["--version"]).status !== 0
    ? "no redis-server"
    : packages
      ? false
      : "no bullmq and ioredis";
const data = tinyCifar(temporaryFolder(), { train: 40, test: 24 });
const args = [
  "compare",
  data,
  "--modules",
  "none,se",
  "--seeds",
  "3",
  "--epochs",
  "4",
  "--images",
  "32",
  "--batch",
  "8",
  "--no-cost",
];
const main = new URL("../../src/cli/main.js", import.meta.url).pathname;

const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill("SIGKILL");
});

function start(
  program: string,
  programArgs: readonly string[],
): { child: ChildProcess; said: () => string; ended: Promise<unknown> } {
  const child = spawn(program, programArgs, { stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  let text = "";
  child.stderr!.on("data", (chunk) => {
    text += chunk;
  });
  const ended = once(child, "exit").then(([code]) => {
    running.delete(child);
    return code;
  });
  return { child, said: () => text, ended };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (holds()) return;
    await sleep(200);
  }
  throw new Error(`never: ${what}`);
}

test("three workers at a queue, one killed, Redis restarted: every unit is done once, and the tables are those of one computer", {
  skip: ifLong || skip,
}, async () => {
  const [folder, out, alone] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
  const port = await freePort();
  const redisArgs = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--appendonly",
    "yes",
    "--save",
    "",
  ];
  let redis = start("redis-server", redisArgs);
  const url = `redis://127.0.0.1:${port}`;
  const coordinator = start(process.execPath, [main, ...args, "--out", out, "--backend", "bullmq", "--redis", url]);
  await until("a queue", () => existsSync(join(out, "queue.json")));
  const workers = Array.from({ length: 3 }, () =>
    start(process.execPath, [main, "compare", "worker", out, "--redis", url]),
  );
  await until("a unit at work", () => existsSync(join(out, "units")));
  await sleep(1500);
  workers[0]!.child.kill("SIGKILL");
  await sleep(1500);
  redis.child.kill("SIGKILL");
  await redis.ended;
  await sleep(500);
  redis = start("redis-server", redisArgs);
  assert.equal(await coordinator.ended, 0, coordinator.said());
  for (const worker of workers.slice(1)) assert.equal(await worker.ended, 0, worker.said());
  const done = workers.flatMap((worker) =>
    [...worker.said().matchAll(/(resnet20 .*): done/g)].map(([, title]) => title!),
  );
  assert.equal(new Set(done).size, done.length, "a unit was done twice");
  const local = await fovea([...args, "--out", alone]);
  assert.equal(local.code, 0, local.stderr);
  for (const name of ["results.csv", "table.md", "table.json"])
    assert.equal(readFileSync(join(out, name), "utf8"), readFileSync(join(alone, name), "utf8"));
  assert.ok(!existsSync(join(out, "queue.json")));

  // Nobody to work for, and a coordinator of another version.
  const none = await fovea(["compare", "worker", out, "--redis", url]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no coordinator is at work in/);
  writeFileSync(join(out, "queue.json"), JSON.stringify({ queue: "fovea-another" }));
  const other = await fovea(["compare", "worker", out, "--redis", url]);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /is not of the coordinator's version of the program, or sees other data/);
  redis.child.kill();
  await redis.ended;
});

test("coordinator and worker end at a signal while Redis is away", { skip: ifLong || skip }, async () => {
  const [folder, out] = [temporaryFolder(), temporaryFolder()];
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const redis = start("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]);
  const coordinator = start(process.execPath, [
    main,
    ...args,
    "--epochs",
    "200",
    "--out",
    out,
    "--backend",
    "bullmq",
    "--redis",
    url,
  ]);
  await until("a queue", () => existsSync(join(out, "queue.json")));
  const worker = start(process.execPath, [main, "compare", "worker", out, "--redis", url]);
  await until("a unit at work", () => existsSync(join(out, "units")));
  redis.child.kill("SIGKILL");
  await redis.ended;
  await sleep(2500);
  for (const { child, ended, said } of [worker, coordinator]) {
    child.kill("SIGTERM");
    assert.notEqual(await Promise.race([ended, sleep(60_000, "never")]), "never", said());
  }
  assert.match(coordinator.said(), /stopped and saved; the same command goes on/);
  assert.ok(!existsSync(join(out, "queue.json")));
});

test("without Redis the coordinator says so", { skip: packages ? false : "no bullmq and ioredis" }, async () => {
  const port = await freePort();
  const { code, stderr } = await fovea([
    ...args,
    "--out",
    temporaryFolder(),
    "--backend",
    "bullmq",
    "--redis",
    `redis://127.0.0.1:${port}`,
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /no Redis at 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  const wrong = await fovea([...args, "--out", temporaryFolder(), "--backend", "bullmq", "--redis", "localhost"]);
  assert.match(wrong.stderr, /the address of Redis must look like redis:\/\/host:6379/);
});

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sha256 } from "../../src/compare/node/hash.js";
import { Journal, type JournaledUnit } from "../../src/compare/node/journal.js";
import { receiveFiles, sendFiles } from "../../src/compare/node/send.js";
import { fovea, sharedFovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { makeNamespaces } from "../support/namespaces.js";
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
  assert.match(none.stderr, /no coordinator is running in/);
  writeFileSync(join(out, "queue.json"), JSON.stringify({ queue: "fovea-another" }));
  const other = await fovea(["compare", "worker", out, "--redis", url]);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /has another version of Fovea than the coordinator, or other data/);
  redis.child.kill();
  await redis.ended;
});

test("three workers in network namespaces that see no common folder send their results: one killed, Redis restarted with nothing kept, equal tables", {
  skip: ifLong || skip,
}, async (t) => {
  const spaces = makeNamespaces(3);
  if (typeof spaces === "string") return t.skip(spaces);
  const [folder, out, alone] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
  const port = await freePort();
  const redisArgs = ["--port", String(port), "--bind", spaces.address, "127.0.0.1", "--protected-mode", "no"];
  const keptNowhere = ["--dir", folder, "--save", "", "--appendonly", "no"];
  let redis = start("redis-server", [...redisArgs, ...keptNowhere]);
  const here = `redis://127.0.0.1:${port}`;
  const coordinator = start(process.execPath, [main, ...args, "--out", out, "--backend", "bullmq", "--redis", here]);
  await until("a queue", () => existsSync(join(out, "queue.json")));
  const owns = spaces.in.map(() => temporaryFolder());
  const workers = spaces.in.map(([program, ...before], i) =>
    start(program, [
      ...before,
      ...[process.execPath, main, "compare", "worker", owns[i]!, "--send", "--data", data],
      ...["--redis", `redis://${spaces.address}:${port}`],
    ]),
  );
  await until("a unit at work", () => owns.some((own) => existsSync(join(own, "units"))));
  await sleep(1500);
  workers[0]!.child.kill("SIGKILL");
  await sleep(1500);
  redis.child.kill("SIGKILL");
  await redis.ended;
  await sleep(500);
  redis = start("redis-server", [...redisArgs, ...keptNowhere]);
  assert.equal(await coordinator.ended, 0, coordinator.said());
  for (const worker of workers.slice(1)) assert.equal(await worker.ended, 0, worker.said());
  const local = await fovea([...args, "--out", alone]);
  assert.equal(local.code, 0, local.stderr);
  for (const name of ["results.csv", "table.md", "table.json"])
    assert.equal(readFileSync(join(out, name), "utf8"), readFileSync(join(alone, name), "utf8"));
  // The weights came along: a unit is a run folder like any other.
  const units = readdirSync(join(out, "units")).filter((name) => !name.endsWith(".lock"));
  assert.equal(units.length, 6);
  const seen = await fovea(["eval", join(out, "units", units[0]!), data, "--json"]);
  assert.equal(seen.code, 0, seen.stderr);
  // A worker that sees other data is refused, and one without a coordinator.
  const url = ["--redis", here];
  const other = tinyCifar(temporaryFolder(), { train: 40, test: 25 });
  const second = start(process.execPath, [main, ...args, "--out", temporaryFolder(), "--backend", "bullmq", ...url]);
  const client = new packages![1].Redis(here);
  const known = async () => (await client.keys("fovea:comparison:*")).length > 0 && !(await gone(client));
  for (let i = 0; i < 200 && !(await known()); i++) await sleep(100);
  const wrong = await fovea(["compare", "worker", temporaryFolder(), "--send", "--data", other, ...url]);
  assert.equal(wrong.code, 1, wrong.stderr);
  assert.match(wrong.stderr, /has another version of Fovea than the coordinator, or other data/);
  second.child.kill("SIGTERM");
  await second.ended;
  const none = await fovea(["compare", "worker", temporaryFolder(), "--send", "--data", data, ...url]);
  assert.match(none.stderr, /no comparison is running at this Redis/);
  const idle = await fovea(["compare", "worker", out, "--data", data, ...url]);
  assert.match(idle.stderr, /--data needs --send/);
  client.disconnect();
  redis.child.kill();
  await redis.ended;
});

/** Whether all comparisons that Redis knows of have ended. */
async function gone(client: { keys(pattern: string): Promise<string[]>; get(key: string): Promise<string | null> }) {
  for (const key of await client.keys("fovea:comparison:*")) if ((await client.get(key)) !== "ended") return false;
  return true;
}

test("what a worker sends is checked before it is taken", { skip: ifLong || skip }, async () => {
  const [folder, out] = [temporaryFolder(), temporaryFolder()];
  const made = await fovea([...args, "--seeds", "1", "--epochs", "1", "--out", out]);
  assert.equal(made.code, 0, made.stderr);
  const port = await freePort();
  const redis = start("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]);
  const client = new packages![1].Redis(`redis://127.0.0.1:${port}`);
  try {
    const journal = await Journal.reopen(out);
    const [unit] = journal.units() as [JournaledUnit];
    const elsewhere = { ...unit, folder: join(temporaryFolder(), "unit") };
    const send = async (change: (key: string) => Promise<unknown>) => {
      await sendFiles(client, "x", unit);
      await change("fovea:files:x:0");
      await receiveFiles(client, "x", elsewhere);
    };
    const result = JSON.parse(readFileSync(join(unit.folder!, "result.json"), "utf8"));
    const replaced = (value: string) => async (key: string) => {
      const manifest = JSON.parse((await client.hget(key, "manifest"))!);
      const own = { ...manifest, "result.json": sha256(value) };
      await client.hset(key, "result.json", value, "manifest", JSON.stringify(own));
    };
    for (const [change, says] of [
      [(key: string) => client.hset(key, "last.safetensors", "x"), /last\.safetensors arrived damaged/],
      [(key: string) => client.hdel(key, "result.json"), /result\.json arrived damaged/],
      [replaced("{"), /result\.json is not JSON/],
      [(key: string) => client.hset(key, "manifest", "{"), /has no manifest/],
      [(key: string) => client.hset(key, "manifest", "x".repeat(20_000)), /is too large/],
      [(key: string) => client.set(key, "x"), /is not a hash/],
      [
        replaced(JSON.stringify({ ...result, hashes: { ...result.hashes, data: "other" } })),
        /a worker sent a result with another data/,
      ],
      [
        replaced(JSON.stringify({ ...result, hashes: { ...result.hashes, code: "other" } })),
        /a worker sent a result with another version of the program/,
      ],
    ] as const) {
      await assert.rejects(send(change), says);
      assert.ok(!existsSync(elsewhere.folder));
      assert.equal(await client.exists("fovea:files:x:0"), 0);
    }
    // A file that is none of a unit's is not written, wherever its name would lead.
    await send((key) => client.hset(key, "../../evil", "x"));
    assert.deepEqual(
      readdirSync(elsewhere.folder)
        .filter((name) => !name.startsWith("."))
        .sort(),
      readdirSync(unit.folder!)
        .filter((name) => !name.startsWith(".") && name !== "looks.json")
        .sort(),
    );
    assert.equal(await client.exists("fovea:files:x:0"), 0);
  } finally {
    client.disconnect();
    redis.child.kill();
    await redis.ended;
  }
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
  assert.match(coordinator.said(), /stopped and saved; the same command resumes/);
  assert.ok(!existsSync(join(out, "queue.json")));
});

test("an address that is none of Redis is refused", { skip: packages ? false : "no bullmq and ioredis" }, async () => {
  const queue = ["--backend", "bullmq", "--redis", "localhost"];
  const { code, stderr } = await sharedFovea([...args, "--out", temporaryFolder(), ...queue]);
  assert.equal(code, 1);
  assert.match(stderr, /the address of Redis must look like redis:\/\/host:6379/);
});

test("without Redis the coordinator waits ten seconds, and says so", {
  skip: packages ? ifLong : "no bullmq and ioredis",
}, async () => {
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
});

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Rng } from "../../src/core/rng.js";
import { sharedFovea as fovea, fovea as ownProcess, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong, runsLong } from "../support/long.js";

const data = tinyCifar(temporaryFolder(), { train: 40, test: 24 });
const seeds = runsLong ? 2 : 1;
const common = [
  "compare",
  data,
  "--seeds",
  String(seeds),
  "--epochs",
  "1",
  "--images",
  "32",
  "--batch",
  "8",
  "--lr",
  "0.02",
  "--no-cost",
];
const modules = ["--modules", "none,se"];
const tables = ["results.csv", "table.md", "table.json"];
const read = (folder: string) => tables.map((name) => readFileSync(join(folder, name), "utf8"));

const undisturbed = temporaryFolder();
const first = await ownProcess([...common, ...modules, "--out", undisturbed, "--workers", "2"]);

test("a comparison trains every unit in a run folder of its own, and writes tables and a page", async () => {
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /no interval with fewer than 3/);
  const units = readdirSync(join(undisturbed, "units"));
  assert.equal(units.length, 2 * seeds);
  for (const unit of units) {
    const files = readdirSync(join(undisturbed, "units", unit));
    for (const name of ["config.json", "metrics.jsonl", "best.safetensors", "last.safetensors", "result.json"])
      assert.ok(files.includes(name), `${unit}: ${files}`);
  }
  assert.ok(readFileSync(join(undisturbed, "report.html"), "utf8").startsWith("<!doctype html>"));
  const seen = await fovea(["eval", join(undisturbed, "units", units[0]!), data, "--json"]);
  assert.equal(seen.code, 0, seen.stderr);
  const result = JSON.parse(readFileSync(join(undisturbed, "units", units[0]!, "result.json"), "utf8"));
  assert.equal(JSON.parse(seen.stdout).top1, result.chosen.test.top1);
});

test("the same command again trains nothing, and one unit again is left as it is", async () => {
  const before = read(undisturbed);
  const again = await fovea([...common, ...modules, "--out", undisturbed]);
  assert.equal(again.code, 0, again.stderr);
  assert.doesNotMatch(again.stderr, /units to do/);
  assert.deepEqual(read(undisturbed), before);
  const work = await fovea(["compare", "work", undisturbed, "--unit", String(2 * seeds - 1)]);
  assert.match(work.stderr, new RegExp(`resnet20 se seed ${seeds - 1}: done`));
  assert.equal((await fovea(["compare", "work", undisturbed, "--unit", String(2 * seeds)])).code, 2);
});

test("units done by work, in any order, and by one worker give the same bytes", { skip: ifLong }, async () => {
  const out = temporaryFolder();
  const planned = await fovea([...common, ...modules, "--out", out, "--dry-run", "--json"]);
  assert.equal(planned.code, 0, planned.stderr);
  const { units, images, macs, seconds } = JSON.parse(planned.stdout);
  assert.deepEqual([units, images], [4, 4 * 32]);
  assert.ok(macs > 4 * 32 * 2 * 40e6 && seconds > 0);
  for (const unit of [3, 0]) {
    const done = await fovea(["compare", "work", out, "--unit", String(unit)]);
    assert.equal(done.code, 0, done.stderr);
  }
  const rest = await fovea([...common, ...modules, "--out", out, "--workers", "1"]);
  assert.match(rest.stderr, /2 of 4 units to do/);
  assert.deepEqual(read(out), read(undisturbed));
});

/** Child processes of a process. */
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);

test("after kill -9 of the coordinator and of workers, at any time, the same command ends with the same tables", {
  skip: ifLong || (process.platform !== "linux" && "needs /proc"),
}, async () => {
  const out = temporaryFolder();
  const args = [...common, ...modules, "--out", out, "--workers", "2"];
  const main = new URL("../../src/cli/main.js", import.meta.url).pathname;
  const rng = new Rng(Number(process.env.FOVEA_SEED ?? 4), "kill");
  const kills = Number(process.env.FOVEA_KILLS ?? 5);
  for (let i = 0; i < kills; i++) {
    const child: ChildProcess = spawn(process.execPath, [main, ...args], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    await Promise.race([ended, sleep(500 + rng.uniform(0, 5000))]);
    if (child.exitCode !== null) break;
    const workers = childrenOf(child.pid!);
    if (workers.length > 0 && rng.int(2) === 0) {
      process.kill(workers[rng.int(workers.length)]!, "SIGKILL");
      await Promise.race([ended, sleep(rng.uniform(0, 2000))]);
    }
    if (child.exitCode === null) process.kill(child.pid!, "SIGKILL");
    await ended;
  }
  const last = await ownProcess(args);
  assert.equal(last.code, 0, last.stderr);
  assert.deepEqual(read(out), read(undisturbed));
  assert.equal(readdirSync(join(out, "units")).filter((name) => !name.endsWith(".lock")).length, 4);
});

test("a second coordinator is refused, and says who is at it", { skip: ifLong }, async () => {
  const out = temporaryFolder();
  let second: Promise<Awaited<ReturnType<typeof fovea>>> | undefined;
  const began = await fovea([...common, ...modules, "--out", out, "--seeds", "1"], (text) => {
    if (!second && text.includes("units to do")) second = ownProcess([...common, ...modules, "--out", out]);
  });
  assert.equal(began.code, 0, began.stderr);
  const refused = await second!;
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /is in use: process \d+ on .* is running the comparison in it\. Wait until it ends, or choose another --out/,
  );
});

test("units of other data, another program or a damaged result enter no table", { skip: ifLong }, async () => {
  const out = join(temporaryFolder(), "copy");
  cpSync(undisturbed, out, { recursive: true });
  const args = [...common, ...modules, "--out", out];
  const file = join(data, "test_batch.bin");
  const bytes = readFileSync(file);
  bytes[5000]! ^= 1;
  writeFileSync(file, bytes);
  const changed = await fovea(args);
  bytes[5000]! ^= 1;
  writeFileSync(file, bytes);
  assert.equal(changed.code, 1);
  assert.match(
    changed.stderr,
    /(2 of 2|4 of 4) units in .* have other data than .* now has, such as .*\. Choose another --out, or remove them/,
  );
  assert.equal((await fovea(args)).code, 0);
  const unit = join(out, "units", readdirSync(join(out, "units"))[0]!);
  const result = JSON.parse(readFileSync(join(unit, "result.json"), "utf8"));
  const other = (changes: object) =>
    writeFileSync(join(unit, "result.json"), JSON.stringify({ ...result, ...changes }));
  other({ hashes: { ...result.hashes, code: "another" } });
  assert.match((await fovea(args)).stderr, /have another version of the program/);
  const refused = await fovea(["compare", "work", out, "--unit", "0"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /another version of the program/);
  other({ hashes: { ...result.hashes, config: "another" } });
  assert.match((await fovea(args)).stderr, /belongs to a different configuration than its folder/);
  other({ seed: "1" });
  assert.match((await fovea(args)).stderr, /result\.json: seed must be/);
  rmSync(join(unit, "result.json"));
  const config = JSON.parse(readFileSync(join(unit, "config.json"), "utf8"));
  config.versions.data = "another";
  writeFileSync(join(unit, "config.json"), JSON.stringify(config));
  assert.match((await fovea(args)).stderr, /have other data/);
});

test("units of a seed begin with equal weights and batches, and other seeds with others", async () => {
  const { code, stdout } = await fovea([
    ...common,
    "--modules",
    "none,se,placebo-random,bam,wide",
    "--seeds",
    "2",
    "--check-pairing",
    "--json",
  ]);
  assert.equal(code, 0);
  const { paired, units } = JSON.parse(stdout) as {
    paired: boolean;
    units: { unit: string; weights: string; batches: string; note?: string }[];
  };
  assert.ok(paired);
  assert.equal(units.length, 10);
  const of = (seed: number) => units.filter(({ unit }) => unit.endsWith(`seed ${seed}`));
  assert.equal(new Set(of(0).map(({ batches }) => batches)).size, 1);
  assert.equal(
    new Set(
      of(0)
        .filter(({ note }) => !note)
        .map(({ weights }) => weights),
    ).size,
    1,
  );
  assert.deepEqual(
    of(0)
      .filter(({ note }) => note)
      .map(({ unit }) => unit),
    ["resnet20 wide seed 0"],
  );
  assert.notEqual(of(0)[0]!.weights, of(1)[0]!.weights);
  assert.notEqual(of(0)[0]!.batches, of(1)[0]!.batches);
});

test("what --check-pairing says of batches is true where an entrant has a training of its own", async () => {
  const plan = join(temporaryFolder(), "own.json");
  for (const [training, says] of [
    [undefined, /start with equal weights and see equal batches$/],
    [{ batch: 8 }, /start with equal weights, and see equal batches where they are trained alike$/],
  ] as const) {
    const modules = ["none", { name: "se", ...(training && { training }) }];
    writeFileSync(plan, JSON.stringify({ data: { source: data, images: 32 }, modules, seeds: 1, epochs: 1 }));
    const out = temporaryFolder();
    const { code, stdout, stderr } = await fovea(["compare", plan, "--out", out, "--check-pairing"]);
    assert.equal(code, 0, stderr);
    assert.match(stdout.trim(), says);
  }
});

const plan = join(temporaryFolder(), "plan.json");
const written = {
  data: { source: data, images: 32 },
  modules: ["none", { name: "se", options: { reduction: 1000 } }, "simam"],
  seeds: 1,
  epochs: 1,
  settings: [{ batch: 8, lr: 1e30 }],
};

test("a module that does not fit and a training that diverges are said; the others go on", {
  skip: ifLong,
}, async () => {
  const out = temporaryFolder();
  writeFileSync(plan, JSON.stringify(written));
  const { code, stderr, stdout } = await fovea(["compare", plan, "--out", out, "--no-cost", "--json"]);
  assert.equal(code, 0, stderr);
  const { rows } = JSON.parse(stdout);
  assert.equal(rows[0].diverged, 1);
  assert.match(rows[1].verdict, /does not fit: .*reduction 1000 leaves no hidden channel/);
  assert.equal(rows[2].missing, 0);
});

test("a plan's own settings are not for flags, and a plan that is not JSON is refused by line", async () => {
  const out = temporaryFolder();
  writeFileSync(plan, JSON.stringify(written));
  const flagged = await fovea(["compare", plan, "--out", out, "--seeds", "3"]);
  assert.equal(flagged.code, 2);
  assert.match(flagged.stderr, /--seeds has no effect: the plan .* sets it; change it there/);
  appendFileSync(plan, "x");
  assert.match((await fovea(["compare", plan, "--out", out])).stderr, /plan\.json:1 is not JSON/);
});

test("wrong usage is one line", async () => {
  const runs = () => (existsSync("runs") ? readdirSync("runs").sort() : []);
  const before = runs();
  for (const [args, message] of [
    [["compare", data], /name the modules to compare: --modules none,se,cbam/],
    [["compare", data, "--modules", "none,cbma"], /Unknown module "cbma"\. Did you mean "cbam"\?/],
    [["compare", data, "--modules", "none,se", "--images", "1000"], /1000 training images requested, but there are 32/],
    [["compare", data, "--modules", "none,se", "--seeds", "0"], /must be an integer from 1/],
    [["compare", "work", temporaryFolder(), "--unit", "0"], /is not the folder of a comparison: it has no plan\.json/],
    [
      ["compare", data, "--modules", "none,se", "--out", join(data, "x")],
      /--out .* is inside the data, which it would change/,
    ],
    [["compare", "nowhere.json"], /nowhere\.json: cannot be read/],
    [
      [
        "compare",
        "shapes",
        "--modules",
        "none,se",
        "--out",
        join(undisturbed, "units", readdirSync(join(undisturbed, "units"))[0]!),
      ],
      /is neither empty nor the folder of a comparison\. Choose another --out/,
    ],
  ] as const) {
    const { code, stderr } = await fovea(args);
    assert.ok(code === 1 || code === 2, stderr);
    assert.match(stderr, message);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  }
  assert.deepEqual(runs(), before);
});

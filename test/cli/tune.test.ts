import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Rng } from "../../src/core/rng.js";
import { sharedFovea as fovea, main, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const data = tinyCifar(temporaryFolder(), { train: 40, test: 24 });
const args = [
  ...["tune", data, "--module", "se", "--images", "32", "--epochs", "2", "--eta", "2", "--trials", "4"],
  ...["--search", "lr=0.001..0.1", "reduction=4,8", "batch=8,16"],
];
const files = ["trials.csv", "table.md", "report.html", "best.json"];
const read = (folder: string) => files.map((name) => readFileSync(join(folder, name), "utf8"));

test("trials are trained rung by rung; after kill -9 at any time the same command ends with the same tables", {
  skip: ifLong,
}, async () => {
  const [whole, killed] = [temporaryFolder(), temporaryFolder()];
  const first = await fovea([...args, "--out", whole, "--json"]);
  assert.equal(first.code, 0, first.stderr);
  const { winner, rungs } = JSON.parse(first.stdout);
  assert.deepEqual(rungs, [
    { trials: 4, epochs: 1 },
    { trials: 2, epochs: 2 },
  ]);
  assert.deepEqual(
    [1, 2].map((rung) => readdirSync(join(whole, `rung-${rung}`)).length),
    [4, 2],
  );
  assert.equal(winner.results.length, 2);
  const lines = readFileSync(join(whole, "trials.csv"), "utf8").trim().split("\n");
  assert.equal(lines.length, 1 + 4 + 2);

  const rng = new Rng(3, "kill");
  for (let i = 0; i < 3; i++) {
    const child = spawn(process.execPath, [main, ...args, "--out", killed], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    await Promise.race([ended, sleep(1000 + rng.uniform(0, 6000))]);
    if (child.exitCode === null) process.kill(child.pid!, "SIGKILL");
    await ended;
  }
  const last = await fovea([...args, "--out", killed]);
  assert.equal(last.code, 0, last.stderr);
  assert.deepEqual(read(killed), read(whole));
  // What is done is not done again, and another search has no place there.
  const again = await fovea([...args, "--out", killed]);
  assert.doesNotMatch(again.stderr, /rung/);
  const other = await fovea([...args, "--seed", "1", "--out", killed]);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /--out .* has another search/);
  // What it found is a plan.
  const planned = await fovea([
    "compare",
    join(whole, "best.json"),
    "--out",
    join(whole, "best"),
    "--dry-run",
    "--json",
  ]);
  assert.equal(planned.code, 0, planned.stderr);
  assert.equal(JSON.parse(planned.stdout).units, 12);
});

test("a dry run says what would be tried, and wrong usage is one line", async () => {
  const out = join(temporaryFolder(), "search");
  const planned = await fovea([...args, "--out", out, "--dry-run", "--json"]);
  assert.equal(planned.code, 0, planned.stderr);
  assert.equal(JSON.parse(planned.stdout).trials.length, 4);
  assert.ok(!existsSync(out));
  const full = temporaryFolder();
  writeFileSync(join(full, "x"), "");
  const of = (...more: string[]) => ["tune", data, "--images", "32", ...more];
  for (const [wrong, says] of [
    [of(), /--search/],
    [of("--search", "lr=0.1"), /a search needs at least two trials, got 1/],
    [of("--search", "lr=-1,1"), /settings\[0\]\.lr must be a positive number, got -1/],
    [of("--search", "reduction=4,x", "--module", "se"), /--search: se with \{"reduction":"x"\}: /],
    [of("--search", "reduction=4,64", "--module", "se"), /--search: se with \{"reduction":64\}: .*no hidden channel/],
    [of("--search", "lr=0.1,0.2", "--module", "cbma"), /Unknown module "cbma"/],
    [of("--search", "lr=0.1,0.2", "--model", "resnet21"), /Unknown model "resnet21"/],
    [of("--search", "lr=0.1,0.2", "--grid", "--trials", "3"), /--trials has no effect with --grid/],
    [of("--search", "lr=0.1,0.2", "--out", join(full, "x")), /--out .* is a file: name a folder/],
    [of("--search", "lr=0.1,0.2", "--out", full), /--out .* is neither empty nor the folder of a search/],
    [of("--search", "lr=0.1,0.2", "--out", join(data, "x")), /is inside the data, which it would change/],
    [["tune", "nowhere", "--search", "lr=0.1,0.2"], /nowhere/],
  ] as const) {
    const { code, stderr } = await fovea(wrong);
    assert.ok(code === 1 || code === 2, `${wrong.join(" ")}: ${code}`);
    assert.match(stderr, says);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  }
});

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { freshFolder } from "../../src/cli/run.js";
import { fovea, sharedFovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const data = join(folder, "data");
mkdirSync(data);
tinyCifar(data, { train: 32, test: 16 });
const settings = [data, "--model", "resnet20", "--batch", "8", "--threads", "1", "--epochs", "4", "--no-maps"];
const run = (name: string) => join(folder, name);
const epochsOf = (name: string) =>
  String(readFileSync(join(run(name), "metrics.jsonl")))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).epoch);

const inUse = /^fovea: .* is in use: process \d+ on .* is training in it\. Wait until it ends/;

test("while one training writes a run folder, others are refused, and reading goes on", async () => {
  let others: Promise<readonly [number | null, string][]> | undefined;
  const outcome = async (...args: string[]): Promise<[number | null, string]> => {
    const { code, stderr } = await sharedFovea(args);
    return [code, stderr];
  };
  const first = await fovea(["train", ...settings, "--out", run("one")], (text, child) => {
    if (others || !text.includes("epoch 2/4")) return;
    // It must not end before the others have come.
    child.kill("SIGSTOP");
    others = Promise.all([
      outcome("train", "--resume", "--out", run("one")),
      outcome("train", ...settings, "--out", run("one"), "--resume"),
      outcome("train", ...settings, "--out", run("one")),
      outcome("eval", run("one"), data, "--json"),
    ]).finally(() => child.kill("SIGCONT"));
  });
  const [resumed, again, anew, read] = (await others)!;
  for (const [code, stderr] of [resumed!, again!]) {
    assert.equal(code, 1);
    assert.match(stderr, inUse);
    assert.equal(stderr.trim().split("\n").length, 1);
  }
  assert.equal(anew![0], 1);
  assert.match(anew![1], /is not empty/);
  assert.equal(read![0], 0, read![1]);
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(epochsOf("one"), [1, 2, 3, 4]);
  assert.ok(!readdirSync(run("one")).some((name) => name.startsWith(".")));
});

test("of trainings that begin in one folder at once, one goes on", { skip: ifLong }, async () => {
  const start = () => fovea(["train", ...settings, "--epochs", "1", "--out", run("race")]);
  const outcomes = await Promise.all([start(), start(), start()]);
  assert.deepEqual(outcomes.map(({ code }) => code).sort(), [0, 1, 1]);
  for (const { code, stderr } of outcomes) if (code === 1) assert.match(stderr, /is in use|is not empty/);
  assert.deepEqual(epochsOf("race"), [1]);
});

test("trainings that begin at once without --out get folders of their own", async () => {
  const parent = join(folder, "new", "runs");
  const paths = await Promise.all(Array.from({ length: 5 }, () => freshFolder(parent, "a")));
  assert.deepEqual(paths.map((path) => basename(path)).sort(), ["a", "a-2", "a-3", "a-4", "a-5"]);
});

test("after kill -9 a training is resumed at once, and leaves nothing of the killed one behind", {
  skip: ifLong,
}, async () => {
  const killed = await fovea(["train", ...settings, "--out", run("killed")], (text, child) => {
    if (text.includes("epoch 1/4")) child.kill("SIGKILL");
  });
  assert.equal(killed.signal, "SIGKILL");
  assert.ok(existsSync(join(run("killed"), ".lock")));
  writeFileSync(join(run("killed"), ".0123456789ab.tmp"), "half a file");
  const resumed = await fovea(["train", "--resume", "--out", run("killed")]);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.deepEqual(readdirSync(run("killed")).sort(), readdirSync(run("one")).sort());
  assert.deepEqual(
    readFileSync(join(run("killed"), "last.safetensors")),
    readFileSync(join(run("one"), "last.safetensors")),
  );
});

test("a folder where a training was killed before its configuration stood can be begun in", {
  skip: ifLong,
}, async () => {
  mkdirSync(run("early"));
  for (const name of [".lock", ".0123456789ab.tmp"]) writeFileSync(join(run("early"), name), "{");
  const { code, stderr } = await sharedFovea(["train", ...settings, "--epochs", "1", "--out", run("early")]);
  assert.equal(code, 0, stderr);
  assert.ok(!readdirSync(run("early")).some((name) => name.startsWith(".")));
});

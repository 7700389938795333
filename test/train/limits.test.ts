import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requireMemory } from "../../src/cli/memory.js";
import { readLines } from "../../src/files/read.js";
import { Part, readOrigin } from "../../src/hub/part.js";
import { fetchShards } from "../../src/hub/shards.js";
import {
  createModel,
  OptionError,
  openCheckpoint,
  readSafetensors,
  referenceEngine,
  writeSafetensors,
} from "../../src/index.js";
import { RunFolder } from "../../src/internal.js";
import { initialize } from "../../src/nn.js";
import { checkGolden } from "../../src/testing/index.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { runConfig } from "./support.js";

const folder = temporaryFolder();

/** A file of so many bytes that takes no room on the disk. */
function sparse(name: string, bytes: number): string {
  const path = join(folder, name);
  writeFileSync(path, "");
  truncateSync(path, bytes);
  return path;
}

test("a configuration of more than 10 MB is refused", async () => {
  mkdirSync(join(folder, "big"));
  sparse("big/config.json", 10_000_001);
  await assert.rejects(RunFolder.open(join(folder, "big")), /config\.json cannot be read: it has 10000001 bytes/);
});

test("of metrics, lines that are too long or none of an epoch are left out", async () => {
  const run = await RunFolder.create(join(folder, "run"), runConfig);
  const path = join(run.path, "metrics.jsonl");
  const scores = (n: number) => ({ count: 10, top1: n / 10, loss: 1 });
  const epoch = (n: number) => JSON.stringify({ epoch: n, validation: scores(n) });
  const others = ["null", "[]", "{", '{"epoch":"1"}', ""];
  writeFileSync(path, [epoch(1), ...others, epoch(2), epoch(3), '{"epoch":4,'].join("\n"));
  assert.deepEqual(await run.validation(2), scores(2));
  assert.equal(await run.validation(4), undefined);
  await run.truncateMetrics(2);
  assert.equal(readFileSync(path, "utf8"), `${epoch(1)}\n${epoch(2)}\n`);
});

test("lines are read one at a time, without those beyond the limit", async () => {
  const path = join(folder, "lines.txt");
  const long = "x".repeat(3_000_000);
  writeFileSync(path, `a\n${long}\n\nb\r\n${long}y\nlast`);
  const lines: string[] = [];
  for await (const line of readLines(path, 3_000_000)) lines.push(line);
  assert.deepEqual(lines, ["a", long, "", "b\r", "last"]);
  const empty: string[] = [];
  for await (const line of readLines(sparse("zeros", 50_000_000), 1000)) empty.push(line);
  assert.deepEqual(empty, []);
});

test("indexes of more than 32 MiB are refused, on the disk and in the cache", async () => {
  const index = sparse("model.safetensors.index.json", 2 ** 25 + 1);
  const message = /33554433 bytes, more than 33554432/;
  await assert.rejects(openCheckpoint(index), message);
  const fetchFile = () => assert.fail("nothing is fetched");
  await assert.rejects(fetchShards(index, "https://example.org/model.safetensors.index.json", fetchFile), message);
});

test("names of classes in more than 16 MiB are refused", async () => {
  const { code, stderr } = await fovea(["predict", "resnet18", "x.jpg", "--class-names", sparse("names", 2 ** 24 + 1)]);
  assert.equal(code, 1);
  assert.match(stderr, /names cannot be read: it has 16777217 bytes, more than 16777216/);
});

test("a pipe in the place of a part, or of what is known of it, is not waited for", {
  skip: process.platform === "win32",
}, async () => {
  for (const name of ["file.part", "other.part.json"]) execFileSync("mkfifo", [join(folder, name)]);
  await assert.rejects(Part.open(join(folder, "file.part")), /file\.part: not a regular file/);
  assert.equal(await readOrigin(join(folder, "other.part")), undefined);
});

test("inputs whose feature maps cannot fit into memory are refused, saying how much they take", () => {
  const network = initialize(createModel("resnet18", { numClasses: 2 }));
  const GB = 1e9;
  // The first convolution alone makes 64 maps of 112 × 112; all together make 2.5 million numbers.
  assert.doesNotThrow(() => requireMemory(network, [100, 3, 224, 224], false, 0.4 * GB));
  assert.throws(() => requireMemory(network, [100, 3, 224, 224], false, 0.3 * GB), OptionError);
  assert.throws(
    () => requireMemory(network, [100, 3, 224, 224], true, 0.4 * GB),
    /100 images at a time of 224 × 224 pixels: the feature maps take 993\.5 MB or more, and there are 400\.0 MB of memory/,
  );
  assert.throws(
    () => requireMemory(network, [1, 3, 100_000, 100_000], false, 100 * GB),
    /Choose a smaller --image-size/,
  );
});

test("--image-size 100000 is refused by every command that takes it", async () => {
  const weights = join(folder, "none.pth");
  const out = join(folder, "never");
  for (const args of [
    ["train", "shapes", "--image-size", "100000", "--out", out],
    ["train", folder, "--image-size", "100000", "--out", out],
    ["bench", "--input", "3x100000x100000", "--batch", "1"],
    ["predict", "resnet18", "x.jpg", "--image-size", "100000", "--weights", weights],
  ]) {
    const { code, stderr } = await fovea(args);
    assert.ok(code === 1 || code === 2, `${args.join(" ")}: ${stderr}`);
    assert.equal(stderr.split("\n").length, 2, stderr);
  }
  assert.ok(!existsSync(out));
});

test("a golden file cannot ask for more than networks have", async () => {
  const path = "test/golden/networks/cifar-resnet20-none.safetensors";
  const { tensors, metadata } = readSafetensors(readFileSync(path));
  const check = (more: Record<string, string>) =>
    checkGolden(writeSafetensors(tensors, { ...metadata, ...more }), referenceEngine(), {
      weights: () => assert.fail(),
      cifarTest: () => assert.fail(),
    });
  await assert.rejects(check({ input_shape: "[1,3,100000,100000]" }), /an input of 30000000000 numbers, more than/);
  const keys = JSON.parse(metadata.keys!) as [string, number[]][];
  const wide = keys.map(([key, shape]) => [key, key.startsWith("linear.") ? [1e8, ...shape.slice(1)] : shape]);
  const options = { ...JSON.parse(metadata.options!), numClasses: 1e8 };
  await assert.rejects(
    check({ options: JSON.stringify(options), keys: JSON.stringify(wide) }),
    /a network of 6500\d+ numbers, more than 134217728/,
  );
  await assert.rejects(check({ kind: "constructor" }), /kind "constructor" is not one of/);
});

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type RunConfig, readSafetensors, writeSafetensors } from "../../src/index.js";
import { sharedFovea as fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
mkdirSync(at("data"));
const data = tinyCifar(at("data"), { train: 16, test: 8 });
const configOf = (run: string) => JSON.parse(readFileSync(join(at(run), "config.json"), "utf8")) as RunConfig;
const trained = async (run: string, ...flags: string[]) => {
  const outcome = await fovea([
    "train",
    data,
    "--epochs",
    "1",
    "--batch",
    "8",
    "--no-maps",
    "--out",
    at(run),
    ...flags,
  ]);
  assert.equal(outcome.code, 0, outcome.stderr);
  const { name, settings } = configOf(run).training.optimizer;
  return { ...outcome, optimizer: `${name} ${settings.lr}` };
};

test("the usual optimizer and rate depend on the network and on where it starts; flags come before them", {
  skip: ifLong,
}, async () => {
  const first = await trained("first");
  assert.equal(first.optimizer, "sgd 0.1");
  assert.match(first.stderr, /, sgd at 0\.1; .*: 10 classes, 16 \+ 8 images/);
  const weights = join(at("first"), "best.safetensors");
  assert.equal((await trained("tuned", "--weights", weights)).optimizer, "sgd 0.01");
  assert.equal((await trained("frozen", "--weights", weights, "--freeze", "backbone")).optimizer, "sgd 0.1");
  assert.equal((await trained("asked", "--weights", weights, "--lr", "0.2")).optimizer, "sgd 0.2");
  assert.equal(
    (await trained("options", "--weights", weights, "--optimizer-options", '{"lr":0.3}')).optimizer,
    "sgd 0.3",
  );
  assert.equal((await trained("adamw", "--optimizer", "adamw", "--weights", weights)).optimizer, "adamw 0.0001");
  const mobile = ["--model", "mobilenetv2_100"];
  assert.equal((await trained("mobile", ...mobile)).optimizer, "adamw 0.001");
  assert.equal((await trained("mobile-sgd", ...mobile, "--optimizer", "sgd")).optimizer, "sgd 0.1");
});

test("a resumed run goes on with what it was trained by, whatever is usual now", { skip: ifLong }, async () => {
  // As written when pretrained weights were trained on at the full rate.
  await trained("old");
  const { training, ...config } = configOf("old");
  const weights = join(at("old"), "best.safetensors");
  const old = { ...training, epochs: 2, weights };
  const flags = { ...config.flags, epochs: 2, weights };
  writeFileSync(join(at("old"), "config.json"), JSON.stringify({ ...config, flags, training: old }));
  const { code, stderr } = await fovea(["train", "--resume", "--out", at("old")]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /sgd at 0\.1; /);
});

test("a diverged epoch leaves the weights and the checkpoint of the last good one", async () => {
  await trained("diverging", "--lr", "0.05");
  const config = configOf("diverging");
  const last = join(at("diverging"), "last.safetensors");
  const before = [last, join(at("diverging"), "best.safetensors")].map((file) => readFileSync(file));
  const training = { ...config.training, epochs: 2 };
  writeFileSync(
    join(at("diverging"), "config.json"),
    JSON.stringify({ ...config, training, flags: { ...config.flags, epochs: 2 } }),
  );
  const { tensors, metadata } = readSafetensors(before[0]!);
  const huge = new Map(tensors);
  const slot = [...huge.keys()].find((name) => name.startsWith("optimizer/") && name.includes("fc.weight"))!;
  huge.set(slot, { ...huge.get(slot)!, data: new Float32Array(huge.get(slot)!.data.length).fill(3e38) } as never);
  writeFileSync(last, writeSafetensors(huge, metadata));
  const written = readFileSync(last);
  const { code, stderr } = await fovea(["train", "--resume", "--out", at("diverging")]);
  assert.equal(code, 1);
  assert.match(stderr, /the loss is (NaN|-?Infinity)|not finite/);
  assert.deepEqual(readFileSync(last), written);
  assert.deepEqual(readFileSync(join(at("diverging"), "best.safetensors")), before[1]);
});

test("a run with --ema from before its averages were kept is refused on resume with the reason", {
  skip: ifLong,
}, async () => {
  await trained("averaged", "--ema", "0.9");
  const config = configOf("averaged");
  const last = join(at("averaged"), "last.safetensors");
  const { tensors, metadata } = readSafetensors(readFileSync(last));
  const without = [...tensors].filter(([name]) => name !== "ema/bn1.running_mean");
  writeFileSync(last, writeSafetensors(without, metadata));
  writeFileSync(
    join(at("averaged"), "config.json"),
    JSON.stringify({ ...config, training: { ...config.training, epochs: 2 }, flags: { ...config.flags, epochs: 2 } }),
  );
  const { code, stderr } = await fovea(["train", "--resume", "--out", at("averaged")]);
  assert.equal(code, 1);
  assert.match(stderr, /resume: the checkpoint lacks ema\/bn1\.running_mean .*which older versions did not store/);
});

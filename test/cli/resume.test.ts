import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readSafetensors } from "../../src/index.js";
import { sharedFovea as fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const data = join(folder, "data");
mkdirSync(data);
tinyCifar(data, { train: 32, test: 16 });
const settings = [
  data,
  "--model",
  "resnet20",
  "--attention",
  "se",
  "--attention-options",
  '{"reduction":4}',
  "--epochs",
  "4",
  "--batch",
  "8",
  "--lr",
  "0.05",
  "--ema",
  "0.9",
  "--seed",
  "3",
  "--no-maps",
];
const start = (out: string, ...more: string[]) => ["train", ...settings, "--out", join(folder, out), ...more];
const file = (run: string, name: string) => readFileSync(join(folder, run, name));

const whole = await fovea(start("whole"));
assert.equal(whole.code, 0, whole.stderr);

test("a training that is killed and resumed ends byte for byte like one that was not", { skip: ifLong }, async () => {
  // Killed at some point of epoch 3, with nothing saved since epoch 2.
  const killed = await fovea(start("killed"), (text, child) => {
    if (text.includes("epoch 2/4")) setTimeout(() => child.kill("SIGKILL"), 100);
  });
  assert.equal(killed.signal, "SIGKILL");
  const resumed = await fovea(start("killed", "--resume"));
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.deepEqual(file("killed", "last.safetensors"), file("whole", "last.safetensors"));

  // What the weights are of stands in both files, and they are recognized as it.
  const [best, last] = ["best", "last"].map((name) => readSafetensors(file("whole", `${name}.safetensors`)).metadata);
  for (const key of ["model", "options", "classes"]) assert.ok(last![key] && last![key] === best![key], key);
  const inspected = await fovea(["inspect", join(folder, "whole", "last.safetensors"), "--json"]);
  const { network } = JSON.parse(inspected.stdout);
  assert.equal(network.model, "resnet20");
  assert.deepEqual(network.options.attention, ["se", { reduction: 4 }]);
  assert.deepEqual([network.unexplained, network.missing], [[], []]);
  assert.deepEqual(file("killed", "best.safetensors"), file("whole", "best.safetensors"));
  assert.equal(String(file("killed", "results.csv")), String(file("whole", "results.csv")));
  const lines = String(file("killed", "metrics.jsonl")).trim().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).epoch),
    [1, 2, 3, 4],
  );
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  test(`${signal} saves, and the resumed training ends byte for byte like one that was not stopped`, {
    skip: signal !== "SIGINT" && ifLong,
  }, async () => {
    const out = `stopped-${signal}`;
    let sent = false;
    const stopped = await fovea(start(out), (text, child) => {
      if (!sent && text.includes("epoch 2/4")) sent = child.kill(signal);
    });
    assert.deepEqual([stopped.code, stopped.signal], [0, null], stopped.stderr);
    assert.match(stopped.stderr, /finishing the step and saving.*stopped and saved/s);
    const resumed = await fovea(start(out, "--resume"));
    assert.equal(resumed.code, 0, resumed.stderr);
    for (const name of ["last.safetensors", "best.safetensors"])
      assert.deepEqual(file(out, name), file("whole", name), name);
  });

test("Ctrl-C twice ends at once, by the signal", { skip: ifLong }, async () => {
  const twice = await fovea(start("twice"), (text, child) => {
    if (text.includes("epoch 1/4")) child.kill("SIGINT");
  });
  assert.deepEqual([twice.code, twice.signal], [null, "SIGINT"], twice.stderr);
  assert.doesNotMatch(twice.stderr, /terminate called/);
});

test("--precision fast computes otherwise, and the run knows it", { skip: ifLong }, async () => {
  const small = join(folder, "small");
  mkdirSync(small);
  tinyCifar(small, { train: 8, test: 8 });
  const flags = [small, "--model", "resnet18", "--stem", "cifar", "--epochs", "2", "--batch", "8", "--lr", "0.001"];
  const begin = async (out: string, ...more: string[]) => {
    const outcome = await fovea(["train", ...flags, "--out", join(folder, out), ...more]);
    assert.equal(outcome.code, 0, outcome.stderr);
  };
  await begin("direct");
  await begin("fast", "--precision", "fast");
  assert.equal(JSON.parse(String(file("fast", "config.json"))).flags.precision, "fast");
  const [direct, fast] = ["direct", "fast"].map(
    (run) => readSafetensors(file(run, "last.safetensors")).tensors.get("layer3.0.conv2.weight")!.data as Float32Array,
  );
  const apart = direct!.reduce((most, x, i) => Math.max(most, Math.abs(x - fast![i]!)), 0);
  assert.ok(apart < 1e-4);
  // Other processors may have no blocked operators, without which there is nothing to choose.
  if (process.arch === "x64") assert.ok(apart > 0);
});

test("Ctrl-C saves in the middle of an epoch, and resuming from there changes nothing", { skip: ifLong }, async () => {
  const stopped = await fovea(start("stopped", "--json"), (text, child) => {
    if (text.includes("epoch 1/4") && !text.includes("finishing")) child.kill("SIGINT");
  });
  assert.equal(stopped.code, 0, stopped.stderr);
  assert.match(stopped.stderr, /stopped and saved\. To resume: npx fovea train --resume --out /);
  assert.equal(JSON.parse(stopped.stdout).stopped, true);
  // Nothing but the run need be named: its settings hold.
  const resumed = await fovea(["train", "--resume", "--out", join(folder, "stopped")]);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.deepEqual(file("stopped", "last.safetensors"), file("whole", "last.safetensors"));
  assert.equal(String(file("stopped", "results.csv")), String(file("whole", "results.csv")));
});

test("resuming with another setting is refused by the name of its flag, if it has one", async () => {
  for (const [flags, says] of [
    [["--epochs", "9"], /has --epochs 4, now it is 9/],
    [["--label-smoothing", "0.2"], /has --label-smoothing 0, now it is 0\.2/],
    [["--mixup", "0.2"], /has --mixup nothing, now it is 0\.2/],
    [["--optimizer", "adamw"], /has --optimizer "sgd", now it is "adamw"/],
    [["--no-decay-norms"], /has training\.optimizer\.settings\.decayNormsAndBiases = true, now it is false/],
    [["--image-size", "20"], /has --image-size \d+, now it is 20/],
  ] as const) {
    cpSync(join(folder, "whole"), join(folder, flags[0]), { recursive: true });
    assert.match((await fovea([...start(flags[0], "--resume"), ...flags])).stderr, says);
  }
});

test("resuming with other settings is refused, and changes nothing", async () => {
  const before = file("whole", "last.safetensors");
  const { code, stderr } = await fovea([...start("whole", "--resume"), "--lr", "0.2"]);
  assert.equal(code, 2);
  assert.match(stderr, /^fovea: --resume: the run in .* has --lr 0\.05, now it is 0\.2/);
  assert.deepEqual(file("whole", "last.safetensors"), before);
});

test("a loss that is not finite ends the training and keeps the last good state", async () => {
  const { code, stderr } = await fovea([
    "train",
    data,
    "--epochs",
    "3",
    "--batch",
    "16",
    "--lr",
    "1e30",
    "--schedule",
    "step",
    "--step-epochs",
    "2",
    "--warmup",
    "2",
    "--out",
    join(folder, "diverged"),
  ]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /fovea: the loss is (NaN|Infinity) at step \d+ \(epoch \d of 3, learning rate .*\)\. Try a lower learning rate/,
  );
});

test("eval, predict and export work on a run, and the exported network computes the same", async () => {
  const run = join(folder, "whole");
  const evaluated = await fovea(["eval", run, data, "--json"]);
  assert.equal(evaluated.code, 0, evaluated.stderr);
  const metrics = JSON.parse(evaluated.stdout);
  assert.equal(metrics.count, 16);
  const rows = String(file("whole", "results.csv"))
    .trim()
    .split("\n")
    .slice(1)
    .map((row) => Number(row.split(",")[6]));
  assert.equal(metrics.top1, Math.max(...rows));

  const onnx = join(folder, "model.onnx");
  const exported = await fovea(["export", run, "--out", onnx, "--json"]);
  assert.equal(exported.code, 0, exported.stderr);
  assert.equal(JSON.parse(exported.stdout).bytes, readFileSync(onnx).length);

  const sharp = (await import("sharp")).default;
  const image = join(folder, "image.png");
  await sharp({ create: { width: 48, height: 40, channels: 3, background: { r: 200, g: 120, b: 40 } } })
    .png()
    .toFile(image);
  const predicted = await fovea(["predict", run, image, join(folder, "missing.png"), "--top", "10", "--json"]);
  assert.equal(predicted.code, 1, "one of the images does not exist");
  const [first, second] = JSON.parse(predicted.stdout).predictions;
  assert.ok(second.error);

  const ort = await import("onnxruntime-node");
  const session = await ort.InferenceSession.create(onnx);
  const [{ decodeImage }, { toInput }] = [await import("../../src/index.js"), await import("../../src/engine.js")];
  const config = JSON.parse(String(file("whole", "config.json")));
  const input = toInput(await decodeImage(image, { shorterSide: config.preprocessing.resize }), config.preprocessing);
  for (const copies of [1, 3]) {
    const batch = new Float32Array(copies * input.length);
    for (let i = 0; i < copies; i++) batch.set(input, i * input.length);
    const { output } = await session.run({ input: new ort.Tensor("float32", batch, [copies, 3, 32, 32]) });
    const logits = Array.from(output!.data as Float32Array).slice(-10);
    const total = logits.reduce((sum, z) => sum + Math.exp(z), 0);
    for (const { index, probability } of first.classes)
      assert.ok(Math.abs(Math.exp(logits[index]!) / total - probability) < 1e-5);
  }
  await session.release();
});

test("a run that began with an option that has no effect goes on, and is evaluated", { skip: ifLong }, async () => {
  const out = join(folder, "earlier");
  const flags = [
    "--model",
    "resnet20",
    "--attention",
    "eca",
    "--attention-options",
    '{"variant":"timm"}',
    "--batch",
    "16",
  ];
  const begun = await fovea(["train", data, ...flags, "--epochs", "2", "--out", out], (text, child) => {
    if (text.includes("epoch 1/2")) child.kill("SIGTERM");
  });
  // As it was written before such options were refused.
  const path = join(out, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  config.flags.attentionOptions = { variant: "timm", kernelSize: 5 };
  config.model.options.attention = ["eca", { variant: "timm", kernelSize: 5 }];
  writeFileSync(path, JSON.stringify(config));
  const resumed = await fovea(["train", "--resume", "--out", out]);
  assert.equal(resumed.code, 0, begun.stderr + resumed.stderr);
  const { code, stderr } = await fovea(["eval", out, data, "--json"]);
  assert.equal(code, 0, stderr);
  const asked = await fovea([
    "train",
    data,
    ...flags.with(5, '{"variant":"timm","kernelSize":5}'),
    "--out",
    join(folder, "new"),
  ]);
  assert.notEqual(asked.code, 0);
  assert.match(asked.stderr, /eca: kernelSize has no effect with variant timm/);
});

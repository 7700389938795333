import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { createModel, readSafetensors, weightsOf, writeSafetensors } from "../../src/index.js";
import { initialize } from "../../src/nn.js";
import { relativeError } from "../../src/testing/compare.js";
import { sharedFovea as fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
const tensors = (path: string) => readSafetensors(readFileSync(path)).tensors;

mkdirSync(at("cifar"));
tinyCifar(at("cifar"));
for (const [label, background] of [
  ["dark", { r: 20, g: 30, b: 40 }],
  ["light", { r: 220, g: 210, b: 200 }],
] as const) {
  mkdirSync(at("photos", label), { recursive: true });
  for (let i = 0; i < 20; i++)
    await sharp({ create: { width: 40, height: 36, channels: 3, background } })
      .png()
      .toFile(at("photos", label, `${i}.png`));
}

test("weights of a trained network begin another, with a new classifier and an inserted module", {
  skip: ifLong,
}, async () => {
  const first = await fovea(["train", at("cifar"), "--epochs", "6", "--batch", "8", "--out", at("first")]);
  assert.equal(first.code, 0, first.stderr);
  const exported = await fovea(["export", at("first"), "--out", at("first.safetensors")]);
  assert.equal(exported.code, 0, exported.stderr);
  const inspected = JSON.parse((await fovea(["inspect", at("first.safetensors"), "--json"])).stdout);
  assert.equal(inspected.network.model, "resnet20");

  const settings = [
    "--weights",
    at("first.safetensors"),
    "--insert",
    "eca",
    "--image-size",
    "32",
    "--stem",
    "cifar",
    "--epochs",
    "2",
    "--batch",
    "8",
    "--lr",
    "0.0001",
    "--head-lr",
    "0.001",
    "--clip",
    "1",
  ];
  const second = await fovea([
    "train",
    at("photos"),
    ...settings,
    "--freeze",
    "backbone",
    "--seed",
    "5",
    "--val-split",
    "0.25",
    "--out",
    at("second"),
    "--json",
  ]);
  assert.equal(second.code, 0, second.stderr);
  assert.match(
    second.stderr,
    /126 arrays loaded, 18 new \(attention\.layer1\.0\.gain, …\), the classifier fc starts fresh, for 2 classes/,
  );

  const [before, after] = [tensors(at("first.safetensors")), tensors(at("second", "last.safetensors"))];
  for (const [key, value] of before)
    if (!key.startsWith("fc.")) assert.deepEqual(after.get(key)!.data, value.data, `${key} is frozen`);
  assert.deepEqual(after.get("fc.weight")!.shape, [2, 64]);
  assert.ok(
    [...after].some(([key, { data }]) => key.endsWith(".gain") && Number(data[0]) !== 0),
    "inserted modules learn",
  );

  const evaluated = await fovea(["eval", at("second"), at("photos"), "--json"]);
  assert.equal(evaluated.code, 0, evaluated.stderr);
  assert.equal(JSON.parse(evaluated.stdout).top1, JSON.parse(second.stdout).best.top1);
  assert.equal(JSON.parse(evaluated.stdout).count, 10, "the images that the run kept for validation");
  assert.equal(JSON.parse(evaluated.stdout).loss, JSON.parse(second.stdout).best.loss);

  const partly = await fovea(["train", at("photos"), ...settings, "--freeze-until", "layer3", "--out", at("third")]);
  assert.equal(partly.code, 0, partly.stderr);
  const config = JSON.parse(readFileSync(at("third", "config.json"), "utf8"));
  assert.ok(
    config.frozen.includes("layer2.2.conv2.weight") &&
      !config.frozen.some((path: string) => path.startsWith("layer3.")),
  );
});

test("where nothing is augmented, features of a frozen backbone are computed once; the run folder is as without", {
  skip: ifLong,
}, async () => {
  writeFileSync(at("some.safetensors"), writeSafetensors(weightsOf(initialize(createModel("resnet20")))));
  const flags = ["--weights", at("some.safetensors"), "--freeze", "backbone", "--image-size", "32", "--stem", "cifar"];
  const common = [
    "train",
    at("photos"),
    ...flags,
    "--epochs",
    "2",
    "--batch",
    "8",
    "--lr",
    "0.001",
    "--no-maps",
    "--no-augment",
  ];
  const runs = await Promise.all(
    [[], ["--no-cache-features"]].map((more, i) => fovea([...common, ...more, "--out", at(`once${i}`)])),
  );
  for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
  assert.match(runs[0]!.stderr, /features of the 32 training and 8 validation images are computed once \(10\.2 kB\)/);
  assert.doesNotMatch(runs[1]!.stderr, /features/);
  assert.deepEqual(readdirSync(at("once0")).sort(), readdirSync(at("once1")).sort());
  const configOf = (run: string) => {
    const { flags: _, ...config } = JSON.parse(readFileSync(at(run, "config.json"), "utf8"));
    return config;
  };
  assert.deepEqual(configOf("once0"), configOf("once1"));
  const [once, often] = ["once0", "once1"].map((run) => tensors(at(run, "last.safetensors")));
  assert.deepEqual([...once!.keys()], [...often!.keys()]);
  for (const [key, value] of once!) assert.ok(relativeError(value, often!.get(key)!) < 1e-5, key);

  const augmented = await fovea([...common.slice(0, -1), "--epochs", "2", "--out", at("augmented")]);
  assert.match(
    augmented.stderr,
    /features of the 8 validation images are computed once .*; training runs frozen parts in every epoch: augmentation changes/,
  );
  const refused = await fovea([...common.slice(0, -1), "--cache-features", "--out", at("never")]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /--cache-features needs --no-augment/);
});

test("what was inserted stands in the file, and is built again from it", { skip: ifLong }, async () => {
  const gate = ["--insert", "cbam", "--insert-options", '{"kernelSize":3,"order":"spatial-channel"}'];
  const settings = ["--epochs", "1", "--batch", "8", "--seed", "3"];
  const run = at("inserted");
  const trained = await fovea(["train", at("cifar"), ...gate, ...settings, "--out", run]);
  assert.equal(trained.code, 0, trained.stderr);
  const [out, converted] = [at("inserted.safetensors"), at("inserted-converted.safetensors")];
  for (const args of [
    ["export", run, "--out", out],
    ["convert", at("inserted", "best.safetensors"), converted],
  ]) {
    const { code, stderr } = await fovea(args);
    assert.equal(code, 0, stderr);
  }
  const insert = { attention: "cbam", options: { kernelSize: 3, order: "spatial-channel" } };
  for (const file of [at("inserted", "best.safetensors"), at("inserted", "last.safetensors"), out, converted]) {
    const { network } = JSON.parse((await fovea(["inspect", file, "--json"])).stdout);
    assert.deepEqual(
      [network.model, network.insert, network.unexplained, network.missing],
      ["resnet20", insert, [], []],
    );
    assert.match(
      (await fovea(["inspect", file])).stdout,
      /--model resnet20 with .*, --insert cbam with \{"kernelSize":3/,
    );
  }
  const figures = async (...args: string[]) => {
    const { code, stdout, stderr } = await fovea(["eval", ...args, "--json"]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).loss;
  };
  const own = await figures(run, at("cifar"));
  assert.equal(await figures("resnet20", at("cifar"), "--weights", out), own);
  assert.equal(await figures("resnet20", at("cifar"), "--weights", at("inserted", "best.safetensors")), own);
  const named = await fovea(["export", "resnet20", "--weights", out, "--out", at("named.safetensors")]);
  assert.equal(named.code, 0, named.stderr);
  assert.deepEqual(tensors(at("named.safetensors")), tensors(out));
  const again = await fovea(["train", at("cifar"), ...gate, ...settings, "--weights", out, "--out", at("again")]);
  assert.match(again.stderr, /arrays loaded(?!.*(new|not used))/);
  const without = await fovea(["train", at("cifar"), ...settings, "--weights", out, "--out", at("without")]);
  assert.match(
    without.stderr,
    /arrays loaded, \d+ not used \(attention\.layer1\.0\.bn2\.gain, …\)|\d+ not used \(attention\./,
  );
});

test("what cannot be frozen or inserted is refused in a line", async () => {
  const cases: [string[], RegExp][] = [
    [["--freeze", "backbone"], /--freeze backbone freezes what --weights loads/],
    [["--freeze-until", "layer9"], /no parameter's path begins with layer9; paths begin with conv1, bn1, layer1/],
    [["--insert", "danet-head"], /"danet-head" is a head, not a gate/],
  ];
  for (const [flags, says] of cases) {
    const { code, stderr } = await fovea(["train", at("cifar"), ...flags, "--out", at("never")]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, says);
  }
});

const data = process.env.FOVEA_DATA ?? "../shared/data";
const missing = (file: string) => {
  try {
    readFileSync(join(data, file));
    return false;
  } catch {
    return `needs ${file} in the folder that FOVEA_DATA names`;
  }
};

test("a published CIFAR-10 ResNet-20 is recognized and reaches its accuracy", {
  skip: missing("weights/resnet20-12fca82f.th"),
}, async () => {
  const result = await fovea([
    "eval",
    "resnet20",
    join(data, "cifar-10-batches-bin"),
    "--weights",
    join(data, "weights/resnet20-12fca82f.th"),
    "--json",
  ]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(JSON.parse(result.stdout).top1, 0.915);
});

test("convert writes safetensors with our keys, and reading them gives the same weights", {
  skip: missing("weights/resnet20_simam_cifar100_best100.pth.tar"),
}, async () => {
  const source = join(data, "weights/resnet20_simam_cifar100_best100.pth.tar");
  const converted = await fovea(["convert", source, at("simam.safetensors"), "--json"]);
  assert.equal(converted.code, 0, converted.stderr);
  assert.equal(JSON.parse(converted.stdout).renamed, 23);
  const written = tensors(at("simam.safetensors"));
  assert.ok(
    written.has("layer1.0.conv2.weight") && written.has("fc.weight") && written.has("layer2.0.downsample.0.weight"),
  );
  const { network } = JSON.parse((await fovea(["inspect", at("simam.safetensors"), "--json"])).stdout);
  assert.deepEqual(network.options, { numClasses: 100, attention: ["simam", {}] });
});

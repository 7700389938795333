import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { test } from "node:test";
import sharp from "sharp";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";
import { cachePath } from "../../src/hub/cache.js";
import { pretrainedFor, pretrainedWeights } from "../../src/inference/pretrained-weights.js";
import { createModel } from "../../src/models/index.js";
import { initialize } from "../../src/nn/index.js";
import { weightsOf } from "../../src/train/index.js";
import { sendFile, serve } from "../hub/server.js";
import { withEnv } from "../support/env.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
const photo = at("photo.png");
await sharp({ create: { width: 40, height: 36, channels: 3, background: { r: 20, g: 90, b: 40 } } }).toFile(photo);

/** Runs a command with a cache of its own, as the rest of the environment says. */
const run = (args: readonly string[], own: Readonly<Record<string, string>>) => withEnv(own, () => fovea(args));

test("list names the published weights of a network, in words and in JSON", async () => {
  const { stdout } = await fovea(["list", "resnet50"]);
  assert.match(stdout, /^ {2}resnet50\.a1_in1k: 80\.382 % of 1000 classes, by timm, Apache-2\.0$/m);
  const { pretrained } = JSON.parse((await fovea(["list", "resnet50", "--json"])).stdout);
  assert.deepEqual(
    pretrained.map(({ name }: { name: string }) => name),
    ["resnet50.tv2_in1k", "resnet50.tv_in1k", "resnet50.a1_in1k"],
  );
  assert.deepEqual(JSON.parse((await fovea(["list", "van_b0", "--json"])).stdout).pretrained, []);
});

test("a server that sends something else is refused, and nothing is cached", async () => {
  const body = Buffer.from(writeSafetensors(weightsOf(initialize(createModel("resnet20")))));
  const server = await serve((request, response) => sendFile(request, response, body));
  for (const args of [
    ["predict", "resnet18", photo, "--pretrained"],
    ["export", "resnet50", "--weights", "resnet50.a1_in1k", "--out", at("never.onnx")],
    ["train", "shapes", "--model", "resnet18", "--pretrained", "--out", at("never")],
  ]) {
    const cache = temporaryFolder();
    const { code, stderr } = await run(args, { FOVEA_CACHE: cache, HF_ENDPOINT: server.origin });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /checksum mismatch: the file's sha256 is [\da-f]{64}, expected (694f673d|773525d5)/);
    assert.deepEqual(readdirSync(cache), []);
  }
  assert.ok(!existsSync(at("never.onnx")) && !existsSync(at("never")));
});

test("offline and without a cache it is an error that says what is missing", async () => {
  const own = { FOVEA_CACHE: temporaryFolder(), FOVEA_OFFLINE: "1" };
  const { code, stderr } = await run(["predict", "resnet34", photo, "--pretrained"], own);
  assert.equal(code, 1);
  assert.match(stderr, /^resnet34\.tv_in1k: weights by torchvision, BSD-3-Clause$/m);
  assert.match(stderr, /offline: https:\/\/download\.pytorch\.org\/models\/resnet34-b627a593\.pth is not in the cache/);
});

test("--pretrained is refused where it makes no sense", async () => {
  writeFileSync(at("resnet20.simam_cifar100"), "no weights");
  for (const [args, says] of [
    [["predict", "resnet18", photo], /add --weights FILE, or --pretrained$/],
    [["predict", "van_b0", photo], /add --weights FILE$/],
    [["predict", "van_b0", photo, "--pretrained"], /van_b0: no published weights are listed/],
    [["predict", "unet_resnet18", photo, "--pretrained"], /unet_resnet18: no published weights are listed/],
    [["predict", "resnet18", photo, "--pretrained", "--weights", "x.pth"], /leave out --pretrained or --weights/],
    [["predict", "resnet18", photo, "--weights", "resnet50.a1_in1k"], /Unknown weights of resnet18/],
    [["train", "shapes", "--model", "van_b0", "--pretrained"], /van_b0: no published weights are listed/],
    [["train", "shapes", "--task", "segmentation", "--pretrained"], /--pretrained is for networks that classify/],
  ] as const) {
    const { code, stderr } = await run(args, { FOVEA_CACHE: temporaryFolder() });
    assert.equal(code, 2, stderr);
    assert.match(stderr.trim().split("\n").at(-1)!, says);
  }
});

const data = env.FOVEA_DATA ?? "";
const files: Readonly<Record<string, string>> = {
  "resnet20.akamaster_cifar10": "weights/resnet20-12fca82f.th",
  "resnet20.simam_cifar100": "weights/resnet20_simam_cifar100_best100.pth.tar",
};
const missing = Object.values(files).find((file) => !existsSync(join(data, file)));
const real = { skip: missing === undefined ? false : `FOVEA_DATA has no ${missing}` };

/** What it takes to run from the cache alone, with the published files in it. */
function cached(): Record<string, string> {
  const cache = temporaryFolder();
  for (const [name, file] of Object.entries(files))
    writeFileSync(cachePath(cache, pretrainedWeights.get(name)!.source.split("#")[0]!), readFileSync(join(data, file)));
  return { FOVEA_CACHE: cache, FOVEA_OFFLINE: "1" };
}

test(
  "from the cache: predict, eval, explain and export know the classes and the preparation of images",
  real,
  async () => {
    const own = cached();
    const { stdout, code, stderr } = await run(["predict", "resnet20", photo, "--pretrained", "--json"], own);
    assert.equal(code, 0, stderr);
    const [{ classes }] = JSON.parse(stdout).predictions;
    const usual = pretrainedFor("resnet20");
    assert.ok(classes.every(({ name, index }: { name: string; index: number }) => usual.classes[index] === name));
    const other = await run(["predict", "resnet20", photo, "--weights", "resnet20.simam_cifar100", "--json"], own);
    const fine = pretrainedFor("resnet20", "resnet20.simam_cifar100").classes;
    assert.ok(
      JSON.parse(other.stdout).predictions[0].classes.every(({ name }: { name: string }) => fine.includes(name)),
    );
    assert.match(other.stderr, /ZjjConan\/SimAM, license not stated/);

    const eyes = ["explain", "resnet20", photo, "--pretrained", "--method", "gradcam", "--out", at("seen.svg")];
    assert.equal((await run(eyes, own)).code, 0);
    const measured = await run(["eval", "resnet20", join(data, "cifar-10-batches-bin"), "--pretrained", "--json"], own);
    assert.equal(JSON.parse(measured.stdout).top1, 0.915);

    const exported = await run(["export", "resnet20", "--pretrained", "--out", at("out.safetensors")], own);
    assert.equal(exported.code, 0, exported.stderr);
    const { metadata } = readSafetensors(readFileSync(at("out.safetensors")));
    assert.deepEqual(JSON.parse(metadata.classes!), usual.classes);
    assert.deepEqual(JSON.parse(metadata.preprocessing!), usual.preprocessing);
    const pages = ["export", "resnet20", "--pretrained", "--format", "transformers.js", "--out", at("out")];
    assert.equal((await run(pages, own)).code, 0);
  },
);

test("train goes on from them with a new classifier and their normalization, and is resumed", real, async () => {
  const own = cached();
  for (const [label, gray] of [
    ["dark", 30],
    ["light", 220],
  ] as const) {
    mkdirSync(at("photos", label), { recursive: true });
    for (let i = 0; i < 8; i++)
      await sharp({ create: { width: 40, height: 36, channels: 3, background: { r: gray, g: gray + i, b: gray } } })
        .png()
        .toFile(at("photos", label, `${i}.png`));
  }
  const settings = ["--image-size", "32", "--batch", "4", "--no-maps", "--out", at("run")];
  const begun = await run(
    [
      "train",
      at("photos"),
      "--model",
      "resnet20",
      "--pretrained",
      "--insert",
      "eca",
      "--freeze",
      "backbone",
      "--epochs",
      "1",
      ...settings,
    ],
    own,
  );
  assert.equal(begun.code, 0, begun.stderr);
  assert.match(begun.stderr + begun.stdout, /the classifier fc starts fresh, for 2 classes/);
  const config = JSON.parse(readFileSync(at("run", "config.json"), "utf8"));
  assert.equal(config.training.weights, "resnet20.akamaster_cifar10");
  assert.equal(config.model.options.shortcut, "identity");
  const { mean, std } = pretrainedFor("resnet20").preprocessing;
  assert.deepEqual([config.preprocessing.mean, config.preprocessing.std], [mean, std]);
  assert.ok(config.frozen.includes("layer1.0.conv1.weight"));

  for (const flags of [[], ["--pretrained"]]) {
    const resumed = await run(["train", "--resume", "--out", at("run"), ...flags], own);
    assert.equal(resumed.code, 0, resumed.stderr);
  }
  const other = await run(["train", "--resume", "--out", at("run"), "--weights", "resnet20.simam_cifar100"], own);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /--resume: the run in .* has /);
  const predicted = await run(["predict", at("run"), photo, "--json"], own);
  assert.deepEqual(
    JSON.parse(predicted.stdout)
      .predictions[0].classes.map(({ name }: { name: string }) => name)
      .toSorted(),
    ["dark", "light"],
  );
});

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { presetFlags } from "../../src/cli/config-file.js";
import { trainCommand } from "../../src/cli/train.js";
import { recipeNames } from "../../src/train/recipes.js";
import { sharedFovea as fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong, runsLong } from "../support/long.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
mkdirSync(at("data"));
const data = tinyCifar(at("data"), { train: 32, test: 16 });
const short = ["--epochs", "2", "--batch", "8", "--no-maps"];
const config = (run: string) => JSON.parse(readFileSync(at(run, "config.json"), "utf8"));

test("every augmentation and setting of a training is a flag, and stands in config.json", async () => {
  const flags =
    "--scale 0.5,1 --ratio 0.8,1.25 --auto-augment randaugment-n1-m5 --color-jitter 0.4 --random-erasing 0.25 --erase-mode pixel --mixup 0.2 --cutmix 1 --mix-probability 0.9 --no-flip --balanced-sampling --class-weights balanced --grad-accum-steps 2 --patience 1 --layer-decay 0.8 --schedule one-cycle --progressive-resizing 24";
  const { code, stderr } = await fovea(["train", data, ...short, ...flags.split(" "), "--out", at("all")]);
  assert.equal(code, 0, stderr);
  const { training } = config("all");
  assert.deepEqual(training.augment, {
    crop: { scale: [0.5, 1], ratio: [0.8, 1.25] },
    flip: false,
    autoAugment: "randaugment-n1-m5",
    colorJitter: [0.4, 0.4, 0.4, 0],
    erasing: { probability: 0.25, mode: "pixel" },
    mixup: 0.2,
    cutmix: 1,
    mixProbability: 0.9,
  });
  const { balancedSampling, classWeights, gradAccumSteps, patience, layerDecay, schedule, augRepeats } = training;
  assert.deepEqual(training.progressiveResizing, [24]);
  assert.deepEqual(
    { balancedSampling, classWeights, gradAccumSteps, patience, layerDecay, schedule, augRepeats },
    {
      balancedSampling: true,
      classWeights: "balanced",
      gradAccumSteps: 2,
      patience: 1,
      layerDecay: 0.8,
      schedule: { kind: "one-cycle" },
      augRepeats: 1,
    },
  );
  const again = await fovea(["train", "--resume", "--out", at("all")]);
  assert.equal(again.code, 0, again.stderr);
});

test("a configuration file gives flags, which those on the command line overrule", async () => {
  const text = `data: ${data}\nepochs: 7\nbatch: 16\nmaps: false\nmixup: 0.4\ncolor_jitter: [0.1, 0.2, 0.3, 0]\nlabel-smoothing: 0.1\noptimizerOptions: { nesterov: true }\n`;
  writeFileSync(at("run.yaml"), text);
  const { code, stderr } = await fovea(["train", "--config", at("run.yaml"), "--epochs", "1", "--out", at("file")]);
  assert.equal(code, 0, stderr);
  const { training, flags } = config("file");
  assert.equal(training.epochs, 1);
  assert.equal(training.batch, 16);
  assert.equal(training.labelSmoothing, 0.1);
  assert.equal(training.optimizer.settings.nesterov, true);
  assert.deepEqual([training.augment.mixup, training.augment.colorJitter], [0.4, [0.1, 0.2, 0.3, 0]]);
  // A run that is resumed needs the file no longer.
  assert.ok(!("config" in flags));
  const again = await fovea(["train", "--resume", "--out", at("file")]);
  assert.equal(again.code, 0, again.stderr);
});

test("JSON says the same as YAML", async () => {
  writeFileSync(at("same.json"), JSON.stringify({ recipe: "timm-seresnext26", epochs: 3, scale: [0.2, 1] }));
  writeFileSync(at("same.yaml"), "recipe: timm-seresnext26\nepochs: 3\nscale: [0.2, 1]\n");
  const [json, yaml] = await Promise.all(
    ["same.json", "same.yaml"].map((file) => presetFlags(trainCommand, { config: at(file) })),
  );
  assert.deepEqual(json, yaml);
  assert.deepEqual([json!.epochs, json!.scale, json!.warmup], [3, [0.2, 1], 5]);
});

for (const recipe of recipeNames)
  test(`the recipe ${recipe} is of flags that go together`, {
    skip: ifLong,
  }, async () => {
    const flags = await presetFlags(trainCommand, { recipe });
    const less = [
      ...(flags.stepEpochs ? ["--step-epochs", "1"] : []),
      ...(flags.decayEpochs ? ["--decay-epochs", "1"] : []),
      ...(flags.warmup ? ["--warmup", "0.5"] : []),
    ];
    const { code, stderr } = await fovea(["train", data, "--recipe", recipe, ...short, ...less, "--out", at(recipe)]);
    assert.equal(code, 0, stderr);
    const { training } = config(recipe);
    assert.equal(training.epochs, 2);
    assert.equal(training.optimizer.settings.lr, flags.lr);
    assert.deepEqual(training.augment.crop.scale, flags.scale);
  });

test("what belongs to a choice of a recipe goes with it where a flag or the file replaces it", {
  skip: ifLong,
}, async () => {
  for (const [name, flags] of [
    ...(runsLong
      ? ([
          ["torchvision-v1", "--schedule cosine"],
          ["torchvision-v2", "--balanced-sampling --schedule one-cycle"],
          ["timm-a2", "--weight-decay 0 --warmup 1"],
          ["timm-efficientnet", "--step-epochs 1 --warmup 1"],
          ["torchvision-v1", "--decay-epochs 1"],
        ] as const)
      : []),
    ["torchvision-v2", "--no-augment --warmup 1"],
    ["timm-seresnext26", "--optimizer adamw --warmup 1 --random-erasing 0"],
    ["timm-a2", "--optimizer lion --warmup 1"],
    ["torchvision-v2", "--optimizer rmsprop-tf --warmup 1 --weight-decay 1e-5"],
  ] as const) {
    const out = at(`over-${flags.replaceAll(/\W+/g, "")}`);
    const { code, stderr } = await fovea([
      ...["train", data, "--recipe", name, ...short, ...flags.split(" "), "--out", out],
    ]);
    assert.equal(code, 0, `${name} ${flags}: ${stderr}`);
  }
  if (runsLong) {
    const schedule = { kind: "step", factor: 0.1 };
    const [listed, repeated] = ["over-stepepochs1warmup1", "over-decayepochs1"].map(
      (run) => config(run).training.schedule,
    );
    assert.deepEqual(listed, { ...schedule, epochs: [1], warmupEpochs: 1 });
    assert.deepEqual(repeated, { ...schedule, epochs: 1, warmupEpochs: 0 });
  }
  const { training } = config("over-noaugmentwarmup1");
  assert.equal(training.augment, null);
  const { optimizer } = config("over-optimizeradamwwarmup1randomerasing0").training;
  assert.deepEqual([optimizer.name, optimizer.settings.lr], ["adamw", 1e-3]);
  const decays = (run: string) => config(run).training.optimizer.settings.decayNormsAndBiases;
  assert.equal(decays("over-optimizerlionwarmup1"), true, "the default, where nothing decays");
  assert.equal(
    decays("over-optimizerrmsproptfwarmup1weightdecay1e5"),
    false,
    "as the recipe says, where weights decay",
  );
  writeFileSync(at("over.yaml"), "recipe: torchvision-v1\nschedule: cosine\noptimizer: lamb\naugment: false\n");
  const { data: _, ...flags } = await presetFlags(trainCommand, { config: at("over.yaml") });
  assert.deepEqual(flags, { batch: 256, epochs: 90, schedule: "cosine", optimizer: "lamb", augment: false });
});

test("false in a configuration file switches off what a recipe switches on, and is no flag of another task", {
  skip: ifLong,
}, async () => {
  writeFileSync(at("off.yaml"), "recipe: timm-a2\nbceLoss: false\nwarmup: 1\n");
  const { bceLoss, bceTargetThreshold } = await presetFlags(trainCommand, { config: at("off.yaml") });
  assert.deepEqual([bceLoss, bceTargetThreshold], [false, undefined]);
  const { code, stderr } = await fovea(["train", data, "--config", at("off.yaml"), ...short, "--out", at("off")]);
  assert.equal(code, 0, stderr);
  assert.deepEqual([config("off").training.bceLoss, config("off").training.bceTargetThreshold], [false, null]);
  for (const switched of ["cacheFeatures", "balancedSampling", "recompute", "pretrained", "maps"]) {
    writeFileSync(at("one.json"), JSON.stringify({ [switched]: false }));
    assert.deepEqual(await presetFlags(trainCommand, { config: at("one.json") }), { [switched]: false });
  }
  writeFileSync(at("none.yaml"), "pretrained: false\nbceLoss: false\nbalancedSampling: false\neraseMode: pixel\n");
  const masks = ["train", "shapes", "--model", "unet_resnet18", "--config", at("none.yaml"), "--out", at("never")];
  const later = await fovea(masks);
  assert.equal(later.code, 2, later.stderr);
  assert.match(later.stderr, /--erase-mode needs --random-erasing/);
});

test("--find-lr draws a curve and trains nothing", async () => {
  const curve = at("curve.svg");
  const { code, stdout, stderr } = await fovea([
    "train",
    data,
    ...["--batch", "2", "--find-lr", curve],
    "--out",
    at("none"),
    "--json",
  ]);
  assert.equal(code, 0, stderr);
  const { tried, suggested, lowest, file } = JSON.parse(stdout);
  assert.equal(file, curve);
  assert.ok(tried.length > 8 && suggested === lowest / 10);
  assert.match(readFileSync(curve, "utf8"), /^<svg[\s\S]*Loss by learning rate[\s\S]*suggested/);
  assert.ok(!existsSync(at("none")));
});

const files: readonly (readonly [text: string, says: RegExp])[] = [
  ["epochs: 2\nmixpu: 0.2\n", /bad\.yaml:2: unknown flag "mixpu"\. Did you mean "mixup"\?/],
  ["epochs: two\n", /bad\.yaml:1: epochs must be an integer/],
  ["epochs: 2\n\nepochs: 3\n", /bad\.yaml:3: /],
  ["epochs: 2\nlabel-smoothing: 3\n", /bad\.yaml:2: label-smoothing must be/],
  ["label: 2\nlabel-smoothign: 0.1\n", /bad\.yaml:1: unknown flag "label"/],
  ["epochs: 2\nlabel-smoothign: 0.1\n", /bad\.yaml:2: unknown flag "label-smoothign"/],
  ["maps: 3\n", /bad\.yaml:1: maps must be true or false/],
  ["mixup: true\n", /bad\.yaml:1: mixup takes a value, not true/],
  ["resume: true\n", /bad\.yaml:1: unknown flag "resume"/],
  ["- epochs\n", /bad\.yaml: must be an object of flags/],
  ["optimizer: sdg\n", /bad\.yaml:1: optimizer /],
  ["recipe: none-such\n", /bad\.yaml:1: recipe /],
  ["scale: [1, 0.5]\n", /bad\.yaml:1: scale must be \[least, most\] with 0 < least ≤ most ≤ 1/],
];
for (const [text, says] of files)
  test(`a configuration file that is wrong is refused by line: ${JSON.stringify(text)}`, async () => {
    writeFileSync(at("bad.yaml"), text);
    const { code, stderr } = await fovea(["train", data, "--config", at("bad.yaml"), "--out", at("never")]);
    assert.equal(code, 2, stderr);
    assert.match(stderr.trim().split("\n").at(-1)!, says);
  });

const idle: readonly (readonly [flags: string, says: RegExp])[] = [
  ["--no-augment --mixup 0.2", /--mixup has no effect with --no-augment/],
  ["--no-augment --no-flip", /--no-flip has no effect with --no-augment/],
  ["--no-augment --aug-repeats 2", /--aug-repeats has no effect with --no-augment/],
  ["--erase-mode pixel", /--erase-mode needs --random-erasing/],
  ["--mix-probability 0.5", /--mix-probability needs --mixup or --cutmix/],
  ["--patience 10", /--patience 10 has no effect: the training ends after 10 epochs/],
  ["--cycle-epochs 2", /--cycle-epochs needs --schedule warm-restarts/],
  ["--schedule warm-restarts", /--schedule warm-restarts needs --cycle-epochs/],
  ["--schedule warm-restarts --cycle-epochs 1 --cycle-factor 0.5", /--cycle-factor .* must be a number, at least 1/],
  ["--schedule one-cycle --warmup 1", /--warmup has no effect on --schedule one-cycle/],
  ["--aug-repeats 2 --balanced-sampling", /cannot be combined/],
  ["--bce-target-threshold 0.2", /--bce-target-threshold needs --bce-loss/],
  ["--bce-loss --class-weights balanced", /--class-weights has no effect with --bce-loss/],
  ["--progressive-resizing 24,40", /--progressive-resizing 40 must be below the full image size, 32/],
  [
    "--progressive-resizing 24 --epochs 1",
    /--progressive-resizing: 2 sizes, the full one included, need at least 2 epochs, got 1/,
  ],
  ["--progressive-resizing 24,16", /--progressive-resizing .* must be image sizes from small to large/],
  ["--progressive-resizing 24 --no-augment --cache-features", /--cache-features has no effect with --progressive-/],
  ["--class-weights 1,2", /--class-weights: 2 weights for 10 classes/],
  ["--auto-augment randaug", /must be trivialaugment, randaugment or randaugment-nN-mM/],
  ["--color-jitter 0.4,0.4", /must be \[brightness, contrast, saturation, hue\]/],
  ["--recipe torchvision", /torchvision-v1/],
];
for (const [flags, says] of idle)
  test(`refused: ${flags}`, async () => {
    const { code, stderr } = await fovea(["train", data, ...flags.split(" "), "--out", at("never")]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, says);
  });

test("what only labels of whole images follow is refused for segmentation", async () => {
  for (const flags of [["--mixup", "0.2"], ["--balanced-sampling"], ["--auto-augment", "trivialaugment"]]) {
    const more = ["--model", "unet_resnet18", ...flags, "--out", at("never")];
    const { code, stderr } = await fovea(["train", "shapes", ...more]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /is for networks that classify whole images/);
  }
});

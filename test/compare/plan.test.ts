import assert from "node:assert/strict";
import { test } from "node:test";
import { divide } from "../../src/compare/data.js";
import { networkOf, parameterCount } from "../../src/compare/entrants.js";
import { canonical, parsePlan, readPlan, writtenPlan } from "../../src/compare/plan.js";
import { Resolver } from "../../src/compare/resolve.js";
import { unitsOf, unitTitle } from "../../src/compare/units.js";
import { generateShapesSplits } from "../../src/data/index.js";
import { costOf } from "../../src/graph/cost.js";
import { buildNetwork } from "../../src/inference/load-run.js";
import { trace } from "../../src/nn/index.js";

const small = {
  data: { source: "shapes", images: 64, testImages: 20 },
  modules: ["none", "se", "wide"],
  seeds: 2,
  epochs: 2,
};

test("a plan is written out, and what is written is read as the same", () => {
  const plan = parsePlan({ ...small, modules: ["none", { name: "se", options: { reduction: 8 } }, "placebo-random"] });
  assert.deepEqual(
    plan.entrants.map(({ label }) => label),
    ["none", "se reduction=8", "placebo-random"],
  );
  assert.deepEqual(plan.seeds, [0, 1]);
  assert.deepEqual(readPlan(JSON.stringify(writtenPlan(plan)), "plan.json"), plan);
  assert.equal(canonical({ b: 1, a: [{ d: 2, c: 3 }] }), '{"a":[{"c":3,"d":2}],"b":1}');
});

test("units come seed by seed, so that all entrants have run once before the second seed", () => {
  const plan = parsePlan({ ...small, settings: [{ lr: 0.1 }, { lr: 0.01 }] });
  const units = unitsOf(plan);
  assert.equal(units.length, 12);
  assert.deepEqual(
    units.slice(0, 4).map((unit) => unitTitle(plan, unit)),
    [
      "resnet20 none seed 0 lr=0.1",
      "resnet20 se seed 0 lr=0.1",
      "resnet20 wide seed 0 lr=0.1",
      "resnet20 none seed 0 lr=0.01",
    ],
  );
  assert.deepEqual(
    units.map(({ index }) => index),
    units.map((_, i) => i),
  );
});

test("plans that cannot be meant are refused in one line", () => {
  const cases: readonly (readonly [object | string, RegExp])[] = [
    [{}, /plan: data must be/],
    [{ ...small, modules: ["none", "cbma"] }, /Unknown module "cbma"\. Did you mean "cbam"\?/],
    [{ ...small, modules: ["none", "danet-head"] }, /Unknown module "danet-head"/],
    [{ ...small, modules: [] }, /plan: modules must be/],
    [{ ...small, backbones: ["resnet21"] }, /Unknown model "resnet21"/],
    [
      { ...small, backbones: ["resnet20", "unet_resnet18"] },
      /unet_resnet18 is a segmentation network, resnet20 one for classification; a comparison has one task/,
    ],
    [
      { ...small, data: { source: "x", task: "segmentation" } },
      /plan: resnet20 is not a segmentation network, which the task segmentation needs/,
    ],
    [
      { ...small, backbones: ["unet_resnet18"], data: { source: "x", task: "regression" } },
      /plan: unet_resnet18 is not a classification network, which the task regression needs/,
    ],
    [{ ...small, data: { source: "x", targets: ["a"] } }, /data\.targets is for multi-label and regression/],
    [
      { ...small, data: { source: "shapes", task: "regression", labelsFile: "a.csv" } },
      /data\.labelsFile is for files; shapes is generated/,
    ],
    [{ ...small, data: { source: "x", task: "multi-label", ignoreLabel: 3 } }, /data\.ignoreLabel is for segmentation/],
    [{ ...small, data: { source: "x", task: "multi-label", masks: "y" } }, /data\.masks is for classification/],
    ...(["mixup", "cutmix", "labelSmoothing"] as const).map(
      (name) =>
        [
          { ...small, data: { source: "x", task: "regression" }, settings: [{ [name]: 0.1 }] },
          new RegExp(`plan: settings\\[0\\]: ${name} is for one class per image; the task is regression`),
        ] as const,
    ),
    [
      { ...small, data: { source: "x", task: "multi-label" }, settings: [{ recipe: "timm-a3" }] },
      /is for one class per image; the task is multi-label/,
    ],
    [
      { ...small, backbones: ["unet_resnet18"], settings: [{ balancedSampling: true }] },
      /balancedSampling is for networks that classify whole images; the task is segmentation/,
    ],
    [{ ...small, seeds: [1, 2, 1] }, /plan: seeds names 1 twice/],
    [{ ...small, seeds: 0 }, /plan: seeds must be/],
    [{ ...small, seeds: 1e9 }, /plan: seeds must be how many seeds, 1 to 1000/],
    [{ ...small, modules: ["none", "se", "se"] }, /plan: modules names se twice/],
    [{ ...small, settings: [{ lr: 0.1 }, { lr: 0.1 }] }, /plan: settings names .* twice/],
    [
      { ...small, settings: [{ schedule: "warm-restarts", cycleEpochs: 1, cycleFactor: 0.5 }] },
      /plan: settings\[0\]\.cycleFactor must be a number, at least 1, got 0\.5/,
    ],
    [{ ...small, settings: [{ lr: -1 }] }, /plan: settings\[0\]\.lr must be a positive number, got -1/],
    [{ ...small, settings: [{ learningRate: 1 }] }, /unknown option "learningRate"/],
    [{ ...small, budget: "flops" }, /plan: budget must be one of epochs, steps, macs, seconds/],
    [{ ...small, epochs: 0 }, /plan: epochs must be/],
    [{ ...small, modules: ["none", "wide"] }, /wide needs another module whose parameters/],
    [{ ...small, modules: ["none", "se", { name: "wide", options: { as: "cbam" } }] }, /wide should match "cbam"/],
    [
      { ...small, seeds: 1000, settings: Array.from({ length: 50 }, (_, i) => ({ lr: i + 1 })) },
      /150,000 units, more than 100,000/,
    ],
    [{ ...small, extra: 1 }, /unknown option "extra"/],
    [[], /plan: must be a plan/],
  ];
  for (const [plan, message] of cases)
    assert.throws(
      () => parsePlan(plan),
      (error: Error) => {
        assert.equal(error.name, "OptionError");
        assert.match(error.message, message);
        assert.ok(!error.message.includes("\n"));
        return true;
      },
    );
  assert.throws(() => readPlan("{", "plan.json"), /plan\.json is not JSON/);
});

test("the test images are neither trained on nor validated, and the division is always the same", async () => {
  const splits = generateShapesSplits({ train: 100, validation: 30 });
  const parts = divide(splits, { source: "shapes", images: 40, testImages: 20 });
  assert.deepEqual([parts.train.length, parts.validation.length, parts.test.length], [40, 10, 20]);
  const pixels = async (data: typeof parts.train) =>
    Promise.all(
      Array.from({ length: data.length }, async (_, i) => Buffer.from((await data.image(i)).pixels).toString("base64")),
    );
  const [train, validation, tested] = await Promise.all([parts.train, parts.validation, parts.test].map(pixels));
  assert.equal(new Set([...train!, ...validation!, ...tested!]).size, 70);
  assert.deepEqual(await pixels(divide(splits, { source: "shapes", images: 40, testImages: 20 }).train), train);
  for (let i = 0; i < 10; i++)
    assert.equal(parts.train.labels[i], splits.train.labels[await indexOf(splits.train, train![i]!)]);
  // A third part is the test; the second then validates.
  const three = divide({ ...splits, test: splits.validation }, { source: "x" });
  assert.deepEqual([three.train.length, three.validation.length, three.test.length], [100, 30, 30]);
  // Labels go by the names of the training's classes.
  const swapped = { ...splits.validation, classes: splits.validation.classes.toReversed() };
  const aligned = divide({ ...splits, validation: swapped }, { source: "x" }).test;
  assert.deepEqual(aligned.classes, splits.train.classes);
  assert.equal(aligned.classes[aligned.labels[0]!], swapped.classes[swapped.labels[0]!]);
  const more = { ...swapped, classes: [...swapped.classes.slice(1), "cat"] };
  assert.throws(
    () => divide({ ...splits, validation: more }, { source: "x" }),
    /the test images have classes without training images: cat/,
  );
  assert.throws(
    () => divide(splits, { source: "x", images: 81 }),
    /81 training images requested, but there are 80, with 20 %/,
  );
  assert.throws(() => divide(splits, { source: "x", testImages: 31 }), /31 test images requested, but there are 30/);
});

async function indexOf(data: { length: number; image(i: number): Promise<{ pixels: Uint8Array }> }, pixels: string) {
  for (let i = 0; i < data.length; i++)
    if (Buffer.from((await data.image(i)).pixels).toString("base64") === pixels) return i;
  return -1;
}

const data = divide(generateShapesSplits({ train: 100, validation: 30 }), { source: "shapes", images: 64 });

test("an entrant has a training of its own: the same module with and without a recipe", () => {
  const plan = parsePlan({
    ...small,
    modules: [
      { name: "cbam", label: "default" },
      { name: "cbam", label: "recipe", training: { recipe: "torchvision-v2", batch: 16, warmup: 1 } },
      { name: "cbam", training: { lr: 0.02, augment: false } },
      { name: "cbam", label: "cycle", training: { schedule: "one-cycle", mixup: 0.2, classWeights: "balanced" } },
    ],
    settings: [{ lr: 0.3, batch: 32 }],
    epochs: 3,
    backbones: ["resnet20"],
  });
  assert.equal(plan.entrants[2]!.label, "cbam lr=0.02 augment=false");
  assert.deepEqual(parsePlan(JSON.parse(JSON.stringify(writtenPlan(plan)))), JSON.parse(JSON.stringify(plan)));
  const resolver = new Resolver(plan, data);
  const [usual, recipe, own, cycle] = unitsOf(plan)
    .slice(0, 4)
    .map((unit) => resolver.resolve(unit));
  for (const unit of [recipe, own, cycle]) assert.deepEqual(unit!.model, usual!.model);
  // Equal epochs are other numbers of steps.
  assert.deepEqual([usual!.epochs, usual!.steps, recipe!.epochs, recipe!.steps], [3, 6, 3, 12]);
  assert.deepEqual([usual!.training.optimizer.settings.lr, own!.training.optimizer.settings.lr], [0.3, 0.02]);
  const { optimizer, labelSmoothing, ema, augRepeats, augment, schedule, batch, epochs } = recipe!.training;
  assert.deepEqual(
    {
      lr: optimizer.settings.lr,
      norms: optimizer.settings.decayNormsAndBiases,
      labelSmoothing,
      ema,
      augRepeats,
      batch,
      epochs,
    },
    { lr: 0.5, norms: false, labelSmoothing: 0.1, ema: 0.999966, augRepeats: 4, batch: 16, epochs: 3 },
  );
  assert.deepEqual(schedule, { kind: "cosine", warmupEpochs: 1 });
  assert.deepEqual(augment!.crop, { scale: [0.08, 1] });
  assert.equal(augment!.autoAugment, "trivialaugment");
  assert.equal(own!.training.augment, null);
  assert.equal(usual!.training.augment!.mixup, undefined);
  assert.deepEqual([cycle!.training.augment!.mixup, cycle!.training.classWeights], [0.2, "balanced"]);
  for (const [training, says] of [
    [{ recipe: "torchvision" }, /modules\[1\]\.training: .*torchvision-v1/],
    [{ eraseMode: "pixel" }, /modules\[1\]\.training: eraseMode needs randomErasing/],
    [{ schedule: "warm-restarts" }, /modules\[1\]\.training: schedule warm-restarts needs cycleEpochs/],
    [{ augment: false, mixup: 0.2 }, /modules\[1\]\.training: mixup has no effect with augment: false/],
    [{ mixpu: 1 }, /unknown option "mixpu"/],
  ] as const)
    assert.throws(() => parsePlan({ ...small, modules: ["none", { name: "cbam", training }] }), says);
});

test("what a plan's setting or recipe has for a choice goes with it where an entrant chooses otherwise", () => {
  const plan = parsePlan({
    ...small,
    modules: [
      "none",
      { name: "cbam", training: { augment: false } },
      { name: "se", training: { recipe: "timm-seresnext26", augment: false, optimizer: "adamw", warmup: 0 } },
    ],
    settings: [{ mixup: 0.2, schedule: "step", stepEpochs: [1], optimizer: "sgd", lr: 0.3, batch: 32 }],
    epochs: 3,
    backbones: ["resnet20"],
  });
  const resolver = new Resolver(plan, data);
  const [none, cbam, se] = unitsOf(plan)
    .slice(0, 3)
    .map((unit) => resolver.resolve(unit).training);
  assert.equal(none!.augment!.mixup, 0.2);
  assert.deepEqual([cbam!.augment, se!.augment], [null, null]);
  assert.deepEqual([cbam!.optimizer.settings.lr, se!.optimizer.settings.lr], [0.3, 1e-3]);
});

const together: readonly (readonly [setting: object, training: object, says: RegExp])[] = [
  [{}, { recipe: "torchvision-v1" }, /stepEpochs 30 has no effect: the training ends after 2 epochs/],
  [{ schedule: "step" }, { decayEpochs: 2 }, /decayEpochs 2 has no effect: the training ends after 2 epochs/],
  [{}, { decayEpochs: 1 }, /decayEpochs needs schedule step/],
  [
    {},
    { schedule: "step", stepEpochs: [1], decayEpochs: 1 },
    /stepEpochs and decayEpochs both say when the rate drops/,
  ],
  [{}, { warmup: 3 }, /warmup 3 is longer than the training, 2 epochs/],
  [{}, { bceTargetThreshold: 0.2 }, /bceTargetThreshold needs bceLoss/],
  [{ bceLoss: true }, { classWeights: "balanced" }, /classWeights has no effect with bceLoss/],
  [{ balancedSampling: true }, { augRepeats: 3 }, /augRepeats and balancedSampling cannot be combined/],
  [{ augment: false }, { mixup: 0.2 }, /mixup has no effect with augment: false/],
  [{ lr: 0.1 }, { optimizer: "adamw", optimizerOptions: { nesterov: true } }, /nesterov/],
  [{ lr: 0.1, weightDecay: 0 }, { decayNorms: false }, /decayNorms: false has no effect/],
];
for (const [setting, training, says] of together)
  test(`a plan is refused for ${JSON.stringify(training)} over ${JSON.stringify(setting)}`, () => {
    const modules = ["none", { name: "cbam", training }];
    const message = new RegExp(`modules\\[1\\]\\.training: .*${says.source}`);
    assert.throws(() => parsePlan({ ...small, modules, settings: [setting] }), message);
  });

test("what a setting of the plan needs may stand in the entrant's training, and the other way round", () => {
  const training = { eraseMode: "pixel", bceTargetThreshold: 0.2 };
  const modules = ["none", { name: "cbam", training }];
  assert.ok(parsePlan({ ...small, modules, settings: [{ randomErasing: 0.2, bceLoss: true }] }));
});

test("a plain network is widened to the parameters of a module's, to a quarter of a percent", () => {
  const plan = parsePlan({
    ...small,
    modules: ["none", "gam", "se", "wide", { name: "wide", options: { as: "se" }, label: "wide-se" }],
  });
  const { frame } = new Resolver(plan, data);
  const [none, gam, se, wide, wideSe] = plan.entrants.map((entrant) =>
    parameterCount(buildNetwork(networkOf(plan.backbones[0]!, entrant, plan.entrants, frame), frame.preprocessing)),
  );
  // Wider blocks get more, so that the work grows as the parameters do.
  const [plain, widened] = [plan.entrants[0]!, plan.entrants[3]!].map(
    (entrant) =>
      costOf(
        trace(
          buildNetwork(networkOf(plan.backbones[0]!, entrant, plan.entrants, frame), frame.preprocessing),
          [1, 3, 32, 32],
        ),
      ).macs,
  );
  assert.ok(Math.abs(widened! / plain! / (wide! / none!) - 1) < 0.05, `${widened} ${plain}`);
  assert.ok(Math.abs(wide! - gam!) < 0.0025 * gam!, `${wide} for ${gam}`);
  assert.ok(Math.abs(wideSe! - se!) < 0.0025 * se! && wideSe! > none!, `${wideSe} for ${se}`);
});

test("a budget of MACs gives all the same to 1 %, of steps the same steps, of seconds by measured speeds", () => {
  const modules = ["none", "gam", "cbam"];
  const resolve = (budget: string, epochs: number, rates?: ReadonlyMap<string, number>) => {
    const plan = parsePlan({ ...small, modules, budget, epochs, seeds: 1, settings: [{ batch: 16 }, { batch: 8 }] });
    const resolver = new Resolver(plan, data, rates);
    return unitsOf(plan).map((unit) => resolver.resolve(unit));
  };
  const byMacs = resolve("macs", 25);
  const trained = byMacs.map(({ steps, cost }) => steps * cost.stepMacs);
  assert.ok(Math.max(...trained) < 1.01 * Math.min(...trained), trained.join(" "));
  assert.ok(byMacs[1]!.epochs < 0.8 * byMacs[0]!.epochs && byMacs[0]!.epochs === 25);
  assert.deepEqual(
    resolve("steps", 3).map(({ steps }) => steps),
    [12, 12, 12, 12, 12, 12],
  );
  assert.deepEqual(
    resolve("epochs", 3).map(({ steps }) => steps),
    [12, 12, 12, 24, 24, 24],
  );
  assert.throws(() => resolve("seconds", 3), /a budget of seconds needs the speed of resnet20 none/);
  const rates = new Map(
    modules.flatMap((name, i) =>
      [0, 1].map((setting) => [`resnet20/${name}/${setting}`, (i + 1) / (setting + 1)] as const),
    ),
  );
  assert.deepEqual(
    resolve("seconds", 3, rates).map(({ steps }) => steps),
    [12, 6, 4, 24, 12, 8],
  );
});

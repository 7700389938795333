import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Command } from "commander";
import { addFlags, settingFlags, settingsBy } from "../../src/cli/flags.js";
import { trainFlags } from "../../src/cli/train-config.js";
import type { Settings } from "../../src/core/settings.js";
import { trainOptions } from "../../src/train/checks.js";
import { parseRunConfig, trainingSchema } from "../../src/train/run-config.js";
import { loopSettings, repeating, startSettings, stepSettings, trainingSettings } from "../../src/train/settings.js";
import { stepOptions } from "../../src/train/step.js";
import { fieldsIn } from "../../tools/options-page.js";

const namesIn = (schema: unknown) => fieldsIn(schema).map(([name]) => name);
const fixture = readFileSync("test/fixtures/run-0.1/config.json", "utf8");

for (const [name, { unrecorded, flag, help, ...rest }] of Object.entries(trainingSettings as Settings))
  test(`the entry of ${name} makes it an option, a field of config.json and a flag`, () => {
    assert.equal(namesIn(trainOptions).includes(name), !(name in startSettings));
    assert.equal(namesIn(stepOptions).includes(name), name in stepSettings);
    assert.equal(namesIn(trainingSchema).includes(name), !unrecorded);
    assert.ok(flag && help);
    assert.deepEqual(
      trainFlags.filter(({ spelling }) => spelling === flag).map((one) => [one.help, one.default]),
      [[help, /[>\]]$/.test(flag) ? (rest.default ?? undefined) : undefined]],
    );
  });

const parsed = (...args: string[]) =>
  settingsBy(
    trainingSettings,
    addFlags(new Command(), settingFlags(trainingSettings)).exitOverride().parse(args, { from: "user" }).opts(),
  );

test("flags say what the settings are, defaults included", () => {
  assert.deepEqual(parsed(), { epochs: 10, seed: 0, labelSmoothing: 0, gradAccumSteps: 1, augRepeats: 1 });
  assert.deepEqual(
    parsed(..."--clip 2 --ema 0.9 --recompute --freeze backbone --batch 8 --weights 12 --head-lr 1e-3".split(" ")),
    {
      epochs: 10,
      seed: 0,
      labelSmoothing: 0,
      clipNorm: 2,
      ema: 0.9,
      recompute: true,
      freeze: "backbone",
      batch: 8,
      weights: "12",
      headLr: 0.001,
      gradAccumSteps: 1,
      augRepeats: 1,
    },
  );
  assert.deepEqual(
    parsed(
      ..."--balanced-sampling --patience 3 --class-weights 1,0.5 --layer-decay 0.7 --grad-accum-steps 4 --progressive-resizing 96,128".split(
        " ",
      ),
    ),
    {
      epochs: 10,
      seed: 0,
      labelSmoothing: 0,
      gradAccumSteps: 4,
      augRepeats: 1,
      balancedSampling: true,
      patience: 3,
      progressiveResizing: [96, 128],
      classWeights: [1, 0.5],
      layerDecay: 0.7,
    },
  );
});

test("config.json of before the later settings is read with their defaults", () => {
  const config = JSON.parse(fixture);
  const later = Object.entries(trainingSettings as Settings).filter(([, setting]) => setting.later);
  assert.ok(later.length >= 3);
  for (const [name] of later) delete config.training[name];
  const { training } = parseRunConfig(JSON.stringify(config), "config.json");
  for (const [name, setting] of later) assert.equal(training[name as keyof typeof training], setting.default);
});

test("a recorded training is repeated with all that was recorded of it", () => {
  const config = JSON.parse(fixture);
  const said = {
    labelSmoothing: 0.1,
    bceLoss: true,
    bceTargetThreshold: 0.3,
    clipNorm: 2,
    ema: 0.9,
    epochs: 3,
    batch: 5,
    seed: 7,
    gradAccumSteps: 2,
    patience: 2,
    balancedSampling: true,
    augRepeats: 3,
    progressiveResizing: [16, 24],
    classWeights: [1, 2],
  };
  const { training } = parseRunConfig(
    JSON.stringify({ ...config, training: { ...config.training, ...said } }),
    "config.json",
  );
  const { optimizer, schedule, augment, ...settings } = repeating(training);
  assert.deepEqual(settings, said);
  assert.deepEqual([optimizer.name, optimizer.settings], [training.optimizer.name, training.optimizer.settings]);
  assert.deepEqual([schedule, augment], [training.schedule, training.augment]);
  assert.deepEqual(
    Object.keys({ ...loopSettings, ...stepSettings }).sort(),
    [...Object.keys(said), "recompute"].sort(),
  );
});

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FormatError } from "../../src/core/errors.js";
import { loadRun } from "../../src/inference/load-run.js";
import { RunFolder } from "../../src/train/run-folder.js";
import { runConfig as config } from "./support.js";

const without = (object: object, field: string) =>
  Object.fromEntries(Object.entries(object).filter(([name]) => name !== field));
const { model, data, training } = config;

const wrong: Readonly<Record<string, readonly [contents: unknown, says: RegExp]>> = {
  null: [null, /config\.json: must be an object, got null$/],
  "a list": [[], /must be an object, got \[\]$/],
  "a number": [7, /must be an object, got 7$/],
  nothing: [{}, /format must be "fovea\.run\.1", got undefined$/],
  "another format": [{ ...config, format: "fovea.run.2" }, /format must be "fovea\.run\.1", got "fovea\.run\.2"$/],
  "no model": [without(config, "model"), /model must be a network .*, got undefined$/],
  "a model by number": [{ ...config, model: { ...model, name: 20 } }, /model\.name must be a string, got 20$/],
  "options that are no object": [
    { ...config, model: { ...model, options: [] } },
    /model\.options must be an object, got \[\]$/,
  ],
  "an insertion of nothing": [
    { ...config, model: { ...model, insert: {} } },
    /model\.insert\.attention must be a string, got undefined$/,
  ],
  "one class name too few": [
    { ...config, data: { ...data, classes: ["cat"] } },
    /data\.classes names 1 classes, but model\.options\.numClasses is 2$/,
  ],
  "a class by number": [
    { ...config, data: { ...data, classes: ["cat", 2] } },
    /data\.classes\[1\] must be a string, got 2$/,
  ],
  "no class": [{ ...config, data: { ...data, classes: [] } }, /data\.classes must be a list of class names, got \[\]$/],
  "an image of no size": [
    { ...config, preprocessing: { ...config.preprocessing, imageSize: 0 } },
    /preprocessing\.imageSize must be an integer from 1 to 8192, got 0$/,
  ],
  "an enormous image": [
    { ...config, preprocessing: { ...config.preprocessing, imageSize: 1e9, resize: 1e9 } },
    /preprocessing\.imageSize must be .*got 1000000000$/,
  ],
  "no epochs": [{ ...config, training: { ...training, epochs: 0 } }, /training\.epochs must be .*got 0$/],
  "no schedule": [{ ...config, training: { ...training, schedule: {} } }, /training\.schedule must be a schedule/],
  "an optimizer that there is not": [
    { ...config, training: { ...training, optimizer: { name: "adagrad", settings: {} } } },
    /training\.optimizer\.name must be one of sgd, adamw, lamb, rmsprop-tf, lion, got "adagrad"$/,
  ],
  "settings that are lists": [
    { ...config, training: { ...training, optimizer: { name: "sgd", settings: { lr: [0.1] } } } },
    /training\.optimizer\.settings\.lr must be a number, true, false or a string, got \[0\.1\]$/,
  ],
  "a seed of text": [{ ...config, training: { ...training, seed: "0" } }, /training\.seed must be .*got "0"$/],
};

async function folderWith(contents: unknown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "fovea-config-"));
  await writeFile(join(folder, "config.json"), JSON.stringify(contents));
  return folder;
}

for (const [what, [contents, says]] of Object.entries(wrong))
  test(`config.json, ${what}: a FormatError with the path and what is wanted`, async (t) => {
    const folder = await folderWith(contents);
    t.after(() => rm(folder, { recursive: true }));
    for (const read of [RunFolder.open, loadRun])
      await assert.rejects(read(folder), (error: Error) => {
        assert.ok(error instanceof FormatError, String(error));
        assert.match(error.message, says);
        return error.message.startsWith(join(folder, "config.json"));
      });
  });

test("fields of newer versions are passed over, and those that older ones lack are filled in", async (t) => {
  const newer = { ...config, device: "gpu", training: { ...training, mixup: 0.2 } };
  const { frozen: _, ...older } = { ...config, training: without(training, "headLr") };
  for (const contents of [newer, older]) {
    const folder = await folderWith(contents);
    t.after(() => rm(folder, { recursive: true }));
    assert.deepEqual((await RunFolder.open(folder)).config.frozen, []);
  }
});

test("a run that was begun with --winograd goes on with --precision fast", async (t) => {
  for (const [winograd, flags] of [
    [true, { precision: "fast", batch: 8 }],
    [false, { batch: 8 }],
  ]) {
    const folder = await folderWith({ ...config, flags: { batch: 8, winograd } });
    t.after(() => rm(folder, { recursive: true }));
    assert.deepEqual((await RunFolder.open(folder)).config.flags, flags);
  }
});

const many = Array.from({ length: 5000 }, (_, i) => i + 1);
const long: readonly (readonly [what: string, model: object])[] = [
  ["numClasses", { options: { numClasses: many } }],
  ["se's reduction", { options: { numClasses: 2, attention: ["se", { reduction: many }] } }],
  ["sk's kernelSizes", { options: { numClasses: 2, attention: ["sk", { kernelSizes: many }] } }],
  ["cbam's pools", { options: { numClasses: 2, attention: ["cbam", { pools: many.map(String) }] } }],
  ["gc's fusion", { options: { numClasses: 2, attention: ["gc", { fusion: many.map(String) }] } }],
  ["epsa's groups", { options: { numClasses: 2, attention: ["epsa", { groups: many }] } }],
  ["rga's size", { options: { numClasses: 2, attention: ["rga", { size: many }] } }],
  ["the size of a network", { name: "resnet50_rga", options: { numClasses: 2, size: many } }],
];
for (const [what, model] of long)
  test(`a long list is not repeated in the message: ${what}`, async (t) => {
    const folder = await folderWith({ ...config, model: { name: "resnet20", ...model } });
    t.after(() => rm(folder, { recursive: true }));
    await assert.rejects(loadRun(folder), (error: Error) => {
      assert.ok(error instanceof FormatError, String(error));
      assert.match(error.message, /^[^\n]{1,400}$/);
      return true;
    });
  });

test("a network that cannot be built is an error of the file", async (t) => {
  for (const [made, says] of [
    [
      { name: "resnt20", options: { numClasses: 2 } },
      /config\.json: model: Unknown model "resnt20"\. Did you mean "resnet20"/,
    ],
    [
      { name: "resnet20", options: { numClasses: 2, attention: ["se", { reduction: "4" }] } },
      /config\.json: model: se: reduction/,
    ],
    [
      { name: "resnet20", options: { numClasses: 2 }, insert: { attention: "cbma", options: {} } },
      /model: Unknown attention "cbma"/,
    ],
  ] as const) {
    const folder = await folderWith({ ...config, model: made });
    t.after(() => rm(folder, { recursive: true }));
    await assert.rejects(loadRun(folder), (error: Error) => {
      assert.match(error.message, says);
      return error instanceof FormatError;
    });
  }
});

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { attentionModules } from "../../src/attention/index.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { GoldenFile } from "../../src/testing/golden/file.js";
import { checkModuleFile } from "../../src/testing/golden/module.js";
import { ortBlocked, ortPlain } from "../support/engines.js";
import { ifLong } from "../support/long.js";

// Inputs, outputs and gradients of the authors' PyTorch code in float64, a selection of the golden vectors.
const folder = new URL("../../../test/golden/", import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".safetensors"))
  .map((name) => ({ name, file: new GoldenFile(readFileSync(new URL(name, folder))) }))
  .filter(({ file }) => file.hasText("module"));

for (const engine of [referenceEngine(), ortBlocked, ortPlain])
  for (const { name, file } of files)
    test(`${name} on ${engine.name}`, { skip: engine === ortPlain && ifLong }, async () => {
      const { ok, worst } = await checkModuleFile(file, engine);
      assert.ok(ok, `${worst.tensor}: error ${worst.error}, allowed ${worst.tolerance}`);
    });

test("every module has a golden vector, and a training one where it has a norm over the batch", () => {
  const modes = (module: string) =>
    files.filter(({ file }) => file.text("module") === module).map(({ file }) => file.text("mode"));
  for (const name of attentionModules.keys()) {
    assert.ok(modes(name).length > 0, `test/golden has no vector of ${name}`);
    const keys = files.filter(({ file }) => file.text("module") === name).flatMap(({ file }) => file.keys);
    if (keys.some(([key]) => key.endsWith("running_mean")))
      assert.ok(modes(name).includes("train"), `test/golden has no training vector of ${name}`);
  }
});

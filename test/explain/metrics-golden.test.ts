import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { referenceEngine } from "../../src/engines/reference.js";
import { checkGolden } from "../../src/testing/index.js";
import { noWeb, ort, ortWeb } from "../support/engines.js";
import { ifLong } from "../support/long.js";

const folder = "test/golden/seeing";
const none = async () => new Uint8Array();
const data = { weights: none, cifarTest: none, golden: async (name: string) => readFileSync(join(folder, "..", name)) };

for (const file of readdirSync(folder).filter((name) => name.startsWith("metrics-")))
  for (const engine of [referenceEngine(), ort, ortWeb])
    test(`${file} on ${engine.name}: curves, ROAD, localization, robustness`, {
      skip: (engine === ortWeb && noWeb) || (engine !== ort && ifLong),
    }, async () => {
      const { ok, worst } = await checkGolden(readFileSync(join(folder, file)), engine, data);
      assert.ok(ok, `${worst.tensor}: error ${worst.error}, allowed ${worst.tolerance}`);
    });

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { referenceEngine } from "../src/engines/reference.js";
import { checkGolden } from "../src/testing/index.js";
import { ortBlocked } from "./support/engines.js";
import { ifLong } from "./support/long.js";

const folder = "test/golden/networks";
const none = { weights: async () => new Uint8Array(), cifarTest: async () => new Uint8Array() };

/** Networks of full width take minutes on the reference engine. `fovea verify test/golden/networks --engine all` covers them. */
const slow = [
  "fcanet34",
  "gc-resnet50",
  "rga-resnet50-width16",
  "scnet50-v1d",
  "sge-resnet18",
  "srm-resnet50",
  "unet-resnet18",
];

/** Networks that `npm test` covers on blocked operators. On the reference engine it covers one. */
const quick = /^(?:cifar-se|preact-resnet29-se|trajectory-sgd)/;

for (const file of readdirSync(folder))
  for (const engine of slow.some((name) => file.startsWith(name)) ? [ortBlocked] : [referenceEngine(), ortBlocked])
    test(`${file} on ${engine.name}: keys, logits, loss, gradients and state of the authors' code`, {
      skip: !(engine === ortBlocked ? quick : /^cifar-resnet20-cbam/).test(file) && ifLong,
    }, async () => {
      const { ok, worst } = await checkGolden(readFileSync(join(folder, file)), engine, none);
      assert.ok(ok, `${worst.tensor}: error ${worst.error}, allowed ${worst.tolerance}`);
    });

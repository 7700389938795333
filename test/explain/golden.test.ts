import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { referenceEngine } from "../../src/engines/reference.js";
import { checkGolden, type TrainedData } from "../../src/testing/index.js";
import { noWeb, ortBlocked, ortPlain, ortWeb } from "../support/engines.js";
import { ifLong } from "../support/long.js";

const folder = "test/golden/seeing";
const none = () => Promise.reject(new Error("no such file here"));
const data: TrainedData = {
  weights: none,
  cifarTest: none,
  golden: async (name) => readFileSync(join("test/golden", name)),
};

for (const file of readdirSync(folder).sort())
  for (const engine of [referenceEngine(), ortPlain, ortBlocked, ...(noWeb ? [] : [ortWeb])])
    test(`${file}: explanations are the authors', ${engine.name}`, {
      // That ONNX Runtime gives the same as the reference engine is tested in explain.test.ts, on small networks. Attributions take the
      // reference engine long.
      skip: engine.name !== (file.startsWith("attributions") ? ortPlain.name : "reference") && ifLong,
    }, async () => {
      const { ok, worst } = await checkGolden(readFileSync(join(folder, file)), engine, data);
      assert.ok(ok, `${worst.tensor}: ${worst.error} > ${worst.tolerance}`);
    });

test("a file of explanations that holds what nothing computes is refused by name", async () => {
  const bytes = readFileSync(join(folder, "attributions-tiny.safetensors"));
  const renamed = Buffer.from(bytes.toString("latin1").replace('"deconvolution"', '"deconvolutioN"'), "latin1");
  await assert.rejects(checkGolden(renamed, referenceEngine(), data), /nothing here computes deconvolutioN/);
  const cams = readFileSync(join(folder, "cams-tiny-layer3.0.safetensors"));
  const other = Buffer.from(cams.toString("latin1").replaceAll("cam/fem", "cam/fen"), "latin1");
  await assert.rejects(checkGolden(other, referenceEngine(), data), /class activation method "fen" is not known/);
});

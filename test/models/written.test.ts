import assert from "node:assert/strict";
import { test } from "node:test";
import { createModel, settled } from "../../src/models/index.js";
import { recognizeCheckpoint } from "../../src/models/recognize.js";
import { stateOf } from "../../src/nn/index.js";

const written = [
  [
    ["cbam", { variant: "dense", reduction: 8 }],
    ["cbam", { variant: "dense" }],
  ],
  [
    ["cbam", { channel: false, order: "parallel" }, "stage"],
    ["cbam", { channel: false }, "stage"],
  ],
  [
    ["eca", [{ variant: "timm", kernelSize: 5 }, null, { kernelSize: 5 }]],
    ["eca", [{ variant: "timm" }, null, { kernelSize: 5 }]],
  ],
  [
    ["se", { reduction: 4 }],
    ["se", { reduction: 4 }],
  ],
  ["se", "se"],
] as const;

for (const [attention, kept] of written)
  test(`a network with ${JSON.stringify(attention)}, written before options without effect were refused, is read`, () => {
    const options = { numClasses: 10, attention };
    const insert = { attention: "se", options: { variant: "timm", reduction: 8 } };
    const read = settled({ name: "resnet20", options, insert });
    assert.deepEqual(read.options, { numClasses: 10, attention: kept });
    assert.deepEqual(read.insert, { attention: "se", options: { variant: "timm" } });
    const shapes = new Map([...stateOf(createModel("resnet20", read.options))]);
    const known = recognizeCheckpoint(shapes as never, { model: "resnet20", options: JSON.stringify(options) })!;
    assert.deepEqual(known.options, { numClasses: 10, attention: kept });
    assert.deepEqual([known.unexplained, known.missing], [[], []]);
  });

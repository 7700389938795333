import assert from "node:assert/strict";
import { test } from "node:test";
import { attentionModules } from "../../src/attention/index.js";
import { OptionError } from "../../src/core/errors.js";
import type { OptionSpec } from "../../src/core/options.js";
import { model } from "../../src/models/index.js";
import { recogniseCheckpoint } from "../../src/models/recognize.js";
import { stateOf } from "../../src/nn/index.js";

const shapes = (options: Readonly<Record<string, unknown>>) =>
  new Map([...stateOf(model("resnet20", options))].map(([key, { shape }]) => [key, { shape }]));

const extra: Readonly<Record<string, readonly object[]>> = {
  se: [{ reduction: 8 }, { reduction: 4, bias: true }],
  cbam: [
    { variant: "dense", reductionRatio: 0.25 },
    { variant: "plain", reduction: 8, kernelSize: 3 },
  ],
  gam: [{ rate: 2 }],
  scse: [{ reduction: 4 }, { variant: "authors", reduction: 4 }],
  bam: [{ reduction: 8 }],
};

for (const { name, kind, options } of attentionModules.values()) {
  // rga needs a size, simam has no keys, and residual-attention stands between stages (below).
  if (kind !== "gate" || ["rga", "simam", "residual-attention"].includes(name)) continue;
  const specs = Object.entries(options as Record<string, OptionSpec<unknown>>);
  const words = specs.flatMap(([option, { choices, default: usual }]) =>
    (choices ?? (typeof usual === "boolean" ? [!usual] : [])).map((value) => ({ [option]: value })),
  );
  for (const given of [{}, ...words, ...(extra[name] ?? [])])
    test(`${name} ${JSON.stringify(given)} in resnet20 is recognized without metadata`, (t) => {
      let wanted: ReturnType<typeof shapes>;
      try {
        wanted = shapes({ attention: [name, given] });
      } catch (error) {
        assert.ok(error instanceof OptionError); // no network takes it
        return t.skip(error.message);
      }
      const known = recogniseCheckpoint(wanted);
      assert.ok(known);
      assert.deepEqual([known.unexplained, known.missing], [[], []]);
      assert.deepEqual(shapes(known.options), wanted);
      assert.equal((known.options.attention as [string])[0], name);
    });
}

test("residual attention between stages is not recognized, and each of its keys is said", () => {
  const wanted = shapes({ attention: "residual-attention" });
  const { unexplained } = recogniseCheckpoint(wanted)!;
  const own = [...wanted.keys()].filter((key) => !shapes({}).has(key) && !key.endsWith("num_batches_tracked"));
  assert.ok(own.length > 0);
  assert.deepEqual(unexplained, own);
});

test("keys that nothing explains, and keys that are missing, are said", () => {
  const wanted = shapes({});
  wanted.set("layer1.0.unknown.weight", { shape: [3] });
  wanted.delete("layer2.0.bn1.bias");
  const { unexplained, missing } = recogniseCheckpoint(wanted)!;
  assert.deepEqual([unexplained, missing], [["layer1.0.unknown.weight"], ["layer2.0.bn1.bias"]]);
});

test("metadata that does not fit the tensors is said", () => {
  const { unexplained } = recogniseCheckpoint(shapes({ attention: "se" }), { model: "resnet20", options: "{}" })!;
  assert.ok(unexplained.some((key) => key.includes(".se.")));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { attentionModules, createAttention } from "../../src/attention/index.js";
import { createDataset, type RgbImage } from "../../src/data/index.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { gateStatistics, gates } from "../../src/explain/index.js";
import { tapKinds, type Value } from "../../src/graph/graph.js";
import { resnet } from "../../src/models/index.js";
import { initialize, Module, trace } from "../../src/nn/index.js";

const engine = referenceEngine();
const size = 16;
const preprocessing = { imageSize: size, resize: size, mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** An image of one gray, brighter from left to right by `slope`. */
function ramp(gray: number, slope = 0): RgbImage {
  const pixels = Uint8Array.from({ length: size * size * 3 }, (_, i) => gray + slope * (i % size));
  return { width: size, height: size, pixels };
}

/** The first output of a module that has several, as heads have. */
class FirstOutput extends Module {
  constructor(readonly inner: Module) {
    super();
  }

  override forward(x: Value): Value {
    return [this.inner.call(x) as Value | readonly Value[]].flat()[0] as Value;
  }
}

/** What entries need beside channels. */
const settings: Readonly<Record<string, object>> = {
  "sc-bottleneck": { planes: 16 },
};

test("every entry of the catalogue that attends has gates, each of a kind that fits its shape", () => {
  for (const [name, { attends, sized }] of attentionModules) {
    const module = createAttention(name as "se", 64, { ...(sized && { size: [8, 8] }), ...settings[name] } as object);
    const { taps } = trace(new FirstOutput(module as Module), [1, 64, 8, 8]);
    if (attends === "none")
      assert.ok(
        taps.every(({ kind }) => kind),
        name,
      );
    else assert.ok(taps.length > 0, `${name} has no gate`);
    for (const { name: tap, kind, value } of taps) {
      const [, c, h, w] = value.shape as number[];
      const sides = [c! > 1, h! > 1, w! > 1].map(Number).join("");
      const fits: Readonly<Record<string, readonly string[]>> = {
        channel: ["100"],
        spatial: ["011"],
        strip: ["110", "101"],
        "3-D": ["111"],
      };
      assert.ok(kind && tapKinds.includes(kind), `${name}/${tap} says no kind`);
      if (kind === "pairwise") assert.equal(value.shape.at(-1), value.shape.at(-2), `${name}/${tap}`);
      else assert.ok(fits[kind]!.includes(sides), `${name}/${tap}: ${kind} of [${value.shape}]`);
    }
  }
});

test("gates of a network: every block's, by path, with kinds", async () => {
  const model = initialize(resnet(20, { attention: "cbam" }), { seed: 1 });
  const found = await gates({ model, preprocessing }, [ramp(20), ramp(90)], { engine });
  assert.equal(found.length, 2 * 9 * 2);
  const spatial = found.find(({ image, name }) => image === 1 && name === "layer3.2.cbam/spatial")!;
  assert.deepEqual([spatial.kind, spatial.map.shape], ["spatial", [1, 4, 4]]);
  const plain = initialize(resnet(20), { seed: 1 });
  await assert.rejects(gates({ model: plain, preprocessing }, [ramp(1)], { engine }), /has no attention modules/);
});

const images = Array.from({ length: 12 }, (_, i) => ({ image: ramp(i % 2 ? 200 : 10, i % 3), label: i % 2 }));
const dataset = (labels = images.map(({ label }) => label)) =>
  createDataset({
    name: "ramps",
    classes: ["dark", "bright"],
    width: size,
    height: size,
    pixels: Uint8Array.from(images.flatMap(({ image }) => [...image.pixels])),
    labels,
  });

test("statistics say what moves, and whether with the class", async () => {
  const model = initialize(createAttention("se", 3, { reduction: 1 }) as Module, { seed: 4 });
  const { images: count, chance, gates: found } = await gateStatistics({ model, preprocessing }, dataset(), { engine });
  assert.deepEqual([count, chance, found.length], [12, 1 / 11, 1]);
  const [gate] = found as [(typeof found)[number]];
  assert.deepEqual([gate.name, gate.kind], ["channel", "channel"]);
  assert.ok(gate.deviation > 0 && gate.byClass! > 0.9, `${gate.byClass}`);
  assert.ok(gate.mean > 0 && gate.mean < 1);

  // The same numbers by hand.
  const all = await gates(
    { model, preprocessing },
    images.map(({ image }) => image),
    { engine },
  );
  const numbers = all.flatMap(({ map }) => [...map.data]);
  assert.ok(Math.abs(gate.mean - numbers.reduce((a, b) => a + b) / numbers.length) < 1e-12);

  // With labels that have nothing to do with it, the class explains little.
  const mixed = images.map((_, i) => Math.floor(i / 2) % 2);
  const [other] = (await gateStatistics({ model, preprocessing }, dataset(mixed), { engine })).gates;
  assert.ok(other!.byClass! < 0.3, `${other!.byClass}`);
});

test("a gate that does not move has no share by class; dead and saturated ones are counted", async () => {
  const model = createAttention("se", 3, { reduction: 1, bias: true }) as Module;
  initialize(model, { seed: 1 });
  for (const [bias, share] of [
    [-20, "dead"],
    [20, "saturated"],
  ] as const) {
    const fields = model as unknown as { fc: Record<string, { weight: { value: unknown }; bias: { value: unknown } }> };
    fields.fc["2"]!.weight.value = { dtype: "float32", shape: [3, 3], data: new Float32Array(9) };
    fields.fc["2"]!.bias.value = { dtype: "float32", shape: [3], data: new Float32Array(3).fill(bias) };
    const [gate] = (await gateStatistics({ model, preprocessing }, dataset(), { engine, images: 4 })).gates;
    assert.deepEqual([gate!.byClass, gate![share], gate!.deviation], [null, 1, 0]);
  }
});

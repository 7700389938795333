import assert from "node:assert/strict";
import { test } from "node:test";
import { publishFeatures, publishTaps } from "../../src/graph/passes/publish.js";
import { createModelByName, resnet } from "../../src/models/index.js";
import { Module, trace } from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";

test("every tap becomes an output, called by path and name", () => {
  const graph = publishTaps(trace(resnet(20, { numClasses: 10, attention: "cbam" }), ["N", 3, 32, 32]));
  const names = [...graph.outputs.keys()];
  assert.equal(names.length, 1 + graph.taps.length);
  assert.equal(names[0], "output");
  for (const [name, value] of [...graph.outputs].slice(1)) {
    assert.match(name, /^layer[123]\.[012]\.\w+(\.[\w.]+)?\/(channel|spatial)$/);
    assert.equal(value.shape[0], "N");
  }
});

test("a module that is applied twice gives two maps", () => {
  class Twice extends Module {
    override forward(x: Parameters<Module["forward"]>[0]) {
      x.graph.tap("map", x);
      x.graph.tap("map", relu(x));
      return relu(x);
    }
  }
  const { outputs } = publishTaps(trace(new Twice(), [1, 2]));
  assert.deepEqual([...outputs.keys()], ["output", "map", "map~2"]);
});

const features = (name: string, side: number) =>
  publishFeatures(trace(createModelByName(name), ["N", 3, side, side])).outputs.get("features")?.shape;

test("features are the last maps before the pooling, gates passed over", () => {
  assert.deepEqual(features("resnet20", 32), ["N", 64, 8, 8]);
  assert.deepEqual(features("preact_resnet20", 32), ["N", 64, 8, 8]);
  assert.deepEqual(features("ecaresnet18", 224), ["N", 512, 7, 7]);
  assert.deepEqual(features("mbv2_ca", 224), ["N", 1280, 7, 7]);
  assert.deepEqual(features("van_b0", 224), ["N", 256, 7, 7]);
  const cbam = publishFeatures(trace(resnet(20, { numClasses: 10, attention: "cbam" }), ["N", 3, 32, 32]));
  assert.deepEqual(cbam.outputs.get("features")?.shape, ["N", 64, 8, 8]);
});

test("a network without such maps is refused, with the reason", () => {
  assert.throws(() => features("resnet18", 32), /no single map of more than 1×1 positions .*too small/);
  assert.throws(() => features("unet_resnet18", 64), /output is itself a map/);
});

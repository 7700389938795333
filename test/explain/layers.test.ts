import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLayer, findLayer, layersOf } from "../../src/explain/layers.js";
import type { Value } from "../../src/graph/graph.js";
import { publishFeatures } from "../../src/graph/passes/publish.js";
import { createModelByName, models, resnet, unet } from "../../src/models/index.js";
import { Conv2d, globalAveragePool, Linear, Module, trace } from "../../src/nn/index.js";
import { add, relu } from "../../src/ops/index.js";

const classifiers = [...models.values()].filter(({ task }) => task === "classification");

test("on every classifier of the catalogue the default layer is the last map before pooling, and it is named", () => {
  for (const { name, input, numClasses } of classifiers) {
    const graph = trace(createModelByName(name, { numClasses }), [1, ...input]);
    const found = defaultLayer(graph);
    const published = publishFeatures(graph).outputs.get("features")!;
    assert.deepEqual(found.value.shape, published.shape, name);
    assert.ok(found.passes, name);
    // Pre-activation networks end with a ReLU that is no module.
    const unnamed = /^(preact|wide)_/.test(name) && found.path === "(last map)";
    assert.ok(unnamed || graph.calls.some(({ path }) => path === found.path), `${name}: ${found.path}`);
  }
});

test("the default layers of well-known networks", () => {
  const layer = (name: string, side = 64) => defaultLayer(trace(createModelByName(name), [1, 3, side, side])).path;
  assert.equal(layer("resnet20", 32), "layer3");
  assert.equal(layer("resnet50"), "layer4");
  assert.equal(layer("mobilenetv1_025"), "stage3");
});

test("a segmentation network's default layer is followed by its classifier", () => {
  const graph = trace(unet(18, { numClasses: 3 }), [1, 3, 64, 64]);
  const { value, passes } = defaultLayer(graph);
  assert.ok(passes);
  assert.notEqual(value.shape[1], 3);
  assert.notEqual(value, graph.outputs.get("output"));
});

const graph = trace(resnet(20, { attention: "cbam" }), [1, 3, 32, 32]);

test("layers are found by path, with the part of the network that goes through them", () => {
  assert.deepEqual(
    ["layer3", "layer1.0", "layer3.0.conv2", "conv1"].map((path) => findLayer(graph, path).passes),
    [true, true, false, true],
  );
  const { channels, height, width } = findLayer(graph, "layer3.0.conv2");
  assert.deepEqual([channels, height, width], [64, 8, 8]);
  // `layer3` and its last block give one map; the outermost name counts.
  const paths = layersOf(graph).map(({ path }) => path);
  assert.ok(paths.includes("layer3") && !paths.includes("layer3.2"));
  assert.equal(findLayer(graph, "layer3.2").value, findLayer(graph, "layer3").value);
});

test("a layer that cannot be explained is refused in one line that says what would do", () => {
  assert.throws(
    () => findLayer(graph, "layr3"),
    /^OptionError: Unknown layer "layr3"\. Did you mean "layer3"\? .*layer3$/,
  );
  assert.throws(() => findLayer(graph, "fc"), /layer "fc" gives \[1,10\]: .*\[N,C,H,W\].* "layer3"$/);
  assert.throws(() => findLayer(trace(resnet(50), [1, 3, 32, 32]), "layer4"), /layer "layer4" gives \[1,2048,1,1\]/);
});

/** A network that calls no module for what it adds, and applies one twice. */
class Own extends Module {
  readonly stem = new Conv2d(3, 4, { kernelSize: 3, padding: 1 });
  readonly again = new Conv2d(4, 4, { kernelSize: 3, padding: 1 });
  readonly head = new Linear(4, 2);
  override forward(x: Value): Value {
    const y = this.stem.call(x);
    return this.head.call(globalAveragePool(relu(add(this.again.call(this.again.call(y)), y))));
  }
}

test("a network of one's own: a module applied twice has two layers, and a map that no module gives serves as default", () => {
  const own = trace(new Own(), [1, 3, 8, 8]);
  assert.notEqual(findLayer(own, "again").value, findLayer(own, "again~2").value);
  const found = defaultLayer(own);
  assert.equal(found.value.node?.op.name, "Relu");
  assert.equal(found.path, "(last map)");
});

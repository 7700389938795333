import assert from "node:assert/strict";
import { test } from "node:test";
import type { Engine } from "../../src/engines/engine.js";
import { gates, openExplainer, openGlances } from "../../src/explain/index.js";
import { loadState, normalizations, predict, weightsOf } from "../../src/index.js";
import { resnet } from "../../src/models/index.js";
import { initialize } from "../../src/nn/index.js";
import { randomImage } from "../data/support.js";
import { ort } from "../support/engines.js";

const preprocessing = { imageSize: 32, resize: 32, ...normalizations.imagenet };

/** An engine that counts what is compiled. */
function counting(engine: Engine) {
  const compiled = { count: 0 };
  const compile: Engine["compile"] = (graph) => {
    compiled.count++;
    return engine.compile(graph);
  };
  return { engine: { ...engine, name: engine.name, compile, release: () => engine.release() }, compiled };
}

test("logits, Grad-CAM and gates from one graph are those of predict, explain and gates, also with later weights", async () => {
  for (const attention of ["cbam", null] as const) {
    const model = initialize(resnet(20, { numClasses: 4, ...(attention && { attention }) }), { seed: 2 });
    const network = { model, preprocessing, classes: ["a", "b", "c", "d"] };
    const images = [randomImage(32, 32, 1), randomImage(32, 32, 2)];
    const { engine, compiled } = counting(ort);
    const glances = await openGlances(network, images.length, engine);
    await glances.glance(images, [0, 1]);
    loadState(
      model,
      weightsOf(initialize(resnet(20, { numClasses: 4, ...(attention && { attention }) }), { seed: 3 })),
    );
    const looked = await glances.glance(images, [2, 2]);
    const explainer = await openExplainer(network, { engine: ort, method: "gradcam" });
    const answers = await predict(network, images, { engine: ort, top: 4 });
    const all = attention ? await gates(network, images, { engine: ort }) : [];
    for (const [i, image] of images.entries()) {
      const found = looked[i]!;
      const [expected] = await explainer.explain(image, { class: 2 });
      assert.equal(glances.layer, expected!.layer);
      found.cam.data.forEach((v, p) => {
        assert.ok(Math.abs(v - expected!.map.data[p]!) < 1e-5);
      });
      const best = found.logits.indexOf(Math.max(...found.logits));
      assert.equal(best, answers[i]![0]!.index);
      const own = all.filter((gate) => gate.image === i);
      assert.deepEqual(
        found.gates.map(({ name, kind, map }) => [name, kind, map.shape]),
        own.map(({ name, kind, map }) => [name, kind, map.shape]),
      );
      found.gates.forEach(({ map }, k) => {
        map.data.forEach((v, p) => {
          assert.ok(Math.abs(v - own[k]!.map.data[p]!) < 1e-5);
        });
      });
    }
    assert.equal(compiled.count, 1);
    await glances.release();
    await explainer.release();
  }
});

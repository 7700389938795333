import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEpochMaps } from "../../src/engine.js";
import type { Engine } from "../../src/engines/engine.js";
import { epochMaps, gates, openExplainer, openGlances } from "../../src/explain/index.js";
import { loadState, normalizations, OptionError, predict, weightsOf } from "../../src/index.js";
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

test("a glance takes as many images and classes as were announced", async () => {
  const model = initialize(resnet(20, { numClasses: 4 }), { seed: 2 });
  const glances = await openGlances({ model, preprocessing }, 2, ort);
  const images = [randomImage(32, 32, 1), randomImage(32, 32, 2)];
  const refused = (given: unknown, classes: unknown, says: RegExp) =>
    assert.rejects(
      glances.glance(given as never, classes as never),
      (error: Error) => error instanceof OptionError && says.test(error.message),
    );
  await refused(images.slice(1), [0], /images must be a list of 2 images/);
  await refused([...images, images[0]], [0, 1, 2], /images must be a list of 2 images/);
  await refused(images, [0], /classes must be a list of 2 classes/);
  await refused(images, [0, 4], /classes must be an integer from 0 to 3, got 4/);
  await refused(images, [0, -1], /classes must be an integer from 0 to 3/);
  await refused(images, undefined, /classes must be a list of 2 classes/);
  assert.equal((await glances.glance(images, [0, 3])).length, 2);
  await glances.release();
});

test("the maps of an epoch name what is predicted, with the probability of the own class", async () => {
  const model = initialize(resnet(20, { numClasses: 4, attention: "cbam" }), { seed: 2 });
  const images = [randomImage(32, 32, 1), randomImage(32, 32, 2)];
  const glances = await openGlances({ model, preprocessing }, 2, ort);
  const classes = ["a", "b", "c", "d"];
  const maps = await epochMaps(glances, 3, images, [2, 1], classes);
  assert.deepEqual([maps.epoch, maps.layer, maps.looks.length], [3, glances.layer, 2]);
  assert.ok(maps.gate);
  const answers = await predict({ model, preprocessing, classes }, images, { engine: ort, top: 4 });
  for (const [i, look] of maps.looks.entries()) {
    assert.equal(look.predicted, answers[i]![0]!.name);
    const own = answers[i]!.find(({ index }) => index === [2, 1][i])!;
    assert.ok(Math.abs(look.probability - own.probability) < 1e-4);
    assert.deepEqual([look.cam.height, look.cam.width, look.gate?.height], [8, 8, 8]);
  }
  assert.deepEqual(parseEpochMaps(JSON.stringify(maps), "maps"), maps);
  await glances.release();
});

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

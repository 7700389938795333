import assert from "node:assert/strict";
import { test } from "node:test";
import { type Tensor, toFloat64 } from "../../src/core/tensor.js";
import { defaultPreprocessing, generateShapes, type RgbImage } from "../../src/data/index.js";
import { exportedGraph, inline } from "../../src/engine.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Value } from "../../src/graph/graph.js";
import { ortEngine } from "../../src/index.js";
import { attentionMaps, predict } from "../../src/inference/index.js";
import { imagenetClasses } from "../../src/models/imagenet.js";
import { resnet } from "../../src/models/index.js";
import { initialize, Module, trace } from "../../src/nn/index.js";
import { evaluate, forEachLogits, probabilities } from "../../src/train/index.js";
import { runsLong } from "../support/long.js";

const data = generateShapes({ count: 6, size: 16, seed: 1 });
const preprocessing = defaultPreprocessing(data);
const model = initialize(resnet(20, { numClasses: data.classes.length, attention: "cbam" }), { seed: 3 });
const network = { model, classes: data.classes, preprocessing };
const images: RgbImage[] = await Promise.all(Array.from({ length: data.length }, (_, i) => data.image(i)));
const largestDifference = (a: Tensor, b: Tensor) =>
  toFloat64(a).data.reduce((most, v, i) => Math.max(most, Math.abs(v - Number(b.data[i]))), 0);

test("predict gives the most probable classes of each image, those that the evaluation's logits say", async () => {
  const engine = ortEngine();
  const answers = await predict(network, images, { engine, top: 3 });
  const expected: number[][] = [];
  await forEachLogits(model, data, { engine, preprocessing }, (logits) => expected.push(probabilities(logits)));
  assert.equal(answers.length, images.length);
  for (const [i, answer] of answers.entries()) {
    assert.equal(answer.length, 3);
    const order = expected[i]!.map((_, k) => k).sort((a, b) => expected[i]![b]! - expected[i]![a]!);
    for (const [rank, { name, index, probability }] of answer.entries()) {
      assert.equal(index, order[rank]);
      assert.equal(name, data.classes[index]);
      assert.ok(Math.abs(probability - expected[i]![index]!) < 1e-5);
    }
  }
  const [unnamed] = await predict({ ...network, classes: null }, images.slice(0, 1), { engine });
  assert.equal(unnamed!.length, 5);
  assert.match(unnamed![0]!.name, /^class \d$/);
  await assert.rejects(
    predict({ ...network, classes: ["a", "b"] }, images, { engine }),
    /predict: 2 class names for a network with 10 classes/,
  );
  await assert.rejects(predict(network, images, { engine, top: 0 }), /top must be/);
  await assert.rejects(predict(network, images, { engine, signal: AbortSignal.abort() }), { name: "AbortError" });
  await engine.release();
});

test("accuracy and loss do not depend on how they are measured: batches of any size, prediction, export, both engines", async () => {
  const engine = ortEngine();
  const more = generateShapes({ count: 23, size: 16, seed: 2 });
  const graph = exportedGraph(trace(model, [1, 3, 16, 16]), { foldBatchNorm: true });
  class Exported extends Module {
    override forward(x: Value): Value {
      return inline(graph, x.graph, { input: x }).get("output")!;
    }
  }
  const measured = [
    ...(await Promise.all(
      (runsLong ? [1, 4, 5, 23, 64] : [1, 5, 64]).map((batch) =>
        evaluate(model, more, { engine, batch, preprocessing }),
      ),
    )),
    await evaluate(model, more, { engine: referenceEngine(), batch: 5, preprocessing }),
    await evaluate(new Exported(), more, { engine, batch: 1, preprocessing }),
  ];
  for (const { top1, top5, loss, count, confusion } of measured) {
    assert.deepEqual(
      [top1, top5, count, confusion],
      [measured[0]!.top1, measured[0]!.top5, 23, measured[0]!.confusion],
    );
    assert.ok(Math.abs(loss - measured[0]!.loss) < 1e-5);
  }
  const all = await Promise.all(Array.from({ length: 23 }, (_, i) => more.image(i)));
  const answers = await predict(network, all, { engine, top: 5 });
  const right = answers.filter(([best], i) => best!.index === more.labels[i]).length;
  const among = answers.filter((best, i) => best.some(({ index }) => index === more.labels[i])).length;
  assert.deepEqual([right / 23, among / 23], [measured[0]!.top1, measured[0]!.top5]);
  const loss = (await predict(network, all, { engine, top: 10 })).reduce(
    (sum, answer, i) => sum - Math.log(answer.find(({ index }) => index === more.labels[i])!.probability),
    0,
  );
  assert.ok(Math.abs(loss / 23 - measured[0]!.loss) < 1e-6);
  await engine.release();
});

test("attentionMaps gives every gate of every image in one call, equal on both engines", async () => {
  const engine = ortEngine();
  const maps = await attentionMaps(network, images, { engine });
  const shapesOf = Object.fromEntries([...maps].map(([name, { shape }]) => [name, shape]));
  const expected = [1, 2, 3].flatMap((stage) =>
    [0, 1, 2].flatMap((block): [string, number[]][] => {
      const side = 16 / 2 ** (stage - 1);
      const path = `layer${stage}.${block}.cbam`;
      return [
        [`${path}/channel`, [6, 8 * 2 ** stage, 1, 1]],
        [`${path}/spatial`, [6, 1, side, side]],
      ];
    }),
  );
  assert.deepEqual(shapesOf, Object.fromEntries(expected));
  const reference = await attentionMaps(network, images.slice(0, 2), { engine: referenceEngine() });
  const alone = await attentionMaps(network, images.slice(0, 2), { engine });
  for (const [name, map] of reference) {
    assert.ok(largestDifference(map, alone.get(name)!) < 1e-5, name);
    // The same whatever other images are beside.
    assert.ok(largestDifference(alone.get(name)!, maps.get(name)!) < 1e-5, name);
    assert.ok(toFloat64(map).data.every((v) => v > 0 && v < 1));
  }
  await assert.rejects(attentionMaps(network, [], { engine }), /needs at least one image/);
  await assert.rejects(
    attentionMaps({ model: resnet(20), preprocessing }, images, { engine }),
    /the network has no attention modules/,
  );
  await engine.release();
});

test("ImageNet has a thousand classes, in the order of their WordNet numbers", () => {
  assert.equal(imagenetClasses.length, 1000);
  const known = {
    0: "tench",
    1: "goldfish",
    207: "golden retriever",
    281: "tabby",
    504: "coffee mug",
    999: "toilet tissue",
  };
  for (const [index, name] of Object.entries(known)) assert.equal(imagenetClasses[Number(index)], name);
  assert.ok(imagenetClasses.every((name) => name === name.trim() && name.length > 1));
});

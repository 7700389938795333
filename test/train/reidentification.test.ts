import assert from "node:assert/strict";
import { test } from "node:test";
import { createAttention } from "../../src/attention/index.js";
import { Rng } from "../../src/core/rng.js";
import { tensor, toFloat64 } from "../../src/core/tensor.js";
import { createDataset, type Dataset, Loader, normalizations, type Preprocessing } from "../../src/data/index.js";
import type { Engine } from "../../src/engines/engine.js";
import { ortEngine } from "../../src/engines/ort/node.js";
import type { Value } from "../../src/graph/graph.js";
import {
  BatchNorm,
  Conv2d,
  crossEntropy,
  globalAveragePool,
  graphFor,
  initialize,
  Lambda,
  Linear,
  Module,
  type Param,
  Sequential,
  tripletLoss,
} from "../../src/nn/index.js";
import { add, relu } from "../../src/ops/index.js";
import { adamw } from "../../src/train/optimizers.js";
import { rerank } from "../../src/train/rerank.js";
import { retrievalMetrics } from "../../src/train/retrieval.js";
import { trainingStep } from "../../src/train/step.js";
import { ifLong } from "../support/long.js";

const size = 32;
/** Identities that are trained. */
const persons = 128;
const preprocessing: Preprocessing = { imageSize: size, resize: size, ...normalizations.imagenet };

/** The part of a person at a place, from the top left of it. */
function partAt(u: number, v: number, every: number): "head" | "coat" | "stripe" | "legs" | null {
  if (v < 6) return u > 3 && u < 9 ? "head" : null;
  if (u < 0 || u > 11 || v > 27) return null;
  if (v > 17) return "legs";
  return v % every === 0 ? "stripe" : "coat";
}

/**
 * A stand-in for people seen by cameras: an identity has a color of head, coat and legs, and a stripe; a camera has a background and a light;
 * every image shifts and shades the person.
 */
function people(identities: readonly number[], cameras: number, each: number) {
  const images = identities.flatMap((identity) =>
    Array.from({ length: cameras * each }, (_, i) => ({ identity, camera: i % cameras, i })),
  );
  const pixels = new Uint8Array(images.length * size * size * 3);
  images.forEach(({ identity, camera, i }, n) => {
    const person = new Rng(1, "person", identity);
    const any = () => [0, 1, 2].map(() => person.uniform(20, 235));
    const colors = { head: any(), coat: any(), legs: any(), stripe: any() };
    const every = 2 + person.int(4);
    const place = new Rng(2, "camera", camera);
    const ground = [0, 1, 2].map(() => place.uniform(40, 200));
    const light = [0, 1, 2].map(() => place.uniform(0.6, 1.2));
    const view = new Rng(3, "view", identity, i);
    const [left, top, shade] = [8 + view.int(8), view.int(5), view.uniform(0.85, 1.1)];
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const part = partAt(x - left, y - top, every);
        const color = part && colors[part];
        for (let c = 0; c < 3; c++) {
          const value = (color ?? ground)[c]! * (color ? shade * light[c]! : 1) + 12 * view.uniform(-1, 1);
          pixels[((n * size + y) * size + x) * 3 + c] = Math.max(0, Math.min(255, Math.round(value)));
        }
      }
  });
  const labels = images.map(({ identity }) => identities.indexOf(identity));
  const dataset = createDataset({
    name: "people",
    classes: identities.map((id) => `person ${id}`),
    height: size,
    width: size,
    pixels,
    labels,
  });
  return { dataset, identities: images.map(({ identity }) => identity), cameras: images.map(({ camera }) => camera) };
}

/** Convolutions with SE gates; as in RGA, triplets are of the features before the norm, classes of those after. */
class Network extends Module {
  readonly stages: Sequential;
  readonly feat_bn = new BatchNorm(64);
  readonly cls: Linear;

  constructor(numClasses: number) {
    super();
    const stage = (from: number, to: number) =>
      new Sequential([
        new Conv2d(from, to, { kernelSize: 3, stride: 2, padding: 1, bias: false }),
        new BatchNorm(to),
        new Lambda(relu),
        createAttention("se", to, { reduction: 4 }),
      ]);
    this.stages = new Sequential([stage(3, 16), stage(16, 32), stage(32, 64)]);
    this.cls = new Linear(64, numClasses, { bias: false });
  }

  embedding(x: Value): Value {
    return globalAveragePool(this.stages.call(x));
  }

  override forward(x: Value): Value {
    return this.cls.call(this.feat_bn.call(this.embedding(x)));
  }
}

/** Features of all images, those that are compared: before the norm. */
async function featuresOf(model: Network, dataset: Dataset, engine: Engine): Promise<number[][]> {
  const loader = new Loader(dataset, { batch: 32, preprocessing });
  const graph = graphFor(model);
  const x = graph.input("images", { dtype: "float", shape: loader.inputShape });
  graph.output("features", model.embedding(x));
  const executable = await engine.compile(graph);
  const found: number[][] = [];
  for await (const { images, count } of loader.epoch()) {
    const { features } = await executable.run({ images: tensor("float32", loader.inputShape, images) });
    const { data, shape } = toFloat64(features!);
    for (let i = 0; i < count; i++) found.push([...data.subarray(i * shape[1]!, (i + 1) * shape[1]!)]);
  }
  await executable.release();
  return found;
}

const between = (a: readonly number[][], b: readonly number[][]) =>
  Float64Array.from(a.flatMap((x) => b.map((y) => Math.sqrt(x.reduce((sum, v, i) => sum + (v - y[i]!) ** 2, 0)))));

/** mAP with the first camera's images as queries. */
async function measure(model: Network, { dataset, identities, cameras }: ReturnType<typeof people>, engine: Engine) {
  const features = await featuresOf(model, dataset, engine);
  const part = (isQuery: boolean) => {
    const at = cameras.flatMap((camera, i) => ((camera === 0) === isQuery ? [i] : []));
    return {
      features: at.map((i) => features[i]!),
      identities: at.map((i) => identities[i]!),
      cameras: at.map((i) => cameras[i]!),
    };
  };
  const [query, gallery] = [part(true), part(false)];
  const distances = between(query.features, gallery.features);
  const blocks = {
    between: distances,
    queries: between(query.features, query.features),
    gallery: between(gallery.features, gallery.features),
  };
  return {
    plain: retrievalMetrics(distances, query, gallery).map,
    reranked: retrievalMetrics(rerank(blocks, { k1: 8, k2: 3 }), query, gallery).map,
  };
}

test("a network trained by triplets and smoothed cross entropy on batches by identity, finds people that it never saw", {
  skip: ifLong,
}, async () => {
  const engine = ortEngine({ threads: 2 });
  const seen = people(
    Array.from({ length: persons }, (_, i) => i),
    4,
    2,
  );
  const unseen = people(
    Array.from({ length: 24 }, (_, i) => 1000 + i),
    4,
    2,
  );
  const model = initialize(new Network(persons));
  const before = await measure(model, unseen, engine);

  const loader = new Loader(seen.dataset, { batch: 32, shuffle: true, instances: 4, dropLast: true, preprocessing });
  const step = trainingStep(model, {
    optimizer: adamw({ lr: 0.002 }),
    input: loader.inputShape,
    numClasses: persons,
    labelSmoothing: 0.1,
    objective: ({ images, targets, labelSmoothing }) => {
      const features = model.embedding(images);
      const logits = model.cls.call(model.feat_bn.call(features));
      return { logits, loss: add(crossEntropy(logits, targets, { labelSmoothing }), tripletLoss(features, targets)) };
    },
  });
  const executable = await engine.compile(step.graph);
  let count = 0;
  for (let epoch = 0; epoch < 30; epoch++)
    for await (const { images, labels } of loader.epoch(epoch)) {
      const targets = new Float32Array(32 * persons);
      labels.forEach((label, i) => {
        targets[i * persons + label] = 1;
      });
      count++;
      await executable.run({
        images: tensor("float32", loader.inputShape, images),
        targets: tensor("float32", [32, persons], targets),
        ...step.scalars(count, 0.002),
      });
    }
  for (const [cell, value] of await executable.readState()) (cell as Param).value = value;
  await executable.release();
  const after = await measure(model, unseen, engine);
  await engine.release();
  // Measured: 0.163 before and 0.898 after; re-ranked 0.973.
  const figures = JSON.stringify([before, after]);
  assert.ok(before.plain < 0.25 && after.plain >= 0.8 && after.reranked > after.plain, figures);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createAttention } from "../../src/attention/index.js";
import { tensor, toFloat64 } from "../../src/core/tensor.js";
import {
  type Dataset,
  generatePeople,
  Loader,
  normalizations,
  type Preprocessing,
  type SightedDataset,
} from "../../src/data/index.js";
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
async function measure(model: Network, { dataset, identities, cameras }: SightedDataset, engine: Engine) {
  const features = await featuresOf(model, dataset, engine);
  const part = (isQuery: boolean) => {
    const at = cameras.flatMap((camera, i) => ((camera === 1) === isQuery ? [i] : []));
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
  const seen = generatePeople({ identities: persons });
  const unseen = generatePeople({ identities: 24, first: 1001 });
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
  const figures = JSON.stringify([before, after]);
  assert.ok(before.plain < 0.25 && after.plain >= 0.8 && after.reranked > after.plain, figures);
});

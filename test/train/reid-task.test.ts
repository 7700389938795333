import assert from "node:assert/strict";
import { test } from "node:test";
import { DataError, OptionError } from "../../src/core/errors.js";
import { alignClasses, type Dataset, describeSplits } from "../../src/data/index.js";
import { openDataset } from "../../src/data/open.js";
import type { SafetensorsFile } from "../../src/formats/safetensors.js";
import type { Value } from "../../src/graph/graph.js";
import { createModel, createModelByName, models } from "../../src/models/index.js";
import { rgaResnet } from "../../src/models/rga.js";
import { BatchNorm, Conv2d, globalAveragePool, initialize, Linear, Module, stateOf } from "../../src/nn/index.js";
import { relu, reshape } from "../../src/ops/index.js";
import { distances } from "../../src/train/distances.js";
import { extractFeatures } from "../../src/train/extract-features.js";
import { adamw, classification, evaluate, reidentification, rerank, train } from "../../src/train/index.js";
import { batchOf } from "../../src/train/plan.js";
import { forOutputs, traceFeatures } from "../../src/train/reidentification.js";
import { evaluateRows } from "../../src/train/retrieval.js";
import { ort } from "../support/engines.js";
import { ifLong } from "../support/long.js";

/** A convolution, and a norm between features and classifier, as RGA has. */
class Net extends Module {
  readonly conv = new Conv2d(3, 8, { kernelSize: 3, stride: 2, padding: 1, bias: false });
  readonly bn = new BatchNorm(8);
  readonly neck: BatchNorm | null;
  readonly fc: Linear;

  constructor(identities: number, neck = true) {
    super();
    this.neck = neck ? new BatchNorm(8) : null;
    this.fc = new Linear(8, identities);
  }

  embedding(x: Value): Value {
    return globalAveragePool(relu(this.bn.call(this.conv.call(x))));
  }

  override forward(x: Value): Value {
    const features = this.embedding(x);
    return this.fc.call(this.neck ? this.neck.call(features) : features);
  }
}

const count = { train: 64, validation: 48 };
const open = (seed = 0) => openDataset("shapes", { task: "reid", count, imageSize: 16, seed });
const preprocessing = { imageSize: 16, resize: 16, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
const how = { engine: ort, preprocessing, batch: 8, optimizer: adamw(), augment: null } as const;

test("generated people are the same for a seed; those to find are others, and each camera has a query and an image in the gallery", async () => {
  const { train: seen, validation } = await open();
  const { identities, cameras, queries } = validation.sightings!;
  assert.deepEqual([seen.length, seen.classes.length, validation.length, queries], [64, 8, 48, 24]);
  assert.ok(validation.classes.every((name) => Number(name) > seen.classes.length));
  assert.deepEqual(identities.slice(queries), identities.slice(0, queries));
  assert.deepEqual(cameras.slice(queries), cameras.slice(0, queries));
  assert.equal(new Set(identities.map((identity, i) => `${identity} ${cameras[i]}`)).size, 24);
  const bytes = async ({ validation: part }: { validation: Dataset }) => (await part.image(7)).pixels;
  assert.deepEqual(await bytes(await open()), await bytes({ validation }));
  assert.notDeepEqual(await bytes(await open(1)), await bytes({ validation }));
  assert.equal(describeSplits(await open()), "8 identities, 64 + 48 images");
  assert.equal(alignClasses(validation, seen.classes).dataset, validation, "identities are not matched to classes");
});

test("features are what the classifier reads, before a norm that is only for it", () => {
  const rga = rgaResnet({ numClasses: 3, size: [64, 64], width: 16, spatial: false });
  for (const [model, side, reader, width] of [
    [new Net(5), 16, "neck", 8],
    [new Net(5, false), 16, "fc", 8],
    [rga, 64, "feat_bn", 512],
    [createModel("preact_resnet20", { numClasses: 5 }), 16, "linear", 64],
  ] as const) {
    const graph = traceFeatures(model, [2, 3, side, side]);
    const features = graph.outputs.get("output")!;
    assert.deepEqual(features.shape, [2, width], reader);
    assert.equal(graph.nodes.find(({ scope }) => scope.path === reader)?.inputs[0], features, reader);
  }
});

test("every classifier of the catalogue has features", { skip: ifLong }, () => {
  for (const [name, { task, input, options }] of models) {
    if (task !== "classification") continue;
    const model = createModelByName(name, {
      numClasses: 7,
      ...("width" in options && name === "resnet50_rga" ? { width: 16 } : {}),
    });
    const [n, features, ...more] = traceFeatures(model, [2, ...input]).outputs.get("output")!.shape;
    assert.equal(n, 2, name);
    assert.ok(Number(features) > 7 && more.length === 0, `${name}: ${features}`);
  }
});

test("evaluation ranks Euclidean distances of the features; re-ranking those that rerank() gives", async () => {
  const { validation } = await open();
  const model = initialize(new Net(8));
  const found = await evaluate(model, validation, {
    engine: ort,
    preprocessing,
    task: reidentification({ rerank: true }),
  });
  const features = (await extractFeatures(model, validation, { engine: ort, preprocessing })) as Float64Array[];
  const { identities, cameras, queries } = validation.sightings!;
  const part = (from: number, to?: number) => ({
    identities: identities.slice(from, to),
    cameras: cameras.slice(from, to),
  });
  const [looked, gallery] = [features.slice(0, queries), features.slice(queries)];
  const block = (a: Float64Array[], b: Float64Array[]) =>
    Float64Array.from(a.flatMap((x) => b.map((y) => Math.hypot(...x.map((v, i) => v - y[i]!)))));
  const rows = (all: Float64Array) => (q: number) => all.subarray(q * gallery.length, (q + 1) * gallery.length);
  const between = block(looked, gallery);
  const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9, `${a}, wanted ${b}`);
  const plain = evaluateRows(rows(between), part(0, queries), part(queries));
  near(found.map, plain.map);
  assert.deepEqual(
    [found.rank1, found.rank5, found.rank10],
    [0, 4, 9].map((k) => plain.cmc[k]),
  );
  const ranked = rerank({ between, queries: block(looked, looked), gallery: block(gallery, gallery) });
  near(found.reranked!.map, evaluateRows(rows(ranked), part(0, queries), part(queries)).map);
  assert.deepEqual([...distances(Float64Array.of(1, 1), [Float64Array.of(4, 5)])], [5]);
  assert.equal(forOutputs(reidentification()).trace, undefined);
});

test("images that cannot be read anymore do not count, and do not end a training", async () => {
  const { validation } = await open();
  const lost = [0, 30];
  const broken: Dataset = {
    ...validation,
    image: async (index) => {
      if (lost.includes(index)) throw new DataError("gone");
      return validation.image(index);
    },
  };
  const options = { engine: ort, preprocessing, task: reidentification() };
  const found = await evaluate(initialize(new Net(8)), broken, options);
  assert.deepEqual([found.queries, found.gallery, found.count], [23, 23, 46]);
  // Neither does junk.
  const { sightings } = validation;
  const identities = sightings!.identities.map((identity, i) => (i === 40 ? -1 : identity));
  const junk = await evaluate(initialize(new Net(8)), { ...broken, sightings: { ...sightings!, identities } }, options);
  assert.deepEqual([junk.queries, junk.gallery, junk.count], [23, 22, 45]);
});

test("a stopped training of identities resumes to the same bytes", async () => {
  const { train: data, validation } = await open();
  const task = reidentification({ margin: 0.5 });
  const options = { ...how, task, epochs: 3, labelSmoothing: 0.1, validate: validation, ema: 0.9, augment: undefined };
  const begin = () => initialize(new Net(8), { seed: 2 });
  const straight = begin();
  const { augment: _, ...same } = options;
  const whole = await train(straight, data, same);
  const stop = new AbortController();
  let saved: Uint8Array | undefined;
  await train(begin(), data, {
    ...same,
    signal: stop.signal,
    onStep: ({ epoch, batch }) => {
      if (epoch === 2 && batch === 2) stop.abort();
    },
    onStop: (checkpoint: SafetensorsFile) => {
      saved = checkpoint.bytes();
    },
  });
  const resumed = begin();
  const again = await train(resumed, data, { ...same, resume: saved! });
  assert.deepEqual(again.history, whole.history);
  assert.ok(whole.history.every(({ map, rank1, loss }) => map! > 0 && rank1! >= 0 && loss === null));
  const state = (model: Module) =>
    [...stateOf(model)].map(([name, { value }]) => [name, Array.from(value.data as Float32Array)]);
  assert.deepEqual(state(resumed), state(straight));
});

test("batches hold whole groups of identities", async () => {
  const { train: data } = await open();
  // 8 identities with 4 images each in an epoch.
  assert.deepEqual(
    [undefined, 12, 1000].map((given) => batchOf(data, 4, given)),
    [8, 12, 32],
  );
  assert.equal(batchOf(data, 8), 16);
  assert.deepEqual([batchOf(data, null), batchOf(data, null, 1000)], [8, 64]);
  let steps = 0;
  await train(initialize(new Net(8)), data, {
    ...how,
    task: reidentification(),
    epochs: 2,
    onStep: () => void steps++,
  });
  assert.equal(steps, 8);
});

test("what has no identities, no queries, no fully connected classifier or no batches by identity is refused", async () => {
  const { train: data, validation } = await open();
  const shapes = await openDataset("shapes", { count });
  const task = reidentification();
  const refused = (from: Promise<unknown>, fault: new (m: string) => Error, says: RegExp) =>
    assert.rejects(from, (error: Error) => {
      assert.ok(error instanceof fault, error.stack);
      assert.match(error.message, says);
      return true;
    });
  const begin = (options: object, images: Dataset = data) =>
    train(initialize(new Net(8)), images, { ...how, task, epochs: 1, ...options });
  await refused(begin({ batch: 10 }), OptionError, /batch 10 must be a multiple of the 4 images of each identity/);
  await refused(begin({ batch: 4 }), OptionError, /and hold two identities or more/);
  for (const option of [
    { balancedSampling: true },
    { classWeights: "balanced" },
    { augment: { crop: null, flip: false, mixup: { alpha: 1 } } },
  ])
    await refused(begin(option), Error, /is for one class per image; the task is reid|alpha|mixup/);
  await refused(begin({ augRepeats: 2 }), OptionError, /augRepeats is for one class per image/);
  const alone: Dataset = { ...data, classes: ["1"], labels: Array.from(data.labels, () => 0) };
  await refused(begin({}, alone), DataError, /triplets need images of at least two identities/);
  await refused(
    evaluate(initialize(new Net(8)), shapes.validation, { engine: ort, task, preprocessing }),
    DataError,
    /has no queries and no gallery/,
  );
  await refused(
    evaluate(initialize(new Net(8)), validation, { engine: ort, task: classification, preprocessing }),
    DataError,
    /identities to find/,
  );
  class Flat extends Module {
    readonly conv = new Conv2d(3, 8, { kernelSize: 16 });
    override forward(x: Value): Value {
      return reshape(this.conv.call(x), [-1, 8] as never);
    }
  }
  assert.throws(() => traceFeatures(initialize(new Flat()), [2, 3, 16, 16]), /no fully connected classifier/);
  const unet = createModel("unet_resnet18", { numClasses: 2 });
  assert.throws(() => traceFeatures(unet, [1, 3, 32, 32]), /no fully connected classifier/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { float32, toFloat64 } from "../../src/core/tensor.js";
import { type Augmentation, createDataset } from "../../src/data/index.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Value } from "../../src/graph/graph.js";
import { printGraph } from "../../src/graph/print.js";
import { createModel, insertAttention } from "../../src/index.js";
import {
  BatchNorm,
  Conv2d,
  DropPath,
  flatten,
  initialize,
  Linear,
  Module,
  parametersOf,
  stateOf,
  trace,
} from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";
import {
  adamw,
  classification,
  findLearningRate,
  lamb,
  layerDecayGroups,
  lion,
  oneCycleSchedule,
  rmspropTf,
  sgd,
  type TrainOptions,
  train,
  trainingStep,
} from "../../src/train/index.js";
import { ort } from "../support/engines.js";
import { runsLong } from "../support/long.js";

class Net extends Module {
  readonly conv = new Conv2d(3, 8, { kernelSize: 3, stride: 2, padding: 1 });
  readonly bn = new BatchNorm(8);
  readonly fc = new Linear(8 * 16, 3);
  override forward(x: Value): Value {
    return this.fc.call(flatten(relu(this.bn.call(this.conv.call(x)))));
  }
}

class Plain extends Module {
  readonly fc1 = new Linear(12, 5);
  readonly fc2 = new Linear(5, 3);
  override forward(x: Value): Value {
    return this.fc2.call(relu(this.fc1.call(flatten(x))));
  }
}

const images = (from: number, count: number) =>
  float32(
    [count, 3, 2, 2],
    Array.from({ length: 12 * count }, (_, i) => Math.sin(12 * from + i)),
  );
const targets = (labels: readonly number[]) =>
  float32(
    [labels.length, 3],
    labels.flatMap((label) => [0, 1, 2].map((c) => (c === label ? 1 : 0))),
  );
const near = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-12) => {
  assert.equal(a.length, b.length);
  for (let i = 0; i < a.length; i++) assert.ok(Math.abs(a[i]! - b[i]!) <= tolerance, `${i}: ${a[i]} ≠ ${b[i]}`);
};

for (const optimizer of [
  sgd({ lr: 0.2, momentum: 0.9, nesterov: true }),
  adamw({ lr: 0.05 }),
  rmspropTf({ lr: 0.05 }),
  lion({ lr: 0.01 }),
])
  test(`${optimizer.name}: gradients of three batches make the step of one that is three times as large`, async () => {
    const labels = [0, 1, 2, 1, 0, 2, 2, 1, 0, 0, 1, 2];
    const options = { optimizer, numClasses: 3, clipNorm: 0.5, ema: 0.9, labelSmoothing: 0.1 } as const;
    const ended: Map<string, ArrayLike<number>>[] = [];
    for (const parts of [1, 3]) {
      const model = initialize(new Plain(), { seed: 4 });
      const size = 6 / parts;
      const step = trainingStep(model, { ...options, input: [size, 3, 2, 2], gradAccumSteps: parts });
      const executable = await referenceEngine().compile(step.graph);
      for (let k = 0; k < 2; k++)
        for (let part = 0; part < parts; part++) {
          const first = 6 * k + size * part;
          await executable.run({
            images: images(first, size),
            targets: targets(labels.slice(first, first + size)),
            ...step.scalars(k + 1, optimizer.lr, { index: part, of: parts }),
          });
        }
      const state = await executable.readState();
      const named = [...stateOf(model), ...step.cells].filter(([name]) => !name.startsWith("accumulated/"));
      ended.push(new Map(named.map(([name, cell]) => [name, toFloat64(state.get(cell)!).data])));
    }
    assert.deepEqual([...ended[0]!.keys()], [...ended[1]!.keys()]);
    for (const [name, values] of ended[0]!) near(ended[1]!.get(name)!, values);
  });

test("between its steps an accumulating training changes sums of gradients only", async () => {
  const model = initialize(new Plain(), { seed: 4 });
  const step = trainingStep(model, {
    optimizer: sgd(),
    numClasses: 3,
    input: [2, 3, 2, 2],
    gradAccumSteps: 2,
    ema: 0.9,
  });
  const executable = await referenceEngine().compile(step.graph);
  const run = async (index: number) => {
    await executable.run({ images: images(0, 2), targets: targets([0, 1]), ...step.scalars(1, 0.1, { index, of: 2 }) });
    return new Map(await executable.readState());
  };
  const [half, whole] = [await run(0), await run(1)];
  for (const [name, cell] of [...parametersOf(model), ...step.cells]) {
    const before = toFloat64(cell.value).data;
    const changed = (state: typeof half) => toFloat64(state.get(cell)!).data.some((v, i) => v !== before[i]);
    assert.equal(changed(half), name.startsWith("accumulated/"), name);
    assert.ok(changed(whole), name);
  }
});

test("mixed labels are distributions with exactly their shares", () => {
  const out = new Float32Array(9);
  const mixed = { share: 0.25, labels: Int32Array.of(2, 0, 2) };
  const batch = { inputs: {}, labels: Int32Array.of(0, 1, 2), indices: Int32Array.of(0, 1, 2), count: 3, mixed };
  classification.writeTargets(batch, { classes: ["a", "b", "c"] }, out);
  assert.deepEqual([...out], [0.25, 0, 0.75, 0.75, 0.25, 0, 0, 0, 1]);
});

test("a step with mixed targets has their cross entropy, and counts the shares at the largest logits", async () => {
  const model = initialize(new Plain(), { seed: 1 });
  const step = trainingStep(model, { optimizer: sgd(), numClasses: 3, input: [2, 3, 2, 2], mixedTargets: true });
  step.graph.output("logits", step.logits);
  const executable = await referenceEngine().compile(step.graph);
  const mixed = float32([2, 3], [0.3, 0.7, 0, 0.25, 0.15, 0.6]);
  const out = await executable.run({ images: images(0, 2), targets: mixed, ...step.scalars(1, 0.1) });
  const logits = toFloat64(out.logits!).data;
  let [loss, correct] = [0, 0];
  for (let n = 0; n < 2; n++) {
    const z = [...logits.subarray(3 * n, 3 * n + 3)];
    const sum = Math.log(z.reduce((s, v) => s + Math.exp(v), 0));
    z.forEach((v, c) => {
      loss -= (mixed.data[3 * n + c]! * (v - sum)) / 2;
    });
    correct += mixed.data[3 * n + z.indexOf(Math.max(...z))]!;
  }
  near([Number(out.loss!.data[0]), Number(out.correct!.data[0])], [loss, correct], 1e-9);
});

/** Images of three classes, most of the first. */
const count = 60;
const labels = Array.from({ length: count }, (_, i) => (i % 6 < 4 ? 0 : i % 6 === 4 ? 1 : 2));
const dataset = createDataset({
  name: "stripes",
  classes: ["a", "b", "c"],
  height: 8,
  width: 8,
  pixels: Uint8Array.from({ length: count * 192 }, (_, p) => {
    const [i, row] = [Math.floor(p / 192), Math.floor((p % 64) / 8)];
    return row % 3 === labels[i] ? 180 + ((p * 7919) % 70) : (p * 104729) % 90;
  }),
  labels,
});

const everything: Augmentation = {
  crop: { scale: [0.5, 1], ratio: [0.8, 1.25] },
  flip: true,
  autoAugment: "randaugment-n2-m9",
  colorJitter: [0.4, 0.4, 0.4, 0.1],
  erasing: { probability: 0.5, mode: "pixel" },
  mixup: 0.4,
  cutmix: 1,
  mixProbability: 0.8,
};

for (const [name, more] of Object.entries({
  "balanced sampling": { balancedSampling: true },
  "repeated augmentation": { augRepeats: 2 },
  "RMSprop-TF": { optimizer: rmspropTf({ lr: 0.002, weightDecay: 1e-3 }) },
  Lion: { optimizer: lion({ lr: 1e-3, weightDecay: 0.1 }) },
} satisfies Record<string, Partial<TrainOptions>>))
  test(`stopped after any step and resumed, a training ends with the same bytes: all at once, with ${name}`, async () => {
    const ending = async (stops: readonly number[]) => {
      let resume: Uint8Array | undefined;
      let last: Uint8Array | undefined;
      for (let part = 0; part <= stops.length; part++) {
        const model = initialize(new Net(), { seed: 2 });
        const stop = new AbortController();
        let steps = 0;
        const result = await train(model, dataset, {
          engine: ort,
          epochs: 3,
          batch: 8,
          seed: 5,
          optimizer: adamw({ lr: 0.01 }),
          schedule: oneCycleSchedule(),
          groups: layerDecayGroups(model, 0.7),
          augment: everything,
          labelSmoothing: 0.1,
          classWeights: "balanced",
          clipNorm: 1,
          ema: 0.9,
          gradAccumSteps: 3,
          patience: 5,
          validate: dataset,
          ...more,
          ...(resume && { resume }),
          signal: stop.signal,
          onStep: () => {
            if (++steps === stops[part]) stop.abort();
          },
          onStop: (checkpoint) => {
            resume = checkpoint.bytes();
          },
          onEpoch: (_, { checkpoint }) => {
            last = checkpoint.bytes();
          },
        });
        assert.equal(result.stopped, part < stops.length);
      }
      return last!;
    };
    const whole = await ending([]);
    // 7 batches an epoch: in the middle of a step, at its end, and in the last, shorter one of an epoch.
    for (const stops of runsLong ? [[1], [3, 2], [6], [8, 5, 4]] : [[3, 2], [6]])
      assert.deepEqual(await ending(stops), whole, String(stops));
  });

for (const [name, more] of Object.entries({
  "class weights": { classWeights: [1, 2, 3], optimizer: sgd({ lr: 0.05 }) },
  "binary cross entropy and LAMB": {
    bceLoss: true,
    bceTargetThreshold: 0.2,
    optimizer: lamb({ lr: 0.01, weightDecay: 0.02, decayNormsAndBiases: false }),
  },
  "RMSprop-TF": { optimizer: rmspropTf({ lr: 0.002 }) },
} satisfies Record<string, Partial<TrainOptions>>))
  test(`both engines train alike with all of it: ${name}`, async () => {
    const losses: number[][] = [];
    for (const engine of [referenceEngine(), ort]) {
      const { history } = await train(initialize(new Net(), { seed: 2 }), dataset, {
        engine,
        epochs: 2,
        batch: 8,
        ...more,
        augment: everything,
        gradAccumSteps: 2,
        ema: 0.9,
        validate: dataset,
      });
      losses.push(history.flatMap(({ trainLoss, loss }) => [trainLoss, loss!]));
    }
    near(losses[0]!, losses[1]!, 1e-4);
  });

test("patience ends a training that is no longer better, and a resumed one at once", async () => {
  const model = initialize(new Net(), { seed: 2 });
  let last: Uint8Array | undefined;
  // Nothing is learned at this rate, so that the first epoch is the best.
  const options = {
    engine: referenceEngine(),
    epochs: 9,
    batch: 20,
    patience: 3,
    optimizer: sgd({ lr: 1e-12, weightDecay: 0, momentum: 0 }),
    augment: null,
    validate: dataset,
    onEpoch: (_: unknown, { checkpoint }: { checkpoint: { bytes(): Uint8Array } }) => {
      last = checkpoint.bytes();
    },
  } as const;
  const { history, best, stopped } = await train(model, dataset, options);
  assert.equal(stopped, false);
  assert.equal(history.length, best!.epoch + 3);
  assert.ok(history.length < 9);
  const resumed = await train(initialize(new Net()), dataset, { ...options, resume: last! });
  assert.equal(resumed.history.length, history.length);
});

test("settings of the loss that do not go together are refused", async () => {
  const options = { engine: referenceEngine(), epochs: 1, batch: 60, augment: null } as const;
  const refused = (more: Omit<Partial<TrainOptions>, "task">, says: RegExp) =>
    assert.rejects(train(initialize(new Net()), dataset, { ...options, ...more }), says);
  await refused({ bceTargetThreshold: 0.2 }, /bceTargetThreshold needs bceLoss/);
  const direct = { optimizer: sgd(), input: [2, 3, 8, 8], numClasses: 2, bceTargetThreshold: 0.2 } as const;
  assert.throws(() => trainingStep(initialize(new Net()), direct), /bceTargetThreshold needs bceLoss/);
  await refused({ bceLoss: true, classWeights: "balanced" }, /bceLoss is for classification without classWeights/);
});

test("balanced weights count each class alike", async () => {
  const counted: (readonly number[] | undefined)[] = [];
  const task: typeof classification = {
    ...classification,
    objective: (inputs) => {
      counted.push(inputs.classWeights);
      return classification.objective(inputs);
    },
  };
  const options = { engine: referenceEngine(), epochs: 1, batch: 60, augment: null, task } as const;
  await train(initialize(new Net()), dataset, { ...options, classWeights: "balanced" });
  assert.deepEqual(counted[0], [60 / (3 * 40), 60 / (3 * 10), 60 / (3 * 10)]);
  await assert.rejects(
    train(initialize(new Net()), dataset, { ...options, classWeights: [1, 2] }),
    /2 classWeights for the 3/,
  );
});

test("layer-wise decay falls from the classifier to the stem, and inserted modules are of their blocks", () => {
  const model = createModel("resnet20", { numClasses: 3 });
  insertAttention(model, "se");
  const groups = layerDecayGroups(model, 0.5);
  const rate = (path: string) => groups.filter(({ has }) => has(path)).map(({ lrFactor }) => lrFactor);
  // Stem, nine blocks, classifier.
  assert.equal(groups.length, 11);
  assert.deepEqual(rate("fc.weight"), [1]);
  assert.deepEqual(rate("layer3.2.conv1.weight"), [0.5]);
  assert.deepEqual(rate("layer1.0.conv1.weight"), [0.5 ** 9]);
  assert.deepEqual(rate("conv1.weight"), [0.5 ** 10]);
  for (const path of parametersOf(model).keys()) {
    const block = /layer\d\.\d/.exec(path);
    if (path.startsWith("attention.")) assert.deepEqual(rate(path), rate(`${block![0]}.conv1.weight`), path);
    assert.equal(rate(path).length, 1, path);
  }
});

test("the range test raises the rate by equal factors, leaves the model as it is, and suggests a rate that learns", async () => {
  const model = initialize(new Net(), { seed: 2 });
  const before = [...stateOf(model)].map(([, { value }]) => [...value.data]);
  const options = { engine: ort, batch: 8, seed: 5, augment: null, optimizer: sgd({ momentum: 0.9 }) } as const;
  const found = await findLearningRate(model, dataset, options, { from: 1e-5, to: 100, steps: 90 });
  assert.deepEqual(
    [...stateOf(model)].map(([, { value }]) => [...value.data]),
    before,
  );
  const { tried, lowest, steepest, suggested } = found;
  assert.ok(tried.length > 20 && tried.length < 90, `${tried.length} rates before the loss was too high`);
  tried.forEach(({ lr }, i) => assert.ok(Math.abs(lr / (1e-5 * 1e7 ** (i / 89)) - 1) < 1e-9));
  assert.equal(suggested, lowest / 10);
  const losses = tried.map(({ loss }) => loss);
  assert.equal(tried[losses.indexOf(Math.min(...losses))]!.lr, lowest);
  assert.ok(steepest < lowest, `${steepest} ${lowest}`);
  assert.deepEqual(await findLearningRate(model, dataset, options, { from: 1e-5, to: 100, steps: 90 }), found);
  // The first loss is that of the untrained network.
  const first = await train(initialize(new Net(), { seed: 2 }), dataset, {
    ...options,
    steps: 1,
    optimizer: sgd({ lr: 1e-5 }),
  });
  near([first.history[0]!.trainLoss], [losses[0]!], 1e-6);
  await assert.rejects(findLearningRate(model, dataset, options, { from: 1, to: 0.1 }), /from must be less than to/);
});

test("stochastic depth grows linearly over the blocks of a ResNet, and is none in inference", async () => {
  const rates: number[] = [];
  const rateOf = DropPath.prototype.forward;
  DropPath.prototype.forward = function (x) {
    rates.push(this.p);
    return rateOf.call(this, x);
  };
  try {
    trace(createModel("resnet18", { dropPath: 0.35 }), [2, 3, 64, 64], { training: true });
  } finally {
    DropPath.prototype.forward = rateOf;
  }
  near(
    rates,
    [0, 1, 2, 3, 4, 5, 6, 7].map((i) => (0.35 * i) / 7),
  );
  const [plain, deep] = [0, 0.35].map((dropPath) => initialize(createModel("resnet20", { dropPath }), { seed: 1 }));
  assert.deepEqual([...stateOf(plain!).keys()], [...stateOf(deep!).keys()]);
  assert.equal(printGraph(trace(deep!, [1, 3, 32, 32])), printGraph(trace(plain!, [1, 3, 32, 32])));
  assert.throws(() => createModel("resnet20", { dropPath: 1 }), /dropPath must be in \[0, 1\)/);
});

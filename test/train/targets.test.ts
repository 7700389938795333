import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import { DataError, OptionError, ShapeError } from "../../src/core/errors.js";
import { tensor, toFloat64 } from "../../src/core/tensor.js";
import { createDataset, type Dataset } from "../../src/data/index.js";
import { openDataset } from "../../src/data/open.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { SafetensorsFile } from "../../src/formats/safetensors.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { predictTargets } from "../../src/inference/index.js";
import {
  BatchNorm,
  Conv2d,
  freeze,
  globalAveragePool,
  initialize,
  Linear,
  Module,
  meanSquaredError,
  smoothL1Loss,
  stateOf,
} from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";
import { checkFunction } from "../../src/testing/check-function.js";
import {
  adamw,
  classification,
  evaluate,
  historyCsv,
  inUnits,
  LabelTally,
  multiLabel,
  regression,
  targetStatistics,
  traceInUnits,
  train,
  ValueTally,
} from "../../src/train/index.js";
import { ort } from "../support/engines.js";

const golden = JSON.parse(readFileSync("test/golden/targets.json", "utf8"));
const near = (found: number, wanted: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted)), `${found}, wanted ${wanted}`);

test("multi-label metrics are those of the definitions, with ties, rare labels and one that never occurs", () => {
  const { logits, targets, ap, f1, ...totals } = golden.multiLabel;
  const tally = new LabelTally(["a", "b", "c", "d", "e"]);
  logits.forEach((row: number[], i: number) => {
    tally.add(row, targets[i]);
  });
  const found = tally.metrics();
  for (const name of ["map", "f1Micro", "f1Macro", "top1", "loss"] as const) near(found[name], totals[name]);
  found.labels.forEach((label, k) => {
    if (ap[k] === null) assert.equal(label.ap, null);
    else near(label.ap!, ap[k]);
    near(label.f1, f1[k]);
  });
  assert.deepEqual([found.labels[4]!.count, found.labels[4]!.recall], [0, null]);
  assert.equal(found.count, 24);
});

test("average precision does not depend on the order of images with equal scores", () => {
  const of = (targets: number[]) => {
    const tally = new LabelTally(["a"]);
    for (const t of targets) tally.add([1], [t]);
    return tally.metrics().map;
  };
  assert.equal(of([1, 0, 0, 1]), 0.5);
  assert.equal(of([0, 0, 1, 1]), 0.5);
});

test("figures of numbers are those of the definitions; a target that is the same everywhere has R² 0, or 1 if it is met", () => {
  const { values, targets, deviation, mae, rmse, r2, loss } = golden.regression;
  const tally = new ValueTally(["a", "b", "c"], deviation);
  values.forEach((row: number[], i: number) => {
    tally.add(row, targets[i]);
  });
  const found = tally.metrics();
  const mean = (list: number[]) => list.reduce((a, b) => a + b) / list.length;
  near(found.loss, loss);
  near(found.mae, mean(mae));
  near(found.rmse, mean(rmse));
  near(found.r2, mean(r2));
  found.targets.forEach((target, k) => {
    near(target.mae, mae[k]);
    near(target.rmse, rmse[k]);
    near(target.r2, r2[k]);
  });
  const exact = new ValueTally(["a"], [1]);
  exact.add([3], [3]);
  assert.equal(exact.metrics().r2, 1);
});

/** Equal numbers whose mean is another by rounding, some of them. */
const constants: readonly (readonly [value: number, count: number])[] = [
  [19.99, 500],
  [0.1, 10],
  [1e-200, 7],
  [-1234.56, 333],
  [0, 5],
];
test("equal targets have R² 0, or 1 if all are met, whatever rounding makes of their mean", () => {
  for (const [value, count] of constants) {
    const [missed, met] = [new ValueTally(["a"], [1]), new ValueTally(["a"], [1])];
    for (let i = 0; i < count; i++) {
      missed.add([value + 1], [value]);
      met.add([value], [value]);
    }
    assert.deepEqual([missed.metrics().r2, met.metrics().r2], [0, 1], `${count} × ${value}`);
  }
});

test("a column of equal numbers is refused, whatever rounding makes of its mean; so is a deviation of 0 or infinity", () => {
  const of = (values: readonly number[]) => {
    const data = squares(values.length, 1);
    return targetStatistics({ ...data, classes: ["a"], targets: (i) => [values[i]!] });
  };
  for (const [value, count] of constants)
    assert.throws(() => of(new Array(count).fill(value)), {
      name: "DataError",
      message: `squares: a is ${value} for every training image, so there is nothing to learn`,
    });
  for (const values of [
    [1e200, -1e200],
    [1e308, 1.5e308],
    [1, 1e155],
  ])
    assert.throws(
      () => of(values),
      /deviation of a must be a positive number, got (Infinity|NaN): .* too large. Change/,
    );
  assert.throws(
    () => of([1e-200, 2e-200]),
    /deviation of a must be a positive number, got 0: .* too close to each other/,
  );
  near(of([1e-100, 3e-100]).deviation[0]! * 1e100, 1);
});

test("tallies refuse rows of another length, numbers that are not finite, and measuring nothing", () => {
  for (const tally of [new LabelTally(["a", "b"]), new ValueTally(["a", "b"], [1, 1])]) {
    assert.throws(() => tally.add([1], [1, 0]), ShapeError);
    assert.throws(() => tally.add([1, Number.NaN], [1, 0]), /NaN|finite/);
    assert.throws(() => tally.metrics(), DataError);
  }
});

for (const { beta, value, gradient } of golden.losses.cases)
  test(`${beta === null ? "the squared error" : `smooth L1 with beta ${beta}`} is PyTorch's, with its gradient`, async () => {
    const array = (data: number[]) => tensor("float64", [3, 2], Float64Array.from(data));
    const { outputs, targets } = golden.losses;
    const loss = (y: Value, t: Value) => (beta === null ? meanSquaredError(y, t) : smoothL1Loss(y, t, { beta }));
    const graph = new Graph(true);
    const [y, t] = ["y", "t"].map((name) => graph.input(name, { dtype: "float", shape: [3, 2] })) as [Value, Value];
    const found = loss(y, t);
    graph.output("loss", found);
    graph.output("dy", gradients(found, [y])[0]!);
    for (const [engine, tolerance] of [
      [referenceEngine(), 1e-12],
      [ort, 1e-5],
    ] as const) {
      const executable = await engine.compile(graph);
      const out = await executable.run({ y: array(outputs), t: array(targets) });
      await executable.release();
      near(toFloat64(out.loss!).data[0]!, value, tolerance);
      toFloat64(out.dy!).data.forEach((v, i) => near(v, gradient[i], tolerance));
    }
    await checkFunction((given) => loss(given!, given!.graph.constant(array(targets))), [array(outputs)]);
    const other = new Graph(true).input("z", { dtype: "float", shape: [3, 1] });
    assert.throws(() => loss(other, other.graph.constant(array(targets))), ShapeError);
  });

/** Two convolutions and a mean: one row of outputs. */
class Net extends Module {
  readonly a = new Conv2d(3, 16, { kernelSize: 3, stride: 2, padding: 1 });
  readonly bn = new BatchNorm(16);
  readonly b = new Conv2d(16, 32, { kernelSize: 3, stride: 2, padding: 1 });
  readonly fc: Linear;
  constructor(outputs: number) {
    super();
    this.fc = new Linear(32, outputs);
  }
  override forward(x: Value): Value {
    return this.fc.call(globalAveragePool(relu(this.b.call(relu(this.bn.call(this.a.call(x)))))));
  }
}

/** Squares of three colors on black, one by one there or not; as labels, or as the share of red and ten times that of green. */
function squares(count: number, seed: number, numbers = false): Dataset {
  const size = 8;
  const pixels = new Uint8Array(count * 3 * size * size);
  const targets = Array.from({ length: count }, (_, i) => {
    const bits = [0, 1, 2].map((c) => ((i * 2654435761 + seed * 40503 + c * 7919) >>> (7 + c)) & 1);
    bits.forEach((on, c) => {
      const level = on ? 80 + ((i * 37 + c * 11) % 176) : 0;
      pixels.fill(level, (i * 3 + c) * size * size, (i * 3 + c + 1) * size * size);
      if (numbers) bits[c] = level;
    });
    return numbers ? [100 + bits[0]! / 255, -10 * bits[1]!] : bits;
  });
  const classes = numbers ? ["red", "green"] : ["r", "g", "b"];
  const data = createDataset({
    name: "squares",
    classes,
    height: size,
    width: size,
    pixels,
    labels: new Array(count).fill(0),
  });
  return { ...data, targets: (i) => targets[i]! };
}

const how = { engine: ort, batch: 16, augment: null, optimizer: adamw({ lr: 0.02 }) } as const;

test("a multi-label classifier learns which colors are there; its best epoch is by mAP", async () => {
  const [data, validate] = [squares(128, 1), squares(48, 2)];
  const model = initialize(new Net(3), { seed: 1 });
  const task = multiLabel();
  const { history, best } = await train(model, data, { ...how, task, epochs: 6, validate });
  const after = await evaluate(model, validate, { engine: ort, task });
  assert.ok(after.map > 0.95 && after.f1Macro > 0.9, JSON.stringify(after));
  assert.equal(after.map, history.at(-1)!.map);
  assert.equal(best!.map, Math.max(...history.map(({ map }) => map!)));
  assert.ok(history.at(-1)!.trainTop1! > 0.9);
  assert.match(historyCsv(history), /^epoch,step,lr,trainLoss,trainTop1,loss,top1,top5,map\n/);
  const preprocessing = { imageSize: 8, resize: 8, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
  const network = { model, classes: data.classes, preprocessing };
  const [answers] = await predictTargets(network, [await validate.image(0)], { engine: ort, task });
  assert.deepEqual(
    answers!.map(({ name, value }) => [name, value > 0.5 ? 1 : 0]),
    data.classes.map((name, k) => [name, validate.targets!(0)[k]]),
  );
  await assert.rejects(
    predictTargets(network, [], { engine: ort, task: classification }),
    /multiLabel\(\) and regression/,
  );
});

for (const loss of ["mse", "smooth-l1"] as const)
  test(`a regression with ${loss} gives numbers in the data's units, also as an exported graph`, async () => {
    const [data, validate] = [squares(128, 1, true), squares(48, 2, true)];
    const model = initialize(new Net(2), { seed: 1 });
    const scale = targetStatistics(data);
    const task = regression({ ...scale, loss });
    const { history, best } = await train(model, data, { ...how, task, epochs: 8, validate });
    const after = await evaluate(model, validate, { engine: ort, task });
    assert.ok(after.r2 > 0.9, JSON.stringify(after));
    assert.equal(after.loss, history.at(-1)!.loss);
    assert.equal(best!.r2, Math.max(...history.map(({ r2 }) => r2!)));
    assert.equal(history[0]!.trainTop1, null);
    const preprocessing = { imageSize: 8, resize: 8, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
    const image = await validate.image(5);
    const [values] = await predictTargets({ model, classes: data.classes, preprocessing }, [image], {
      engine: ort,
      task,
    });
    assert.ok(Math.abs(values![0]!.value - 100) < 2);
    const executable = await referenceEngine().compile(traceInUnits(model, [1, 3, 8, 8], scale));
    const input = new Float32Array(3 * 64);
    for (let i = 0; i < input.length; i++) {
      const c = Math.floor(i / 64);
      input[i] = (image.pixels[i]! / 255 - preprocessing.mean[c]!) / preprocessing.std[c]!;
    }
    const { output } = await executable.run({ input: tensor("float32", [1, 3, 8, 8], input) });
    toFloat64(output!).data.forEach((v, k) => near(v, values![k]!.value, 1e-4));
    await executable.release();
  });

for (const numbers of [false, true])
  test(`features that are computed once give the same training of ${numbers ? "numbers" : "labels"}`, async () => {
    const data = squares(64, 5, numbers);
    const of = async (cacheFeatures: boolean) => {
      const model = initialize(new Net(numbers ? 2 : 3), { seed: 3 });
      freeze(model, (path) => !path.startsWith("fc."));
      const task = (numbers ? regression(targetStatistics(data)) : multiLabel()) as never;
      const { history } = await train(model, data, { ...how, epochs: 2, task, validate: data, cacheFeatures } as never);
      return history.flatMap(({ loss, trainLoss, map, r2 }) => [loss!, trainLoss, map ?? r2!]);
    };
    const [kept, again] = [await of(true), await of(false)];
    kept.forEach((value, i) => near(value, again[i]!, 1e-5));
  });

for (const numbers of [false, true])
  test(`a stopped training of ${numbers ? "numbers" : "labels"} resumes to the same bytes`, async () => {
    const data = squares(64, 3, numbers);
    const task = () => (numbers ? regression({ ...targetStatistics(data), loss: "smooth-l1" }) : multiLabel());
    const options = { ...how, epochs: 3, validate: squares(16, 4, numbers), ema: 0.9, augment: undefined };
    const begin = () => initialize(new Net(numbers ? 2 : 3), { seed: 2 });
    const straight = begin();
    const whole = await train(straight, data, { ...options, task: task() as never });
    const stop = new AbortController();
    let saved: Uint8Array | undefined;
    await train(begin(), data, {
      ...options,
      task: task() as never,
      signal: stop.signal,
      onStep: ({ epoch, batch }: { epoch: number; batch: number }) => {
        if (epoch === 2 && batch === 2) stop.abort();
      },
      onStop: (checkpoint: SafetensorsFile) => {
        saved = checkpoint.bytes();
      },
    } as never);
    const resumed = begin();
    const again = await train(resumed, data, { ...options, task: task() as never, resume: saved! } as never);
    assert.deepEqual(again.history, whole.history);
    const state = (model: Module) =>
      [...stateOf(model)].map(([name, { value }]) => [name, Array.from(value.data as Float32Array)]);
    assert.deepEqual(state(resumed), state(straight));
  });

test("tasks refuse data that is not theirs, and options for one class per image", async () => {
  const [labels, numbers] = [squares(16, 1), squares(16, 1, true)];
  const plain = createDataset({
    name: "plain",
    classes: ["a"],
    height: 1,
    width: 1,
    channels: 1,
    pixels: Uint8Array.of(1),
    labels: [0],
  });
  const model = () => initialize(new Net(3));
  const refused = (data: Dataset, options: object, says: RegExp, fault: new (m: string) => Error = DataError) =>
    assert.rejects(train(model(), data, { ...how, epochs: 1, ...options } as never), (error: Error) => {
      assert.ok(error instanceof fault, error.stack);
      assert.match(error.message, says);
      return true;
    });
  await refused(plain, { task: multiLabel() }, /plain has no targets; openDataset\(\)/);
  await refused(labels, {}, /use task: multiLabel\(\) or regression\(\)/);
  await refused(numbers, { task: multiLabel() }, /targets of image 0 must be 0 or 1/);
  await refused(
    { ...labels, targets: () => [1] },
    { task: multiLabel() },
    /image 0 has 1 targets, and there are 3 names/,
  );
  await refused(
    { ...numbers, targets: () => [1, Number.NaN] },
    { task: regression() },
    /green of image 0 must be a number/,
  );
  await refused(numbers, { task: regression({ mean: [1] }) }, /mean has 1 numbers for 2 targets/, OptionError);
  for (const option of [{ labelSmoothing: 0.1 }, { classWeights: "balanced" }, { balancedSampling: true }])
    await refused(
      labels,
      { task: multiLabel(), ...option },
      /is for one class per image; the task is multi-label/,
      OptionError,
    );
  await refused(
    labels,
    { task: multiLabel(), augment: { crop: null, flip: false, mixup: 0.2 } },
    /mixup is for one class/,
    OptionError,
  );
  assert.throws(() => targetStatistics({ ...numbers, targets: () => [1, 2] }), /red is 1 for every training image/);
  assert.throws(() => regression({ deviation: [0] }), /deviation\[0\] must be a positive number/);
  near(inUnits([2], { mean: [10], deviation: [3] })[0]!, 16);
});

test("shapes has several figures for labels, and their place and size for numbers", async () => {
  const count = { train: 40, validation: 10 };
  const labels = await openDataset("shapes", { task: "multi-label", count });
  assert.deepEqual(
    [labels.train.classes.length, labels.train.length, labels.train.size],
    [10, 40, { height: 48, width: 48 }],
  );
  const counts = Array.from({ length: 40 }, (_, i) => Array.from(labels.train.targets!(i)).reduce((a, b) => a + b, 0));
  assert.deepEqual(new Set(counts), new Set([0, 1, 2, 3]));
  const numbers = await openDataset("shapes", { task: "regression", count });
  assert.deepEqual(numbers.train.classes, ["x", "y", "area"]);
  for (const index of [0, 7, 39]) {
    // The mask is the same object, pixel by pixel.
    const [x, y, area] = Array.from(numbers.train.targets!(index)) as [number, number, number];
    const mask = numbers.train.mask!(index);
    const pixels = mask.reduce((sum, v) => sum + v, 0);
    near(area, (100 * pixels) / 1024, 0.15);
    assert.ok(x > 0 && x < 32 && y > 0 && y < 32);
  }
  const plain = await openDataset("shapes", { count });
  assert.deepEqual(await numbers.train.image(3), await plain.train.image(3));
  await assert.rejects(openDataset("shapes-free", { task: "multi-label", count }), /multi-label needs shapes/);
  const free = await openDataset("shapes-free", { task: "regression", count });
  assert.deepEqual(free.train.size, { height: 64, width: 64 });
  await assert.rejects(openDataset("shapes", { task: "regression", targets: ["x"] }), /shapes is generated/);
});

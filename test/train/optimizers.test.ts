import assert from "node:assert/strict";
import { test } from "node:test";
import { float32, type Tensor, tensor, toFloat64 } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { flatten, freeze, Linear, Module, type Param, stateOf } from "../../src/nn/index.js";
import {
  adamw,
  constantSchedule,
  cosineSchedule,
  lamb,
  learningRateFactor,
  lion,
  type Optimizer,
  oneCycleSchedule,
  rmspropTf,
  sgd,
  stepSchedule,
  trainingStep,
  warmRestartSchedule,
} from "../../src/train/index.js";

class Tiny extends Module {
  readonly fc = new Linear(12, 2);
  override forward(x: Value): Value {
    return this.fc.call(flatten(x));
  }
}

const images = float32(
  [2, 3, 2, 2],
  Array.from({ length: 24 }, (_, i) => Math.sin(i)),
);
const targets = float32([2, 2], [1, 0, 0, 1]);

/** The weight after each of three steps, and the gradient of each. */
async function follow(optimizer: Optimizer, options: { clipNorm?: number; ema?: number } = {}) {
  const model = new Tiny();
  const { graph, gradients, cells, scalars } = trainingStep(model, {
    optimizer,
    input: [2, 3, 2, 2],
    numClasses: 2,
    ...options,
  });
  for (const [path, g] of gradients) graph.output(`g/${path}`, g!);
  const executable = await referenceEngine().compile(graph);
  const steps: { g: number[]; w: number[]; bias: number[]; gBias: number[] }[] = [];
  const initial = [...toFloat64(model.fc.weight.value).data];
  for (let k = 1; k <= 3; k++) {
    const out = await executable.run({ images, targets, ...scalars(k, optimizer.lr) });
    const state = await executable.readState();
    const now = (path: string) => [...toFloat64(state.get(stateOf(model).get(path)!)!).data];
    steps.push({
      g: [...toFloat64(out["g/fc.weight"]!).data],
      gBias: [...toFloat64(out["g/fc.bias"]!).data],
      w: now("fc.weight"),
      bias: now("fc.bias"),
    });
  }
  const state = await executable.readState();
  return {
    initial,
    steps,
    ema: cells.get("ema/fc.weight") && [...toFloat64(state.get(cells.get("ema/fc.weight")!)!).data],
  };
}

const near = (a: readonly number[], b: readonly number[]) =>
  a.forEach((v, i) => assert.ok(Math.abs(v - b[i]!) < 1e-12, `${v} ≠ ${b[i]}`));

for (const nesterov of [false, true])
  test(`SGD with momentum${nesterov ? ", Nesterov" : ""}, element by element`, async () => {
    const { initial, steps } = await follow(sgd({ lr: 0.3, momentum: 0.8, weightDecay: 0.1, nesterov }));
    let w = initial;
    let m = initial.map(() => 0);
    for (const step of steps) {
      const d = step.g.map((g, i) => g + 0.1 * w[i]!);
      m = m.map((v, i) => 0.8 * v + d[i]!);
      w = w.map((v, i) => v - 0.3 * (nesterov ? d[i]! + 0.8 * m[i]! : m[i]!));
      near(step.w, w);
    }
  });

test("AdamW, element by element", async () => {
  const { initial, steps } = await follow(adamw({ lr: 0.01, weightDecay: 0.1 }));
  let w = initial;
  let [m, v] = [initial.map(() => 0), initial.map(() => 0)];
  steps.forEach(({ g, w: actual }, k) => {
    m = m.map((x, i) => 0.9 * x + 0.1 * g[i]!);
    v = v.map((x, i) => 0.999 * x + 0.001 * g[i]! ** 2);
    w = w.map(
      (x, i) =>
        x * (1 - 0.01 * 0.1) -
        (0.01 * (m[i]! / (1 - 0.9 ** (k + 1)))) / (Math.sqrt(v[i]! / (1 - 0.999 ** (k + 1))) + 1e-8),
    );
    near(actual, w);
  });
});

test("LAMB, element by element: Adam's step with the norm of the weights, and Adam's own where there is no decay", async () => {
  const { initial, steps } = await follow(lamb({ lr: 0.05, weightDecay: 0.1, decayNormsAndBiases: false }));
  const norm = (x: readonly number[]) => Math.hypot(...x);
  const adam = (g: readonly number[], m: number[], v: number[], k: number) =>
    g.map((x, i) => {
      m[i] = 0.9 * m[i]! + 0.1 * x;
      v[i] = 0.999 * v[i]! + 0.001 * x ** 2;
      return m[i]! / (1 - 0.9 ** k) / (Math.sqrt(v[i]! / (1 - 0.999 ** k)) + 1e-6);
    });
  let w = initial;
  let b = [0, 0];
  const [m, v, mb, vb] = [initial.map(() => 0), initial.map(() => 0), [0, 0], [0, 0]];
  steps.forEach((step, k) => {
    const u = adam(step.g, m, v, k + 1).map((x, i) => x + 0.1 * w[i]!);
    const ratio = norm(w) / norm(u);
    w = w.map((x, i) => x - 0.05 * ratio * u[i]!);
    near(step.w, w);
    const ub = adam(step.gBias, mb, vb, k + 1);
    if (k > 0)
      near(
        step.bias,
        b.map((x, i) => x - 0.05 * ub[i]!),
      );
    b = step.bias;
  });
});

for (const momentum of [0.9, 0])
  test(`RMSprop-TF with momentum ${momentum}, element by element`, async () => {
    const { initial, steps } = await follow(
      rmspropTf({ lr: 0.05, alpha: 0.8, momentum, epsilon: 1e-3, weightDecay: 0.1 }),
    );
    let w = initial;
    let [v, m] = [initial.map(() => 1), initial.map(() => 0)];
    for (const step of steps) {
      const d = step.g.map((g, i) => g + 0.1 * w[i]!);
      v = v.map((x, i) => x + 0.2 * (d[i]! ** 2 - x));
      m = m.map((x, i) => momentum * x + (0.05 * d[i]!) / Math.sqrt(v[i]! + 1e-3));
      w = w.map((x, i) => x - m[i]!);
      near(step.w, w);
    }
  });

test("Lion, element by element", async () => {
  const { initial, steps } = await follow(lion({ lr: 0.02, weightDecay: 0.1 }));
  let w = initial;
  let m = initial.map(() => 0);
  for (const step of steps) {
    w = w.map((x, i) => x * (1 - 0.02 * 0.1) - 0.02 * Math.sign(0.9 * m[i]! + 0.1 * step.g[i]!));
    m = m.map((x, i) => 0.99 * x + 0.01 * step.g[i]!);
    near(step.w, w);
  }
});

/**
 * Four weights after three steps on given gradients, in float64 by PyTorch operations: timm's RMSpropTF and Lion, with their tensors' initial values and
 * order of operations.
 */
const published = [
  {
    optimizer: rmspropTf({ lr: 0.048, alpha: 0.9, momentum: 0.9, epsilon: 1e-3, weightDecay: 1e-2 }),
    weights: [0.4649401828511009, -1.2511558532453098, 1.8728192698853214, -0.03817016079793342],
    slots: {
      square: [0.7376497545729843, 0.7801376377143877, 1.3152767984217428, 0.7780000153794142],
      momentum: [0.010948528854580853, -0.016186741181668216, -0.015869271604865065, 0.03811686035924505],
    },
  },
  {
    optimizer: rmspropTf({ lr: 0.1, alpha: 0.95, momentum: 0 }),
    weights: [0.4744066021228666, -1.2260157850573767, 2.0151788680453784, -0.07464614267236767],
    slots: { square: [0.8620362499999998, 0.88299305, 1.161875, 0.8818750474999999] },
  },
  {
    optimizer: lion({ lr: 0.02, weightDecay: 0.1 }),
    weights: [0.47704591599999996, -1.22255491, 1.968143904, -0.03996],
    slots: { mean: [0.002450300000000002, -0.0022360200000000018, -0.002823500000000003, 0.007009900000000006] },
  },
] as const;

for (const { optimizer, weights, slots } of published)
  test(`${optimizer.name} has timm's weights: ${JSON.stringify(optimizer.settings)}`, async () => {
    const graph = new Graph();
    const input = (name: string, shape = [4]) => graph.input(name, { dtype: "float", shape });
    const names = Object.keys(optimizer.slots);
    const result = optimizer.update({
      value: input("value"),
      gradient: input("gradient"),
      slots: Object.fromEntries(names.map((name) => [name, input(name)])),
      scalars: { lr: input("lr", []) },
      decay: optimizer.weightDecay,
    });
    graph.output("value", result.value);
    for (const name of names) graph.output(name, result.slots[name]!);
    const executable = await referenceEngine().compile(graph);
    const four = (values: Iterable<number>) => tensor("float64", [4], Float64Array.from(values));
    const start = Object.entries(optimizer.slots).map(([name, x]) => [name, four([x, x, x, x])] as const);
    let now: Readonly<Record<string, Tensor>> = { value: four([0.5, -1.25, 2, 0]), ...Object.fromEntries(start) };
    const lr = tensor("float64", [], Float64Array.of(optimizer.lr));
    for (const gradient of [
      [0.3, -0.02, 1.5, 0],
      [-0.1, 0.4, 0.25, 1e-3],
      [0.05, -0.6, -2, 0.7],
    ])
      now = await executable.run({ ...now, gradient: four(gradient), lr });
    assert.deepEqual(names, Object.keys(slots));
    for (const [name, values] of Object.entries({ value: weights, ...slots }))
      near([...toFloat64(now[name]!).data], values);
  });

test("moving averages must decay", () => {
  assert.throws(() => adamw({ beta2: 1 }), /adamw: beta2 must be below 1, got 1/);
  assert.throws(() => lamb({ beta1: 1.5 }), /lamb: beta1 must be below 1, got 1.5/);
  assert.throws(() => rmspropTf({ alpha: 1 }), /rmspropTf: alpha must be below 1, got 1/);
  assert.throws(() => lion({ beta2: 1 }), /lion: beta2 must be below 1, got 1/);
  assert.throws(() => lion({ lr: -1 }), /lion: lr must be a number, not negative, got -1/);
});

test("norms and biases are spared by weight decay if so asked", async () => {
  const plain = await follow(sgd({ lr: 1, momentum: 0, weightDecay: 0.5, decayNormsAndBiases: false }));
  const step = plain.steps[1]!;
  near(
    step.bias,
    plain.steps[0]!.bias.map((b, i) => b - step.gBias[i]!),
  );
  near(
    step.w,
    plain.steps[0]!.w.map((w, i) => w - step.g[i]! - 0.5 * w),
  );
});

test("groups learn at their own rate, and frozen parameters do not move", async () => {
  const model = new Tiny();
  const groups = [{ name: "bias", lrFactor: 10, has: (path: string) => path.endsWith("bias") }];
  const optimizer = sgd({ lr: 0.1, momentum: 0, weightDecay: 0 });
  const { graph, gradients, scalars } = trainingStep(model, { optimizer, input: [2, 3, 2, 2], numClasses: 2, groups });
  for (const [path, g] of gradients) graph.output(`g/${path}`, g!);
  const executable = await referenceEngine().compile(graph);
  const out = await executable.run({ images, targets, ...scalars(1, 0.1) });
  const state = await executable.readState();
  const moved = (param: Param) =>
    [...toFloat64(state.get(param)!).data].map((v, i) => v - toFloat64(param.value).data[i]!);
  near(
    moved(model.fc.weight),
    [...toFloat64(out["g/fc.weight"]!).data].map((g) => -0.1 * g),
  );
  near(
    moved(model.fc.bias!),
    [...toFloat64(out["g/fc.bias"]!).data].map((g) => -g),
  );

  freeze(model, (path) => path === "fc.weight");
  const frozen = trainingStep(model, { optimizer, input: [2, 3, 2, 2], numClasses: 2 });
  assert.deepEqual([...frozen.gradients.keys()], ["fc.bias"]);
  assert.deepEqual(
    frozen.graph.updates.map((update) => update.name),
    ["fc.bias"],
  );
  freeze(model, () => true);
  assert.throws(
    () => trainingStep(model, { optimizer, input: [2, 3, 2, 2], numClasses: 2 }),
    /every parameter is frozen/,
  );
});

test("clipping scales all gradients to the given joint norm", async () => {
  const { initial, steps } = await follow(sgd({ lr: 1, momentum: 0, weightDecay: 0 }), { clipNorm: 0.01 });
  const { g, gBias, w } = steps[0]!;
  const norm = Math.hypot(...g, ...gBias);
  assert.ok(norm > 0.01);
  near(
    w,
    initial.map((v, i) => v - (g[i]! * 0.01) / (norm + 1e-6)),
  );
});

test("the moving average follows the weights", async () => {
  const { initial, steps, ema } = await follow(sgd({ lr: 0.5 }), { ema: 0.75 });
  let average = initial;
  steps.forEach(({ w }, t) => {
    const decay = Math.min(0.75, (2 + t) / (11 + t)); // t counts from 0 here, steps from 1
    average = average.map((a, i) => decay * a + (1 - decay) * w[i]!);
  });
  near(ema!, average);
});

test("schedules", () => {
  const at = (schedule: Parameters<typeof learningRateFactor>[0]) =>
    [0, 5, 10, 25, 39].map((step) => learningRateFactor(schedule, step, 10, 4));
  assert.deepEqual(at(constantSchedule()), [1, 1, 1, 1, 1]);
  assert.deepEqual(at(stepSchedule([1, 2], { factor: 0.5 })), [1, 1, 0.5, 0.25, 0.25]);
  assert.deepEqual(at(stepSchedule(1.2, { factor: 0.5 })), [1, 1, 1, 0.25, 0.125]);
  near(
    at(cosineSchedule()),
    [0, 5, 10, 25, 39].map((step) => (1 + Math.cos((Math.PI * step) / 40)) / 2),
  );
  const warm = at(cosineSchedule({ warmupEpochs: 1, minFactor: 0.1 }));
  near(warm.slice(0, 3), [1 / 11, 6 / 11, 1]);
  assert.ok(warm[4]! > 0.1 && warm[4]! < 0.11);
});

test("one-cycle and warm restarts are PyTorch's, step by step", () => {
  const at = (schedule: Parameters<typeof learningRateFactor>[0], steps: number) =>
    Array.from({ length: steps }, (_, step) => learningRateFactor(schedule, step, 1, steps));
  const close = (a: readonly number[], b: readonly number[]) => {
    assert.equal(a.length, b.length);
    a.forEach((v, i) => assert.ok(Math.abs(v - b[i]!) < 1e-11, `${i}: ${v} ≠ ${b[i]}`));
  };
  // torch.optim.lr_scheduler of PyTorch 1.13: OneCycleLR(1.0, total_steps=20, cycle_momentum=False)
  close(
    at(oneCycleSchedule(), 20),
    [
      0.04, 0.1316718427, 0.3716718427, 0.6683281573, 0.9083281573, 1.0, 0.987464006235, 0.950484632013, 0.890916177571,
      0.81174565395, 0.716943001791, 0.611262021936, 0.500002, 0.388741978064, 0.283060998209, 0.18825834605,
      0.109087822429, 0.049519367987, 0.012539993765, 4e-6,
    ],
  );
  // OneCycleLR(1.0, total_steps=13, pct_start=0.5, div_factor=10, final_div_factor=100, cycle_momentum=False)
  close(
    at(oneCycleSchedule({ riseShare: 0.5, startFactor: 0.1, endFactor: 0.001 }), 13),
    [
      0.1, 0.171435910226, 0.363063244149, 0.614041677223, 0.844687330275, 0.981771838127, 0.985485437804,
      0.874381118711, 0.677625141078, 0.440291928212, 0.216751659008, 0.058214715186, 0.001,
    ],
  );
  // CosineAnnealingWarmRestarts(5, 2, eta_min=0.1)
  close(
    at(warmRestartSchedule(5, { cycleFactor: 2, minFactor: 0.1 }), 20),
    [
      1.0, 0.914057647469, 0.689057647469, 0.410942352531, 0.185942352531, 1.0, 0.977975432333, 0.914057647469,
      0.814503363532, 0.689057647469, 0.55, 0.410942352531, 0.285496636468, 0.185942352531, 0.122024567667, 1.0,
      0.994459753268, 0.977975432333, 0.950952935885, 0.914057647469,
    ],
  );
});

test("impossible settings are refused", () => {
  assert.throws(() => sgd({ lr: -1 }), /sgd: lr must be a number, not negative, got -1/);
  assert.throws(() => sgd({ momentum: 0, nesterov: true }), /nesterov needs momentum/);
  assert.throws(() => sgd({ momentun: 0.9 } as object), /Unknown option of sgd "momentun"\. Did you mean "momentum"\?/);
  assert.throws(
    () => trainingStep(new Tiny(), { optimizer: sgd(), input: [2, 3, 2, 2], numClasses: 2, clipNorm: 0 }),
    /clipNorm must be a positive number, got 0/,
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Tensor, tensor, toFloat64 } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import {
  coincide,
  type ExplainableNetwork,
  type ExplainOptions,
  type Explanation,
  explain,
  explainableLayers,
  explanationMethods,
  type MethodChoice,
  openExplainer,
} from "../../src/explain/index.js";
import { Probe } from "../../src/explain/probe.js";
import { scoreOf } from "../../src/explain/targets.js";
import type { Value } from "../../src/graph/graph.js";
import { resnet, unet } from "../../src/models/index.js";
import {
  BatchNorm,
  Conv2d,
  globalAveragePool,
  initialize,
  Lambda,
  Linear,
  Module,
  Sequential,
  stateOf,
  trace,
} from "../../src/nn/index.js";
import { gelu, maxPool, mul, relu, reshape, sigmoid } from "../../src/ops/index.js";
import { ort, ortEngines } from "../support/engines.js";
import { ifLong, runsLong } from "../support/long.js";
import { random } from "../support/random.js";

const engine = referenceEngine();
const image = (seed = 1, shape: readonly number[] = [3, 12, 16]): Tensor => random([...shape], { seed });

/** Convolutions, then what `end` makes of the map [N,6,6,8]. */
class Net extends Module {
  readonly stem = new Sequential([
    new Conv2d(3, 4, { kernelSize: 3, padding: 1, bias: false }),
    new BatchNorm(4),
    new Lambda(relu),
  ]);
  readonly body = new Conv2d(4, 6, { kernelSize: 3, padding: 1, stride: 2 });
  readonly last = new Lambda(relu);
  readonly fc: Linear;
  readonly #end: (x: Value) => Value;
  constructor(inputs: number, classes: number, end: (x: Value) => Value) {
    super();
    this.fc = new Linear(inputs, classes);
    this.#end = end;
  }
  override forward(x: Value): Value {
    return this.fc.call(this.#end(this.last.call(this.body.call(this.stem.call(x)))));
  }
}

const pooled = (classes = 5) => initialize(new Net(6, classes, globalAveragePool), { seed: 3 });
const flattened = () => initialize(new Net(288, 5, (x) => reshape(x, [x.shape[0]!, 288])), { seed: 3 });
const curved = () =>
  initialize(
    new Net(6, 5, (x) => globalAveragePool(mul(maxPool(x, { kernelSize: 2 }), sigmoid(maxPool(x, { kernelSize: 2 }))))),
    { seed: 3 },
  );
const network = (model: Module): ExplainableNetwork => ({ model, inputShape: [3, 12, 16] });

const run = (model: Module, method: MethodChoice | readonly MethodChoice[], options: Partial<ExplainOptions> = {}) =>
  explain(network(model), [image()], { engine, method, ...options });
async function one(model: Module, method: MethodChoice, options: Partial<ExplainOptions> = {}): Promise<Explanation> {
  return (await run(model, method, options))[0]!;
}
const largest = (data: Float64Array) => data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
function near(a: Float64Array, b: Float64Array, tolerance: number, what: string): void {
  const off = largest(a.map((v, i) => v - b[i]!)) / (largest(b) || 1);
  assert.ok(a.length === b.length && off <= tolerance, `${what}: ${off}`);
}

test("every method explains every kind of network: finite, of the right size, the same on ONNX Runtime", {
  skip: ifLong,
}, async () => {
  const methods: MethodChoice[] = [...explanationMethods.values()].map(({ name }) =>
    name === "rise" ? [name, { samples: 8 }] : name === "smoothgrad" ? [name, { samples: 4 }] : (name as MethodChoice),
  );
  for (const [what, model] of Object.entries({
    pooled: pooled(),
    flattened: flattened(),
    curved: curved(),
    logit: pooled(1),
  })) {
    const found = await run(model, methods, { layer: "last" });
    assert.equal(found.length, explanationMethods.size);
    for (const each of found) {
      const size = explanationMethods.get(each.method)!.kind === "activation" ? [6, 8] : [12, 16];
      assert.deepEqual([each.map.height, each.map.width], size, `${what}, ${each.method}`);
      assert.ok(each.map.data.every(Number.isFinite), `${what}, ${each.method}`);
      assert.deepEqual(each.range, [Math.min(...each.map.data), Math.max(...each.map.data)]);
    }
    for (const ort of what === "pooled" || runsLong ? ortEngines : ortEngines.slice(0, 1)) {
      const same = await run(model, methods, { engine: ort, layer: "last" });
      for (const [i, each] of same.entries()) {
        // Points of a path fall on other sides of kinks, and Ablation-CAM divides small differences.
        const tolerance = ["ig", "smoothgrad", "ablationcam", "deeplift"].includes(each.method) ? 5e-3 : 1e-4;
        near(each.map.data, found[i]!.map.data, tolerance, `${ort.name}, ${what}, ${each.method}`);
      }
    }
  }
});

test("where a mean and a linear layer follow, methods coincide, and this is found from the graph", async () => {
  const model = pooled();
  assert.deepEqual(
    coincide(network(model)).map(({ methods }) => methods),
    [
      ["gradcam", "hirescam", "shapleycam", "xgradcam"],
      ["gradcam-elementwise", "layercam"],
    ],
  );
  const [grad, hires, shapley, x, elementwise, layer] = (await run(model, [
    "gradcam",
    "hirescam",
    "shapleycam",
    "xgradcam",
    "gradcam-elementwise",
    "layercam",
  ])) as [Explanation, Explanation, Explanation, Explanation, Explanation, Explanation];
  near(hires.map.data, grad.map.data, 1e-13, "hirescam");
  near(shapley.map.data, grad.map.data, 1e-13, "shapleycam");
  near(x.map.data, grad.map.data, 1e-6, "xgradcam, up to its ε");
  near(layer.map.data, elementwise.map.data, 1e-13, "layercam");
  // Other ends: linear without pooling, and neither.
  assert.deepEqual(coincide(network(flattened()))[0]?.methods, ["gradcam", "shapleycam"]);
  assert.deepEqual(
    coincide(network(curved()), { layer: "last" }).map(({ methods }) => methods),
    [["gradcam-elementwise", "layercam"]],
  );
  assert.deepEqual(coincide(network(model), { layer: "body" }), []);
});

test("Ablation-CAM's weights are Σ G∘A / y where the tail is linear, and what ablation gives", async () => {
  for (const model of [pooled(), flattened()]) {
    const probe = new Probe(model, [3, 12, 16], [null], engine);
    const head = await probe.head(image());
    const index = 2;
    const { weights, value } = await one(model, "ablationcam", { class: index });
    const [a] = head.activations as [Float64Array];
    const [g] = (await probe.gradients(
      head,
      scoreOf("logit", { classes: 5, index, count: 1, positions: [0] }).gradient(head.logits),
    )) as [Float64Array];
    const sums = Float64Array.from({ length: 6 }, (_, c) => {
      let total = 0;
      for (let i = c * 48; i < (c + 1) * 48; i++) total += a[i]! * g[i]!;
      return total / value;
    });
    near(weights!, sums, 1e-14, "Σ G∘A / y");
    const ablated = await probe.tail(head, 6, (c, into) => {
      into.set(a);
      into.fill(0, c * 48, (c + 1) * 48);
    });
    near(
      weights!,
      Float64Array.from(ablated, (z) => (value - z[index]!) / value),
      1e-12,
      "channel by channel",
    );
    await probe.release();
  }
});

test("Shapley-CAM's Hessian-vector product is the derivative of the gradient along the activation", async () => {
  const probe = new Probe(curved(), [3, 12, 16], ["last"], engine);
  const head = await probe.head(image());
  const aim = { classes: 5, index: 1, count: 1, positions: [0] };
  const [a] = head.activations as [Float64Array];
  const h = 1e-5;
  for (const score of ["logit", "rest", "probability"] as const) {
    const target = scoreOf(score, aim);
    const gradientAt = async (scale: number) => {
      const activation = { ...head.feeds["activation/0"]!, dtype: "float64", data: a.map((v) => v * scale) } as Tensor;
      const [logits] = await probe.tail(head, 1, (_, into) => into.set(a.map((v) => v * scale)));
      return (
        await probe.gradients(
          { ...head, feeds: { ...head.feeds, "activation/0": activation } },
          target.gradient(logits!),
        )
      )[0]!;
    };
    const [above, below] = [await gradientAt(1 + h), await gradientAt(1 - h)];
    const { product, moved } = await probe.curvature(head, 0, target.gradient(head.logits), a);
    const bent = target.curvature?.(head.logits, moved);
    const rest = bent ? (await probe.gradients(head, bent))[0]! : new Float64Array(a.length);
    near(
      product.map((v, i) => v + rest[i]!),
      Float64Array.from(above, (v, i) => (v - below[i]!) / (2 * h)),
      1e-6,
      score,
    );
  }
});

test("integrated gradients end with the error that was asked for, by every rule", async () => {
  for (const variant of ["trapezoid", "midpoint", "gauss"])
    for (const error of [0.05, 0.002]) {
      const { completeness, attribution, settings } = await one(pooled(), ["ig", { variant, error }]);
      assert.ok(completeness!.error <= error, `${variant}: ${completeness!.error} > ${error}`);
      assert.equal(
        completeness!.sum,
        attribution!.data.reduce((sum, v) => sum + v, 0),
      );
      assert.ok(Number(settings.steps) >= 16);
    }
  const missed = await one(pooled(), ["ig", { error: 1e-15 }]);
  assert.match(missed.notes.join(), /the error is .* after \d+ steps, more than 1e-15/);
});

test("FullGrad and DeepLIFT are complete on a network of rectifiers", async () => {
  assert.ok((await one(pooled(), "fullgrad")).completeness!.error < 1e-12);
  assert.ok((await one(pooled(), "deeplift")).completeness!.error < 1e-12);
});

test("guided rules are for the graph's rectifiers, whatever modules wrote them, and say so where there are none", async () => {
  const [gradient, guided] = (await run(pooled(), ["gradient", "guided-backprop"])) as [Explanation, Explanation];
  assert.notDeepEqual(guided.attribution!.data, gradient.attribution!.data);
  assert.ok(guided.failsSanityChecks && !gradient.failsSanityChecks);
  const smooth = initialize(
    new Sequential([
      new Conv2d(3, 4, { kernelSize: 3 }),
      new Lambda(gelu),
      new Lambda(globalAveragePool),
      new Linear(4, 3),
    ]),
    { seed: 1 },
  );
  const [plain, same] = (await run(smooth, ["gradient", "guided-backprop"])) as [Explanation, Explanation];
  assert.deepEqual(same.attribution!.data, plain.attribution!.data);
  assert.match(same.notes.join(), /no ReLUs/);
});

test("a gradient is that of the score: numeric differences agree, of logits and probabilities", async () => {
  const model = curved();
  const x = toFloat64(image());
  for (const score of ["logit", "probability"] as const) {
    const explainer = await openExplainer(network(model), { engine, method: "gradient", score });
    const valueAt = async (k: number, h: number) => {
      const data = x.data.slice();
      data[k]! += h;
      return (await explainer.explain(tensor("float64", x.shape, data), { class: 1 }))[0]!.value;
    };
    const { attribution } = (await explainer.explain(x, { class: 1 }))[0]!;
    for (const k of [0, 100, 333, 500]) {
      const numeric = ((await valueAt(k, 1e-6)) - (await valueAt(k, -1e-6))) / 2e-6;
      assert.ok(Math.abs(numeric - attribution!.data[k]!) <= 1e-6 * largest(attribution!.data), `${score} at ${k}`);
    }
    await explainer.release();
  }
});

test("several layers, methods and images: in order, and each as if alone", { skip: ifLong }, async () => {
  const model = initialize(resnet(20, { attention: "cbam" }), { seed: 1 });
  const shape = [3, 8, 8] as const;
  const given = { model, inputShape: shape };
  const images = [image(1, shape), image(2, shape)];
  const layers = ["layer1", "layer2", "layer3"];
  const method = ["gradcam", "ablationcam", "gradient"] as const;
  const together = await explain(given, images, { engine, method, layer: layers });
  assert.deepEqual(
    together.slice(0, 7).map((e) => `${e.image} ${e.layer} ${e.method}`),
    [
      "0 layer1 gradcam",
      "0 layer1 ablationcam",
      "0 null gradient",
      "0 layer2 gradcam",
      "0 layer2 ablationcam",
      "0 layer3 gradcam",
      "0 layer3 ablationcam",
    ],
  );
  assert.equal(together.length, 14);
  for (const layer of layers)
    for (const name of ["gradcam", "ablationcam"] as const) {
      const [alone] = await explain(given, [images[1]!], { engine, method: name, layer });
      const same = together.find((e) => e.image === 1 && e.layer === layer && e.method === name)!;
      near(same.map.data, alone!.map.data, 1e-12, `${layer}, ${name}`);
    }
});

test("the method is Grad-CAM where none is named, as on the command line", async () => {
  const model = pooled();
  const [found] = await explain(network(model), [image()], { engine });
  const expected = await one(model, "gradcam");
  assert.equal(found!.method, "gradcam");
  assert.deepEqual(found!.map, expected.map);
});

test("explaining leaves the model as it was, and shows the network in evaluation mode", async () => {
  const model = pooled();
  const before = [...stateOf(model)].map(([path, { value }]) => [path, value.data.slice()]);
  const found = await run(model, ["gradcam", "ig"]);
  assert.deepEqual(
    [...stateOf(model)].map(([path, { value }]) => [path, value.data]),
    before,
  );
  const { output } = await (await engine.compile(trace(model, [1, 3, 12, 16]))).run({
    input: { ...image(), shape: [1, 3, 12, 16] } as Tensor,
  });
  assert.equal(found[0]!.value, toFloat64(output!).data[found[0]!.class]);
});

/** A convolutional network that keeps the size of its maps, for segmentation in float64. */
class Positions extends Module {
  readonly first = new Conv2d(3, 4, { kernelSize: 3, padding: 1 });
  readonly head = new Conv2d(4, 3, { kernelSize: 1 });
  override forward(x: Value): Value {
    return this.head.call(relu(this.first.call(x)));
  }
}

for (const [what, model, side, engine, tolerance] of [
  ["small, reference", initialize(new Positions(), { seed: 5 }), 8, referenceEngine(), 1e-9],
  ["U-Net, ONNX Runtime", initialize(unet(18, { numClasses: 3 }), { seed: 2 }), 32, ort, 1e-5],
] as const)
  test(`segmentation: the score is the sum over the positions predicted as a class, or over a region: ${what}`, {
    skip: side > 8 && ifLong,
  }, async () => {
    const shape = [3, side, side] as const;
    const [area, half] = [side ** 2, side ** 2 / 2];
    const given = { model, inputShape: shape, classes: ["sky", "road", "tree"] };
    const region = new Uint8Array(area).fill(1, 0, half);
    const [whole, part] = [
      (await explain(given, [image(1, shape)], { engine, method: "gradcam", class: "road" }))[0]!,
      (await explain(given, [image(1, shape)], { engine, method: "gradcam", class: 1, region }))[0]!,
    ];
    assert.equal(whole.className, "road");
    assert.ok(whole.map.data.every(Number.isFinite) && largest(part.map.data) > 0);
    const { output } = await (await engine.compile(trace(model, [1, ...shape]))).run({
      input: { ...image(1, shape), shape: [1, ...shape] } as Tensor,
    });
    const [sky, road, tree] = [0, 1, 2].map((c) => toFloat64(output!).data.subarray(c * area, (c + 1) * area));
    const predicted = road!.filter((v, p) => v > sky![p]! && v > tree![p]!);
    assert.ok(predicted.length > 0 && predicted.length < area, `${predicted.length} positions`);
    for (const [{ value }, scored] of [
      [whole, predicted],
      [part, road!.subarray(0, half)],
    ] as const) {
      const expected = scored.reduce((a, b) => a + b);
      assert.ok(Math.abs(value - expected) < tolerance * Math.max(1, Math.abs(expected)), `${value} ${expected}`);
    }
    await assert.rejects(
      explain(given, [image(1, shape)], { engine, method: "gradcam", region: new Uint8Array(5) }),
      new RegExp(`region must have ${area} numbers`),
    );
  });

test("random numbers are addressed: the same seed gives the same map, another one another", async () => {
  for (const method of ["smoothgrad", "rise"] as const) {
    const [a, b, c] = (await run(pooled(), [
      [method, { samples: 5 }],
      [method, { samples: 5, seed: 0 }],
      [method, { samples: 5, seed: 1 }],
    ])) as [Explanation, Explanation, Explanation];
    assert.deepEqual(a.map, b.map);
    assert.notDeepEqual(a.map, c.map);
  }
  const { settings } = await one(pooled(), ["smoothgrad", { samples: 2, sigma: 0.1 }]);
  const { data } = toFloat64(image());
  assert.ok(Math.abs(Number(settings.sigma) - 0.1 * (Math.max(...data) - Math.min(...data))) < 1e-12);
});

test("a map without positive evidence says so", async () => {
  const model = pooled();
  const { weight } = model.fc;
  weight.value = {
    ...weight.value,
    data: Float32Array.from(weight.value.data as Float32Array, (v) => -Math.abs(v)),
  } as Tensor;
  assert.deepEqual((await one(model, "gradcam")).notes, ["no positive evidence"]);
  weight.value = { ...weight.value, data: new Float32Array(30) } as Tensor;
  const flat = await one(model, "gradcam++");
  assert.ok(flat.map.data.every((v) => v === 0));
  assert.deepEqual(flat.notes, ["no positive evidence"]);
});

test("the layers that can be explained are listed in order", () => {
  assert.deepEqual(explainableLayers(network(pooled())), [
    { path: "stem.0", channels: 4, height: 12, width: 16, passes: true },
    { path: "stem.1", channels: 4, height: 12, width: 16, passes: true },
    { path: "stem", channels: 4, height: 12, width: 16, passes: true },
    { path: "body", channels: 6, height: 6, width: 8, passes: true },
    { path: "last", channels: 6, height: 6, width: 8, passes: true },
  ]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { countNotFinite } from "../../src/core/finite.js";
import { float32, type Tensor, tensor, toFloat64 } from "../../src/core/tensor.js";
import { ortEngine } from "../../src/engines/ort/node.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Value } from "../../src/graph/graph.js";
import { resnet } from "../../src/models/index.js";
import { BatchNorm, flatten, initialize, Linear, Module, stateOf } from "../../src/nn/index.js";
import { loadState, sgd, Tally, topIndices, trainingStep, weightsOf } from "../../src/train/index.js";

test("values that are not finite are counted in every floating-point format, and never in integers", () => {
  const counts: [Tensor, number][] = [
    [tensor("float32", [3], Float32Array.of(Number.NaN, 1, Number.NEGATIVE_INFINITY)), 2],
    [tensor("float64", [2], Float64Array.of(Number.POSITIVE_INFINITY, 1e300)), 1],
    [tensor("float16", [4], Uint16Array.of(0x7c00, 0xfc00, 0x7e00, 0x7bff)), 3],
    [tensor("bfloat16", [4], Uint16Array.of(0x7f80, 0xff80, 0x7fc0, 0x7f7f)), 3],
    [tensor("int64", [1], BigInt64Array.of(2n ** 62n)), 0],
    [tensor("uint8", [2], Uint8Array.of(255, 0)), 0],
  ];
  for (const [values, count] of counts) assert.equal(countNotFinite(values), count, values.dtype);
});

test("weights that are not finite are refused by key, and ignored ones keep the model's values", () => {
  for (const key of ["conv1.weight", "bn1.running_var", "fc.bias"]) {
    const model = initialize(resnet(20, { numClasses: 3 }));
    const before = weightsOf(model);
    const broken = new Map(before);
    const { shape, data } = before.get(key) as Tensor<"float32">;
    broken.set(
      key,
      tensor(
        "float32",
        shape,
        Float32Array.from(data, (x, i) => (i === 1 ? Number.NaN : x + 1)),
      ),
    );
    assert.throws(() => loadState(model, broken), new RegExp(`1 of ${data.length} in ${key}`));
    assert.deepEqual(weightsOf(model), before);
    const { missing } = loadState(model, broken, { ignore: [new RegExp(`^${key}$`)] });
    assert.deepEqual(missing, [key]);
    assert.deepEqual(weightsOf(model).get(key), before.get(key));
  }
});

test("of equal logits the first is the answer, and NaN is refused", () => {
  const tally = new Tally(["a", "b", "c", "d", "e", "f"]);
  for (let label = 0; label < 6; label++) tally.add([2, 2, 2, 2, 2, 2], label);
  const { top1, top5, confusion } = tally.metrics();
  assert.equal(top1, 1 / 6);
  assert.equal(top5, 5 / 6);
  assert.deepEqual(
    confusion.map((row) => row[0]),
    [1, 1, 1, 1, 1, 1],
  );
  assert.throws(() => tally.add([0, Number.NaN, 0, 0, 0, 0], 1), /not finite/);
  assert.deepEqual(topIndices([Number.NaN, 1, 3, 3], 4), [2, 3, 1, 0]);
});

/** Logits are the image's three values. */
class Given extends Module {
  readonly fc = new Linear(3, 3);
  override forward(x: Value): Value {
    return this.fc.call(flatten(x));
  }
}

for (const engine of [referenceEngine(), ortEngine()])
  test(`a training step counts as the evaluation does where logits are equal, ${engine.name}`, async () => {
    const model = initialize(new Given());
    model.fc.weight.value = float32([3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    model.fc.bias!.value = float32([3], [0, 0, 0]);
    // Every image of values 0 and 1, which ties all ways, with every label.
    const cases = Array.from({ length: 24 }, (_, n) => ({
      logits: [n & 1, (n >> 1) & 1, (n >> 2) & 1],
      label: n >> 3,
    }));
    const { graph, scalars } = trainingStep(model, {
      optimizer: sgd(),
      input: [24, 3, 1, 1],
      numClasses: 3,
      labelSmoothing: 0.1,
    });
    const executable = await engine.compile(graph);
    try {
      const out = await executable.run({
        images: float32(
          [24, 3, 1, 1],
          cases.flatMap(({ logits }) => logits),
        ),
        targets: float32(
          [24, 3],
          cases.flatMap(({ label }) => [0, 1, 2].map((c) => Number(c === label))),
        ),
        ...scalars(1, 0),
      });
      const tally = new Tally(["a", "b", "c"]);
      for (const { logits, label } of cases) tally.add(logits, label);
      assert.equal(Number(out.correct!.data[0]), 24 * tally.metrics().top1);
      assert.ok(Math.abs(Number(out.crossEntropy!.data[0]) - tally.metrics().loss) < 1e-6);
    } finally {
      await executable.release();
    }
  });

test("averages of batch-norm statistics follow the statistics", async () => {
  const model = initialize(new Normed());
  const { graph, cells, scalars } = trainingStep(model, {
    optimizer: sgd({ lr: 0.1 }),
    input: [2, 3, 2, 2],
    numClasses: 3,
    ema: 0.999,
  });
  const executable = await referenceEngine().compile(graph);
  const expected = new Map(
    ["bn.running_mean", "bn.running_var", "bn.weight"].map((key) => [key, numbersOf(model, key)]),
  );
  for (let step = 1; step <= 5; step++) {
    await executable.run({
      images: float32(
        [2, 3, 2, 2],
        Array.from({ length: 24 }, (_, i) => Math.sin(i * step)),
      ),
      targets: float32([2, 3], [1, 0, 0, 0, 0, 1]),
      ...scalars(step, 0.1),
    });
    const state = await executable.readState();
    const decay = (1 + step) / (10 + step);
    for (const [key, average] of expected) {
      const now = toFloat64(state.get(stateOf(model).get(key)!)!).data;
      expected.set(
        key,
        average.map((a, i) => decay * a + (1 - decay) * now[i]!),
      );
      toFloat64(state.get(cells.get(`ema/${key}`)!)!).data.forEach((a, i) => {
        assert.ok(Math.abs(a - expected.get(key)![i]!) < 1e-12, `${key}, step ${step}`);
      });
    }
  }
  await executable.release();
});

class Normed extends Module {
  readonly bn = new BatchNorm(3);
  readonly fc = new Linear(12, 3);
  override forward(x: Value): Value {
    return this.fc.call(flatten(this.bn.call(x)));
  }
}

const numbersOf = (model: Module, key: string): number[] => [...toFloat64(stateOf(model).get(key)!.value).data];

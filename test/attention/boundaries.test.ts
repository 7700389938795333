import assert from "node:assert/strict";
import { test } from "node:test";
import { createAttentionByName } from "../../src/attention/index.js";
import { gradients } from "../../src/autodiff/gradients.js";
import { float32 } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { graphFor, initialize, parametersOf } from "../../src/nn/index.js";
import { add, reduceSum } from "../../src/ops/index.js";
import { ortBlocked, ortPlain } from "../support/engines.js";
import { ifLong } from "../support/long.js";
import { examples } from "./catalogue.js";

/** Maps that a ReLU or a border often leaves: every statistic of them is a boundary (norm 0, variance 0, all tied). */
const maps = { zeros: 0, ones: 1 } as const;

const allPools = { pools: ["avg", "max", "lp", "lse"] };
const forms = [...examples, { label: "cbam with all pools", name: "cbam", channels: 64, options: allPools }];

for (const { label, name, channels, options } of forms)
  test(`${label}: values and gradients of constant maps are finite, in both modes`, {
    // Those with the most kinds of statistics.
    skip: !/^(?:cbam|cbam with all pools|fca|gct|simam|srm)$/.test(label) && ifLong,
  }, async () => {
    for (const training of [false, true]) {
      const module = initialize(createAttentionByName(name, channels, options), { seed: 1 });
      const graph = graphFor(module, { training });
      const shape = [2, channels, 9, 6];
      const x = graph.input("x", { dtype: "float", shape });
      const y = [module.call(x)].flat() as ReturnType<typeof add>[];
      const loss = y.map((v) => reduceSum(v, [0, 1, 2, 3], { keepdims: false })).reduce((a, b) => add(a, b));
      const parameters = [...parametersOf(module)];
      y.forEach((v, i) => graph.output(`y${i}`, v));
      gradients(loss, [x, ...parameters.map(([, param]) => graph.state(param))]).forEach((dx, i) => {
        if (dx) graph.output(i === 0 ? "dx" : `grad/${parameters[i - 1]![0]}`, dx);
      });
      for (const engine of [referenceEngine(), ortBlocked, ...(ifLong ? [] : [ortPlain])]) {
        const executable = await engine.compile(graph);
        const size = shape.reduce((a, b) => a * b);
        for (const [what, fill] of Object.entries(maps)) {
          const out = await executable.run({ x: float32(shape, Array<number>(size).fill(fill)) });
          for (const [key, { data }] of Object.entries(out))
            assert.ok(
              Array.from(data, Number).every(Number.isFinite),
              `${engine.name}, ${training ? "training" : "evaluation"}, ${what}: ${key}`,
            );
        }
        await executable.release();
      }
    }
  });

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import { ShapeError } from "../../src/core/errors.js";
import { tensor, toFloat64 } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import {
  type BinaryLossOptions,
  binaryCrossEntropy,
  crossEntropy,
  diceLoss,
  type FocalLossOptions,
  focalLoss,
  type LossOptions,
} from "../../src/nn/index.js";
import { checkFunction } from "../../src/testing/check-function.js";
import { noWeb, ortBlocked, ortPlain, ortWeb } from "../support/engines.js";

type Numbers = { readonly shape: number[]; readonly data: number[] };
interface Case {
  readonly loss: keyof typeof losses;
  readonly options: LossOptions & FocalLossOptions & BinaryLossOptions;
  readonly logits: Numbers;
  readonly targets: Numbers;
  readonly value: number;
  readonly gradient: Numbers;
}

const losses = {
  crossEntropy: (z: Value, t: Value, options: LossOptions) => crossEntropy(z, t, options),
  diceLoss: (z: Value, t: Value) => diceLoss(z, t),
  binaryCrossEntropy: (z: Value, t: Value, options: BinaryLossOptions) => binaryCrossEntropy(z, t, options),
  focalLoss: (z: Value, t: Value, options: FocalLossOptions) => focalLoss(z, t, options),
};

/** Those that positions without a label do not count in. */
const { binaryCrossEntropy: _, ...ofLabels } = losses;

// Written by tools/golden/losses.py.
const cases: Case[] = JSON.parse(readFileSync("test/golden/losses.json", "utf8"));
const arrayOf = ({ shape, data }: Numbers) => tensor("float64", shape, Float64Array.from(data));
const engines = [referenceEngine(), ortPlain, ortBlocked, ...(noWeb ? [] : [ortWeb])];

for (const [i, { loss, options, value, ...given }] of cases.entries())
  test(`${loss} ${JSON.stringify(options)} on [${given.logits.shape}] is PyTorch's on every engine (case ${i})`, async () => {
    const [logits, targets, gradient] = [given.logits, given.targets, given.gradient].map(arrayOf) as never as [
      ReturnType<typeof arrayOf>,
      ReturnType<typeof arrayOf>,
      ReturnType<typeof arrayOf>,
    ];
    const graph = new Graph(true);
    const z = graph.input("z", { dtype: "float", shape: logits.shape });
    const t = graph.input("t", { dtype: "float", shape: targets.shape });
    const y = losses[loss](z, t, options);
    graph.output("y", y);
    graph.output("dz", gradients(y, [z])[0]!);
    for (const engine of engines) {
      const executable = await engine.compile(graph);
      const out = await executable.run({ z: logits, t: targets });
      await executable.release();
      const tolerance = engine.name === "reference" ? 1e-12 : 1e-5;
      const close = (found: number, wanted: number, what: string) =>
        assert.ok(
          Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(value)),
          `${engine.name} ${what}: ${found}, PyTorch ${wanted}`,
        );
      close(toFloat64(out.y!).data[0]!, value, "loss");
      toFloat64(out.dz!).data.forEach((v, k) => close(v, gradient.data[k] as number, `gradient ${k}`));
    }
    // Dice is not continuous in targets: an absent class counts as soon as anything is of it.
    await checkFunction((logits) => losses[loss](logits!, logits!.graph.constant(targets), options), [logits]);
  });

test("a batch without a labeled position has no loss and no gradient, with every loss and engine", async () => {
  for (const engine of engines)
    for (const [name, loss] of Object.entries(ofLabels)) {
      const graph = new Graph(true);
      const z = graph.input("z", { dtype: "float", shape: [1, 3, 2, 2] });
      const t = graph.input("t", { dtype: "float", shape: [1, 3, 2, 2] });
      const y = loss(z, t, name === "crossEntropy" ? { ignoreUnlabeled: true } : {});
      graph.output("y", y);
      graph.output("dz", gradients(y, [z])[0]!);
      const executable = await engine.compile(graph);
      const out = await executable.run({
        z: tensor(
          "float64",
          [1, 3, 2, 2],
          Float64Array.from({ length: 12 }, (_, i) => i - 5),
        ),
        t: tensor("float64", [1, 3, 2, 2], new Float64Array(12)),
      });
      await executable.release();
      const all = [...toFloat64(out.y!).data, ...toFloat64(out.dz!).data];
      assert.ok(
        all.every((v) => Math.abs(v) === 0),
        `${engine.name} ${name}: ${all}`,
      );
    }
});

test("weights must be as many as classes, and gamma where the gradient is finite", () => {
  const graph = new Graph(true);
  const z = graph.input("z", { dtype: "float", shape: [2, 3] });
  assert.throws(
    () => crossEntropy(z, z, { classWeights: [1, 2] }),
    new ShapeError("crossEntropy: 2 classWeights for 3 classes"),
  );
  assert.throws(() => focalLoss(z, z, { classWeights: [1, 2, 3, 4] }), /focalLoss: 4 classWeights for 3 classes/);
  assert.throws(() => focalLoss(z, z, { gamma: 0.5 }), /focalLoss: gamma must be 0 or at least 1, got 0\.5/);
  assert.throws(
    () => crossEntropy(z, z, { classWeights: [1, -1, 1] }),
    /classWeights\[1\] must be a number, not negative, got -1/,
  );
});

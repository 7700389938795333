import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import { tensor, toFloat64 } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { Graph } from "../../src/graph/graph.js";
import { tripletLoss } from "../../src/nn/index.js";
import { checkFunction } from "../../src/testing/check-function.js";
import { noWeb, ortBlocked, ortPlain, ortWeb } from "../support/engines.js";

interface Case {
  readonly labels: readonly number[];
  readonly classes: number;
  readonly margin: number | null;
  readonly normalize: boolean;
  readonly features: readonly (readonly number[])[];
  readonly loss: number;
  readonly gradient: readonly (readonly number[])[];
}

/** Of `TripletHardLoss`, microsoft/Relation-Aware-Global-Attention-Networks@cdc9965, in float64. */
const { triplets }: { readonly triplets: readonly Case[] } = JSON.parse(
  readFileSync("test/golden/retrieval.json", "utf8"),
);
const engines = [referenceEngine(), ortPlain, ortBlocked, ...(noWeb ? [] : [ortWeb])];

for (const [i, { labels, classes, features, loss, gradient, margin, normalize }] of triplets.entries())
  test(`tripletLoss, margin ${margin}, ${normalize ? "normalized" : "as they are"}, is the authors' on every engine (case ${i})`, async () => {
    const [n, width] = [features.length, features[0]!.length];
    const x = tensor("float64", [n, width], Float64Array.from(features.flat()));
    const oneHot = Float64Array.from({ length: n * classes }, (_, k) =>
      Number(labels[Math.floor(k / classes)] === k % classes),
    );
    const targets = tensor("float64", [n, classes], oneHot);
    const graph = new Graph(true);
    const f = graph.input("f", { dtype: "float", shape: [n, width] });
    const y = tripletLoss(f, graph.input("t", { dtype: "float", shape: [n, classes] }), { margin, normalize });
    assert.deepEqual(y.shape, []);
    graph.output("y", y);
    graph.output("df", gradients(y, [f])[0]!);
    for (const engine of engines) {
      const executable = await engine.compile(graph);
      const out = await executable.run({ f: x, t: targets });
      await executable.release();
      const tolerance = engine.name === "reference" ? 1e-10 : 1e-4;
      const close = (found: number, wanted: number, what: string) =>
        assert.ok(Math.abs(found - wanted) <= tolerance, `${engine.name} ${what}: ${found}, theirs ${wanted}`);
      close(toFloat64(out.y!).data[0]!, loss, "loss");
      toFloat64(out.df!).data.forEach((v, k) => close(v, gradient.flat()[k]!, `gradient ${k}`));
    }
    await checkFunction((given) => tripletLoss(given!, given!.graph.constant(targets), { margin, normalize }), [x]);
  });

test("features and targets that do not fit are refused", () => {
  const graph = new Graph(true);
  const [a, b] = [
    [4, 3],
    [5, 2],
  ].map((shape, i) => graph.input(`x${i}`, { dtype: "float", shape }));
  assert.throws(() => tripletLoss(a!, b!), /features must be \[N,F\] and targets \[N,K\], got \[4,3\] and \[5,2\]/);
  assert.throws(() => tripletLoss(a!, a!, { margin: -1 }), /tripletLoss: margin must be/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import * as o from "../../src/ops/index.js";
import { checkFunction } from "../../src/testing/check-function.js";
import { ortEngines } from "../support/engines.js";
import { random } from "../support/random.js";
import { cases, map, nodesOf } from "./cases.js";

for (const [name, [build, ...inputs]] of Object.entries(cases))
  test(`${name}: gradients are right and engines agree`, async () => {
    const { gradientError } = await checkFunction(build, inputs, { engines: ortEngines });
    assert.ok(gradientError <= 1e-8);
  });

test("second derivatives of a convolution", async () => {
  const twice = (a?: Value, w?: Value) => {
    const loss = o.reduceSum(o.square(o.conv(a!, w!, undefined, { padding: 1, stride: 2 })), [0, 1, 2, 3]);
    const [dx, dw] = gradients(loss, [a!, w!]);
    return o.add(o.reduceSum(o.square(dx!), [0, 1, 2, 3]), o.reduceSum(o.square(dw!), [0, 1, 2, 3]));
  };
  await checkFunction(twice, [random([2, 2, 4, 5]), random([3, 2, 3, 3])], { engines: ortEngines });
});

test("every operator stands in a case above", () => {
  const used = new Set(
    Object.values(cases)
      .flatMap(nodesOf)
      .map(({ op }) => op.name),
  );
  assert.deepEqual(
    [...o.operators.keys()].filter((name) => !used.has(name)),
    [],
  );
});

test("the gradient of a tied maximum goes to the first index", async () => {
  const graph = new Graph();
  const v = graph.input("x", { dtype: "float", shape: [1, 3, 2, 2] });
  const total = o.add(
    o.reduceSum(o.reduceMax(v, [1]), [0, 1, 2, 3]),
    o.reduceSum(o.maxPool(v, { kernelSize: 2 }), [0, 1, 2, 3]),
  );
  graph.output("dx", gradients(total, [v])[0]!);
  const tied = {
    dtype: "float64",
    shape: [1, 3, 2, 2],
    data: Float64Array.of(0, 5, 7, 0, 0, 5, 7, 0, 0, 5, 7, 1),
  } as const;
  const { referenceEngine } = await import("../../src/engines/reference.js");
  for (const engine of [referenceEngine(), ...ortEngines]) {
    const { dx } = await (await engine.compile(graph)).run({ x: tied });
    assert.deepEqual([...dx!.data].map(Number), [1, 1, 2, 0, 0, 0, 1, 0, 0, 0, 1, 1], engine.name);
  }
});

test("geometry that fits no map is refused, and so are powers that are no numbers", () => {
  const v = new Graph().constant(map);
  const w = v.graph.constant(random([3, 2, 2, 2]));
  const fails: [() => unknown, RegExp][] = [
    [() => o.prelu(v, v.graph.constant(random([2]))), /prelu: needs 1 or 3 slopes .* got \[2\]/],
    [() => o.groupNorm(v, 2, vectorOf(3), vectorOf(3), 1e-5), /groupNorm: .* divisible into 2 groups/],
    [() => o.pixelShuffle(v, 2), /pixelShuffle: 3 channels are not a multiple of 2²/],
    [() => o.pixelShuffle(v, 1.5), /factor must be a positive integer, got 1.5/],
    [() => o.pixelUnshuffle(v, 4), /pixelUnshuffle: height and width must be multiples of 4/],
    [() => o.convTranspose(v, w, undefined, { stride: 2, outputPadding: 2 }), /outputPadding must be smaller/],
    [() => o.convTranspose(v, w, undefined, { padding: 9 }), /the padding removes the whole output/],
    [() => o.convTranspose(v, vectorOf(3)), /convTranspose: needs \[N,C,H,W\] and weight/],
    [() => o.convTranspose(v, w, undefined, { groups: 2 }), /groups 2/],
    [() => o.maxPool(v, { kernelSize: 3, dilation: 4 }), /dilated by \[4,4\], is larger than the padded map/],
    [() => o.maxPool(v, { kernelSize: 2, padding: 1, dilation: [7, 1], stride: 1 }), /lies entirely in the padding/],
    [
      () => o.convTranspose(v, w, undefined, { stride: 0 }),
      /convTranspose: stride must be an integer from 1 to 65536, or a pair of them, got 0/,
    ],
    [
      () => o.conv(v, w, undefined, { padding: [0, 0.5] }),
      /conv: padding must be an integer from 0 to 65536, or a pair of them, got \[0,0.5\]/,
    ],
    [
      () => o.maxPool(v, { kernelSize: 2, stride: 0, ceilMode: true }),
      /maxPool: stride must be an integer from 1 to 65536, or a pair of them, got 0/,
    ],
    [
      () => o.maxPool(v, { kernelSize: Number.NaN }),
      /maxPool: kernelSize must be an integer from 1 to 65536, .* got NaN/,
    ],
    [
      () => o.averagePool(v, { kernelSize: 2, stride: -1 }),
      /averagePool: stride must be an integer from 1 to 65536, .* got -1/,
    ],
    [() => o.pow(v, Number.NaN), /pow: exponent must be a number, got NaN/],
  ];
  for (const [build, message] of fails) assert.throws(build, message);
  function vectorOf(length: number) {
    return v.graph.constant(random([length]));
  }
});

test("padding that no window needs is refused", () => {
  const v = new Graph().constant(map);
  for (const pool of [o.averagePool, o.maxPool])
    assert.throws(
      () => pool(v, { kernelSize: 3, stride: 1, padding: 2 }),
      /padding .* must be at most half the kernel/,
    );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { OptionError } from "../../src/core/errors.js";
import { toFloat64 } from "../../src/core/tensor.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { codeFor, quantize, quantizeDequantize, roundedValues } from "../../src/graph/passes/quantize.js";
import { add, conv, matMul, maxPool, relu, reshape, sigmoid } from "../../src/ops/index.js";
import { runReference } from "../formats/onnx/support.js";
import { random } from "../support/random.js";

const weight = (shape: readonly number[], seed: number) =>
  ({ shape, dtype: "float", value: random(shape, { seed }) }) as const;

/** input → conv → relu → max pool → conv → (+ pool) → flatten → product, with a gate beside it. */
function network(): Graph {
  const [first, second, bias, last] = [
    weight([4, 3, 3, 3], 1),
    weight([4, 4, 1, 1], 2),
    weight([4], 3),
    weight([5, 16], 4),
  ];
  const cells = [first, second, bias, last];
  const graph = new Graph(false, (cell) => `w${cells.indexOf(cell as never)}`);
  const x = graph.input("x", { dtype: "float", shape: [2, 3, 6, 6] });
  const pooled = maxPool(relu(conv(x, first, undefined, {})), { kernelSize: 2 });
  const gate = sigmoid(conv(pooled, second, bias, {}));
  graph.output("y", matMul(reshape(add(pooled, gate), [2, 16]), last, { transB: true }));
  return graph;
}

const ranges = (graph: Graph, range: readonly [number, number]) => ({ ranges: roundedValues(graph).map(() => range) });

test("bytes stand for the numbers of their range, with an exact zero", async () => {
  for (const [range, scale, zeroPoint] of [
    [[0, 255], 1, 0],
    [[-128, 127], 1, 128],
    [[2, 255], 1, 0],
    [[-255, -10], 1, 255],
    [[0, 0], 1, 0],
  ] as const)
    assert.deepEqual(codeFor(range), { scale, zeroPoint });
  const x = { dtype: "float64", shape: [7], data: Float64Array.of(-200, -3.5, -2.5, 0, 0.49, 126.5, 300) } as const;
  const [y] = quantizeDequantize.run([x], codeFor([-128, 127]));
  assert.deepEqual([...y!.data], [-128, -4, -2, 0, 0, 126, 127]);
});

test("rounded are what convolutions and products read and compute, once each; gates and outputs are not", () => {
  const values = roundedValues(network());
  const names = values.map(({ node }: Value) => node?.op.name ?? "input");
  // What max pooling reads and computes has one range; what the gate's convolution computes is rounded before the sigmoid.
  assert.deepEqual(names, ["input", "Relu", "Conv", "Reshape"]);
});

test("a network of bytes is the network up to the steps of its ranges", async () => {
  const graph = network();
  const inputs = { x: random([2, 3, 6, 6], { seed: 9 }) };
  const plain = toFloat64((await runReference(graph, inputs)).y!).data;
  const integers = toFloat64((await runReference(quantize(graph, ranges(graph, [-8, 8])), inputs)).y!).data;
  const largest = Math.max(...plain.map(Math.abs));
  const error = Math.max(...plain.map((v, i) => Math.abs(v - integers[i]!)));
  assert.ok(error > 0 && error < 0.05 * largest, `${error} of ${largest}`);
  // Values beyond the range are cut off: nothing can be read from an input of zeros.
  const blind = { ranges: ranges(graph, [-8, 8]).ranges.map((range, i) => (i === 0 ? ([0, 0] as const) : range)) };
  const [a, b] = await Promise.all(
    [inputs.x, random([2, 3, 6, 6], { seed: 10 })].map((x) => runReference(quantize(graph, blind), { x })),
  );
  const zeros = await runReference(graph, { x: { ...inputs.x, data: inputs.x.data.map(() => 0) } });
  assert.notDeepEqual(a!.y, zeros.y); // Rounded by 1 around 0, not cut off.
  assert.ok(b);
});

test("a bias keeps its value where its channel's weights are tiny", async () => {
  const cells = [weight([2, 3, 1, 1], 1), weight([2], 2)];
  cells[0]!.value.data.fill(0, 0, 3);
  cells[0]!.value.data.fill(1e-12, 3);
  const graph = new Graph(false, (cell) => `w${cells.indexOf(cell as never)}`);
  graph.output("y", relu(conv(graph.input("x", { dtype: "float", shape: [1, 3, 2, 2] }), cells[0]!, cells[1]!, {})));
  graph.output("z", conv(graph.input("u", { dtype: "float", shape: [1, 3, 2, 2] }), cells[0]!, cells[1]!, {}));
  const inputs = { x: random([1, 3, 2, 2]), u: random([1, 3, 2, 2]) };
  const { z } = await runReference(quantize(graph, ranges(graph, [-4, 4])), inputs);
  const expected = (await runReference(graph, inputs)).z!;
  toFloat64(z!).data.forEach((v, i) => assert.ok(Math.abs(v - toFloat64(expected).data[i]!) < 1e-6));
});

test("ranges of another network are refused", () => {
  assert.throws(() => quantize(network(), { ranges: [[0, 1]] }), OptionError);
});

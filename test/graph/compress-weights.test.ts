import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeFloat16, type Tensor, toFloat64 } from "../../src/core/tensor.js";
import { Graph, liveProgram } from "../../src/graph/graph.js";
import { compressWeights } from "../../src/graph/passes/compress-weights.js";
import { encodeFloat16, roundEven, roundToFloat16 } from "../../src/graph/passes/float16.js";
import { conv, matMul, mul } from "../../src/ops/index.js";
import { runReference } from "../formats/onnx/support.js";
import { random } from "../support/random.js";

test("every half-precision number is its own nearest, and midpoints go to the even one", () => {
  for (let bits = 0; bits < 0x7c00; bits++) {
    const x = decodeFloat16(bits);
    assert.equal(encodeFloat16(x), bits);
    assert.equal(encodeFloat16(-x), bits | 0x8000);
    if (bits === 0x7bff) continue;
    const next = decodeFloat16(bits + 1);
    assert.equal(encodeFloat16((x + next) / 2), bits % 2 === 0 ? bits : bits + 1);
    assert.equal(encodeFloat16(x + (next - x) * 0.499), bits);
    assert.equal(encodeFloat16(x + (next - x) * 0.501), bits + 1);
  }
  assert.equal(encodeFloat16(65519), 0x7bff);
  assert.equal(encodeFloat16(65520), 0x7c00);
  assert.equal(encodeFloat16(Number.NEGATIVE_INFINITY), 0xfc00);
  assert.ok(Number.isNaN(roundToFloat16(Number.NaN)));
  assert.deepEqual([0.5, 1.5, 2.5, -1.5, -2.5].map(roundEven), [0, 2, 2, -2, -2]);
});

/** A graph x → x · wᵀ of one weight. */
function linear(value: Tensor, transB = true): Graph {
  const cell = { shape: value.shape, dtype: "float", value } as const;
  const graph = new Graph(false, () => "w");
  const x = graph.input("x", { dtype: "float", shape: [1, value.shape[transB ? 1 : 0]!] });
  graph.output("y", matMul(x, cell, { transB }));
  return graph;
}

const weight = random([8, 128], { seed: 4 });

/** The weight that a compressed graph multiplies by. */
async function seen(graph: Graph): Promise<Float64Array> {
  graph.output("w", mul(graph.nodes.at(-1)!.inputs[1]!, 1));
  const inputs = { x: random(graph.inputs.get("x")!.shape as number[]) };
  return toFloat64((await runReference(graph, inputs)).w!).data;
}

test("int8 weights are at most half a step of their channel away", async () => {
  for (const transB of [true, false]) {
    const scaled = { ...weight, data: weight.data.map((w, i) => w * 10 ** (Math.floor(i / 128) % 3)) };
    const rounded = await seen(compressWeights(linear(scaled, transB), "int8"));
    const channelOf = (i: number) => (transB ? Math.floor(i / 128) : i % 128);
    const largest = new Map<number, number>();
    scaled.data.forEach((w, i) => {
      largest.set(channelOf(i), Math.max(largest.get(channelOf(i)) ?? 0, Math.abs(w)));
    });
    rounded.forEach((w, i) => {
      assert.ok(Math.abs(w - scaled.data[i]!) <= (largest.get(channelOf(i))! / 127) * 0.5001);
    });
    assert.ok(new Set(rounded).size <= 255 * largest.size);
  }
});

test("float16 weights are the nearest half-precision numbers", async () => {
  const rounded = await seen(compressWeights(linear(weight), "float16"));
  assert.deepEqual([...rounded], [...weight.data].map(roundToFloat16));
});

test("a channel of zeros stays zero; numbers beyond the range of float16, and small arrays, stay float32", async () => {
  const zeros = { ...weight, data: weight.data.map((w, i) => (i < 128 ? 0 : w)) };
  assert.ok((await seen(compressWeights(linear(zeros), "int8"))).subarray(0, 128).every((w) => w === 0));
  const large = { ...weight, data: weight.data.with(0, 1e5) };
  assert.deepEqual([...(await seen(compressWeights(linear(large), "float16")))], [...large.data]);
  const small = random([8, 127]);
  for (const type of ["float16", "int8"] as const)
    assert.deepEqual([...(await seen(compressWeights(linear(small), type)))], [...small.data]);
});

test("a weight that other operators read too, or that the graph updates, stays", () => {
  const cell = { shape: [64, 4, 3, 3], dtype: "float", value: random([64, 4, 3, 3]) } as const;
  const build = (more: (graph: Graph) => void) => {
    const graph = new Graph(false, () => "w");
    graph.output("y", conv(graph.input("x", { dtype: "float", shape: [1, 4, 5, 5] }), cell, undefined, {}));
    more(graph);
    return liveProgram(compressWeights(graph, "int8")).nodes.filter(({ op }) => op.name === "DequantizeLinear").length;
  };
  assert.equal(
    build(() => {}),
    1,
  );
  assert.equal(
    build((graph) => graph.output("z", mul(graph.state(cell), 2))),
    0,
  );
  assert.equal(
    build((graph) => graph.update(cell, mul(graph.state(cell), 2))),
    0,
  );
});

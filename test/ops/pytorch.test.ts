import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import { type Tensor, tensor } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { exportOnnx } from "../../src/formats/onnx/export.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import * as o from "../../src/ops/index.js";
import { runOnnx } from "../formats/onnx/support.js";
import { noWeb, ortBlocked, ortPlain, ortWeb } from "../support/engines.js";

// biome-ignore lint/suspicious/noExplicitAny: options are those of each operator, as the file holds them.
type Options = any;
type Numbers = { readonly shape: number[]; readonly data: (number | string)[] };
interface Case {
  readonly layer: keyof typeof layers;
  readonly options: Options;
  readonly inputs: Numbers[];
  readonly y: Numbers;
  readonly dy: Numbers;
  readonly gradients: Numbers[];
}

const layers = {
  prelu: (_: Options, x: Value, slope: Value) => o.prelu(x, slope),
  groupNorm: ({ groups }: Options, x: Value, w: Value, b: Value) => o.groupNorm(x, groups, w, b, 1e-5),
  convTranspose: (options: Options, x: Value, w: Value, b: Value) => o.convTranspose(x, w, b, options),
  pixelShuffle: ({ factor }: Options, x: Value) => o.pixelShuffle(x, factor),
  pixelUnshuffle: ({ factor }: Options, x: Value) => o.pixelUnshuffle(x, factor),
  maxPool: ({ kernel, ...options }: Options, x: Value) => o.maxPool(x, { kernelSize: kernel, ...options }),
  pow: ({ exponent }: Options, x: Value) => o.pow(x, exponent),
};

// Written by tools/golden/layers.py.
const cases: Record<string, Case> = JSON.parse(readFileSync("test/golden/layers.json", "utf8"));
const arrayOf = ({ shape, data }: Numbers) => tensor("float64", shape, Float64Array.from(data, Number));

/** Every element as PyTorch's: the same infinity or NaN, or a difference within `tolerance` of the largest finite number. */
function assertClose(actual: Tensor, expected: Tensor, tolerance: number, what: string): void {
  assert.deepEqual([...actual.shape], [...expected.shape], what);
  const wanted = [...expected.data].map(Number);
  const most = Math.max(...wanted.filter(Number.isFinite).map(Math.abs), 1e-3);
  for (const [i, v] of wanted.entries()) {
    const found = Number(actual.data[i]);
    assert.ok(Object.is(found, v) || Math.abs(found - v) <= tolerance * most, `${what}[${i}]: ${found}, PyTorch ${v}`);
  }
}

const engines = [referenceEngine(), ortPlain, ortBlocked, ...(noWeb ? [] : [ortWeb])];

for (const [name, { layer, options, inputs, ...expected }] of Object.entries(cases)) {
  const arrays = inputs.map(arrayOf);
  const feeds = Object.fromEntries(arrays.map((t, i) => [`x${i}`, t]));
  const build = (graph: Graph, batch?: "N") => {
    const values = arrays.map(({ shape }, i) =>
      graph.input(`x${i}`, { dtype: "float", shape: i === 0 && batch ? [batch, ...shape.slice(1)] : shape }),
    ) as [Value, Value, Value];
    const y = layers[layer](options, ...values);
    graph.output("y", y);
    return { values, y };
  };

  test(`${name}: value and gradients are PyTorch's on every engine`, async () => {
    const graph = new Graph(true);
    const { values, y } = build(graph);
    const dy = graph.input("dy", { dtype: "float", shape: expected.dy.shape });
    const loss = o.reduceSum(
      o.mul(y, dy),
      y.shape.map((_, i) => i),
    );
    const zero = (x: Value) =>
      o.mul(x.graph.constant(tensor("float32", x.shape as number[], new Float32Array(size(x)))), 1);
    gradients(loss, values).forEach((d, i) => {
      graph.output(`d${i}`, d ?? zero(values[i]!));
    });
    for (const engine of engines) {
      const executable = await engine.compile(graph);
      const results = await executable.run({ ...feeds, dy: arrayOf(expected.dy) });
      await executable.release();
      const tolerance = engine.name === "reference" ? 1e-12 : 2e-6;
      assertClose(results.y!, arrayOf(expected.y), tolerance, `${engine.name}: y`);
      for (const [i, d] of expected.gradients.entries())
        assertClose(results[`d${i}`]!, arrayOf(d), tolerance, `${engine.name}: gradient of x${i}`);
    }
  });

  test(`${name}: the exported file gives PyTorch's numbers`, async () => {
    const graph = new Graph();
    build(graph, "N");
    for (const opset of [13, 21] as const) {
      const { y } = await runOnnx(exportOnnx(graph, { opset }), feeds);
      assertClose(y!, arrayOf(expected.y), 2e-6, `opset ${opset}`);
    }
  });
}

const size = (x: Value): number => (x.shape as number[]).reduce((n, d) => n * d, 1);

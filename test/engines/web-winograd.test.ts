import assert from "node:assert/strict";
import { test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import { compile } from "../../src/engines/ort/compile.js";
import { wasmTarget } from "../../src/engines/ort/targets/wasm.js";
import { Graph } from "../../src/graph/graph.js";
import { conv, reduceSum } from "../../src/ops/index.js";
import { checkFunction } from "../../src/testing/check-function.js";
import { noWeb, ortWeb } from "../support/engines.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";

type Sizes = readonly [n: number, channels: number, filters: number, height: number, width: number];

const arrays = ([n, channels, filters, height, width]: Sizes) =>
  [
    random([n, channels, height, width]),
    random([filters, channels, 3, 3], { seed: 2, low: -0.4, high: 0.4 }),
    random([filters]),
  ] as const;

/** Whether a layer's output and both of its gradients go by Winograd's algorithm. */
function byWinograd(sizes: Sizes, options: Parameters<typeof conv>[3] = { padding: 1 }): boolean {
  const graph = new Graph(true);
  const [x, w] = arrays(sizes).map((t, i) => graph.input(`x${i}`, { dtype: "float", shape: t.shape }));
  const y = conv(x!, w!, undefined, options);
  graph.output("y", y);
  gradients(reduceSum(y, [0, 1, 2, 3]), [x!, w!]).forEach((dx, i) => {
    graph.output(`dx${i}`, dx!);
  });
  const types = compile(graph, wasmTarget()).lowered.nodes.map(({ type }) => type);
  assert.notEqual(types.includes("FusedMatMul"), types.includes("Conv"));
  return types.includes("FusedMatMul");
}

test("WebAssembly: Winograd's algorithm serves where it spares multiplications", () => {
  assert.ok(byWinograd([32, 256, 256, 8, 8]));
  assert.ok(byWinograd([32, 512, 512, 4, 4]));
  assert.ok(!byWinograd([1, 512, 512, 4, 4]), "the weight's transformation is the same for one image as for many");
  assert.ok(byWinograd([32, 128, 128, 16, 16]));
  assert.ok(!byWinograd([32, 64, 64, 32, 32]), "the maps' would be products with large matrices");
  assert.ok(!byWinograd([32, 256, 256, 8, 8], { padding: 1, stride: 2 }));
  assert.ok(!byWinograd([32, 256, 256, 8, 8], { padding: 2, dilation: 2 }));
});

for (const [name, sizes] of Object.entries({
  "an odd number of rows": [8, 96, 100, 5, 4],
  "even sides": [5, 60, 72, 4, 4],
} satisfies Record<string, Sizes>))
  test(`WebAssembly: Winograd's algorithm, ${name}`, {
    skip: noWeb || (name !== "even sides" && ifLong),
  }, async () => {
    assert.ok(byWinograd(sizes));
    const report = await checkFunction((x, w, b) => conv(x!, w!, b, { padding: 1 }), arrays(sizes), {
      engines: [ortWeb],
      samples: 0,
    });
    assert.ok(report.engineErrors[ortWeb.name]! < 5e-6, `${report.engineErrors[ortWeb.name]}`);
  });

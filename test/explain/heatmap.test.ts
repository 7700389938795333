import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../src/core/rng.js";
import { tensor } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { type Heatmap, resizeHeatmap } from "../../src/explain/heatmap.js";
import { Graph } from "../../src/graph/graph.js";
import { resize } from "../../src/ops/index.js";

const randomMap = (height: number, width: number): Heatmap => {
  const rng = new Rng(1, "map", height, width);
  return { height, width, data: Float64Array.from({ length: height * width }, () => rng.normal()) };
};

test("a map is enlarged and shrunk as graphs resize: bilinear, half-pixel centers", async () => {
  for (const [height, width, toHeight, toWidth] of [
    [7, 7, 224, 224],
    [3, 5, 20, 28],
    [1, 1, 4, 3],
    [8, 6, 4, 9],
    [5, 4, 5, 4],
  ] as const) {
    const map = randomMap(height, width);
    const graph = new Graph();
    const x = graph.input("x", { dtype: "float", shape: [1, 1, height, width] });
    graph.output("y", resize(x, [toHeight, toWidth], { mode: "bilinear" }));
    const executable = await referenceEngine().compile(graph);
    const { y } = await executable.run({ x: tensor("float64", [1, 1, height, width], map.data) });
    const resized = resizeHeatmap(map, toHeight, toWidth);
    assert.deepEqual([resized.height, resized.width], [toHeight, toWidth]);
    for (let i = 0; i < resized.data.length; i++)
      assert.ok(Math.abs(resized.data[i]! - Number(y!.data[i])) < 1e-12, `${height}x${width} → ${toHeight}x${toWidth}`);
  }
});

test("what is no map is refused", () => {
  const map = randomMap(2, 2);
  assert.throws(() => resizeHeatmap({ ...map, width: 3 }, 4, 4), /map of 2x3 needs 6 values, got 4/);
  assert.throws(() => resizeHeatmap({ ...map, data: [1, 2] as never }, 4, 4), /data must be a Float64Array/);
  assert.throws(() => resizeHeatmap(map, 0, 4), /height must be an integer from 1 to 65535, got 0/);
});

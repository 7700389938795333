import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "../../src/engines/ort/compile.js";
import { cpuTarget } from "../../src/engines/ort/targets/cpu.js";
import { Graph } from "../../src/graph/graph.js";
import { conv } from "../../src/ops/index.js";
import { checkFunction } from "../../src/testing/check-function.js";
import { ortPlain } from "../support/engines.js";
import { random } from "../support/random.js";

const plain = cpuTarget({ blockSize: undefined, writesInPlace: false });

type Size = readonly [number, number];

interface Layer {
  readonly filters?: number;
  readonly channels?: number;
  readonly size?: Size;
  readonly kernel?: Size;
  readonly options?: Parameters<typeof conv>[3];
}

/** Convolutions, and whether they are written in tiles. */
const layers: Readonly<Record<string, readonly [Layer, tiles: boolean]>> = {
  "7×7 from 2 maps": [{ options: { padding: 3 } }, true],
  "on a map that tiles do not fill": [{ size: [9, 14], options: { padding: 3 } }, true],
  "without padding": [{ size: [12, 11], channels: 3, kernel: [3, 3] }, true],
  "with a kernel that is not square": [{ size: [8, 10], kernel: [2, 5], options: { padding: [0, 2] } }, true],
  "of a map smaller than a tile": [{ size: [3, 8], options: { padding: 3 } }, false],
  "1×1": [{ kernel: [1, 1] }, false],
  "with a stride": [{ options: { padding: 3, stride: 2 } }, false],
  "with a dilation": [{ kernel: [3, 3], options: { dilation: 2 } }, false],
  "with two filters": [{ filters: 2, options: { padding: 3 } }, false],
};
for (const [name, [layer, tiles]] of Object.entries(layers))
  test(`native: a convolution ${name} is ${tiles ? "" : "not "}written in tiles`, async () => {
    const { filters = 1, channels = 2, size = [8, 8], kernel = [7, 7], options = {} } = layer;
    const arrays = [
      random([2, channels, ...size]),
      random([filters, channels, ...kernel], { seed: 2 }),
      random([filters], { seed: 3 }),
    ];
    const graph = new Graph(true);
    const [x, w, b] = arrays.map(({ shape }, i) => graph.input(`x${i}`, { dtype: "float", shape }));
    graph.output("y", conv(x!, w!, b, options));
    const types = compile(graph, plain).lowered.nodes.map(({ type }) => type);
    assert.equal(types.includes("DepthToSpace"), tiles);
    const engines = [ortPlain];
    await checkFunction((x, w, b) => conv(x!, w!, b, options), arrays, { engines, samples: 0 });
    await checkFunction((x, w) => conv(x!, w!, undefined, options), arrays.slice(0, 2), { engines, samples: 0 });
  });

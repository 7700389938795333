import assert from "node:assert/strict";
import { test } from "node:test";
import { createAttention } from "../../src/attention/index.js";
import { toFloat64 } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { graphFor, stateOf } from "../../src/nn/index.js";
import { fillState } from "../../src/testing/golden/filler.js";
import { random } from "../support/random.js";

// timm refuses maps that blocks do not divide, so no golden vector tells what they give: the definition, position by position.

interface Case {
  readonly channels: number;
  readonly heads: number;
  readonly blockSize: number;
  readonly haloSize: number;
  readonly size: readonly [number, number];
}

type Weights = Readonly<Record<string, ArrayLike<number>>>;

/** Output [C,H,W] and how much each position is attended to [H,W], for one image. */
function byDefinition({ channels, heads, blockSize, haloSize, size }: Case, x: ArrayLike<number>, weights: Weights) {
  const [height, width] = size;
  const d = weights.height_rel!.length / (2 * (blockSize + 2 * haloSize) - 1);
  const dv = channels / heads;
  const at = (y: number, x: number) => y * width + x;
  const inside = (y: number, x: number) => y >= 0 && y < height && x >= 0 && x < width;
  const project = (weight: ArrayLike<number>, row: number, y: number, column: number) =>
    inside(y, column)
      ? Array.from(
          { length: channels },
          (_, c) => weight[row * channels + c]! * x[c * height * width + at(y, column)]!,
        ).reduce((a, b) => a + b)
      : 0;
  const output = new Float64Array(channels * height * width);
  const received = new Float64Array(height * width);
  const furthest = blockSize + 2 * haloSize - 1;
  const [blockHeight, blockWidth] = size.map((side) => Math.min(blockSize, side)) as [number, number];
  for (let head = 0; head < heads; head++)
    for (let qy = 0; qy < height; qy++)
      for (let qx = 0; qx < width; qx++) {
        const q = Array.from({ length: d }, (_, i) => project(weights.q!, head * d + i, qy, qx));
        const [top, left] = [qy - (qy % blockHeight), qx - (qx % blockWidth)];
        const seen: { y: number; x: number; logit: number }[] = [];
        for (let i = 0; i < blockHeight + 2 * haloSize; i++)
          for (let j = 0; j < blockWidth + 2 * haloSize; j++) {
            const [y, x] = [top + i - haloSize, left + j - haloSize];
            const k = q.map((_, c) => project(weights.kv!, head * (d + dv) + c, y, x));
            const [down, across] = [i - (qy - top) + furthest, j - (qx - left) + furthest];
            const logit = q.reduce((sum, value, c) => {
              const relative = weights.height_rel![down * d + c]! + weights.width_rel![across * d + c]!;
              return sum + value * (k[c]! / Math.sqrt(d) + relative);
            }, 0);
            seen.push({ y, x, logit });
          }
        const total = seen.reduce((sum, { logit }) => sum + Math.exp(logit), 0);
        for (const { y, x, logit } of seen) {
          if (!inside(y, x)) continue;
          const share = Math.exp(logit) / total;
          received[at(y, x)]! += share / heads;
          for (let c = 0; c < dv; c++)
            output[(head * dv + c) * height * width + at(qy, qx)]! +=
              share * project(weights.kv!, head * (d + dv) + d + c, y, x);
        }
      }
  return { output, received };
}

for (const given of [
  { channels: 8, heads: 2, blockSize: 3, haloSize: 1, size: [6, 3] },
  { channels: 8, heads: 2, blockSize: 3, haloSize: 1, size: [5, 7] },
  { channels: 8, heads: 1, blockSize: 8, haloSize: 3, size: [5, 3] },
  { channels: 8, heads: 4, blockSize: 4, haloSize: 0, size: [9, 2] },
  { channels: 12, heads: 2, blockSize: 2, haloSize: 5, size: [1, 3] },
] as const satisfies readonly Case[])
  test(`halo attention is its definition on ${given.size.join("×")}, blocks of ${given.blockSize} and a halo of ${given.haloSize}`, async () => {
    const { channels, heads, blockSize, haloSize, size } = given;
    const module = createAttention("halo", channels, { heads, blockSize, haloSize });
    const state = stateOf(module);
    const filled = fillState(
      [...state].map(([key, { shape }]) => [key, shape] as const),
      3,
    );
    for (const [key, param] of state) param.value = filled.get(key)!;
    const shape = [1, channels, ...size];
    const graph = graphFor(module);
    graph.output("y", module.call(graph.input("x", { dtype: "float", shape })));
    graph.output("received", graph.taps.find(({ name }) => name === "received")!.value);
    const x = random(shape, { seed: 5 });
    const executable = await referenceEngine().compile(graph);
    const results = await executable.run({ x });
    await executable.release();
    const weights = Object.fromEntries(
      [...state].map(([key, { value }]) => [
        key.replace(".weight", "").replace("pos_embed.", ""),
        toFloat64(value).data,
      ]),
    );
    const expected = byDefinition(given, x.data, weights);
    for (const [name, wanted] of Object.entries({ y: expected.output, received: expected.received }))
      for (const [i, value] of toFloat64(results[name]!).data.entries())
        assert.ok(Math.abs(value - wanted[i]!) < 1e-12, `${name}[${i}] is ${value}, not ${wanted[i]}`);
  });

import assert from "node:assert/strict";
import { test } from "node:test";
import { OptionError } from "../../src/core/errors.js";
import type { Engine } from "../../src/engines/engine.js";
import { type OrtNodeOptions, ortEngine } from "../../src/engines/ort/node.js";
import {
  allowedBy,
  checkTuning,
  chooseTile,
  defaultTuning,
  type EnginePrecision,
  type WinogradTuning,
} from "../../src/engines/ort/tuning.js";
import { hasFastLayers } from "../../src/engines/ort/winograd/fast-layers.js";
import { Graph } from "../../src/graph/graph.js";
import { resnet } from "../../src/models/index.js";
import { type Module, trace } from "../../src/nn/index.js";
import { convAttributes, convWeightGradOp } from "../../src/ops/conv.js";
import * as o from "../../src/ops/index.js";
import { ortBlocked } from "../support/engines.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";

const none: WinogradTuning = { positions: 0, 2: {}, 4: {} };

test("a layer goes by the largest number of channels that is not above its own", () => {
  const tiles = (table: WinogradTuning, side: number, ...channels: number[]) =>
    channels.map((c) => chooseTile(table, { images: 32, channels: c, height: side, width: side }));
  const { winograd } = defaultTuning;
  const no = undefined;
  assert.deepEqual(tiles(winograd, 8, 3, 64, 127, 128, 200, 256, 512, 4096), [no, no, no, 4, 4, 4, 4, 4]);
  assert.deepEqual(tiles(allowedBy("float32", winograd), 8, 64, 128, 200, 256, 4096), [no, no, no, 2, 2]);
  assert.equal(allowedBy("fast", winograd), winograd);
  const sides = { 256: 8, 64: 32, 128: 0 };
  assert.deepEqual(tiles({ ...none, 2: sides }, 8, 63, 64, 127, 128, 255, 256, 1000), [no, 2, 2, no, no, 2, 2]);
  assert.deepEqual(tiles({ ...none, 2: sides }, 9, 64, 256), [2, no]);
  assert.deepEqual(tiles({ ...none, 2: sides, 4: { 256: 16 } }, 8, 64, 256), [2, 4], "the larger tiles first");
  assert.deepEqual(tiles(none, 8, 1, 1000), [no, no]);
});

test("the fast mode changes networks with wide layers on small maps, over enough images", () => {
  const isFaster = (network: Module, batch: number, fewImages = 0) =>
    hasFastLayers(trace(network, [batch, 3, 32, 32]), { ...defaultTuning, fewImages });
  const wide = resnet(18, { stem: "cifar", numClasses: 10 });
  assert.deepEqual([isFaster(wide, 32), isFaster(wide, 1)], [true, false]);
  assert.deepEqual([isFaster(wide, 32, 32), isFaster(wide, 33, 32)], [false, true], "few images are lowered plain");
  assert.equal(isFaster(resnet(20, { numClasses: 10 }), 128), false);
  assert.throws(
    () => ortEngine({ precision: "fast", layout: "plain" }),
    new OptionError('ortEngine: precision "fast" has no effect with layout "plain"; leave it out'),
  );
});

test("few positions and small maps go direct", () => {
  const table = { positions: 512, 2: { 1: 64 }, 4: {} };
  const tile = (images: number, height: number, width: number) =>
    chooseTile(table, { images, channels: 256, height, width });
  assert.deepEqual([tile(8, 8, 8), tile(7, 8, 8), tile(1, 32, 16), tile(1, 64, 7)], [2, undefined, 2, undefined]);
  assert.deepEqual([tile(99, 4, 4), tile(99, 3, 8), tile(99, 8, 3)], [2, undefined, undefined]);
  assert.deepEqual([tile(1, 64, 64), tile(1, 64, 65)], [2, undefined], "the longer side counts");
});

test("a table is checked and copied", () => {
  const table = { fewImages: 7, winograd: { positions: 9, 2: { 64: 8 }, 4: {} } };
  assert.deepEqual(checkTuning({ ...table, winograd: { ...table.winograd, 8: {} }, other: 1 }, "t"), table);
  assert.deepEqual(checkTuning(defaultTuning, "t"), defaultTuning);
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i + 1, 1]));
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [null, /^t must be an object, got null$/],
    [[], /^t must be an object, got a list$/],
    [{ winograd: none }, /^t: fewImages must be an integer from 0 to 65536, got undefined$/],
    [{ ...table, fewImages: -1 }, /fewImages .*got -1$/],
    [{ ...table, fewImages: 1.5 }, /fewImages .*got 1\.5$/],
    [{ ...table, fewImages: "4\n" }, /fewImages .*got string$/],
    [{ fewImages: 4 }, /^t: winograd must be an object, got undefined$/],
    [{ fewImages: 4, winograd: { 64: 8 } }, /^t: winograd: positions must be an integer .*got undefined$/],
    [{ fewImages: 4, winograd: { ...none, positions: -1 } }, /positions must be .*got -1$/],
    [{ fewImages: 4, winograd: { ...none, 4: 16 } }, /^t: winograd: 4 must be an object, got 16$/],
    [
      { fewImages: 4, winograd: { ...none, 2: { many: 1 } } },
      /winograd: 2: a number of channels must be .* from 1 to 65536, got NaN$/,
    ],
    [
      { fewImages: 4, winograd: { ...none, 4: { 64: 1e9 } } },
      /the side of a map must be .* from 0 to 65536, got 1000000000$/,
    ],
    [{ fewImages: 4, winograd: { ...none, 2: many } }, /winograd: 2 must have at most 64 rows, got 65$/],
  ];
  for (const [value, says] of refused)
    assert.throws(
      () => checkTuning(value, "t"),
      (error) => error instanceof OptionError && says.test(error.message),
      String(says),
    );
  assert.throws(
    () => ortEngine({ tuning: { fewImages: Number.NaN, winograd: none } }),
    /^OptionError: ortEngine: tuning: fewImages/,
  );
});

test("up to few images a graph that learns is written plain, above them in blocks", async () => {
  const graph = new Graph(true);
  const [x, dy] = [6, 6].map((n, i) => graph.constant(random([n, 16, 5, 5], { seed: i })));
  const attributes = { ...convAttributes({ padding: 1 }), kernel: [3, 3] } as const;
  graph.output("dw", graph.apply(convWeightGradOp, [x!, dy!], attributes)[0]!);
  const gradient = async (options: OrtNodeOptions) => {
    const engine = ortEngine({ threads: 1, ...options });
    const { dw } = await (await engine.compile(graph)).run({});
    await engine.release();
    return dw!.data;
  };
  const [plain, blocked] = [await gradient({ layout: "plain" }), await gradient({ layout: "blocked" })];
  assert.notDeepEqual(plain, blocked, "they round differently");
  assert.deepEqual(await gradient({}), blocked);
  assert.deepEqual(await gradient({ tuning: { ...defaultTuning, fewImages: 5 } }), blocked);
  assert.deepEqual(await gradient({ tuning: { ...defaultTuning, fewImages: 6 } }), plain);
});

test("the table says which layers go by Winograd's algorithm", { skip: ifLong }, async () => {
  const graph = new Graph(false);
  const x = graph.constant(random([2, 64, 6, 8]));
  const w = graph.constant(random([80, 64, 3, 3], { seed: 2 }));
  graph.output("y", o.conv(x, w, undefined, { padding: 1 }));
  const output = async (engine: Engine) => (await (await engine.compile(graph)).run({})).y!.data as Float32Array;
  const direct = await output(ortBlocked);
  /** How the output differs from that of the blocked convolution: not at all, by rounding, or by more rounding. */
  const largest = direct.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const tileOf = async (winograd: Partial<WinogradTuning>, precision: EnginePrecision = "fast") => {
    const tuning = { fewImages: 0, winograd: { ...none, ...winograd } };
    const engine = ortEngine({ threads: 1, layout: "blocked", precision, tuning });
    const y = await output(engine);
    await engine.release();
    const error = y.reduce((most, v, i) => Math.max(most, Math.abs(v - direct[i]!)), 0) / largest;
    return error === 0 ? "direct" : error < 1e-6 ? 2 : 4;
  };
  assert.equal(await tileOf({ 4: { 64: 8 } }), 4);
  assert.equal(await tileOf({ 2: { 64: 8 } }), 2);
  assert.equal(await tileOf({ 2: { 64: 8 }, 4: { 64: 8 } }), 4);
  assert.equal(await tileOf({ 2: { 64: 8 }, 4: { 64: 8 } }, "float32"), 2, "tiles of 4×4 are not allowed");
  assert.equal(await tileOf({ 4: { 64: 8 } }, "float32"), "direct");
  assert.equal(await tileOf({ 2: { 32: 8, 72: 0 } }), 2, "the fewer of channels and filters count");
  assert.equal(await tileOf({ 2: { 64: 7 } }), "direct", "the longer side counts");
  assert.equal(await tileOf({ 2: { 65: 8 } }), "direct");
  assert.equal(await tileOf({ 2: { 64: 8 }, positions: 2 * 6 * 8 }), 2);
  assert.equal(await tileOf({ 2: { 64: 8 }, positions: 2 * 6 * 8 + 1 }), "direct");
});

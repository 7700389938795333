import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tensor } from "../../src/core/tensor.js";
import { fuseSmallUpdates, fuseUpdates } from "../../src/engines/ort/passes/fuse-small-updates.js";
import { runPasses } from "../../src/engines/ort/passes/pass.js";
import { cpuTarget } from "../../src/engines/ort/targets/cpu.js";
import { webgpuTarget } from "../../src/engines/ort/targets/webgpu.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Cell, Graph } from "../../src/graph/graph.js";
import { resnet } from "../../src/models/index.js";
import { adamw, trainingStep } from "../../src/train/index.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";

const target = cpuTarget({ blockSize: undefined, writesInPlace: false });

const step = trainingStep(resnet(20, { numClasses: 3, stem: "cifar", attention: "se" }), {
  optimizer: adamw({ decayNormsAndBiases: false }),
  input: [2, 3, 8, 8],
  numClasses: 3,
  clipNorm: 1,
  ema: 0.9,
});

/** Checks that two steps on the packed graph leave the state that they leave without packing. */
async function requireSameState({ graph, restore }: ReturnType<typeof runPasses>): Promise<void> {
  const targets = random([2, 3], { seed: 2, low: 0, high: 1 });
  const stateAfterTwoSteps = async (of: Graph): Promise<Map<Cell, Tensor>> => {
    const executable = await referenceEngine().compile(of);
    for (const k of [1, 2]) await executable.run({ images: random([2, 3, 8, 8]), targets, ...step.scalars(k, 0.01) });
    return executable.readState();
  };
  const alone = await stateAfterTwoSteps(step.graph);
  const together = restore(await stateAfterTwoSteps(graph));
  assert.deepEqual(new Set(together.keys()), new Set(alone.keys()));
  for (const [cell, { shape, data }] of alone) {
    assert.deepEqual(together.get(cell)!.shape, shape);
    assert.deepEqual([...together.get(cell)!.data], [...data]);
  }
}

test("small cells that are updated alike become one, and come back as they would be alone", async () => {
  const packed = runPasses(step.graph, target, { fuseSmallUpdates });
  const float = step.graph.updates.filter(({ cell }) => cell.dtype === "float" && cell.shape.length === 1);
  const left = packed.graph.updates.filter(({ cell }) => cell.shape.length === 1);
  assert.ok(left.length * 4 < float.length, `${float.length} vectors became ${left.length}`);
  await requireSameState(packed);
});

test("WebGPU: cells of any shape are updated as few vectors, and come back as they would be alone", {
  skip: ifLong,
}, async () => {
  const limits = { largestSize: 2 ** 18, highestRank: 4, longest: 100_000, withOtherNumbers: true };
  const packed = runPasses(step.graph, webgpuTarget(), { pack: (module) => fuseUpdates(module, limits) });
  const left = packed.graph.updates.filter(({ cell }) => cell.dtype === "float");
  assert.ok(left.length < 40, `${left.map(({ name }) => name)}`);
  for (const { cell } of packed.graph.updates)
    assert.ok(cell.shape.reduce((n, d) => n * d, 1) <= (cell.shape.length === 1 ? 100_000 : Number.POSITIVE_INFINITY));
  await requireSameState(packed);
});

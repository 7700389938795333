import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tensor } from "../../src/core/tensor.js";
import { fuseSmallUpdates } from "../../src/engines/ort/passes/fuse-small-updates.js";
import { runPasses } from "../../src/engines/ort/passes/pass.js";
import { cpuTarget } from "../../src/engines/ort/targets/cpu.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Cell, Graph } from "../../src/graph/graph.js";
import { resnet } from "../../src/models/index.js";
import { adamw, trainingStep } from "../../src/train/index.js";
import { random } from "../support/random.js";

const target = cpuTarget({ blockSize: undefined, writesInPlace: false });

test("small cells that are updated alike become one, and come back as they would be alone", async () => {
  const step = trainingStep(resnet(20, { numClasses: 3, stem: "cifar", attention: "se" }), {
    optimizer: adamw({ decayNormsAndBiases: false }),
    input: [2, 3, 8, 8],
    numClasses: 3,
    clipNorm: 1,
    ema: 0.9,
  });
  const { graph, restore } = runPasses(step.graph, target, { fuseSmallUpdates });
  const float = step.graph.updates.filter(({ cell }) => cell.dtype === "float" && cell.shape.length === 1);
  const left = graph.updates.filter(({ cell }) => cell.shape.length === 1);
  assert.ok(left.length * 4 < float.length, `${float.length} vectors became ${left.length}`);

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
});

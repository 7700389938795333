import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import * as ortNode from "onnxruntime-node";
import { compile } from "../../src/engines/ort/compile.js";
import { encode } from "../../src/engines/ort/passes/encode.js";
import { type CpuFacts, cpuBackend, cpuTarget } from "../../src/engines/ort/targets/cpu.js";
import { wasmTarget } from "../../src/engines/ort/targets/wasm.js";
import { referenceEngine } from "../../src/engines/reference.js";
import type { Value } from "../../src/graph/graph.js";
import { BatchNorm, Conv2d, Linear, Module, trace } from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";
import { relativeError } from "../../src/testing/compare.js";
import { unsettle } from "../formats/onnx/support.js";
import { ort } from "../support/engines.js";
import { random } from "../support/random.js";

/** 256 channels, in half a megabyte a layer. */
class Wide extends Module {
  readonly first = new Conv2d(3, 256, { kernelSize: 3 });
  readonly layers = [1, 2, 3].map(() => new Conv2d(256, 256, { kernelSize: 1, bias: false }));
  readonly norms = [1, 2, 3].map(() => new BatchNorm(256));

  override forward(x: Value): Value {
    return this.layers.reduce((y, layer, i) => relu(this.norms[i]!.call(layer.call(y))), this.first.call(x));
  }
}

const shape = [2, 3, 7, 6];
const graph = trace(unsettle(new Wide()), shape);
const blocked = cpuTarget({ blockSize: 16, writesInPlace: true });

test("for inference, batch norms are folded, and large weights are given to runs instead of copied into the model", () => {
  const module = compile(graph, blocked);
  assert.ok(module.graph.nodes.every(({ op }) => op.name !== "BatchNormalization"));
  const { constants, model } = encode(module, blocked);
  assert.deepEqual(
    Object.values(constants).map((weight) => weight.shape),
    [1, 2, 3].map(() => [256, 256, 1, 1]),
  );
  assert.ok(model.length < 50_000, `${model.length} bytes`);
});

test("weights of Winograd's algorithm are given transformed, a group per point", () => {
  const layer = new Conv2d(256, 256, { kernelSize: 3, padding: 1 });
  const { constants } = encode(compile(trace(unsettle(layer), [8, 256, 8, 8]), blocked), blocked);
  assert.deepEqual(
    Object.values(constants).map((weight) => weight.shape),
    [[16 * 256, 256, 1, 1]],
  );
});

test("a linear layer's weight is given as a copy: the network keeps its own; where a run would copy it, it is in the model", async () => {
  const layer = unsettle(new Linear(512, 256));
  const graph = trace(layer, [2, 512]);
  const { constants } = encode(compile(graph, blocked), blocked);
  assert.deepEqual(
    Object.values(constants).map((weight) => weight.shape),
    [[256, 512]],
  );
  assert.deepEqual(encode(compile(graph, wasmTarget()), wasmTarget()).constants, {});
  const inputs = { input: random([2, 512]) };
  const executable = await ort.compile(graph);
  const { output } = await executable.run(inputs);
  const { output: expected } = await (await referenceEngine().compile(graph)).run(inputs);
  assert.ok(relativeError(output!, expected!) < 1e-5);
  await executable.release();
});

test("inference in blocks computes what the definition says, run after run", async () => {
  const executable = await ort.compile(graph);
  const { output: expected } = await (await referenceEngine().compile(graph)).run({ input: random(shape) });
  for (let i = 0; i < 3; i++) {
    const { output } = await executable.run({ input: random(shape) });
    assert.ok(relativeError(output!, expected!) < 1e-5);
  }
  await executable.release();
});

test("a batch of unknown size is lowered plain, without a probe", async () => {
  const probe = (): Promise<CpuFacts> => assert.fail("probed");
  const target = await cpuBackend().targetFor(trace(new Wide(), ["N", 3, 7, 6]), probe);
  assert.equal(target.blocks, undefined);
});

/** Opens 144 MiB of weights, and prints by how many MiB the process grew at most. */
const program = (dist: string) => `
import { ortEngine } from "${dist}/index.js";
import { Conv2d, initialize, Module, trace } from "${dist}/nn/index.js";
class Deep extends Module {
  layers = [1, 2, 3, 4].map(() => new Conv2d(1024, 1024, { kernelSize: 3, padding: 1, bias: false }));
  forward(x) { return this.layers.reduce((y, layer) => layer.call(y), x); }
}
const peak = () => process.resourceUsage().maxRSS / 2 ** 10;
const tiny = await ortEngine({ threads: 1 }).compile(trace(initialize(new Conv2d(16, 16, { kernelSize: 1 })), [1, 16, 3, 3]));
const before = peak();
const executable = await ortEngine({ threads: 1 }).compile(trace(initialize(new Deep()), [1, 1024, 3, 3]));
await executable.run({ input: { dtype: "float32", shape: [1, 1024, 3, 3], data: new Float32Array(9216) } });
console.log(peak() - before);
process.exit();
`;

const { blockSize } = await cpuBackend().probe(ortNode);
const noBlocks = blockSize === undefined && "this processor has no blocked operators";

test("an open network takes its weights and one packed copy", { skip: noBlocks }, async (t) => {
  const dist = new URL("../../src", import.meta.url).href;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program(dist)]);
  t.diagnostic(`${stdout.trim()} MiB`);
  assert.ok(Number(stdout) < 2.5 * 144, `${stdout} MiB`);
});

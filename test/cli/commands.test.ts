import assert from "node:assert/strict";
import { test } from "node:test";
import { attentionModules, models } from "../../src/internal.js";
import { noWeb } from "../support/engines.js";
import { sharedFovea as fovea } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await fovea([...args, "--json"]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
};

test("list shows every module and network", async () => {
  const { attention, models: networks } = await json("list");
  assert.deepEqual(
    attention.map((a: { name: string }) => a.name),
    [...attentionModules.keys()],
  );
  assert.deepEqual(
    networks.map((m: { name: string }) => m.name),
    [...models.keys()],
  );
  const { stdout } = await fovea(["list"]);
  for (const name of attentionModules.keys()) assert.ok(stdout.includes(name));
  const one = await fovea(["list", "cbam"]);
  assert.match(one.stdout, /^ {2}reductionRatio = 0\.5\n.*\n {6}only with channel true and variant dense$/m);
});

const ecaKernels = '[{"kernelSize":3},{"kernelSize":5},{"kernelSize":7},{"kernelSize":7}]';
const published = [
  [11_689_512, "resnet18"],
  [25_557_032, "resnet50"],
  [28_071_976, "resnet50", "--attention", "se"],
  [28_089_624, "resnet50", "--attention", "cbam"],
  [278_324, "resnet20", "--classes", "100"],
  [278_324, "resnet20", "--classes", "100", "--attention", "simam"],
  [280_340, "resnet20", "--classes", "100", "--attention", "se"],
  [288_602, "resnet20", "--attention", "se", "--attention-options", '{"reduction":0.5}'],
  [281_597, "resnet20", "--classes", "100", "--attention", "cbam"],
  [11_689_556, "resnet18", "--attention", "eca", "--attention-options", ecaKernels],
  [275_572, "resnet20", "--classes", "100", "--shortcut", "identity"],
] as const;
for (const [params, ...args] of published)
  test(`summary --model ${args.join(" ")}: ${params} parameters`, async () => {
    const summary = await json("summary", "--model", ...args);
    assert.equal(summary.params, params);
    assert.equal(summary.flops, 2 * summary.macs);
    assert.equal(
      summary.layers.reduce((n: number, layer: { params: number }) => n + layer.params, 0),
      params,
    );
  });

test("summary counts the multiply-accumulates of ResNet-50 at 224 pixels: 4.1 G", async () => {
  const { macs } = await json("summary", "--model", "resnet50");
  assert.ok(Math.abs(macs / 4.09e9 - 1) < 0.01, String(macs));
});

test("summary --lowering shows how a training step is compiled", async () => {
  const args = ["--model", "resnet20", "--classes", "3", "--input", "3x16x16", "--lowering", "--batch", "8"];
  const { lowering } = await json("summary", ...args);
  assert.equal(lowering.batch, 8);
  if (lowering.target === "cpu") assert.deepEqual(lowering.layers, []);
  else {
    const [{ path, operators }] = lowering.layers;
    assert.equal(path, "conv1");
    assert.deepEqual(
      operators.map(({ operator, rule }: Record<string, string>) => `${operator} ${rule}`),
      ["Conv conv", "ConvWeightGrad convWeightGrad"],
    );
    assert.match(operators[0].reasons[0], /^winograd: /);
  }
});

test("summary --lowering --device webgpu counts the kernels of a training step", async () => {
  const args = ["--model", "resnet20", "--attention", "cbam", "--classes", "10", "--lowering", "--batch", "128"];
  const { lowering } = await json("summary", ...args, "--device", "webgpu");
  assert.equal(lowering.target, "webgpu");
  assert.equal(lowering.kernels.Reshape, undefined);
  const total = (Object.values(lowering.kernels) as number[]).reduce((a, b) => a + b, 0);
  assert.ok(total > 1000 && total <= 0.7 * 2297, String(total));
});

test("bench times training and inference", { skip: ifLong }, async () => {
  for (const mode of ["train", "infer"]) {
    const result = await json(
      "bench",
      "--mode",
      mode,
      "--model",
      "resnet20",
      "--attention",
      "eca",
      "--batch",
      "2",
      "--steps",
      "2",
    );
    assert.ok(result.imagesPerSecond > 0 && result.peakMemoryBytes > 1e7);
    assert.ok(
      result.stepMilliseconds.min <= result.stepMilliseconds.median &&
        result.stepMilliseconds.median <= result.stepMilliseconds.max,
    );
  }
});

test("verify checks golden files and says which failed", async () => {
  const result = await json("verify", "test/golden/simam.safetensors");
  const engines = ["reference", "ort-blocked", "ort-plain", ...(noWeb ? [] : ["ort-web"])];
  assert.deepEqual([result.passed, result.failed], [engines.length, 0]);
  assert.deepEqual(
    result.files.map((f: { engine: string }) => f.engine),
    engines,
  );
});

test("verify checks golden files by the WebAssembly build", { skip: noWeb || ifLong }, async () => {
  const result = await json("verify", "test/golden/simam.safetensors", "--engine", "ort-web");
  assert.deepEqual(
    result.files.map(({ engine, ok }: { engine: string; ok: boolean }) => [engine, ok]),
    [["ort-web", true]],
  );
});

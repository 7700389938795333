import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { tensor } from "../../src/core/tensor.js";
import { type SanityRow, sanityCheck } from "../../src/explain/metrics/index.js";
import type { Value } from "../../src/graph/graph.js";
import { openDataset } from "../../src/index.js";
import { resnet } from "../../src/models/index.js";
import {
  BatchNorm,
  Conv2d,
  Dropout,
  freeze,
  globalAveragePool,
  initialize,
  Linear,
  Module,
  stateOf,
  trace,
  walk,
} from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";
import { realData } from "../data/support.js";
import { ort } from "../support/engines.js";
import { fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";

const inputs = random([6, 3, 16, 16]);
const copyState = (model: Module) =>
  new Map([...stateOf(model)].map(([path, { value }]) => [path, value.data.slice()]));

/** Maps that say what depends on weights: the first channels of the last map, and the image itself. */
async function mapsOf(model: Module) {
  const graph = trace(model, inputs.shape);
  const features = graph.nodes.findLast(
    (node) => node.outputs[0]!.shape.length === 4 && node.outputs[0]!.shape[2] === 4,
  )!;
  graph.output("map", features.outputs[0]!);
  const executable = await ort.compile(graph);
  const { map } = await executable.run({ input: inputs });
  await executable.release();
  const [, channels, height, width] = map!.shape as [number, number, number, number];
  const plane = height * width;
  const maps = Array.from({ length: 6 }, (_, i) => ({
    height,
    width,
    data: Float64Array.from({ length: plane }, (_, at) => Number(map!.data[i * channels * plane + at])),
  }));
  const edges = Array.from({ length: 6 }, (_, i) => ({
    height: 16,
    width: 16,
    data: Float64Array.from(inputs.data.subarray(i * 768, i * 768 + 256)),
  }));
  return new Map([
    ["features", maps],
    ["edges", edges],
  ]);
}

test("the sanity check goes from the classifier down, with statistics measured anew, and puts everything back", async () => {
  const model = initialize(resnet(20, { numClasses: 4 }), { seed: 3 });
  const before = copyState(model);
  const order = ["fc", "layer3", "layer2", "layer1", "conv1"];
  const stages: string[] = [];
  const rows = await sanityCheck(model, mapsOf, {
    inputs,
    engine: ort,
    seed: 1,
    draws: 2,
    onProgress: (s) => stages.push(s),
  });
  assert.deepEqual(copyState(model), before);
  walk(model, { module: (_, part) => assert.ok(!("momentum" in part) || (part as BatchNorm).momentum === 0.1) });
  assert.deepEqual(stages, [...order, ...order]);
  const [features, edges] = rows;
  assert.equal(features!.stages[0]!.correlation.mean, 1, "maps before the classifier do not depend on it");
  assert.equal(features!.stages[0]!.constant, 0);
  assert.ok(features!.stages.at(-1)!.correlation.mean < 0.6);
  assert.equal(features!.ignores[0], "fc");
  // The image itself depends on no weights at all.
  assert.ok(edges!.stages.every(({ correlation }) => correlation.mean === 1));
  assert.equal(edges!.passed, false);
  assert.equal(edges!.ignores.length, 5);
  assert.ok(Math.abs(edges!.otherImages.mean) < 0.2);
});

test("a failing method leaves the model as it was", async () => {
  const model = initialize(resnet(20, { numClasses: 4 }), { seed: 3 });
  const before = copyState(model);
  let calls = 0;
  const failing = async (of: Module) => {
    if (++calls === 3) throw new Error("no maps");
    return mapsOf(of);
  };
  await assert.rejects(sanityCheck(model, failing, { inputs, engine: ort }), /no maps/);
  assert.deepEqual(copyState(model), before);
  const one = tensor("float64", [1, 3, 16, 16], new Float64Array(768));
  await assert.rejects(sanityCheck(model, mapsOf, { inputs: one, engine: ort }), /at least two images/);
});

test("networks with dropout, and with frozen parts, are checked too", async () => {
  class Net extends Module {
    readonly conv = new Conv2d(3, 4, { kernelSize: 3, padding: 1, stride: 4 });
    readonly bn = new BatchNorm(4);
    readonly drop = new Dropout(0.5);
    readonly fc = new Linear(4, 2);
    override forward(x: Value): Value {
      return this.fc.call(globalAveragePool(this.drop.call(relu(this.bn.call(this.conv.call(x))))));
    }
  }
  const model = initialize(new Net(), { seed: 1 });
  freeze(model, (path) => path.startsWith("bn."));
  const means: (readonly number[])[] = [];
  const seen = async (of: Module) => {
    const { running_mean } = (of as Net).bn;
    means.push([...(running_mean.value.data as Float32Array)]);
    return new Map([["edges", (await mapsOf(initialize(resnet(20, { numClasses: 4 })))).get("edges")!]]);
  };
  await sanityCheck(model, seen, { inputs, engine: ort, draws: 1 });
  assert.equal(means.length, 3, "the norm has no weights that a new network would draw");
  assert.deepEqual(means[1], means[0], "a random classifier leaves the statistics below it");
  assert.notDeepEqual(means[2], means[1]);
  assert.equal(model.bn.weight.trainable, false);
});

test("on a trained ResNet-20 the figures are those of PyTorch", { skip: ifLong }, async (t) => {
  const [weights, data] = [realData(t, "weights/resnet20-12fca82f.th"), realData(t, "cifar-10-batches-bin")];
  if (!weights || !data) return;
  const { validation: images } = await openDataset(data);
  const folder = temporaryFolder();
  for (let i = 0; i < 16; i++) {
    const { width, height, pixels } = await images.image(i);
    const raw = Buffer.alloc(pixels.length);
    for (let k = 0; k < raw.length; k++) raw[k] = pixels[(k % 3) * width * height + Math.floor(k / 3)]!;
    await sharp(raw, { raw: { width, height, channels: 3 } }).toFile(join(folder, `${i + 10}.png`));
  }
  const args = ["explain", "resnet20", "--weights", weights, folder, "--sanity", "--method", "gradcam,layercam"];
  const { code, stdout, stderr } = await fovea([...args, "--json"]);
  assert.equal(code, 0, stderr);
  const [grad, layer] = JSON.parse(stdout).sanity as SanityRow[];
  const near = (actual: number, expected: number, within: number) =>
    assert.ok(Math.abs(actual - expected) <= within, `${actual}, not ${expected} ± ${within}`);
  // Nothing random, so nothing but rounding.
  near(grad!.otherImages.mean, 0.654, 0.005);
  near(layer!.otherImages.mean, 0.762, 0.005);
  // Means over 24 draws in PyTorch, of the classifier 40; a mean over five of Grad-CAM's has a standard error of 0.08.
  near(grad!.stages[0]!.correlation.mean, 0.17, 0.2);
  near(layer!.stages[0]!.correlation.mean, 0.89, 0.04);
  near(grad!.stages.at(-1)!.correlation.mean, 0.14, 0.1);
  near(layer!.stages.at(-1)!.correlation.mean, 0.33, 0.1);
  assert.deepEqual(layer!.ignores, ["fc"]);
});

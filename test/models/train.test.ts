import assert from "node:assert/strict";
import { test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import { type Tensor, tensor, toFloat64 } from "../../src/core/tensor.js";
import {
  danet,
  mobilenetV2,
  preactResnet,
  residualAttentionNetwork,
  resnet,
  rgaResnet,
  scnet,
  spnet,
  unet,
  van,
  wideResnet,
} from "../../src/models/index.js";
import { crossEntropy, graphFor, type Module, parametersOf, type SegmentationModel } from "../../src/nn/index.js";
import { add, mul, sub } from "../../src/ops/index.js";
import { ort } from "../support/engines.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";

interface Family {
  readonly network: () => Module;
  readonly size: number;
  /** Parameters that rightly get no gradient. */
  readonly unused?: RegExp;
  readonly rate?: number;
}

const segmentation = { numClasses: 3, dropout: 0 } as const;
const families: Readonly<Record<string, Family>> = {
  resnet: { network: () => resnet(20, { numClasses: 4, attention: "cbam" }), size: 16 },
  preact: { network: () => preactResnet(20, { numClasses: 4, attention: "bam" }), size: 16 },
  wide: { network: () => wideResnet(10, 2, { numClasses: 4, dropout: 0 }), size: 16 },
  mobilenet: { network: () => mobilenetV2({ numClasses: 4, widthMultiplier: 0.25, dropout: 0 }), size: 64 },
  van: { network: () => van("b0", { numClasses: 4, dropPath: 0 }), size: 64 },
  scnet: { network: () => scnet(50, { numClasses: 4, v1d: true }), size: 128 },
  residualAttention: {
    network: () => residualAttentionNetwork("residual_attention92_32input", { numClasses: 4 }),
    size: 32,
    rate: 1e-5,
    // Shortcut convolutions of blocks that keep their shape.
    unused: /(attention_module.*|residual_block[56])\.conv4\.weight$/,
  },
  // The norms of their gradients are near 1800 and 95: by the square of these times the rate the loss is to fall.
  rga: { network: () => rgaResnet({ numClasses: 4, size: [128, 128] }), size: 128, rate: 1e-9 },
  danet: { network: () => danet(50, segmentation), size: 64, unused: /key_conv\.bias$/, rate: 1e-6 },
  spnet: { network: () => spnet(50, segmentation), size: 64 },
  unet: { network: () => unet(18, { numClasses: 3 }), size: 64, unused: /^decoder\.blocks\.4\.attention1\./ },
};

/** One-hot targets of the shape of the logits, class by position. */
function targetsFor(shape: readonly number[]): Tensor {
  const [n, classes, ...map] = shape as [number, number, ...number[]];
  const area = map.reduce((a, b) => a * b, 1);
  const data = new Float32Array(n * classes * area);
  for (let i = 0; i < n; i++) for (let p = 0; p < area; p++) data[(i * classes + ((i + p) % classes)) * area + p] = 1;
  return tensor("float32", shape, data);
}

for (const [name, { network, size, unused = /^$/, rate = 1e-3 }] of Object.entries(families))
  test(`a step along the gradient lowers the loss of ${name}, and every parameter has one`, {
    skip: !/^(?:resnet|preact)$/.test(name) && ifLong,
  }, async () => {
    const model = network();
    const shape = [2, 3, size, size];
    const graph = graphFor(model, { training: true });
    const input = graph.input("input", { dtype: "float", shape });
    const outputs = "logits" in model ? (model as SegmentationModel).logits(input) : [model.call(input)];
    const wanted = outputs[0]!.shape as number[];
    const targets = graph.input("targets", { dtype: "float", shape: wanted });
    const loss = outputs.map((y) => crossEntropy(y, targets)).reduce((a, b) => add(a, b));
    const parameters = [...parametersOf(model)];
    const derived = gradients(
      loss,
      parameters.map(([, param]) => graph.state(param)),
    );
    graph.output("loss", loss);
    parameters.forEach(([key, param], i) => {
      const gradient = derived[i];
      assert.equal(
        gradient === undefined || gradient === null,
        unused.test(key) && !key.endsWith("key_conv.bias"),
        key,
      );
      if (gradient) graph.update(param, sub(graph.state(param), mul(gradient, rate)));
    });
    const executable = await ort.compile(graph);
    const feeds = { input: random(shape), targets: targetsFor(wanted) };
    const losses: number[] = [];
    for (let step = 0; step < 2; step++) losses.push(toFloat64((await executable.run(feeds)).loss!).data[0]!);
    await executable.release();
    assert.ok(losses.every(Number.isFinite) && losses[1]! < losses[0]!, `${name}: ${losses}`);
  });

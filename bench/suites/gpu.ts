import { createModelByName, type Module, trace } from "../../src/index.js";
import { resnet } from "../../src/nn.js";
import { normal, randomStep, varied } from "../workload.js";
import { smallNetMeasures } from "./js.js";
import { peerKeys } from "./nets.js";
import type { Measure, Suite } from "./suite.js";

type Input = readonly [batch: number, channels: number, height: number, width: number];

const cifar = (depth: 18 | 20, attention: "cbam" | null = null) =>
  resnet(depth, {
    numClasses: 10,
    stem: "cifar",
    attention: attention && [attention, { variant: "plain" }],
  });

/** Networks by case. `tiny` shows what a step takes however small it is. */
const networks: Readonly<Record<string, readonly [build: () => Module, input: Input, classes: number]>> = {
  tiny: [() => cifar(20), [4, 3, 16, 16], 10],
  "resnet20/b128": [() => cifar(20), [128, 3, 32, 32], 10],
  "resnet20+cbam/b128": [() => cifar(20, "cbam"), [128, 3, 32, 32], 10],
  "resnet18/b128": [() => cifar(18), [128, 3, 32, 32], 10],
  "resnet18@224/b32": [() => createModelByName("resnet18"), [32, 3, 224, 224], 1000],
};

const inference = (model: Module, input: Input): Measure => ({
  name: "inference",
  model,
  peerKey: peerKeys("cbam"),
  graph: trace(model, input),
  feeds: { input: normal("images", input) },
});

export const gpu: Suite = {
  name: "gpu",
  title: "On a GPU: networks",
  about:
    "ResNet-20 and ResNet-18 on 32×32 images, 10 classes, and ResNet-18 on 224×224, 1000 classes; `tiny` is ResNet-20 on four images of " +
    "16×16. Training is as in the suite of CIFAR networks. Ratios are to Fovea's CPU engine: below 1 a peer is faster. PyTorch on the GPU " +
    "computes in float32, without TF32, as WebGPU does.",
  peers: ["fovea-webgpu", "pytorch-cuda", "pytorch"],
  cases: Object.keys(networks),
  rounds: 1,
  steps: 5,
  *measures(name) {
    const [build, input, classes] = networks[name]!;
    const model = varied(build());
    yield {
      name: "training",
      model,
      peerKey: peerKeys("cbam"),
      ...randomStep(model, input, classes),
      runs: 2,
    };
    yield inference(model, input);
  },
};

/** Images by case. */
const batches: Readonly<Record<string, number>> = { tiny: 4, "small-cnn/b32": 32, "small-cnn/b512": 512 };

export const gpuJs: Suite = {
  name: "gpu-js",
  title: "On a GPU: engines in JavaScript",
  about:
    "The small network of the other engines in JavaScript, with 4 (`tiny`), 32 and 512 images of 32×32. TensorFlow.js and jax-js run in Chromium, Fovea in Node. " +
    "Ratios are to Fovea's CPU engine: below 1 a peer is faster.",
  peers: ["fovea-webgpu", "fovea-wasm", "tfjs-webgpu", "jax-js-webgpu"],
  cases: Object.keys(batches),
  rounds: 1,
  steps: 15,
  measures: (name) => smallNetMeasures(batches[name]!),
};

import { trace, type Value } from "../../src/index.js";
import { Conv2d, globalAveragePool, initialize, Lambda, Linear, Module, ops, Sequential } from "../../src/nn.js";
import { normal, randomStep } from "../workload.js";
import type { Measure, Suite } from "./suite.js";

/** Three convolutions of stride 2, means of the maps, and a linear layer: what every engine of the suite can express. */
export class SmallNet extends Module {
  readonly convs = new Sequential(
    [16, 32, 64].flatMap((filters, i) => {
      const channels = [3, 16, 32][i]!;
      return [new Conv2d(channels, filters, { kernelSize: 3, stride: 2, padding: 1 }), new Lambda(ops.relu)];
    }),
  );
  readonly fc = new Linear(64, 10);

  override forward(x: Value): Value {
    return this.fc.call(globalAveragePool(this.convs.call(x)));
  }
}

/** A training step and inference of the small network, on so many images. */
export function* smallNetMeasures(images: number): Generator<Measure> {
  const input = [images, 3, 32, 32] as const;
  const model = initialize(new SmallNet());
  yield { name: "training", model, ...randomStep(model, input, 10, { momentum: 0, weightDecay: 0 }), runs: 2 };
  yield { name: "inference", model, graph: trace(model, input), feeds: { input: normal("images", input) } };
}

export const js: Suite = {
  name: "js",
  title: "Other engines in JavaScript",
  about:
    "A small network (3×3 convolutions to 16, 32 and 64 channels, stride 2, ReLU; means of the maps; a linear layer) on 32 random 32×32 " +
    "images: a training step with plain gradient descent, and inference.",
  peers: ["fovea-wasm", "tfjs-wasm", "tfjs-cpu", "jax-js"],
  cases: ["small-cnn"],
  rounds: 3,
  steps: 15,
  measures: () => smallNetMeasures(32),
};

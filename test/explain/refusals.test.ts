import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tensor } from "../../src/core/tensor.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { type ExplainableNetwork, type ExplainOptions, explain, type MethodChoice } from "../../src/explain/index.js";
import type { Value } from "../../src/graph/graph.js";
import {
  Conv2d,
  globalAveragePool,
  initialize,
  Lambda,
  Linear,
  Module,
  Sequential,
  stateOf,
} from "../../src/nn/index.js";
import { relu, reshape } from "../../src/ops/index.js";
import { random } from "../support/random.js";

const engine = referenceEngine();
const image = (seed = 1, shape: readonly number[] = [3, 12, 16]): Tensor => random([...shape], { seed });

class Net extends Module {
  readonly stem = new Sequential([new Conv2d(3, 6, { kernelSize: 3, padding: 1, stride: 2 })]);
  readonly last = new Lambda(relu);
  readonly fc = new Linear(6, 5);
  override forward(x: Value): Value {
    return this.fc.call(globalAveragePool(this.last.call(this.stem.call(x))));
  }
}
const pooled = () => initialize(new Net(), { seed: 3 });
const network = (model: Module): ExplainableNetwork => ({ model, inputShape: [3, 12, 16] });
const run = (model: Module, method: MethodChoice | readonly MethodChoice[], options: Partial<ExplainOptions> = {}) =>
  explain(network(model), [image()], { engine, method, ...options });

test("what cannot be explained is refused in one line that says what would do", async () => {
  const model = pooled();
  const fails: [Promise<unknown>, RegExp][] = [
    [run(model, "gradcamm" as never), /Unknown method "gradcamm"\. Did you mean "gradcam"\?/],
    [run(model, ["gradcam++", { variant: "papers" }]), /gradcam\+\+.*variant.*paper/],
    [run(model, ["gradcam", { steps: 3 } as never]), /gradcam.*steps/],
    [run(model, []), /at least one method/],
    [run(model, "gradcam", { class: 5 }), /class must be from 0 to 4, got 5/],
    [run(model, "gradcam", { class: "dog" }), /class names are unknown/],
    [
      explain({ ...network(model), classes: ["a", "b", "c", "d", "dog"] }, [image()], {
        engine,
        method: "gradcam",
        class: "dig",
      }),
      /Did you mean "dog"/,
    ],
    [
      explain({ ...network(model), classes: ["a"] }, [image()], { engine, method: "gradcam" }),
      /1 class names for a network with 5 classes/,
    ],
    [run(model, "gradcam", { layer: "laast" }), /Unknown layer "laast"\. Did you mean "last"\?/],
    [run(model, "gradcam", { layer: "fc" }), /layer "fc" gives \[1,5\]/],
    [run(model, "gradcam", { score: "loss" as never }), /score/],
    [run(model, ["ig", { baseline: "black" }]), /baseline "black" needs to know how images are normalized/],
    [run(model, ["ig", { baseline: image(1, [3, 4, 4]) }]), /baseline must be \[3,12,16\], got \[3,4,4\]/],
    [run(model, ["occlusion", { window: 13 }]), /window of 13 pixels does not fit an input of 12×16/],
    [run(model, ["occlusion", { window: 2, stride: 3 }]), /stride of 3 leaves gaps/],
    [run(model, ["rise", { masks: image(1, [2, 4, 4]) }]), /masks must be \[n,12,16\]/],
    [
      explain(network(model), [image(1, [3, 8, 8])], { engine, method: "gradcam" }),
      /image must be \[3,12,16\], got \[3,8,8\]/,
    ],
    [explain({ model }, [image()], { engine, method: "gradcam" }), /needs preprocessing, or the inputShape/],
    [
      explain(
        network(new Sequential([new Conv2d(3, 2, { kernelSize: 3 }), new Lambda((x) => reshape(x, [1, 2, -1]))])),
        [image()],
        { engine, method: "gradcam" },
      ),
      /must output logits .* it outputs \[1,2,140\]/,
    ],
  ];
  for (const [promise, message] of fails)
    await assert.rejects(promise, (error: Error) => {
      assert.match(error.message, message);
      assert.ok(!error.message.includes("\n"), error.message);
      return true;
    });
  const zero = pooled();
  for (const param of stateOf(zero.fc).values())
    param.value = { ...param.value, data: new Float32Array(param.value.data.length) } as Tensor;
  await assert.rejects(run(zero, "ablationcam"), /the score is 0/);
});

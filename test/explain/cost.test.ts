import assert from "node:assert/strict";
import { test } from "node:test";
import { zeros } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { explain, type MethodChoice } from "../../src/explain/index.js";
import { Probe } from "../../src/explain/probe.js";
import { resnet } from "../../src/models/index.js";
import { initialize } from "../../src/nn/index.js";
import { ifLong } from "../support/long.js";
import { random } from "../support/random.js";

const image = (seed: number, shape: readonly number[]) => random([...shape], { seed });

/** An engine that runs nothing: outputs are ones. */
const idle: Engine = {
  name: "idle",
  compile: async (graph) => ({
    run: async () =>
      Object.fromEntries(
        [...graph.outputs].map(([name, { shape }]) => {
          const ones = zeros("float64", shape as number[]);
          ones.data.fill(1);
          return [name, ones];
        }),
      ),
    readState: async () => new Map(),
    release: async () => {},
  }),
  release: async () => {},
};

test("cost, beside the run of the network: counted for every method", async () => {
  const model = initialize(resnet(20, { attention: "cbam" }), { seed: 1 });
  const given = { model, inputShape: [3, 32, 32] as const };
  const forwards = async (method: MethodChoice, layer?: string) =>
    (await explain(given, [image(1, [3, 32, 32])], { engine: idle, method, ...(layer ? { layer } : {}) }))[0]!.forwards;
  for (const method of ["gradcam", "layercam", "ablationcam", "shapleycam", "finercam"] as const)
    assert.ok((await forwards(method)) < 0.01, method);
  for (const method of ["eigencam", "fem", "kpca-cam"] as const) assert.equal(await forwards(method), 0);
  assert.equal(await forwards("scorecam", "layer2"), 32);
  assert.equal(await forwards("scorecam", "layer1"), 16, "no more than there are channels");
  const gradient = await forwards("gradient");
  assert.ok(gradient > 1.9 && gradient < 2.1, "forward and backward");
  assert.ok(Math.abs((await forwards(["ig", { steps: 64 }])) - 1 - 64 * gradient) < 1e-6, "and the baseline");
  assert.ok((await forwards("gradcam", "layer1")) < 1.6);
});

test("cost: of ResNet-50 with CBAM, Grad-CAM at the last map and Ablation-CAM over 2,048 channels take nothing to speak of, four stages less than two runs more", {
  skip: ifLong,
}, async () => {
  const given = { model: resnet(50, { attention: "cbam" }), inputShape: [3, 224, 224] as const };
  const [grad, ablation] = await explain(given, [image(1, [3, 224, 224])], { engine: idle, method: ["gradcam"] }).then(
    ([first]) => [first!.forwards, new Probe(given.model, given.inputShape, [null], idle).isPooledLinear(0)] as const,
  );
  assert.ok(grad < 0.01);
  assert.ok(ablation, "channels are ablated without a run");
  const layer = ["layer1", "layer2", "layer3", "layer4"];
  const found = await explain(given, [image(1, [3, 224, 224])], {
    engine: idle,
    method: ["gradcam", "layercam"],
    layer,
  });
  assert.ok(found.reduce((sum, { forwards }) => sum + forwards, 0) <= 2);
});

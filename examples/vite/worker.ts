/** Trains where the page stays responsive: ONNX Runtime's WebAssembly blocks the thread that it runs on. */

import { createModel, evaluate, generateShapes, ortWebEngine, sgd, train } from "fovea/web";

const controller = new AbortController();
addEventListener("message", () => controller.abort());

async function main(): Promise<void> {
  const data = generateShapes({ count: 64, size: 16 });
  const model = createModel("resnet20", { numClasses: data.classes.length, attention: "se" });
  const engine = ortWebEngine();
  let steps = 0;
  const { stopped } = await train(model, data, {
    engine,
    epochs: 2,
    batch: 16,
    optimizer: sgd({ lr: 0.05 }),
    signal: controller.signal,
    onStep: ({ loss }) => postMessage(`step ${++steps}: mean loss ${loss.toFixed(4)}`),
  });
  const { loss } = await evaluate(model, data, { engine });
  postMessage(`${stopped ? `stopped after ${steps} steps` : "trained"}: loss ${loss.toFixed(4)}`);
  await engine.release();
}

main().catch((error: unknown) => postMessage(`failed: ${error}`));

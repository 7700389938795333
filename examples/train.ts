import { writeFile } from "node:fs/promises";
import { createModel, evaluate, exportOnnx, openDataset, ortEngine, sgd, trace, train } from "fovea";

const data = await openDataset("shapes", { count: { train: 256, validation: 128 } });
const model = createModel("resnet20", { numClasses: 10, attention: ["cbam", { reduction: 8 }] });
const engine = ortEngine();
await train(model, data.train, {
  engine,
  epochs: 1,
  batch: 64,
  optimizer: sgd({ lr: 0.1 }),
  validate: data.validation,
});
console.log(await evaluate(model, data.validation, { engine })); // { top1, top5, loss, … }
await writeFile("model.onnx", exportOnnx(trace(model, ["N", 3, 32, 32])));
await engine.release();

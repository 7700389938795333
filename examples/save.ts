import { writeFile } from "node:fs/promises";
import { createModel, openDataset, ortEngine, train } from "fovea";

const data = await openDataset("shapes", { count: { train: 256, validation: 64 } });
const engine = ortEngine();
await train(createModel("resnet20", { numClasses: 10 }), data.train, {
  engine,
  epochs: 1,
  onEpoch: (_, { checkpoint }) => writeFile("last.safetensors", checkpoint.bytes()),
});
await engine.release();

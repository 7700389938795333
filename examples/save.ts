import { writeFile } from "node:fs/promises";
import { openDataset, ortEngine, resnet, train } from "fovea";

const data = await openDataset("shapes", { count: { train: 256, validation: 64 } });
const engine = ortEngine();
await train(resnet(20, { classes: 10 }), data.train, {
  engine,
  epochs: 1,
  onEpoch: (_, { checkpoint }) => writeFile("last.safetensors", checkpoint.bytes()),
});
await engine.release();

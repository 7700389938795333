import { openDataset, ortEngine, resnet, train, writeFileAtomic } from "fovea";

const data = await openDataset("shapes", { count: { train: 256, validation: 64 } });
const engine = ortEngine();
await train(resnet(20, { classes: 10 }), data.train, {
  engine,
  epochs: 1,
  onEpoch: (_, { checkpoint }) => writeFileAtomic("last.safetensors", checkpoint), // or checkpoint.bytes(), up to 4 GiB
});
await engine.release();

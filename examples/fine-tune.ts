import { createModel, freeze, headGroup, loadPretrained, openDataset, ortEngine, sgd, train, weightsOf } from "fovea";

const data = await openDataset("shapes", { count: { train: 256, validation: 64 } });
const { classes } = data.train;
const model = createModel("resnet20", { numClasses: classes.length, attention: "se" });

// In practice: await openCheckpoint("resnet20.pth")
const checkpoint = { tensors: weightsOf(createModel("resnet20", { numClasses: 100 })), metadata: {} };
const { backbone } = loadPretrained(model, checkpoint, { classes });
freeze(model, (path) => backbone.includes(path)); // the SE modules and the classifier are trained

const engine = ortEngine();
await train(model, data.train, {
  engine,
  epochs: 1,
  optimizer: sgd({ lr: 0.001 }),
  groups: [headGroup(model, 10)],
  validate: data.validation,
});
await engine.release();

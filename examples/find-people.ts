import { adamw, createModel, evaluate, openDataset, ortEngine, reidentification, train } from "fovea";

const count = { train: 128, validation: 64 };
const data = await openDataset("shapes", { task: "reid", count });
const model = createModel("resnet20", { numClasses: data.train.classes.length });
const [engine, task] = [ortEngine(), reidentification({ instances: 4, margin: 0.3 })];
await train(model, data.train, {
  engine,
  task,
  epochs: 1,
  optimizer: adamw(),
  labelSmoothing: 0.1,
  validate: data.validation,
});

const { map, rank1 } = await evaluate(model, data.validation, { engine, task });
console.log(map, rank1);
await engine.release();

import {
  adamw,
  createModel,
  evaluate,
  openDataset,
  ortEngine,
  predictTargets,
  regression,
  targetStatistics,
  train,
} from "fovea";

const count = { train: 256, validation: 64 };
const data = await openDataset("shapes", { task: "regression", count });
const model = createModel("resnet20", { numClasses: data.train.classes.length });
const [engine, task] = [ortEngine(), regression({ ...targetStatistics(data.train), loss: "smooth-l1" })];
await train(model, data.train, {
  engine,
  task,
  epochs: 1,
  batch: 32,
  optimizer: adamw(),
  validate: data.validation,
  augment: null,
});

const { r2, targets } = await evaluate(model, data.validation, { engine, task });
console.log(
  r2,
  targets.map(({ name, mae }) => `${name} ${mae}`),
);
const preprocessing = { imageSize: 32, resize: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
const network = { model, classes: data.train.classes, preprocessing };
const [values] = await predictTargets(network, [await data.validation.image(0)], { engine, task });
console.log(values);
await engine.release();

import { adamw, createModel, evaluate, openDataset, ortEngine, segmentation, train } from "fovea";

const data = await openDataset("shapes", { task: "segmentation", count: { train: 96, validation: 16 } });
const model = createModel("unet_resnet18", { numClasses: data.train.classes.length });
const [engine, task] = [ortEngine(), segmentation({ loss: ["cross-entropy", "dice"] })];
await train(model, data.train, { engine, task, epochs: 1, batch: 16, optimizer: adamw(), validate: data.validation });

const { miou, boundaryF, classes } = await evaluate(model, data.validation, { engine, task });
console.log(
  miou,
  boundaryF,
  classes.map(({ name, iou }) => `${name} ${iou}`),
);
await engine.release();

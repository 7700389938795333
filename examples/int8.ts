import { writeFile } from "node:fs/promises";
import { calibrate, createModel, exportOnnx, openDataset, ortEngine, trace } from "fovea";

const data = await openDataset("shapes", { count: { train: 64, validation: 16 } });
const engine = ortEngine();
const model = createModel("resnet20", { numClasses: 10 });
const calibration = await calibrate(model, data.train, { engine, images: 32 });
await writeFile("model.onnx", exportOnnx(trace(model, ["N", 3, 32, 32]), { precision: "int8", calibration }));
await engine.release();

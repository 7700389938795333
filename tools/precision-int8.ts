/**
 * How exact is inference in 8-bit integers (docs/checkpoints.md)? Logits of a trained ResNet on the validation images of its data: here in float32 and by
 * its file in integers, by PyTorch in float32 and with autocast to bfloat16, all against PyTorch in float64 (tools/pytorch-precision.py).
 *
 *     node dist/tools/precision-int8.js --run runs/cifar-resnet18 --data cifar-10-batches-bin/ [--python /usr/bin/python3]
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { inputWriter, tensor, zeros } from "../src/engine.js";
import { openOnnxNetwork } from "../src/engines/ort/onnx-file.js";
import {
  calibrate,
  type Engine,
  evaluate,
  exportOnnx,
  loadRun,
  openDataset,
  ortEngine,
  type Tensor,
  trace,
  weightsOf,
} from "../src/index.js";
import { compareWithPyTorch } from "./pytorch-precision.js";

const { values } = parseArgs({
  options: {
    run: { type: "string", default: "" },
    data: { type: "string", default: "" },
    python: { type: "string", default: "/usr/bin/python3" },
  },
});
const { model, classes, preprocessing, config } = await loadRun(values.run);
const { train, validation } = await openDataset(values.data);

const { imageSize } = preprocessing;
const images = zeros("float32", [validation.length, 3, imageSize, imageSize]);
const write = inputWriter(preprocessing);
for (let i = 0; i < validation.length; i++)
  write(await validation.image(i), images.data as Float32Array, i * 3 * imageSize * imageSize);
const arrays: [string, Tensor][] = [
  ["images", images],
  ["labels", tensor("float32", [validation.length], Float32Array.from(validation.labels))],
];
for (const [key, value] of weightsOf(model)) arrays.push([`state/${key}`, value]);

async function logits(engine: Engine): Promise<Tensor> {
  const all = zeros("float32", [validation.length, classes.length]);
  const onLogits = (row: ArrayLike<number>, _label: number, i: number) =>
    all.data.set(row as never, i * classes.length);
  await evaluate(model, validation, { engine, preprocessing, onLogits });
  return all;
}
const engine = ortEngine();
arrays.push(["float32/logits", await logits(engine)]);
const calibration = await calibrate(model, train, { engine, preprocessing });
await engine.release();
const bytes = exportOnnx(trace(model, ["N", 3, imageSize, imageSize]), { precision: "int8", calibration });
const file = await openOnnxNetwork(bytes, "int8.onnx", availableParallelism());
arrays.push(["int8/logits", await logits(file.engine)]);
await file.engine.release();

compareWithPyTorch(values.python, arrays, config.model.name);

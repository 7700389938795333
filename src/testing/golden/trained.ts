import { FormatError, unknownName } from "../../core/errors.js";
import { type Tensor, toFloat64, zeros } from "../../core/tensor.js";
import type { Engine } from "../../engines/engine.js";
import { readCheckpoint } from "../../formats/checkpoint.js";
import { publishedNetworks } from "../../models/published.js";
import { trace } from "../../nn/index.js";
import { loadState } from "../../train/weights.js";
import { Comparison } from "./comparison.js";
import type { GoldenFile } from "./file.js";

/** Files that a golden file refers to: weights by name, CIFAR-10's test batch, other golden files. */
export interface TrainedData {
  /** The bytes of a weights file. */
  weights(name: string): Promise<Uint8Array>;
  /** The bytes of CIFAR-10's test batch. */
  cifarTest(): Promise<Uint8Array>;
  /** Another golden file, by folder and name: `networks/cifar-resnet20-cbam.safetensors`. Without it, files that need one fail. */
  golden?(name: string): Promise<Uint8Array>;
}

const record = 1 + 3 * 32 * 32;

/** Checks published weights: logits of 64 test images, and the predictions for the first 1000 (on fast engines). */
export async function checkTrainedFile(file: GoldenFile, engine: Engine, data: TrainedData): Promise<Comparison> {
  const comparison = new Comparison(engine, file);
  const name = file.text("network");
  const make = publishedNetworks.get(name);
  if (!make) throw unknownName("network", name, publishedNetworks.keys());
  const { model, rename } = make(file.hasText("options") ? file.json("options") : {});
  const weightsFile = file.text("weights_file");
  loadState(model, readCheckpoint(await data.weights(weightsFile), weightsFile).tensors, { rename });

  const records = await data.cifarTest();
  const logits = file.tensor("logits");
  const shown = logits.shape[0]!;
  const first = await logitsOf(engine, model, inputs(file, records, 0, shown));
  comparison.check("logits", first, logits, "logits");
  if (engine.name === "reference") return comparison;

  const expected = toFloat64(file.tensor("pred")).data;
  const classes = logits.shape[1]!;
  let wrong = 0;
  for (let start = 0; start < expected.length; start += 100) {
    const { data: z } = toFloat64(await logitsOf(engine, model, inputs(file, records, start, 100)));
    for (let i = 0; i < 100; i++) {
      const row = z.subarray(i * classes, (i + 1) * classes);
      if (row.indexOf(Math.max(...row)) !== expected[start + i]) wrong++;
    }
  }
  comparison.record("pred", wrong / expected.length, 1e-3);
  return comparison;
}

/** Normalized images `start` … `start + count − 1` of a CIFAR-10 batch file. */
function inputs(file: GoldenFile, records: Uint8Array, start: number, count: number): Tensor {
  if (records.length < (start + count) * record)
    throw new FormatError(`golden file: the test batch holds fewer than ${start + count} images`);
  const { mean, std } = file.json<{ mean: readonly number[]; std: readonly number[] }>("preprocess");
  const x = zeros("float64", [count, 3, 32, 32]);
  for (let i = 0; i < count; i++)
    for (let p = 0; p < 3072; p++) {
      const channel = Math.floor(p / 1024);
      x.data[i * 3072 + p] = (records[(start + i) * record + 1 + p]! / 255 - mean[channel]!) / std[channel]!;
    }
  return x;
}

async function logitsOf(engine: Engine, model: Parameters<typeof trace>[0], x: Tensor): Promise<Tensor> {
  const executable = await engine.compile(trace(model, x.shape));
  const { output } = await executable.run({ input: x });
  await executable.release();
  return output!;
}

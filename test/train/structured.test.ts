import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { FoveaError } from "../../src/core/errors.js";
import { RunFolder } from "../../src/train/run-folder.js";
import { folderOf } from "../data/support.js";
import { said, survivesWaiting } from "../formats/mutation.js";
import { alteredJson } from "../formats/structured.js";

const config = {
  format: "fovea.run.1",
  versions: { fovea: "0.1.0", node: "20.20.2" },
  flags: { epochs: 1 },
  model: { name: "resnet20", options: { attention: null, numClasses: 2, stem: "cifar" } },
  data: { source: "pets", kind: "folder", classes: ["cat", "dog"] },
  preprocessing: { imageSize: 32, resize: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  frozen: [],
  training: {
    epochs: 1,
    batch: 64,
    optimizer: { name: "sgd", settings: { lr: 0.1, momentum: 0.9, weightDecay: 0.0005 } },
    schedule: { kind: "cosine", warmupEpochs: 0 },
    labelSmoothing: 0,
    clipNorm: null,
    ema: null,
    seed: 0,
    augment: { crop: { padding: 4 }, flip: true },
    weights: null,
    freeze: null,
    freezeUntil: null,
    headLr: null,
  },
};
const validation = { count: 2, top1: 0.5, top5: 1, loss: 0.7, classes: [{ name: "cat", count: 1, correct: 1 }] };
const epoch = { epoch: 1, step: 2, lr: 0.1, trainLoss: 1, trainTop1: 0.5, loss: 0.7, top1: 0.5, top5: 1, validation };

test("run folders: files whose values lie are read or refused, never more", async (t) => {
  const folder = await folderOf(t, {});
  const line = fc.oneof(fc.constant(JSON.stringify(epoch)), alteredJson(epoch));
  const inputs = fc.tuple(
    fc.oneof(fc.constant(JSON.stringify(config)), alteredJson(config)),
    fc.array(line, { maxLength: 3 }).map((lines) => lines.join("\n")),
  );
  const outcome = await survivesWaiting(
    inputs,
    async ([written, metrics]) => {
      await writeFile(join(folder, "config.json"), written);
      await writeFile(join(folder, "metrics.jsonl"), metrics);
      const run = await RunFolder.open(folder);
      run.description();
      await run.checkpoint();
      await run.validation(1);
      await run.truncateMetrics(1);
    },
    [FoveaError],
    0.2,
  );
  t.diagnostic(said(outcome));
});

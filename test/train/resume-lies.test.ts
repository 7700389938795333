import assert from "node:assert/strict";
import { test } from "node:test";
import { blobSource } from "../../src/formats/byte-source.js";
import { FormatError, readSafetensors, writeSafetensors } from "../../src/index.js";
import { constant, initialize, Module, Param } from "../../src/nn/index.js";
import { float32 } from "../../src/nn.js";
import { restoreCheckpoint, writeCheckpoint } from "../../src/train/checkpoint.js";

class Net extends Module {
  readonly weight = new Param([2], constant(1));
  override forward(): never {
    throw new Error("not run");
  }
}

const progress = { epoch: 2, batch: 1, lossSum: 1.5, correct: 3, count: 4, history: [{ epoch: 1, trainLoss: 1 }] };
const saved = () => {
  const model = initialize(new Net());
  model.weight.value = float32([2], [5, 6]);
  return readSafetensors(writeCheckpoint(model, new Map(), 7, progress as never, ["a"]).bytes());
};

test("a checkpoint whose progress lies is refused in one line, with the model as it was", async () => {
  const { tensors, metadata } = saved();
  const lies: Record<string, string | undefined> = {
    missing: undefined,
    empty: "",
    "no JSON": "{epoch: 1}",
    null: "null",
    "a list": "[]",
    "no epoch": JSON.stringify({ ...progress, epoch: undefined }),
    "a negative epoch": JSON.stringify({ ...progress, epoch: -1 }),
    "half a batch": JSON.stringify({ ...progress, batch: 0.5 }),
    "an enormous count": JSON.stringify({ ...progress, count: 1e300 }),
    "a loss that is none": JSON.stringify({ ...progress, lossSum: null }),
    "a history of numbers": JSON.stringify({ ...progress, history: [1, 2] }),
    "a history of one null": JSON.stringify({ ...progress, history: [null] }),
    "a history by name": JSON.stringify({ ...progress, history: { 1: {} } }),
  };
  for (const [name, text] of Object.entries(lies)) {
    const { progress: _, ...rest } = metadata;
    const bytes = writeSafetensors(tensors, text === undefined ? rest : { ...rest, progress: text });
    const model = initialize(new Net());
    await assert.rejects(
      restoreCheckpoint(blobSource(new Blob([bytes as never])), model, new Map(), 7, ["a"]),
      (error: Error) =>
        error instanceof FormatError &&
        /^resume: .*progress|^resume: progress/.test(error.message) &&
        !error.message.includes("\n"),
      name,
    );
    assert.deepEqual([...model.weight.value.data], [1, 1], name);
  }
});

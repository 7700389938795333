import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { FoveaError } from "../../src/core/errors.js";
import { renderReport } from "../../src/report/index.js";
import { RunFolder } from "../../src/train/run-folder.js";
import { folderOf } from "../data/support.js";
import { said, survivesWaiting } from "../formats/mutation.js";
import { alteredJson } from "../formats/structured.js";
import { runConfig as config } from "./support.js";

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

test("figures of an epoch that lie are passed over, those that hold are given", async (t) => {
  const folder = await folderOf(t, { "config.json": JSON.stringify(config) });
  const classes = [{ name: "cat", count: 2, correct: 1, precision: null, recall: 0.5 }];
  const right = { count: 2, top1: 0.5, top5: 1, loss: 0.7, classes, confusion: [[2]] };
  const lies: readonly object[] = [
    { ...right, classes: undefined, loss: "low" },
    { ...right, classes: null },
    { ...right, classes: [null] },
    { ...right, classes: [{ ...classes[0], name: 7 }] },
    { ...right, classes: [...classes, ...classes] },
    { ...right, confusion: [] },
    { ...right, confusion: [[]] },
    { ...right, confusion: [[-1]] },
    { ...right, confusion: [[2, 3]] },
    { ...right, confusion: "all" },
    { ...right, top1: null },
    { ...right, count: -1 },
    [],
  ];
  const validationOf = async (validation: unknown) => {
    await writeFile(join(folder, "metrics.jsonl"), `${JSON.stringify({ ...epoch, validation })}\n`);
    return (await RunFolder.open(folder)).validation(1);
  };
  assert.deepEqual(await validationOf(right), right);
  for (const lie of lies) {
    assert.equal(await validationOf(lie), undefined, JSON.stringify(lie));
    const report = { title: "x", history: [], config: {}, validation: lie };
    assert.throws(
      () => renderReport(report as never),
      /^OptionError: renderReport: run.validation must be what evaluate\(\) gives/,
    );
    assert.throws(
      () => renderReport({ ...report, validation: null, test: lie } as never),
      /renderReport: run.test must be/,
    );
  }
});

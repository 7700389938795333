import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { median } from "../../src/cli/calibrate.js";
import { progressText } from "../../src/cli/terminal.js";
import { Rng } from "../../src/core/rng.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const data = join(folder, "colors");
for (const [label, name] of ["blue", "red"].entries()) {
  mkdirSync(join(data, name), { recursive: true });
  for (let i = 0; i < 20; i++) {
    const rng = new Rng(i, name);
    const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, k) => rng.uniform(0, k % 3 === label ? 255 : 140));
    await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } }).toFile(join(data, name, `${i}.png`));
  }
}
const out = join(folder, "run");
const flags = ["--model", "resnet20", "--epochs", "4", "--batch", "8", "--lr", "0.1", "--test-split", "0.25"];
const lines = (text: string) => text.trim().split("\n");

interface Line {
  readonly epoch: number;
  readonly validation: { readonly confusion: readonly (readonly number[])[] };
}
interface Result {
  readonly best: { readonly epoch: number; readonly top1: number };
  readonly final: { readonly epoch: number; readonly top1: number };
  readonly test: { readonly count: number; readonly top1: number };
}

/** What the report says of a section. */
const section = (html: string, title: string) => html.split("<h2>").find((part) => part.startsWith(`${title}<`)) ?? "";

test("the report, the last lines and --json tell of the shipped weights, the final epoch and the test images", async () => {
  const { code, stdout, stderr } = await fovea(["train", data, ...flags, "--out", out, "--json"]);
  assert.equal(code, 0, stderr);
  const { best, final, test: tested } = JSON.parse(stdout) as Result;
  assert.match(stderr, /22 images are few to train a network from scratch\. Start from pretrained weights/);
  assert.equal(final.epoch, 4);
  assert.equal(tested.count, 10);
  assert.match(stderr, new RegExp(`validation top-1: best .* \\(epoch ${best.epoch}\\).*; final .* \\(epoch 4\\)`));
  assert.match(stderr, /test top-1 of the best weights: .* 10 images held out to the end/);

  const html = readFileSync(join(out, "report.html"), "utf8");
  assert.match(section(html, "Validation"), new RegExp(`weights of epoch ${best.epoch}, in best.safetensors`));
  assert.match(section(html, "Test"), /10 images, the same weights/);
  assert.match(html, /Final validation top-1/);
});

test("a resumed run still reports the best epoch's figures", { skip: ifLong }, async () => {
  const before = lines(readFileSync(join(out, "metrics.jsonl"), "utf8")).map((line) => JSON.parse(line) as Line);
  const { code, stdout, stderr } = await fovea(["train", "--resume", "--out", out, "--epochs", "4", "--json"]);
  assert.equal(code, 0, stderr);
  const { best } = JSON.parse(stdout) as Result;
  const { confusion } = before.find(({ epoch }) => epoch === best.epoch)!.validation;
  const html = section(readFileSync(join(out, "report.html"), "utf8"), "Validation");
  assert.match(html, new RegExp(`weights of epoch ${best.epoch},`));
  const right = confusion.reduce((n, row, i) => n + row[i]!, 0);
  assert.match(html, new RegExp(`top-1 ${((100 * right) / confusion.flat().reduce((a, b) => a + b)).toFixed(1)}`));
});

test("the ETA is whole in any width, and the bar gives way to it", () => {
  const text = "epoch 10/100  loss 0.123  top-1 100.0 %  1234 img/s  ETA 1:23:45";
  for (const columns of [70, 80, 120]) {
    const line = progressText(0.5, text, columns);
    assert.ok(line.endsWith("ETA 1:23:45") && line.length < columns, line);
  }
  assert.match(progressText(0.5, text, 120), /^━{12}─{12} epoch/);
});

test("the median of an even count is the mean of the two in the middle", () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 3, 2]), median([5])], [2, 2.5, 5]);
});

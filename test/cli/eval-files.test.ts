import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { readOnnxMetadata } from "../../src/formats/onnx/read-metadata.js";
import { sharedFovea as fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
mkdirSync(at("data"));
const data = tinyCifar(at("data"));
const run = at("run");

async function json(...args: string[]) {
  const { code, stdout, stderr } = await fovea([...args, "--json"]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

before(async () => {
  const more = ["--attention", "se", "--epochs", "1", "--batch", "16", "--no-maps", "--out", run];
  const { code, stderr } = await fovea(["train", data, "--model", "resnet20", ...more]);
  assert.equal(code, 0, stderr);
  await json("export", run, "--out", at("net.onnx"));
  await json("export", run, "--out", at("int8.onnx"), "--precision", "int8");
});

test("an exported file is measured as the run is", async () => {
  const own = await json("eval", run, data);
  const file = await json("eval", at("net.onnx"), data);
  assert.equal(file.count, own.count);
  assert.equal(file.top1, own.top1);
  assert.ok(Math.abs(file.loss - own.loss) < 1e-4, `${file.loss} ${own.loss}`);
  assert.deepEqual(
    file.classes.map(({ name }: { name: string }) => name),
    own.classes.map(({ name }: { name: string }) => name),
  );
  const small = await json("eval", at("int8.onnx"), data, "--batch", "7");
  assert.ok(Math.abs(small.loss - own.loss) < 0.2, `${small.loss} ${own.loss}`);
});

test("each image's answer is written as a row", async () => {
  const { code, stderr } = await fovea(["eval", at("net.onnx"), data, "--csv", at("answers.csv")]);
  assert.equal(code, 0, stderr);
  const own = await json("eval", run, data, "--csv", at("own.csv"));
  const rows = (name: string) => readFileSync(at(name), "utf8").trim().split("\n");
  const [header, ...lines] = rows("own.csv");
  assert.equal(header, "image,class,predicted,probability,correct,loss");
  assert.equal(lines.length, own.count);
  const cells = lines.map((line) => line.split(","));
  const right = cells.filter(([, label, predicted, , correct]) => {
    assert.equal(correct, label === predicted ? "1" : "0");
    return correct === "1";
  });
  assert.equal(right.length / own.count, own.top1);
  const loss = cells.reduce((sum, row) => sum + Number(row[5]), 0) / own.count;
  assert.ok(Math.abs(loss - own.loss) < 1e-9);
  assert.deepEqual(
    rows("answers.csv").map((line) => line.split(",").slice(0, 3)),
    [header!, ...lines].map((line) => line.split(",").slice(0, 3)),
  );
});

test("test-time augmentation is measured with runs, files and single images", async () => {
  const [plain, flipped, file] = [
    await json("eval", run, data),
    await json("eval", run, data, "--tta", "flip"),
    await json("eval", at("net.onnx"), data, "--tta", "flip"),
  ];
  assert.equal(flipped.tta, "flip");
  assert.notEqual(flipped.loss, plain.loss);
  assert.ok(Math.abs(file.loss - flipped.loss) < 1e-4);
  const { code, stderr } = await fovea(["eval", run, data, "--tta", "five-crop"]);
  assert.equal(code, 2);
  assert.match(stderr, /tta five-crop has no effect/);
});

test("flags of networks of ours are refused with a file", async () => {
  for (const flags of [["--weights", "x"], ["--attention", "se"], ["--localization"], ["--classes", "10"]]) {
    const { code, stderr } = await fovea(["eval", at("net.onnx"), data, ...flags]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, new RegExp(`^fovea: ${flags[0]} is for`, "m"));
  }
});

test("files that are no networks are refused in one line", async () => {
  const bytes = readFileSync(at("net.onnx"));
  const files: readonly (readonly [Uint8Array, RegExp])[] = [
    [new Uint8Array(0), /no\.onnx: ONNX Runtime cannot run it/],
    [new TextEncoder().encode("this is no network"), /no\.onnx: is not an ONNX file/],
    [bytes.subarray(0, bytes.length - 100), /no\.onnx: (is not an ONNX file|ONNX Runtime cannot run it)/],
    [bytes.subarray(0, 1000), /no\.onnx: is not an ONNX file/],
  ];
  for (const [content, says] of files) {
    writeFileSync(at("no.onnx"), content);
    const { code, stdout, stderr } = await fovea(["eval", at("no.onnx"), data]);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr.trim().split("\n").at(-1)!, says);
  }
  const missing = await fovea(["eval", at("none.onnx"), data]);
  assert.match(missing.stderr, /none\.onnx cannot be read/);
});

test("metadata are read within bounds from any bytes", () => {
  const bytes = readFileSync(at("net.onnx"));
  const metadata = readOnnxMetadata(bytes, "net.onnx");
  assert.equal(metadata.model, "resnet20");
  assert.equal(JSON.parse(metadata.classes!).length, 10);
  for (let end = 0; end < 400; end++) {
    try {
      readOnnxMetadata(bytes.subarray(0, end), "cut.onnx");
    } catch (error) {
      assert.match((error as Error).message, /^cut\.onnx: is not an ONNX file$/);
    }
  }
  assert.throws(() => readOnnxMetadata(new Uint8Array(20).fill(255), "x.onnx"), /x\.onnx: is not an ONNX file/);
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { float32, type Tensor } from "../../src/core/tensor.js";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";
import { createModel } from "../../src/models/index.js";
import { recognizeCheckpoint } from "../../src/models/recognize.js";
import { initialize, stateOf } from "../../src/nn/index.js";
import { weightsOf } from "../../src/train/index.js";
import { sharedFovea as fovea, main, temporaryFolder } from "../support/fovea.js";

const folder = temporaryFolder();
const images = join(folder, "images");
mkdirSync(join(images, "deep"), { recursive: true });
for (const [i, name] of ["a.png", "deep/b, c.png"].entries())
  await sharp(Buffer.alloc(32 * 32 * 3, 60 + 90 * i), { raw: { width: 32, height: 32, channels: 3 } }).toFile(
    join(images, name),
  );
writeFileSync(join(images, "broken.jpg"), "no image");
writeFileSync(join(images, "notes.txt"), "no image");

// What leaves no trace in the keys has to come from the metadata.
const options = { numClasses: 3, attention: ["cbam", { order: "spatial-channel", pools: ["avg"] }] };
const weights = join(folder, "weights.safetensors");
const network = initialize(createModel("resnet20", options as never), { seed: 2 });
writeFileSync(weights, writeSafetensors(weightsOf(network), { model: "resnet20", options: JSON.stringify(options) }));
const names = join(folder, "names.txt");
writeFileSync(names, 'ant\nbee, "wild"\ncat\n');
const predict = (...flags: string[]) =>
  fovea(["predict", "resnet20", images, "--weights", weights, "--class-names", names, "--image-size", "32", ...flags]);

test("predict takes a network with weights, folders, and writes a line of CSV for each image", async () => {
  const { code, stdout, stderr } = await predict("--format", "csv", "--top", "2");
  assert.equal(code, 1, "one file is no image");
  assert.match(stderr, /fovea: .*broken\.jpg: /);
  assert.equal(stderr.match(/broken\.jpg/g)!.length, 1, "a file is named once");
  const [header, ...rows] = stdout.trim().split("\n");
  assert.equal(header, "image,class_1,probability_1,class_2,probability_2");
  assert.equal(rows.length, 2);
  assert.match(rows[1]!, /^"[^"]*b, c\.png",/);
});

test("predict names and counts the files of a folder that are no images", async () => {
  writeFileSync(join(images, "deep", "sheet.xlsx"), "no image");
  writeFileSync(join(images, ".DS_Store"), "");
  const { stderr, stdout } = await predict("--json");
  for (const name of ["notes\\.txt", "deep/sheet\\.xlsx", "\\.DS_Store"])
    assert.equal(stderr.match(new RegExp(`skipped .*${name}: `, "g"))?.length, 1, stderr);
  assert.match(stderr, /3 skipped in total/);
  const { predictions, skipped } = JSON.parse(stdout);
  assert.deepEqual([predictions.length, skipped.length], [3, 3]);
});

test("a table has no columns for classes that there are not", async () => {
  for (const top of ["3", "4", "1000"]) {
    const [header, ...rows] = (await predict("--format", "csv", "--top", top)).stdout.trim().split("\n");
    assert.equal(header, "image,class_1,probability_1,class_2,probability_2,class_3,probability_3");
    for (const row of rows) assert.doesNotMatch(row, /,,|,$/);
  }
});

test("predict writes JSON lines, to a file too, and one object with --json", async () => {
  const out = join(folder, "answers.jsonl");
  await predict("--format", "jsonl", "--out", out);
  const lines = readFileSync(out, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { predictions } = JSON.parse((await predict("--json")).stdout);
  assert.deepEqual(lines, predictions);
  const classes = predictions.find(({ error }: { error?: string }) => !error).classes as {
    name: string;
    probability: number;
  }[];
  assert.deepEqual(classes.map(({ name }) => name).sort(), ["ant", 'bee, "wild"', "cat"]);
  assert.ok(Math.abs(classes.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-6);
});

test("predict refuses names that are too few, and files of names that are none", async () => {
  writeFileSync(join(folder, "two.json"), '["ant", "bee"]');
  const few = await predict("--class-names", join(folder, "two.json"));
  assert.deepEqual([few.code, few.stderr.trim()], [2, "fovea: predict: 2 class names for a network with 3 classes"]);
  writeFileSync(join(folder, "bad.json"), "[1, 2]");
  assert.match((await predict("--class-names", join(folder, "bad.json"))).stderr, /must be one class per line/);
  assert.match((await predict("--class-names", join(folder, "none"))).stderr, /cannot be read: no such file/);
  // A run's network is built already.
  const run = await fovea(["predict", folder, images, "--stem", "cifar"]);
  assert.match(run.stderr, /--stem is for a network by name/);
});

test("export takes a network with weights; what it writes says how the network is built", async () => {
  const out = join(folder, "out.safetensors");
  const { code, stderr } = await fovea(["export", "resnet20", "--weights", weights, "--out", out]);
  assert.equal(code, 0, stderr);
  const { tensors, metadata } = readSafetensors(readFileSync(out));
  const known = recognizeCheckpoint(tensors, metadata)!;
  assert.deepEqual([known.model, known.options, known.unexplained, known.missing], ["resnet20", options, [], []]);
  const onnx = await fovea(["export", "resnet20", "--weights", weights, "--out", join(folder, "out.onnx"), "--json"]);
  assert.deepEqual(JSON.parse(onnx.stdout).output.shape, ["N", 3]);
});

test("convert keeps what the metadata says of a network", async () => {
  const out = join(folder, "converted.safetensors");
  assert.equal((await fovea(["convert", weights, out])).code, 0);
  const { tensors, metadata } = readSafetensors(readFileSync(out));
  assert.deepEqual(recognizeCheckpoint(tensors, metadata)!.options, options);
});

test("a reader that has read enough ends predict quietly", async () => {
  const many = Array(200).fill(join(images, "a.png"));
  const flags = ["--weights", weights, "--image-size", "32"];
  const child = spawn(process.execPath, [main, "predict", "resnet20", ...many, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stderr, lines] = ["", 0];
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  child.stdout.once("data", () => {
    lines++;
    child.stdout.destroy();
  });
  const [code] = await once(child, "close");
  assert.deepEqual([code, stderr, lines], [0, "", 1]);
});

test("convert gives layers that a copy has as convolutions the shapes of ours", async () => {
  const network = createModel("resnet20", { attention: ["se", { reduction: 0.3, bias: true }] });
  const theirs = [...weightsOf(network)].map(([key, value]) => {
    const shape = /\.se\..*weight$/.test(key) ? [...value.shape, 1, 1] : value.shape;
    return [
      key.replace(/\.se\.fc\.([02])/, (_, i) => `.se_layer.fc${Number(i) / 2 + 1}`),
      { ...value, shape } as Tensor,
    ] as const;
  });
  const [copy, out] = [join(folder, "copy.safetensors"), join(folder, "of-copy.safetensors")];
  writeFileSync(copy, writeSafetensors(theirs));
  const { code, stderr } = await fovea(["convert", copy, out]);
  assert.equal(code, 0, stderr);
  const { tensors, metadata } = readSafetensors(readFileSync(out));
  for (const [key, param] of stateOf(network)) assert.deepEqual(tensors.get(key)!.shape, param.shape, key);
  assert.deepEqual(JSON.parse(metadata.options!).attention, ["se", { reduction: 0.3, bias: true }]);
});

test("a file with keys that the network does not have is used with --ignore, and what is ignored is said", async () => {
  const more = join(folder, "more.safetensors");
  const extra = new Map([...weightsOf(network), ["aux.weight", float32([2], [1, 2])], ["aux.bias", float32([1], [3])]]);
  writeFileSync(more, writeSafetensors(extra, { model: "resnet20", options: JSON.stringify(options) }));
  const image = join(images, "a.png");
  const small = ["--image-size", "32"];
  const base = ["predict", "resnet20", image, ...small];
  const refused = await fovea([...base, "--weights", more]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /2 unexpected \(aux\.weight, aux\.bias\); .*--ignore '\^aux\\\.'/);
  const [plain, used] = [
    await fovea([...base, "--weights", weights]),
    await fovea([...base, "--weights", more, "--ignore", "^aux\\."]),
  ];
  assert.deepEqual([used.code, used.stdout], [0, plain.stdout]);
  assert.match(used.stderr, /2 keys of .*more\.safetensors are not used: aux\.weight, aux\.bias/);
  const exported = await fovea([
    "export",
    "resnet20",
    "--weights",
    more,
    "--ignore",
    "aux",
    "--out",
    join(folder, "less.safetensors"),
  ]);
  assert.equal(exported.code, 0, exported.stderr);
  assert.equal(readSafetensors(readFileSync(join(folder, "less.safetensors"))).tensors.has("aux.bias"), false);
  // What the network needs cannot be left out, and a pattern for nothing has no effect.
  extra.delete("fc.bias");
  writeFileSync(more, writeSafetensors(extra, { model: "resnet20", options: JSON.stringify(options) }));
  const lacking = await fovea([...base, "--weights", more, "--ignore", "aux|fc"]);
  assert.match(lacking.stderr, /the weights do not fit the model: 1 missing \(fc\.bias\)/);
  assert.doesNotMatch(lacking.stderr, /--ignore/);
  const idle = await fovea([...base, "--weights", weights, "--ignore", "aux"]);
  assert.deepEqual([idle.code, /--ignore aux: all keys of .* fit; leave it out/.test(idle.stderr)], [2, true]);
});

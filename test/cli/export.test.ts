import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { InferenceSession } from "onnxruntime-node";
import { sharedFovea as fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const data = join(folder, "data");
mkdirSync(data);
tinyCifar(data);
const run = join(folder, "run");
const at = (name: string) => join(folder, name);

before(async () => {
  const options = [
    "--model",
    "resnet20",
    "--attention",
    "se",
    "--epochs",
    "1",
    "--batch",
    "16",
    "--no-maps",
    "--out",
    run,
  ];
  const { code, stderr } = await fovea(["train", data, ...options]);
  assert.equal(code, 0, stderr);
});

interface Socket {
  readonly name: string;
}
interface Figures {
  readonly top1: number;
  readonly loss: number;
}

/** What the command prints with --json. */
interface Result {
  readonly bytes: number;
  readonly input: Socket;
  readonly output: Socket;
  readonly moreOutputs: readonly Socket[];
  readonly measured: { readonly count: number; readonly before: Figures; readonly after: Figures };
}

async function exported(...more: string[]): Promise<Result> {
  const { code, stdout, stderr } = await fovea(["export", run, ...more, "--json"]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

async function outputsOf(file: string): Promise<readonly string[]> {
  const session = await InferenceSession.create(file);
  const names = session.outputNames;
  await session.release();
  return names;
}

test("attention maps and features become outputs on request", async () => {
  const { moreOutputs } = await exported("--out", at("maps.onnx"), "--attention-maps", "--features");
  const names = moreOutputs.map(({ name }) => name);
  assert.deepEqual(await outputsOf(at("maps.onnx")), ["output", ...names]);
  assert.ok(names.includes("features"));
  assert.ok(names.includes("layer1.0.se/channel"), names.join());
  await exported("--out", at("plain.onnx"));
  assert.deepEqual(await outputsOf(at("plain.onnx")), ["output"]);
});

test("batch norms are folded unless they are to be kept, and the operator set can be chosen", async () => {
  const folded = await exported("--out", at("folded.onnx"));
  const kept = await exported("--out", at("kept.onnx"), "--keep-batch-norm", "--opset", "21");
  assert.ok(folded.bytes < kept.bytes);
  const names = (file: string) => readFileSync(at(file)).includes("BatchNormalization");
  assert.deepEqual([names("folded.onnx"), names("kept.onnx")], [false, true]);
  await outputsOf(at("kept.onnx"));
});

test("compressed files are smaller, and what that costs is measured", { skip: ifLong }, async () => {
  const whole = await exported("--out", at("float32.onnx"));
  for (const [precision, share] of [
    ["float16", 0.56],
    ["int8", 0.34],
  ] as const) {
    const file = at(`${precision}.onnx`);
    const { bytes, measured } = await exported("--out", file, "--precision", precision, "--measure", data);
    assert.equal(statSync(file).size, bytes);
    assert.ok(bytes < share * whole.bytes);
    const { count, before: exact, after } = measured;
    assert.equal(count, 32);
    for (const figure of ["top1", "loss"] as const)
      assert.ok(Math.abs(exact[figure] - after[figure]) < 0.1, `${precision} ${figure}`);
    assert.notEqual(exact.loss, after.loss);
  }
  const { stdout } = await fovea(["export", run, "--out", at("text.onnx"), "--precision", "int8", "--measure", data]);
  assert.match(stdout, /top-1 [\d.]+ % → [\d.]+ %, loss [\d.]+ → [\d.]+ as int8 on 32 images/);
});

test("calibrated on data, a file computes in integers", async () => {
  const weights = await exported("--out", at("weights.onnx"), "--precision", "int8");
  const calibrated = ["--precision", "int8", "--calibrate", data, "--calibration-images", "8", "--measure", data];
  const { bytes, measured } = await exported("--out", at("integers.onnx"), ...calibrated);
  // What is more are scales and zero points.
  assert.ok(bytes > weights.bytes && bytes < 1.4 * weights.bytes, `${bytes} bytes, ${weights.bytes}`);
  assert.ok(readFileSync(at("integers.onnx")).includes("QuantizeLinear"));
  assert.notEqual(measured.before.loss, measured.after.loss);
  assert.ok(Math.abs(measured.before.loss - measured.after.loss) < 0.2);
  assert.deepEqual(await outputsOf(at("integers.onnx")), ["output"]);
});

test("a folder for transformers.js", async () => {
  const { input, output } = await exported("--format", "transformers.js", "--out", at("web"));
  assert.deepEqual([input.name, output.name], ["pixel_values", "logits"]);
  assert.deepEqual(await outputsOf(join(at("web"), "onnx", "model.onnx")), ["logits"]);
  const config = JSON.parse(String(readFileSync(join(at("web"), "config.json"))));
  assert.equal(config.id2label[3], "cat");
  assert.ok(statSync(join(at("web"), "preprocessor_config.json")).size > 0);
});

test("options without effect and values that there are not are wrong usage", async () => {
  for (const [args, message] of [
    [["--out", at("a.safetensors"), "--precision", "int8"], /^fovea: --precision is for onnx and transformers\.js/],
    [["--out", at("a.onnx"), "--opset", "12"], /Allowed choices are 13, /],
    [["--out", at("a.onnx"), "--precision", "int4"], /Allowed choices are float32, float16, int8/],
    [["--out", at("a.onnx"), "--calibrate", data], /^fovea: --calibrate needs --precision int8/],
    [["--out", at("a.onnx"), "--calibration-images", "8"], /^fovea: --calibration-images needs --calibrate DATA/],
    [
      ["--out", at("a.onnx"), "--precision", "int8", "--calibrate", data, "--keep-batch-norm"],
      /^fovea: --calibrate needs batch norms folded: leave out --keep-batch-norm/,
    ],
    [["--out", at("a")], /use --format onnx, transformers\.js or safetensors/],
  ] as const) {
    const { code, stderr } = await fovea(["export", run, ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});

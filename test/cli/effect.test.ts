import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { createModel } from "../../src/models/index.js";
import { initialize } from "../../src/nn/index.js";
import { weightsOf } from "../../src/train/index.js";
import { sharedFovea as fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
mkdirSync(at("cifar"));
const cifar = tinyCifar(at("cifar"));

/** Images of two classes in each of these folders. */
async function images(...parts: string[]): Promise<void> {
  for (const part of parts)
    for (const [i, name] of ["dark", "light"].entries()) {
      mkdirSync(at(part, name), { recursive: true });
      for (let k = 0; k < 6; k++)
        await sharp(Buffer.alloc(16 * 16 * 3, 60 + 90 * i + k), { raw: { width: 16, height: 16, channels: 3 } }).toFile(
          at(part, name, `${k}.png`),
        );
    }
}
await images("flat", "divided/train", "divided/val", "divided/test");
const [flat, divided] = [at("flat"), at("divided")];
const weights = at("weights.safetensors");
const classes = JSON.stringify(["dark", "light"]);
writeFileSync(
  weights,
  writeSafetensors(weightsOf(initialize(createModel("resnet20", { numClasses: 2 }))), { classes }),
);
const named = (command: string, ...rest: string[]) => [command, "resnet20", ...rest, "--weights", weights];
const run = at("run");
const begun = await fovea([
  "train",
  flat,
  "--epochs",
  "1",
  "--batch",
  "4",
  "--image-size",
  "16",
  "--no-maps",
  "--out",
  run,
]);
assert.equal(begun.code, 0, begun.stderr);
const train = (...flags: string[]) => ["train", flat, "--image-size", "16", "--out", at("never"), ...flags];
const out = ["--out", at("never.onnx")];

/** Flags that would change nothing, and what is said of them. */
const idle: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [["train", "shapes", "--test-split", "0.1"], /--test-split has no effect: shapes is shapes, which has fixed splits/],
  [["train", "shapes", "--val-split", "0.1"], /--val-split has no effect/],
  [["train", cifar, "--test-split", "0.1"], /--test-split has no effect: .* is cifar10, which has fixed splits/],
  [["train", cifar, "--val-split", "0.1"], /--val-split has no effect/],
  [["train", divided, "--val-split", "0.3"], /--val-split has no effect: the folders of .*divided define its splits/],
  [["train", divided, "--test-split", "0.3"], /--test-split has no effect: the folders of .*divided define its splits/],
  [train("--ignore", "^fc"), /--ignore needs --weights/],
  [train("--part", "model"), /--part needs --weights/],
  [train("--insert-options", "{}"), /--insert-options needs --insert/],
  [train("--attention-options", "{}"), /--attention-options needs --attention/],
  [train("--cache-features"), /--cache-features needs --no-augment/],
  [train("--cache-features", "--no-augment"), /--cache-features has no effect: no part is frozen/],
  [train("--no-cache-features"), /--no-cache-features has no effect: no part is frozen/],
  [train("--step-epochs", "2"), /--step-epochs needs --schedule step/],
  [train("--schedule", "step", "--step-epochs", "2,10"), /--step-epochs 10 has no effect: the training ends/],
  [train("--warmup", "11"), /--warmup 11 is longer than the training/],
  ...["lion", "rmsprop-tf"].map(
    (name) =>
      [
        train("--no-decay-norms", "--optimizer", name),
        /--no-decay-norms has no effect: there is no weight decay/,
      ] as const,
  ),
  [train("--no-decay-norms", "--weight-decay", "0"), /--no-decay-norms has no effect: there is no weight decay/],
  [
    train("--lr", "0.1", "--optimizer-options", '{"lr":0.2}'),
    /--lr and lr in --optimizer-options are the same setting/,
  ],
  [train("--weight-decay", "0.1", "--optimizer-options", '{"weightDecay":0}'), /--weight-decay and weightDecay in/],
  [train("--no-decay-norms", "--optimizer-options", '{"decayNormsAndBiases":true}'), /leave one out/],
  [train("--freeze", "backbone"), /--freeze backbone freezes what --weights loads/],
  [["train", "--resume", "--out", run, "--ignore", "fc"], /--ignore has no effect with --resume/],
  [["train", "--resume", "--out", run, "--part", "model"], /--part has no effect with --resume/],
  [["train", "--resume", "--out", run, "--insert-options", "{}"], /--insert-options has no effect with --resume/],
  [["eval", run, divided, "--val-split", "0.3"], /--val-split has no effect: the folders of/],
  [["eval", run, flat, "--split", "all", "--val-split", "0.3"], /--val-split has no effect on --split all/],
  [["eval", run, flat, "--split", "test", "--val-split", "0.3"], /--val-split has no effect on --split test/],
  [["eval", run, flat, "--rerank"], /--rerank is for --task reid; resnet20 is for classification/],
  ...["--gallery", "--ranked-list"].map(
    (flag) =>
      [
        ["predict", run, at("flat/dark/0.png"), flag, flat],
        new RegExp(`${flag} is for --task reid; resnet20 is`),
      ] as const,
  ),
  [["eval", run, flat, "--classes", "2"], /--classes is for a network by name/],
  [["eval", run, flat, "--part", "model"], /--part is for --weights FILE/],
  [["eval", run, flat, "--weights", "last", "--ignore", "x"], /--ignore is for --weights FILE/],
  [named("eval", flat, "--ignore", "x"), /--ignore x: all keys of .* fit/],
  ...["masks", "method"].map((flag) => [["eval", run, flat, `--${flag}`, "x"], /is for --localization$/] as const),
  [["eval", run, flat, "--layer", "layer3"], /--layer is for --localization and --faithful/],
  [["eval", run, flat, "--images", "3"], /--images is for --localization and --faithful/],
  [named("predict", at("flat/dark/0.png"), "--json", "--format", "csv"), /--json is --format json/],
  [["predict", run, at("flat/dark/0.png"), "--shortcut", "identity"], /--shortcut is for a network by name/],
  [named("export", ...out, "--measure", flat, "--labels", "x.csv"), /--labels is for --task multi-label or regression/],
  [named("export", ...out, "--val-split", "0.3"), /--val-split needs --measure/],
  [named("export", ...out, "--measure", divided, "--val-split", "0.3"), /--val-split has no effect/],
  [named("export", ...out, "--attention-maps"), /--attention-maps has no effect: resnet20 has no attention module/],
  ...["--keep-batch-norm", "--features", "--attention-maps"].map(
    (flag) => [named("export", "--out", at("never.safetensors"), flag), /is for onnx and transformers\.js/] as const,
  ),
  [named("export", "--out", at("never.safetensors"), "--opset", "18"), /--opset is for onnx/],
  [named("export", "--out", at("never.safetensors"), "--precision", "int8"), /--precision is for onnx/],
  [named("export", "--out", at("never.safetensors"), "--measure", flat), /--measure is for onnx/],
  [
    ["convert", weights, at("never.safetensors"), "--original-keys"],
    /--original-keys has no effect: no key of .* would be/,
  ],
  [["bench", "--mode", "infer", "--recompute"], /--recompute has no effect with --mode infer/],
  [["bench", "--mode", "infer", "--precision", "fast"], /--precision fast has no effect with --mode infer/],
  [["bench", "--model", "resnet20", "--precision", "fast"], /--precision fast has no effect: .*no 3×3 convolution/],
  [train("--model", "resnet20", "--precision", "fast"), /--precision fast has no effect: .*no 3×3 convolution/],
  [["bench", "--attention-options", "{}"], /--attention-options needs --attention/],
  [["summary", "--model", "resnet20", "--attention-options", "{}"], /--attention-options needs --attention/],
  [["summary", "--model", "mobilenetv2_100", "--stem", "cifar"], /stem/],
  [["summary", "--model", "resnet20", "--batch", "8"], /--batch needs --lowering/],
  [["summary", "--model", "resnet20", "--device", "webgpu"], /--device needs --lowering/],
  [["summary", "--model", "resnet20", "--attention", "none", "--attention-options", '{"reduction":4}'], /"none" takes/],
  [["summary", "--model", "resnet20", "--attention", "none", "--attention-options", "[{},{},{}]"], /"none" takes/],
  [["bench", "--device", "webgpu", "--threads", "2"], /--threads has no effect with --device webgpu/],
  [["bench", "--device", "webgpu", "--precision", "fast"], /--precision fast has no effect with --device webgpu/],
  [["bench", "--device", "webgpu", "--recompute"], /--recompute has no effect with --device webgpu/],
  [["bench", "--software-gpu"], /--software-gpu needs --device webgpu or --device auto/],
  [["bench", "explain", "--software-gpu"], /--software-gpu needs --device/],
  [train("--software-gpu"), /--software-gpu needs --device/],
  [train("--device", "webgpu", "--recompute"), /--recompute has no effect with --device webgpu/],
  [["eval", run, flat, "--software-gpu"], /--software-gpu needs --device/],
  [["eval", "network.onnx", flat, "--device", "auto"], /--device is for networks, not for .onnx files/],
  [["predict", run, at("flat/dark/0.png"), "--software-gpu"], /--software-gpu needs --device/],
  [["explain", run, at("flat/dark/0.png"), "--software-gpu"], /--software-gpu needs --device/],
  [["verify", "test/golden/se-r4.safetensors", "--software-gpu"], /--software-gpu needs --engine webgpu/],
  [["verify", "test/golden/se-r4.safetensors", "--engine", "reference", "--data", flat], /--data has no effect/],
];

for (const [i, [args, says]] of idle.entries())
  test(`a flag that changes nothing is refused: ${args.map((arg) => arg.replace(folder, "")).join(" ")}`, async () => {
    // A run is claimed until the process ends.
    const claimed = at(`claimed-${i}`);
    if (args.includes("--resume")) cpSync(run, claimed, { recursive: true });
    const { code, stdout, stderr } = await fovea(
      args.includes("--resume") ? args.map((arg) => (arg === run ? claimed : arg)) : args,
    );
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr.trim().split("\n").at(-1)!, says);
  });

test("eval says which part of the data it measured, in words and in JSON", async () => {
  for (const [data, flags, says, split, count] of [
    [flat, [], /12|10 \+ 2 images.*; measured: validation$/m, "validation", 2],
    [flat, ["--split", "val"], /measured: validation$/m, "validation", 2],
    [flat, ["--split", "all"], /2 classes; measured: all 12 images \(10 for training, 2 for validation\)$/m, "all", 12],
    [divided, ["--split", "all"], /all 36 images \(12 for training, 12 for validation, 12 for testing\)/, "all", 36],
    [divided, ["--split", "test"], /measured: test$/m, "test", 12],
    [divided, ["--split", "train"], /measured: train$/m, "train", 12],
  ] as const) {
    const { code, stdout, stderr } = await fovea(["eval", run, data, ...flags, "--json"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, says);
    const result = JSON.parse(stdout);
    assert.deepEqual([result.split, result.count], [split, count]);
  }
});

test("the same flags are taken where they change something", { skip: ifLong }, async () => {
  const more = ["--image-size", "16", "--epochs", "1", "--batch", "4", "--no-maps"];
  for (const args of [
    ["train", flat, ...more, "--val-split", "0.3", "--test-split", "0.3", "--out", at("shares")],
    ["eval", run, flat, "--val-split", "0.3"],
    named("export", "--out", at("maps.onnx"), "--measure", flat, "--val-split", "0.3"),
  ]) {
    const { code, stderr } = await fovea(args);
    assert.equal(code, 0, stderr);
  }
});

test("weights of the same network in another form are said to be so, with the flags for it", {
  skip: ifLong,
}, async () => {
  for (const [options, says] of [
    [{ shortcut: "identity" }, /They belong to resnet20 --shortcut identity$/],
    [{ stem: "imagenet" }, /They belong to resnet20 --stem imagenet$/],
    [{ stem: "imagenet", shortcut: "identity" }, /They belong to resnet20 --stem imagenet --shortcut identity$/],
  ] as const) {
    const network = initialize(createModel("resnet20", { numClasses: 2, ...options }));
    const renamed = [...weightsOf(network)].map(([key, value]) => [key.replace(/^fc\./, "linear."), value] as const);
    const file = at("other.safetensors");
    writeFileSync(file, writeSafetensors("stem" in options ? weightsOf(network) : renamed));
    const { code, stderr } = await fovea(train("--epochs", "1", "--weights", file));
    assert.equal(code, 1, stderr);
    assert.match(stderr.trim().split("\n").at(-1)!, says);
    if ("stem" in options) continue;
    const kept = await fovea(["convert", file, at("kept.safetensors"), "--original-keys"]);
    assert.equal(kept.code, 0, kept.stderr);
    const flags = ["--shortcut", "identity", "--epochs", "1", "--batch", "4", "--no-maps", "--weights", file];
    const taken = await fovea(["train", flat, "--image-size", "16", ...flags, "--out", at("identity")]);
    assert.equal(taken.code, 0, taken.stderr);
  }
});

test("images of 16 bits that use 10 or 12 are said to look black, by predict and export --measure too", {
  skip: ifLong,
}, async () => {
  for (const [i, name] of ["dark", "light"].entries()) {
    mkdirSync(at("dim", name), { recursive: true });
    for (let k = 0; k < 6; k++)
      await sharp(new Uint16Array(16 * 16 * 3).fill(500 + 3000 * i + k), {
        raw: { width: 16, height: 16, channels: 3 },
      })
        .toColorspace("rgb16")
        .png()
        .toFile(at("dim", name, `${k}.png`));
  }
  const note = (images: string) => new RegExp(`^${images} with 16-bit samples use at most 12 of the bits`, "m");
  const predicted = await fovea(["predict", run, at("dim")]);
  assert.match(predicted.stderr, note("all 12 images"));
  const one = await fovea(["predict", run, at("dim/light/0.png")]);
  assert.match(one.stderr, note("the only image"));
  const bright = await fovea(["predict", run, at("flat")]);
  assert.doesNotMatch(bright.stderr, /16 bits/);
  const measured = await fovea(named("export", "--out", at("dim.onnx"), "--measure", at("dim")));
  assert.match(measured.stderr, note("all 12 images"));
});

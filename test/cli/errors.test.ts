import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sharedFovea as fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";

const folder = temporaryFolder();
const data = join(folder, "data");
mkdirSync(data);
tinyCifar(data);
const make = (name: string, files: Record<string, string | Uint8Array>): string => {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [file, contents] of Object.entries(files)) {
    mkdirSync(join(path, file, ".."), { recursive: true });
    writeFileSync(join(path, file), contents);
  }
  return path;
};
const record = (label: number) => Uint8Array.from({ length: 3073 }, (_, i) => (i === 0 ? label : 7));
const out = join(folder, "never");

const cases: Record<string, { readonly args: readonly string[]; readonly code: 1 | 2; readonly says: RegExp }> = {
  "an unknown command": { args: ["tarin"], code: 2, says: /unknown command 'tarin'/ },
  "an unknown flag": { args: ["train", data, "--epoch", "3"], code: 2, says: /unknown option '--epoch'.*--epochs/ },
  "an unknown model": {
    args: ["summary", "--model", "resnt18"],
    code: 2,
    says: /Unknown model "resnt18"\. Did you mean "resnet18"\?/,
  },
  "an unknown module": {
    args: ["train", data, "--attention", "cbma", "--out", out],
    code: 2,
    says: /Unknown attention "cbma"\. Did you mean "cbam"\? Available: /,
  },
  "an unknown module option": {
    args: ["summary", "--model", "resnet20", "--attention", "se", "--attention-options", '{"reducton":4}'],
    code: 2,
    says: /Unknown option of se "reducton"\. Did you mean "reduction"\?/,
  },
  "an option of the wrong type": {
    args: ["summary", "--model", "resnet20", "--attention", "se", "--attention-options", '{"reduction":"4"}'],
    code: 2,
    says: /se: reduction must be a number, got "4"/,
  },
  "a reduction that leaves nothing": {
    args: ["summary", "--model", "resnet20", "--attention", "se", "--attention-options", '{"reduction":64}'],
    code: 2,
    says: /SqueezeExcite: reduction 64 leaves no hidden channel of 16/,
  },
  "options of a stage that are no object": {
    args: ["summary", "--model", "resnet20", "--attention", "se", "--attention-options", "[{},4]"],
    code: 2,
    says: /must be a JSON object, or a list with an object or null per stage/,
  },
  "options of too few stages": {
    args: ["summary", "--model", "resnet20", "--attention", "se", "--attention-options", "[{},null]"],
    code: 2,
    says: /attention "se": no options for stage 3, only for 2/,
  },
  "options that are not JSON": {
    args: ["summary", "--model", "resnet20", "--attention", "se", "--attention-options", "{reduction:4}"],
    code: 2,
    says: /must be JSON/,
  },
  "a learning rate that is no number": {
    args: ["train", data, "--lr", "fast"],
    code: 2,
    says: /--lr.*must be a positive number/,
  },
  ...Object.fromEntries(
    [
      ["--epochs", "0", /--epochs.*must be an integer from 1 to 1000000/],
      ["--epochs", "1.5", /--epochs.*must be an integer from 1 to 1000000/],
      ["--epochs", "NaN", /--epochs.*must be/],
      ["--batch", "100000", /--batch.*must be an integer from 1 to 65536/],
      ["--image-size", "100000", /--image-size.*must be an integer from 1 to 8192/],
      ["--threads", "100000", /--threads.*must be an integer from 1 to 1024/],
      ["--seed", "-1", /--seed.*must be an integer ≥ 0/],
      ["--ema", "1", /--ema.*must be between 0 and 1/],
      ["--label-smoothing", "1", /--label-smoothing.*must be at least 0 and below 1/],
      ["--val-split", "0", /--val-split.*must be between 0 and 1/],
      ["--warmup", "-1", /--warmup.*must be a number, not negative/],
      ["--clip", "0", /--clip.*must be a positive number/],
      ["--step-epochs", "30,x", /--step-epochs.*must be/],
    ].map(([flag, value, says]) => [
      `${flag} ${value}`,
      { args: ["train", data, `${flag}=${value}`, "--out", out], code: 2 as const, says: says as RegExp },
    ]),
  ),
  "eval with too large an input": {
    args: ["eval", "run", data, "--image-size", "100000"],
    code: 2,
    says: /--image-size.*must be an integer from 1 to 8192/,
  },
  "bench with too many threads": {
    args: ["bench", "--threads", "100000"],
    code: 2,
    says: /--threads.*must be an integer from 1 to 1024/,
  },
  "summary of too large an image": {
    args: ["summary", "--model", "resnet20", "--input", "3x100000x224"],
    code: 2,
    says: /--input.*must look like 3x224x224, each from 1 to 8192/,
  },
  "data that does not exist": { args: ["train", join(folder, "nowhere"), "--out", out], code: 1, says: /nowhere/ },
  "an empty folder": { args: ["train", make("empty", {}), "--out", out], code: 1, says: /Looked for .*CIFAR-10/ },
  "a class folder without images": {
    args: ["train", make("classes", { "train/a/.keep": "", "train/b/.keep": "", "val/a/.keep": "" }), "--out", out],
    code: 1,
    says: /train: no usable images in class a, b/,
  },
  "a truncated CIFAR file": {
    args: [
      "train",
      make("truncated", { "data_batch_1.bin": record(1).subarray(0, 3000), "test_batch.bin": record(1) }),
      "--out",
      out,
    ],
    code: 1,
    says: /data_batch_1\.bin.*3000.*3073/,
  },
  "a label out of range": {
    args: ["train", make("labels", { "data_batch_1.bin": record(12), "test_batch.bin": record(1) }), "--out", out],
    code: 1,
    says: /data_batch_1\.bin.*12/,
  },
  "weights that are something else": {
    args: [
      "train",
      data,
      "--weights",
      join(make("foreign", { "w.pth": "<html>not found</html>" }), "w.pth"),
      "--out",
      out,
    ],
    code: 1,
    says: /w\.pth: expected safetensors or a PyTorch checkpoint/,
  },
  "weights that do not exist": {
    args: ["train", data, "--weights", join(folder, "none.pth"), "--out", out],
    code: 1,
    says: /none\.pth cannot be read/,
  },
  "a run folder that is none": {
    args: ["predict", data, "x.png"],
    code: 1,
    says: /is not a run folder: it has no config\.json/,
  },
  "a run folder that does not exist": {
    args: ["eval", join(folder, "runs", "x"), data],
    code: 2,
    says: /no such run folder/,
  },
  "an output folder that is not empty": {
    args: ["train", data, "--out", data],
    code: 1,
    says: /is not empty\. Choose another --out/,
  },
  "an output folder that cannot be written": {
    args: ["train", data, "--out", join(data, "test_batch.bin", "run")],
    code: 1,
    says: /cannot (use|create)/,
  },
  "resume without a run": { args: ["train", data, "--resume"], code: 2, says: /--resume needs --out/ },
  "golden files that are none": {
    args: ["verify", join(make("golden", { "a.safetensors": "nonsense" }), "a.safetensors")],
    code: 1,
    says: /^$/,
  },
};

for (const [name, { args, code, says }] of Object.entries(cases))
  test(`${name}: one line, exit code ${code}, nothing written`, async () => {
    const result = await fovea(args);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr.trim(), says);
    assert.ok(result.stderr.trim().split("\n").length <= 1, result.stderr);
    assert.ok(!existsSync(out));
  });

test("every command has help that says what it does", async () => {
  for (const command of ["list", "summary", "train", "eval", "predict", "explain", "export", "verify", "bench"]) {
    const { code, stdout } = await fovea([command, "--help"]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`Usage: fovea ${command}`));
  }
});

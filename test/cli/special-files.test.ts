import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { openImageFolder } from "../../src/data/image-folder.js";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { openCheckpoint, resolveWeights } from "../../src/index.js";
import { float32 } from "../../src/nn.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const skip = process.platform === "win32" && "no such files there";

const folder = temporaryFolder();
/** Makers of what is no regular file, and would be waited for or written through. */
const all: Readonly<Record<string, (path: string) => unknown>> = {
  "a pipe": (path) => execFileSync("mkfifo", [path]),
  "a socket": async (path) => {
    const server = createServer();
    after(() => server.close());
    await new Promise<void>((resolve) => server.listen(path, resolve));
  },
  "a device": (path) => symlinkSync("/dev/zero", path),
  "a folder": (path) => mkdirSync(path),
};
const special = skip ? {} : all;

const data = join(folder, "data");
const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
  .png()
  .toBuffer();
for (const name of ["a", "b"]) {
  mkdirSync(join(data, name), { recursive: true });
  for (const i of [0, 1, 2, 3]) writeFileSync(join(data, name, `${i}.png`), png);
}
for (const [i, make] of Object.values(special).entries()) await make(join(data, "a", `s${i}.jpg`));
const run = join(folder, "run");
const training = [
  "--model",
  "mobilenetv1_025",
  "--image-size",
  "32",
  "--batch",
  "2",
  "--epochs",
  "1",
  "--threads",
  "1",
  "--no-maps",
];
const trained = await fovea(["train", data, ...training, "--out", run]);

/** One line on standard error, and no more than half a minute. */
async function refused(args: readonly string[], message: RegExp): Promise<void> {
  const start = performance.now();
  const late = sleep(60_000, undefined, { ref: false }).then(() => assert.fail(`${args.join(" ")}: nothing came`));
  const { code, stderr } = await Promise.race([fovea(args), late]);
  assert.ok(code === 1 || code === 2, `${args.join(" ")}: ${code}, ${stderr}`);
  assert.match(stderr, message);
  assert.ok(performance.now() - start < 60_000);
}

test("pipes, sockets, devices and folders among the images are skipped by name", { skip }, async () => {
  assert.equal(trained.code, 0, trained.stderr);
  const { train, validation } = await openImageFolder(data);
  assert.equal(train.length + validation.length, 8);
  assert.deepEqual(
    train.skipped.map(({ file, reason }) => [file.slice(-6), reason]),
    [0, 1, 2].map((i) => [`s${i}.jpg`, "cannot be decoded (not a regular file)"]),
  );
});

for (const [i, [what, make]] of Object.entries(special).entries()) {
  const path = join(folder, `special-${i}`);
  test(`${what} is refused as weights, names of classes, checkpoint, golden file and output, and not written over`, {
    skip: i > 0 && ifLong,
  }, async () => {
    await make(path);
    const before = lstatSync(path);
    const usual = /not a regular file|is a folder|has no weights|cannot be read/;
    await refused(["eval", "mobilenetv1_025", data, "--weights", path], usual);
    await refused(["inspect", path], usual);
    await refused(["predict", run, join(data, "a", "0.png"), "--class-names", path], usual);
    await refused(["predict", run, join(data, "a", "0.png"), "--out", path], usual);
    await refused(["export", run, "--format", "onnx", "--out", path], usual);
    await refused(["train", data, ...training, "--out", path], /cannot use|not empty/).catch((error) => {
      if (what !== "a folder") throw error; // an empty one will do
    });
    if (what !== "a folder") {
      await refused(["predict", run, path], /not a regular file/);
      const golden = await fovea(["verify", path, "--engine", "reference", "--json"]);
      assert.match(golden.stdout, /not a regular file/);
      await assert.rejects(resolveWeights(`${path}#sha256=${"0".repeat(64)}`), /cannot be read/);
      const { ino, mode } = lstatSync(path);
      assert.deepEqual({ ino, mode }, { ino: before.ino, mode: before.mode });
    }
  });

  test(`${what} in a run folder is not waited for, nor written through`, { skip: i > 0 && ifLong }, async () => {
    for (const file of [
      "config.json",
      "metrics.jsonl",
      "results.csv",
      "best.safetensors",
      "last.safetensors",
      "report.html",
    ]) {
      const copy = join(folder, "copy");
      cpSync(run, copy, { recursive: true });
      rmSync(join(copy, file));
      await make(join(copy, file));
      const message = new RegExp(`${file.replace(".", "\\.")}.*(not a regular file|a folder)`);
      await refused(["train", "--resume", "--out", copy, "--epochs", "2"], message);
      if (file === "best.safetensors") await refused(["predict", copy, join(data, "a", "0.png")], message);
      rmSync(copy, { recursive: true });
    }
  });

  test(`${what} beside the index of a checkpoint in several files is refused`, async () => {
    const home = join(folder, `shards-${i}`);
    mkdirSync(home);
    writeFileSync(
      join(home, "x.index.json"),
      JSON.stringify({ weight_map: { w: "one.safetensors", v: "two.safetensors" } }),
    );
    writeFileSync(join(home, "one.safetensors"), writeSafetensors([["w", float32([1], [0])]]));
    await make(join(home, "two.safetensors"));
    await assert.rejects(openCheckpoint(join(home, "x.index.json")), /two\.safetensors.*(not a regular file|a folder)/);
  });
}

test("binary data sets of which a file is a pipe are refused", { skip }, async () => {
  const cifar = join(folder, "cifar");
  mkdirSync(cifar);
  writeFileSync(join(cifar, "test_batch.bin"), new Uint8Array(3073));
  await all["a pipe"]!(join(cifar, "data_batch_1.bin"));
  await refused(["train", cifar, ...training], /data_batch_1\.bin.*not a regular file/);
  const idx = join(folder, "idx");
  mkdirSync(idx);
  await all["a pipe"]!(join(idx, "train-images-idx3-ubyte"));
  writeFileSync(join(idx, "train-labels-idx1-ubyte"), "");
  await refused(["train", idx, ...training], /train-images-idx3-ubyte.*not a regular file/);
});

test("an output over a link replaces the link, not what it leads to", { skip }, async () => {
  const kept = join(folder, "kept.csv");
  const link = join(folder, "link.csv");
  writeFileSync(kept, "kept");
  symlinkSync(kept, link);
  const { code, stderr } = await fovea(["predict", run, join(data, "a", "0.png"), "--format", "csv", "--out", link]);
  assert.equal(code, 0, stderr);
  assert.equal(readFileSync(kept, "utf8"), "kept");
  assert.match(readFileSync(link, "utf8"), /^image,/);
});

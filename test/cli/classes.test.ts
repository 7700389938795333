import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { Rng } from "../../src/core/rng.js";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";
import { decodeImage, loadRun, openCheckpoint, ortEngine, predict } from "../../src/index.js";
import { sharedFovea as fovea, temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";

const folder = temporaryFolder();
const colors: Readonly<Record<string, number>> = { apple: 0, lime: 1, plum: 2 };

/** A folder of classes, named as the colors of their images are, or otherwise. */
async function fruit(
  name: string,
  classes: Readonly<Record<string, keyof typeof colors>>,
  count = 12,
): Promise<string> {
  const path = join(folder, name);
  for (const [label, color] of Object.entries(classes)) {
    mkdirSync(join(path, label), { recursive: true });
    for (let i = 0; i < count; i++) {
      const rng = new Rng(i, name, color as string);
      const pixels = Uint8Array.from(
        { length: 768 },
        (_, k) => rng.uniform(0, 60) + (k % 3 === colors[color] ? 190 : 0),
      );
      await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } }).toFile(join(path, label, `${i}.png`));
    }
  }
  return path;
}

const data = await fruit("data", { apple: "apple", lime: "lime", plum: "plum" });
const run = join(folder, "run");
const training = ["--model", "resnet20", "--epochs", "10", "--batch", "8", "--lr", "0.05", "--no-augment", "--no-maps"];
const trained = await fovea(["train", data, ...training, "--out", run]);
const other = await fruit("other", { banana: "apple", lime: "lime", plum: "plum" });
const two = await fruit("two", { lime: "lime", plum: "plum" });

interface Figures {
  readonly top1: number;
  readonly count: number;
  readonly unknown: readonly string[];
  readonly missing: readonly string[];
  readonly leftOut: number;
}
const evaluated = async (path: string, ...more: string[]) => {
  const outcome = await fovea(["eval", run, path, "--json", ...more]);
  return { ...outcome, figures: outcome.code === 0 ? (JSON.parse(outcome.stdout) as Figures) : undefined };
};

test("eval matches classes by name: others are left out and said, missing ones are said", async () => {
  assert.equal(trained.code, 0, trained.stderr);
  const same = (await evaluated(data)).figures!;
  assert.ok(same.top1 > 0.9, `top-1 ${same.top1}`);
  const other = await evaluated(
    await fruit("other", { banana: "apple", lime: "lime", plum: "plum" }),
    "--split",
    "all",
  );
  assert.deepEqual(
    [other.figures!.unknown, other.figures!.missing, other.figures!.leftOut, other.figures!.count],
    [["banana"], ["apple"], 12, 24],
  );
  assert.ok(other.figures!.top1 > 0.9, `top-1 ${other.figures!.top1}`);
  assert.match(other.stderr, /left out 12 images of classes that the model does not know: banana/);
  const fewer = (await evaluated(two, "--split", "all")).figures!;
  assert.ok(fewer.top1 > 0.9, `top-1 ${fewer.top1}`);
});

test("eval refuses data of which it knows no class, and measures all of a flat folder where asked", async () => {
  const none = await evaluated(await fruit("none", { fig: "lime", kiwi: "plum" }));
  assert.equal(none.code, 1);
  assert.match(none.stderr, /the model knows none of the classes/);
  assert.equal((await evaluated(data, "--split", "all")).figures!.count, 36);
  const missing = await evaluated(data, "--split", "test");
  assert.match(missing.stderr, /--split test: the data has no test part\. .* use --split validation/);
  assert.match((await evaluated(data, "--split", "vall")).stderr, /Did you mean "val"/);
});

test("export --measure matches classes by name", async () => {
  const out = join(folder, "model.onnx");
  const outcome = await fovea(["export", run, "--out", out, "--measure", join(folder, "two"), "--json"]);
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.match(outcome.stderr, /classes of the model that the data lacks: apple/);
});

test("a run is not resumed on other classes", { skip: ifLong }, async () => {
  const moved = join(folder, "moved");
  cpSync(data, moved, { recursive: true });
  const begun = join(folder, "begun");
  assert.equal((await fovea(["train", moved, ...training, "--epochs", "1", "--out", begun])).code, 0);
  renameSync(join(moved, "lime"), join(moved, "zest"));
  const { code, stderr } = await fovea(["train", "--resume", "--out", begun]);
  assert.equal(code, 2);
  assert.match(stderr, /--resume: the data's classes are not those of the run in .* \(new: zest; gone: lime\)/);
});

const best = join(run, "best.safetensors");
const { tensors, metadata } = readSafetensors(readFileSync(best));
assert.deepEqual(JSON.parse(metadata.classes!), ["apple", "lime", "plum"]);
/** The same weights, but the first row is that of plums, and the last that of apples. */
const turned = join(folder, "turned.safetensors");
writeFileSync(turned, writeSafetensors(tensors, { ...metadata, classes: '["plum","lime","apple"]' }));

test("weights of a run on other data: the classifier's rows go by name, or it starts fresh", {
  skip: ifLong,
}, async () => {
  const start = (path: string, weights: string) => {
    const flags = ["--model", "resnet20", "--epochs", "1", "--batch", "8", "--lr", "1e-9", "--no-augment"];
    return fovea([
      "train",
      path,
      ...flags,
      "--weights",
      weights,
      "--out",
      join(folder, `from-${basename(weights)}-${basename(path)}`),
    ]);
  };
  assert.match((await start(other, best)).stderr, /the classifier fc starts fresh, for 3 classes/);
  const { stderr } = await start(await fruit("exchanged", { plum: "apple", lime: "lime", apple: "plum" }), turned);
  assert.doesNotMatch(stderr, /starts fresh/);
  assert.match(stderr, /validation loss \S+ top-1 100\.0 %/);
  // eval goes by the names in the file, not by those of the run beside it: apples are taken for plums.
  const { figures } = await evaluated(data, "--weights", turned, "--split", "all");
  assert.ok(Math.abs(figures!.top1 - 1 / 3) < 0.1, `top-1 ${figures!.top1}`);
});

test("loadRun gives the network of a run with its names, ready to predict", async () => {
  const network = await loadRun(run);
  assert.deepEqual([network.classes, network.config.model.name], [["apple", "lime", "plum"], "resnet20"]);
  const engine = ortEngine();
  const images = await Promise.all(["lime/3.png", "apple/5.png"].map((name) => decodeImage(join(data, name))));
  const answers = await predict(network, images, { engine, top: 1 });
  assert.deepEqual(
    answers.map(([best]) => best!.name),
    ["lime", "apple"],
  );
  const other = await loadRun(run, { weights: await openCheckpoint(turned) });
  assert.deepEqual(other.classes, ["plum", "lime", "apple"]);
  await assert.rejects(loadRun(data), /is not a run folder/);
  await engine.release();
});

test("a network by name goes by the class names in its file, too, and says where there are none", async () => {
  const best = join(run, "best.safetensors");
  const evaluate = (weights: string) =>
    fovea(["eval", "resnet20", other, "--weights", weights, "--split", "all", "--image-size", "16", "--json"]);
  const named = await evaluate(best);
  assert.equal(named.code, 0, named.stderr);
  assert.deepEqual((JSON.parse(named.stdout) as Figures).unknown, ["banana"]);
  const nameless = join(folder, "nameless.safetensors");
  const { tensors, metadata } = readSafetensors(readFileSync(best));
  const { classes: _, ...rest } = metadata;
  writeFileSync(nameless, writeSafetensors(tensors, rest));
  const unnamed = await evaluate(nameless);
  assert.match(unnamed.stderr, /the weights do not name their classes: using the data's classes in alphabetical order/);
  assert.equal((JSON.parse(unnamed.stdout) as Figures).count, 36);
});

test("train says by how much the classes differ where a classifier starts fresh, and when they go by position", {
  skip: ifLong,
}, async () => {
  const flags = ["--model", "resnet20", "--epochs", "1", "--batch", "8", "--lr", "1e-9", "--no-augment"];
  const start = async (path: string, weights: string, name: string) =>
    (await fovea(["train", path, ...flags, "--weights", join(folder, weights), "--out", join(folder, name)])).stderr;
  assert.match(
    await start(other, "run/best.safetensors", "anew"),
    /the classifier fc starts fresh, for 3 classes: they differ, new: banana; gone: apple/,
  );
  const rows = (file: string) => readSafetensors(readFileSync(join(folder, file))).tensors.get("fc.weight")!.data;
  const [before, after] = [rows("run/best.safetensors"), rows("anew/last.safetensors")];
  assert.ok(
    before.every((v, i) => Math.abs(Number(v) - Number(after[i])) > 1e-6),
    "no row of other classes is taken",
  );
  assert.match(
    await start(other, "nameless.safetensors", "position"),
    /its classes by position, as the weights do not name them/,
  );
});
